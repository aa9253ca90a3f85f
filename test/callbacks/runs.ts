/** What a training hands to its callbacks, without a training. */
import type { Model } from "../../src/nn/model.ts";
import type { Callback, Logs, TrainingRun } from "../../src/train/callbacks.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { tinyModel } from "../helpers/models.ts";

export const runOf = (trainer: Trainer, model: Model): TrainingRun => ({
  model,
  epochs: 1,
  get step() {
    return trainer.step;
  },
  learningRate: 0.01,
  gradientNorm: () => trainer.gradientNorm(),
  save: () => trainer.save(),
  state: () => trainer.state(),
  stop: () => {},
});

/** A run that trains nothing; `step` may be set. */
export const idleRun = (model: Model = tinyModel(1)): TrainingRun & { step: number } => ({
  model,
  epochs: 3,
  step: 0,
  learningRate: 0.01,
  gradientNorm: () => 0,
  save: () => true,
  state: () => ({ step: 0, slots: {} }),
  stop: () => {},
});

/** A training of as many epochs as there are logs, each of `batches` batches, whose losses are those of their epochs. */
export async function play(callback: Callback, epochs: readonly Logs[], { batches = 2, run = idleRun() } = {}) {
  await callback.onTrainBegin?.(run);
  for (const [epoch, logs] of epochs.entries()) {
    for (let k = 0; k < batches; k++) {
      run.step++;
      await callback.onBatchEnd?.({ loss: (logs.loss ?? 0) + k }, run);
    }
    await callback.onEpochEnd?.(epoch, logs, run);
  }
  await callback.onTrainEnd?.(epochs.at(-1) ?? {}, run);
}
