import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import {
  checkTokenizer,
  countUnknown,
  decode,
  decodeNext,
  decodeRest,
  decodeToken,
  encode,
  hasUnknown,
  type Tokenizer,
  trainTokenizer,
  vocabularySize,
} from "../../src/text/tokenizer.ts";
import { cases } from "../helpers/cases.ts";

const kinds = ["char", "word"] as const;
const tokens = (tokenizer: Tokenizer, text: string) =>
  [...encode(tokenizer, text)].map((id) => decodeToken(tokenizer, id));

// Every code point, halves of surrogate pairs among them, and texts that are mostly words.
const anyText = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    fc.constantFrom("𝒜", "👩‍👩‍👧", "\uD800", "\uDC00", "\uFFFD", "\uFEFF", "\0"),
  ),
});
const wordy = fc
  .array(
    fc.constantFrom(
      "whale",
      "don't",
      "’tis",
      "é",
      "e\u0301",
      " ",
      "  ",
      "\n",
      "\r\n",
      "--",
      ".",
      "3",
      "𝒜",
      "漢字",
      "_",
      "\t",
    ),
  )
  .map((parts) => parts.join(""));
const text = fc.oneof(anyText, fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), wordy);

describe.each(kinds)("%s", (kind) => {
  test("property: the training text comes back exactly, with no character unknown", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 30 }), (training, maxVocabulary) => {
        const tokenizer = trainTokenizer(kind, training, kind === "char" ? {} : { maxVocabulary });
        const ids = encode(tokenizer, training);
        expect(decode(tokenizer, ids)).toBe(training);
        if (!training.includes("\uFFFD")) expect(countUnknown(ids, tokenizer)).toBe(0);
        expect(new Set(tokenizer.vocabulary).size).toBe(tokenizer.vocabulary.length);
      }),
      { numRuns: cases(300) },
    );
  });

  test("property: another text of known code points comes back exactly", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat()), (training, picks) => {
        const known = [...training];
        const other = known.length === 0 ? "" : picks.map((pick) => known[pick % known.length]).join("");
        // Halves of surrogate pairs that come to lie together are another code point.
        fc.pre([...other].every((character) => known.includes(character)));
        const tokenizer = trainTokenizer(kind, training);
        expect(decode(tokenizer, encode(tokenizer, other))).toBe(other);
      }),
      { numRuns: cases(300) },
    );
  });

  test("property: of any other text, just the unknown characters become U+FFFD", () => {
    fc.assert(
      fc.property(text, text, (training, other) => {
        const tokenizer = trainTokenizer(kind, training);
        const known = new Set(training);
        const ids = encode(tokenizer, other);
        const expected = [...other].map((character) => (known.has(character) ? character : "\uFFFD"));
        expect([...decode(tokenizer, ids)].join("|")).toBe([...expected.join("")].join("|"));
        const unknown = [...other].filter((character) => !known.has(character)).length;
        if (!training.includes("\uFFFD")) expect(countUnknown(ids, tokenizer)).toBe(unknown);
      }),
      { numRuns: cases(300) },
    );
  });

  test("property: a tokenizer survives JSON and its check", () => {
    fc.assert(
      fc.property(text, (training) => {
        const tokenizer = trainTokenizer(kind, training);
        expect(checkTokenizer(JSON.parse(JSON.stringify(tokenizer)))).toEqual(tokenizer);
      }),
    );
  });

  // Time that grows with the square of the length would be above the runner's limit; bench and docs/log say what it takes.
  test("1.2 million characters are encoded, and come back", () => {
    const line =
      "Call me Ishmael. Some years ago--never mind how long precisely--having little or no money, I don't.\n";
    const long = line.repeat(12_000);
    const tokenizer = trainTokenizer(kind, long);
    expect(decode(tokenizer, encode(tokenizer, long))).toBe(long);
  });

  test.each(["a", "𝒜", "漢", "'a", "a'", " ", "e\u0301"])("a million times %j is no trouble", (unit) => {
    const long = unit.repeat(1_000_000);
    const tokenizer = trainTokenizer(kind, long);
    expect(decode(tokenizer, encode(tokenizer, long)) === long).toBe(true);
  });
});

