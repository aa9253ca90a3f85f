/**
 * `fit`: training on data sets, with Keras's names and defaults: epochs, shuffled batches, validation, callbacks. See
 * `fitStream` for streams of tokens, and `createTrainer` for a training loop of your own.
 */

import type { HostOptions } from "../engines/engine.ts";
import { engineFor, hostOf } from "../engines/registry.ts";
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
import { yieldNow } from "../graph/yielding.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { aModel } from "../nn/model-checks.ts";
import { disposing, type Own } from "../runtime/disposable.ts";
import { arrayPasses } from "./array-batches.ts";
import type { BatchSource, ExampleBatch, Passes } from "./batches.ts";
import { bySizes } from "./by-sizes.ts";
import { aCallback, type Callback, callbacksOf, type Logs, type TrainingRun } from "./callbacks.ts";
import { rowsBetween } from "./chunks.ts";
import type { Communicator } from "./communicator.ts";
import { argumentsOf, isNested, isSource } from "./data-arguments.ts";
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
import { createFetching, fetchLater } from "./fetching.ts";
import { aRate, type LearningRateSchedule } from "./learning-rate-schedules.ts";
import { defaultLoss, lossOf, targetSizeOf } from "./losses.ts";
import { namesOfMetrics } from "./metrics.ts";
import { createNonFiniteGuard } from "./non-finite-guard.ts";
import { amount, share } from "./number-rules.ts";
import { type OptimizerName, optimizerOf, optimizerOrName } from "./optimizer-names.ts";
import type { Optimizer } from "./optimizers.ts";
import { fillingFor, type PaddingOptions, paddingRules } from "./padding.ts";
import type { Agreement } from "./ranks.ts";
import { type FitPlace, placeInFit, restoreCallbacks, statesOfCallbacks, withoutBatches } from "./resume.ts";
import { sourcePasses } from "./source-batches.ts";
import { createTrainer, stateRules, type TrainerState } from "./trainer.ts";
import { type TrainerOptions, trainingRules } from "./training-plan.ts";

/** Options of `fit`: those of `createTrainer` (except `batch` and `steps`), and Keras's. */
export type FitOptions = HostOptions &
  PaddingOptions &
  Omit<TrainerOptions, "batch" | "steps" | "optimizer" | "syncEvery"> & {
    /** An optimiser, as `adam({ learningRate: 0.002 })`, or the name of one with its defaults. Default "adam". */
    readonly optimizer?: Optimizer | OptimizerName;
    /** Passes over the training examples. Default 1. */
    readonly epochs?: number;
    /** Examples per batch. Default 32. */
    readonly batchSize?: number;
    /** Whether each epoch has a new order of the training examples. Default true. */
    readonly shuffle?: boolean;
    /** Share of the examples, the last ones in the given order, that is kept for validation. Default 0. */
    readonly validationSplit?: number;
    /** Instead of a share: other examples, `{ x, y }` or an iterable of batches. */
    readonly validationData?: ExampleBatch | BatchSource;
    /** For batches: how many make an epoch. By default all. */
    readonly stepsPerEpoch?: number | undefined;
    /** For `validationData` that are batches: how many make a validation. By default all. */
    readonly validationSteps?: number | undefined;
    /** Factors for the loss of each example (N), or of each of its steps (N,T). Default 1. */
    readonly sampleWeight?: ExampleArray;
    /** Factors for the loss by the class of the target, in training only. Default 1. */
    readonly classWeight?: Readonly<Record<number, number>>;
    /** Callbacks, such as `earlyStopping()`. Default none. */
    readonly callbacks?: readonly Callback[];
    /** A learning-rate schedule, from the number of steps so far. By default the optimiser's rate, or what callbacks set. */
    readonly learningRate?: LearningRateSchedule;
    /**
     * Epochs before this call, as in Keras: `epochs` includes them, so with `epochs` not larger nothing is trained. With
     * `resume` and the state of an epoch's end (`run.state()` in a callback), training continues as if it had never
     * stopped. Default 0.
     */
    readonly initialEpoch?: number;
    /** The state of an earlier training. Without `initialEpoch`, a new training starts with the optimiser's state. */
    readonly resume?: TrainerState;
    /** Seed of the order of examples and of the dropout masks. Default 0. */
    readonly seed?: number;
    /** Ends training after the present batch. */
    readonly signal?: AbortSignal;
  };

