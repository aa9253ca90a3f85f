/**
 * Scaling of a series, fitted on its training part and undone on forecasts: standard, minMax, robust, logarithms,
 * differences, and several of them after each other. What is fitted is plain data, which a model's file can hold. Knows
 * one column at a time, and nothing of dates.
 */
import { InputError } from "../graph/input-error.ts";
import { formatValue, isList, isPlain, type Rule } from "../graph/schema.ts";

/**
 * One step of a scaling. standard: mean 0 and standard deviation 1. minMax: from 0 to 1. robust: median 0 and a range of
 * 1 between the quartiles. log, log1p: natural logarithms of x and of 1 + x. difference: x[t] - x[t - lag], lag 1 for a
 * trend, the season's length for a season. seasonal: x less what is usual at its place in a season of that length, by classical
 * decomposition (after log it is a factor).
 */
export type ScalingKind =
  | "standard"
  | "minMax"
  | "robust"
  | "log"
  | "log1p"
  | "none"
  | { readonly difference: number }
  | { readonly seasonal: number };

/** One fitted step: y = (x - offset) / scale, a logarithm, or a difference. */
type FittedStep =
  | { readonly kind: "affine"; readonly offset: number; readonly scale: number; readonly constant?: true }
  | { readonly kind: "log" }
  | { readonly kind: "log1p" }
  | { readonly kind: "difference"; readonly lag: number }
  /** What is usual at step t of the series is `indices[t mod season]`. */
  | { readonly kind: "seasonal"; readonly indices: readonly number[] };

/**
 * A fitted scaling, plain data. `constant` where all training values that a step saw were equal (of robust: more than
 * half), so that its scale is 1.
 */
export type FittedScaling = { readonly steps: readonly FittedStep[]; readonly constant?: true };

const names = ["standard", "minMax", "robust", "log", "log1p", "none"] as const;
const isKind = (value: unknown): boolean =>
  names.includes(value as (typeof names)[number]) ||
  (isPlain(value) &&
    Object.keys(value).length === 1 &&
    ((Number.isSafeInteger(value.difference) && Number(value.difference) > 0) ||
      (Number.isSafeInteger(value.seasonal) && Number(value.seasonal) > 1)));

/** A kind of scaling, or a list of them. */
export const aScaling: Rule = {
  expected: `one of ${names.map((name) => `"${name}"`).join(", ")}, { difference: lag }, { seasonal: length }, or a list of these`,
  accepts: (value) => isKind(value) || (Array.isArray(value) && Array.from(value).every(isKind)),
};

/** How errors name a value: its index, unless the caller knows better. */
type Place = (index: number) => string;
const byIndex: Place = (index) => `value ${index}`;

/**
 * Fit a scaling on the training part of a series. Missing values (NaN) are left out.
 * @param kind one step or several, in order: `["log", { difference: 12 }, "standard"]`
 * @param values in time order
 * @param place how errors name the value at an index
 * @throws InputError for a logarithm of a value that has none, with its place; for no values; for too few to differ
 * @example
 * const scaling = fitScaling(["log", "standard"], sales.slice(0, 100));
 * const scaled = scale(sales, scaling);
 */
export function fitScaling(
  kind: ScalingKind | readonly ScalingKind[],
  values: ArrayLike<number>,
  place: Place = byIndex,
): FittedScaling {
  if (!aScaling.accepts(kind)) throw new InputError(`scaling must be ${aScaling.expected}, got ${formatValue(kind)}`);
  if (!isList(values)) throw new InputError(`scaling: values must be an array of numbers, got ${formatValue(values)}`);
  const kinds = (Array.isArray(kind) ? kind : [kind]) as readonly ScalingKind[];
  let current = Float64Array.from(values as ArrayLike<number>);
  let lost = 0;
  const steps: FittedStep[] = [];
  for (const one of kinds) {
    if (one === "none") continue;
    const from = lost;
    const step = fitStep(one, current, from, (index) => place(index + from));
    current = forward(current, step, (index) => place(index + from), from);
    if (step.kind === "difference") lost += step.lag;
    steps.push(step);
  }
  return steps.some((step) => step.kind === "affine" && step.constant) ? { steps, constant: true } : { steps };
}

