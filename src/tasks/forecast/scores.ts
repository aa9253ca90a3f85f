/**
 * Scores of forecasts: how far point forecasts, quantiles, intervals and samples are from what came. Plain functions of
 * numbers, in the units of the series. Knows nothing of models, dates and tables.
 */
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  anArray,
  checkArguments,
  inRange,
  isPlain,
  listOf,
  numbers,
  wholeNumber,
} from "../../graph/schema.ts";

const pair: Arguments = { actual: numbers, predicted: numbers };
const share = inRange(0, 1, "()");

/** @throws InputError where lists that belong together have other lengths, or none */
function checkLengths(where: string, lists: Readonly<Record<string, ArrayLike<unknown>>>): void {
  const [[first, { length }], ...others] = Object.entries(lists) as [
    [string, ArrayLike<unknown>],
    ...[string, ArrayLike<unknown>][],
  ];
  if (length === 0) throw new InputError(`${where}: ${first}: needs at least one value`);
  const odd = others.find(([, list]) => list.length !== length);
  if (odd === undefined) return;
  throw new InputError(`${where}: ${odd[0]}: needs as many values as ${first}, ${length}, got ${odd[1].length}`);
}

/** The mean over all steps. */
function meanOf(length: number, of: (step: number) => number): number {
  let sum = 0;
  for (let t = 0; t < length; t++) sum += of(t);
  return sum / length;
}

function meanOfPairs(
  where: string,
  actual: ArrayLike<number>,
  predicted: ArrayLike<number>,
  of: (actual: number, predicted: number) => number,
): number {
  checkArguments(where, { actual, predicted }, pair);
  checkLengths(where, { actual, predicted });
  return meanOf(actual.length, (t) => of(actual[t] as number, predicted[t] as number));
}

/**
 * Mean absolute error, in the units of the series.
 * @param actual what came
 * @param predicted as many forecasts
 * @throws InputError for lists of other lengths, or none
 */
export const mae = (actual: ArrayLike<number>, predicted: ArrayLike<number>): number =>
  meanOfPairs("mae", actual, predicted, (y, f) => Math.abs(y - f));

/** Mean squared error. @throws InputError as `mae` */
export const mse = (actual: ArrayLike<number>, predicted: ArrayLike<number>): number =>
  meanOfPairs("mse", actual, predicted, (y, f) => (y - f) ** 2);

/** Root of the mean squared error, in the units of the series. @throws InputError as `mae` */
export const rmse = (actual: ArrayLike<number>, predicted: ArrayLike<number>): number =>
  Math.sqrt(meanOfPairs("rmse", actual, predicted, (y, f) => (y - f) ** 2));

/**
 * Mean absolute percentage error, in percent. Not defined where something that came is 0 (Hyndman and Koehler 2006): then
 * it is Infinity, also for a forecast of 0, so that no step is passed over in silence. Take `mase` for such series.
 * @throws InputError as `mae`
 */
export const mape = (actual: ArrayLike<number>, predicted: ArrayLike<number>): number =>
  100 * meanOfPairs("mape", actual, predicted, (y, f) => (y === 0 ? Infinity : Math.abs((y - f) / y)));

/**
 * Symmetric mean absolute percentage error, in percent from 0 to 200: 200 |y - f| / (|y| + |f|), as in the M4 competition
 * (Makridakis et al. 2020). A step at which both are 0 counts as 0.
 * @throws InputError as `mae`
 */
export const smape = (actual: ArrayLike<number>, predicted: ArrayLike<number>): number =>
  200 *
  meanOfPairs("smape", actual, predicted, (y, f) => (y === f ? 0 : Math.abs(y - f) / (Math.abs(y) + Math.abs(f))));

/**
 * Mean absolute scaled error (Hyndman and Koehler 2006): the mean absolute error, in units of that which the seasonal
 * naive forecast makes one step ahead on the training part. Below 1 is better than that. Infinity where the training part
 * only repeats its season, unless the forecast is perfect.
 * @param training the series before the forecast
 * @param season steps of a season; 1, the default, for none
 * @throws InputError as `mae`, and for a training part that is no longer than a season
 */
export function mase(
  actual: ArrayLike<number>,
  predicted: ArrayLike<number>,
  training: ArrayLike<number>,
  season = 1,
): number {
  checkArguments(
    "mase",
    { actual, predicted, training, season },
    { ...pair, training: numbers, season: wholeNumber(1) },
  );
  const error = meanOfPairs("mase", actual, predicted, (y, f) => Math.abs(y - f));
  const steps = training.length - season;
  if (steps < 1) {
    throw new InputError(`mase: training: needs more values than a season of ${season}, got ${training.length}`);
  }
  const unit = meanOf(steps, (t) => Math.abs((training[t + season] as number) - (training[t] as number)));
  return error === 0 ? 0 : error / unit;
}

