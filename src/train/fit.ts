/**
 * Training on whole data sets, with Keras's names and defaults: epochs, shuffled batches, validation, callbacks. For
 * streams of tokens there is `fitStream`, for loops of one's own `createTrainer`.
 */

import type { HostOptions } from "../engines/engine.ts";
import { hostOf } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  aSignal,
  checkValue,
  flag,
  listOf,
  options as optionsOf,
  type Rule,
  required,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { createYielder } from "../graph/yielding.ts";
import { size } from "../nn/layers.ts";
import { aModel, type Model } from "../nn/model.ts";
import { disposing, type Own } from "../runtime/disposable.ts";
import {
  argumentsOf,
  arrayPasses,
  type BatchSource,
  type ExampleBatch,
  isNested,
  isSource,
  type Passes,
  rowsBetween,
  sourcePasses,
} from "./batches.ts";
import { bySizes } from "./by-sizes.ts";
import { aCallback, type Callback, type Logs, type Run } from "./callbacks.ts";
import { createMeans, createMeasure, measuredPasses } from "./evaluate.ts";
import {
  classWeightRule,
  type DataSet,
  type ExampleArray,
  type InputArrays,
  readDataSet,
  someData,
  weighByClass,
} from "./examples.ts";
import { defaultLoss } from "./losses.ts";
import { namesOfMetrics } from "./metrics.ts";
import { createWatch } from "./non-finite.ts";
import { type OptimizerName, optimizerOf, optimizerOrName } from "./optimizer-names.ts";
import { amount, type Optimizer, share } from "./optimizers.ts";
import { fillingFor, type PaddingOptions, paddingRules } from "./padding.ts";
import { aRate, type Rate } from "./rates.ts";
import { type FitPlace, placeInFit, restoreCallbacks, statesOfCallbacks, withoutBatches } from "./resume.ts";
import { createTrainer, stateRules, type TrainerOptions, type TrainerState, trainingRules } from "./trainer.ts";

/** As `createTrainer`'s, and Keras's: 1 epoch, batches of 32, shuffled, no validation, seed 0. */
export type FitOptions = HostOptions &
  PaddingOptions &
  Omit<TrainerOptions, "batch" | "steps" | "optimizer"> & {
    /** The name of one, with its defaults, or one with options: `adam({ learningRate: 0.002 })`. */
    readonly optimizer?: Optimizer | OptimizerName;
    /** Passes over the training examples. */
    readonly epochs?: number;
    readonly batchSize?: number;
    /** A new order of the training examples in each epoch. */
    readonly shuffle?: boolean;
    /** Share of the examples, the last ones as they are given, that is kept for validation. */
    readonly validationSplit?: number;
    /** Instead of a share: other examples, as arrays or as whatever yields batches. */
    readonly validationData?: ExampleBatch | BatchSource;
    /** Of whatever yields batches, how many make an epoch, and how many a validation; all without it. */
    readonly stepsPerEpoch?: number | undefined;
    readonly validationSteps?: number | undefined;
    /** What the loss of each example (N), or of each of its steps (N,T), is multiplied by. */
    readonly sampleWeight?: ExampleArray;
    /** The same by the class of the target, in training alone; 1 for classes that are absent. */
    readonly classWeight?: Readonly<Record<number, number>>;
    readonly callbacks?: readonly Callback[];
    /** The rate of each update from the steps taken before it; without it, the optimiser's, or what callbacks set. */
    readonly learningRate?: Rate;
    /**
     * Epochs that came before, as in Keras, so that `epochs` counts them too: where it is not more, nothing is trained, and the
     * history is empty. With the state of an epoch's end, as callbacks get it from their run, training goes on as if it
     * had never stopped. Without it, `resume` begins a new training with what the optimiser knows.
     */
    readonly initialEpoch?: number;
    readonly resume?: TrainerState;
    /** Of the order of examples and the dropout masks. */
    readonly seed?: number;
    /** Ends it after the present batch. */
    readonly signal?: AbortSignal;
  };

