/** The mean loss and metrics of a model over a whole data set. Knows nothing about training. */

import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, alias, checkValue, options as optionsOf, type Schema } from "../graph/schema.ts";
import { createYielder } from "../graph/yielding.ts";
import { size } from "../nn/layers.ts";
import { aModel, checkSteps, type Model, statesOf } from "../nn/model.ts";
import { disposing } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import {
  argumentsOf,
  arrayPasses,
  type BatchSource,
  type ExampleBatch,
  isSource,
  type Passes,
  rowsBetween,
  sourcePasses,
} from "./batches.ts";
import { bySizes } from "./by-sizes.ts";
import type { Logs } from "./callbacks.ts";
import { type ExampleArray, type InputArrays, readDataSet, someData } from "./examples.ts";
import { createFeed } from "./feed.ts";
import { bindLoss } from "./loss-graph.ts";
import { aLoss, defaultLoss, type Loss, type LossName } from "./losses.ts";
import { finishMetric, type MetricName, metricNames, namesOfMetrics } from "./metrics.ts";
import { fillingFor, type PaddingOptions, paddingRules } from "./padding.ts";

/** Defaults: 32 examples side by side, sparse categorical cross-entropy, no metrics, all weights 1. */
export type EvaluateOptions = HostOptions &
  PaddingOptions & {
    /** Examples that are computed side by side; it changes nothing in the result but rounding. */
    readonly batchSize?: number;
    readonly loss?: LossName | Loss;
    readonly metrics?: readonly MetricName[];
    /** What the loss of each example (N), or of each of its steps (N,T), is multiplied by. */
    readonly sampleWeight?: ExampleArray | undefined;
    /** How many batches are taken of something that yields them; all without it. */
    readonly steps?: number | undefined;
  };

export const evaluateRules: Schema<EvaluateOptions> = {
  ...hostRules,
  ...paddingRules,
  batchSize: alias(size, "batch"),
  loss: alias(aLoss, "criterion"),
  metrics: metricNames,
  sampleWeight: someData,
  steps: size,
};
export const evaluateArguments: Arguments = {
  model: aModel,
  x: someData,
  y: someData,
  options: optionsOf<EvaluateOptions>(evaluateRules),
};

/**
 * x: tokens (N,T) or vectors (N,T,D), examples first; y: classes (N,T) or vectors (N,T,V), without T where the model
 * gives one output a sequence. Nested lists, typed arrays in them or not, or `{ data, shape }`; x by name where the model
 * has several inputs. With `pad`, sequences of any length. Instead of x and y whatever yields batches, as in `fit`.
 * @returns `loss` and the metrics by name: means over all outputs but those of masked steps; 0 where no output counts.
 * Weights scale the loss of an output and do not make it count more; metrics are not weighted. (Keras 3 has the same mean
 * in each batch; of several batches it weighs the losses by examples, whatever is masked in them.)
 * @throws InputError for data that does not fit the model, with the place
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

/** Arrays or batches, to be measured again and again. */
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

type MeasureOptions = HostOptions & {
  readonly where: string;
  readonly loss: LossName | Loss;
  readonly metrics?: readonly MetricName[];
};

/** Measures; has programs until it is disposed of. */
export type Measure = (() => Promise<Logs>) & { readonly dispose: () => void };

/** Measures what comes in a pass, the next one each time, with the values that the model has then. */
export async function createMeasure(
  model: Model,
  passes: Passes,
  { where, loss, metrics: given, ...host }: MeasureOptions,
): Promise<Measure> {
  const metrics = namesOfMetrics(given);
  const programOf = bySizes(async (sizes) => {
    checkSteps(model, sizes.steps, where);
    const program = await bindLoss(model, { loss, metrics, ...sizes }, host);
    return { program, feed: createFeed(model, program, sizes), dispose: () => program.dispose() };
  });
  await programOf(passes.sizes);
  const stateful = statesOf(model, (spec) => spec.stateful);
  const endedEarly = (reason: string): never => {
    throw new InputError(`${where}: ${reason}`);
  };
  let taken = 0;

  const measure = async (): Promise<Logs> => {
    const means = createMeans(metrics);
    const yieldNow = createYielder();
    const ready = new Set<Program>();
    let before: Program | undefined;
    for await (const { inputs, targets, weights, examples, batch, steps } of passes.pass(taken++, endedEarly)) {
      const { program, feed } = await programOf({ batch, steps });
      if (!ready.has(program)) {
        program.setParameters(model.values);
        program.resetStates();
        ready.add(program);
      }
      const counted = feed(inputs, targets, { weights, examples });
      program.resetStates(stateful);
      if (before !== undefined && before !== program) {
        for (const name of stateful) program.setState(name, before.start(name));
      }
      before = program;
      await program.run();
      if (stateful.length > 0) program.advanceStates();
      means.add(counted, program.total("loss"), (name) => program.total(name));
      await yieldNow();
    }
    return means.logs();
  };
  return Object.assign(measure, { dispose: programOf.dispose });
}

/**
 * Running means over outputs, from the mean loss and the sums of metrics of one batch after the other; 0 where no output
 * counts.
 */
export function createMeans(metrics: readonly MetricName[]): {
  readonly add: (counted: number, loss: number, total: (name: MetricName) => number) => void;
  readonly logs: () => Logs;
} {
  const sums: Record<string, number> = { loss: 0, ...Object.fromEntries(metrics.map((name) => [name, 0])) };
  let outputs = 0;
  return {
    add(counted, loss, total) {
      outputs += counted;
      sums.loss = (sums.loss as number) + loss * counted;
      for (const name of metrics) sums[name] = (sums[name] as number) + total(name);
    },
    logs: () =>
      Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, finishMetric(name, sum / (outputs || 1))])),
  };
}