/** What a forecast of a quantile costs for one value. */
export const pinballOf = (y: number, q: number, probability: number): number =>
  y >= q ? probability * (y - q) : (1 - probability) * (q - y);

/**
 * Pinball loss of forecasts of a quantile: least where so much of what comes is below (Koenker and Bassett 1978).
 * @param predicted the quantile at each step
 * @param probability of the quantile, in (0, 1)
 * @throws InputError as `mae`
 */
export function pinball(actual: ArrayLike<number>, predicted: ArrayLike<number>, probability: number): number {
  checkArguments("pinball", { actual, predicted, probability }, { ...pair, probability: share });
  return meanOfPairs("pinball", actual, predicted, (y, q) => pinballOf(y, q, probability));
}

const interval: Arguments = { actual: numbers, lower: numbers, upper: numbers };

/**
 * The share of what came that lies in the interval, ends included; an interval of 0.8 should have 0.8 of it.
 * @throws InputError as `mae`
 */
export function coverage(actual: ArrayLike<number>, lower: ArrayLike<number>, upper: ArrayLike<number>): number {
  checkArguments("coverage", { actual, lower, upper }, interval);
  checkLengths("coverage", { actual, lower, upper });
  return meanOf(actual.length, (t) => {
    const y = actual[t] as number;
    return Number(y >= (lower[t] as number) && y <= (upper[t] as number));
  });
}

/**
 * Interval score (Winkler 1972; Gneiting and Raftery 2007): the width of the interval, and 2 / (1 - level) of how far
 * outside of it a value lies.
 * @param level the share that the interval claims to hold, in (0, 1)
 * @throws InputError as `mae`
 */
export function winkler(
  actual: ArrayLike<number>,
  lower: ArrayLike<number>,
  upper: ArrayLike<number>,
  level: number,
): number {
  checkArguments("winkler", { actual, lower, upper, level }, { ...interval, level: share });
  checkLengths("winkler", { actual, lower, upper });
  return meanOf(actual.length, (t) => {
    const [y, low, high] = [actual[t] as number, lower[t] as number, upper[t] as number];
    return high - low + (2 / (1 - level)) * Math.max(low - y, y - high, 0);
  });
}

/**
 * Continuous ranked probability score from quantiles: twice the mean of their pinball losses. The more quantiles, evenly
 * over (0, 1), the nearer to the integral (Gneiting and Ranjan 2011); of a few it is M5's kind of score, to compare
 * forecasts with the same quantiles.
 * @param quantiles the forecast of each by its probability: `{ "0.1": [...], "0.5": [...], "0.9": [...] }`
 * @throws InputError as `mae`, and for a name that is no probability
 */
export function crpsOfQuantiles(
  actual: ArrayLike<number>,
  quantiles: Readonly<Record<string, ArrayLike<number>>>,
): number {
  const where = "crpsOfQuantiles";
  const aRecord = {
    expected: "an object of quantiles by their probabilities",
    accepts: (value: unknown) => isPlain(value) && Object.keys(value).length > 0,
  };
  checkArguments(where, { actual, quantiles }, { actual: numbers, quantiles: aRecord });
  const losses = Object.entries(quantiles).map(([name, predicted]) => {
    const probability = Number(name);
    const place = `quantiles["${name}"]`;
    checkArguments(where, { [`${place}`]: predicted, probability }, { [`${place}`]: numbers, probability: share });
    checkLengths(where, { actual, [place]: predicted });
    return meanOf(actual.length, (t) => pinballOf(actual[t] as number, predicted[t] as number, probability));
  });
  return (2 * losses.reduce((sum, loss) => sum + loss, 0)) / losses.length;
}

/**
 * Continuous ranked probability score from sampled futures: the mean distance of the samples from what came, less half
 * their mean distance from each other (Gneiting and Raftery 2007). Of a single sample it is the absolute error.
 * @param samples futures, each with as many values as `actual`
 * @throws InputError as `mae`
 */
export function crpsOfSamples(actual: ArrayLike<number>, samples: readonly ArrayLike<number>[]): number {
  const where = "crpsOfSamples";
  checkArguments(where, { actual, samples }, { actual: numbers, samples: listOf(anArray, 1) });
  samples.forEach((sample, k) => {
    checkArguments(where, { [`samples[${k}]`]: sample }, { [`samples[${k}]`]: numbers });
    checkLengths(where, { actual, [`samples[${k}]`]: sample });
  });
  const count = samples.length;
  return meanOf(actual.length, (t) => {
    const sorted = Float64Array.from(samples, (sample) => sample[t] as number).sort();
    const distance = meanOf(count, (k) => Math.abs((sorted[k] as number) - (actual[t] as number)));
    // Sorted, each is counted by how many lie below it: the sum over all pairs in one pass.
    const spread = meanOf(count, (k) => ((2 * k - count + 1) * (sorted[k] as number)) / count);
    return distance - spread;
  });
}
