/**
 * Forecasts from many origins and their scores, beside those of whatever else forecasts. Runs in a page; knows nothing of ETS,
 * which does not.
 */
import { type FittedScaling, lostSteps, scale } from "../../data/scaling.ts";
import { InputError } from "../../graph/input-error.ts";
import { drift, naive, quantilesOf, seasonalNaive, seasonalNaiveDrift } from "./baselines.ts";
import { forecastWindows, type Said, type TellingOptions } from "./predict.ts";
import { alone, prepare, stepsBefore, type Window } from "./prepare.ts";
import { pinballOf } from "./scores.ts";
import type { ForecastData, Forecaster } from "./settings.ts";
import { theta } from "./theta.ts";

/** The scores of forecasts, in the units of the series: means over all series, targets, origins and steps. */
export type ForecastScores = {
  readonly mae: number;
  readonly rmse: number;
  /** In percent. */
  readonly mape: number;
  readonly smape: number;
  /**
   * In units of the seasonal naive forecast's error one step ahead on all that came before the first forecast: below 1 is better.
   * Mean over series and targets.
   */
  readonly mase: number;
  /** On scaled values, as papers on many variables report it: mean squared and mean absolute error. */
  readonly scaledMse: number;
  readonly scaledMae: number;
  /** From the quantiles; undefined without any. */
  readonly crps: number | undefined;
  /** The share of values between the lowest and the highest quantile, and what it should be; undefined without two. */
  readonly coverage: number | undefined;
  readonly nominal: number | undefined;
};
/** The forecaster's scores, and those of what needs no network, on the same steps. */
export type ForecastEvaluation = {
  readonly forecaster: ForecastScores;
  readonly baselines: Readonly<Record<string, ForecastScores>>;
  /** Origins of each series, and the steps of each forecast that counted. */
  readonly origins: number;
  readonly steps: number;
};

/** Which origins and steps count: as `EvaluateForecasterOptions`. */
export type MeasureOptions = TellingOptions & {
  readonly steps?: number;
  readonly stride?: number;
  readonly lastStep?: boolean;
};

/**
 * Measure a forecaster and baselines on the same steps.
 * @param where what errors begin with
 * @param baselines by name; one whose history is too short somewhere is left out
 * @throws InputError where no forecast fits into the steps
 */
export async function measure(
  where: string,
  forecaster: Forecaster,
  data: ForecastData,
  options: MeasureOptions,
  baselines: Readonly<Record<string, Baseline>>,
): Promise<ForecastEvaluation> {
  const { settings } = forecaster;
  const { horizon, targets } = settings;
  const { steps = settings.test > 0 ? settings.test : horizon, lastStep = false } = options;
  const prepared = prepare(where, data, settings, 0);
  const stride = options.stride ?? Math.max(1, Math.ceil((steps - horizon + 1) / 20));
  const each = alone(settings) ? targets.map((_, target) => target) : [-1];
  const windows: Window[] = [];
  let origins = 0;
  for (const of of prepared) {
    const first = Math.max(of.length - steps, stepsBefore(settings));
    let count = 0;
    for (let at = first; at + horizon <= of.length; at += stride, count++) {
      for (const target of each) windows.push({ of, at, target });
    }
    origins = Math.max(origins, count);
  }
  if (windows.length === 0) {
    throw new InputError(
      `${where}: no forecast of ${horizon} steps from a lookback of ${settings.lookback} lies within the last ${steps} steps of a series. Give more steps or a longer series.`,
    );
  }
  const count = { from: lastStep ? horizon - 1 : 0, to: horizon };
  const score = (said: readonly (readonly Said[])[]): ForecastScores => scoresOf(windows, said, forecaster, count);
  const found: Record<string, ForecastScores> = {};
  for (const [name, make] of Object.entries(baselines)) {
    const said = await saidBy(windows, forecaster, make);
    if (said !== undefined) found[name] = score(said);
  }
  const own = await forecastWindows(forecaster, windows, options);
  return { forecaster: score(own), baselines: found, origins, steps: count.to - count.from };
}

/** What a forecast without a network says of the steps after these values. */
export type Baseline = (values: Float64Array, horizon: number) => Said | Promise<Said>;

/** What needs no network and runs in a page too, by name; what needs a season only where there is one. */
export function simpleBaselines(
  { season }: Forecaster["settings"],
  levels: readonly number[],
): Record<string, Baseline> {
  const said = (one: ReturnType<typeof naive>): Said => saidOf(one, levels);
  return {
    naive: (values, horizon) => said(naive(values, horizon)),
    ...(season > 1 && { "seasonal naive": (values, horizon) => said(seasonalNaive(values, horizon, season)) }),
    drift: (values, horizon) => said(drift(values, horizon)),
    ...(season > 1 && {
      "seasonal naive with drift": (values, horizon) => said(seasonalNaiveDrift(values, horizon, season)),
    }),
    Theta: (values, horizon) => said(theta(values, horizon, season)),
  };
}

