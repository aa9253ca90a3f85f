/**
 * A continuous stream of tokens as batches for truncated backpropagation through time: the stream is cut into as many
 * parts as the batch has examples, and each batch continues where the last one ended, so that states can be carried.
 */
import { InputError } from "../graph/input-error.ts";
import { type Arguments, checkArguments, options as optionsOf, wholeNumber } from "../graph/schema.ts";
import { oneTimeRules } from "./checks.ts";
import { runsOf, someTokens, type Tokens, tokenSource } from "./token-source.ts";

/** Batches of a stream, each where the last one ended. */
export type Batches = {
  /** Batches in one pass. */
  readonly count: number;
  /** Batch k: tokens and the tokens that follow them (T,B), flat, time first. Views, not to be changed. */
  readonly at: (k: number, offset?: number) => { readonly inputs: Int32Array; readonly targets: Int32Array };
};

/** At least this many tokens are brought into the order of batches at a time: one read of a file, and one piece of memory. */
const windowTokens = 2 ** 16;

/** The number of batches in one pass over a number of tokens. */
export const countBatches = (tokens: number, { batch, steps }: { batch: number; steps: number }): number =>
  Math.floor((Math.floor(tokens / batch) - 1) / steps);

/** Fewest tokens that make one batch. */
export const smallestStream = (batch: number, steps: number): number => batch * (steps + 1);

type Sizes = { readonly batch: number; readonly steps: number };
export const streamArguments: Arguments = { tokens: someTokens, options: optionsOf<Sizes>(oneTimeRules) };

/**
 * Split a stream of tokens into batches for truncated backpropagation through time: each batch continues where the one
 * before ended, so that states can be carried.
 * @param tokens the stream: an Int32Array or a TokenSource, at least batch * (steps + 1) tokens
 * @param options `batch`: parts of the stream that are read in parallel; `steps`: tokens of each part per batch
 * @returns `count` batches per pass, and `at(k, offset)`: batch k. An `offset` (0 to steps - 1) moves where batches begin, so
 *   that passes are not always cut at the same places; the last batch may then not exist
 * @throws InputError for too few tokens for one batch
 * @example const { inputs, targets } = streamBatches(tokens, { batch: 16, steps: 32 }).at(0);
 */
export function streamBatches(tokens: Tokens, options: Sizes): Batches {
  checkArguments("streamBatches", { tokens, options }, streamArguments);
  const { batch, steps } = options;
  const source = tokenSource(tokens);
  const partLength = Math.floor(source.length / batch);
  const count = countBatches(source.length, { batch, steps });
  if (count < 1) {
    throw new InputError(
      `streamBatches: ${source.length} tokens are too few for a batch of ${batch} x ${steps} steps; ${smallestStream(batch, steps)} ` +
        "are needed. Give more tokens, a smaller batch or fewer steps.",
    );
  }
  // Time first: each batch is then one run of numbers. A window is made anew, so that batches given before stay.
  let arranged = new Int32Array(0);
  let first = 0;
  const arrange = (from: number): void => {
    const rows = Math.min(partLength - from, Math.max(steps + 1, Math.ceil(windowTokens / batch)));
    const run = new Int32Array(rows);
    arranged = new Int32Array(rows * batch);
    first = from;
    for (let b = 0; b < batch; b++) {
      source.read(b * partLength + from, run);
      for (let t = 0; t < rows; t++) arranged[t * batch + b] = run[t] as number;
    }
  };
  return {
    count,
    at(k, offset = 0) {
      checkArguments("streamBatches", { batch: k, offset }, { batch: wholeNumber(0), offset: wholeNumber(0) });
      const from = offset + k * steps;
      if (from + steps >= partLength) throw new InputError(`streamBatches: batch ${k} is past the end`);
      if (from < first || (from + steps + 1 - first) * batch > arranged.length) arrange(from);
      const [start, length] = [(from - first) * batch, steps * batch];
      return {
        inputs: arranged.subarray(start, start + length),
        targets: arranged.subarray(start + batch, start + batch + length),
      };
    },
  };
}

/** Throws if a run has a token that the model does not know. `from`: the index of the run's first token. */
export type CheckRun = (run: Int32Array, from: number) => void;

/** A fingerprint of tokens: their number, and 64 bits that depend on each of them (multiplied and xored, as FNV-1a does). */
export function fingerprint(tokens: Tokens, check: CheckRun = () => {}): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  let from = 0;
  for (const run of runsOf(tokens)) {
    check(run, from);
    from += run.length;
    for (let k = 0; k < run.length; k++) {
      const token = run[k] as number;
      a = Math.imul(a ^ token, 0x01000193);
      b = Math.imul(b ^ token ^ (b >>> 15), 0x85ebca6b);
    }
  }
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
  return `${tokens.length} tokens ${hex(a)}${hex(b)}`;
}
