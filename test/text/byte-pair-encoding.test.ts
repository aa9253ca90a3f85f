import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { createRandom } from "../../src/nn/random.ts";
import {
  type BytePairEncoding,
  bytePairVocabularySize,
  checkBytePairEncoding,
  decodeBytePairs,
  decodeNextBytePair,
  encodeBytePairs,
  tokenBytes,
  trainBytePairEncoding,
} from "../../src/text/byte-pair-encoding.ts";
import { bytePairPattern } from "../../src/text/pieces.ts";
import { cases } from "../helpers/cases.ts";

const bytesAlone: BytePairEncoding = { kind: "bpe", merges: [] };
const words = (encoding: BytePairEncoding, text: string) =>
  [...encodeBytePairs(encoding, text)].map((id) => decodeBytePairs(encoding, [id]));
const pieces = (text: string) => Array.from(text.matchAll(bytePairPattern), ([piece]) => piece);

// Every code point, halves of surrogate pairs among them, and texts in which pairs repeat.
const anyText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("a", "b", "ab", " ", "é", "漢", "👩‍👩‍👧", "\uD800", "\uDC00", "\uFEFF", "\n") }),
  fc.string({ unit: fc.constantFrom("a", "b") }),
);

/** The obvious way: count all pairs anew after each merge. */
function slowTraining(text: string, vocabularySize: number, minimumCount: number): [number, number][] {
  let parts = pieces(text).map((piece) => [...encodeBytePairs(bytesAlone, piece)]);
  const merges: [number, number][] = [];
  while (256 + merges.length < vocabularySize) {
    const counts = new Map<string, { pair: [number, number]; count: number }>();
    for (const part of parts) {
      for (let i = 1; i < part.length; i++) {
        const pair: [number, number] = [part[i - 1]!, part[i]!];
        const entry = counts.get(String(pair)) ?? { pair, count: 0 };
        counts.set(String(pair), { pair, count: entry.count + 1 });
      }
    }
    const [best] = [...counts.values()]
      .filter(({ count }) => count >= minimumCount)
      .sort((a, b) => b.count - a.count || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1]);
    if (best === undefined) break;
    const [left, right] = best.pair;
    parts = parts.map((part) => {
      const merged: number[] = [];
      for (let i = 0; i < part.length; i++) {
        if (part[i] === left && part[i + 1] === right) merged.push(256 + merges.length, ...part.slice(++i, i));
        else merged.push(part[i]!);
      }
      return merged;
    });
    merges.push(best.pair);
  }
  return merges;
}

describe("the cut into pieces", () => {
  test("a word takes the blank before it; contractions, digits and marks are pieces of their own", () => {
    expect(pieces("I'll pay 1851 dollars, don't I?!")).toEqual([
      "I",
      "'ll",
      " pay",
      " 1851",
      " dollars",
      ",",
      " don",
      "'t",
      " I",
      "?!",
    ]);
  });

  test("of white space the last character goes with what follows", () => {
    expect(pieces("a   b\n\n  c  ")).toEqual(["a", "  ", " b", "\n\n ", " c", "  "]);
  });

  test("property: the pieces are the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(pieces(text).join("")).toBe(text);
      }),
    );
    expect(pieces("x".repeat(1000)).join("")).toHaveLength(1000);
  });
});

