/**
 * Byte-pair encoding (Sennrich et al. 2016) over bytes (Radford et al. 2019), trained here: a token is a byte, or two
 * tokens that often stand side by side. Every text comes back exactly, also one of characters never seen. Knows nothing
 * about models.
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  callable,
  checkArguments,
  formatValue,
  iterable,
  options as optionsOf,
  type Rule,
  required,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { countPieces } from "./count-pieces.ts";
import { createEncoder, gatherTokens, type TokensOf } from "./encoder.ts";
import { type TextParts, textOrParts } from "./parts.ts";

/** Plain data, for a model's file. Tokens 0 to 255 are the bytes; token 256 + k is the two tokens of merge k. */
export type BytePairEncoding = {
  readonly kind: "bpe";
  /** The earlier a merge was learned, the earlier it is applied. */
  readonly merges: readonly (readonly [left: number, right: number])[];
  /** Whether one more token, the last one, ends a text. It has no bytes, so that no text has it. */
  readonly endOfText?: true;
};

/** How a byte-pair encoding is learned. `minimumCount` is 2 by default. */
export type BytePairOptions = {
  /** Tokens to make, the 256 bytes and the end of a text among them. There may be fewer, see `minimumCount`. */
  readonly vocabularySize: number;
  /** A pair that comes less often becomes no token. */
  readonly minimumCount?: number;
  /** Called where a text has more than 2^20 different pieces, with how many pieces were not counted. */
  readonly onUncounted?: ((count: number) => void) | undefined;
};

const bytes = 256;
/** Beyond it the key of a pair would not be exact. */
const largestVocabulary = 2 ** 24;
/** Most bytes of a piece: a space and 64 characters. */
const longestToken = 1 + 4 * 64;
/** Every byte is a token. @internal */
export const bytePairVocabulary: Rule = wholeNumber(bytes, largestVocabulary);

/** @internal */
export const trainBytePairArguments: Arguments = {
  text: textOrParts,
  options: optionsOf<BytePairOptions>({
    vocabularySize: required(alias(bytePairVocabulary, "maxVocabulary", "numTokens")),
    minimumCount: alias(wholeNumber(1), "minFrequency"),
    onUncounted: callable,
  }),
};
/** What its merges are is checked when its tables are made. */
const anEncoding: Rule = {
  expected: "a byte-pair encoding, as trainBytePairEncoding makes it",
  accepts: (value) => {
    const { kind, merges } = (value ?? {}) as Partial<BytePairEncoding>;
    return kind === "bpe" && Array.isArray(merges);
  },
};
/** @internal */
export const bytePairArguments = {
  encode: { encoding: anEncoding, text: string },
  decode: { encoding: anEncoding, ids: iterable },
  decodeNext: {
    encoding: anEncoding,
    id: wholeNumber(0),
    before: { expected: "a Uint8Array", accepts: (value: unknown) => value instanceof Uint8Array },
  },
  bytes: { encoding: anEncoding, id: wholeNumber(0) },
  size: { encoding: anEncoding },
} as const satisfies Record<string, Arguments>;

/**
 * Learn merges from a text, or from several, which end with a token of its own (`endOfText`). The pair of tokens that stands side by side most often is merged, again and again; of equally
 * frequent pairs the one with the lower left token, then with the lower right one, so that the same text always gives the
 * same merges. (Pairs are counted within the pieces of GPT-2's cut; "aaa" has the pair "aa" twice.)
 * @throws InputError where vocabularySize is not 256 (of several texts 257) to 2^24, or minimumCount no whole number from 1
 * @example const encoding = trainBytePairEncoding(text, { vocabularySize: 2256 }); // at most 2,000 merges
 */
export function trainBytePairEncoding(
  text: string | readonly string[] | TextParts,
  options: BytePairOptions,
): BytePairEncoding {
  checkArguments("trainBytePairEncoding", { text, options }, trainBytePairArguments);
  const endOfText = Array.isArray(text);
  checkVocabularySize(options.vocabularySize, endOfText);
  const { counts } = countPieces("bpe", text, { onUncounted: options.onUncounted });
  return learnMerges(counts, { ...options, endOfText });
}

