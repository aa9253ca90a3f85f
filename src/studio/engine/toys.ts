/** Train a small model on a toy task, for the Toy tasks view: what it learns, and what happens inside, while it does. */
import type { ToyTaskName } from "../../data/toy-tasks.ts";
import type { CellSource } from "./learning.ts";
import type { Job } from "./remote.ts";
import type { Watched } from "./watching.ts";

/** All that a run depends on: the same settings give the same numbers, to the bit. */
export type ToySettings = {
  readonly task: ToyTaskName;
  /** The lengths to train on: from the shortest to the longest, each as often as any other. */
  readonly shortest: number;
  readonly longest: number;
  readonly alphabet: number;
  readonly cell: CellSource;
  readonly units: number;
  readonly layers: number;
  readonly batch: number;
  readonly learningRate: number;
  /** The largest norm of all gradients together. */
  readonly clipNorm: number;
  readonly updates: number;
  readonly seed: number;
};

/** How well a model does on sequences that are drawn with another seed than those it trains on. */
export type ToyScore = {
  /** The share of answers that are right. */
  readonly answers: number;
  /** The share of sequences whose answers are all right. */
  readonly exact: number;
};

/** A symbol and its probability. */
export type Guess = { readonly symbol: number; readonly probability: number };
/** A sequence, step by step: what is read, what is to be answered (-1: nothing), and the likeliest answers. */
export type ToyExample = {
  readonly inputs: readonly number[];
  readonly targets: readonly number[];
  readonly guesses: readonly (readonly Guess[])[];
};

export type ToyReport = {
  readonly updates: number;
  /** The mean loss of an answer while training since the last report, in nats; undefined before the first update. */
  readonly trainingLoss: number | undefined;
  /** The mean loss of an answer on held-out sequences, in nats. */
  readonly loss: number;
  readonly held: ToyScore;
  /** The share of the held-out sequences that training has met so far: where a rule has few sequences, it meets them all. */
  readonly met: number;
  /** On sequences of one length each: the longest that it trains on, and longer ones; from every fifth report, and from the last. */
  readonly byLength: {
    readonly updates: number;
    readonly scores: readonly (ToyScore & { readonly length: number })[];
  };
  readonly examples: readonly ToyExample[];
  readonly watched: Watched;
  readonly elapsedMs: number;
};

export type ToyEnd = { readonly parameters: number };

export const toys = {
  /**
   * Train a new model. It reports before the first update, 25 times until the last, or every 250 updates. "finish" ends it; a last report has all that is measured.
   * @throws InputError, one line, for equations with a mistake, and for sizes that do not fit; NonFiniteLoss
   */
  async *trainToy(settings: ToySettings): Job<ToyReport, ToyEnd> {
    // Modules that no other job needs are loaded with this one.
    const { trainToy } = await import("./toy-training.ts");
    return yield* trainToy(settings);
  },
};