describe("training", () => {
  test("the most frequent pair first; a merge may be of merges", () => {
    const { merges } = trainBytePairEncoding("low low low lower lowest", { vocabularySize: 300 });
    const [l, o, w] = ["l", "o", "w"].map((letter) => letter.charCodeAt(0)) as [number, number, number];
    expect(merges.slice(0, 2)).toEqual([
      [l, o],
      [256, w],
    ]);
    expect(merges).toEqual(slowTraining("low low low lower lowest", 300, 2));
  });

  test("of equally frequent pairs the lower tokens win, whatever the order of the text", () => {
    const first = (text: string) => trainBytePairEncoding(text, { vocabularySize: 257 }).merges[0];
    for (const text of ["ab\ncd\nab\ncd", "cd\nab\ncd\nab"]) expect(first(text)).toEqual([97, 98]);
    for (const text of ["xb\nxa\nxb\nxa", "xa\nxb\nxa\nxb"]) expect(first(text)).toEqual([120, 97]);
  });

  test("pairs are counted where they overlap, and merged from the start", () => {
    const encoding = trainBytePairEncoding("aaa", { vocabularySize: 257 });
    expect(encoding.merges).toEqual([[97, 97]]);
    expect(words(encoding, "aaa")).toEqual(["aa", "a"]);
  });

  test("minimumCount: rarer pairs are not merged, so that there may be fewer tokens", () => {
    expect(trainBytePairEncoding("abc", { vocabularySize: 1000 }).merges).toEqual([]);
    expect(trainBytePairEncoding("abc", { vocabularySize: 1000, minimumCount: 1 }).merges).toHaveLength(2);
    expect(trainBytePairEncoding("ab ab", { vocabularySize: 1000, minimumCount: 3 }).merges).toEqual([]);
  });

  test("256 tokens, or no text, need no merge", () => {
    expect(trainBytePairEncoding("aaaa", { vocabularySize: 256 })).toEqual(bytesAlone);
    expect(trainBytePairEncoding("", { vocabularySize: 300 })).toEqual(bytesAlone);
  });

  test("merges never cross pieces", () => {
    const encoding = trainBytePairEncoding("the whale the whale the whale", { vocabularySize: 400 });
    expect(words(encoding, "the whale")).toEqual(["the", " whale"]);
  });

  test("property: the same merges as by counting anew after each one", () => {
    fc.assert(
      fc.property(
        anyText,
        fc.integer({ min: 256, max: 280 }),
        fc.integer({ min: 1, max: 3 }),
        (text, vocabularySize, minimumCount) => {
          const { merges } = trainBytePairEncoding(text, { vocabularySize, minimumCount });
          expect(merges).toEqual(slowTraining(text, vocabularySize, minimumCount));
        },
      ),
      { numRuns: 300 },
    );
  });

  // Counting all pairs of the text anew at each merge would be above the runner's limit.
  test("a megabyte of words comes to 2,000 merges", () => {
    const random = createRandom(1);
    const next = (n: number) => random.integer(n);
    const stems = Array.from({ length: 5000 }, () =>
      Array.from({ length: 2 + next(5) }, () => "etaoinshrdlu"[next(12)]).join(""),
    );
    const text = Array.from({ length: 200_000 }, () => stems[Math.min(next(5000), next(5000))]).join(" ");
    expect(text.length).toBeGreaterThan(850_000);
    expect(trainBytePairEncoding(text, { vocabularySize: 2256 }).merges).toHaveLength(2000);
  });

  test("throws for a vocabulary without room for the bytes, and for what is no text", () => {
    expect(() => trainBytePairEncoding("a", { vocabularySize: 255 })).toThrow(
      "vocabularySize must be a whole number from 256 to 16777216",
    );
    expect(() => trainBytePairEncoding("a", { vocabularySize: 300, minimumCount: 0 })).toThrow(
      "minimumCount must be a whole number of at least 1",
    );
    expect(() => trainBytePairEncoding(5 as never, { vocabularySize: 300 })).toThrow(
      "trainBytePairEncoding: text must be a text, a list of texts, or a text in parts, as textFile reads it, got 5",
    );
  });
});