function checkVocabularySize(vocabularySize: number, endOfText: boolean): void {
  const least = bytes + Number(endOfText);
  if (vocabularySize >= least) return;
  throw new InputError(
    `trainBytePairEncoding: vocabularySize must be at least ${least}, for every byte and a text's end is a token, ` +
      `got ${vocabularySize}`,
  );
}

/** The same from how often each piece comes. @internal */
export function learnMerges(
  pieceCounts: ReadonlyMap<string, number>,
  { vocabularySize, minimumCount = 2, endOfText }: BytePairOptions & { readonly endOfText: boolean },
): BytePairEncoding {
  checkVocabularySize(vocabularySize, endOfText);
  const end = Number(endOfText);
  const pieces = Array.from(pieceCounts, ([part, count]): Piece => {
    const tokens = Int32Array.from(utf8(part));
    return { tokens, length: tokens.length, count };
  });

  /** How often each pair comes, and the pieces that have or had it. A pair is one number: small ones are fast keys. */
  const counts = new Map<number, number>();
  const holders = new Map<number, Set<Piece>>();
  const touched = new Set<number>();
  const change = (left: number, right: number, by: number, holder: Piece) => {
    const pair = left * vocabularySize + right;
    counts.set(pair, (counts.get(pair) ?? 0) + by);
    touched.add(pair);
    if (by < 0) return;
    const holding = holders.get(pair);
    if (holding === undefined) holders.set(pair, new Set([holder]));
    else holding.add(holder);
  };
  const queue = createQueue();
  const enqueueTouched = () => {
    for (const pair of touched) {
      const count = counts.get(pair) as number;
      if (count >= minimumCount) queue.add(pair, count);
      else if (count === 0) {
        counts.delete(pair);
        holders.delete(pair);
      }
    }
    touched.clear();
  };
  for (const part of pieces) {
    const { tokens, count } = part;
    for (let i = 1; i < tokens.length; i++) change(tokens[i - 1] as number, tokens[i] as number, count, part);
  }
  enqueueTouched();

  const merges: [number, number][] = [];
  while (bytes + merges.length + end < vocabularySize) {
    const pair = queue.takeBest((candidate) => counts.get(candidate) ?? 0);
    if (pair === undefined) break;
    const [left, right] = [Math.floor(pair / vocabularySize), pair % vocabularySize];
    for (const part of holders.get(pair) as Set<Piece>) mergeIn(part, left, right, bytes + merges.length, change);
    merges.push([left, right]);
    enqueueTouched();
  }
  return { kind: "bpe", merges, ...(end === 1 && { endOfText: true }) };
}

/**
 * The tokens of a text. Decoded, they are the text.
 * @throws InputError for what is no text
 */
export function encodeBytePairs(encoding: BytePairEncoding, text: string): Int32Array<ArrayBuffer> {
  checkArguments("encodeBytePairs", { encoding, text }, bytePairArguments.encode);
  const { add, all } = gatherTokens();
  const encoder = createEncoder("bpe", { tokensOf: bytePairsOf(encoding), take: add });
  encoder.add(text);
  encoder.end();
  return all();
}

/** The tokens of one piece. @internal */
export function bytePairsOf(encoding: BytePairEncoding): TokensOf {
  const tables = tablesOf(encoding);
  return (piece) => mergeAll(Array.from(utf8(piece)), tables);
}

/**
 * The text of some tokens. Bytes that are no UTF-8, which tokens drawn by a model may make, become U+FFFD.
 * @throws InputError for an id that is no token's
 */
export function decodeBytePairs(encoding: BytePairEncoding, ids: Iterable<number>): string {
  checkArguments("decodeBytePairs", { encoding, ids }, bytePairArguments.decode);
  const parts = Array.from(ids, (id) => contentOf(encoding, id));
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return textOf(joined);
}

