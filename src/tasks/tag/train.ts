/** Train a tagger: sentences of like length in batches, with early stopping on sentences held out. */

import { hostOf } from "../../engines/registry.ts";
import type { TaggedSentence } from "../../formats/conll.ts";
import { type Arguments, checkArguments, either, inRange, options as optionsOf } from "../../graph/schema.ts";
import { createRandom, type Random } from "../../nn/random.ts";
import type { ExampleBatch } from "../../train/batches.ts";
import { bucketsFor, shuffledByLength, sortedByLength } from "../by-length.ts";
import { heldOut, learn, stoppingRules, type TrainingHost, trainingHostOf, trainingTaskRules } from "../training.ts";
import { checkSentences, taggedSentences } from "./create.ts";
import { evaluateTagger, type TaggerEvaluation, targetsOf } from "./evaluate.ts";
import { aTagger, hasCrf, type Tagger } from "./file.ts";
import { createTagReader, tokensPerWord } from "./input.ts";

/** What `onEpoch` is told. */
export type TaggerProgress = {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Nats a sentence with a conditional random field, else nats a word; with dropout. */
  readonly loss: number;
  readonly validationLoss?: number | undefined;
};

/** Options of `trainTagger`; also the host's. */
export type TrainTaggerOptions = TrainingHost & {
  /** Passes over the sentences, at most. Default 20. */
  readonly epochs?: number;
  /** Sentences per batch. Default 16. */
  readonly batchSize?: number;
  /** Adam's learning rate at the beginning; it goes down to 0 in a cosine over all epochs. Default 0.005. */
  readonly learningRate?: number;
  /** Decoupled weight decay (AdamW). Default 0. */
  readonly weightDecay?: number;
  /** Gradients longer than this are shortened to it. Default 5. */
  readonly clipNorm?: number;
  /** The share of words that are read as unknown in training. Default 0.1. */
  readonly wordDropout?: number;
  /** The share of the sentences that is kept for validation, or other sentences. Default 0.1. */
  readonly validation?: number | readonly TaggedSentence[];
  /** Epochs without a better validation loss after which training stops. Default 5. */
  readonly patience?: number;
  /** Seed of the split, the order and dropout. Default 0. */
  readonly seed?: number;
  /** Called after each epoch. */
  readonly onEpoch?: (progress: TaggerProgress) => void;
  /** Ends training after the present batch. */
  readonly signal?: AbortSignal;
};

const share = inRange(0, 1);
export const trainTaggerArguments: Arguments = {
  of: aTagger,
  sentences: taggedSentences,
  options: optionsOf<TrainTaggerOptions>({
    ...trainingTaskRules,
    ...stoppingRules,
    wordDropout: share,
    validation: { ...either(share, taggedSentences), expected: "a share in [0, 1), or a list of sentences" },
  }),
};

/** The result of `trainTagger`. */
export type TrainTaggerResult = {
  /** Epochs that were run. */
  readonly epochs: number;
  /** The epoch, from 1, whose values the model has. */
  readonly bestEpoch: number;
  readonly trainingSentences: number;
  /** Measures on the sentences that were held out; undefined if there were none. */
  readonly validation: TaggerEvaluation | undefined;
  /** Why training ended before the last epoch, if it did. */
  readonly stopped?: string | undefined;
};

/**
 * Train a tagger with Adam; its values are changed, and are in the end those of the epoch with the lowest validation loss, or of the
 * last one without validation. The same seed gives the same values.
 * @param of the tagger
 * @param sentences sentences with labels, as `tagger` takes them
 * @param options `epochs` (20), `batchSize` (16), `learningRate` (0.005), `wordDropout` (0.1), `validation` (0.1), `patience` (5), ...:
 *   see `TrainTaggerOptions`
 * @returns the number of epochs, the best one, and measures on the sentences held out
 * @throws InputError for a label that the tagger does not have, and for wrong options
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN
 * @example const { validation } = await trainTagger(names, sentences, { epochs: 10 });
 */
export async function trainTagger(
  of: Tagger,
  sentences: readonly TaggedSentence[],
  options: TrainTaggerOptions = {},
): Promise<TrainTaggerResult> {
  checkArguments("trainTagger", { of, sentences, options }, trainTaggerArguments);
  const {
    epochs = 20,
    batchSize = 16,
    learningRate = 0.005,
    weightDecay = 0,
    clipNorm = 5,
    wordDropout = 0.1,
  } = options;
  const { validation = 0.1, patience = 5, seed = 0, signal, onEpoch } = options;
  checkSentences(sentences);
  const { training, held } = heldOut("trainTagger", sentences, validation, seed);
  const random = createRandom(seed);
  const own = batchesOf(of, training, (word) => word < wordDropout);
  const others = batchesOf(of, held, () => false);
  const learned = await learn(of.model, shuffledByLength(own.lengths, own.make, batchSize, random), {
    ...trainingHostOf(options),
    loss: hasCrf(of.model) ? "output" : "sparse_categorical_crossentropy",
    ...{ epochs, learningRate, weightDecay, patience, onEpoch, updates: Math.ceil(training.length / batchSize) },
    ...{ seed, clipNorm, pad: "post", buckets: bucketsFor(own.lengths) },
    ...(signal && { signal }),
    ...(held.length > 0 && {
      validationData: sortedByLength(others.lengths, (rows) => others.make(rows, random), batchSize),
    }),
  });
  const measured = held.length > 0 ? await evaluateTagger(of, held, hostOf(options)) : undefined;
  const { epoch, bestEpoch, stopped } = learned;
  return { epochs: epoch.length, bestEpoch, trainingSentences: training.length, validation: measured, stopped };
}

/** Batches of sentences; `forgets` says, of a number from 0 to 1 that is drawn for it, whether a word is read as unknown. */
function batchesOf(of: Tagger, sentences: readonly TaggedSentence[], forgets: (drawn: number) => boolean) {
  const targets = targetsOf(of, sentences);
  const read = createTagReader(of.input);
  const each = tokensPerWord(of.input);
  const oneHot = of.labels.map((_, label) => of.labels.map((_, k) => Number(k === label)));
  const none = of.labels.map(() => 0);
  const rowsOf = (labels: Int32Array): number[][] =>
    Array.from(
      { length: labels.length * each },
      (_, k) => (k % each === 0 ? oneHot[labels[k / each] as number] : none) as number[],
    );
  const make = (rows: readonly number[], random: Random): ExampleBatch => {
    const tokens = rows.map((k) => read((sentences[k] as TaggedSentence).tokens, () => forgets(random.uniform())));
    const labels = rows.map((k) => targets[k] as Int32Array);
    if (!hasCrf(of.model)) return { x: tokens, y: labels };
    return { x: { tokens, labels: labels.map(rowsOf) }, y: rows.map(() => 0) };
  };
  return { lengths: sentences.map(({ tokens }) => tokens.length * each), make };
}
