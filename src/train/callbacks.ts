/** Callbacks: functions that are called between the steps of a training. */
import { callable, checkOptions, flag, isPlain, type Rule, type Schema, string } from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import type { TrainerState } from "./trainer.ts";

/** The values of a batch or an epoch by name: loss, accuracy, valLoss, valAccuracy, learningRate. */
export type Logs = Readonly<Record<string, number>>;

/** The training, as callbacks see and control it. */
export type TrainingRun = {
  readonly model: Model;
  /** Further content of the model's file, such as a language model's tokenizer. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /** The number of epochs to train. */
  readonly epochs: number;
  /** Updates so far, including those before a resume. */
  readonly step: number;
  /** The present learning rate. Callbacks may set it, unless `fit` was given a `learningRate`. */
  learningRate: number;
  /**
   * The norm of all gradients of the last update together, before they are clipped: an update was clipped where it is above `clipNorm`.
   * With `accumulate`, of the last batch alone. It reads all gradients at each call.
   */
  gradientNorm(): number;
  /** Copy the trained values into the model. Returns false, and copies nothing, if a value is infinite or NaN. */
  save(): boolean;
  /** A copy of the training's state, to resume from. */
  state(): TrainerState;
  /** End training after this batch or epoch; the history says the reason. */
  stop(reason: string): void;
};

/**
 * Functions that are called during a training, which awaits them. All are optional. Keras's Callback.
 * @example { onEpochEnd: (epoch, { loss }) => console.log(epoch, loss) }
 */
export type Callback = {
  /** Before the first epoch. */
  readonly onTrainBegin?: (run: TrainingRun) => void | Promise<void>;
  /** Before each epoch. Epochs count from 0, as in Keras. */
  readonly onEpochBegin?: (epoch: number, run: TrainingRun) => void | Promise<void>;
  /** After each batch. The logs are the means of the epoch so far. */
  readonly onBatchEnd?: (logs: Logs, run: TrainingRun) => void | Promise<void>;
  /** After each epoch and its validation. The model has the values of the epoch's end. */
  readonly onEpochEnd?: (epoch: number, logs: Logs, run: TrainingRun) => void | Promise<void>;
  /** After the last epoch, also if training ended early, but not after an error. */
  readonly onTrainEnd?: (logs: Logs, run: TrainingRun) => void | Promise<void>;
  /** Its state from epoch to epoch, as plain data and Float32Arrays: part of the training's state to resume from. */
  readonly state?: () => Readonly<Record<string, unknown>>;
  /** Restore that state, after `onTrainBegin`, if the training resumes from one. */
  readonly restore?: (state: Readonly<Record<string, unknown>>) => void;
  /** The name under which its state is kept. */
  readonly name?: string;
  /** Whether it writes files and decides nothing: of several processes that train together, the first alone has it. */
  readonly writes?: boolean;
};

export const callbackRules: Schema<Callback> = {
  onTrainBegin: callable,
  onEpochBegin: callable,
  onBatchEnd: callable,
  onEpochEnd: callable,
  onTrainEnd: callable,
  state: callable,
  restore: callable,
  name: string,
  writes: flag,
};
/** Those that a process of a training has. */
export const callbacksOf = (
  callbacks: readonly Callback[],
  { rank }: { readonly rank: number } = { rank: 0 },
): readonly Callback[] => (rank === 0 ? callbacks : callbacks.filter(({ writes }) => writes !== true));

/** An object with at least one callback function. Other properties are allowed, unless their names look like callbacks (`on...`). */
export const aCallback: Rule = {
  expected: "a callback, as { onEpochEnd(epoch, logs) {} }",
  accepts: isPlain,
  options: callbackRules,
  look(where, value) {
    const given = value as Readonly<Record<string, unknown>>;
    const isMoment = (name: string): boolean => Object.hasOwn(callbackRules, name) || /^on[A-Z_-]/.test(name);
    const moments = Object.fromEntries(Object.entries(given).filter(([name]) => isMoment(name)));
    // The methods of a class are in its prototype.
    const any = Object.keys(callbackRules).some((name) => given[name] !== undefined);
    checkOptions(where, any ? moments : given, callbackRules);
  },
};
