/**
 * Split a text into words as Keras's older text tools do: convert it to lower case, remove punctuation, and cut it at
 * blanks.
 */
import {
  type Arguments,
  checkArguments,
  flag,
  options as optionsOf,
  type Schema,
  someText,
  string,
} from "../graph/schema.ts";

/** The characters that Keras removes by default: punctuation, tab and line break, but not the apostrophe. */
export const defaultFilters = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n';

/** Options of `textToWordSequence`, with Keras's names and defaults. */
export type WordSequenceOptions = {
  /** Each of these characters is replaced by `split`. */
  readonly filters?: string;
  /** Whether to convert the text to lower case first. */
  readonly lower?: boolean;
  /** The separator of words; empty words are left out. */
  readonly split?: string;
};

export const wordSequenceRules: Schema<WordSequenceOptions> = { filters: string, lower: flag, split: someText };
export const wordSequenceArguments: Arguments = {
  text: string,
  options: optionsOf<WordSequenceOptions>(wordSequenceRules),
};

/**
 * The words of a text, in order. Keras's `text_to_word_sequence`: the text is converted to lower case as by Python's
 * `str.lower`, every character of `filters` is replaced by `split`, then the text is cut at `split`.
 * @throws InputError if the text is not a string, or `split` is empty
 * @example textToWordSequence("Call me Ishmael. Don't!"); // ["call", "me", "ishmael", "don't"]
 */
export function textToWordSequence(text: string, options: WordSequenceOptions = {}): string[] {
  checkArguments("textToWordSequence", { text, options }, wordSequenceArguments);
  const { filters = defaultFilters, lower = true, split = " " } = options;
  let left = lower ? text.toLowerCase() : text;
  const filtered = new Set(filters); // Code points, like the characters of Python.
  if (filtered.size > 0) {
    let replaced = "";
    for (const character of left) replaced += filtered.has(character) ? split : character;
    left = replaced;
  }
  return left.split(split).filter((word) => word !== "");
}
