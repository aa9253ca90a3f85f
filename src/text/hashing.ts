/**
 * Words as numbers without a vocabulary: a word's number is a hash of it, so that different words may share one. Knows
 * nothing about how often words come.
 */
import { md5 } from "@noble/hashes/legacy.js";
import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";
import { textToWordSequence, type WordSequenceOptions } from "./word-sequence.ts";

export type OneHotOptions = WordSequenceOptions & {
  /** Cuts a text into words in place of `filters`, `lower` and `split`. */
  readonly analyzer?: (text: string) => readonly string[];
};

export type HashingOptions = OneHotOptions & {
  /** "md5", or a function from a word to a whole number, which may be negative. */
  readonly hashFunction?: "md5" | ((word: string) => number | bigint);
};

/**
 * Each word of a text as a number from 1 to n - 1: `hash(word) % (n - 1) + 1`; 0 is no word's. Keras's `hashing_trick`,
 * with the same numbers for "md5". Keras's own default, Python's `hash`, differs from process to process: here the
 * default is "md5".
 * @throws InputError where n is below 2, and where a hash is no whole number
 * @example hashingTrick("the whale, the sea", 100); // the same number for both "the"
 */
export function hashingTrick(
  text: string,
  n: number,
  { hashFunction = "md5", analyzer, ...options }: HashingOptions = {},
): number[] {
  if (!Number.isSafeInteger(n) || n < 2) {
    throw new InputError(
      `n: needs a whole number from 2, for words get the numbers from 1 to n - 1, got ${formatValue(n)}`,
    );
  }
  const words = analyzer === undefined ? textToWordSequence(text, options) : analyzer(text);
  const hash = hashFunction === "md5" ? md5Number : hashFunction;
  if (typeof hash !== "function") {
    throw new InputError(
      `hashFunction: needs "md5" or a function from a word to a number, got ${formatValue(hashFunction)}`,
    );
  }
  const values = BigInt(n - 1);
  return words.map((word) => {
    const hashed = hash(word);
    if (typeof hashed !== "bigint" && !Number.isInteger(hashed)) {
      throw new InputError(`hashFunction: needs a whole number for ${formatValue(word)}, got ${formatValue(hashed)}`);
    }
    const rest = BigInt(hashed) % values;
    return Number(rest < 0n ? rest + values : rest) + 1; // Python's % is never negative.
  });
}

/**
 * Each word of a text as a number from 1 to n - 1, equal words as equal numbers. Keras's `one_hot`, which despite its
 * name gives numbers; there by Python's `hash`, which nobody can repeat, here by `hashingTrick` with "md5".
 * @throws InputError where n is below 2
 */
export function oneHot(text: string, n: number, options: OneHotOptions = {}): number[] {
  return hashingTrick(text, n, { ...options, hashFunction: "md5" });
}

/** The hash of a word's UTF-8 bytes as one number of 128 bits, the first byte the highest. */
function md5Number(word: string): bigint {
  let number = 0n;
  for (const byte of md5(new TextEncoder().encode(word))) number = number * 256n + BigInt(byte);
  return number;
}
