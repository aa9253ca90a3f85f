/**
 * The space that a sweep searches: for each of some settings of a training a list of values, or a range of numbers. Reads it from what
 * JSON gives, checks it, and turns points of the unit cube into settings. Knows no sampler.
 */
import { InputError } from "../graph/input-error.ts";
import { findMeant, formatValue, isPlain } from "../graph/schema.ts";
import { didYouMean } from "../graph/vocabulary.ts";
import { type SettingName, type SettingRule, settingRules } from "../tasks/text-training.ts";

/** A range of numbers, evenly on its scale; with `points`, that many values of it. */
export type SweepRange = {
  readonly from: number;
  readonly to: number;
  /** By default "linear". */
  readonly scale?: "linear" | "log";
  /** By default all numbers of the range; whole ones for a setting that is a whole number. */
  readonly points?: number;
};

/** What a sweep searches: by the name of a setting, its values or their range. */
export type SweepSpace = { readonly [name: string]: readonly (string | number)[] | SweepRange };

/** The value of a searched setting. */
export type Value = string | number;

/** One searched setting, checked. */
export type Axis =
  | { readonly name: SettingName; readonly kind: "list"; readonly values: readonly Value[] }
  | {
      readonly name: SettingName;
      readonly kind: "range";
      readonly from: number;
      readonly to: number;
      readonly log: boolean;
      readonly whole: boolean;
    };

/** The settings that a sweep may search, with their names in other libraries. */
const searchable: Readonly<Partial<Record<SettingName, readonly string[]>>> = {
  cell: ["model", "rnnType"],
  units: ["hiddenSize", "hiddenUnits", "rnnSize"],
  layers: ["numLayers", "nLayers"],
  embedding: ["embeddingDim", "embeddingSize"],
  dropout: ["dropoutRate"],
  batch: ["batchSize"],
  steps: ["sequenceLength", "seqLen", "bptt"],
  epochs: ["numEpochs", "maxEpochs"],
  optimizer: ["optim", "optimiser"],
  rate: ["learningRate", "lr"],
  clip: ["clipNorm", "gradClip", "maxNorm"],
  precision: [],
  seed: ["randomState"],
};

/** Why other settings of a training are not searched. */
const refused: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["tokens", "vocabulary", "validation", "validation-tokens"].map((name) => [
      name,
      "decides what the loss is measured on, so trials with other values do not compare. Fix it for all trials.",
    ]),
  ),
  minutes: "makes a trial depend on the speed of its machine. Give its length in epochs or updates.",
  keep: "decides which model of a trial is kept. Fix it for all trials.",
  updates: "is the length of every trial. Fix it for all trials, or search epochs.",
};

/** The most values of one list and the most digits of a number of a range: those that a command repeats. */
const maxValues = 1000;
const digits = 4;

/**
 * Check a space.
 * @param where begins each message: the file, or the option
 * @throws InputError with one line for what is wrong first
 */
export function readSpace(given: unknown, where: string): readonly Axis[] {
  if (!isPlain(given)) {
    throw new InputError(
      `${where}: must be an object with a list or a range for each setting, as {"units": [64, 128]}, got ${formatValue(given)}.`,
    );
  }
  const names = Object.keys(given);
  if (names.length === 0)
    throw new InputError(`${where}: is empty. Name at least one setting to search, as {"units": [64, 128]}.`);
  return names.map((name) => readAxis(name, given[name], where));
}

function readAxis(name: string, given: unknown, where: string): Axis {
  if (!Object.hasOwn(searchable, name)) throw unknownSetting(name, where);
  const known = name as SettingName;
  const at = `${where}: ${name}`;
  if (Array.isArray(given)) return { name: known, kind: "list", values: readList(known, given, at) };
  if (isPlain(given)) return readRange(known, given, at);
  throw new InputError(
    `${at}: must be a list of values or a range, as [1, 2] or {"from": 1, "to": 4}, got ${formatValue(given)}.`,
  );
}

function unknownSetting(name: string, where: string): InputError {
  const why = Object.hasOwn(refused, name) ? refused[name] : undefined;
  if (why !== undefined) return new InputError(`${where}: ${name} ${why}`);
  const aliases = Object.entries(searchable).map(([one, others]) => [one, { aliases: others }]);
  const meant = findMeant(name, Object.fromEntries(aliases));
  const hint = meant === undefined ? didYouMean(name, Object.keys(searchable)) : ` Did you mean ${meant}?`;
  return new InputError(
    `${where}: ${JSON.stringify(name)} is no setting of a training that can be searched.` +
      (hint || ` Those are ${Object.keys(searchable).join(", ")}.`),
  );
}

function readList(name: SettingName, given: readonly unknown[], at: string): readonly Value[] {
  if (given.length === 0) throw new InputError(`${at}: the list is empty. Give at least one value.`);
  if (given.length > maxValues)
    throw new InputError(`${at}: the list has ${given.length} values, and the limit is ${maxValues}. Give a range.`);
  // By `Array.from`: `forEach` would skip holes.
  Array.from(given).forEach((value, k) => {
    const problem = problemWith(name, value);
    if (problem !== undefined) throw new InputError(`${at}[${k}]: ${problem}`);
    if (given.indexOf(value) < k)
      throw new InputError(`${at}: ${formatValue(value)} stands there twice. Give it once.`);
  });
  return given as readonly Value[];
}

