/**
 * Callbacks that watch one of the logs after each epoch, and the learning rate by epochs. Names, defaults and rules are
 * Keras's. Knows nothing about files.
 */
import { InputError } from "../graph/input-error.ts";
import type { Model } from "../nn/model.ts";
import type { Callback, Logs } from "./callbacks.ts";
import { checkWhole } from "./checks.ts";
import { type Plateau, reduceLrOnPlateau } from "./rates.ts";

/** Whether less or more is better; "auto": more of what is called an accuracy, less of all else. */
export type MonitorMode = "auto" | "min" | "max";

type Monitor = {
  /** Which of the logs: "valLoss", "accuracy". */
  readonly monitor?: string;
  readonly mode?: MonitorMode;
};

function directionOf(where: string, monitor: string, mode: MonitorMode): "min" | "max" {
  if (mode === "auto") return /acc/i.test(monitor) ? "max" : "min";
  if (mode === "min" || mode === "max") return mode;
  throw new InputError(`${where}: mode must be "auto", "min" or "max", got ${JSON.stringify(mode)}`);
}

/** @throws InputError where there is no such value, with those that there are */
function monitored(where: string, monitor: string, logs: Logs): number {
  const value = Object.hasOwn(logs, monitor) ? logs[monitor] : undefined;
  if (value !== undefined) return value;
  const hint = monitor.startsWith("val") ? " Give fit validationSplit or validationData." : "";
  throw new InputError(
    `${where}: there is no "${monitor}" to monitor; there are ${Object.keys(logs).join(", ")}.${hint}`,
  );
}

/**
 * Ends training where the monitored value has not been better than the best by more than `minDelta` for `patience`
 * epochs. With a `baseline`, only values better than it start the wait anew. `restoreBestWeights`: the model ends with
 * its values of the best epoch, however training ended. Epochs before `startFromEpoch` do not count. Keras's
 * EarlyStopping, with its defaults.
 * @throws InputError for options that mean nothing; after the first epoch for a value that the logs do not have
 * @example earlyStopping({ patience: 3, restoreBestWeights: true })
 */
export function earlyStopping({
  monitor = "valLoss",
  minDelta = 0,
  patience = 0,
  mode = "auto",
  baseline,
  restoreBestWeights = false,
  startFromEpoch = 0,
}: Monitor & {
  readonly minDelta?: number;
  readonly patience?: number;
  readonly baseline?: number;
  readonly restoreBestWeights?: boolean;
  readonly startFromEpoch?: number;
} = {}): Callback {
  const sign = directionOf("earlyStopping", monitor, mode) === "min" ? -1 : 1;
  checkWhole("earlyStopping: patience", patience, 0);
  checkWhole("earlyStopping: startFromEpoch", startFromEpoch, 0);
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

/**
 * Makes the learning rate smaller where the monitored value no longer gets better: `reduceLrOnPlateau` after each
 * epoch. Keras's ReduceLROnPlateau, with its defaults.
 * @throws InputError as `earlyStopping`, and from `fit` where it has a `learningRate` too
 * @example reduceOnPlateau({ factor: 0.5, patience: 2 })
 */
export function reduceOnPlateau({
  monitor = "valLoss",
  mode = "auto",
  ...options
}: Monitor & Omit<NonNullable<Parameters<typeof reduceLrOnPlateau>[2]>, "mode"> = {}): Callback {
  const rule = { ...options, mode: directionOf("reduceOnPlateau", monitor, mode) };
  reduceLrOnPlateau({ learningRate: 0 }, 0, rule);
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

/**
 * The learning rate of each epoch, from its number (0 at first) and the rate before it. Keras's LearningRateScheduler;
 * for a rate that changes within epochs give `fit` a `learningRate`, which excludes this.
 * @example learningRateScheduler((epoch, rate) => (epoch < 10 ? rate : rate * 0.9))
 */
export function learningRateScheduler(rateOf: (epoch: number, learningRate: number) => number): Callback {
  return {
    onEpochBegin(epoch, run) {
      run.learningRate = rateOf(epoch, run.learningRate);
    },
  };
}
