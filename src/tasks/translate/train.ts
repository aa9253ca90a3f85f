/** Train a translator: the decoder reads each target as it should be, and is to say its next token. */

import { hostOf } from "../../engines/registry.ts";
import { stepwise } from "../../engines/stepwise.ts";
import { type Arguments, checkArguments, either, inRange, options as optionsOf } from "../../graph/schema.ts";
import { createRandom } from "../../nn/random.ts";
import { sparseCategoricalCrossentropy } from "../../train/losses.ts";
import { heldOut, learn, stoppingRules, type TrainingHost, trainingHostOf, trainingTaskRules } from "../training.ts";
import { examplesOf } from "./examples.ts";
import { sampledBatches } from "./scheduled-sampling.ts";
import { aTranslator, type TextPair, type Translator, textPairs } from "./settings.ts";

/** What `onEpoch` is told. */
export type TranslatorProgress = {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Mean over the tokens of the targets, in nats; with dropout and smoothed. */
  readonly loss: number;
  /** The share of tokens that were the likeliest where all before them were right. */
  readonly accuracy: number;
  readonly validationLoss?: number | undefined;
  readonly validationAccuracy?: number | undefined;
};

/** Options of `trainTranslator`; also the host's. */
export type TrainTranslatorOptions = TrainingHost & {
  /** Passes over the pairs, at most. Default 30. */
  readonly epochs?: number;
  /** Pairs per batch. Default 64. */
  readonly batchSize?: number;
  /** Adam's learning rate at the beginning; it goes down to 0 over all epochs. Default 0.002. */
  readonly learningRate?: number;
  /** Decoupled weight decay (AdamW). Default 0. */
  readonly weightDecay?: number;
  /** Gradients longer than this are shortened to it. Default 1. */
  readonly clipNorm?: number;
  /** Share of label smoothing. Default 0. */
  readonly labelSmoothing?: number;
  /**
   * The share of the target's tokens that, in the last epoch, are read as the model itself would have said them; it grows evenly from 0
   * in the first. S. Bengio et al., 2015 (arXiv 1506.03099). Default 0.
   */
  readonly scheduledSampling?: number;
  /** The share of the pairs that is kept for validation, or other pairs. Default 0.1. */
  readonly validation?: number | readonly TextPair[];
  /** Epochs without a better validation loss after which training stops. Default 10. */
  readonly patience?: number;
  /** Seed of the split, the order and dropout. Default 0. */
  readonly seed?: number;
  /** Called after each epoch. */
  readonly onEpoch?: (progress: TranslatorProgress) => void;
  /** Ends training after the present batch. */
  readonly signal?: AbortSignal;
};
const share = inRange(0, 1);
export const trainTranslatorArguments: Arguments = {
  of: aTranslator,
  pairs: textPairs,
  options: optionsOf<TrainTranslatorOptions>({
    ...trainingTaskRules,
    ...stoppingRules,
    labelSmoothing: share,
    scheduledSampling: inRange(0, 1, "[]"),
    validation: { ...either(share, textPairs), expected: "a share in [0, 1), or a list of pairs" },
  }),
};

/** The result of `trainTranslator`. */
export type TrainTranslatorResult = {
  /** Epochs that were run. */
  readonly epochs: number;
  /** The epoch, from 1, whose values the model has. */
  readonly bestEpoch: number;
  readonly trainingPairs: number;
  readonly validationPairs: number;
  readonly validationLoss: number | undefined;
  /** Why training ended before the last epoch, if it did. */
  readonly stopped?: string | undefined;
};

/** Lengths that batches are padded to: each needs a program of its own. */
const buckets = 4;

/**
 * Train a translator with Adam; its values are changed, and are in the end those of the epoch with the lowest validation loss, or of
 * the last one without validation. The same seed gives the same values.
 * @param of the translator
 * @param pairs texts and what they are to become
 * @param options `epochs` (30), `batchSize` (64), `learningRate` (0.002), `validation` (0.1), `patience` (10), ...: see
 *   `TrainTranslatorOptions`
 * @returns the number of epochs, the best one, and its validation loss
 * @throws InputError for wrong options, and where no pair is left to train on
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN
 * @example const { validationLoss } = await trainTranslator(reverse, pairs, { epochs: 10 });
 */
export async function trainTranslator(
  of: Translator,
  pairs: readonly TextPair[],
  options: TrainTranslatorOptions = {},
): Promise<TrainTranslatorResult> {
  checkArguments("trainTranslator", { of, pairs, options }, trainTranslatorArguments);
  const { epochs = 30, batchSize = 64, learningRate = 0.002, weightDecay = 0, clipNorm = 1, seed = 0 } = options;
  const { validation = 0.1, patience = 10, labelSmoothing = 0, scheduledSampling: sampling = 0 } = options;
  const { onEpoch, signal } = options;
  const { training, held } = heldOut("trainTranslator", pairs, validation, seed);
  const examples = examplesOf(of, training);
  const sampled =
    sampling === 0
      ? undefined
      : sampledBatches(of, examples, {
          ...{
            share: sampling,
            epochs,
            batchSize,
            random: createRandom(seed),
            host: await stepwise(hostOf(options)),
            signal,
          },
        });
  const { epoch, bestEpoch, lowest, stopped } = await learn(of.model, sampled?.batches ?? examples, {
    ...trainingHostOf(options),
    ...{ epochs, learningRate, weightDecay, patience, updates: Math.ceil(training.length / batchSize) },
    ...{ seed, clipNorm, pad: "post", metrics: ["accuracy"] },
    ...(sampled ? { buckets: sampled.buckets, callbacks: [sampled.callback] } : { buckets, batchSize }),
    loss: sparseCategoricalCrossentropy({ labelSmoothing }),
    ...(signal && { signal }),
    ...(held.length > 0 && { validationData: examplesOf(of, held) }),
    onEpoch: (told, { accuracy = 0, valAccuracy }) =>
      onEpoch?.({ ...told, accuracy, ...(valAccuracy !== undefined && { validationAccuracy: valAccuracy }) }),
  });
  return {
    ...{ epochs: epoch.length, bestEpoch, trainingPairs: training.length, validationPairs: held.length },
    ...{ validationLoss: lowest, stopped },
  };
}