const batchRules: Schema<ExampleBatch> = { x: required(someData), y: required(someData), sampleWeight: someData };
const validationRule: Rule = {
  ...optionsOf<ExampleBatch>(batchRules),
  expected: "{ x, y }, or an iterable of batches { x, y }",
  // Keras's form [x, y] would be a list of two batches.
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

/** The logs of a training. Keras's History. */
export type History = {
  /** The numbers of the epochs, from 0. */
  readonly epoch: readonly number[];
  /** The logs by name: `history.loss[k]` is the loss of `epoch[k]`. */
  readonly history: Readonly<Record<string, readonly number[]>>;
  /** Why training ended before the last epoch, if it did. */
  readonly stopped?: string;
};

/**
 * Train a model on examples. When the promise resolves, the model has the trained values. Keras's `model.fit`.
 *
 * All sequences have the same length (those of inputs that name their `time`, of one time) or, with `pad`, any length, if the model
 * masks its padding. States start from zeros in
 * every batch; those of `stateful` layers in every epoch (with `shuffle: false`, batch k + 1 then continues where batch k
 * ended). The last batch may be smaller.
 *
 * In place of x and y, `fit` takes an iterable or async iterable of batches `{ x, y }` or `{ x, y, sampleWeight }`: a list,
 * `timeseriesDatasetFromArray`, a generator that reads files. Batches may differ in size and length; each size has a program
 * of its own, and the most recent ones are kept. An iterable that can be read again restarts in each epoch; a generator
 * continues, and needs `stepsPerEpoch` for several epochs. Its `return()` is called at the end; if it ends too early,
 * `stopped` in the result says so.
 *
 * The logs are Keras's in camel case: `loss`, metrics by name, `valLoss` and so on with validation, and `learningRate`.
 * Training losses are means over the batches at the time they were learned. All means are over outputs that are not masked:
 * a batch without any has a loss and gradients of 0.
 * @param x tokens (N,T) or vectors (N,T,D), examples first: nested lists, typed arrays, or `{ data, shape }`; an object of
 *   them by name if the model has several inputs
 * @param y classes (N,T) or vectors (N,T,V), V as the loss has it, without T if the model has one output per sequence
 * @param options see `FitOptions` for all and their defaults
 * @returns the logs of each epoch
 * @throws InputError for data or options that do not fit, before the model changes. For a batch that does not fit, or a
 *   generator that fails, during training: the model then has what was learned so far
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN; it names the first such value, and the model
 *   keeps the values of the last finite epoch
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
  { epochs = 1, initialEpoch, seed = 0, callbacks: all = [], ...rest }: FitOptions,
): Promise<History> {
  const { distributed } = rest;
  const callbacks = callbacksOf(all, distributed);
  const { loss = defaultLoss, signal, resume, learningRate: schedule } = rest;
  const optimizer = optimizerOf(rest.optimizer);
  const metrics = namesOfMetrics(rest.metrics);
  const given = Object.entries(rest).filter(([name]) => Object.hasOwn(trainingRules, name));
  const each = Object.assign(Object.fromEntries(given), { optimizer, seed });
  const trainerOf = own(
    bySizes(async ({ batch, steps }) => fetchLater(await createTrainer(model, { batch, steps, ...each }))),
  );
  const together = distributed && (await startTogether(model, distributed, { ...rest, epochs, seed, optimizer }));
  let trainer = await trainerOf(training.sizes);
  const measure =
    validation &&
    own(await createMeasure(model, validation, { where: "fit", loss, metrics, distributed, ...hostOf(rest) }));
  const before = resume && placeInFit(resume, initialEpoch);
  if (resume !== undefined) trainer.restore(withoutBatches(resume));
  const guard = own(createNonFiniteGuard(trainer));
  const fetching = createFetching(() => trainer);
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
        throw new InputError("fit: a callback and learningRate both set the learning rate. Leave one of them out.");
      }
      chosen = rate;
    },
    gradientNorm() {
      fetching.check();
      return trainer.gradientNorm();
    },
    save() {
      fetching.check();
      return guard.trySave();
    },
    state() {
      fetching.check();
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
  const aborted = together?.aborted ?? ((): boolean => signal?.aborted === true);
  const ended = (): boolean => {
    if (aborted()) run.stop("aborted");
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
      const { done, value: batch } = await unlessAborted(pass.next(), together ? undefined : signal).catch(
        async (error: unknown) => {
          await fetching.now();
          guard.trySave();
          throw error;
        },
      );
      if (done === true) break;
      const { learningRate } = run;
      checkValue(`fit: the learning rate of step ${trainer.step}`, learningRate, amount);
      used = learningRate;
      const next = await trainerOf(batch);
      if (next !== trainer) {
        await fetching.now();
        next.takeOver(trainer);
        guard.use(next);
        trainer = next;
      }
      trainer.startBatch();
      const { batch: _, steps: __, ...examples } = batch;
      const agreed = together?.exchange(together.digestOfBatch(batch, k, taken));
      // Batches of other sizes would never be summed. Later ones are compared while an update is computed.
      if (taken === 0) await agreed;
      fetching.updated();
      const mean = await guard.update(examples, learningRate);
      await agreed;
      taken++;
      place = { epoch: k, batches: place.batches + 1 };
      means.add(trainer.validOutputs, mean, (name) => trainer.total(name));
      if (callbacks.some(({ onBatchEnd }) => onBatchEnd !== undefined)) await fetching.now();
      for (const callback of callbacks) await callback.onBatchEnd?.({ ...means.logs(), learningRate }, run);
      await yieldNow();
    }
    // All of them have read as many batches.
    if (!ended()) await together?.exchange(together.digestOfBatch(undefined, k, taken));
    await fetching.now();
    await guard.save();
    if ((ended() && aborted()) || (taken === 0 && stopped !== undefined)) break;
    // A schedule may return no rate for the step after the last.
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

/** Several processes begin alike, with the first one's values. */
async function startTogether(
  model: Model,
  distributed: Communicator,
  {
    epochs,
    seed,
    optimizer,
    batchSize,
    clipNorm,
    clipNormEach,
    clipValue,
    accumulate,
    shuffle,
    classWeight,
    validationSplit,
    validationSteps,
    stepsPerEpoch,
    initialEpoch,
    pad,
    buckets,
    metrics,
    loss,
    signal,
    ...rest
  }: FitOptions & {
    readonly optimizer: Optimizer;
  },
): Promise<Agreement & Pick<typeof import("./ranks.ts"), "digestOfBatch">> {
  const several = await import("./ranks.ts");
  const { name, isa } = await engineFor(rest);
  await several.checkSame(distributed, "fit", {
    parameters: several.factsOfModel(model),
    engine: [name, isa, rest.precision],
    ...{ epochs, seed, batchSize, clipNorm, clipNormEach, clipValue, accumulate, shuffle, classWeight },
    ...{ validationSplit, validationSteps, stepsPerEpoch, initialEpoch, pad, buckets, metrics },
    loss: typeof loss === "string" ? loss : undefined,
    optimizer: [optimizer.name, optimizer.learningRate],
    resume: several.digestOfState(rest.resume),
  });
  await several.shareValues(distributed, model.values);
  const agreement = await several.createAgreement(distributed, { signal, clock: () => performance.now() });
  return { ...agreement, digestOfBatch: several.digestOfBatch };
}

/** The next batch, or the end of batches if the signal comes first. */
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
 * A class, because the getters of an object literal would keep all that they close over, a whole training, from being
 * collected before a full garbage collection.
 */
class Running implements TrainingRun {
  readonly model: Model;
  readonly epochs: number;
  readonly gradientNorm: TrainingRun["gradientNorm"];
  readonly save: TrainingRun["save"];
  readonly state: TrainingRun["state"];
  readonly stop: TrainingRun["stop"];
  private readonly of: RunParts;

  constructor(model: Model, epochs: number, of: RunParts) {
    this.model = model;
    this.epochs = epochs;
    this.gradientNorm = of.gradientNorm;
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
type RunParts = Pick<TrainingRun, "gradientNorm" | "save" | "state" | "stop"> & {
  readonly step: () => number;
  readonly learningRate: () => number;
  readonly setLearningRate: (rate: number) => void;
};

/** valLoss from loss. */
const named = (prefix: string, logs: Logs): Logs =>
  Object.fromEntries(
    Object.entries(logs).map(([name, value]) => [prefix + name[0]?.toUpperCase() + name.slice(1), value]),
  );

/** The passes over the training data, and over the validation data. */
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
  const classes = lossOf(loss).target === "index" ? model.outputSize : targetSizeOf(loss, model.outputSize);
  const weighted = (data: DataSet): DataSet =>
    classWeight === undefined ? data : weighByClass(data, classWeight, classes);
  const again = epochs - initialEpoch > 1;
  const common = { where: "fit", pad, buckets, batchSize };
  const measured = async (): Promise<Passes | undefined> =>
    validationData &&
    measuredPasses(model, validationData, {
      ...{ ...common, where: "fit: validationData", loss, again, count: validationSteps, countName: "validationSteps" },
    });
  if (validationSteps !== undefined && !isSource(validationData)) {
    throw new InputError("fit: validationSteps needs batches as validationData; of arrays all examples are used");
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

/** Run `act`, and close what was opened if it fails. */
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
        "validate on; both need at least one",
    );
  }
  return { training: rowsBetween(0, kept), validation: rowsBetween(kept, count) };
}
