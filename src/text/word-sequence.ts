/**
 * A text as its words, the way Keras's old text tools split it: small letters, punctuation away, cut at blanks. Knows
 * nothing about indices.
 */
import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";

/** What Keras takes out of texts unless told otherwise: punctuation, tab and line break, but no apostrophe. */
export const defaultFilters = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n';

export type WordSequenceOptions = {
  /** Each of these characters counts as `split`. */
  readonly filters?: string;
  /** Whether to make all letters small first. */
  readonly lower?: boolean;
  /** What words are cut at; empty words are left out. */
  readonly split?: string;
};

/**
 * The words of a text, in order. Keras's `text_to_word_sequence`: small letters as Python's `str.lower` makes them, then
 * every character of `filters` becomes `split`, then the text is cut at `split`.
 * @throws InputError for what is no text and for an empty `split`
 * @example textToWordSequence("Call me Ishmael. Don't!"); // ["call", "me", "ishmael", "don't"]
 */
export function textToWordSequence(
  text: string,
  { filters = defaultFilters, lower = true, split = " " }: WordSequenceOptions = {},
): string[] {
  if (typeof text !== "string") throw new InputError(`text: needs a text, got ${formatValue(text)}`);
  checkSplit(split);
  let left = lower ? text.toLowerCase() : text;
  const filtered = new Set(filters); // Code points, like the characters of Python.
  if (filtered.size > 0) {
    let replaced = "";
    for (const character of left) replaced += filtered.has(character) ? split : character;
    left = replaced;
  }
  return left.split(split).filter((word) => word !== "");
}

/** Throws an InputError for what a text cannot be cut at. */
export function checkSplit(split: unknown): void {
  if (typeof split === "string" && split !== "") return;
  throw new InputError(`split: needs at least one character to cut texts at, got ${formatValue(split)}`);
}
