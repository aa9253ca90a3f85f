/** What a forecaster says of windows, in the numbers of the series: values and quantiles of each step. */
import { type Frequency, formatDate, step as stepOn } from "../../data/calendar.ts";
import { type FittedScaling, unscale } from "../../data/scaling.ts";
import type { InferenceOptions } from "../../engines/engine.ts";
import { hostOf, inferenceRules } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkArguments, formatValue, options as optionsOf, type Schema } from "../../graph/schema.ts";
import { size } from "../../nn/layers.ts";
import { aSeed, createRandom } from "../../nn/random.ts";
import { disposing, type Own } from "../../runtime/disposable.ts";
import { risingLevels } from "../../train/densities/univariate.ts";
import { createPredictor, type FlatNumbers, predict } from "../../train/predict.ts";
import { inputsOf, numbersOf } from "./examples.ts";
import { drawOf, headOf, meansOf, quantilesOf, rowsOfMembers, sampleQuantile } from "./heads.ts";
import {
  alone,
  baseOf,
  describeBefore,
  frequencyOf,
  placeOf,
  prepare,
  stepsBefore,
  targetsOf,
  type Window,
} from "./prepare.ts";
import { aForecaster, type ForecastData, type Forecaster, forecastData } from "./settings.ts";

/** How forecasts are told: options of `forecast` and of `evaluateForecaster`. */
export type TellingOptions = InferenceOptions & {
  /** The probabilities whose quantiles are told; of heads "point" and "quantiles" those of the forecaster alone. Default: its levels. */
  readonly levels?: readonly number[];
  /** Paths that form "recursive" draws. Default 200. */
  readonly samples?: number;
  /** Seed of the draws. Default 0. */
  readonly seed?: number;
};
export const tellingRules: Schema<TellingOptions> = {
  ...inferenceRules,
  levels: risingLevels,
  samples: size,
  seed: aSeed,
};
/** Options of `forecast`. */
export type ForecastOptions = TellingOptions & {
  /**
   * The first steps that are told, at most those of the forecaster. What is known of the future needs to be known for these alone; where a
   * network reads later steps, what is missing there is as in the step before. Default: all.
   */
  readonly horizon?: number;
};
export const forecastRules: Schema<ForecastOptions> = { ...tellingRules, horizon: size };
export const forecastArguments = {
  forecaster: aForecaster,
  data: forecastData,
  options: optionsOf<ForecastOptions>(forecastRules),
};

/** The forecast of one step. */
export type ForecastStep = {
  /** From 1 on. */
  readonly step: number;
  /** In the form of the series' dates; undefined without dates. */
  readonly date: string | undefined;
  /** The mean or the middle quantile of what the network sees, in the units of the series; of drawn paths their median, of counts their mean. */
  readonly value: number;
  /** By probability, as "0.1". */
  readonly quantiles: Readonly<Record<string, number>>;
};
/** The forecast of one target of one series. */
export type Forecast = { readonly series: string; readonly target: string; readonly steps: readonly ForecastStep[] };
/** What a series is called where it has to have a name: that of its column if it has none. */
export const nameOf = ({ series, target }: Pick<Forecast, "series" | "target">): string =>
  series === "" ? target : series;

/**
 * Forecast each series from its end on.
 * @param forecaster a trained one; an untrained one forecasts too, from its random initial values, which says nothing of the series
 * @param data series with the columns that it reads; those known for the future have them for each step of the horizon, in
 *   rows whose targets are missing. A series that it does not know is scaled by its own values
 * @param options see `ForecastOptions`
 * @returns one forecast for each target of each series, in their order
 * @throws InputError for series that are too short, or without a column or a date that is needed, for more steps than the forecaster
 *   makes, and for a forecast that is infinite
 */
