/**
 * The theta method (Assimakopoulos and Nikolopoulos 2000), in the form that Hyndman and Billah (2003) showed it to have:
 * simple exponential smoothing with half the slope of the series' line, on the series without its season. Best of the M3
 * competition. Knows nothing of dates and of files.
 */
import { checkArguments } from "../../graph/schema.ts";
import { checkHistory, type NormalForecast, seasonalBaselineArguments } from "./baselines.ts";

/**
 * Forecast by the theta method. A season is taken out where the autocorrelation at its length is significant (the test of
 * the M4 competition's benchmarks, at 90 %): by ratios to the moving average, or differences where values are not all
 * above 0.
 * @param values the series, in time order
 * @param horizon steps ahead, H
 * @param season its length in steps; 1 for none
 * @throws InputError for fewer than three values, or one that is missing
 */
export function theta(values: ArrayLike<number>, horizon: number, season: number): NormalForecast {
  checkArguments("theta", { values, horizon, season }, seasonalBaselineArguments);
  checkHistory("theta", values, 3);
  const series = Float64Array.from(values);
  const multiplied = series.every((value) => value > 0);
  const pattern = isSeasonal(series, season) ? seasonOf(series, season, multiplied) : undefined;
  const without = (value: number, part: number): number => (multiplied ? value / part : value - part);
  const adjusted =
    pattern === undefined ? series : series.map((value, t) => without(value, pattern[t % season] as number));

  const { alpha, level, errors } = exponentialSmoothing(adjusted);
  const length = adjusted.length;
  const half = slopeOf(adjusted) / 2;
  const variance = errors / Math.max(1, length - 2);
  const forecast = Float64Array.from(
    { length: horizon },
    (_, k) => level + half * (k + (1 - (1 - alpha) ** length) / alpha),
  );
  const deviations = forecast.map((_, k) => Math.sqrt(variance * (1 + k * alpha ** 2)));
  if (pattern === undefined) return { values: forecast, deviations };
  const part = (k: number): number => pattern[(length + k) % season] as number;
  return {
    values: forecast.map((value, k) => (multiplied ? value * part(k) : value + part(k))),
    deviations: deviations.map((value, k) => (multiplied ? value * part(k) : value)),
  };
}

/** Whether the autocorrelation at the season's length is beyond its 90 % limit, for at least three seasons. */
function isSeasonal(values: Float64Array, season: number): boolean {
  if (season < 2 || values.length < 3 * season) return false;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const product = (lag: number): number => {
    let sum = 0;
    for (let t = lag; t < values.length; t++)
      sum += ((values[t] as number) - mean) * ((values[t - lag] as number) - mean);
    return sum;
  };
  const whole = product(0);
  if (whole === 0) return false;
  let squares = 0;
  for (let lag = 1; lag < season; lag++) squares += (product(lag) / whole) ** 2;
  return Math.abs(product(season) / whole) > 1.645 * Math.sqrt((1 + 2 * squares) / values.length);
}

/** The parts of the season, from step 0 on: classical decomposition by a centred moving average over a season. */
function seasonOf(values: Float64Array, season: number, multiplied: boolean): number[] {
  const [sums, counts] = [new Float64Array(season), new Float64Array(season)];
  const half = Math.floor(season / 2);
  for (let t = half; t < values.length - half; t++) {
    let around = 0;
    for (let k = -half; k <= half; k++) {
      const weight = season % 2 === 0 && Math.abs(k) === half ? 0.5 : 1;
      around += weight * (values[t + k] as number);
    }
    const trend = around / season;
    const place = t % season;
    sums[place] =
      (sums[place] as number) + (multiplied ? (values[t] as number) / trend : (values[t] as number) - trend);
    counts[place] = (counts[place] as number) + 1;
  }
  const means = Array.from(sums, (sum, place) => sum / (counts[place] as number));
  const mean = means.reduce((sum, value) => sum + value, 0) / season;
  return means.map((value) => (multiplied ? value / mean : value - mean));
}

/** The slope of the line through a series by least squares. */
function slopeOf(values: Float64Array): number {
  const [middle, mean] = [(values.length - 1) / 2, values.reduce((sum, value) => sum + value, 0) / values.length];
  let [products, squares] = [0, 0];
  values.forEach((value, t) => {
    products += (t - middle) * (value - mean);
    squares += (t - middle) ** 2;
  });
  return products / squares;
}

/**
 * Simple exponential smoothing with the least sum of squared errors. The level before the first value is exact for each
 * alpha, because errors are linear in it; alpha is sought on a grid and then between its neighbours.
 */
export function exponentialSmoothing(values: Float64Array): {
  readonly alpha: number;
  readonly level: number;
  readonly errors: number;
} {
  const at = (alpha: number) => {
    // level[t] = own[t] + rest * start, with rest = (1 - alpha)^t.
    let [own, rest, products, squares] = [0, 1, 0, 0];
    for (const value of values) {
      products += (value - own) * rest;
      squares += rest * rest;
      own += alpha * (value - own);
      rest *= 1 - alpha;
    }
    let level = products / squares;
    let errors = 0;
    for (const value of values) {
      const error = value - level;
      errors += error * error;
      level += alpha * error;
    }
    return { alpha, level, errors };
  };
  let best = at(0.5);
  for (let width = 0.01, from = 0.01, to = 0.99; width > 1e-6; width /= 10) {
    for (let alpha = from; alpha <= to + width / 2; alpha += width) {
      const tried = at(Math.min(Math.max(alpha, 1e-4), 0.9999));
      if (tried.errors < best.errors) best = tried;
    }
    [from, to] = [best.alpha - width, best.alpha + width];
  }
  return best;
}
