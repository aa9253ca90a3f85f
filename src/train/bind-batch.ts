/**
 * Set one batch in a program: checked inputs, targets in the order of the outputs, and the weight of each output in the
 * mean loss.
 */
import type { Steps } from "../graph/graph.ts";
import { anArray, checkValue, type Schema, wholeNumber } from "../graph/schema.ts";
import type { Model, ModelInput } from "../nn/model.ts";
import { lossInputs } from "../nn/model-graph.ts";
import type { Program } from "../runtime/program.ts";
import {
  byInput,
  checkFinite,
  checkIndices,
  checkInputs,
  checkLength,
  type Inputs,
  outputStepsOf,
  setInputs,
  counts as stepCounts,
  timeFirst,
  widthOf,
} from "./checks.ts";
import type { Rows } from "./ranks.ts";

export type BatchWeights = {
  /** Factors (T,B), or (B) for one output per sequence, for the loss of each output before the mean is taken. */
  readonly weights?: ArrayLike<number> | undefined;
  /** How many of the examples count: the first ones; the others fill up the batch. By default all. */
  readonly examples?: number | undefined;
};

export const batchWeightRules: Schema<BatchWeights> = { weights: anArray, examples: wholeNumber(1) };

type Take = (values: ArrayLike<number>, width: number) => ArrayLike<number>;

/**
 * Returns how many outputs count: those of examples that count, without masked steps. The loss is the mean over them; if
 * none counts, the loss and all gradients are 0.
 */
export type BindBatch = (inputs: Inputs, targets: ArrayLike<number>, options?: BatchWeights) => number;

/**
 * Create a function that sets one batch in a program. It takes tokens (T,B) or vectors (T,B,D), and targets (T,B) or (T,B,V),
 * flat, time first; for a model with one output per sequence the targets are (B) or (B,V). For a model whose outputs are in
 * reverse order, it reverses targets and weights. `take`: what a program that has some of the examples takes of (T,B,width); the mean is over all, or over those of `rows`.
 * @throws InputError, with the place, for numbers that do not fit, before any is set
 */
export function createBatchBinder(
  model: Model,
  program: Program,
  {
    steps,
    batch,
    take = (values) => values,
    rows = { from: 0, to: batch },
  }: { steps: Steps; batch: number; take?: Take | undefined; rows?: Rows | undefined },
): BindBatch {
  const { backwards, maskedBy, outputSize, strides } = model;
  const outputSteps = outputStepsOf(model, steps);
  const outputs = outputSteps * batch;
  const classes = program.plan.indices[lossInputs.target] !== undefined;
  const width = classes ? 1 : (program.plan.inputs[lossInputs.target]?.size ?? outputSize);
  const weight = new Float32Array(outputs);
  const counts = new Float32Array(outputs);
  const measured = program.plan.inputs[lossInputs.counts] !== undefined;
  const someExamples = wholeNumber(1, batch);
  const turned = classes ? new Int32Array(outputs) : new Float32Array(outputs * width);

  return (inputs, targets, { weights, examples = batch } = {}) => {
    checkInputs(model, inputs, { steps, batch }, "training");
    checkValue("training: targets", targets, anArray);
    checkValue("training: examples", examples, someExamples);
    const perOutput = { steps: outputSteps, batch };
    checkLength("training", "targets", targets.length, { features: width, ...perOutput });
    if (classes) checkIndices("training: class", targets, outputSize, timeFirst(batch));
    else checkFinite("training: the target", targets, width, timeFirst(batch));
    if (weights !== undefined) {
      checkLength("training", "weights", weights.length, { features: 1, ...perOutput });
      checkFinite("training: the weight", weights, 1, timeFirst(batch));
    }
    const isIn = (row: number): boolean => {
      const example = row % batch;
      return example < examples && example >= rows.from && example < rows.to;
    };
    const all = Math.max(0, Math.min(examples, rows.to) - rows.from);
    const counted = maskedBy.length === 0 ? outputSteps * all : countSteps(inputs, isIn);

    setInputs(model, program, inputs, "training", (input, values) => take(values, widthOf(input)));
    const wanted = take(backwards ? fromEnd(targets, turned, width) : targets, width);
    if (classes) program.setIndex(lossInputs.target, wanted);
    else program.setInput(lossInputs.target, wanted);
    for (let row = 0; row < outputs; row++) counts[row] = isIn(row) ? 1 : 0;
    if (measured) program.setInput(lossInputs.counts, take(counts, 1));
    if (weights === undefined) weight.fill(1);
    else if (backwards) fromEnd(weights, weight, 1);
    else weight.set(weights);
    const share = counted || 1;
    for (let row = 0; row < outputs; row++) weight[row] = ((weight[row] as number) * (counts[row] as number)) / share;
    program.setInput(lossInputs.weight, take(weight, 1));
    return counted;
  };

  /** The number of steps that are not padding, over all examples that count. */
  function countSteps(inputs: Inputs, isIn: (row: number) => boolean): number {
    const given = new Map(byInput(model, inputs, "training").map(([input, values]) => [input.name, { input, values }]));
    const masks = maskedBy.map((padding) => {
      const { input, values } = given.get(padding.input) as { input: ModelInput; values: ArrayLike<number> };
      return (row: number): boolean => stepCounts(values, row * widthOf(input), widthOf(input), padding);
    });
    const rowRead = (row: number): number => row + (strides - 1) * (row - (row % batch));
    let counted = 0;
    for (let row = 0; row < outputs; row++) if (isIn(row) && masks.every((mask) => mask(rowRead(row)))) counted++;
    return counted;
  }
  /** Copy with the last step first. */
  function fromEnd<Into extends Int32Array | Float32Array>(values: ArrayLike<number>, into: Into, size: number): Into {
    const perStep = batch * size;
    for (let t = 0; t < outputSteps; t++) {
      for (let k = 0; k < perStep; k++) into[t * perStep + k] = values[(outputSteps - 1 - t) * perStep + k] as number;
    }
    return into;
  }
}
