/**
 * Forecasts that need no training: the baselines that a model has to beat. Each gives a point and a standard deviation a
 * step, by the formulas of Hyndman and Athanasopoulos, Forecasting: Principles and Practice (3rd edition, 2021), section
 * 5.5, which take errors as normal and uncorrelated. Knows nothing of dates and of files.
 */
import { InputError } from "../../graph/input-error.ts";
import { type Arguments, checkArguments, inRange, numbers, wholeNumber } from "../../graph/schema.ts";
import { normalQuantile } from "../../train/densities/special.ts";

/** A forecast of a normal distribution a step: H points, and as many standard deviations. */
export type NormalForecast = {
  readonly values: Float64Array<ArrayBuffer>;
  readonly deviations: Float64Array<ArrayBuffer>;
};

const shared: Arguments = { values: numbers, horizon: wholeNumber(1) };
/** @internal */
export const baselineArguments: Arguments = shared;
/** @internal */
export const seasonalBaselineArguments: Arguments = { ...shared, season: wholeNumber(1) };

/** @throws InputError for fewer values than are needed, and for one that is missing */
export function checkHistory(where: string, values: ArrayLike<number>, least: number): void {
  if (values.length < least) throw new InputError(`${where}: values: needs at least ${least}, got ${values.length}`);
  for (let t = 0; t < values.length; t++) {
    if (!Number.isFinite(values[t])) {
      throw new InputError(`${where}: values[${t}] is ${values[t]}. Fill missing values first.`);
    }
  }
}

/** The deviation of errors from step `from` on: the root of the sum of squares over their number less the parameters. */
function deviationOf(
  values: ArrayLike<number>,
  from: number,
  parameters: number,
  fitted: (t: number) => number,
): number {
  let sum = 0;
  for (let t = from; t < values.length; t++) sum += ((values[t] as number) - fitted(t)) ** 2;
  return Math.sqrt(sum / Math.max(1, values.length - from - parameters));
}

const forecastOf = (
  horizon: number,
  value: (h: number) => number,
  deviation: (h: number) => number,
): NormalForecast => ({
  values: Float64Array.from({ length: horizon }, (_, k) => value(k + 1)),
  deviations: Float64Array.from({ length: horizon }, (_, k) => deviation(k + 1)),
});

/**
 * The mean of the series, for every step.
 * @param values the series, in time order
 * @param horizon steps ahead, H
 * @throws InputError for no values, or one that is missing
 */
export function meanForecast(values: ArrayLike<number>, horizon: number): NormalForecast {
  checkArguments("meanForecast", { values, horizon }, shared);
  checkHistory("meanForecast", values, 1);
  const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = deviationOf(values, 0, 1, () => mean) * Math.sqrt(1 + 1 / values.length);
  return forecastOf(
    horizon,
    () => mean,
    () => deviation,
  );
}

/**
 * The last value, for every step: best for a random walk.
 * @param values the series, in time order
 * @param horizon steps ahead, H
 * @throws InputError for fewer than two values, or one that is missing
 */
export function naive(values: ArrayLike<number>, horizon: number): NormalForecast {
  checkArguments("naive", { values, horizon }, shared);
  checkHistory("naive", values, 2);
  const deviation = deviationOf(values, 1, 0, (t) => values[t - 1] as number);
  return forecastOf(
    horizon,
    () => values[values.length - 1] as number,
    (h) => deviation * Math.sqrt(h),
  );
}

/**
 * The value of the same step of the last season.
 * @param values the series, in time order
 * @param horizon steps ahead, H
 * @param season its length in steps: 12 for months
 * @throws InputError for no more values than a season has, or one that is missing
 */
export function seasonalNaive(values: ArrayLike<number>, horizon: number, season: number): NormalForecast {
  checkArguments("seasonalNaive", { values, horizon, season }, seasonalBaselineArguments);
  checkHistory("seasonalNaive", values, season + 1);
  const deviation = deviationOf(values, season, 0, (t) => values[t - season] as number);
  return forecastOf(
    horizon,
    (h) => values[values.length - season + ((h - 1) % season)] as number,
    (h) => deviation * Math.sqrt(Math.floor((h - 1) / season) + 1),
  );
}

/**
 * The line through the first and the last value, continued: a random walk with a drift.
 * @param values the series, in time order
 * @param horizon steps ahead, H
 * @throws InputError for fewer than two values, or one that is missing
 */
export function drift(values: ArrayLike<number>, horizon: number): NormalForecast {
  checkArguments("drift", { values, horizon }, shared);
  checkHistory("drift", values, 2);
  const [first, last] = [values[0] as number, values[values.length - 1] as number];
  const steps = values.length - 1;
  const slope = (last - first) / steps;
  const deviation = deviationOf(values, 1, 1, (t) => (values[t - 1] as number) + slope);
  return forecastOf(
    horizon,
    (h) => last + h * slope,
    (h) => deviation * Math.sqrt(h * (1 + h / steps)),
  );
}

/**
 * The seasonal naive forecast, raised by the drift from season to season: the last season and the line through the means
 * of the first and the last season.
 * @param values the series, in time order
 * @param horizon steps ahead, H
 * @param season its length in steps
 * @throws InputError for fewer values than two seasons have, or one that is missing
 */
export function seasonalNaiveDrift(values: ArrayLike<number>, horizon: number, season: number): NormalForecast {
  checkArguments("seasonalNaiveDrift", { values, horizon, season }, seasonalBaselineArguments);
  checkHistory("seasonalNaiveDrift", values, 2 * season);
  const repeated = seasonalNaive(values, horizon, season);
  const { length } = values;
  let rise = 0;
  for (let t = 0; t < season; t++) rise += (values[length - season + t] as number) - (values[t] as number);
  const slope = rise / season / (length - season);
  const deviation = deviationOf(values, season, 1, (t) => (values[t - season] as number) + slope * season);
  const seasons = (h: number): number => Math.floor((h - 1) / season) + 1;
  return forecastOf(
    horizon,
    (h) => (repeated.values[h - 1] as number) + slope * season * seasons(h),
    (h) => deviation * Math.sqrt(seasons(h) * (1 + (seasons(h) * season) / (length - season))),
  );
}

/**
 * Quantiles of a forecast, by their probabilities.
 * @param probabilities each in (0, 1)
 * @returns a value a step for each: `{ "0.1": ..., "0.9": ... }`
 * @throws InputError for a probability out of (0, 1)
 */
export function quantilesOf(
  { values, deviations }: NormalForecast,
  probabilities: readonly number[],
): Record<string, Float64Array<ArrayBuffer>> {
  return Object.fromEntries(
    probabilities.map((probability) => {
      checkArguments("quantilesOf", { probability }, { probability: inRange(0, 1, "()") });
      const z = normalQuantile(probability);
      return [String(probability), values.map((value, h) => value + z * (deviations[h] as number))];
    }),
  );
}

/**
 * The interval that holds so much of the distribution, as much of it above as below.
 * @param level in (0, 1): 0.8 is from the quantile 0.1 to 0.9
 * @throws InputError for a level out of (0, 1)
 */
export function intervalOf(
  { values, deviations }: NormalForecast,
  level: number,
): { readonly level: number; readonly lower: Float64Array<ArrayBuffer>; readonly upper: Float64Array<ArrayBuffer> } {
  checkArguments("intervalOf", { level }, { level: inRange(0, 1, "()") });
  const z = normalQuantile((1 + level) / 2);
  return {
    level,
    lower: values.map((value, h) => value - z * (deviations[h] as number)),
    upper: values.map((value, h) => value + z * (deviations[h] as number)),
  };
}
