/**
 * Where a text may end within a token: which tokens go on from its last ones. "of the " ends in a blank, and " whale" begins
 * with one. Knows nothing about models.
 */
import { decodeNextBytes, nameOfBytes, tokenBytes } from "./byte-pair-encoding.ts";
import { type DecodedToken, endOfText, hasUnknown, type Tokenizer, vocabularySize } from "./tokenizer.ts";

/** Tokens that begin with all that a text has from a place on, and are longer. */
export type LongerTokens = {
  /** Where in the text's tokens they could stand. */
  readonly place: number;
  /** Their ids; not to be changed. */
  readonly tokens: Int32Array;
  /** How much of each is in the text already: bytes of byte pairs, else UTF-16 units. */
  readonly length: number;
};

/** All that there are, by place. A character never is the beginning of another. */
export function longerTokens(tokenizer: Tokenizer, ids: Int32Array): readonly LongerTokens[] {
  if (tokenizer.kind === "char") return [];
  const { contents, order, longest } = tablesOf(tokenizer);
  const found: LongerTokens[] = [];
  let end = "";
  for (let place = ids.length - 1; place >= 0; place--) {
    const id = ids[place] as number;
    if (id === 0 && hasUnknown(tokenizer)) break; // The character itself is not known.
    end = contents[id] + end;
    if (end.length >= longest) break;
    // Those that are as long come first.
    const first = lowerBound(order, (token) => (contents[token] as string) <= end);
    const past = lowerBound(order, (token) => (contents[token] as string).slice(0, end.length) <= end);
    if (past > first) found.unshift({ place, tokens: order.subarray(first, past), length: end.length });
  }
  return found;
}

/** What a token adds to a text that has the first `length` of it already, and what that is called. */
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
  /** Of each token: a byte pair's bytes as characters, else its text. */
  readonly contents: readonly string[];
  /** The ids of tokens that may be written, by content. */
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

/** How many at the beginning of a list, sorted so, pass a test. */
function lowerBound(list: Int32Array, passes: (value: number) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(list[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}
