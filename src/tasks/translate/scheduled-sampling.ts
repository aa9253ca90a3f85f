/**
 * Scheduled sampling (S. Bengio et al., 2015, arXiv 1506.03099): in training a decoder reads, in the place of some of the target's tokens,
 * what it would have said itself, so that it learns to go on from its own mistakes.
 */
import type { InferenceOptions } from "../../engines/engine.ts";
import type { Random } from "../../nn/random.ts";
import { sample } from "../../text/sampling.ts";
import type { BatchSource } from "../../train/batches.ts";
import type { Callback } from "../../train/callbacks.ts";
import { bucketsFor, shuffledByLength } from "../by-length.ts";
import type { Examples } from "./examples.ts";
import { inGroups } from "./groups.ts";
import { padding, type Translator } from "./settings.ts";

export type Sampling = {
  /** The share of tokens in the last epoch; in the first it is 0, and it grows evenly. */
  readonly share: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly random: Random;
  readonly host: InferenceOptions;
  /** Once it is aborted, targets stay as they are. */
  readonly signal?: AbortSignal | undefined;
};

/** Batches whose targets the callback mixes anew before each epoch, by what the model has learnt until then. */
export function sampledBatches(
  of: Translator,
  { x, y }: Examples,
  { share, epochs, batchSize, ...how }: Sampling,
): { readonly batches: BatchSource; readonly buckets: readonly number[]; readonly callback: Callback } {
  const longest = Math.max(...y.map(({ length }) => length));
  const filled = (ids: readonly number[]): number[] => Array.from({ length: longest }, (_, t) => ids[t] ?? 0);
  let read = x.target;
  const make = (rows: readonly number[]) => ({
    x: {
      source: rows.map((k) => x.source[k] as number[]),
      target: rows.map((k) => filled(read[k] as number[])),
    },
    y: rows.map((k) => filled(y[k] as number[])),
  });
  const lengths = x.source.map(({ length }) => length);
  return {
    batches: shuffledByLength(lengths, make, batchSize, how.random),
    buckets: bucketsFor(lengths),
    callback: {
      async onEpochBegin(epoch) {
        const now = epochs === 1 ? share : (share * epoch) / (epochs - 1);
        read = now === 0 ? x.target : await mixedTargets(of, { x, y }, { ...how, share: now });
      },
    },
  };
}

/** What decoders read: each token but the first is, with the probability `share`, one that the model draws after those before it. */
export async function mixedTargets(
  of: Translator,
  { x }: Examples,
  { share, random, host, signal }: Omit<Sampling, "epochs" | "batchSize">,
): Promise<number[][]> {
  const mixed = x.target.map((ids) => [...ids]);
  await inGroups(of, x.source, { ...host, answers: 1, signal }, async ({ decoder, members }) => {
    const size = of.model.outputSize;
    const longest = Math.max(...members.map((k) => (mixed[k] as number[]).length));
    decoder.begin(members.map((_, q) => q));
    let outputs: Float32Array<ArrayBuffer> | undefined;
    for (let t = 0; t + 1 < longest && !signal?.aborted; t++) {
      outputs = decoder.next({ target: members.map((k) => mixed[k]?.[t] ?? 0) }, outputs);
      for (const [q, k] of members.entries()) {
        const ids = mixed[k] as number[];
        // What fills up a last group is a source that has been answered already.
        if (t + 1 >= ids.length || members.indexOf(k) < q || random.uniform() >= share) continue;
        ids[t + 1] = padding + sample(outputs.subarray(q * size, (q + 1) * size), {}, random);
      }
    }
  });
  return mixed;
}