export async function forecast(
  forecaster: Forecaster,
  data: ForecastData,
  options: ForecastOptions = {},
): Promise<Forecast[]> {
  checkArguments("forecast", { forecaster, data, options }, forecastArguments);
  const { settings } = forecaster;
  const { horizon, targets, frequency } = settings;
  const { horizon: told = horizon, ...telling } = options;
  if (told > horizon) {
    throw new InputError(
      `forecast: horizon: this forecaster makes ${horizon} steps, got ${told}. Give at most ${horizon}.`,
    );
  }
  const dateFormat = data.dateFormat ?? settings.dateFormat;
  const prepared = prepare("forecast", data, settings, horizon, told);
  const least = stepsBefore(settings);
  for (const one of prepared) {
    if (one.length >= least) continue;
    throw new InputError(
      `${placeOf("forecast", one)}: has ${one.length + one.lost} steps, and a forecast is made from ${describeBefore(settings, one.lost)}. Give a longer series.`,
    );
  }
  const windows = prepared.flatMap((of) =>
    (alone(settings) ? targets.map((_, target) => target) : [-1]).map((target) => ({ of, at: of.length, target })),
  );
  const said = await forecastWindows(forecaster, windows, telling);
  return windows.flatMap(({ of, target }, n) => {
    const { instants } = data.series[prepared.indexOf(of)] as ForecastData["series"][number];
    const own = instants === undefined || frequency === undefined ? undefined : frequencyOf(instants, frequency);
    return (target < 0 ? targets : [targets[target] as string]).map((name, k) => {
      const { values, quantiles } = (said[n] as readonly Said[])[k] as Said;
      const dateOf = (h: number): string | undefined =>
        instants === undefined || own === undefined || dateFormat === undefined
          ? undefined
          : formatDate(stepDate(instants, own, of.lost + of.length + h), dateFormat);
      const steps = Array.from(values, (value, h) => ({
        ...{ step: h + 1, date: dateOf(h), value },
        quantiles: Object.fromEntries(Object.entries(quantiles).map(([p, all]) => [p, all[h] as number])),
      }));
      const odd = steps.find(({ value, quantiles }) => ![value, ...Object.values(quantiles)].every(Number.isFinite));
      if (odd !== undefined) {
        throw new InputError(
          `${placeOf("forecast", of)}: the forecast of ${formatValue(name)} at step ${odd.step} is no finite number: its values are too large, or far from those of the training`,
        );
      }
      return { series: of.name, target: name, steps: steps.slice(0, told) };
    });
  });
}
const stepDate = (instants: Float64Array, frequency: Frequency, t: number): number =>
  instants[t] ?? stepOn(instants[0] as number, frequency, t);

/** What is said of one target of a window. */
export type Said = {
  readonly values: Float64Array;
  readonly quantiles: Readonly<Record<string, Float64Array>>;
};

/** For each window what is said of each of its targets. */
export async function forecastWindows(
  forecaster: Forecaster,
  windows: readonly Window[],
  options: TellingOptions,
): Promise<Said[][]> {
  const { settings } = forecaster;
  const levels = levelsOf(forecaster, options);
  const { form, head: kind, horizon } = settings;
  if (form === "recursive" && kind !== "point") {
    return disposing((own) => drawWindows(own, forecaster, windows, levels, options));
  }
  const outputs = kind === "point" ? undefined : await outputsFor(forecaster, windows, options);
  const points = kind === "point" ? await pointsOf(forecaster, windows, options) : undefined;
  return windows.map((window, n) => {
    const targets = targetsOf(window).length;
    const head = headOf(settings, horizon * targets);
    const rows = outputs?.[n] ?? [];
    const means = points?.[n] ?? meansOf(head, rows);
    const all = levels.map((p) => {
      if (head.density !== undefined) return quantilesOf(head.density, rows, p);
      const margins = forecaster.margins?.[String(p)] as readonly number[];
      return means.map((mean, k) => mean + (margins[Math.floor(k / targets)] as number));
    });
    const column = (flat: readonly number[], target: number): Float64Array =>
      Float64Array.from({ length: horizon }, (_, h) => flat[h * targets + target] as number);
    return Array.from({ length: targets }, (_, target) => ({
      values: inUnits(window, target, column(means, target), forecaster),
      quantiles: Object.fromEntries(
        levels.map((p, k) => [
          String(p),
          inUnits(window, target, column(all[k] as readonly number[], target), forecaster),
        ]),
      ),
    }));
  });
}

