/** A model with its loss and metrics as one graph, and as a program for evaluation. */
import type { InferenceOptions } from "../engines/engine.ts";
import { createBuilder, type Graph, type NodeId, type Steps } from "../graph/graph.ts";
import { bind } from "../nn/bind.ts";
import type { Model } from "../nn/model.ts";
import { addModel, lossInputs, type ModelNodes } from "../nn/model-graph.ts";
import type { LoadOptions, Program } from "../runtime/program.ts";
import { type Loss, type LossName, lossOf, targetSizeOf } from "./losses.ts";
import { type MetricName, metricOf } from "./metrics.ts";

export type LossOptions = {
  readonly loss: LossName | Loss;
  readonly training: boolean;
  readonly metrics?: readonly MetricName[] | undefined;
  /** How many steps it will run for: see `ModelGraphOptions`. */
  readonly steps?: Steps;
};

/**
 * The graph of a model with its loss, each output weighted by the input "loss.weight", and with the sums of metrics over the
 * outputs whose input "loss.counts" is 1.
 */
export const lossGraph = (model: Model, options: LossOptions): Graph => lossNodes(model, options).graph;

/** The same graph, and the nodes of the model's named values, by layer and name. */
export function lossNodes(
  model: Model,
  { loss, training, metrics = [], steps }: LossOptions,
): { readonly graph: Graph; readonly values: ModelNodes["values"] } {
  const g = createBuilder();
  const { output, flow, values } = addModel(g, model, { training, ...(steps !== undefined && { steps }) });
  const rule = lossOf(loss);
  const times = g.isPerSequence(output) ? { perSequence: true } : flow.axis;
  const targetSize = targetSizeOf(rule, model.outputSize);
  const target =
    rule.target === "index"
      ? g.index(lossInputs.target, times)
      : g.input(lossInputs.target, rule.targetSize ? targetSize : (g.shapeOf(output) as number), times);
  const weight = g.input(lossInputs.weight, "scalar", times);
  const unmasked = (one: NodeId): NodeId => (flow.mask === undefined ? one : g.mul(one, flow.mask));
  const weighted = g.mul(rule.build(g, output, target), unmasked(weight));
  g.sumAll("loss", weighted);
  for (const name of metrics) {
    const metric = metricOf(name, { target: rule.target, outputSize: model.outputSize, targetSize });
    g.sumAll(name, g.mul(metric(g, output, target), unmasked(g.input(lossInputs.counts, "scalar", times))));
  }
  return { graph: g.graph({ output, loss: weighted }), values };
}

/** A program that computes the loss without gradients. */
export const bindLoss = (
  model: Model,
  {
    loss,
    metrics,
    ...sizes
  }: Omit<LossOptions, "training" | "steps"> & { readonly steps: Steps; readonly batch: number },
  host: InferenceOptions,
  how?: LoadOptions,
): Promise<Program> => {
  const graph = (steps: Steps) => lossGraph(model, { loss, metrics, training: false, steps });
  return bind(model, { purpose: purposeOf(loss, ["measure", metrics]), graph, ...sizes }, host, how);
};

/** The cache key of a plan with this loss. Only named losses have one: functions cannot be compared. */
export const purposeOf = (loss: LossName | Loss, others: readonly unknown[]): readonly unknown[] | undefined =>
  typeof loss === "string" ? [...others, loss] : undefined;
