/**
 * A continuous stream of tokens as batches for truncated backpropagation through time: the stream is cut into as many
 * lanes as the batch has examples, and each batch goes on where the last one ended, so that states can be carried.
 * Knows nothing about models.
 */
import { InputError } from "../graph/input-error.ts";

/** Batches of a stream, each where the last one ended. */
export type Batches = {
  /** Batches in one pass. */
  readonly count: number;
  /** Batch k: tokens and the tokens that follow them (T,B), flat, time first. Views: they are not copied. */
  readonly at: (k: number, offset?: number) => { readonly inputs: Int32Array; readonly targets: Int32Array };
};

/** Fewest tokens that make one batch. */
export const smallestStream = (batch: number, steps: number): number => batch * (steps + 1);

/**
 * `offset` (0 to steps - 1) moves where batches begin, so that the passes of training do not always cut at the same
 * places; the last batch then has to be left out.
 * @throws InputError for tokens that make no batch: there must be batch * (steps + 1)
 * @example const { inputs, targets } = streamBatches(tokens, { batch: 16, steps: 32 }).at(0);
 */
export function streamBatches(tokens: Int32Array, { batch, steps }: { batch: number; steps: number }): Batches {
  const lane = Math.floor(tokens.length / batch);
  const count = Math.floor((lane - 1) / steps);
  if (count < 1) {
    throw new InputError(
      `streamBatches: ${tokens.length} tokens make no batch of ${batch} x ${steps} steps; ${smallestStream(batch, steps)} ` +
        "are needed. Give more tokens, a smaller batch or fewer steps.",
    );
  }
  // Time first, once and for all: each batch is then one run of numbers.
  const arranged = new Int32Array(lane * batch);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < lane; t++) arranged[t * batch + b] = tokens[b * lane + t] as number;
  }
  return {
    count,
    at(k, offset = 0) {
      const from = (offset + k * steps) * batch;
      const length = steps * batch;
      if (from + length + batch > arranged.length) throw new InputError(`streamBatches: batch ${k} is past the end`);
      return {
        inputs: arranged.subarray(from, from + length),
        targets: arranged.subarray(from + batch, from + batch + length),
      };
    },
  };
}
