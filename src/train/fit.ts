/**
 * Training on whole data sets, with Keras's names and defaults: epochs, shuffled batches, validation, callbacks. For
 * streams of tokens there is `fitStream`, for loops of one's own `createTrainer`.
 */
import { InputError } from "../graph/input-error.ts";
import type { Model } from "../nn/model.ts";
import { createRandom } from "../nn/random.ts";
import { shuffle as shuffled } from "../nn/shuffle.ts";
import type { LoadOptions } from "../runtime/program.ts";
import type { Callback, Logs, Run } from "./callbacks.ts";
import { checkWhole } from "./checks.ts";
import { createMeans, createMeasure } from "./evaluate.ts";
import {
  checkWholeBatches,
  createBatches,
  type DataSet,
  type ExampleArray,
  type InputArrays,
  readDataSet,
  rowsBetween,
  weighByClass,
} from "./examples.ts";
import { defaultLoss } from "./losses.ts";
import { createWatch } from "./non-finite.ts";
import { adam, inside } from "./optimizers.ts";
import type { Rate } from "./rates.ts";
import { createTrainer, type TrainerOptions, type TrainerState } from "./trainer.ts";
import { createTurns } from "./turns.ts";

/** As `createTrainer`'s, and Keras's: 1 epoch, batches of 32, shuffled, no validation, seed 0. */
export type FitOptions = LoadOptions &
  Omit<TrainerOptions, "batch" | "steps"> & {
    /** Passes over the training examples. */
    readonly epochs?: number;
    readonly batchSize?: number;
    /** A new order of the training examples in each epoch. */
    readonly shuffle?: boolean;
    /** Share of the examples, the last ones as they are given, that is kept for validation. */
    readonly validationSplit?: number;
    /** Instead of a share: other examples. */
    readonly validationData?: {
      readonly x: InputArrays;
      readonly y: ExampleArray;
      readonly sampleWeight?: ExampleArray;
    };
    /** What the loss of each example (N), or of each of its steps (N,T), is multiplied by. */
    readonly sampleWeight?: ExampleArray;
    /** The same by the class of the target, in training alone; 1 for classes that are absent. */
    readonly classWeight?: Readonly<Record<number, number>>;
    readonly callbacks?: readonly Callback[];
    /** The rate of each update from the steps taken before it; without it, the optimiser's, or what callbacks set. */
    readonly learningRate?: Rate;
    /** Epochs that came before: with `resume`, training goes on as if it had never stopped. */
    readonly initialEpoch?: number;
    readonly resume?: TrainerState;
    /** Of the order of examples and the dropout masks. */
    readonly seed?: number;
    /** Ends it after the present batch. */
    readonly signal?: AbortSignal;
  };

/** What each epoch measured: `history.loss[k]` is that of `epoch[k]`. */
export type History = {
  readonly epoch: readonly number[];
  readonly history: Readonly<Record<string, readonly number[]>>;
  /** Why it ended before its last epoch. */
  readonly stopped?: string;
};

/**
 * Train on x: tokens (N,T) or vectors (N,T,D), and y: classes (N,T) or vectors (N,T,V), without T where the model gives
 * one output a sequence; examples first, nested lists or `{ data, shape }`; x by name where the model has several inputs.
 * All sequences have one length. States start from zero in every batch; those of `stateful` layers in every epoch (without
 * `shuffle`, batch k + 1 goes on where batch k ended). A last batch that is not full is a smaller mean. The model's values
 * are the trained ones when it resolves.
 *
 * Logs are Keras's in camel case: `loss`, metrics by name, with validation `valLoss` and so on, and `learningRate`.
 * Training means are those of the batches as they were learned; all means are over outputs that are not masked.
 * @throws InputError for data or options that do not fit, before the model changes
 * @throws NonFiniteLoss where the loss or a parameter is no longer a number, and says which value was the first; the
 * model keeps what it had after the last good epoch
 * @example
 * const { history } = await fit(model, x, y, { epochs: 5, metrics: ["accuracy"], validationSplit: 0.1 });
 */
