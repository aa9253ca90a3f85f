/** The buffers of a batch, time first, and the examples that are copied into them. */

import { type Steps, stepsOf } from "../graph/graph.ts";
import type { Batch, Buffers, Sizes } from "./batches.ts";
import type { DataSet, Examples, InputSet } from "./examples.ts";

/** The buffers of a batch: inputs, targets, weights, and the indices of its examples. */
export type BatchBuffers = ReturnType<typeof createBatchBuffers>;
/** Create the buffers for batches of these sizes. */
export const createBatchBuffers = ({ inputs, targets, weights }: DataSet, { batch, steps }: Sizes) => ({
  batch,
  steps,
  inputs: buffersOf(inputs, { batch, steps }),
  targets: bufferOf(targets, { batch, steps }),
  weights: weights && bufferOf(weights, { batch, steps }),
  rows: new Int32Array(batch),
});
/** Copy examples into the buffers; copies of the first one fill them up. */
export function fillBatch({ inputs, targets, weights }: DataSet, rows: Int32Array, buffers: BatchBuffers): Batch {
  takeRows(rows, buffers.rows);
  takeInputs(inputs, buffers.rows, buffers.inputs, buffers.steps);
  takeBatch(targets, buffers.rows, buffers.targets, buffers.steps);
  if (weights && buffers.weights) takeBatch(weights, buffers.rows, buffers.weights, buffers.steps);
  return { examples: rows.length, last: false, ...buffers };
}

/** Examples of unequal length are padded to `padded` steps; others keep theirs. */
const stepsIn = ({ ragged, steps }: Examples, padded: Steps): number =>
  ragged === undefined ? steps : stepsOf({ stride: ragged.strides, time: ragged.time }, padded);
const bufferOf = (examples: Examples, { batch, steps }: Sizes): Float64Array =>
  new Float64Array(stepsIn(examples, steps) * batch * examples.features);
export const buffersOf = (inputs: InputSet["inputs"], sizes: Sizes): Buffers =>
  Object.fromEntries(Object.entries(inputs).map(([name, examples]) => [name, bufferOf(examples, sizes)]));

export function takeInputs(inputs: InputSet["inputs"], rows: Int32Array, into: Buffers, steps: Steps): void {
  for (const [name, examples] of Object.entries(inputs)) takeBatch(examples, rows, into[name] as Float64Array, steps);
}

/** These examples; the first one again fills the rest. */
export function takeRows(rows: Int32Array, into: Int32Array): void {
  into.fill(rows[0] as number);
  into.set(rows);
}

/** Examples (N,T,D) -> a batch (T,B,D). */
function takeBatch(examples: Examples, rows: Int32Array, into: Float64Array, padded: Steps): void {
  const { data, features, ragged } = examples;
  const batch = rows.length;
  const steps = stepsIn(examples, padded);
  for (let b = 0; b < batch; b++) {
    const n = rows[b] as number;
    const start = ragged === undefined ? n * steps : (ragged.starts[n] as number);
    const own = ragged === undefined ? steps : (ragged.starts[n + 1] as number) - start;
    const first = ragged?.pre ? steps - own : 0;
    for (let t = 0; t < steps; t++) {
      const [source, target] = [(start + t - first) * features, (t * batch + b) * features];
      const there = t >= first && t < first + own;
      for (let j = 0; j < features; j++) into[target + j] = there ? (data[source + j] as number) : (ragged?.fill ?? 0);
    }
  }
}