function fitStep(kind: Exclude<ScalingKind, "none">, values: Float64Array, start: number, place: Place): FittedStep {
  if (typeof kind === "object" && "seasonal" in kind)
    return { kind: "seasonal", indices: indicesOf(values, kind.seasonal, start) };
  if (typeof kind === "object") {
    if (values.length <= kind.difference) {
      throw new InputError(
        `scaling: a difference over ${kind.difference} steps needs more values than that, got ${values.length}. Give more data or a smaller difference.`,
      );
    }
    return { kind: "difference", lag: kind.difference };
  }
  if (kind === "log" || kind === "log1p") return { kind };
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) throw new InputError(`scaling: "${kind}" needs values, and there are none`);
  const [least, most] = [sorted[0] as number, sorted.at(-1) as number];
  const [offset, scale] =
    kind === "minMax"
      ? [least, most - least]
      : kind === "robust"
        ? [quantileOf(sorted, 0.5), quantileOf(sorted, 0.75) - quantileOf(sorted, 0.25)]
        : standard(sorted);
  if (!Number.isFinite(offset) || !Number.isFinite(scale)) {
    const largest = -least > most ? least : most;
    throw new InputError(
      `scaling: ${place(values.indexOf(largest))} is ${largest}, which is too large to be scaled. Give values in larger units.`,
    );
  }
  // Of equal values the rounded deviation need not be 0.
  const constant = least === most || scale === 0;
  return constant ? { kind: "affine", offset, scale: 1, constant } : { kind: "affine", offset, scale };
}

/**
 * The seasonal indices of values, the first of which is at step `start`: the mean distance from the centred moving average of a
 * season, by place in the season, less the mean of all. R. Hyndman and G. Athanasopoulos, "Forecasting: principles and
 * practice", 3.4.
 */
function indicesOf(values: Float64Array, season: number, start: number): number[] {
  if (values.length < 2 * season) {
    throw new InputError(
      `scaling: a season of ${season} steps needs ${2 * season} values, got ${values.length}. Give more data or a shorter season.`,
    );
  }
  const sums = Array.from({ length: season }, () => ({ sum: 0, count: 0 }));
  const half = Math.floor(season / 2);
  for (let t = half; t + half < values.length; t++) {
    // Of an even season the two ends, of the same place, count half each.
    let around = 0;
    for (let k = -half; k <= half; k++) {
      around += (values[t + k] as number) * (season % 2 === 0 && Math.abs(k) === half ? 0.5 : 1);
    }
    const distance = (values[t] as number) - around / season;
    const own = sums[(start + t) % season] as { sum: number; count: number };
    if (Number.isNaN(distance)) continue;
    own.sum += distance;
    own.count++;
  }
  const means = sums.map(({ sum, count }) => (count === 0 ? 0 : sum / count));
  const mean = means.reduce((sum, one) => sum + one, 0) / season;
  return means.map((one) => one - mean);
}

/** The mean and the standard deviation of the population. */
function standard(values: Float64Array): [number, number] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = (unit: number): number => values.reduce((sum, value) => sum + ((value - mean) / unit) ** 2, 0);
  const deviation = Math.sqrt(squares(1) / values.length);
  if (deviation > 1e-150) return [mean, deviation];
  // The squares of the smallest deviations are 0: they are taken in units of the largest.
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value - mean)), 0);
  return [mean, largest === 0 ? 0 : largest * Math.sqrt(squares(largest) / values.length)];
}

/**
 * A quantile of sorted numbers, between the two next to its place as numpy's `quantile` does (type 7 of Hyndman and Fan
 * 1996).
 */
export function quantileOf(sorted: ArrayLike<number>, probability: number): number {
  const at = (sorted.length - 1) * probability;
  const [low, share] = [Math.floor(at), at - Math.floor(at)];
  const value = sorted[low] as number;
  return share === 0 ? value : value + share * ((sorted[low + 1] as number) - value);
}

/** How many values at the start a scaling uses up: the sum of its differences' lags. */
export const lostSteps = ({ steps }: FittedScaling): number =>
  steps.reduce((sum, step) => sum + (step.kind === "difference" ? step.lag : 0), 0);

