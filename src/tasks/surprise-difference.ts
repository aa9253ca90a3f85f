/**
 * Compare how surprised two language models are by one text. Their tokens may differ: the text is cut wherever a token of both ends,
 * and the bits of the tokens that cover the same characters are added up. Knows nothing about how models read.
 */

/** A text as a model read it. */
export type ReadTokens = {
  /** The text that each of the T tokens adds; a part of a character adds nothing, its last part all of it. */
  readonly texts: readonly string[];
  /** The surprise (T) of each token, in bits, given the tokens before it. Of the first it is not known. */
  readonly bits: Float32Array;
  /** The characters that the model reads as its unknown character. */
  readonly unknown: readonly string[];
};

/** The parts (S) of a text that tokens of both models cover. */
export type Comparison = {
  readonly texts: readonly string[];
  /** The first token of each part, and the number of tokens at the end: (S+1), of each model. */
  readonly first: readonly [Int32Array, Int32Array];
  /** The bits (S) of each model's tokens. */
  readonly bits: readonly [Float32Array, Float32Array];
  /** The bits of the first model less those of the second: (S), 0 where they do not count. */
  readonly difference: Float32Array;
  /** Whether each part counts (S): see `compareSurprise`. */
  readonly counts: Uint8Array;
  /** The totals of the parts that count: characters, bits of each model, and the tokens of each model. */
  readonly characters: number;
  readonly totals: readonly [number, number];
  readonly tokens: readonly [number, number];
  /** Characters that do not count, but for those of the first part. */
  readonly leftOut: number;
};

/** Why two models cannot be compared: from this character on they read different texts. */
export type NotTheSame = { readonly at: number; readonly read: readonly [string, string] };

/** How much of two texts is told where they differ. */
const toldCharacters = 12;

const charactersIn = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

/**
 * Compare the surprise of two models by one text. Parts do not count in the totals where one model has nothing to be surprised by, or
 * is told less than the other: the first part, as nothing predicts the first token; parts with characters that one of the models
 * reads as unknown; and parts that one of them reads in lower case.
 * @returns the comparison; or where the models' tokens begin to be of different texts
 */
export function compareSurprise(a: ReadTokens, b: ReadTokens): Comparison | NotTheSame {
  const [whole, other] = [a.texts.join(""), b.texts.join("")];
  const differs = firstDifference(whole, other);
  if (differs !== undefined) {
    const told = (text: string): string => text.slice(differs, differs + toldCharacters);
    return { at: differs, read: [told(whole), told(other)] };
  }
  const texts: string[] = [];
  const first: [number[], number[]] = [[], []];
  const bits: [number[], number[]] = [[], []];
  const counts: number[] = [];
  const difference: number[] = [];
  const totals: [number, number] = [0, 0];
  const tokens: [number, number] = [0, 0];
  const unknown = [new Set(a.unknown), new Set(b.unknown)] as const;
  let [i, j, characters, leftOut] = [0, 0, 0, 0];
  while (i < a.texts.length || j < b.texts.length) {
    const [fromA, fromB] = [i, j];
    let [textA, textB] = ["", ""];
    do {
      if (i < a.texts.length && (textA.length <= textB.length || j === b.texts.length)) textA += a.texts[i++];
      else textB += b.texts[j++];
    } while ((textA.length !== textB.length || textA === "") && (i < a.texts.length || j < b.texts.length));
    first[0].push(fromA);
    first[1].push(fromB);
    texts.push(textA);
    const own = [sumOf(a.bits, fromA, i), sumOf(b.bits, fromB, j)] as const;
    bits[0].push(own[0]);
    bits[1].push(own[1]);
    const isKnown =
      !a.texts.slice(fromA, i).some((text) => unknown[0].has(text)) &&
      !b.texts.slice(fromB, j).some((text) => unknown[1].has(text));
    const isCounted = fromA > 0 && fromB > 0 && isKnown && textA === textB;
    counts.push(isCounted ? 1 : 0);
    difference.push(isCounted ? own[0] - own[1] : 0);
    if (isCounted) {
      characters += charactersIn(textA);
      totals[0] += own[0];
      totals[1] += own[1];
      tokens[0] += i - fromA;
      tokens[1] += j - fromB;
    } else if (fromA > 0 || fromB > 0) leftOut += charactersIn(textA);
  }
  first[0].push(a.texts.length);
  first[1].push(b.texts.length);
  return {
    ...{ texts, characters, totals, tokens, leftOut },
    first: [Int32Array.from(first[0]), Int32Array.from(first[1])],
    bits: [Float32Array.from(bits[0]), Float32Array.from(bits[1])],
    difference: Float32Array.from(difference),
    counts: Uint8Array.from(counts),
  };
}

/** Where two texts differ by more than capitals; undefined if they do not. */
function firstDifference(a: string, b: string): number | undefined {
  if (a === b) return undefined;
  const most = Math.max(a.length, b.length);
  for (let at = 0; at < most; at++) {
    const [x, y] = [a[at], b[at]];
    if (x === y) continue;
    if (x === undefined || y === undefined || x.toLowerCase() !== y.toLowerCase()) return at;
  }
  return undefined;
}

function sumOf(numbers: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let t = from; t < to; t++) sum += numbers[t] as number;
  return sum;
}

/** The part that a token of a model is in. @param first of one model, as in `Comparison` */
export function partOf(first: Int32Array, token: number): number {
  let [low, high] = [0, first.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((first[middle] as number) <= token) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

/** The parts at which one model is more surprised than the other, the largest differences first. @param sign 1: the first one is */
export function largestDifferences({ difference }: Comparison, sign: 1 | -1, most: number): readonly number[] {
  const places = Array.from(difference.keys()).filter((k) => sign * (difference[k] as number) > 0);
  return places.sort((x, y) => sign * ((difference[y] as number) - (difference[x] as number)) || x - y).slice(0, most);
}
