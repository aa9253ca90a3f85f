/** `evaluate`: the mean loss and metrics of a model over a data set. */

import type { InferenceOptions } from "../engines/engine.ts";
import { inferenceRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, alias, checkValue, options as optionsOf, type Schema } from "../graph/schema.ts";
import { yieldNow } from "../graph/yielding.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { aModel, checkSteps } from "../nn/model-checks.ts";
import { statesOf } from "../nn/model-states.ts";
import { disposing } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { arrayPasses } from "./array-batches.ts";
import type { BatchSource, ExampleBatch, Passes } from "./batches.ts";
import { createBatchBinder } from "./bind-batch.ts";
import { bySizes } from "./by-sizes.ts";
import type { Logs } from "./callbacks.ts";
import { rowsBetween } from "./chunks.ts";
import { aCommunicator, type Communicator } from "./communicator.ts";
import { argumentsOf, isSource } from "./data-arguments.ts";
import { type ExampleArray, type InputArrays, readDataSet, someData } from "./examples.ts";
import { bindLoss } from "./loss-graph.ts";
import { aLoss, defaultLoss, type Loss, type LossName } from "./losses.ts";
import { finishMetric, type MetricName, metricNames, namesOfMetrics } from "./metrics.ts";
import { fillingFor, type PaddingOptions, paddingRules } from "./padding.ts";
import { sourcePasses } from "./source-batches.ts";

/** Options of `evaluate`; also the host's: `engine`, `threads`, `fma`, `precision`, `quantize`. */
export type EvaluateOptions = InferenceOptions &
  PaddingOptions & {
    /** Examples per batch, default 32. It changes only the rounding of the result. */
    readonly batchSize?: number;
    /** The loss, or its name. Default "sparse_categorical_crossentropy". */
    readonly loss?: LossName | Loss;
    /** Names of metrics, as "accuracy". Default none. */
    readonly metrics?: readonly MetricName[];
    /** Factors for the loss of each example (N), or of each of its steps (N,T). Default 1. */
    readonly sampleWeight?: ExampleArray | undefined;
    /** For batches: how many to read. By default all. */
    readonly steps?: number | undefined;
    /** Other processes that measure the same model on the same data: each computes its part of every batch. */
    readonly distributed?: Communicator | undefined;
  };

export const evaluateRules: Schema<EvaluateOptions> = {
  ...inferenceRules,
  ...paddingRules,
  batchSize: alias(size, "batch"),
  loss: alias(aLoss, "criterion"),
  metrics: metricNames,
  sampleWeight: someData,
  steps: size,
  distributed: aCommunicator,
};
export const evaluateArguments: Arguments = {
  model: aModel,
  x: someData,
  y: someData,
  options: optionsOf<EvaluateOptions>(evaluateRules),
};

/**
 * Measure the loss and metrics of a model on data. Keras's `model.evaluate`.
 * @param x tokens (N,T) or vectors (N,T,D), examples first: nested lists, typed arrays, or `{ data, shape }`; an object of
 *   them by name if the model has several inputs. Or, in place of x and y, an iterable of batches `{ x, y }`
 * @param y classes (N,T) or vectors (N,T,V), V as the loss has it, without T if the model has one output per sequence
 * @param options `loss`, `metrics`, `batchSize`, `sampleWeight`; `pad` for sequences of unequal length; `steps` for batches;
 *   the host's options
 * @returns `loss` and the metrics by name: means over all outputs except masked ones; 0 if no output counts. Weights scale
 *   the loss of an output but do not make it count more; metrics are not weighted. (Keras 3 computes the same mean in each
 *   batch, but weighs the batches by their examples, also if some are masked.)
 * @throws InputError for data that do not fit the model, with the place
 * @example const { loss, accuracy } = await evaluate(model, x, y, { metrics: ["accuracy"] });
 */
export async function evaluate(model: Model, x: InputArrays, y: ExampleArray, options?: EvaluateOptions): Promise<Logs>;
export async function evaluate(model: Model, batches: BatchSource, options?: EvaluateOptions): Promise<Logs>;
export async function evaluate(
  model: Model,
  x: InputArrays | BatchSource,
  y?: ExampleArray | EvaluateOptions,
  more?: EvaluateOptions,
): Promise<Logs> {
  checkValue("evaluate: model", model, aModel);
  const only = { arrays: ["batchSize", "sampleWeight"], batches: ["steps"] } as const;
  const { data, options } = argumentsOf("evaluate", [x, y, more] as const, only, evaluateRules);
  const { steps: count, loss = defaultLoss, ...rest } = options;
  const passes = await measuredPasses(model, data, {
    where: "evaluate",
    loss,
    count,
    countName: "steps",
    again: false,
    ...rest,
  });
  try {
    return await disposing(async (own) => {
      const measure = own(await createMeasure(model, passes, { where: "evaluate", loss, ...rest }));
      return measure();
    });
  } finally {
    await passes.close();
  }
}

