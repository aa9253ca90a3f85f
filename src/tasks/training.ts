/**
 * What the trainings of tasks share: Adam, whose rate goes down along a cosine, and the values of the epoch with the lowest validation
 * loss. Knows nothing about what is learnt.
 */
import type { HostOptions } from "../engines/engine.ts";
import { hostOf, hostRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import { alias, aSignal, callable, inRange, wholeNumber } from "../graph/schema.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { aSeed, createRandom } from "../nn/random.ts";
import { shuffle } from "../nn/shuffle.ts";
import type { BatchSource, ExampleBatch } from "../train/batches.ts";
import { earlyStopping } from "../train/built-in-callbacks.ts";
import type { Callback, Logs } from "../train/callbacks.ts";
import { aCommunicator, type Communicator } from "../train/communicator.ts";
import { isSource } from "../train/data-arguments.ts";
import { type FitOptions, fit, type History } from "../train/fit.ts";
import { cosineDecay } from "../train/learning-rate-schedules.ts";
import { adam, adamW } from "../train/optimizers.ts";

/** Rules of options that trainings of tasks have in common. */
export const trainingTaskRules = {
  ...hostRules,
  epochs: alias(size, "epoch", "nEpochs", "numEpochs", "maxEpochs"),
  batchSize: alias(size, "batch"),
  learningRate: alias(inRange(0, Infinity, "()"), "lr", "rate"),
  weightDecay: inRange(0),
  clipNorm: inRange(0, Infinity, "()"),
  seed: aSeed,
  signal: aSignal,
  distributed: aCommunicator,
};
/** And those of trainings that stop early and tell of each epoch. */
export const stoppingRules = { patience: wholeNumber(1), onEpoch: callable };

/** Where a training runs: the host's options, and the processes that share it. */
export type TrainingHost = HostOptions & {
  /** What connects this process with others that train the same model, as `connect` makes it. By default it is alone. */
  readonly distributed?: Communicator | undefined;
};

/** Those options, of all that were given. */
export const trainingHostOf = (options: TrainingHost): TrainingHost => {
  const { distributed } = options;
  return { ...hostOf(options), ...(distributed && { distributed }) };
};

/** What is told of an epoch. */
export type EpochTold = {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly validationLoss?: number | undefined;
};

/** How to learn: options of `fit`, and what becomes its optimiser, its learning rates and its callbacks. */
export type Learning = Omit<FitOptions, "optimizer" | "learningRate" | "epochs"> & {
  readonly epochs: number;
  /** Updates of an epoch, over all of which the rate goes down to 0; undefined: it stays. */
  readonly updates: number | undefined;
  readonly learningRate: number;
  readonly weightDecay?: number;
  /** Epochs without a lower validation loss after which training stops; only with validation data. */
  readonly patience: number;
  readonly onEpoch?: ((told: EpochTold, logs: Logs) => void) | undefined;
};

export type Learned = History & {
  /** The epoch, from 1, whose values the model has: that of the lowest validation loss, or the last one. */
  readonly bestEpoch: number;
  /** The lowest validation loss; undefined without validation data. */
  readonly lowest: number | undefined;
};

/** Train a model on examples or batches, as `fit` takes them. Its values are in the end those of the best epoch. */
export async function learn(model: Model, data: ExampleBatch | BatchSource, how: Learning): Promise<Learned> {
  const { epochs, updates, learningRate, weightDecay = 0, patience, onEpoch, callbacks = [], ...options } = how;
  let bestEpoch = 0;
  let lowest: number | undefined;
  const watch: Callback = {
    onEpochEnd(k, logs) {
      const { loss = 0, valLoss } = logs;
      if (valLoss === undefined || valLoss < (lowest ?? Number.POSITIVE_INFINITY))
        [bestEpoch, lowest] = [k + 1, valLoss];
      onEpoch?.({ epoch: k + 1, epochs, loss, ...(valLoss !== undefined && { validationLoss: valLoss }) }, logs);
    },
  };
  const best = options.validationData === undefined ? [] : [earlyStopping({ patience, restoreBestWeights: true })];
  const decay =
    updates === undefined
      ? {}
      : { learningRate: cosineDecay({ initialLearningRate: learningRate, decaySteps: updates * epochs }) };
  const complete: FitOptions = {
    ...options,
    ...decay,
    epochs,
    optimizer: weightDecay > 0 ? adamW({ learningRate, weightDecay }) : adam({ learningRate }),
    callbacks: [watch, ...best, ...callbacks],
  };
  const history = await (isSource(data) ? fit(model, data, complete) : fit(model, data.x, data.y, complete));
  return { ...history, bestEpoch, lowest };
}

/**
 * The items to train on and those held out, both in the order given: of a share these are drawn by the seed.
 * @throws InputError if none would be left to train on
 */
export function heldOut<Item>(
  where: string,
  items: readonly Item[],
  validation: number | readonly Item[],
  seed: number,
): { readonly training: readonly Item[]; readonly held: readonly Item[] } {
  if (typeof validation !== "number") return { training: items, held: validation };
  const order = Int32Array.from(items, (_, k) => k);
  shuffle(order, createRandom(seed));
  const count = validation === 0 ? 0 : Math.max(1, Math.round(validation * items.length));
  if (count >= items.length) {
    throw new InputError(
      `${where}: of ${items.length} example${items.length === 1 ? "" : "s"} ${count} would be kept for validation, and none is left to train on. Give more, or validation: 0.`,
    );
  }
  const kept = new Set(order.subarray(0, count));
  return { training: items.filter((_, k) => !kept.has(k)), held: items.filter((_, k) => kept.has(k)) };
}
