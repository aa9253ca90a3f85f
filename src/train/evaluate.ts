/** The mean loss and metrics of a model over a whole data set. Knows nothing about training. */
import { checkSteps, type Model, statesOf } from "../nn/model.ts";
import { type LoadOptions, load } from "../runtime/program.ts";
import { schedule } from "../schedule/schedule.ts";
import type { Logs } from "./callbacks.ts";
import { checkWhole } from "./checks.ts";
import {
  checkWholeBatches,
  createBatches,
  type DataSet,
  type ExampleArray,
  type InputArrays,
  readDataSet,
  rowsBetween,
} from "./examples.ts";
import { createFeed } from "./feed.ts";
import { defaultLoss, type Loss, type LossName } from "./losses.ts";
import type { MetricName } from "./metrics.ts";
import { lossGraph } from "./trainer.ts";
import { createTurns } from "./turns.ts";

/** Defaults: 32 examples side by side, sparse categorical cross-entropy, no metrics, all weights 1. */
export type EvaluateOptions = LoadOptions & {
  /** Examples that are computed side by side; it changes nothing in the result but rounding. */
  readonly batchSize?: number;
  readonly loss?: LossName | Loss;
  readonly metrics?: readonly MetricName[];
  /** What the loss of each example (N), or of each of its steps (N,T), is multiplied by. */
  readonly sampleWeight?: ExampleArray | undefined;
};

/**
 * x: tokens (N,T) or vectors (N,T,D), examples first; y: classes (N,T) or vectors (N,T,V), without T where the model
 * gives one output a sequence. Nested lists, typed arrays in them or not, or `{ data, shape }`; x by name where the model
 * has several inputs.
 * @returns `loss` and the metrics by name: means over all outputs but those of masked steps, as Keras has them: weights
 * scale the loss of an output and do not make it count more; metrics are not weighted
 * @throws InputError for data that does not fit the model, with the place
 * @example const { loss, accuracy } = await evaluate(model, x, y, { metrics: ["accuracy"] });
 */
export async function evaluate(
  model: Model,
  x: InputArrays,
  y: ExampleArray,
  options: EvaluateOptions = {},
): Promise<Logs> {
  const { loss = defaultLoss, sampleWeight, ...rest } = options;
  const data = readDataSet(model, x, y, { where: "evaluate", loss, sampleWeight });
  const rows = rowsBetween(0, data.count);
  const measure = await createMeasure(model, data, rows, { where: "evaluate", loss, ...rest });
  return measure();
}

/** Measures these rows of a data set again and again, each time with the values that the model has then. */
export async function createMeasure(
  model: Model,
  data: DataSet,
  rows: Int32Array,
  options: EvaluateOptions & { readonly where: string; readonly loss: LossName | Loss },
): Promise<() => Promise<Logs>> {
  const { where, batchSize = 32, loss, metrics = [], ...host } = options;
  checkWhole(`${where}: batchSize`, batchSize, 1);
  const { steps } = data;
  checkSteps(model, steps, where);
  const batch = Math.min(batchSize, rows.length);
  const graph = lossGraph(model, { loss, training: false, metrics });
  const program = await load(schedule(graph, { steps, batch }), host);
  const feed = createFeed(model, program, { steps, batch });
  const stateful = statesOf(model, (spec) => spec.stateful);
  checkWholeBatches(model, { count: rows.length, batch }, where);
  const batches = createBatches(data, batch);

  return async () => {
    for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
    const means = createMeans(metrics);
    const turns = createTurns();
    program.resetStates();
    for (let from = 0; from < rows.length; from += batch) {
      const { inputs, targets, ...rest } = batches(rows, from);
      const counted = feed(inputs, targets, rest);
      program.resetStates(stateful);
      await program.run();
      if (stateful.length > 0) program.carry();
      means.add(counted, program.total("loss"), (name) => program.total(name));
      await turns();
    }
    return means.logs();
  };
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
    logs: () => Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / (outputs || 1)])),
  };
}
