/** How good forecasts are: from many origins of a series' known part, beside what needs no network. */
import { seasonLengths } from "../../data/calendar.ts";
import { checkArguments, flag, options as optionsOf, type Schema } from "../../graph/schema.ts";
import { size } from "../../nn/layers.ts";
import { type Baseline, type ForecastEvaluation, measure, saidOf, simpleBaselines } from "./measure.ts";
import { type TellingOptions, tellingRules } from "./predict.ts";
import { aForecaster, type ForecastData, type Forecaster, forecastData } from "./settings.ts";

export type { ForecastEvaluation, ForecastScores } from "./measure.ts";

/** Options of `evaluateForecaster`. */
export type EvaluateForecasterOptions = TellingOptions & {
  /** The last steps of each series in which all forecasts lie. Default: those that the forecaster was made with to test on, or its horizon. */
  readonly steps?: number;
  /** Steps from one origin to the next. Default: so many that there are 20 origins or fewer. */
  readonly stride?: number;
  /** Whether only the last step of each forecast counts, as where one looks so far ahead again and again. Default false. */
  readonly lastStep?: boolean;
  /** Whether to measure naive, seasonal naive (and with drift), drift, ETS and Theta too. Default true. */
  readonly baselines?: boolean;
};
export const evaluateForecasterRules: Schema<EvaluateForecasterOptions> = {
  ...tellingRules,
  steps: size,
  stride: size,
  lastStep: flag,
  baselines: flag,
};
export const evaluateForecasterArguments = {
  forecaster: aForecaster,
  data: forecastData,
  options: optionsOf<EvaluateForecasterOptions>(evaluateForecasterRules),
};

/**
 * Measure a forecaster: it forecasts from many origins, each time from what was known there, and so do naive, seasonal naive,
 * drift, ETS and Theta, each fitted anew to what was known there. The network is not trained anew.
 * @param forecaster a trained one
 * @param data its series
 * @param options see `EvaluateForecasterOptions`
 * @throws InputError where no forecast fits into the steps
 */
export async function evaluateForecaster(
  forecaster: Forecaster,
  data: ForecastData,
  options: EvaluateForecasterOptions = {},
): Promise<ForecastEvaluation> {
  const where = "evaluateForecaster";
  checkArguments(where, { forecaster, data, options }, evaluateForecasterArguments);
  const { baselines = true, ...counting } = options;
  return measure(where, forecaster, data, counting, baselines ? allBaselines(forecaster, options.levels) : {});
}

/** The simple baselines, and ETS. */
function allBaselines({ settings }: Forecaster, levels = settings.levels): Record<string, Baseline> {
  const { season, frequency } = settings;
  const seasons = frequency === undefined ? (season > 1 ? [season] : []) : seasonLengths(frequency);
  const { Theta, ...others } = simpleBaselines(settings, levels);
  const ETS: Baseline = async (values, horizon) => {
    // Its code is Node's, and is loaded where it is asked for.
    const { ets } = await import("./ets.ts");
    const fitting = seasons.filter((one) => 2 * one <= values.length);
    return saidOf(await ets(values, horizon, fitting), levels);
  };
  return { ...others, ETS, Theta: Theta as Baseline };
}
