/** Train a classifier: changed copies of the examples in batches of like length, with early stopping on examples held out. */

import { hostOf } from "../../engines/registry.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  either,
  inRange,
  oneOf,
  options as optionsOf,
  recordOf,
  withDefaults,
} from "../../graph/schema.ts";
import { createRandom, type Random } from "../../nn/random.ts";
import type { ExampleBatch } from "../../train/batches.ts";
import { sparseCategoricalCrossentropy } from "../../train/losses.ts";
import { bucketsFor, type MakeBatch, shuffledByLength, sortedByLength } from "../by-length.ts";
import { learn, stoppingRules, type TrainingHost, trainingHostOf, trainingTaskRules } from "../training.ts";
import {
  type Augmentation,
  augmentationRules,
  changedFeatures,
  changedSound,
  changesSound,
  completeAugmentation,
} from "./augment.ts";
import { type ClassifierEvaluation, evaluateVectors, targetsOf } from "./evaluate.ts";
import { isSound, type LabelledSequence, labelledSequences, nameOf } from "./examples.ts";
import { rowsOfSound } from "./features.ts";
import { aClassifier, type Classifier } from "./file.ts";
import { scaled, soundAt, type Vectors, vectorsOf } from "./input.ts";
import { splitExamples } from "./split.ts";
import { forgetful } from "./text.ts";

/** What `onEpoch` is told. */
export type ClassifierProgress = {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Of the training examples as they were learned: changed, with dropout and smoothed labels. */
  readonly loss: number;
  readonly accuracy: number;
  readonly validationLoss?: number | undefined;
  readonly validationAccuracy?: number | undefined;
};

/** Options of `trainClassifier`; also the host's. */
export type TrainClassifierOptions = TrainingHost & {
  /** Passes over the training examples, at most. Default 60, of texts 8. */
  readonly epochs?: number;
  /** Sequences per batch. Default 16, of texts 32. */
  readonly batchSize?: number;
  /** Adam's learning rate at the beginning. Default 0.003, of texts 0.002. */
  readonly learningRate?: number;
  /** "cosine": the rate goes down to 0 over all epochs; "none": it stays. Default "cosine". */
  readonly decay?: "cosine" | "none";
  /** Decoupled weight decay (AdamW). Default 0. */
  readonly weightDecay?: number;
  /** Gradients longer than this are shortened to it. Default 1. */
  readonly clipNorm?: number;
  /** Share of label smoothing. Default 0. */
  readonly labelSmoothing?: number;
  /** Factors for the loss by label; "balanced": each class counts as much as any other. Default 1. */
  readonly classWeight?: "balanced" | Readonly<Record<string, number>>;
  /** How training examples are changed each time that they are read. Default: not at all. */
  readonly augment?: Partial<Augmentation>;
  /** The share of the examples that is kept for validation (of whole groups, where examples have one), or other examples. Default 0.2. */
  readonly validation?: number | readonly LabelledSequence[];
  /** Epochs without a better validation loss after which training stops. Default 20, of texts 3. */
  readonly patience?: number;
  /** Seed of the split, the order, dropout and changes. Default 0. */
  readonly seed?: number;
  /** Called after each epoch. */
  readonly onEpoch?: (progress: ClassifierProgress) => void;
  /** Ends training after the present batch. */
  readonly signal?: AbortSignal;
};

const share = inRange(0, 1);
export const trainClassifierArguments: Arguments = {
  of: aClassifier,
  examples: labelledSequences,
  options: optionsOf<TrainClassifierOptions>({
    ...trainingTaskRules,
    ...stoppingRules,
    decay: oneOf("cosine", "none"),
    labelSmoothing: share,
    classWeight: { ...either(oneOf("balanced"), recordOf(inRange(0))), expected: '"balanced", or a factor by label' },
    augment: alias(optionsOf<Partial<Augmentation>>(augmentationRules), "augmentation"),
    validation: { ...either(share, labelledSequences), expected: "a share in [0, 1), or a list of examples" },
  }),
};

/** Texts are many and short, and learned by heart after a few epochs. */
const defaults = {
  series: { epochs: 60, batchSize: 16, learningRate: 0.003, patience: 20 },
  text: { epochs: 8, batchSize: 32, learningRate: 0.002, patience: 3 },
} as const;

/** The result of `trainClassifier`. */
export type TrainClassifierResult = {
  /** Epochs that were run. */
  readonly epochs: number;
  /** The epoch, from 1, whose values the model has. */
  readonly bestEpoch: number;
  readonly trainingExamples: number;
  /** Measures on the examples that were held out; undefined if there were none. */
  readonly validation: ClassifierEvaluation | undefined;
  /** Why training ended before the last epoch, if it did. */
  readonly stopped?: string | undefined;
};

/**
 * Train a classifier with Adam; its values are changed, and are in the end those of the epoch with the lowest validation loss, or of
 * the last one without validation. The same seed gives the same values.
 * @param of the classifier
 * @param examples sequences with labels, as `classifier` takes them
 * @param options `epochs` (60, of texts 8), `batchSize` (16, 32), `learningRate` (0.003, 0.002), `augment`, `validation` (0.2), `patience` (20, 3): see
 *   `TrainClassifierOptions`
 * @returns the number of epochs, the best one, and measures on the examples held out
 * @throws InputError for a class with one example, unless `validation` is 0 or a list; for a label that the classifier does not have;
 *   for wrong options
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN
 * @example const { validation } = await trainClassifier(digits, examples, { augment: { shiftMs: 50, noise: 0.1 } });
 */
