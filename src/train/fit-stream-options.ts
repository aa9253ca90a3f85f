/** The options of `fitStream` with their defaults, and what it tells while it trains. */

import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import {
  type Arguments,
  alias,
  aSignal,
  callable,
  inRange,
  listOf,
  oneOf,
  options as optionsOf,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { aModel } from "../nn/model-checks.ts";
import { aSeed } from "../nn/random.ts";
import { aCallback, type Callback } from "./callbacks.ts";
import { aCommunicator, type Communicator } from "./communicator.ts";
import { aRate, type LearningRateSchedule } from "./learning-rate-schedules.ts";
import { share as aShare } from "./number-rules.ts";
import { type OptimizerName, optimizerOrName } from "./optimizer-names.ts";
import type { Optimizer } from "./optimizers.ts";
import { someTokens, type Tokens } from "./token-source.ts";
import { stateRules, type TrainerState } from "./trainer.ts";
import { trainingRules } from "./training-plan.ts";

/** Defaults that suit text by characters on one core: many small updates do better than long gradients. */
export const fitDefaults = {
  batch: 16,
  steps: 32,
  epochs: 6,
  learningRate: 0.008,
  clipNorm: 5,
  validationSplit: 0.05,
  validationTokens: 200_000,
  validations: 4,
  keep: "last",
} as const;

/** A good learning rate for character-level text, by optimiser. */
export const rateFor = (optimizer: OptimizerName): number =>
  optimizer === "sgd" || optimizer === "asgd" ? 8 : fitDefaults.learningRate;

/**
 * Options of `fitStream` and `trainLanguageModel`; also the host's: `engine`, `threads`, `fma`, `precision`.
 */
export type FitStreamOptions = HostOptions & {
  /** Parts of the stream that are read in parallel. Default 16. */
  readonly batch?: number;
  /** Time steps per update, as far as gradients reach back (truncated backpropagation through time). Default 32. */
  readonly steps?: number;
  /**
   * The token behind each of separate texts: the parts of each pass then begin with it, at other texts in each, so that a model learns to
   * begin one from the states that it starts with. By default the tokens are one text, and passes begin anywhere.
   */
  readonly endOfText?: number | undefined;
  /** Passes over the training tokens, including those before a `resume`; not together with `minutes`. Default 6. */
  readonly epochs?: number;
  /** Instead of epochs: how long to train, in minutes, including the time before a `resume` and all validations. */
  readonly minutes?: number;
  /** For `minutes`: returns the milliseconds this run has used. By default the time since it began, without `onProgress`. */
  readonly clock?: () => number;
  /** The optimiser, or its name. Default Adam at a learning rate of 0.008. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** A learning-rate schedule, from the number of steps so far. By default a cosine from the full rate to a tenth. */
  readonly learningRate?: LearningRateSchedule | undefined;
  /** Largest global norm of the gradients. Default 5. */
  readonly clipNorm?: number;
  /** Largest absolute value of each number of the gradients. By default none. */
  readonly clipValue?: number | undefined;
  /** Seed of the dropout masks and of where each pass begins. Default 0. */
  readonly seed?: number;
  /** Share of the tokens, at the end, that is kept for validation; 0 for none. Default 0.05. */
  readonly validationSplit?: number;
  /** Instead of a share: other tokens, at least 2. */
  readonly validationData?: Tokens | undefined;
  /** Largest number of validation tokens: the first ones are used; at least 2. Default 200,000. */
  readonly validationTokens?: number;
  /** Number of validations, spread evenly over the training; the last is at the end. Default 4. */
  readonly validations?: number;
  /** The values that the model ends with: those of the lowest validation loss, or the last. Default "last". */
  readonly keep?: "best" | "last";
  /** Callbacks, as in `fit`. If one has `onEpochEnd`, there is a validation at the end of each epoch too. */
  readonly callbacks?: readonly Callback[];
  /**
   * The state of an earlier training. With its `place`, and the same tokens, batch and steps, training continues to the
   * same bits; without it the tokens, the epochs and the learning rate start from the beginning.
   */
  readonly resume?: TrainerState | undefined;
  /** Ends training after the present update. A validation is broken off, and repeated on resume. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called about every half second and after each validation, when the model has the present values: it may be evaluated,
   * saved or generate text. Training awaits it, does not count its time, and gives the same bits with it. `checkpoint()`,
   * valid until it returns, makes the content to save: `writeLanguageModel({ ...lm, ...checkpoint() })`.
   */
  readonly onProgress?: (progress: Progress, checkpoint: () => Checkpoint) => unknown;
  /** Call `onProgress` at least after this many updates. */
  readonly progressEvery?: number | undefined;
  /** Other processes that train the same model on the same tokens: see `TrainerOptions`. `onProgress` is called in each of them. */
  readonly distributed?: Communicator | undefined;
  /** For slow links between them, as in `TrainerOptions`: updates between two exchanges. Default 1. */
  readonly syncEvery?: number | undefined;
};

const length = inRange(0, Infinity, "()");
export const fitStreamRules: Schema<FitStreamOptions> = {
  ...hostRules,
  batch: alias(size, "batchSize", "lanes"),
  steps: alias(size, "sequenceLength", "bptt"),
  endOfText: wholeNumber(0),
  epochs: alias(length, "epoch", "nEpochs", "numEpochs"),
  minutes: length,
  optimizer: optimizerOrName,
  learningRate: alias(aRate, "lr", "scheduler"),
  clipNorm: trainingRules.clipNorm,
  clipValue: trainingRules.clipValue,
  seed: aSeed,
  validationSplit: alias(aShare, "valSplit"),
  validationData: alias(someTokens, "valData"),
  validationTokens: wholeNumber(2),
  validations: inRange(0),
  keep: oneOf("best", "last"),
  callbacks: listOf(aCallback),
  clock: callable,
  resume: optionsOf<TrainerState>(stateRules),
  signal: aSignal,
  onProgress: callable,
  progressEvery: inRange(0, Infinity, "(]"),
  distributed: aCommunicator,
  syncEvery: size,
};
export const fitStreamArguments: Arguments = {
  model: aModel,
  tokens: someTokens,
  options: optionsOf<FitStreamOptions>(fitStreamRules),
};

/** A model and the state to resume its training from: the content of its file. */
export type Checkpoint = {
  /** The model with the values to keep: the best so far, or the newest. */
  readonly model: Model;
  /** The state that `resume` takes. */
  readonly training: TrainerState;
};

/** The progress of a training, reported about every half second and after each validation. */
export type Progress = {
  /** Updates so far, including those before a resume. */
  readonly step: number;
  /** Epochs so far, as a fraction. */
  readonly epoch: number;
  /** Share of the training that is done, 0 to 1. */
  readonly done: number;
  /** Mean training loss since the last progress, in nats. */
  readonly loss: number;
  /** Whether it is a time of validation, even if there are no validation tokens. The last one is the end of training. */
  readonly milestone: boolean;
  /** The validation loss in nats, if it was just measured. */
  readonly validationLoss: number | null;
  readonly tokensPerSecond: number;
  readonly elapsedMs: number;
  readonly remainingMs: number;
};

/** A validation with a lower loss than all before it: the loss in nats, the update and the epoch. */
export type Best = { readonly loss: number; readonly step: number; readonly epoch: number };