/**
 * Scale a series, of the training part or later. Missing values stay NaN.
 * @param values n values in time order
 * @param start the step of the series that the first of them is; it matters to seasonal indices alone. Default 0
 * @returns n - `lostSteps(scaling)` values: the last of both belong together
 * @throws InputError for a logarithm of a value that has none, with its place; for too few values to differ
 */
export function scale(
  values: ArrayLike<number>,
  scaling: FittedScaling,
  place: Place = byIndex,
  start = 0,
): Float64Array<ArrayBuffer> {
  let lost = 0;
  return scaling.steps.reduce((current, step) => {
    const from = lost;
    if (step.kind === "difference") lost += step.lag;
    return forward(current, step, (index) => place(index + from), start + from);
  }, Float64Array.from(values));
}

/** `start`: the step of the series that the first value is. */
function forward(
  values: Float64Array<ArrayBuffer>,
  step: FittedStep,
  place: Place,
  start: number,
): Float64Array<ArrayBuffer> {
  switch (step.kind) {
    case "seasonal":
      return values.map((value, t) => value - indexAt(step.indices, start + t));
    case "affine":
      return values.map((value) => (value - step.offset) / step.scale);
    case "difference":
      if (values.length < step.lag) throw tooShort("scale", step.lag, values.length);
      return values.slice(step.lag).map((value, t) => value - (values[t] as number));
    default: {
      const least = step.kind === "log" ? 0 : -1;
      const bad = values.findIndex((value) => value <= least);
      if (bad >= 0) {
        const other = step.kind === "log" ? (values[bad] === 0 ? ' Use "log1p".' : "") : "";
        throw new InputError(
          `scaling: ${place(bad)} is ${values[bad]}, and "${step.kind}" needs values above ${least}.${other || ' Use "standard".'}`,
        );
      }
      return values.map(step.kind === "log" ? Math.log : Math.log1p);
    }
  }
}

const indexAt = (indices: readonly number[], t: number): number => indices[t % indices.length] as number;
const tooShort = (where: string, needed: number, found: number) =>
  new InputError(`${where}: differences need ${needed} values before the first, got ${found}`);

/**
 * Undo a scaling: values in the units of the series.
 * @param values scaled values, in time order: a forecast, or one sampled path of it
 * @param history the true values just before them, unscaled, in time order. A scaling with differences needs the last
 * `lostSteps(scaling)`; more may be given, others need none.
 * @param start the step of the series that the first value is; it matters to seasonal indices alone. Default: the length of the
 * history, which is then to be whole
 * @throws InputError for too short a history, or one whose last values are missing
 * @example const sales = unscale(predicted, scaling, past);
 */
export function unscale(
  values: ArrayLike<number>,
  scaling: FittedScaling,
  history: ArrayLike<number> = [],
  start = history.length,
): Float64Array<ArrayBuffer> {
  const lost = lostSteps(scaling);
  if (history.length < lost) throw tooShort("unscale: history", lost, history.length);
  // The history as each step saw it.
  let past = Float64Array.from(history).slice(history.length - lost);
  if (past.some(Number.isNaN)) throw new InputError("unscale: history: one of the last values is missing. Fill it.");
  const pasts = scaling.steps.map((step) => {
    const seen = past;
    past = forward(past, step, byIndex, start - past.length);
    return seen;
  });
  return scaling.steps.reduceRight(
    (current, step, k) => backward(current, step, pasts[k] as Float64Array, start),
    Float64Array.from(values),
  );
}

function backward(
  values: Float64Array<ArrayBuffer>,
  step: FittedStep,
  past: Float64Array,
  start: number,
): Float64Array<ArrayBuffer> {
  if (step.kind === "seasonal") return values.map((value, t) => value + indexAt(step.indices, start + t));
  if (step.kind === "affine") return values.map((value) => value * step.scale + step.offset);
  if (step.kind === "log") return values.map(Math.exp);
  if (step.kind === "log1p") return values.map(Math.expm1);
  const { lag } = step;
  const sums = new Float64Array(values.length);
  for (let t = 0; t < values.length; t++) {
    const before = t >= lag ? (sums[t - lag] as number) : (past[past.length - lag + t] as number);
    sums[t] = (values[t] as number) + before;
  }
  return sums;
}
