/** Forecasts of series: create, train, measure, forecast, save, load. */
export {
  type EvaluateForecasterOptions,
  evaluateForecaster,
  type ForecastEvaluation,
  type ForecastScores,
} from "./backtest.ts";
export { forecaster } from "./create.ts";
export { forecastTask, readForecaster, type WriteForecasterOptions, writeForecaster } from "./file.ts";
export { type Forecast, type ForecastOptions, type ForecastStep, forecast } from "./predict.ts";
export type { ForecastData, Forecaster, ForecasterOptions, ForecastSettings } from "./settings.ts";
export { type TrainedForecaster, type TrainForecasterOptions, trainForecaster } from "./train.ts";
