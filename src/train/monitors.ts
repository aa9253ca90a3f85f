/**
 * Callbacks that watch one of the logs after each epoch, and the learning rate by epochs. Names, defaults and rules are
 * Keras's. Knows nothing about files.
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  callable,
  camelCase,
  checkArguments,
  checkOptions,
  finiteNumber,
  flag,
  oneOf,
  type Schema,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import type { Model } from "../nn/model.ts";
import type { Callback, Logs } from "./callbacks.ts";
import { type Plateau, type PlateauOptions, plateauOptionRules, reduceLrOnPlateau } from "./rates.ts";

/** Whether less or more is better; "auto": more of what is called an accuracy, less of all else. */
export type MonitorMode = "auto" | "min" | "max";

type Monitor = {
  /** Which of the logs: "valLoss", "accuracy". */
  readonly monitor?: string;
  readonly mode?: MonitorMode;
};

/** Of whatever watches one of the logs. */
export const monitorRules: Schema<Monitor> = { monitor: string, mode: oneOf("auto", "min", "max") };

const directionOf = (monitor: string, mode: MonitorMode): "min" | "max" =>
  mode === "auto" ? (/acc/i.test(monitor) ? "max" : "min") : mode;

/** @throws InputError where there is no such value, with those that there are */
function monitored(where: string, monitor: string, logs: Logs): number {
  // By Keras's name too: val_loss.
  const name = Object.hasOwn(logs, monitor) ? monitor : camelCase(monitor);
  const value = Object.hasOwn(logs, name) ? logs[name] : undefined;
  if (value !== undefined) return value;
  const hint = monitor.startsWith("val") ? " Give fit validationSplit or validationData." : "";
  throw new InputError(
    `${where}: there is no "${monitor}" to monitor; there are ${Object.keys(logs).join(", ")}.${hint}`,
  );
}

/** Keras's defaults: the first epoch whose `valLoss` is not lower than the best ends it, and the weights are the last. */
export type EarlyStoppingOptions = Monitor & {
  readonly minDelta?: number;
  readonly patience?: number;
  readonly baseline?: number;
  readonly restoreBestWeights?: boolean;
  readonly startFromEpoch?: number;
};
export const earlyStoppingRules: Schema<EarlyStoppingOptions> = {
  ...monitorRules,
  minDelta: finiteNumber,
  patience: wholeNumber(0),
  baseline: finiteNumber,
  restoreBestWeights: flag,
  startFromEpoch: wholeNumber(0),
};

/**
 * Ends training where the monitored value has not been better than the best by more than `minDelta` for `patience`
 * epochs. With a `baseline`, only values better than it start the wait anew. `restoreBestWeights`: the model ends with
 * its values of the best epoch, however training ended. Epochs before `startFromEpoch` do not count. Keras's
 * EarlyStopping, with its defaults.
 * @throws InputError for options that mean nothing; after the first epoch for a value that the logs do not have
 * @example earlyStopping({ patience: 3, restoreBestWeights: true })
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  checkOptions("earlyStopping", options, earlyStoppingRules);
  const { monitor = "valLoss", minDelta = 0, patience = 0, mode = "auto", baseline } = options;
  const { restoreBestWeights = false, startFromEpoch = 0 } = options;
  const sign = directionOf(monitor, mode) === "min" ? -1 : 1;
  const better = (value: number, than: number): boolean => sign * (value - than) > Math.abs(minDelta);
  let best = -sign * Number.POSITIVE_INFINITY;
  let wait = 0;
  let weights: Readonly<Record<string, Float32Array>> | undefined;
  return {
    name: "earlyStopping",
    onTrainBegin: () => {
      best = -sign * Number.POSITIVE_INFINITY;
      wait = 0;
      weights = undefined;
    },
    onEpochEnd(epoch, logs, run) {
      const value = monitored("earlyStopping", monitor, logs);
      if (epoch < startFromEpoch) return;
      const keep = (): void => {
        if (restoreBestWeights) weights = copyOf(run.model.values);
      };
      if (weights === undefined) keep();
      wait++;
      if (better(value, best)) {
        best = value;
        keep();
        if (baseline === undefined || better(value, baseline)) wait = 0;
        return;
      }
      // As in Keras: the first epoch of all never ends it.
      if (wait >= patience && epoch > 0) run.stop(`earlyStopping: ${monitor} was best at ${best}`);
    },
    // An infinite number is none of JSON's.
    state: () => ({ best: Number.isFinite(best) ? best : null, wait, ...(weights && { weights }) }),
    restore(state) {
      const before = state as { best: number | null; wait: number; weights?: typeof weights };
      best = before.best ?? best;
      wait = before.wait;
      weights = before.weights;
    },
    onTrainEnd(_, { model }) {
      if (weights !== undefined) setValues(model, weights);
    },
  };
}

export const copyOf = (values: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(values).map(([name, own]) => [name, own.slice()]));
export const setValues = (model: Model, values: Readonly<Record<string, Float32Array>>): void => {
  for (const [name, own] of Object.entries(values)) model.values[name]?.set(own);
};

/** Keras's defaults: a tenth of the rate where `valLoss` is not lower for 10 epochs. */
export type ReduceOnPlateauOptions = Monitor & Omit<PlateauOptions, "mode">;
export const reduceOnPlateauRules: Schema<ReduceOnPlateauOptions> = { ...plateauOptionRules, ...monitorRules };

/**
 * Makes the learning rate smaller where the monitored value no longer gets better: `reduceLrOnPlateau` after each
 * epoch. Keras's ReduceLROnPlateau, with its defaults.
 * @throws InputError as `earlyStopping`, and from `fit` where it has a `learningRate` too
 * @example reduceOnPlateau({ factor: 0.5, patience: 2 })
 */
export function reduceOnPlateau(options: ReduceOnPlateauOptions = {}): Callback {
  checkOptions("reduceOnPlateau", options, reduceOnPlateauRules);
  const { monitor = "valLoss", mode = "auto", ...numbers } = options;
  const rule = { ...numbers, mode: directionOf(monitor, mode) };
  let plateau: Omit<Plateau, "learningRate"> = {};
  return {
    name: "reduceOnPlateau",
    onTrainBegin: () => {
      plateau = {};
    },
    state: () => plateau,
    restore(state) {
      plateau = state as Omit<Plateau, "learningRate">;
    },
    onEpochEnd(_, logs, run) {
      const { learningRate } = run;
      const next = reduceLrOnPlateau({ ...plateau, learningRate }, monitored("reduceOnPlateau", monitor, logs), rule);
      plateau = next;
      if (next.learningRate !== learningRate) run.learningRate = next.learningRate;
    },
  };
}

export const learningRateSchedulerArguments: Arguments = { rateOf: callable };

/**
 * The learning rate of each epoch, from its number (0 at first) and the rate before it. Keras's LearningRateScheduler;
 * for a rate that changes within epochs give `fit` a `learningRate`, which excludes this.
 * @example learningRateScheduler((epoch, rate) => (epoch < 10 ? rate : rate * 0.9))
 */
export function learningRateScheduler(rateOf: (epoch: number, learningRate: number) => number): Callback {
  checkArguments("learningRateScheduler", { rateOf }, learningRateSchedulerArguments);
  return {
    onEpochBegin(epoch, run) {
      run.learningRate = rateOf(epoch, run.learningRate);
    },
  };
}
