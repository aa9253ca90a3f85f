/**
 * Encode words as numbers without a vocabulary: the number of a word is its hash, so different words can share a
 * number.
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

/** Options of `oneHot`, with Keras's names and defaults. */
export type OneHotOptions = WordSequenceOptions & {
  /** A function that splits a text into words; it replaces `filters`, `lower` and `split`. */
  readonly analyzer?: (text: string) => readonly string[];
};

/** Options of `hashingTrick`, with Keras's names and defaults. */
export type HashingOptions = OneHotOptions & {
  /** "md5", or a function that returns a whole number, which can be negative, for a word. */
  readonly hashFunction?: "md5" | ((word: string) => number | bigint);
};

const oneHotRules: Schema<OneHotOptions> = { ...wordSequenceRules, analyzer: callable };
/** `n`: the words get the numbers from 1 to n - 1. */
const size = wholeNumber(2);
export const oneHotArguments: Arguments = { text: string, n: size, options: optionsOf<OneHotOptions>(oneHotRules) };
export const hashingArguments: Arguments = {
  ...oneHotArguments,
  options: optionsOf<HashingOptions>({ ...oneHotRules, hashFunction: either(oneOf("md5"), callable) }),
};

/**
 * Encode each word of a text as a number from 1 to n - 1: `hash(word) % (n - 1) + 1`. No word has the number 0. This is
 * Keras's `hashing_trick`, with the same numbers for "md5". The default is "md5" here; Keras's default is Python's
 * `hash`, whose values differ from process to process.
 * @throws InputError if `n` is below 2, or if a hash is not a whole number
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
 * Encode each word of a text as a number from 1 to n - 1; equal words get equal numbers. This is Keras's `one_hot`,
 * which returns numbers in spite of its name. Keras uses Python's `hash`, whose values cannot be repeated; this
 * function uses `hashingTrick` with "md5".
 * @throws InputError if `n` is below 2
 */
export function oneHot(text: string, n: number, options: OneHotOptions = {}): number[] {
  checkArguments("oneHot", { text, n, options }, oneHotArguments);
  return hashingTrick(text, n, { ...options, hashFunction: "md5" });
}

/** The MD5 hash of a word's UTF-8 bytes as one number of 128 bits; the first byte is the highest. */
function md5Number(word: string): bigint {
  let number = 0n;
  for (const byte of md5(new TextEncoder().encode(word))) number = number * 256n + BigInt(byte);
  return number;
}
