/** Train a forecaster on the windows of its series, and keep what was best in validation. */

import { hostOf } from "../../engines/registry.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkArguments, listOf, options as optionsOf, type Schema, wholeNumber } from "../../graph/schema.ts";
import { size } from "../../nn/layers.ts";
import { aCallback, type Callback } from "../../train/callbacks.ts";
import { learn, type TrainingHost, trainingHostOf, trainingTaskRules } from "../training.ts";
import { trainingSteps } from "./create.ts";
import { examplesOf } from "./examples.ts";
import { headOf, lossOfMembers } from "./heads.ts";
import { marginsOf } from "./margins.ts";
import { alone, prepare, stepsBefore, windowsOf } from "./prepare.ts";
import { aForecaster, type ForecastData, type Forecaster, forecastData } from "./settings.ts";

/** Options of `trainForecaster`. */
export type TrainForecasterOptions = TrainingHost & {
  /** Passes over the windows at most. Default: as many as make about 3,000 updates, from 5 to 300. */
  readonly epochs?: number;
  /** Windows of a batch. Default 32, or 256 of more than 20,000 windows. */
  readonly batchSize?: number;
  /** Adam's rate at the start; it falls to 0 along a cosine. Default 0.003. */
  readonly learningRate?: number;
  /** Weight decay, as AdamW's. Default 0. */
  readonly weightDecay?: number;
  /** Largest norm of the gradient. Default 1. */
  readonly clipNorm?: number;
  /** Passes without a better validation loss after which training ends. Default 20, or a quarter of the epochs where that is more. */
  readonly patience?: number;
  /** Steps from one window to the next. Default 1. */
  readonly stride?: number;
  /** Seed of the order of the windows and of dropout. Default 0. */
  readonly seed?: number;
  readonly callbacks?: readonly Callback[];
  /** Ends training after the present batch. */
  readonly signal?: AbortSignal;
};
export const trainForecasterRules: Schema<TrainForecasterOptions> = {
  ...trainingTaskRules,
  patience: wholeNumber(0),
  stride: size,
  callbacks: listOf(aCallback),
};
export const trainForecasterArguments = {
  forecaster: aForecaster,
  data: forecastData,
  options: optionsOf<TrainForecasterOptions>(trainForecasterRules),
};

/** What a training gives. */
export type TrainedForecaster = Forecaster & {
  /** The pass whose values were kept, from 0, and how many there were. */
  readonly epoch: number;
  readonly epochs: number;
  /** The losses of each pass. */
  readonly history: Readonly<Record<string, readonly number[]>>;
};

/**
 * Train a forecaster on its series' windows but for those to validate and to test on. The network changes in place and ends
 * with the values of the pass that was best in validation; without steps to validate on, with the last.
 * @param forecaster from `forecaster()`
 * @param data the series that it was made from
 * @param options see `TrainForecasterOptions` for all and their defaults
 * @returns the forecaster, to save and to forecast with, and how its training went
 * @throws InputError for series without the columns that it forecasts, and where all are too short to train on
 * @throws NonFiniteLoss if a loss or a parameter becomes infinite or NaN
 */
export async function trainForecaster(
  forecaster: Forecaster,
  data: ForecastData,
  options: TrainForecasterOptions = {},
): Promise<TrainedForecaster> {
  checkArguments("trainForecaster", { forecaster, data, options }, trainForecasterArguments);
  const { model, settings } = forecaster;
  const { stride = 1, seed = 0, weightDecay = 0, clipNorm = 1, callbacks = [], signal } = options;
  const prepared = prepare("trainForecaster", data, settings, 0);
  const training = windowsOf(prepared, settings, (one) => [0, trainingSteps(one, settings)], stride);
  const validation = windowsOf(prepared, settings, (one) => [trainingSteps(one, settings), one.length - settings.test]);
  if (training.length === 0) {
    throw new InputError(
      `trainForecaster: no series has a window of ${stepsBefore(settings) + settings.horizon} steps before the last ${settings.validation + settings.test}, which are to validate and test on. Give longer series.`,
    );
  }
  const { batchSize = training.length > 20_000 ? 256 : 32 } = options;
  const batches = Math.ceil(training.length / batchSize);
  const epochs = options.epochs ?? Math.min(300, Math.max(5, Math.ceil(3000 / batches)));
  const patience = options.patience ?? Math.max(20, Math.ceil(epochs / 4));
  const learningRate = options.learningRate ?? 0.003;
  const values = settings.form === "recursive" ? 1 : settings.horizon;
  const head = headOf(settings, values * (alone(settings) ? 1 : settings.targets.length));
  const host = hostOf(options);

  const validated = validation.length > 0;
  const { history, epoch, bestEpoch } = await learn(model, examplesOf(training, settings), {
    ...trainingHostOf(options),
    ...{ epochs, learningRate, weightDecay, patience, callbacks, updates: batches },
    ...{ batchSize, clipNorm, seed, loss: lossOfMembers(head.loss, settings.members) },
    ...(validated && { validationData: examplesOf(validation, settings) }),
    ...(signal !== undefined && { signal }),
  });
  const margins =
    settings.head === "point" && validated ? await marginsOf(forecaster, { training, validation }, host) : undefined;
  return {
    ...{ model, settings, margins, history },
    epoch: bestEpoch - 1,
    epochs: epoch.length,
  };
}
