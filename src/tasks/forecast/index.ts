/** Forecasts of series: create, train, measure, forecast, save, load. */
import { drift, intervalOf, meanForecast, naive, quantilesOf, seasonalNaive, seasonalNaiveDrift } from "./baselines.ts";
import {
  coverage,
  crpsOfQuantiles,
  crpsOfSamples,
  mae,
  mape,
  mase,
  mse,
  pinball,
  rmse,
  smape,
  winkler,
} from "./scores.ts";
import { theta } from "./theta.ts";

export {
  type EvaluateForecasterOptions,
  evaluateForecaster,
  type ForecastEvaluation,
  type ForecastScores,
} from "./backtest.ts";
export type { NormalForecast } from "./baselines.ts";
export { forecaster } from "./create.ts";
export { forecastTask, readForecaster, type WriteForecasterOptions, writeForecaster } from "./file.ts";
export { type Forecast, type ForecastOptions, type ForecastStep, forecast } from "./predict.ts";
export type { ForecastData, Forecaster, ForecasterOptions, ForecastSettings } from "./settings.ts";
export { type TrainedForecaster, type TrainForecasterOptions, trainForecaster } from "./train.ts";

/**
 * Forecasts that need no training, of a series' numbers: a point and a standard deviation a step; and their quantiles and
 * intervals. `evaluateForecaster` has them, and ETS, beside its forecaster.
 * @example const { values } = baselines.seasonalNaive(sales, 12, 12);
 */
export const baselines = {
  ...{ naive, seasonalNaive, drift, seasonalNaiveDrift, theta, mean: meanForecast },
  ...{ quantilesOf, intervalOf },
};

/**
 * How far forecasts are from what came: of points, quantiles, intervals and samples.
 * @example scores.mase(came, forecasts, sales, 12); // below 1: better than seasonal naive
 */
export const scores = {
  ...{ mae, mse, rmse, mape, smape, mase },
  ...{ pinball, coverage, winkler, crpsOfQuantiles, crpsOfSamples },
};