/** The passes over arrays or batches for evaluation, which may be repeated. */
export async function measuredPasses(
  model: Model,
  given: ExampleBatch | BatchSource,
  options: PaddingOptions & {
    readonly where: string;
    readonly loss: LossName | Loss;
    readonly batchSize?: number | undefined;
    readonly count: number | undefined;
    readonly countName: string;
    readonly again: boolean;
  },
): Promise<Passes> {
  const { where, loss } = options;
  const filling = fillingFor(model, options, where);
  const read = ({ x, y, sampleWeight }: ExampleBatch, place: string) =>
    readDataSet(model, x, y, { where: place, loss, sampleWeight, filling });
  if (isSource(given)) return sourcePasses(model, given, { anew: true, ahead: false, read, ...options });
  const data = read(given, where);
  return arrayPasses(model, data, rowsBetween(0, data.count), options);
}

type MeasureOptions = InferenceOptions & {
  readonly where: string;
  readonly loss: LossName | Loss;
  readonly metrics?: readonly MetricName[];
  /** Other processes that measure the same data: each computes its part of every batch. */
  readonly distributed?: Communicator | undefined;
};

/** Measures one pass; owns programs until `dispose`. */
export type Measure = (() => Promise<Logs>) & { readonly dispose: () => void };

/** A function that measures the next pass at each call, with the present values of the model. */
export async function createMeasure(
  model: Model,
  passes: Passes,
  { where, loss, metrics: given, distributed, ...host }: MeasureOptions,
): Promise<Measure> {
  const metrics = namesOfMetrics(given);
  const programOf = bySizes(async (sizes) => {
    checkSteps(model, sizes.steps, where);
    const ranks = distributed && (await import("./ranks.ts")).createRanks(distributed, sizes.batch);
    const batch = ranks?.room ?? sizes.batch;
    const program = await bindLoss(model, { loss, metrics, ...sizes, batch }, host);
    const bindBatch = createBatchBinder(model, program, { ...sizes, take: ranks?.take });
    return { program, bindBatch, dispose: () => program.dispose() };
  });
  await programOf(passes.sizes);
  const stateful = statesOf(model, (spec) => spec.stateful);
  const endedEarly = (reason: string): never => {
    throw new InputError(`${where}: ${reason}`);
  };
  let taken = 0;

  const measure = async (): Promise<Logs> => {
    const means = createMeans(metrics);
    const ready = new Set<Program>();
    let before: Program | undefined;
    const same = distributed && (await import("./ranks.ts")).createPassCheck(distributed, where);
    for await (const one of passes.pass(taken++, endedEarly)) {
      const { inputs, targets, weights, examples, batch, steps } = one;
      same?.add(one);
      const { program, bindBatch } = await programOf({ batch, steps });
      if (!ready.has(program)) {
        program.setParameters(model.values);
        program.resetStates();
        ready.add(program);
      }
      const validOutputs = bindBatch(inputs, targets, { weights, examples });
      program.resetStates(stateful);
      if (before !== undefined && before !== program) {
        for (const name of stateful) program.setState(name, before.start(name));
      }
      before = program;
      await program.run();
      if (stateful.length > 0) program.advanceStates();
      means.add(validOutputs, program.total("loss"), (name) => program.total(name));
      await yieldNow();
    }
    await same?.check();
    return means.logsOf(distributed);
  };
  return Object.assign(measure, { dispose: programOf.dispose });
}

/**
 * Running means over outputs, from each batch's mean loss and sums of metrics; 0 if no output counts.
 */
export function createMeans(metrics: readonly MetricName[]): {
  readonly add: (validOutputs: number, loss: number, total: (name: MetricName) => number) => void;
  /** The means; with several processes, each of which has added its parts, of all of them. */
  readonly logs: () => Logs;
  readonly logsOf: (communicator: Communicator | undefined) => Promise<Logs>;
} {
  const names = ["loss", ...metrics];
  const sums: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  let outputs = 0;
  const means = (all: ArrayLike<number>): Logs =>
    Object.fromEntries(names.map((name, k) => [name, finishMetric(name, (all[k] as number) / (outputs || 1))]));
  const own = (): Float64Array<ArrayBuffer> => Float64Array.from(names, (name) => sums[name] as number);
  return {
    add(validOutputs, loss, total) {
      outputs += validOutputs;
      sums.loss = (sums.loss as number) + loss * validOutputs;
      for (const name of metrics) sums[name] = (sums[name] as number) + total(name);
    },
    logs: () => means(own()),
    async logsOf(communicator) {
      const all = own();
      await communicator?.sum(all);
      return means(all);
    },
  };
}