export async function trainClassifier(
  of: Classifier,
  examples: readonly LabelledSequence[],
  options: TrainClassifierOptions = {},
): Promise<TrainClassifierResult> {
  checkArguments("trainClassifier", { of, examples, options }, trainClassifierArguments);
  const usual = of.input.kind === "text" ? defaults.text : defaults.series;
  const { epochs, batchSize, learningRate, patience } = withDefaults(usual, options);
  const { weightDecay = 0, seed = 0 } = options;
  const { validation = 0.2, clipNorm = 1, labelSmoothing = 0, decay = "cosine", signal, onEpoch } = options;
  const split = splitExamples(examples, typeof validation === "number" ? validation : 0, seed);
  const held =
    typeof validation === "number" ? split.validation.map((k) => examples[k] as LabelledSequence) : validation;
  const heldTargets = targetsOf(of, held);
  const heldVectors = held.map((one, k) => vectorsOf(of.input, one, k));
  const training = split.training.map((k) => ({
    one: examples[k] as LabelledSequence,
    name: nameOf(examples[k] as LabelledSequence, k),
  }));
  const targets = targetsOf(
    of,
    training.map(({ one }) => one),
  );
  const augmentation = completeAugmentation(options.augment ?? {});
  const readers = training.map(({ one, name }) => readerOf(of, one, name, augmentation));
  const random = createRandom(seed);
  const batchOf: MakeBatch = (rows) => ({
    x: rows.map((k) => (readers[k] as Reader).read(random)),
    y: rows.map((k) => targets[k] as number),
  });
  const lengths = readers.map(({ length }) => length);
  const classWeight = weightsOf(of, targets, options.classWeight);
  const learned = await learn(of.model, shuffledByLength(lengths, batchOf, batchSize, random), {
    ...trainingHostOf(options),
    ...{ epochs, learningRate, weightDecay, patience, seed, clipNorm, metrics: ["accuracy"], pad: "post" },
    updates: decay === "cosine" ? Math.ceil(readers.length / batchSize) : undefined,
    loss: sparseCategoricalCrossentropy({ labelSmoothing }),
    // Slower speech is longer.
    buckets: bucketsFor(lengths.map((length) => Math.ceil(length / (1 - augmentation.speed)) + 1)),
    ...(classWeight && { classWeight }),
    ...(signal && { signal }),
    ...(held.length > 0 && { validationData: heldBatches(heldVectors, heldTargets, batchSize) }),
    onEpoch: (told, { accuracy = 0, valAccuracy }) =>
      onEpoch?.({ ...told, accuracy, ...(valAccuracy !== undefined && { validationAccuracy: valAccuracy }) }),
  });
  const measured = held.length > 0 ? await evaluateVectors(of, heldVectors, heldTargets, hostOf(options)) : undefined;
  const { epoch, bestEpoch, stopped } = learned;
  return { epochs: epoch.length, bestEpoch, trainingExamples: readers.length, validation: measured, stopped };
}

/** Reads an example: the same vectors each time, or changed ones. */
type Reader = { readonly length: number; readonly read: (random: Random) => Vectors };

function readerOf({ input }: Classifier, one: LabelledSequence, name: string, augmentation: Augmentation): Reader {
  const plain = vectorsOf(input, { ...one, name }, 0);
  if (plain instanceof Int32Array) {
    return { length: plain.length, read: (random) => forgetful(plain, augmentation.tokenDropout, random) };
  }
  const stretch = input.kind === "numbers";
  if (input.kind !== "audio" || !isSound(one) || !changesSound(augmentation)) {
    return { length: plain.length, read: (random) => changedFeatures(plain, augmentation, random, { stretch }) };
  }
  const { features, scaling } = input;
  const samples = soundAt(one, features, name);
  return {
    length: plain.length,
    read(random) {
      const sound = changedSound(samples, features.sampleRate, augmentation, random);
      return changedFeatures(scaled(scaling, rowsOfSound(sound, features), name), augmentation, random, { stretch });
    },
  };
}

/** Examples held out, sorted by length, so that little is padded. */
const heldBatches = (vectors: readonly Vectors[], targets: readonly number[], batchSize: number): ExampleBatch[] =>
  sortedByLength(
    vectors.map(({ length }) => length),
    (rows) => ({ x: rows.map((k) => vectors[k] as Vectors), y: rows.map((k) => targets[k] as number) }),
    batchSize,
  );

/** Factors by the number of a class. */
function weightsOf(
  { labels }: Classifier,
  targets: readonly number[],
  given: TrainClassifierOptions["classWeight"],
): Record<number, number> | undefined {
  if (given === undefined) return undefined;
  const counts = labels.map((_, j) => targets.filter((target) => target === j).length);
  const there = counts.filter((count) => count > 0).length;
  const entries = labels.map((label, j) => {
    const balanced = counts[j] === 0 ? 1 : targets.length / (there * (counts[j] as number));
    return [j, given === "balanced" ? balanced : ((given as Record<string, number>)[label] ?? 1)] as const;
  });
  return Object.fromEntries(entries);
}