export async function fit(model: Model, x: InputArrays, y: ExampleArray, options: FitOptions = {}): Promise<History> {
  const { epochs = 1, batchSize = 32, shuffle = true, initialEpoch = 0, seed = 0, callbacks = [], ...rest } = options;
  const { optimizer = adam(), loss = defaultLoss, metrics = [], signal, resume } = rest;
  const { learningRate: schedule, sampleWeight, classWeight, fma, threads } = rest;
  checkWhole("fit: epochs", epochs, 1);
  checkWhole("fit: batchSize", batchSize, 1);
  checkWhole("fit: initialEpoch", initialEpoch, 0);
  const host = { fma, threads };
  const data = readDataSet(model, x, y, { where: "fit", loss, sampleWeight });
  const { training, validation } = split(model, data, { ...options, loss });
  const { steps } = data;
  const batch = Math.min(batchSize, training.length);

  checkWholeBatches(model, { count: training.length, batch, shuffle }, "fit");
  const trainer = await createTrainer(model, { ...rest, optimizer, loss, seed, batch, steps });
  const measure =
    validation &&
    (await createMeasure(model, validation.data, validation.rows, {
      ...{ where: "fit", batchSize, loss, metrics, ...host },
    }));
  if (resume !== undefined) trainer.restore(resume);
  const watch = createWatch(trainer);
  const weighted = classWeight === undefined ? data : weighByClass(data, classWeight, model.outputSize);
  const batches = createBatches(weighted, batch);
  const turns = createTurns();
  let chosen = optimizer.learningRate;
  let stopped: string | undefined;
  const run: Run = {
    model,
    epochs,
    get step() {
      return trainer.step;
    },
    get learningRate() {
      return schedule?.(trainer.step) ?? chosen;
    },
    set learningRate(rate: number) {
      if (schedule !== undefined) {
        throw new InputError(
          "fit: a callback sets the learning rate, which learningRate decides. Leave one of them out.",
        );
      }
      chosen = rate;
    },
    save: () => watch.trySave(),
    state: () => trainer.state(),
    stop(reason) {
      stopped ??= reason;
    },
  };

  const epoch: number[] = [];
  const history: Record<string, number[]> = {};
  let logs: Logs = {};
  const ended = (): boolean => {
    if (signal?.aborted === true) run.stop("aborted");
    return stopped !== undefined;
  };
  for (const callback of callbacks) await callback.onTrainBegin?.(run);
  for (let k = initialEpoch; k < epochs && !ended(); k++) {
    for (const callback of callbacks) await callback.onEpochBegin?.(k, run);
    if (ended()) break;
    // By epoch, so that one that is taken up again has the order that it would have had.
    const order = shuffle ? shuffled(training.slice(), createRandom(seed + k)) : training;
    const means = createMeans(metrics);
    trainer.resetStates();
    for (let from = 0; from < order.length && !ended(); from += batch) {
      const { learningRate } = run;
      inside(`fit: the learning rate of step ${trainer.step}`, learningRate, 0, Number.POSITIVE_INFINITY);
      trainer.startBatch();
      const last = from + batch >= order.length;
      const mean = await watch.update({ ...batches(order, from), last }, learningRate);
      means.add(trainer.counted, mean, (name) => trainer.program.total(name));
      for (const callback of callbacks) await callback.onBatchEnd?.({ ...means.logs(), learningRate }, run);
      await turns();
    }
    await watch.save();
    if (signal?.aborted === true) break;
    logs = { ...means.logs(), ...(measure && named("val", await measure())), learningRate: run.learningRate };
    epoch.push(k);
    for (const [name, value] of Object.entries(logs)) {
      history[name] ??= [];
      history[name].push(value);
    }
    for (const callback of callbacks) await callback.onEpochEnd?.(k, logs, run);
  }
  for (const callback of callbacks) await callback.onTrainEnd?.(logs, run);
  return { epoch, history, ...(stopped !== undefined && { stopped }) };
}

/** valLoss from loss. */
const named = (prefix: string, logs: Logs): Logs =>
  Object.fromEntries(
    Object.entries(logs).map(([name, value]) => [prefix + name[0]?.toUpperCase() + name.slice(1), value]),
  );

type Part = { readonly data: DataSet; readonly rows: Int32Array };

function split(
  model: Model,
  data: DataSet,
  { validationSplit = 0, validationData, loss }: FitOptions & Pick<Required<FitOptions>, "loss">,
): { readonly training: Int32Array; readonly validation: Part | undefined } {
  const { count } = data;
  if (validationData !== undefined) {
    const { x, y, sampleWeight } = validationData;
    const other = readDataSet(model, x, y, { where: "fit: validationData", loss, sampleWeight });
    return { training: rowsBetween(0, count), validation: { data: other, rows: rowsBetween(0, other.count) } };
  }
  inside("fit: validationSplit", validationSplit, 0, 1);
  if (validationSplit === 0) return { training: rowsBetween(0, count), validation: undefined };
  const kept = Math.floor(count * (1 - validationSplit));
  if (kept === 0 || kept === count) {
    throw new InputError(
      `fit: validationSplit ${validationSplit} of ${count} examples leaves ${kept} to train on and ${count - kept} to ` +
        "validate on; both need one at least",
    );
  }
  return { training: rowsBetween(0, kept), validation: { data, rows: rowsBetween(kept, count) } };
}
