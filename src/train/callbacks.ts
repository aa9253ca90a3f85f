/** What happens between the steps of a training, as plain functions. Knows nothing about files. */
import { callable, checkOptions, isPlain, type Rule, type Schema, string } from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import type { TrainerState } from "./trainer.ts";

/** What is known after a batch or an epoch, by name: loss, accuracy, valLoss, valAccuracy, learningRate. */
export type Logs = Readonly<Record<string, number>>;

/** The training as callbacks see it. */
export type Run = {
  readonly model: Model;
  /** What a file of the model holds besides, where the training knows: of a language model, its tokenizer. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  readonly epochs: number;
  /** Updates taken, those of a resumed training included. */
  readonly step: number;
  /** The present learning rate; callbacks may set it (when no schedule is given). */
  learningRate: number;
  /** Copy the trained values into the model; false where one is infinite or NaN. */
  save(): boolean;
  state(): TrainerState;
  /** End after this batch/epoch, with the reason for the history. */
  stop(reason: string): void;
};

/**
 * What to do at the moments of a training; it waits for each. Keras's Callback.
 * @example { onEpochEnd: (epoch, { loss }) => console.log(epoch, loss) }
 */
export type Callback = {
  readonly onTrainBegin?: (run: Run) => void | Promise<void>;
  /** Epochs count from 0, as in Keras. */
  readonly onEpochBegin?: (epoch: number, run: Run) => void | Promise<void>;
  /** Logs are the means of the epoch so far. */
  readonly onBatchEnd?: (logs: Logs, run: Run) => void | Promise<void>;
  /** The model has the values of the epoch's end. */
  readonly onEpochEnd?: (epoch: number, logs: Logs, run: Run) => void | Promise<void>;
  /** After the last epoch, however it ended, but for an error. */
  readonly onTrainEnd?: (logs: Logs, run: Run) => void | Promise<void>;
  /** What it remembers from epoch to epoch, as plain data and Float32Arrays: part of the state to resume from. */
  readonly state?: () => Readonly<Record<string, unknown>>;
  /** The same back, after `onTrainBegin`, where the training goes on from such a state. */
  readonly restore?: (state: Readonly<Record<string, unknown>>) => void;
  /** What that state is found by. */
  readonly name?: string;
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
};
/** An object with at least one of the moments; what else it has is its own, unless it is called like one. */
export const aCallback: Rule = {
  expected: "a callback, as { onEpochEnd(epoch, logs) {} }",
  accepts: isPlain,
  options: callbackRules,
  look(where, value) {
    const given = value as Readonly<Record<string, unknown>>;
    const isMoment = (name: string): boolean => Object.hasOwn(callbackRules, name) || /^on[A-Z_-]/.test(name);
    const moments = Object.fromEntries(Object.entries(given).filter(([name]) => isMoment(name)));
    // A class has its moments in its prototype.
    const any = Object.keys(callbackRules).some((name) => given[name] !== undefined);
    checkOptions(where, any ? moments : given, callbackRules);
  },
};
