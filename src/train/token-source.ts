/** Token sources: tokens that are read in runs, from memory or from disk. */
import { callable, checkValue, isList, type Rule } from "../graph/schema.ts";

/** A long sequence of tokens that can be read in parts, for training and evaluation from disk. */
export type TokenSource = {
  /** Number of tokens. */
  readonly length: number;
  /** Read `into.length` tokens, starting with the one at `from`; the caller stays within `length`. */
  readonly read: (from: number, into: Int32Array) => void;
};
/** Tokens in memory, or from a source. */
export type Tokens = Int32Array | TokenSource;

export const someTokens: Rule = {
  expected: "an Int32Array or a TokenSource",
  accepts: (tokens) =>
    tokens instanceof Int32Array || (isList(tokens) && "read" in tokens && callable.accepts(tokens.read)),
};

/** @throws InputError for what is neither an Int32Array nor a TokenSource */
export function tokenSource(tokens: Tokens): TokenSource {
  checkValue("tokens", tokens, someTokens);
  if (!(tokens instanceof Int32Array)) return tokens;
  const read = (from: number, into: Int32Array) => into.set(tokens.subarray(from, from + into.length));
  return { length: tokens.length, read };
}

/** The tokens from `from` up to `to`, without a copy. */
export const tokenRange = (source: TokenSource, from: number, to: number): TokenSource => ({
  length: to - from,
  read: (at, into) => source.read(from + at, into),
});

/** All tokens in order, in runs of at most 2^16; each run is overwritten by the next. */
export function* runsOf(tokens: Tokens): Generator<Int32Array> {
  const source = tokenSource(tokens);
  const run = new Int32Array(Math.min(source.length, 2 ** 16));
  for (let from = 0; from < source.length; from += run.length) {
    const some = run.subarray(0, source.length - from);
    source.read(from, some);
    yield some;
  }
}
