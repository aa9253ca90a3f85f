/** Which examples make a batch together: by their order, and by their lengths where they differ. */

import { lengthOf, type Steps } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import type { Model } from "../nn/model.ts";
import { type InputSet, statefulLayer } from "./examples.ts";
import { bucketOf, type PaddingOptions } from "./padding.ts";

/** 0, 1, 2 ... */
export const rowsBetween = (from: number, to: number): Int32Array =>
  Int32Array.from({ length: to - from }, (_, k) => from + k);

type Lengths = Pick<InputSet, "steps" | "lengths">;

/** The length that each example is padded to, in the model's first time; in the others all are padded to the longest. */
export function bucketsOf(
  model: Model,
  { steps, lengths }: Lengths,
  { buckets }: PaddingOptions,
): (n: number) => number {
  const most = lengthOf(steps);
  if (lengths === undefined || model.steps !== undefined) return () => most;
  const bucket = bucketOf(lengths, { steps: most, buckets });
  return (n) => bucket(lengths[n] as number);
}

export type Chunk = { readonly rows: Int32Array; readonly steps: Steps };
/** The same steps, but for those of the first time. */
const withFirst = (steps: Steps, first: number): Steps => (typeof steps === "number" ? first : steps.with(0, first));
/** Group examples, in their order, into batches of equal length, the lengths in turn. */
export function chunksOf(order: Int32Array, batch: number, steps: Steps, stepsIn: (n: number) => number): Chunk[] {
  const lengths = order.map(stepsIn);
  return [...new Set(lengths.slice().sort())].flatMap((first) => {
    const rows = order.filter((_, k) => lengths[k] === first);
    return Array.from({ length: Math.ceil(rows.length / batch) }, (_, k) => ({
      rows: rows.subarray(k * batch, (k + 1) * batch),
      steps: withFirst(steps, first),
    }));
  });
}

/** The batches of input arrays in their order. `together` is the name of a batch that was given as one and stays one. */
export function inputChunks(
  model: Model,
  set: InputSet,
  batch: number,
  options: PaddingOptions & { readonly together: string | undefined },
): Chunk[] {
  const rows = rowsBetween(0, set.count);
  if (options.together !== undefined) return [{ rows, steps: stepsTogether(model, set, options, options.together) }];
  const chunks = chunksOf(rows, batch, set.steps, bucketsOf(model, set, options));
  checkOrder(model, chunks, "predict");
  return chunks;
}

export const sameLength = (chunks: readonly Chunk[]): boolean =>
  chunks.every(({ steps }) => String(steps) === String(chunks[0]?.steps));
export function checkOrder(model: Model, chunks: readonly Chunk[], where: string): void {
  const stateful = statefulLayer(model);
  if (stateful === undefined || sameLength(chunks)) return;
  throw new InputError(
    `${where}: ${stateful} is stateful, and buckets change the order of batches. Leave buckets out.`,
  );
}

/** The lengths that the examples of a given batch are padded to. */
export function stepsTogether(
  model: Model,
  { steps, lengths }: Lengths,
  { buckets }: PaddingOptions,
  where: string,
): Steps {
  if (typeof buckets === "number") {
    throw new InputError(
      `${where}: buckets: a number of groups needs arrays; for batches give lengths, as [20, 50, 100]`,
    );
  }
  const most = { steps, ...(lengths && { lengths: Int32Array.of(lengthOf(steps)) }) };
  return withFirst(steps, bucketsOf(model, most, { buckets })(0));
}
