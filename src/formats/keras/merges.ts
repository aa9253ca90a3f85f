/** Keras's layers that make one value of several, as ours. */
import { cell } from "../../graph/cell.ts";
import { type MergeMode, mergeModes, recurrent } from "../../nn/layers.ts";
import type { Config, KerasLayer } from "./config.ts";
import { snakeCase } from "./folders.ts";
import { endedTogether, lostOf, maskNow, unmasked } from "./masks.ts";
import { isLast } from "./stepwise-layers.ts";
import { joinTimes, nameOfCall, refuse, stepsOf, type Translation, type Value } from "./translation.ts";

/** A merging layer of ours, or equations over the names of what is merged. */
export type Merge =
  | { readonly mode: MergeMode }
  | {
      readonly equations: (names: readonly string[], config: Config) => string;
      /** How many it merges, where it cannot be any number. */
      readonly exactly?: 2;
      /** Whether it is of vectors alone, and hands no mask on. */
      readonly vectors?: true;
    };

const nested =
  (name: string) =>
  (names: readonly string[]): string =>
    `y = ${names.reduce((all, one) => `${name}(${all}, ${one})`)}`;
/** Layers, by class. */
const layers: ReadonlyMap<string, Merge> = new Map<string, Merge>([
  ["Concatenate", { mode: "concat" }],
  ["Add", { mode: "sum" }],
  ["Multiply", { mode: "mul" }],
  ["Average", { mode: "ave" }],
  ["Subtract", { equations: ([a, b]) => `y = ${a} - ${b}`, exactly: 2 }],
  ["Maximum", { equations: nested("max") }],
  ["Minimum", { equations: nested("min") }],
  [
    "Dot",
    {
      equations: ([a, b], { normalize }) => product(a as string, b as string, normalize === true),
      exactly: 2,
      vectors: true,
    },
  ],
]);
/** The product of two vectors, or the cosine of their angle. */
const product = (a: string, b: string, normalize: boolean): string =>
  [
    ...(normalize ? [a, b].map((one, k) => `n_${k + 1} = sqrt(max(sum(${one} * ${one}), 1e-12))`) : []),
    `y = sum(${a} * ${b})${normalize ? " / (n_1 * n_2)" : ""}`,
  ].join("\n");

/** How a layer merges; undefined where it does not. */
export function mergeOf({ className, config }: Pick<KerasLayer, "className" | "config">): Merge | undefined {
  if (className !== "Merge") return layers.get(className);
  const mode = mergeModes.find((one) => one === config.mode);
  return mode === undefined ? undefined : { mode };
}

/** What a layer, or an operation, makes of several values. */
export function addMerge(
  translation: Translation,
  layer: KerasLayer,
  merge: Merge,
  given: readonly Value[],
  index: number,
): Value {
  const { config, className } = layer;
  const name = layer.operation ? translation.free(layer.name) : nameOfCall(translation, layer, index);
  const [first] = given as [Value];
  if (given.length < 2) return refuse(layer, "it merges fewer than two values");
  if (given.some(({ tokens }) => tokens)) return refuse(layer, "it merges tokens");
  checkAlike(layer, given);
  const masks = masksOn(translation, layer, given);
  if ("mode" in merge) {
    if (merge.mode === "concat" && !isLast(config.axis ?? config.concat_axis, first)) {
      return refuse(layer, "its axis is not that of the features");
    }
    return joined(translation, name, merge.mode, given, masks);
  }
  const { equations, exactly, vectors } = merge;
  if (exactly !== undefined && given.length !== exactly) return refuse(layer, `it merges ${given.length} values`);
  if (vectors && (first.sequence || !isLast(config.axes, first))) {
    return refuse(layer, "it multiplies all steps with all others; ours multiplies one vector with another");
  }
  const source = equations(namesOf(given), config);
  return combined(translation, name, { source, label: snakeCase(className), masks }, given);
}

