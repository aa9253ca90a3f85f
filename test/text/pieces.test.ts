/** Pieces are cut as the patterns say, by hand and not by a regular expression, wherever parts and windows end. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytePairPattern,
  createPieces,
  endOfPieces,
  firstPiece,
  readPieces,
  wordPattern,
} from "../../src/text/pieces.ts";
import { cases } from "../helpers/cases.ts";

const kinds = ["word", "bpe"] as const;
const patterns = { word: wordPattern, bpe: bytePairPattern };
const cutBy = (pattern: RegExp, text: string): string[] => text.match(pattern) ?? [];

/** The pieces of parts, those without a number among them. */
function piecesOf(kind: "char" | "word" | "bpe", parts: readonly string[], max?: number): string[] {
  const found: string[] = [];
  const take = (run: Int32Array) => {
    for (const number of run) found.push(pieces.textOf(number));
  };
  const pieces = createPieces(kind, { take, takeOther: (piece) => found.push(piece) }, max);
  readPieces(pieces, { parts });
  return found;
}

const blanks = [
  " ",
  "  ",
  "\t",
  "\n",
  "\r\n",
  "\v",
  "\f",
  "\u0085",
  "\u00a0",
  "\u1680",
  "\u2003",
  "\u2028",
  "\u3000",
  "\ufeff",
];
const unit = fc.oneof(
  fc.constantFrom(...blanks),
  fc.constantFrom("a", "É", "中", "ก", "e\u0301", "\u0301", "ß", "ǅ", "ʰ", "𝒜", "\ud83d", "\ude00", "😀", "\u200d"),
  fc.constantFrom(
    "'",
    "’",
    "'s",
    "'d",
    "'m",
    "'t",
    "'ll",
    "'l",
    "'ve",
    "'v",
    "'re",
    "'r",
    "'S",
    "-",
    "_",
    "£",
    "²",
    "Ⅷ",
    "٣",
    "7",
  ),
  fc
    .tuple(fc.constantFrom("a", "😀", "𝒜", "9", "!", " ", "\n", "'", "a'"), fc.integer({ min: 60, max: 260 }))
    .map(([one, times]) => one.repeat(times)),
  fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
);
const text = fc.array(unit, { maxLength: 30 }).map((units) => units.join(""));

describe.each(kinds)("%s", (kind) => {
  test("property: pieces are those of the pattern, with few numbers or many", () => {
    fc.assert(
      fc.property(text, fc.constantFrom(0, 3, 1000), (text, max) => {
        expect(piecesOf(kind, [text], max)).toEqual(cutBy(patterns[kind], text));
      }),
      { numRuns: cases(700) },
    );
  });

  test("every code point of Unicode, of empty planes the first and last ones, falls into the class that the pattern gives it", () => {
    // Beside a letter, a digit, a blank and itself. Of planes that hold nothing, or nothing but private use, the first and the last.
    const plain = (from: number): boolean => from >= 0x40000 && from >> 16 !== 0xe;
    for (let from = 0; from < 0x110000; from += 0x1000) {
      if (plain(from) && (from & 0xf000) !== 0 && (from & 0xf000) !== 0xf000) continue;
      const text = Array.from({ length: 0x1000 }, (_, k) => {
        const one = String.fromCodePoint(from + k);
        return `a${one}1${one}${one} ${one}`;
      }).join("");
      expect(piecesOf(kind, [text]).join("\0")).toBe(cutBy(patterns[kind], text).join("\0"));
    }
  });

  test("the longest pieces come whole where a window or a part ends", () => {
    const word = `${" ".repeat(3)}${"𝒜".repeat(256)}'${"𝒜".repeat(256)}’${"b".repeat(256)}'c'd'e'f`;
    const long = Array.from({ length: 200 }, (_, k) => `${word}${"\n".repeat(k)}${"-".repeat(k)}${k}`).join("");
    const parts = Array.from({ length: 300 }, (_, k) =>
      Array.from(long)
        .slice(k * 700, k * 700 + 700)
        .join(""),
    );
    expect(parts.join("")).toBe(long.slice(0, parts.join("").length));
    expect(long.length).toBeGreaterThan(2 ** 17);
    expect(piecesOf(kind, [long])).toEqual(cutBy(patterns[kind], long));
    expect(piecesOf(kind, parts)).toEqual(cutBy(patterns[kind], long));
  });
});

test("char: pieces are code points, halves of pairs that stand alone among them", () => {
  fc.assert(
    fc.property(text, (text) => {
      expect(piecesOf("char", [text])).toEqual(Array.from(text));
    }),
  );
});

test.each(["char", "word", "bpe"] as const)(
  "%s: numbers are given in the order of first appearance, and texts end",
  (kind) => {
    const found: number[] = [];
    const pieces = createPieces(kind, { take: (run) => found.push(...run), takeOther: () => expect.unreachable() });
    readPieces(pieces, ["b", "a", "b", ""]);
    expect(found).toEqual([1, endOfPieces, 2, endOfPieces, 1, endOfPieces, endOfPieces]);
    expect([firstPiece, pieces.next(), pieces.textOf(1), pieces.textOf(2)]).toEqual([1, 3, "b", "a"]);
  },
);