describe("encoding and decoding", () => {
  test("without merges tokens are the bytes of UTF-8", () => {
    expect([...encodeBytePairs(bytesAlone, "aé漢🐋")]).toEqual([...Buffer.from("aé漢🐋")]);
    expect(encodeBytePairs(bytesAlone, "")).toEqual(new Int32Array(0));
    expect(decodeBytePairs(bytesAlone, [])).toBe("");
  });

  test("the earliest learned merge is applied first", () => {
    const encoding: BytePairEncoding = {
      kind: "bpe",
      merges: [
        [98, 99],
        [97, 98],
        [97, 256],
      ],
    };
    expect(words(encoding, "abc")).toEqual(["abc"]);
    expect(words(encoding, "abab")).toEqual(["ab", "ab"]);
    expect(
      words(
        {
          kind: "bpe",
          merges: [
            [97, 98],
            [98, 99],
          ],
        },
        "abc",
      ),
    ).toEqual(["ab", "c"]);
  });

  test("property: every text comes back, whatever the training text was, and uses known tokens", () => {
    fc.assert(
      fc.property(anyText, anyText, fc.integer({ min: 256, max: 300 }), (training, text, vocabularySize) => {
        const encoding = trainBytePairEncoding(training, { vocabularySize });
        const ids = encodeBytePairs(encoding, text);
        expect(decodeBytePairs(encoding, ids)).toBe(text);
        expect(ids.every((id) => id >= 0 && id < bytePairVocabularySize(encoding))).toBe(true);
        expect(decodeBytePairs(encoding, encodeBytePairs(encoding, training))).toBe(training);
      }),
      { numRuns: 500 },
    );
  });

  test("property: a trained text is encoded as training left it", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "b", " ", "é") }), (text) => {
        const encoding = trainBytePairEncoding(text, { vocabularySize: 270 });
        // Applying merge after merge, in their order, to every piece.
        const expected = pieces(text).flatMap((piece) =>
          encoding.merges.reduce<number[]>(
            (tokens, [left, right], k) => {
              const merged: number[] = [];
              for (let i = 0; i < tokens.length; i++) {
                if (tokens[i] === left && tokens[i + 1] === right) {
                  merged.push(256 + k);
                  i++;
                } else merged.push(tokens[i]!);
              }
              return merged;
            },
            [...encodeBytePairs(bytesAlone, piece)],
          ),
        );
        expect([...encodeBytePairs(encoding, text)]).toEqual(expected);
      }),
    );
  });

  test("halves of surrogate pairs come back, and two that meet are a character", () => {
    const text = "a\uD83Db\uDC0B";
    expect(decodeBytePairs(bytesAlone, encodeBytePairs(bytesAlone, text))).toBe(text);
    const halves = ["\uD83D", "\uDC0B"].flatMap((half) => [...encodeBytePairs(bytesAlone, half)]);
    expect(decodeBytePairs(bytesAlone, halves)).toBe("🐋");
  });

  test("bytes that are no UTF-8 become U+FFFD; a mark of byte order stays", () => {
    expect(decodeBytePairs(bytesAlone, [0x61, 0xff, 0xe6, 0x62])).toBe("a\uFFFD\uFFFDb");
    expect(decodeBytePairs(bytesAlone, [0xed, 0x61])).toBe("\uFFFDa");
    expect(decodeBytePairs(bytesAlone, encodeBytePairs(bytesAlone, "\uFEFFa"))).toBe("\uFEFFa");
  });

  test("property: any bytes that are UTF-8 but for lone halves decode as TextDecoder has it", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (content) => {
        fc.pre(!content.some((byte, i) => byte === 0xed && (content[i + 1] ?? 0) >= 0xa0));
        expect(decodeBytePairs(bytesAlone, content)).toBe(
          new TextDecoder("utf-8", { ignoreBOM: true }).decode(content),
        );
      }),
    );
  });

  test("tokens can be written while they come, with a streaming decoder", () => {
    const decoder = new TextDecoder();
    const encoding = trainBytePairEncoding("漢漢漢", { vocabularySize: 257 });
    const parts = [...encodeBytePairs(encoding, "漢🐋")].map((id) =>
      decoder.decode(tokenBytes(encoding, id), { stream: true }),
    );
    expect(parts.join("")).toBe("漢🐋");
  });

  test("throws for an id that is no token's", () => {
    for (const id of [256, -1, 0.5, Number.NaN]) {
      expect(() => decodeBytePairs(bytesAlone, [97, id])).toThrow(new InputError(`token ${id}: ids go from 0 to 255`));
    }
  });
});

describe("data", () => {
  test("property: an encoding survives JSON and its check", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const encoding = trainBytePairEncoding(text, { vocabularySize: 280 });
        expect(checkBytePairEncoding(JSON.parse(JSON.stringify({ ...encoding, more: 1 })))).toEqual(encoding);
      }),
    );
  });

  test("throws, with the merge, for a damaged file", () => {
    const check = (merges: unknown) => () => checkBytePairEncoding({ kind: "bpe", merges });
    expect(() => checkBytePairEncoding(null)).toThrow("byte-pair encoding: needs an object, got null");
    expect(() => checkBytePairEncoding({ kind: "char" })).toThrow('"kind" needs "bpe", got "char"');
    expect(check({})).toThrow('"merges" needs a list, got an object');
    expect(check([[97, 98], [97]])).toThrow("merge 1 needs two tokens below 257");
    expect(check([[97, 256]])).toThrow("merge 0 needs two tokens below 256");
    expect(
      check([
        [97, 98],
        [97, 98],
      ]),
    ).toThrow("merge 1 repeats 97 and 98");
    const doubling = Array.from({ length: 30 }, (_, k) => (k === 0 ? [97, 97] : [255 + k, 255 + k]));
    expect(check(doubling)).toThrow("merge 8 makes a token of 512 bytes, longer than any piece of a text");
  });
});

test("decodeNextBytePair: whatever the tokens, their texts and what is left over are the text of all", () => {
  const encoding: BytePairEncoding = {
    kind: "bpe",
    merges: [...[0xf0, 0xe2, 0xed, 0xef].map((lead) => [lead, 0xa0])] as [number, number][],
  };
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 259 }),
    fc.constantFrom(0x41, 0x80, 0x9f, 0xa0, 0xbb, 0xbf, 0xc3, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xff),
  );
  const characters = fc
    .constantFrom("é", "漢", "🐋", "\uFEFF", "\uD800", "\uDC00")
    .map((text) => [...encodeBytePairs(encoding, text)]);
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          byte.map((id) => [id]),
          characters,
        ),
      ),
      (parts) => {
        const ids = parts.flat();
        let [text, rest] = ["", new Uint8Array() as Uint8Array];
        for (const id of ids) {
          const next = decodeNextBytePair(encoding, id, rest);
          text += next.text;
          rest = next.rest;
          expect(rest.length).toBeLessThan(4);
        }
        expect(text + new TextDecoder().decode(rest)).toBe(decodeBytePairs(encoding, ids));
      },
    ),
    { numRuns: cases(700) },
  );
});