/** Layers that compute something else at a masked step of one of their inputs, since Keras 3. */
const heedMasks = ["Multiply", "Maximum", "Minimum"];
/**
 * Whether the mask of what a layer merges is handed on. Where only some of it is masked, all steps count behind it, but behind a Concatenate
 * of Keras 2.
 */
function masksOn({ dialect }: Translation, layer: KerasLayer, given: readonly Value[]): boolean {
  const masks = given.map(maskNow);
  const { className } = layer;
  if (dialect.major >= 3 && heedMasks.includes(className) && masks.some((one) => one !== undefined)) {
    return refuse(layer, "it merges what is masked, and computes something else at masked steps. Mask nothing of it");
  }
  if (new Set(masks).size === 1) return true;
  const some = masks.includes(undefined);
  if (dialect.major < 3) return !some || className === "Concatenate" || className === "Merge";
  if (!some) {
    return refuse(
      layer,
      "a step counts behind it where it does in one of several masks; ours count where it does in all. Give all inputs the same padding, or one mask",
    );
  }
  return false;
}
/** @throws ConfigError where sequences meet vectors, or sequences of other steps */
export function checkAlike(layer: KerasLayer, [first, ...more]: readonly Value[]): void {
  if (more.some(({ sequence }) => sequence !== first?.sequence)) {
    refuse(layer, "it merges sequences with what is one vector for all steps");
  }
  if (more.some(({ late }) => late !== first?.late)) refuse(layer, "it merges sequences of which one begins later");
}
/** The names of what a cell reads. */
export const namesOf = (given: readonly unknown[]): string[] => given.map((_, k) => (k === 0 ? "x" : `x_${k + 1}`));

/** A cell that reads several values, under `namesOf` them. */
export function combined(
  translation: Translation,
  name: string,
  { source, label, masks = true }: { readonly source: string; readonly label: string; readonly masks?: boolean },
  given: readonly Value[],
): Value {
  const names = namesOf(given);
  const flows = given.map((value) => (masks ? value.flow() : unmasked(translation, value)));
  const [reads] = flows as [string];
  const more = Object.fromEntries(names.slice(1).map((one, k) => [one, flows[k + 1] as string]));
  translation.emit(
    recurrent(cell(source, { inputs: names }), { label, reads, ...(names.length > 1 && { inputs: more }) }),
    name,
  );
  return {
    ...{ flow: () => name, sequence: (given[0] as Value).sequence, mask: masks ? maskOfAll(given) : undefined },
    ...{
      ...stepsOf(given[0] as Value),
      zeroed: given.find(({ zeroed }) => zeroed !== undefined)?.zeroed,
      time: joinTimes(translation, given),
      ended: masks ? endedTogether(given) : lostOf(given),
    },
  };
}
const maskOfAll = (given: readonly Value[]): string | undefined => {
  const masks = [...new Set(given.flatMap(({ mask }) => (mask === undefined ? [] : [mask])))];
  return masks.length === 0 ? undefined : masks.sort().join(" and ");
};

/** What joins values by a layer of ours. */
function joined(
  translation: Translation,
  name: string,
  mergeMode: MergeMode,
  given: readonly Value[],
  masks: boolean,
): Value {
  let made = false;
  const flow = (): string => {
    const flows = () => given.map((value) => (masks ? value.flow() : unmasked(translation, value)));
    if (!made) translation.emit({ kind: "merge", of: flows(), mergeMode }, name);
    made = true;
    return name;
  };
  // Joined states are needed as a layer only where another layer than a decoder reads them.
  if (!given.every(({ state }) => state !== undefined)) flow();
  return {
    ...{ flow, sequence: (given[0] as Value).sequence, mask: masks ? maskOfAll(given) : undefined },
    ...{
      ...stepsOf(given[0] as Value),
      zeroed: given.find(({ zeroed }) => zeroed !== undefined)?.zeroed,
      time: joinTimes(translation, given),
      ...(mergeMode === "concat" && { parts: given }),
    },
    ended: masks ? endedTogether(given) : lostOf(given),
  };
}
