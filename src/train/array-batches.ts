/** Batches of the examples of arrays, in a new order in each pass or in theirs. */

import type { Steps } from "../graph/graph.ts";
import type { Model } from "../nn/model.ts";
import { createRandom } from "../nn/random.ts";
import { shuffle as shuffled } from "../nn/shuffle.ts";
import { type BatchBuffers, createBatchBuffers, fillBatch } from "./batch-buffers.ts";
import type { Batch, Passes } from "./batches.ts";
import { bucketsOf, type Chunk, checkOrder, chunksOf, sameLength } from "./chunks.ts";
import { checkWholeBatches, type DataSet } from "./examples.ts";
import type { PaddingOptions } from "./padding.ts";

export type ArrayOptions = PaddingOptions & {
  readonly where: string;
  readonly batchSize?: number | undefined;
  /** Seed of the new order in each pass; without it the order stays. */
  readonly shuffle?: number | undefined;
};

/**
 * The batches of these rows of the arrays, in each pass. Each length has two sets of buffers that take turns, so a batch
 * is overwritten by the one after the next.
 * @throws InputError for batches that a stateful layer cannot have
 */
export function arrayPasses(model: Model, data: DataSet, rows: Int32Array, options: ArrayOptions): Passes {
  const { where, batchSize = 32, shuffle } = options;
  const batch = Math.min(batchSize, rows.length);
  const stepsOf = bucketsOf(model, data, options);
  const chunksIn = (order: Int32Array): Chunk[] => chunksOf(order, batch, data.steps, stepsOf);
  checkWholeBatches(model, { count: rows.length, batch, shuffle: shuffle !== undefined }, where);
  const all = chunksIn(rows);
  checkOrder(model, all, where);
  // Seeded by the pass, so that a resumed training has the same order.
  function chunksOfPass(k: number): Chunk[] {
    if (shuffle === undefined) return all;
    const random = createRandom(shuffle + k);
    const chunks = chunksIn(shuffled(rows.slice(), random));
    return sameLength(chunks) ? chunks : shuffled(chunks, random);
  }
  const pairs = new Map<string, BatchBuffers[]>();
  let turn = 0;
  function buffersFor(steps: Steps): BatchBuffers {
    const pair = pairs.get(String(steps)) ?? [0, 1].map(() => createBatchBuffers(data, { batch, steps }));
    pairs.set(String(steps), pair);
    turn = 1 - turn;
    return pair[turn] as BatchBuffers;
  }
  return {
    sizes: { batch, steps: all.at(-1)?.steps as Steps },
    pass: (k) => arrayPass(data, chunksOfPass(k), buffersFor),
    close: async () => {},
  };
}
async function* arrayPass(
  data: DataSet,
  chunks: readonly Chunk[],
  buffersFor: (steps: Steps) => BatchBuffers,
): AsyncGenerator<Batch, void, undefined> {
  for (const [at, { rows, steps }] of chunks.entries()) {
    yield Object.assign(fillBatch(data, rows, buffersFor(steps)), { last: at + 1 === chunks.length });
  }
}
