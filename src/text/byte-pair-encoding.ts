/**
 * Train and apply a byte-pair encoding (Sennrich et al. 2016) over bytes (Radford et al. 2019). A token is one byte, or
 * two tokens that often follow each other. Decoding gives back every text exactly, even characters that the training
 * text did not have.
 */
import { InputError } from "../graph/input-error.ts";
import { joined } from "../graph/joined.ts";
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

/**
 * A trained encoding: plain data that a model's file can hold. Tokens 0 to 255 are the bytes; token 256 + k joins the
 * two tokens of merge k.
 */
export type BytePairEncoding = {
  readonly kind: "bpe";
  /** The merges, in the order in which they were learned and are applied. */
  readonly merges: readonly (readonly [left: number, right: number])[];
  /**
   * Whether the vocabulary has one more token, the last one, which marks the end of a text. It stands for no bytes, so
   * no text can contain it.
   */
  readonly endOfText?: true;
};

/** Options of `trainBytePairEncoding`. The default of `minimumCount` is 2. */
export type BytePairOptions = {
  /**
   * The number of tokens to make, including the 256 bytes and the end of a text. The result can be smaller: see
   * `minimumCount`.
   */
  readonly vocabularySize: number;
  /** A pair that occurs less often than this does not become a token. */
  readonly minimumCount?: number;
  /** Called if a text has more than 2^20 different pieces, with the number of pieces that were not counted. */
  readonly onUncounted?: ((count: number) => void) | undefined;
};

const bytes = 256;
/** With a larger vocabulary, the key of a pair would not be an exact number. */
const largestVocabulary = 2 ** 24;
/** The largest number of bytes in a piece: one space and 64 characters. */
const longestToken = 1 + 4 * 64;
/** The vocabulary has at least every byte. @internal */
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
/** The merges themselves are checked when the tables of an encoding are made. */
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
 * Learn merges from one text, or from a list of texts; with a list, each text ends with a token of its own
 * (`endOfText`). Training merges the most frequent pair of adjacent tokens, again and again. Among equally frequent
 * pairs it takes the one with the lower left token, then the one with the lower right token, so the same text always
 * gives the same merges. (Pairs are counted within the pieces that GPT-2's pattern cuts; "aaa" contains the pair "aa"
 * twice.)
 * @throws InputError if `vocabularySize` is outside 256 (257 for a list of texts) to 2^24, or `minimumCount` is not a
 * whole number of at least 1
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
    `trainBytePairEncoding: vocabularySize must be at least ${least}, because every byte and the end of a text are tokens, ` +
      `got ${vocabularySize}`,
  );
}

/** Learn merges from the number of times that each piece occurs. @internal */
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

  /**
   * The count of each pair, and the pieces that contain or contained it. One number stands for a pair, because small
   * numbers are fast keys.
   */
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
 * Encode a text as token ids. `decodeBytePairs` gives back the same text.
 * @throws InputError if `text` is not a string
 */
export function encodeBytePairs(encoding: BytePairEncoding, text: string): Int32Array<ArrayBuffer> {
  checkArguments("encodeBytePairs", { encoding, text }, bytePairArguments.encode);
  const { add, all } = gatherTokens();
  const encoder = createEncoder("bpe", { tokensOf: bytePairsOf(encoding), take: add });
  encoder.add(text);
  encoder.end();
  return all();
}

/** A function that gives the tokens of one piece. @internal */
export function bytePairsOf(encoding: BytePairEncoding): TokensOf {
  const tables = tablesOf(encoding);
  return (piece) => mergeAll(Array.from(utf8(piece)), tables);
}

/**
 * Decode token ids to a text. Invalid UTF-8, which the tokens that a model generates can contain, becomes U+FFFD.
 * @throws InputError for an id that is not in the vocabulary
 */
export function decodeBytePairs(encoding: BytePairEncoding, ids: Iterable<number>): string {
  checkArguments("decodeBytePairs", { encoding, ids }, bytePairArguments.decode);
  const parts = Array.from(ids, (id) => contentOf(encoding, id));
  return textOf(joined(Uint8Array, parts));
}