/** What a network that gives all steps at once gives for windows: of each a row of every member. */
async function outputsFor(
  { model, settings }: Forecaster,
  windows: readonly Window[],
  options: InferenceOptions,
): Promise<Float32Array[][]> {
  const { data, shape } = await predict(model, inputsOf(windows, settings), {
    ...hostOf(options),
    batchSize: Math.min(256, windows.length),
  });
  const size = shape.at(-1) as number;
  return windows.map((_, n) => rowsOfMembers(data.subarray(n * size, (n + 1) * size), settings.members));
}

/** Of head "point", in what the network sees: for each window horizon * targets values, step by step. Of members their mean; of paths their median. */
export async function pointsOf(
  forecaster: Forecaster,
  windows: readonly Window[],
  options: InferenceOptions,
): Promise<number[][]> {
  const { form, horizon } = forecaster.settings;
  if (form === "recursive") {
    const all = await disposing((own) => pathsOf(own, forecaster, windows, options));
    return all.map((drawn) =>
      Array.from({ length: horizon * drawn.length }, (_, k) => {
        const paths = drawn[k % drawn.length] as Float64Array;
        const h = Math.floor(k / drawn.length);
        return sampleQuantile(
          Array.from(paths).filter((_, at) => at % horizon === h),
          0.5,
        );
      }),
    );
  }
  const outputs = await outputsFor(forecaster, windows, options);
  const targets = targetsOf(windows[0] as Window).length;
  return outputs.map((rows) => meansOf(headOf(forecaster.settings, horizon * targets), rows));
}

/** The levels that are told. @throws InputError for levels that a head does not have */
function levelsOf({ settings, margins }: Forecaster, { levels }: TellingOptions): readonly number[] {
  const { head, form } = settings;
  if (head !== "point" && (form === "recursive" || head !== "quantiles")) return levels ?? settings.levels;
  const own = head === "quantiles" ? settings.levels : Object.keys(margins ?? {}).map(Number);
  const odd = levels?.find((level) => !own.includes(level));
  if (odd === undefined) return levels ?? own;
  throw new InputError(
    `forecast: levels: head "${head}" of this forecaster has ${own.length === 0 ? "no quantiles" : `the quantiles ${own.join(", ")}`}, got ${odd}. Leave it out.`,
  );
}

/** From what a network sees to the numbers of the series. */
function inUnits(window: Window, target: number, seen: Float64Array, { settings }: Forecaster): Float64Array {
  const { of, at } = window;
  const place = window.target < 0 ? target : window.target;
  const base = baseOf(of.targets[place] as Float64Array, at, settings);
  const scaled = seen.map((value, h) => value * settings.spread.outputs + base(h));
  return unscale(
    scaled,
    of.fitted[place] as FittedScaling,
    (of.original[place] as Float64Array).subarray(0, of.lost + at),
    of.start + of.lost + at,
  );
}

/** Form "recursive": what drawn paths say. */
async function drawWindows(
  own: Own,
  forecaster: Forecaster,
  windows: readonly Window[],
  levels: readonly number[],
  options: TellingOptions,
): Promise<Said[][]> {
  const all = await pathsOf(own, forecaster, windows, options);
  return all.map((drawn, n) => drawn.map((one, k) => saidOf(windows[n] as Window, k, one, levels, forecaster)));
}

/**
 * Form "recursive": the network reads the lookback once; then each path draws a step, reads it, and draws the next. A path
 * belongs to one member of several. For each window and target: path * horizon + step.
 */
