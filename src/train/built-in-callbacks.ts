/**
 * Callbacks that monitor a value of the logs after each epoch, and one that sets the learning rate by epochs. Names,
 * defaults and rules are Keras's.
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
import { type Plateau, type PlateauOptions, plateauOptionRules, reduceLrOnPlateau } from "./reduce-on-plateau.ts";

/** "min": lower is better; "max": higher is better; "auto": higher for names with "acc", lower for all others. */
export type MonitorMode = "auto" | "min" | "max";

type Monitor = {
  /** The value of the logs to monitor, as "accuracy". Default "valLoss". */
  readonly monitor?: string;
  /** Whether lower or higher is better. Default "auto". */
  readonly mode?: MonitorMode;
};

/** The options of callbacks that monitor a value. */
export const monitorRules: Schema<Monitor> = { monitor: string, mode: oneOf("auto", "min", "max") };

const directionOf = (monitor: string, mode: MonitorMode): "min" | "max" =>
  mode === "auto" ? (/acc/i.test(monitor) ? "max" : "min") : mode;

/** @throws InputError if the logs have no such value, with the names that they have */
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

/** Options of `earlyStopping`, with Keras's defaults. */
export type EarlyStoppingOptions = Monitor & {
  /** Smallest change that counts as an improvement. Default 0. */
  readonly minDelta?: number;
  /** Epochs without improvement after which training stops. Default 0. */
  readonly patience?: number;
  /** Only values better than this reset the patience. By default any improvement does. */
  readonly baseline?: number;
  /** Whether the model ends with the values of the best epoch. Default false: those of the last epoch. */
  readonly restoreBestWeights?: boolean;
  /** The first epoch to monitor. Default 0. */
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
 * A callback that stops training when a monitored value has stopped improving. Keras's EarlyStopping, with its defaults.
 * @param options `monitor` (default "valLoss"), `mode`, `patience` (0), `minDelta` (0), `baseline`, `restoreBestWeights`
 *   (false), `startFromEpoch` (0)
 * @throws InputError for wrong options; after the first epoch if the logs do not have the monitored value
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
    // JSON has no infinity.
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

/** Options of `reduceOnPlateau`, with Keras's defaults. */
export type ReduceOnPlateauOptions = Monitor & Omit<PlateauOptions, "mode">;
export const reduceOnPlateauRules: Schema<ReduceOnPlateauOptions> = { ...plateauOptionRules, ...monitorRules };

/**
 * A callback that lowers the learning rate when a monitored value has stopped improving. Keras's ReduceLROnPlateau, with its
 * defaults; `reduceLrOnPlateau` is the same rule as a function.
 * @param options `monitor` (default "valLoss"), `mode`, `factor` (0.1), `patience` (10), `minDelta` (0.0001), `cooldown`
 *   (0), `minLr` (0)
 * @throws InputError for wrong options; after the first epoch if the logs do not have the monitored value; in `fit` with a
 *   `learningRate`
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
 * A callback that sets the learning rate of each epoch. Keras's LearningRateScheduler. For a rate that changes within epochs
 * use the option `learningRate` of `fit`; the two exclude each other.
 * @param rateOf the rate of an epoch, from its number (from 0) and the rate before it
 * @throws InputError for what is not a function; in `fit` with a `learningRate`, and for a rate below 0
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