describe("char", () => {
  test("the vocabulary is U+FFFD, then the code points in their order", () => {
    expect(trainTokenizer("char", "bca\n𝒜\uFF5E\uD800a")).toEqual({
      kind: "char",
      vocabulary: ["\uFFFD", "\n", "a", "b", "c", "\uD800", "\uFF5E", "𝒜"],
    });
    expect(trainTokenizer("char", "")).toEqual({ kind: "char", vocabulary: ["\uFFFD"] });
  });

  test("unknown characters are id 0, are counted, and become U+FFFD", () => {
    const tokenizer = trainTokenizer("char", "abc");
    const ids = encode(tokenizer, "a𝒜c?");
    expect([...ids]).toEqual([1, 0, 3, 0]);
    expect(countUnknown(ids, tokenizer)).toBe(2);
    expect(decode(tokenizer, ids)).toBe("a\uFFFDc\uFFFD");
  });

  test("halves of surrogate pairs are characters of their own", () => {
    const tokenizer = trainTokenizer("char", "\uD800a\uDC00\uD801");
    expect(tokens(tokenizer, "\uD801\uD800")).toEqual(["\uD801", "\uD800"]);
    expect(tokens(tokenizer, "\uD802𐀀")).toEqual(["\uFFFD", "\uFFFD"]);
  });

  test("a maxVocabulary is refused: there is nothing to leave out; Infinity is what it is", () => {
    for (const maxVocabulary of [1, 2, 300]) {
      expect(() => trainTokenizer("char", "ab", { maxVocabulary })).toThrow(
        new InputError(
          "trainTokenizer: maxVocabulary limits words or byte pairs, and the tokens are characters. Leave it out, or give " +
            "another kind.",
        ),
      );
    }
    expect(trainTokenizer("char", "abc", { maxVocabulary: Infinity }).vocabulary).toHaveLength(4);
  });
});

describe("word", () => {
  test("tokens are words, punctuation marks, each with a space before it, and white space", () => {
    const line = "The whale's  tail--'tis 3.5m, “don’t”\r\n\tcafe\u0301 _x_ rock-'n'-roll";
    expect(tokens(trainTokenizer("word", line), line)).toEqual([
      "The",
      " whale's",
      " ",
      " tail",
      "-",
      "-",
      "'",
      "tis",
      " 3",
      ".",
      "5m",
      ",",
      " “",
      "don’t",
      "”",
      "\r",
      "\n",
      "\t",
      "cafe\u0301",
      " _",
      "x",
      "_",
      " rock",
      "-",
      "'",
      "n",
      "'",
      "-",
      "roll",
    ]);
  });

  test("the most frequent come first, equals in the order of their characters", () => {
    const tokenizer = trainTokenizer("word", "to be or to be to");
    expect(tokenizer.vocabulary).toEqual(["\uFFFD", " be", " to", " or", "to", " ", "b", "e", "o", "r", "t"]);
  });

  test("maxVocabulary keeps the most frequent words and all characters; the rest is spelled", () => {
    const training = "aa aa aa bb bb cc";
    const tokenizer = trainTokenizer("word", training, { maxVocabulary: 7 });
    expect(tokenizer.vocabulary).toEqual(["\uFFFD", " aa", " bb", " ", "a", "b", "c"]);
    expect(tokens(tokenizer, "aa aa cc bb")).toEqual(["a", "a", " aa", " ", "c", "c", " bb"]);
    expect(trainTokenizer("word", training, { maxVocabulary: 1 }).vocabulary).toEqual(["\uFFFD", " ", "a", "b", "c"]);
  });

  test("a word with an unknown character is spelled, and only that character is lost", () => {
    const tokenizer = trainTokenizer("word", "the sea");
    const ids = encode(tokenizer, " thezsea");
    expect(decode(tokenizer, ids)).toBe(" the\uFFFDsea");
    expect(countUnknown(ids, tokenizer)).toBe(1);
  });

  test("refuses a maxVocabulary that is none", () => {
    for (const maxVocabulary of [0, -1, 1.5, Number.NaN]) {
      expect(() => trainTokenizer("word", "a", { maxVocabulary })).toThrow(/^trainTokenizer: maxVocabulary must be/);
    }
  });
});