/**
 * Decode one more token of a text that is being generated. `before` holds the bytes that the previous tokens left over.
 * The result holds the new text, and the bytes at the token's end that begin an unfinished character; pass them on with
 * the next token. The texts of all calls and the bytes that are left at the end, joined, equal the result of
 * `decodeBytePairs` for all tokens.
 * @throws InputError for an id that is not in the vocabulary
 */
export function decodeNextBytePair(
  encoding: BytePairEncoding,
  id: number,
  before: Uint8Array,
): { readonly text: string; readonly rest: Uint8Array } {
  checkArguments("decodeNextBytePair", { encoding, id, before }, bytePairArguments.decodeNext);
  return decodeNextBytes(Uint8Array.of(...before, ...contentOf(encoding, id)));
}

/** The complete characters of some bytes, and the bytes at the end that begin an unfinished one. */
export function decodeNextBytes(content: Uint8Array): { readonly text: string; readonly rest: Uint8Array } {
  const whole = content.length - countUnfinished(content);
  return { text: textOf(content.subarray(0, whole)), rest: content.subarray(whole) };
}

/**
 * The name of some bytes in OpenAI's log-probabilities: their text, or, if they are not complete characters, `bytes:`
 * and the bytes, with ASCII as it is and other bytes such as \xe2 in hexadecimal.
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
 * The bytes of a token; do not change them. A token can be a part of a character: see `decodeNextBytePair`.
 * @throws InputError for an id that is not in the vocabulary
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

/** The number of tokens, including the one that marks the end of a text. */
export function bytePairVocabularySize(encoding: BytePairEncoding): number {
  checkArguments("bytePairVocabularySize", { encoding }, bytePairArguments.size);
  return bytes + encoding.merges.length + Number(encoding.endOfText === true);
}

/**
 * Check an encoding that was read from a file. Returns the same data without unknown fields; throws an InputError if
 * something is wrong.
 */
export function checkBytePairEncoding(value: unknown): BytePairEncoding {
  const fail = (problem: string): never => {
    throw new InputError(`byte-pair encoding: ${problem}. The file is damaged: copy it again, or train again.`);
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

/**
 * A piece of the training text: its tokens so far, which are the first `length` entries of the array, and the number of
 * times that it occurs.
 */
type Piece = { readonly tokens: Int32Array; length: number; readonly count: number };

/** Merge each pair `left`, `right` in a piece, from left to right, and report which pairs disappear and appear. */
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
      // If the token before is a merge as well, its pair has been removed already.
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

/** Apply the merges to a piece, in the order in which they were learned. The list is changed in place and returned. */
function mergeAll(tokens: number[], { tokenOfPair, size }: Tables): number[] {
  const merged = (left: number, right: number) => tokenOfPair.get(left * size + right) ?? Infinity;
  /** The token that each token would become if it were merged with the next one. */
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
  /** The key is `left * size + right`. A lower token was learned earlier. */
  readonly tokenOfPair: ReadonlyMap<number, number>;
  readonly size: number;
  readonly contents: readonly Uint8Array[];
};

// The tables are made when an encoding is first used, and are freed with it.
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
  /** The best pair whose count is still what `countOf` says, or undefined if there is none. */
  takeBest(countOf: (pair: number) => number): number | undefined;
};

/**
 * A binary heap of pairs, by falling count, then by rising pair. A changed count is added as a new entry; the old entry
 * is skipped when it comes up.
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

// UTF-8, except for lone halves of surrogate pairs, which some texts contain: they are encoded like any other code
// point (https://wtf-8.codeberg.page), because a TextEncoder would lose them.
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

/** The number of bytes at the end, at most three, that begin an unfinished character. */
function countUnfinished(content: Uint8Array): number {
  if ((content.at(-1) ?? 0) < 0x80) return 0;
  for (let length = 1; length <= 3; length++) {
    const [first = 0, second = 0] = content.subarray(Math.max(0, content.length - length));
    if (length === 2 && first === 0xed && second >= 0xa0 && second <= 0xbf) return 2; // Half of a surrogate pair.
    // A streaming decoder returns "" as long as more bytes can complete the character.
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
