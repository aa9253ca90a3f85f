/** Batches of examples of like length, for training in a new order each time and for measuring. Knows nothing about what examples are. */
import type { Random } from "../nn/random.ts";
import { shuffle } from "../nn/shuffle.ts";
import type { ExampleBatch } from "../train/batches.ts";

/** The examples of these numbers as a batch. */
export type MakeBatch = (examples: readonly number[], random: Random) => ExampleBatch;

/** Lengths that batches are padded to: each needs a program of its own. */
const mostLengths = 4;

/** The lengths that batches are padded to, for examples that are at most so long. */
export function bucketsFor(lengths: readonly number[]): number[] {
  const sorted = [...lengths].sort((a, b) => a - b);
  const ends = Array.from({ length: mostLengths }, (_, k) => Math.ceil(((k + 1) * sorted.length) / mostLengths) - 1);
  return [...new Set(ends.map((end) => sorted[end] as number))];
}

/**
 * Batches of examples of like length, in a new order each time: sorted by length, with chance among those of nearly the same, cut
 * into batches, and these shuffled.
 */
export const shuffledByLength = (
  lengths: readonly number[],
  make: MakeBatch,
  batchSize: number,
  random: Random,
): Iterable<ExampleBatch> => ({ [Symbol.iterator]: () => passOf(lengths, make, batchSize, random) });

/** One pass: batches of examples of similar lengths, in a new order. */
function* passOf(
  lengths: readonly number[],
  make: MakeBatch,
  batchSize: number,
  random: Random,
): Generator<ExampleBatch> {
  const keys = lengths.map((length) => length * (0.9 + 0.2 * random.uniform()));
  const order = lengths.map((_, k) => k).sort((a, b) => (keys[a] as number) - (keys[b] as number));
  const batches = Int32Array.from({ length: Math.ceil(order.length / batchSize) }, (_, k) => k);
  shuffle(batches, random);
  // The first batch says how many examples a program has; a smaller one is filled up.
  const small = batches.indexOf(batches.length - 1);
  if (small === 0)
    [batches[0], batches[batches.length - 1]] = [batches[batches.length - 1] as number, batches[0] as number];
  for (const batch of batches) yield make(order.slice(batch * batchSize, (batch + 1) * batchSize), random);
}

/** Batches in the order of their lengths, so that little is padded. */
export function sortedByLength<Batch>(
  lengths: readonly number[],
  make: (examples: readonly number[]) => Batch,
  batchSize: number,
): Batch[] {
  const order = lengths.map((_, k) => k).sort((a, b) => (lengths[a] as number) - (lengths[b] as number));
  return Array.from({ length: Math.ceil(order.length / batchSize) }, (_, batch) =>
    make(order.slice(batch * batchSize, (batch + 1) * batchSize)),
  );
}
