/** A text in parts gives the vocabulary and the tokens of the whole text, wherever it is cut. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countPieces } from "../../src/text/count-pieces.ts";
import { countCodePoints, createCodePoints } from "../../src/text/parts.ts";
import { maxPieces } from "../../src/text/pieces.ts";
import {
  countUnknown,
  encode,
  encodeParts,
  type TrainedTokenizer,
  trainAndEncode,
  trainTokenizer,
} from "../../src/text/tokenizer.ts";
import { createTokenList } from "../../src/train/token-list.ts";
import type { TokenSource } from "../../src/train/token-source.ts";

/** Texts with all that tokenizers join: contractions, blanks of every kind, runs of one kind, other scripts, pairs. */
const unit = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "the", "dog", "ll", "s", "t", "ve") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\ufeff", " ".repeat(70)),
  },
  fc.constantFrom("'", "’", "'s", "'ll", "-", "...", "!", "9", "42"),
  fc.constantFrom("é", "e\u0301", "中文字", "ภาษาไทย", "😀", "\uFFFD", "x".repeat(70), "x".repeat(300)),
);
const text = fc.array(unit, { maxLength: 60 }).map((units) => units.join(""));
/** A text in parts that do not cut a character. */
const cut = fc.tuple(text, fc.array(fc.nat(), { maxLength: 12 })).map(([text, places]) => {
  const characters = Array.from(text);
  const borders = [
    0,
    ...places.map((place) => place % (characters.length + 1)).sort((a, b) => a - b),
    characters.length,
  ];
  const parts = borders.slice(1).map((border, k) => characters.slice(borders[k], border).join(""));
  return { text, parts };
});

function all(tokens: TokenSource): number[] {
  const into = new Int32Array(tokens.length);
  tokens.read(0, into);
  return [...into];
}

describe("property: wherever a text is cut", () => {
  test.each(["char", "word", "bpe"] as const)("%s: vocabulary and tokens are those of the whole text", (kind) => {
    fc.assert(
      fc.property(cut, fc.integer({ min: 257, max: 320 }), ({ text, parts }, maxVocabulary) => {
        const options = kind === "char" ? {} : { maxVocabulary };
        const whole = trainTokenizer(kind as TrainedTokenizer["kind"], text, options);
        expect(trainTokenizer(kind as TrainedTokenizer["kind"], { parts }, options)).toEqual(whole);
        const runs = [...encodeParts(whole, { parts })];
        expect(runs.flatMap((run) => [...run])).toEqual([...encode(whole, text)]);
        const once = trainAndEncode("train", kind, { parts }, { ...options, createList: createTokenList });
        expect(once.tokenizer).toEqual(whole);
        expect(all(once.tokens)).toEqual([...encode(whole, text)]);
      }),
      { numRuns: 300 },
    );
  });

  test.each(["char", "word", "bpe"] as const)("%s: separate texts are read once to the same", (kind) => {
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (texts) => {
        const tokenizer = trainTokenizer(kind as TrainedTokenizer["kind"], texts);
        const once = trainAndEncode("train", kind, texts, { createList: createTokenList });
        expect(once.tokenizer).toEqual(tokenizer);
        expect(all(once.tokens)).toEqual([...encode(tokenizer, texts)]);
      }),
    );
  });
});

test("a text is gone through once for its vocabulary: a generator is enough", () => {
  function* parts() {
    yield "one two ";
    yield "two three";
  }
  expect(trainTokenizer("word", { parts: parts() })).toEqual(trainTokenizer("word", "one two two three"));
});

test.each([5, null, undefined, {}, { parts: "abc" }, { parts: null }])("%o is no text", (value) => {
  expect(() => trainTokenizer("char", value as never)).toThrow(
    "trainTokenizer: text must be a text, a list of texts, or a text in parts",
  );
  expect(() => trainTokenizer("bpe", value as never)).toThrow(
    "trainTokenizer: text must be a text, a list of texts, or a text in parts",
  );
});

test("beyond a bound, 2^20 different words, the first ones are counted, and it is said how many were not", () => {
  expect(maxPieces).toBe(2 ** 20);
  const parts = Array.from({ length: 30 }, (_, k) => {
    const words = Array.from({ length: 80 }, (_, i) => ` ${(k * 80 + i).toString(36)}`);
    return `${words.join("")} again`;
  });
  let left = 0;
  const onUncounted = (count: number) => {
    left = count;
  };
  for (const text of [{ parts }, parts.join("")]) {
    let incomplete = 0;
    const reading = { max: 1000, onIncomplete: () => incomplete++ };
    const { counts } = countPieces("word", text, { onUncounted, reading });
    expect(incomplete).toBe(1);
    expect(counts.size).toBe(1000);
    // All numbers but those that came before the bound was reached: "again" took one place.
    expect(left).toBe(30 * 80 - 999);
    expect(counts.get(" again")).toBe(30);
    expect(counts.get(" rr")).toBe(Number.parseInt("rr", 36) < 999 ? 1 : undefined);
  }
  countPieces("word", { parts }, { onUncounted: () => expect.unreachable(), reading: { max: 2401 } });
});

test("code points: counted and gathered as a list of them would be, halves of pairs too", () => {
  const half = fc.constantFrom("\ud83d", "\ude00", "a", "é", "😀", "\u{10ffff}", "\0");
  fc.assert(
    fc.property(fc.array(half), (units) => {
      const text = units.join("");
      expect(countCodePoints(text)).toBe(Array.from(text).length);
      const gathered = createCodePoints();
      gathered.add(text);
      const sorted = [...new Set(text)].sort((a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number));
      expect(gathered.sorted()).toEqual(sorted);
    }),
  );
});

test("unknown characters are counted wherever the tokens lie", () => {
  const tokens = Int32Array.from({ length: 200_000 }, (_, k) => k % 3);
  const source = {
    length: tokens.length,
    read: (from: number, into: Int32Array) => into.set(tokens.subarray(from, from + into.length)),
  };
  const tokenizer = trainTokenizer("char", "ab");
  expect([countUnknown(tokens, tokenizer), countUnknown(source, tokenizer)]).toEqual([66_667, 66_667]);
});