/** A normal forecast with the quantiles that a forecaster tells. */
export const saidOf = (one: ReturnType<typeof naive>, levels: readonly number[]): Said => ({
  values: one.values,
  quantiles: quantilesOf(one, levels),
});

/** ETS and Theta are fitted anew at each origin, to no more than so many of the last values: they take seconds otherwise. */
export const longestHistory = 2000;

/** What a baseline says of windows; undefined where a history is too short for it. */
async function saidBy(
  windows: readonly Window[],
  { settings }: Forecaster,
  make: Baseline,
): Promise<Said[][] | undefined> {
  const all: Said[][] = [];
  for (const { of, at, target } of windows) {
    const columns = target < 0 ? of.original : [of.original[target] as Float64Array];
    const said: Said[] = [];
    for (const values of columns) {
      const end = of.lost + at;
      try {
        said.push(await make(values.slice(Math.max(0, end - longestHistory), end), settings.horizon));
      } catch (error) {
        if (error instanceof InputError) return undefined;
        throw error;
      }
    }
    all.push(said);
  }
  return all;
}

/** The scores of what is said of windows, of these steps of each forecast. */
function scoresOf(
  windows: readonly Window[],
  said: readonly (readonly Said[])[],
  { settings }: Forecaster,
  { from, to }: { readonly from: number; readonly to: number },
): ForecastScores {
  const levels = Object.keys(said[0]?.[0]?.quantiles ?? {});
  const [lowest, highest] = [levels[0], levels.at(-1)] as [string | undefined, string | undefined];
  const between = lowest !== undefined && highest !== undefined && lowest !== highest;
  // Sums, not lists: of many windows there are millions of values.
  const sums = {
    absolute: 0,
    squared: 0,
    percent: 0,
    symmetric: 0,
    scaledAbsolute: 0,
    scaledSquared: 0,
    pinball: 0,
    inside: 0,
  };
  const byTarget = new Map<string, { absolute: number; count: number; training: Float64Array }>();
  let count = 0;
  windows.forEach(({ of, at, target }, n) => {
    (target < 0 ? of.original.map((_, k) => k) : [target]).forEach((place, k) => {
      const { values, quantiles } = (said[n] as readonly Said[])[k] as Said;
      const original = of.original[place] as Float64Array;
      const truth = original.subarray(of.lost + at, of.lost + at + to);
      const scaledTruth = (of.targets[place] as Float64Array).subarray(at, at + to);
      const fitted = of.fitted[place] as FittedScaling;
      // What came before, so that differences are those of the forecast to it.
      const lost = lostSteps(fitted);
      const again = new Float64Array(lost + to);
      again.set(original.subarray(of.lost + at - lost, of.lost + at));
      again.set(values.subarray(0, to), lost);
      const scaled = scale(again, fitted, undefined, of.start + of.lost + at - lost);
      const key = `${of.name}\n${place}`;
      const own = byTarget.get(key) ?? {
        absolute: 0,
        count: 0,
        // What was there before the first of its forecasts: windows come in the order of time.
        training: original.subarray(0, Math.max(2, of.lost + at)),
      };
      byTarget.set(key, own);
      for (let h = from; h < to; h++) {
        const [y, f] = [truth[h] as number, values[h] as number];
        const error = Math.abs(y - f);
        count++;
        own.count++;
        own.absolute += error;
        sums.absolute += error;
        sums.squared += error * error;
        sums.percent += y === 0 ? Infinity : Math.abs(error / y);
        sums.symmetric += error === 0 ? 0 : error / (Math.abs(y) + Math.abs(f));
        const off = Math.abs((scaledTruth[h] as number) - (scaled[h] as number));
        sums.scaledAbsolute += off;
        sums.scaledSquared += off * off;
        for (const p of levels) sums.pinball += pinballOf(y, quantiles[p]?.[h] as number, Number(p));
        if (between && y >= (quantiles[lowest]?.[h] as number) && y <= (quantiles[highest]?.[h] as number))
          sums.inside++;
      }
    });
  });
  const season = (training: Float64Array): number => (training.length > settings.season ? settings.season : 1);
  const scaledErrors = [...byTarget.values()].map(
    (one) => one.absolute / one.count / naiveError(one.training, season(one.training)),
  );
  return {
    ...{ mae: sums.absolute / count, rmse: Math.sqrt(sums.squared / count) },
    ...{ mape: (100 * sums.percent) / count, smape: (200 * sums.symmetric) / count },
    mase: scaledErrors.reduce((sum, one) => sum + one, 0) / scaledErrors.length,
    ...{ scaledMse: sums.scaledSquared / count, scaledMae: sums.scaledAbsolute / count },
    crps: levels.length > 0 ? (2 * sums.pinball) / levels.length / count : undefined,
    coverage: between ? sums.inside / count : undefined,
    nominal: between ? Number(highest) - Number(lowest) : undefined,
  };
}
/** The mean absolute error of the seasonal naive forecast one step ahead. */
function naiveError(values: Float64Array, season: number): number {
  let sum = 0;
  for (let t = season; t < values.length; t++) sum += Math.abs((values[t] as number) - (values[t - season] as number));
  return sum / (values.length - season);
}
