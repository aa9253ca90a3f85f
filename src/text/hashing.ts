/**
 * Words as numbers without a vocabulary: a word's number is a hash of it, so that different words may share one. Knows
 * nothing about how often words come.
 */
import { md5 } from "@noble/hashes/legacy.js";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  callable,
  checkArguments,
  checkValue,
  either,
  formatValue,
  listOf,
  oneOf,
  options as optionsOf,
  type Schema,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { textToWordSequence, type WordSequenceOptions, wordSequenceRules } from "./word-sequence.ts";

/** Keras's arguments and defaults. */
export type OneHotOptions = WordSequenceOptions & {
  /** Cuts a text into words in place of `filters`, `lower` and `split`. */
  readonly analyzer?: (text: string) => readonly string[];
};

/** Keras's arguments and defaults, with the hash function. */
export type HashingOptions = OneHotOptions & {
  /** "md5", or a function from a word to a whole number, which may be negative. */
  readonly hashFunction?: "md5" | ((word: string) => number | bigint);
};

const oneHotRules: Schema<OneHotOptions> = { ...wordSequenceRules, analyzer: callable };
/** Words get the numbers from 1 to n - 1. */
const size = wholeNumber(2);
export const oneHotArguments: Arguments = { text: string, n: size, options: optionsOf<OneHotOptions>(oneHotRules) };
export const hashingArguments: Arguments = {
  ...oneHotArguments,
  options: optionsOf<HashingOptions>({ ...oneHotRules, hashFunction: either(oneOf("md5"), callable) }),
};

/**
 * Each word of a text as a number from 1 to n - 1: `hash(word) % (n - 1) + 1`; 0 is no word's. Keras's `hashing_trick`,
 * with the same numbers for "md5". Keras's own default, Python's `hash`, differs from process to process: here the
 * default is "md5".
 * @throws InputError where n is below 2, and where a hash is no whole number
 * @example hashingTrick("the whale, the sea", 100); // the same number for both "the"
 */
export function hashingTrick(text: string, n: number, options: HashingOptions = {}): number[] {
  checkArguments("hashingTrick", { text, n, options }, hashingArguments);
  const { hashFunction = "md5", analyzer, ...rest } = options;
  const words = analyzer === undefined ? textToWordSequence(text, rest) : analyzer(text);
  checkValue("hashingTrick: what analyzer gives", words, listOf(string));
  const hash = hashFunction === "md5" ? md5Number : hashFunction;
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
  checkArguments("oneHot", { text, n, options }, oneHotArguments);
  return hashingTrick(text, n, { ...options, hashFunction: "md5" });
}

/** The hash of a word's UTF-8 bytes as one number of 128 bits, the first byte the highest. */
function md5Number(word: string): bigint {
  let number = 0n;
  for (const byte of md5(new TextEncoder().encode(word))) number = number * 256n + BigInt(byte);
  return number;
}