/** What is wrong with a value of a setting; undefined for a right one. */
function problemWith(name: SettingName, value: unknown): string | undefined {
  const { number, choices }: SettingRule = settingRules[name];
  if (choices !== undefined) {
    if (choices.includes(value as string)) return undefined;
    const hint = typeof value === "string" ? didYouMean(value, choices) : "";
    return `must be one of ${choices.join(", ")}, got ${formatValue(value)}.${hint}`;
  }
  if (number === undefined) {
    if (typeof value === "string" && value !== "") return undefined;
    return `must be the name of a cell, got ${formatValue(value)}.`;
  }
  const { whole, min = -Infinity, max = Infinity, above = -Infinity } = number;
  const right =
    typeof value === "number" &&
    Number.isFinite(value) &&
    (!whole || Number.isSafeInteger(value)) &&
    value >= min &&
    value <= max &&
    value > above;
  return right ? undefined : `must be ${wanted(number)}, got ${formatValue(value)}.`;
}

function wanted({ whole, min, max, above }: NonNullable<SettingRule["number"]>): string {
  const kind = whole ? "a whole number" : "a number";
  const limit = max === undefined || max === 2 ** 31 - 1 ? "" : ` to ${max.toLocaleString("en-US")}`;
  if (above !== undefined) return `${kind} above ${above}`;
  return limit === "" ? `${kind} of at least ${min}` : `${kind} from ${min}${limit}`;
}

const rangeFields = { from: { aliases: ["min", "low", "start"] }, to: { aliases: ["max", "high", "end"] } };
const allFields = {
  ...rangeFields,
  scale: { aliases: ["distribution"] },
  points: { aliases: ["count", "num", "steps"] },
};

function readRange(name: SettingName, given: Readonly<Record<string, unknown>>, at: string): Axis {
  const rule: SettingRule = settingRules[name];
  if (rule.number === undefined)
    throw new InputError(`${at}: has words as values, so it has no range. Give a list of them.`);
  for (const field of Object.keys(given)) {
    if (Object.hasOwn(allFields, field)) continue;
    const meant = findMeant(field, allFields);
    const hint = meant === undefined ? didYouMean(field, Object.keys(allFields)) : ` Did you mean ${meant}?`;
    throw new InputError(
      `${at}: ${JSON.stringify(field)} is no part of a range.${hint || ` Its parts are ${Object.keys(allFields).join(", ")}.`}`,
    );
  }
  const limits = (["from", "to"] as const).map((field) => {
    if (given[field] === undefined) throw new InputError(`${at}: the range has no "${field}". Give a number.`);
    const problem = problemWith(name, given[field]);
    // A logarithm of 0 is told as such, below.
    if (problem !== undefined && !(given.scale === "log" && given[field] === 0))
      throw new InputError(`${at}.${field}: ${problem}`);
    return given[field] as number;
  });
  const [from, to] = limits as [number, number];
  const { scale = "linear", points } = given;
  if (scale !== "linear" && scale !== "log") {
    throw new InputError(`${at}.scale: must be "linear" or "log", got ${formatValue(scale)}.`);
  }
  const log = scale === "log";
  if (log && from <= 0) {
    throw new InputError(`${at}.from: ${from} has no logarithm. Give a number above 0, or leave out "scale".`);
  }
  if (from > to)
    throw new InputError(`${at}: from ${from} to ${to} is no range, as ${from} is above ${to}. Swap them.`);
  if (from === to) throw new InputError(`${at}: from ${from} to ${to} is one value. Give it as a list: [${from}].`);
  const whole = rule.number.whole === true;
  const range = { name, kind: "range", from, to, log, whole } as const;
  if (points === undefined) return range;
  if (!Number.isSafeInteger(points) || (points as number) < 2 || (points as number) > maxValues) {
    throw new InputError(`${at}.points: must be a whole number from 2 to ${maxValues}, got ${formatValue(points)}.`);
  }
  return { name, kind: "list", values: pointsOf(range, points as number) };
}

/** So many values of a range from its first to its last, evenly on its scale; fewer where whole numbers are equal. */
function pointsOf(range: Extract<Axis, { kind: "range" }>, count: number): readonly number[] {
  const { from, to, log, whole } = range;
  const values = Array.from({ length: count }, (_, k) => {
    const share = k / (count - 1);
    const value = log ? from * (to / from) ** share : from + share * (to - from);
    return whole ? Math.round(value) : rounded(value, range);
  });
  return [...new Set(values)];
}

/** To the digits that a command repeats, within the range. */
function rounded(value: number, { from, to }: { readonly from: number; readonly to: number }): number {
  return Math.min(to, Math.max(from, Number(value.toPrecision(digits))));
}

/** The value of an axis at a place of [0, 1). */
export function valueAt(axis: Axis, place: number): Value {
  if (axis.kind === "list") {
    const { values } = axis;
    return values[Math.min(values.length - 1, Math.floor(place * values.length))] as Value;
  }
  const { from, to, log, whole } = axis;
  // Each whole number has the room up to the next.
  const end = whole ? to + 1 : to;
  const value = log ? from * (end / from) ** place : from + place * (end - from);
  return whole ? Math.min(to, Math.max(from, Math.floor(value))) : rounded(value, axis);
}

/** The number of different points of a space; Infinity if a range has numbers that are not whole. */
export const countPoints = (space: readonly Axis[]): number =>
  space.reduce((count, axis) => count * (valuesOf(axis)?.length ?? sizeOf(axis)), 1);

const sizeOf = (axis: Axis): number =>
  axis.kind === "range" && axis.whole ? axis.to - axis.from + 1 : Number.POSITIVE_INFINITY;

/** All values of an axis, in order; undefined if they are too many or not whole. */
export function valuesOf(axis: Axis): readonly Value[] | undefined {
  if (axis.kind === "list") return axis.values;
  if (!axis.whole || axis.to - axis.from >= maxValues) return undefined;
  return Array.from({ length: axis.to - axis.from + 1 }, (_, k) => axis.from + k);
}
