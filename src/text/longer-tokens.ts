/**
 * Find the longer tokens that the end of a text can be the beginning of. For example, "of the " ends in a blank, and "
 * whale" begins with one.
 */
import { decodeNextBytes, nameOfBytes, tokenBytes } from "./byte-pair-encoding.ts";
import { type DecodedToken, endOfText, hasUnknown, type Tokenizer, vocabularySize } from "./tokenizer.ts";

/** The tokens that begin with everything that the text has from a place on, and are longer than that. */
export type LongerTokens = {
  /** The position in the text's tokens where one of them could stand. */
  readonly place: number;
  /** The ids of these tokens; do not change them. */
  readonly tokens: Int32Array;
  /** The length of the part that the text has already: in bytes for byte pairs, otherwise in UTF-16 units. */
  readonly length: number;
};

/**
 * All longer tokens, by position. A tokenizer of characters has none, because no character is the beginning of another; of words
 * between blanks the end of a text is taken as the end of a word.
 */
export function longerTokens(tokenizer: Tokenizer, ids: Int32Array): readonly LongerTokens[] {
  if (tokenizer.kind === "char" || tokenizer.kind === "whitespace") return [];
  const { contents, order, longest } = tablesOf(tokenizer);
  const found: LongerTokens[] = [];
  let end = "";
  for (let place = ids.length - 1; place >= 0; place--) {
    const id = ids[place] as number;
    if (id === 0 && hasUnknown(tokenizer)) break; // This character is not in the vocabulary.
    end = contents[id] + end;
    if (end.length >= longest) break;
    // In sorted order, equally long tokens come before longer ones.
    const first = lowerBound(order, (token) => (contents[token] as string) <= end);
    const past = lowerBound(order, (token) => (contents[token] as string).slice(0, end.length) <= end);
    if (past > first) found.unshift({ place, tokens: order.subarray(first, past), length: end.length });
  }
  return found;
}

/** What a token adds to a text that already has its first `length` bytes or units, and the name of that remainder. */
export function remainderOf(
  tokenizer: Tokenizer,
  token: number,
  length: number,
): DecodedToken & { readonly name: string } {
  if (tokenizer.kind === "bpe") {
    const bytes = tokenBytes(tokenizer, token).subarray(length);
    return { ...decodeNextBytes(bytes), name: nameOfBytes(bytes) };
  }
  const text = (tokenizer.vocabulary[token] as string).slice(length);
  return { text, rest: new Uint8Array(), name: text };
}

type Tables = {
  /** The content of each token: the bytes as characters for byte pairs, otherwise its text. */
  readonly contents: readonly string[];
  /** The ids of the tokens that can be generated, sorted by content. */
  readonly order: Int32Array;
  readonly longest: number;
};
const tables = new WeakMap<Tokenizer, Tables>();

function tablesOf(tokenizer: Tokenizer): Tables {
  let made = tables.get(tokenizer);
  if (made === undefined) {
    const contents = Array.from({ length: vocabularySize(tokenizer) }, (_, id) =>
      tokenizer.kind === "bpe" ? String.fromCharCode(...tokenBytes(tokenizer, id)) : (tokenizer.vocabulary[id] ?? ""),
    );
    const end = endOfText(tokenizer);
    const order = Int32Array.from(contents.keys())
      .filter((id) => id !== end && !(id === 0 && hasUnknown(tokenizer)))
      .sort((a, b) => {
        const [left, right] = [contents[a] as string, contents[b] as string];
        return left < right ? -1 : left > right ? 1 : a - b;
      });
    made = { contents, order, longest: contents.reduce((most, { length }) => Math.max(most, length), 0) };
    tables.set(tokenizer, made);
  }
  return made;
}

/** The number of entries at the start of a sorted list that pass a test. */
function lowerBound(list: Int32Array, passes: (value: number) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(list[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}
