/**
 * A text as its words, the way Keras's old text tools split it: small letters, punctuation away, cut at blanks. Knows
 * nothing about indices.
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

/** What Keras takes out of texts unless told otherwise: punctuation, tab and line break, but no apostrophe. */
export const defaultFilters = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n';

/** Keras's arguments and defaults. */
export type WordSequenceOptions = {
  /** Each of these characters counts as `split`. */
  readonly filters?: string;
  /** Whether to make all letters small first. */
  readonly lower?: boolean;
  /** What words are cut at; empty words are left out. */
  readonly split?: string;
};

export const wordSequenceRules: Schema<WordSequenceOptions> = { filters: string, lower: flag, split: someText };
export const wordSequenceArguments: Arguments = {
  text: string,
  options: optionsOf<WordSequenceOptions>(wordSequenceRules),
};

/**
 * The words of a text, in order. Keras's `text_to_word_sequence`: small letters as Python's `str.lower` makes them, then
 * every character of `filters` becomes `split`, then the text is cut at `split`.
 * @throws InputError for what is no text and for an empty `split`
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