/**
 * What a token adds to a text that is being made, after the bytes that the tokens before it left over; and the bytes at
 * its own end that begin a character, which wait for the next one. All texts and what is left over at the end, joined, are
 * what `decodeBytePairs` makes of all tokens.
 * @throws InputError for an id that is no token's
 */
export function decodeNextBytePair(
  encoding: BytePairEncoding,
  id: number,
  before: Uint8Array,
): { readonly text: string; readonly rest: Uint8Array } {
  checkArguments("decodeNextBytePair", { encoding, id, before }, bytePairArguments.decodeNext);
  return decodeNextBytes(Uint8Array.of(...before, ...contentOf(encoding, id)));
}

/** The whole characters of some bytes, and the bytes at their end that begin one. */
export function decodeNextBytes(content: Uint8Array): { readonly text: string; readonly rest: Uint8Array } {
  const whole = content.length - countUnfinished(content);
  return { text: textOf(content.subarray(0, whole)), rest: content.subarray(whole) };
}

/**
 * What OpenAI's log-probabilities call some bytes: their text, or where that is not whole, `bytes:` and the bytes, those
 * of ASCII as they are and others as \xe2.
 */
export function nameOfBytes(content: Uint8Array): string {
  const text = textOf(content);
  const whole = utf8(text);
  if (whole.length === content.length && content.every((byte, k) => byte === whole[k])) return text;
  const named = Array.from(content, (byte) => {
    if (byte > 0x1f && byte < 0x7f) return byte === 0x5c ? "\\\\" : String.fromCharCode(byte);
    return letters[byte] ?? `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `bytes:${named.join("")}`;
}
const letters: Readonly<Record<number, string>> = { 9: "\\t", 10: "\\n", 13: "\\r" };

/**
 * The bytes of a token, not to be changed. A token may be a part of a character: see `decodeNextBytePair`.
 * @throws InputError for an id that is no token's
 */
export function tokenBytes(encoding: BytePairEncoding, id: number): Uint8Array {
  checkArguments("tokenBytes", { encoding, id }, bytePairArguments.bytes);
  return contentOf(encoding, id);
}
function contentOf(encoding: BytePairEncoding, id: number): Uint8Array {
  const { contents } = tablesOf(encoding);
  const content = Number.isInteger(id) ? contents[id] : undefined;
  if (content === undefined) throw new InputError(`token ${formatValue(id)}: ids go from 0 to ${contents.length - 1}`);
  return content;
}

/** How many tokens there are, the one that ends a text included. */
export function bytePairVocabularySize(encoding: BytePairEncoding): number {
  checkArguments("bytePairVocabularySize", { encoding }, bytePairArguments.size);
  return bytes + encoding.merges.length + Number(encoding.endOfText === true);
}

/** An encoding out of a file, checked: the same data, without fields that do not belong. Throws an InputError. */
export function checkBytePairEncoding(value: unknown): BytePairEncoding {
  const fail = (problem: string): never => {
    throw new InputError(`byte-pair encoding: ${problem}. The file is damaged: train or copy it anew.`);
  };
  if (typeof value !== "object" || value === null) return fail(`needs an object, got ${formatValue(value)}`);
  const { kind, merges, endOfText } = value as { kind?: unknown; merges?: unknown; endOfText?: unknown };
  if (kind !== "bpe") return fail(`"kind" needs "bpe", got ${formatValue(kind)}`);
  if (!Array.isArray(merges)) return fail(`"merges" needs a list, got ${formatValue(merges)}`);
  if (endOfText !== undefined && endOfText !== true) fail(`"endOfText" needs true, got ${formatValue(endOfText)}`);
  if (bytes + merges.length > largestVocabulary) fail(`"merges" has ${merges.length}, more than fit`);
  const seen = new Set<number>();
  const lengths = new Array<number>(bytes).fill(1);
  const checked = Array.from(merges, (merge: unknown, k): [number, number] => {
    const isToken = (id: unknown) => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < bytes + k;
    if (!Array.isArray(merge) || merge.length !== 2 || !merge.every(isToken)) {
      return fail(`merge ${k} needs two tokens below ${bytes + k}`);
    }
    const [left, right] = merge as [number, number];
    const key = left * largestVocabulary + right;
    if (seen.has(key)) fail(`merge ${k} repeats ${left} and ${right}`);
    seen.add(key);
    const length = (lengths[left] as number) + (lengths[right] as number);
    if (length > longestToken) fail(`merge ${k} makes a token of ${length} bytes, longer than any piece of a text`);
    lengths.push(length);
    return [left, right];
  });
  return { kind, merges: checked, ...(endOfText === true && { endOfText }) };
}

/** A piece of the training text as its tokens so far, the first `length` of the array, and how often it comes. */
type Piece = { readonly tokens: Int32Array; length: number; readonly count: number };

/** Make one token of each pair `left`, `right` in a piece, from the start on, and tell which pairs come and go. */
function mergeIn(
  piece: Piece,
  left: number,
  right: number,
  token: number,
  change: (left: number, right: number, by: number, piece: Piece) => void,
): void {
  const { tokens, length, count } = piece;
  let kept = 0;
  let isAfterMerge = false;
  for (let i = 0; i < length; i++) {
    const current = tokens[i] as number;
    const before = tokens[kept - 1];
    if (current === left && i + 1 < length && tokens[i + 1] === right) {
      change(left, right, -count, piece);
      // Its pair with the token before went already where that is of a merge as well.
      if (before !== undefined && !isAfterMerge) change(before, left, -count, piece);
      if (before !== undefined) change(before, token, count, piece);
      if (i + 2 < length) change(right, tokens[i + 2] as number, -count, piece);
      tokens[kept++] = token;
      isAfterMerge = true;
      i++;
    } else {
      if (isAfterMerge) change(token, current, count, piece);
      tokens[kept++] = current;
      isAfterMerge = false;
    }
  }
  piece.length = kept;
}

/** Apply the merges to a piece, the earliest learned first. The list is changed, and given back. */
function mergeAll(tokens: number[], { tokenOfPair, size }: Tables): number[] {
  const merged = (left: number, right: number) => tokenOfPair.get(left * size + right) ?? Infinity;
  /** The token that each token would make with the next one. */
  const made = tokens.map((token, i) => (i + 1 < tokens.length ? merged(token, tokens[i + 1] as number) : Infinity));
  for (;;) {
    let best = Infinity;
    for (const token of made) if (token < best) best = token;
    if (best === Infinity) return tokens;
    let kept = 0;
    let isAfterMerge = false;
    for (let i = 0; i < tokens.length; i++) {
      const isMerge = made[i] === best;
      const token = isMerge ? best : (tokens[i] as number);
      if (kept > 0 && (isMerge || isAfterMerge)) made[kept - 1] = merged(tokens[kept - 1] as number, token);
      made[kept] = isMerge ? Infinity : (made[i] as number);
      tokens[kept++] = token;
      isAfterMerge = isMerge;
      if (isMerge) i++;
    }
    tokens.length = kept;
    made.length = kept;
  }
}

type Tables = {
  /** By `left * size + right`. The lower the token, the earlier it was learned. */
  readonly tokenOfPair: ReadonlyMap<number, number>;
  readonly size: number;
  readonly contents: readonly Uint8Array[];
};

// Made at an encoding's first use, and gone with it.
const tablesByEncoding = new WeakMap<BytePairEncoding, Tables>();

function tablesOf(encoding: BytePairEncoding): Tables {
  let made = tablesByEncoding.get(encoding);
  if (made === undefined) {
    checkBytePairEncoding(encoding);
    const size = bytes + encoding.merges.length;
    const contents = Array.from({ length: bytes }, (_, byte) => Uint8Array.of(byte));
    for (const [left, right] of encoding.merges) {
      contents.push(Uint8Array.of(...(contents[left] as Uint8Array), ...(contents[right] as Uint8Array)));
    }
    if (encoding.endOfText === true) contents.push(new Uint8Array());
    const tokenOfPair = new Map(encoding.merges.map(([left, right], k) => [left * size + right, bytes + k]));
    made = { tokenOfPair, size, contents };
    tablesByEncoding.set(encoding, made);
  }
  return made;
}

type Queue = {
  add(pair: number, count: number): void;
  /** The best pair whose count is still what `countOf` says; undefined where there is none. */
  takeBest(countOf: (pair: number) => number): number | undefined;
};

/**
 * Pairs by falling count, then by rising pair: a binary heap. A count that changes is added again, and the old entry is
 * passed over when its turn comes.
 */
function createQueue(): Queue {
  const pairs: number[] = [];
  const counts: number[] = [];
  const isBefore = (i: number, j: number) =>
    (counts[i] as number) > (counts[j] as number) ||
    (counts[i] === counts[j] && (pairs[i] as number) < (pairs[j] as number));
  const swap = (i: number, j: number) => {
    [pairs[i], pairs[j]] = [pairs[j] as number, pairs[i] as number];
    [counts[i], counts[j]] = [counts[j] as number, counts[i] as number];
  };
  return {
    add(pair, count) {
      let at = pairs.push(pair) - 1;
      counts.push(count);
      for (let parent = (at - 1) >> 1; at > 0 && isBefore(at, parent); parent = (at - 1) >> 1) {
        swap(at, parent);
        at = parent;
      }
    },
    takeBest(countOf) {
      while (pairs.length > 0) {
        const [pair, count] = [pairs[0] as number, counts[0] as number];
        swap(0, pairs.length - 1);
        pairs.pop();
        counts.pop();
        for (let at = 0; ; ) {
          const left = 2 * at + 1;
          if (left >= pairs.length) break;
          const child = left + 1 < pairs.length && isBefore(left + 1, left) ? left + 1 : left;
          if (!isBefore(child, at)) break;
          swap(child, at);
          at = child;
        }
        if (countOf(pair) === count) return pair;
      }
      return undefined;
    },
  };
}

// UTF-8, but for halves of surrogate pairs, which stand alone in some texts: they are written like any other code point
// (https://wtf-8.codeberg.page), where a TextEncoder would lose them.
const loneSurrogate = /\p{Surrogate}/u;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function utf8(text: string): Uint8Array | number[] {
  if (!loneSurrogate.test(text)) return encoder.encode(text);
  return Array.from(text).flatMap((character) => {
    const code = character.codePointAt(0) as number;
    if (character.length === 2 || code < 0xd800 || code > 0xdfff) return Array.from(encoder.encode(character));
    return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
  });
}

/** How many bytes at the end, up to three, begin a character that is not whole. */
function countUnfinished(content: Uint8Array): number {
  if ((content.at(-1) ?? 0) < 0x80) return 0;
  for (let length = 1; length <= 3; length++) {
    const [first = 0, second = 0] = content.subarray(Math.max(0, content.length - length));
    if (length === 2 && first === 0xed && second >= 0xa0 && second <= 0xbf) return 2; // Half of a surrogate pair.
    // A decoder is silent as long as a character can still become whole.
    const begun = new TextDecoder("utf-8", { ignoreBOM: true }).decode(content.slice(-length), { stream: true });
    if (begun === "") return length;
  }
  return 0;
}

function textOf(content: Uint8Array): string {
  let text = "";
  let start = 0;
  for (let at = content.indexOf(0xed); at >= 0; at = content.indexOf(0xed, at + 1)) {
    const [second = 0, third = 0] = content.subarray(at + 1, at + 3);
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    text += decoder.decode(content.subarray(start, at));
    text += String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    start = at + 3;
  }
  return text + decoder.decode(content.subarray(start));
}