describe("bpe", () => {
  test("the ids are those of the byte-pair encoding, and every character is known", () => {
    const tokenizer = trainTokenizer("bpe", "banana banana", { maxVocabulary: 258 });
    expect(tokenizer).toEqual({
      kind: "bpe",
      merges: [
        [97, 110],
        [98, 256],
      ],
    });
    expect([vocabularySize(tokenizer), hasUnknown(tokenizer)]).toEqual([258, false]);
    expect([...encode(tokenizer, "banana é")]).toEqual([257, 256, 97, 32, 0xc3, 0xa9]);
    expect(decode(tokenizer, [257, 256, 97, 32, 0xc3, 0xa9])).toBe("banana é");
    expect(tokens(tokenizer, "nana")).toEqual(["n", "an", "a"]);
    expect(checkTokenizer({ ...tokenizer, more: 1 })).toEqual(tokenizer);
    expect(() => checkTokenizer({ kind: "bpe", merges: [[0, 256]] })).toThrow(/merge 0 needs two tokens below 256/);
  });
  test("as many tokens as are asked for: 2,000 where none is said", () => {
    const training = Array.from({ length: 20_000 }, (_, k) => ((k * k * 7919) % 9999991).toString(36)).join(" ");
    expect(vocabularySize(trainTokenizer("bpe", training))).toBe(2000);
    expect(vocabularySize(trainTokenizer("bpe", training, { maxVocabulary: 300 }))).toBe(300);
    expect(() => trainTokenizer("bpe", "a", { maxVocabulary: 255 })).toThrow(/must be a whole number from 256/);
  });
});

test("decodeNext: a character comes with the token that ends it; what is left over at the end is U+FFFD", () => {
  const byBytes = trainTokenizer("bpe", "");
  const texts: string[] = [];
  let rest: Uint8Array | undefined;
  for (const id of [0xf0, 0x9f, 0x90, 0x8b, 0x21, 0xe2, 0x80]) {
    const next = decodeNext(byBytes, id, rest);
    texts.push(next.text);
    rest = next.rest;
  }
  expect(texts).toEqual(["", "", "", "🐋", "!", "", ""]);
  expect(decodeRest(rest as Uint8Array)).toBe("\uFFFD");
  expect(decodeNext(trainTokenizer("char", "ab"), 2)).toEqual({ text: "b", rest: new Uint8Array() });
  expect(decodeRest(new Uint8Array())).toBe("");
});

test("an id that is no token's is an error", () => {
  const tokenizer = trainTokenizer("char", "ab");
  for (const id of [3, -1, 0.5]) expect(() => decode(tokenizer, [id])).toThrow(`token ${id}: ids go from 0 to 2`);
});

test("checkTokenizer: drops fields that do not belong and names what is wrong", () => {
  expect(checkTokenizer({ kind: "char", vocabulary: ["\uFFFD", "a"], more: 1 })).toEqual({
    kind: "char",
    vocabulary: ["\uFFFD", "a"],
  });
  const bad: [value: unknown, message: string][] = [
    [null, "needs an object, got null"],
    ["char", 'needs an object, got "char"'],
    [{ kind: "wordpiece", vocabulary: [] }, '"kind" needs "char", "word", "bpe" or "whitespace", got "wordpiece"'],
    [{ vocabulary: [] }, '"kind" needs "char", "word", "bpe" or "whitespace", got undefined'],
    [{ kind: "char", vocabulary: "abc" }, '"vocabulary" needs a list, got "abc"'],
    [{ kind: "char", vocabulary: [] }, "token 0 needs to be U+FFFD, got undefined"],
    [{ kind: "char", vocabulary: ["a"] }, 'token 0 needs to be U+FFFD, got "a"'],
    [{ kind: "char", vocabulary: ["\uFFFD", 5] }, "token 1 needs text, got 5"],
    [{ kind: "word", vocabulary: ["\uFFFD", ""] }, 'token 1 needs text, got ""'],
    [{ kind: "char", vocabulary: ["\uFFFD", "ab"] }, 'token 1 needs to be one character, got "ab"'],
    [{ kind: "word", vocabulary: ["\uFFFD", "ab", "ab"] }, 'token 2 repeats "ab"'],
  ];
  for (const [value, message] of bad) {
    expect(() => checkTokenizer(value)).toThrow(InputError);
    expect(() => checkTokenizer(value)).toThrow(`tokenizer: ${message}. The model's file is damaged`);
  }
  fc.assert(
    fc.property(fc.anything(), (value) => {
      try {
        checkTokenizer(value);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }),
  );
});
