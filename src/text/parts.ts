/** Read texts that come in parts, and count and collect their code points. */
import { InputError } from "../graph/input-error.ts";
import { either, formatValue, isPlain, iterable, listOf, type Rule, string } from "../graph/schema.ts";

/**
 * One text in several parts, which can be read as often as needed; together they can be larger than the largest string.
 * No part ends within a character. `textFile` of `unrolled/formats/text-file` reads a file this way.
 */
export type TextParts = { readonly parts: Iterable<string> };

export const textOrParts: Rule = {
  ...either(string, listOf(string), {
    expected: "",
    accepts: (value) => isPlain(value) && iterable.accepts(value.parts),
  }),
  expected: "a text, a list of texts, or a text in parts, as textFile reads it",
};

/** The parts of a text (a string has one part), or the texts of a list, each as one part. */
export function partsOf(text: string | readonly string[] | TextParts): Iterable<string> {
  if (typeof text === "string") return [text];
  const list = Array.isArray(text) ? (text as readonly string[]) : undefined;
  const odd = list?.find((one) => typeof one !== "string");
  if (list !== undefined && odd === undefined) return list;
  const parts = (text as TextParts | null | undefined)?.parts;
  if (typeof parts === "object" && parts !== null && Symbol.iterator in parts) return parts;
  throw new InputError(`text: needs a text, got ${formatValue(list === undefined ? text : odd)}`);
}

/** The number of code points in a text, counted without making a list of them. */
export function countCodePoints(text: string): number {
  let count = text.length;
  for (let at = 1; at < text.length; at++) {
    const isLow = (text.charCodeAt(at) & 0xfc00) === 0xdc00;
    if (isLow && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) count--;
  }
  return count;
}

/** Collects the code points of texts and returns them in order. */
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