const batchRules: Schema<ExampleBatch> = { x: required(someData), y: required(someData), sampleWeight: someData };
const validationRule: Rule = {
  ...optionsOf<ExampleBatch>(batchRules),
  expected: "{ x, y }, or what yields batches { x, y }",
  // As Keras has it, [x, y] would be two batches.
  accepts: (value) => typeof value === "object" && value !== null && !isNested(value),
  look: (where, value) => !isSource(value) && optionsOf<ExampleBatch>(batchRules).look?.(where, value),
};
export const fitRules: Schema<FitOptions> = {
  ...trainingRules,
  ...paddingRules,
  optimizer: optimizerOrName,
  epochs: alias(size, "epoch", "nEpochs", "numEpochs", "nbEpoch"),
  batchSize: alias(size, "batch"),
  shuffle: flag,
  validationSplit: alias(share, "valSplit"),
  validationData: alias(validationRule, "valData"),
  stepsPerEpoch: size,
  validationSteps: size,
  sampleWeight: someData,
  classWeight: classWeightRule,
  callbacks: listOf(aCallback),
  learningRate: alias(aRate, "lr", "scheduler"),
  initialEpoch: wholeNumber(0),
  resume: optionsOf<TrainerState>(stateRules),
  signal: aSignal,
};
export const fitArguments: Arguments = {
  model: aModel,
  x: someData,
  y: someData,
  options: optionsOf<FitOptions>(fitRules),
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
 * All sequences have one length, or, with `pad`, any: the model must mask its padding. States start from zero in every
 * batch; those of `stateful` layers in every epoch (without `shuffle`, batch k + 1 goes on where batch k ended). A last batch
 * that is not full is a smaller mean. The model's values are the trained ones when it resolves.
 *
 * Instead of x and y, whatever yields batches `{ x, y }` or `{ x, y, sampleWeight }`, at once or as promises: a list,
 * `timeseriesDatasetFromArray`, a generator over files. They may differ in size and length; each size takes a program of its
 * own, of which the last few are kept. What can be read anew is so in each epoch; a generator goes on where it was, by
 * `stepsPerEpoch`. Its `return()` is called at the end, however that comes; where it ends too early, `stopped` says so.
 *
 * Logs are Keras's in camel case: `loss`, metrics by name, with validation `valLoss` and so on, and `learningRate`.
 * Training means are those of the batches as they were learned; all means are over outputs that are not masked: a batch
 * without any has the loss 0, and gradients of zeros.
 * @throws InputError for data or options that do not fit, before the model changes; for a batch that does not fit, when it
 * comes: then, and where a generator fails, the model has what was learned
 * @throws NonFiniteLoss where the loss or a parameter is no longer a number, and says which value was the first; the
 * model keeps what it had after the last good epoch
 * @example
 * const { history } = await fit(model, x, y, { epochs: 5, metrics: ["accuracy"], validationSplit: 0.1 });
 * await fit(model, timeseriesDatasetFromArray(series, series.slice(10), 10), { epochs: 5, loss: "mean_squared_error" });
 */
export async function fit(model: Model, x: InputArrays, y: ExampleArray, options?: FitOptions): Promise<History>;
export async function fit(model: Model, batches: BatchSource, options?: FitOptions): Promise<History>;
export async function fit(
  model: Model,
  x: InputArrays | BatchSource,
  y?: ExampleArray | FitOptions,
  more?: FitOptions,
): Promise<History> {
  checkValue("fit: model", model, aModel);
  const only = {
    arrays: ["batchSize", "shuffle", "validationSplit", "sampleWeight"],
    batches: ["stepsPerEpoch"],
  } as const;
  const { data, options } = argumentsOf("fit", [x, y, more] as const, only, fitRules);
  const { training, validation } = await passesOf(model, data, options);
  try {
    return await disposing((own) => train(own, model, training, validation, options));
  } finally {
    await Promise.all([training.close(), validation?.close()]);
  }
}

async function train(
  own: Own,
  model: Model,
  training: Passes,
  validation: Passes | undefined,
  { epochs = 1, initialEpoch, seed = 0, callbacks = [], ...rest }: FitOptions,
): Promise<History> {
  const { loss = defaultLoss, signal, resume, learningRate: schedule } = rest;
  const optimizer = optimizerOf(rest.optimizer);
  const metrics = namesOfMetrics(rest.metrics);
  const given = Object.entries(rest).filter(([name]) => Object.hasOwn(trainingRules, name));
  const each = Object.assign(Object.fromEntries(given), { optimizer, seed });
  const trainerOf = own(bySizes(({ batch, steps }) => createTrainer(model, { batch, steps, ...each })));
  let trainer = await trainerOf(training.sizes);
  const measure =
    validation && own(await createMeasure(model, validation, { where: "fit", loss, metrics, ...hostOf(rest) }));
  const before = resume && placeInFit(resume, initialEpoch);
  if (resume !== undefined) trainer.restore(withoutBatches(resume));
  const watch = own(createWatch(trainer));
  const yieldNow = createYielder();
  let chosen = before?.learningRate ?? optimizer.learningRate;
  const first = initialEpoch ?? 0;
  let used = chosen;
  let place = { epoch: first, batches: 0 };
  let stopped: string | undefined;
  const run = new Running(model, epochs, {
    step: () => trainer.step,
    learningRate: () => (schedule === undefined ? chosen : schedule(trainer.step)),
    setLearningRate(rate) {
      if (schedule !== undefined) {
        throw new InputError(
          "fit: a callback sets the learning rate, which learningRate decides. Leave one of them out.",
        );
      }
      chosen = rate;
    },
    save: () => watch.trySave(),
    state() {
      const { states: _, ...state } = trainer.state();
      const fit: FitPlace = { ...place, learningRate: chosen, callbacks: statesOfCallbacks(callbacks) };
      return { ...state, place: { fit } };
    },
    stop(reason) {
      stopped ??= reason;
    },
  });

  const epoch: number[] = [];
  const history: Record<string, number[]> = {};
  let logs: Logs = {};
  const ended = (): boolean => {
    if (signal?.aborted === true) run.stop("aborted");
    return stopped !== undefined;
  };
  for (const callback of callbacks) await callback.onTrainBegin?.(run);
  restoreCallbacks(callbacks, before?.callbacks);
  for (let k = first; k < epochs && !ended(); k++) {
    for (const callback of callbacks) await callback.onEpochBegin?.(k, run);
    if (ended()) break;
    const means = createMeans(metrics);
    trainer.resetStates();
    const pass = training.pass(k, (reason) => run.stop(`${reason}, in epoch ${k + 1}`))[Symbol.asyncIterator]();
    let taken = 0;
    while (!ended()) {
      const { done, value: batch } = await unlessAborted(pass.next(), signal).catch((error: unknown) => {
        watch.trySave();
        throw error;
      });
      if (done === true) break;
      const { learningRate } = run;
      checkValue(`fit: the learning rate of step ${trainer.step}`, learningRate, amount);
      used = learningRate;
      const next = await trainerOf(batch);
      if (next !== trainer) {
        next.takeOver(trainer);
        watch.use(next);
        trainer = next;
      }
      trainer.startBatch();
      const { batch: _, steps: __, ...examples } = batch;
      const mean = await watch.update(examples, learningRate);
      taken++;
      place = { epoch: k, batches: place.batches + 1 };
      means.add(trainer.counted, mean, (name) => trainer.program.total(name));
      for (const callback of callbacks) await callback.onBatchEnd?.({ ...means.logs(), learningRate }, run);
      await yieldNow();
    }
    await watch.save();
    if ((ended() && signal?.aborted === true) || (taken === 0 && stopped !== undefined)) break;
    // A schedule may have no rate for the step after the last.
    const learningRate = run.learningRate ?? used;
    logs = Object.assign(means.logs(), measure && named("val", await measure()), { learningRate });
    epoch.push(k);
    place = { epoch: k + 1, batches: 0 };
    for (const [name, value] of Object.entries(logs)) {
      history[name] ??= [];
      history[name].push(value);
    }
    for (const callback of callbacks) await callback.onEpochEnd?.(k, logs, run);
  }
  for (const callback of callbacks) await callback.onTrainEnd?.(logs, run);
  return { epoch, history, ...(stopped !== undefined && { stopped }) };
}

/** The next batch, or the end of them where the signal comes before it. */
function unlessAborted<Value>(
  next: Promise<IteratorResult<Value, undefined>>,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<Value, undefined>> {
  if (signal === undefined) return next;
  return new Promise((resolve, reject) => {
    const end = (): void => resolve({ done: true, value: undefined });
    signal.addEventListener("abort", end);
    next.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}

/**
 * A class, as an object literal's getters keep all that they close over, a whole training, from every collection of garbage
 * but a full one.
 */
class Running implements Run {
  readonly model: Model;
  readonly epochs: number;
  readonly save: Run["save"];
  readonly state: Run["state"];
  readonly stop: Run["stop"];
  private readonly of: RunParts;

  constructor(model: Model, epochs: number, of: RunParts) {
    this.model = model;
    this.epochs = epochs;
    this.save = of.save;
    this.state = of.state;
    this.stop = of.stop;
    this.of = of;
  }
  get step(): number {
    return this.of.step();
  }
  get learningRate(): number {
    return this.of.learningRate();
  }
  set learningRate(rate: number) {
    this.of.setLearningRate(rate);
  }
}
type RunParts = Pick<Run, "save" | "state" | "stop"> & {
  readonly step: () => number;
  readonly learningRate: () => number;
  readonly setLearningRate: (rate: number) => void;
};

/** valLoss from loss. */
const named = (prefix: string, logs: Logs): Logs =>
  Object.fromEntries(
    Object.entries(logs).map(([name, value]) => [prefix + name[0]?.toUpperCase() + name.slice(1), value]),
  );

/** What is learned from, and what is measured after each epoch. */
async function passesOf(
  model: Model,
  given: ExampleBatch | BatchSource,
  options: FitOptions,
): Promise<{ readonly training: Passes; readonly validation: Passes | undefined }> {
  const {
    loss = defaultLoss,
    batchSize,
    shuffle = true,
    seed = 0,
    classWeight,
    accumulate = 1,
    pad,
    buckets,
  } = options;
  const { epochs = 1, initialEpoch = 0, stepsPerEpoch, validationData, validationSteps, validationSplit = 0 } = options;
  const filling = fillingFor(model, options, "fit");
  const read = ({ x, y, sampleWeight }: ExampleBatch, where: string): DataSet =>
    readDataSet(model, x, y, { where, loss, sampleWeight, filling });
  const weighted = (data: DataSet): DataSet =>
    classWeight === undefined ? data : weighByClass(data, classWeight, model.outputSize);
  const again = epochs - initialEpoch > 1;
  const common = { where: "fit", pad, buckets, batchSize };
  const measured = async (): Promise<Passes | undefined> =>
    validationData &&
    measuredPasses(model, validationData, {
      ...{ ...common, where: "fit: validationData", loss, again, count: validationSteps, countName: "validationSteps" },
    });
  if (validationSteps !== undefined && !isSource(validationData)) {
    throw new InputError("fit: validationSteps is for batches as validationData; of arrays all examples are taken");
  }
  if (isSource(given)) {
    const training = await sourcePasses(model, given, {
      ...{ ...common, count: stepsPerEpoch, countName: "stepsPerEpoch", again, anew: false, ahead: accumulate > 1 },
      read: (batch, where) => weighted(read(batch, where)),
    });
    return { training, validation: await closing(training, measured) };
  }
  const data = read(given, "fit");
  const { training, validation } = split(data.count, validationData === undefined ? validationSplit : 0);
  const learned = arrayPasses(model, weighted(data), training, { shuffle: shuffle ? seed : undefined, ...common });
  return {
    training: learned,
    validation: validation ? arrayPasses(model, data, validation, common) : await measured(),
  };
}

/** What comes after something was opened that a failure must close. */
async function closing<Result>(opened: Passes, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function split(
  count: number,
  validationSplit: number,
): { readonly training: Int32Array; readonly validation: Int32Array | undefined } {
  if (validationSplit === 0) return { training: rowsBetween(0, count), validation: undefined };
  const kept = Math.floor(count * (1 - validationSplit));
  if (kept === 0 || kept === count) {
    throw new InputError(
      `fit: validationSplit ${validationSplit} of ${count} examples leaves ${kept} to train on and ${count - kept} to ` +
        "validate on; both need one at least",
    );
  }
  return { training: rowsBetween(0, kept), validation: rowsBetween(kept, count) };
}
