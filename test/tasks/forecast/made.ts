/** Series that are made for tests, and quick trainings on them. */
import { type Frequency, parseFrequency, step } from "../../../src/data/calendar.ts";
import { createRandom } from "../../../src/nn/random.ts";
import {
  type ForecastData,
  type ForecasterOptions,
  forecaster,
  type TrainedForecaster,
  type TrainForecasterOptions,
  trainForecaster,
} from "../../../src/tasks/forecast/index.ts";

export const month: Frequency = parseFrequency("month");
/** The instants of `count` months from January 2000 on. */
export const months = (count: number, from = 0): Float64Array<ArrayBuffer> =>
  Float64Array.from({ length: count }, (_, k) => step(Date.UTC(2000, 0, 1), month, from + k));

/** A sine of 12 steps on a line, with a little noise. */
export function wave(count: number, { seed = 1, level = 20, rise = 0.2, height = 4, noise = 0.2 } = {}): Float64Array {
  const random = createRandom(seed);
  return Float64Array.from(
    { length: count },
    (_, t) => level + rise * t + height * Math.sin((2 * Math.PI * t) / 12) + noise * (2 * random.uniform() - 1),
  );
}

/** One series without dates. */
export const bare = (values: Readonly<Record<string, ArrayLike<number>>>, name = ""): ForecastData => ({
  series: [{ name, values: floats(values) }],
});
/** One series of months. */
export const monthly = (
  values: Readonly<Record<string, ArrayLike<number>>>,
  texts: Readonly<Record<string, readonly string[]>> = {},
  name = "",
): ForecastData => ({
  series: [{ name, values: floats(values), texts, instants: months(Object.values(values)[0]?.length ?? 0) }],
  ...{ frequency: month, dateFormat: "YYYY-MM" },
});
const floats = (values: Readonly<Record<string, ArrayLike<number>>>) =>
  Object.fromEntries(Object.entries(values).map(([name, all]) => [name, Float64Array.from(all)]));

/** Several series together. */
export const joined = (...all: readonly ForecastData[]): ForecastData => ({
  ...(all[0] as ForecastData),
  series: all.flatMap(({ series }) => series),
});

/** A series without its last steps. */
export const shortened = (data: ForecastData, steps: number): ForecastData => ({
  ...data,
  series: data.series.map(({ name, values, instants }) => ({
    name,
    values: Object.fromEntries(Object.entries(values).map(([column, all]) => [column, all.slice(0, -steps)])),
    ...(instants !== undefined && { instants: instants.slice(0, -steps) }),
  })),
});

/** A tiny network, trained for a moment. */
export const quick = (
  data: ForecastData,
  options: ForecasterOptions,
  training: TrainForecasterOptions = {},
): Promise<TrainedForecaster> =>
  trainForecaster(forecaster(data, { units: 4, ...options }), data, {
    ...{ epochs: 2, learningRate: 0.01, threads: 1 },
    ...training,
  });