async function pathsOf(
  own: Own,
  { model, settings }: Forecaster,
  windows: readonly Window[],
  options: TellingOptions,
): Promise<Float64Array[][]> {
  const { horizon, lookback, members, spread } = settings;
  const { samples = 200, seed = 0 } = options;
  const paths = settings.head === "point" ? members : Math.max(samples, members);
  const host = hostOf(options);
  const reader = own(await createPredictor(model, { ...host, batch: 1, steps: lookback }));
  const writer = own(await createPredictor(model, { ...host, batch: paths, steps: 1 }));
  const all: Float64Array[][] = [];
  for (const [n, window] of windows.entries()) {
    const random = createRandom(seed + n);
    const inputs = inputsOf([window], settings, lookback + 1);
    const targets = targetsOf(window).length;
    const head = headOf(settings, targets);
    const { data: x } = inputs.x as FlatNumbers;
    const features = x.length / (lookback + 1);
    const tokens = (count: number) =>
      numbersOf(settings) < 2
        ? {}
        : { series: new Int32Array(count).fill((inputs.series as { data: Int32Array }).data[0] as number) };
    await reader.predict({ x: x.subarray(0, lookback * features), ...tokens(lookback) });
    let states: Record<string, Float32Array> = repeated(reader.states(), paths);
    // drawn[k][path * horizon + h]
    const drawn = Array.from({ length: targets }, () => new Float64Array(paths * horizon));
    const step = new Float32Array(paths * features);
    for (let h = 0; h < horizon; h++) {
      for (let path = 0; path < paths; path++) {
        for (let k = 0; k < targets; k++) {
          const before =
            h === 0
              ? (x[lookback * features + k] as number)
              : (drawn[k]?.[path * horizon + h - 1] as number) * (spread.outputs / spread.inputs);
          step[path * features + k] = before;
        }
        window.of.known.forEach((values, k) => {
          step[path * features + targets + k] = values[window.at + h] as number;
        });
      }
      const outputs = await writer.predict({ x: step, ...tokens(paths) }, { initialState: states });
      states = writer.states();
      const size = outputs.length / paths;
      for (let path = 0; path < paths; path++) {
        const row = rowsOfMembers(outputs.subarray(path * size, (path + 1) * size), members)[
          path % members
        ] as Float32Array;
        drawOf(head, row, random).forEach((value, k) => {
          (drawn[k] as Float64Array)[path * horizon + h] = value;
        });
      }
    }
    all.push(drawn);
  }
  return all;
}

const repeated = (states: Readonly<Record<string, Float32Array>>, times: number): Record<string, Float32Array> =>
  Object.fromEntries(
    Object.entries(states).map(([name, values]) => {
      const all = new Float32Array(values.length * times);
      for (let k = 0; k < times; k++) all.set(values, k * values.length);
      return [name, all];
    }),
  );

/**
 * The point forecast and quantiles of paths, each first in the numbers of the series. The point is the median: of a scaling by logarithms
 * a mean is one of exponentials, which a single path can decide. Of counts it is the mean, as a median of rare ones is 0.
 */
function saidOf(
  window: Window,
  target: number,
  drawn: Float64Array,
  levels: readonly number[],
  forecaster: Forecaster,
): Said {
  const { horizon, head } = forecaster.settings;
  const paths = drawn.length / horizon;
  const futures = Array.from({ length: paths }, (_, path) =>
    inUnits(window, target, drawn.slice(path * horizon, (path + 1) * horizon), forecaster),
  );
  const at = (h: number): number[] => futures.map((future) => future[h] as number);
  const each = (of: (values: number[]) => number): Float64Array =>
    Float64Array.from({ length: horizon }, (_, h) => of(at(h)));
  return {
    values: each((values) =>
      head === "negative-binomial"
        ? values.reduce((sum, value) => sum + value, 0) / values.length
        : sampleQuantile(values, 0.5),
    ),
    quantiles: Object.fromEntries(levels.map((p) => [String(p), each((values) => sampleQuantile(values, p))])),
  };
}
