/** Texts that come in parts: cut where no token is, and their words counted within bounds. Knows nothing about files. */
import { InputError } from "../graph/input-error.ts";
import { either, formatValue, isPlain, iterable, listOf, type Rule, string } from "../graph/schema.ts";

/**
 * One text in parts that do not cut a character, gone through as often as needed: it may be larger than a string can be.
 * `textFile` of `unrolled/formats/text-file` reads a file so.
 */
export type TextParts = { readonly parts: Iterable<string> };

export const textOrParts: Rule = {
  ...either(string, listOf(string), {
    expected: "",
    accepts: (value) => isPlain(value) && iterable.accepts(value.parts),
  }),
  expected: "a text, a list of texts, or a text in parts, as textFile reads it",
};

/** So many characters without a blank are refused: a string could soon hold no more. */
const longestPart = 2 ** 28;
/** So many different words or pieces are counted: byte pairs are made of a gigabyte of them. */
export const mostCounted = 2 ** 20;

/** The parts of a text, of which a string has one; and separate texts, each as one. */
export function partsOf(text: string | readonly string[] | TextParts): Iterable<string> {
  if (typeof text === "string") return [text];
  const list = Array.isArray(text) ? (text as readonly string[]) : undefined;
  const odd = list?.find((one) => typeof one !== "string");
  if (list !== undefined && odd === undefined) return list;
  const parts = (text as TextParts | null | undefined)?.parts;
  if (typeof parts === "object" && parts !== null && Symbol.iterator in parts) return parts;
  throw new InputError(`text: needs a text, got ${formatValue(list === undefined ? text : odd)}`);
}

/**
 * The same text in parts that begin with a blank after something else: no word and no piece for byte pairs lies on both
 * sides of such a place, nor changes with what is on the other side.
 * @throws InputError for a text without such a place in 2^28 characters
 */
export function* cutAtBlanks(text: string | readonly string[] | TextParts, longest = longestPart): Generator<string> {
  if (typeof text === "string" || Array.isArray(text)) return yield* partsOf(text);
  let rest = "";
  for (const part of partsOf(text)) {
    const known = rest.length;
    rest += part;
    const cut = lastCut(rest, known);
    if (cut > 0) {
      yield rest.slice(0, cut);
      rest = rest.slice(cut);
    } else if (rest.length > longest) {
      throw new InputError(
        `the text has no blank in ${longest.toLocaleString("en-US")} characters, and words are cut at blanks. Train on characters.`,
      );
    }
  }
  if (rest !== "") yield rest;
}

/** The last place at or after `from` where something ends and a blank begins; 0 where there is none. */
function lastCut(text: string, from: number): number {
  for (let at = text.length - 1; at >= Math.max(1, from); at--) {
    if (isBlank(text, at) && !isBlank(text, at - 1)) return at;
  }
  return 0;
}
function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  // Below U+00A0 without a regular expression: where a text has no blank, every character is looked at.
  return code < 0xa0 ? code === 0x20 || (code >= 9 && code <= 13) : /\s/.test(text[at] as string);
}

type CountOptions = {
  /** Called with each part, before its pieces. */
  readonly onPart?: (part: string) => void;
  /** Called at the end with how many pieces were left out, where there are any. */
  readonly onUncounted?: ((count: number) => void) | undefined;
  readonly most?: number;
};

/**
 * How often each piece of a text comes. The first different ones, `most` of them, are counted, whatever the parts are.
 * @param each calls its second argument for each piece of its first, in order
 */
export function countPieces(
  text: string | readonly string[] | TextParts,
  each: (part: string, visit: (piece: string) => void) => void,
  { onPart, onUncounted, most = mostCounted }: CountOptions = {},
): Map<string, number> {
  const counts = new Map<string, number>();
  let left = 0;
  const count = (piece: string): void => {
    const before = counts.get(piece);
    if (before !== undefined) counts.set(piece, before + 1);
    // A copy: a slice would keep all of its part in memory.
    else if (counts.size < most) counts.set(` ${piece}`.slice(1), 1);
    else left++;
  };
  for (const part of cutAtBlanks(text)) {
    onPart?.(part);
    each(part, count);
  }
  if (left > 0) onUncounted?.(left);
  return counts;
}

/** How many code points a text has, without a list of them. */
export function countCodePoints(text: string): number {
  let count = text.length;
  for (let at = 1; at < text.length; at++) {
    const isLow = (text.charCodeAt(at) & 0xfc00) === 0xdc00;
    if (isLow && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) count--;
  }
  return count;
}

/** Gathers the code points of texts, to give them sorted. */
export function createCodePoints(): { add: (text: string) => void; sorted: () => string[] } {
  const seen = new Uint8Array(0x110000);
  return {
    add(text) {
      for (let at = 0; at < text.length; at++) {
        let code = text.charCodeAt(at);
        if (code >= 0xd800 && code < 0xdc00) {
          code = text.codePointAt(at) as number;
          if (code > 0xffff) at++;
        }
        seen[code] = 1;
      }
    },
    sorted() {
      const found: string[] = [];
      for (let code = seen.indexOf(1); code >= 0; code = seen.indexOf(1, code + 1))
        found.push(String.fromCodePoint(code));
      return found;
    },
  };
}
