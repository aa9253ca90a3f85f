import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowsOf } from "../../src/data/arrays.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { Tokenizer, type TokenizerOptions, tokenizerFromJson } from "../../src/text/keras-tokenizer.ts";

function fitted(texts: Iterable<string | string[]>, options: TokenizerOptions = {}): Tokenizer {
  const tokenizer = new Tokenizer(options);
  tokenizer.fitOnTexts(texts);
  return tokenizer;
}
const index = (tokenizer: Tokenizer) => Object.fromEntries(tokenizer.wordIndex);

describe("fitOnTexts", () => {
  test("numbers words from 1 by falling count, equally frequent ones by first appearance", () => {
    const tokenizer = fitted(["b a c", "c a", "d"]);
    expect([...tokenizer.wordIndex]).toEqual([
      ["a", 1],
      ["c", 2],
      ["b", 3],
      ["d", 4],
    ]);
    expect([...tokenizer.indexWord]).toEqual([
      [1, "a"],
      [2, "c"],
      [3, "b"],
      [4, "d"],
    ]);
  });

  test("counts words, the texts that have them, and texts", () => {
    const tokenizer = fitted(["a b a", "a c"]);
    expect([...tokenizer.wordCounts]).toEqual([
      ["a", 3],
      ["b", 1],
      ["c", 1],
    ]);
    expect([...tokenizer.wordDocs]).toEqual([
      ["a", 2],
      ["b", 1],
      ["c", 1],
    ]);
    expect([...tokenizer.indexDocs]).toEqual([
      [1, 2],
      [2, 1],
      [3, 1],
    ]);
    expect(tokenizer.documentCount).toBe(2);
  });

  test("a second call goes on counting and numbers anew", () => {
    const tokenizer = fitted(["a a b"]);
    tokenizer.fitOnTexts(["b b c"]);
    expect(index(tokenizer)).toEqual({ b: 1, a: 2, c: 3 });
    expect(tokenizer.documentCount).toBe(2);
  });

  test("the token for unknown words has index 1", () => {
    expect(index(fitted(["a b b"], { oovToken: "<OOV>" }))).toEqual({ "<OOV>": 1, b: 2, a: 3 });
  });

  test("a token for unknown words that is also a word keeps the later index, as in Keras", () => {
    const tokenizer = fitted(["a b b"], { oovToken: "a" });
    expect([...tokenizer.wordIndex]).toEqual([
      ["a", 3],
      ["b", 2],
    ]);
    expect(tokenizer.indexWord.get(1)).toBeUndefined();
    expect(tokenizer.textsToSequences(["a b z"])).toEqual([[3, 2, 3]]);
  });

  test("texts in words are taken as they are, but for small letters", () => {
    const tokenizer = fitted([["New York", "a,b"], ["new york"]]);
    expect(index(tokenizer)).toEqual({ "new york": 1, "a,b": 2 });
    expect(index(fitted([["A", "a"]], { lower: false }))).toEqual({ A: 1, a: 2 });
  });

  test("charLevel: a token is a code point; filters mean nothing", () => {
    const tokenizer = fitted(["𝒜a, A"], { charLevel: true });
    expect([...tokenizer.wordCounts]).toEqual([
      ["𝒜", 1],
      ["a", 2],
      [",", 1],
      [" ", 1],
    ]);
    expect(fitted(["Яя, Аа"], { charLevel: true }).indexWord).toEqual(
      new Map([
        [1, "я"],
        [2, "а"],
        [3, ","],
        [4, " "],
      ]),
    );
  });

  test("a single text is refused: in Python it is its characters, each a document", () => {
    const tokenizer = fitted(["the whale"]);
    const calls = {
      fitOnTexts: (texts: never) => new Tokenizer().fitOnTexts(texts),
      textsToSequences: (texts: never) => tokenizer.textsToSequences(texts),
      textsToMatrix: (texts: never) => tokenizer.textsToMatrix(texts),
    };
    for (const [name, call] of Object.entries(calls)) {
      const refused = new InputError(`${name}: texts must be a list of texts, got "the whale"`);
      expect(() => call("the whale" as never), name).toThrow(refused);
      expect(() => call("" as never), name).toThrow(InputError);
    }
    expect(() => [...tokenizer.textsToSequencesGenerator("the whale")]).toThrow(InputError);
  });

  test("an analyzer takes the place of filters, lower and split, but not for texts in words", () => {
    const tokenizer = fitted(["A/b", ["C/d"]], { analyzer: (text) => text.split("/") });
    expect(index(tokenizer)).toEqual({ A: 1, b: 2, "c/d": 3 });
  });

  test("words may be names that objects have, and numbers", () => {
    const words = ["__proto__", "constructor", "toString", "hasOwnProperty", "1851", "12"];
    const tokenizer = fitted([words.join(" ")], { filters: "", lower: false });
    expect(tokenizer.textsToSequences([words])).toEqual([[1, 2, 3, 4, 5, 6]]);
    expect(tokenizer.sequencesToTexts([[1, 2, 3, 4, 5, 6]])).toEqual([words.join(" ")]);
    expect(new Tokenizer().textsToSequences(["constructor __proto__"])).toEqual([[]]);
  });

  test("no texts, and empty texts, give no words", () => {
    expect(fitted([]).wordIndex.size).toBe(0);
    const tokenizer = fitted(["", []]);
    expect(tokenizer.wordIndex.size).toBe(0);
    expect(tokenizer.documentCount).toBe(2);
    expect(tokenizer.textsToSequences(["", "a"])).toEqual([[], []]);
  });

  test("throws for what is neither a text nor a list of words", () => {
    expect(() => fitted([5 as never])).toThrow(new InputError("texts: needs texts or lists of words, got 5"));
    expect(() => fitted([["a", null as never]])).toThrow("texts: a list of words has null in it");
  });
});

describe("textsToSequences", () => {
  const texts = ["a a a b b c"]; // a 1, b 2, c 3; with an oovToken a 2, b 3, c 4

  test("unknown words are left out, or become the index of oovToken", () => {
    expect(fitted(texts).textsToSequences(["a z C"])).toEqual([[1, 3]]);
    expect(fitted(texts, { oovToken: "?" }).textsToSequences(["a z C"])).toEqual([[2, 1, 4]]);
  });

  test("numWords keeps the indices below it; the others count as unknown", () => {
    expect(fitted(texts, { numWords: 3 }).textsToSequences(["a b c"])).toEqual([[1, 2]]);
    expect(fitted(texts, { numWords: 3, oovToken: "?" }).textsToSequences(["a b c z"])).toEqual([[2, 1, 1, 1]]);
    expect(fitted(texts, { numWords: 3 }).wordIndex.size).toBe(3); // What was learned stays whole.
  });

  test("numWords 1 keeps no word, or oovToken alone; 0 and null keep all", () => {
    expect(fitted(texts, { numWords: 1 }).textsToSequences(["a b"])).toEqual([[]]);
    expect(fitted(texts, { numWords: 1, oovToken: "?" }).textsToSequences(["a b"])).toEqual([[1, 1]]);
    expect(fitted(texts, { numWords: 0 }).textsToSequences(["a b"])).toEqual([[1, 2]]);
    expect(fitted(texts, { numWords: null }).textsToSequences(["a b"])).toEqual([[1, 2]]);
  });

  test("the generator gives one text at a time", () => {
    const sequences = fitted(texts).textsToSequencesGenerator(["a", "b c"]);
    expect(sequences.next().value).toEqual([1]);
    expect([...sequences]).toEqual([[2, 3]]);
  });

  test("throws with an oovToken before any fitting", () => {
    const tokenizer = new Tokenizer({ oovToken: "?" });
    expect(() => tokenizer.textsToSequences(["a"])).toThrow("tokenizer: fit it on texts first");
    expect(() => tokenizer.sequencesToTexts([[1]])).toThrow("tokenizer: fit it on texts first");
  });
});

describe("sequencesToTexts", () => {
  const texts = ["a a a b b c"];

  test("words with one blank between; unknown indices are left out or become oovToken", () => {
    expect(fitted(texts).sequencesToTexts([[1, 0, 3, 9], []])).toEqual(["a c", ""]);
    expect(fitted(texts, { oovToken: "?" }).sequencesToTexts([[2, 0, 4, 9, 1]])).toEqual(["a ? c ? ?"]);
  });

  test("numWords holds here too", () => {
    expect(fitted(texts, { numWords: 3 }).sequencesToTexts([[1, 2, 3]])).toEqual(["a b"]);
    expect(fitted(texts, { numWords: 3, oovToken: "?" }).sequencesToTexts([[2, 3]])).toEqual(["a ?"]);
  });

  test("property: without filters, texts of known words come back", () => {
    const word = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !/[ ]/.test(text));
    fc.assert(
      fc.property(fc.array(fc.array(word)), (lists) => {
        const texts = lists.map((words) => words.join(" "));
        const tokenizer = fitted(texts, { filters: "", lower: false });
        expect(tokenizer.sequencesToTexts(tokenizer.textsToSequences(texts))).toEqual(texts);
      }),
    );
  });
});

describe("sequencesToMatrix", () => {
  const texts = ["a a b", "a c"]; // a 1 (two texts), b 2, c 3
  const rows = (mode: "binary" | "count" | "freq" | "tfidf", options: TokenizerOptions = {}) =>
    rowsOf(fitted(texts, options).textsToMatrix(["a a b", "c z", ""], mode)).map((row) => [...row]);

  test("binary, count and freq: a column an index, column 0 is no word's", () => {
    expect(rows("binary")).toEqual([
      [0, 1, 1, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ]);
    expect(rows("count")).toEqual([
      [0, 2, 1, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ]);
    expect(rows("freq")).toEqual([
      [0, 2 / 3, 1 / 3, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ]); // "z" is no part of its text
  });

  test("tfidf: (1 + ln c) ln(1 + documentCount / (1 + indexDocs))", () => {
    const a = (1 + Math.log(2)) * Math.log(1 + 2 / (1 + 2));
    const once = Math.log(1 + 2 / (1 + 1));
    expect(rows("tfidf")).toEqual([
      [0, a, once, 0],
      [0, 0, 0, once],
      [0, 0, 0, 0],
    ]);
  });

  test("numWords is the number of columns; freq divides by the whole length of a sequence", () => {
    const tokenizer = new Tokenizer({ numWords: 3 });
    const { data, shape } = tokenizer.sequencesToMatrix([[1, 2, 2, 7]], "freq");
    expect(shape).toEqual([1, 3]);
    expect([...data]).toEqual([0, 1 / 4, 2 / 4]);
    expect(new Tokenizer({ numWords: 1 }).sequencesToMatrix([[0, 1]], "count").data).toEqual(Float64Array.of(1));
  });

  test("an index that was never counted has the weight of no text", () => {
    const tokenizer = new Tokenizer({ numWords: 9 });
    tokenizer.fitOnSequences([[1, 1], [1], [2]]);
    expect(tokenizer.documentCount).toBe(3);
    const { data } = tokenizer.sequencesToMatrix([[1, 2, 8]], "tfidf");
    expect(data[1]).toBe(Math.log(1 + 3 / 3));
    expect(data[2]).toBe(Math.log(1 + 3 / 2));
    expect(data[8]).toBe(Math.log(1 + 3 / 1));
  });

  test("no sequences give no rows", () => {
    expect(fitted(texts).sequencesToMatrix([]).shape).toEqual([0, 4]);
  });

  test("throws for an unknown mode, without anything learned, and for what is no index", () => {
    expect(() => fitted(texts).textsToMatrix(["a"], "tf" as never)).toThrow('mode must be one of "binary", "count"');
    expect(() => new Tokenizer().sequencesToMatrix([[1]])).toThrow("give numWords, or fit the tokenizer");
    expect(() => new Tokenizer({ numWords: 5 }).sequencesToMatrix([[1]], "tfidf")).toThrow('asking for "tfidf"');
    expect(() => fitted(texts).sequencesToMatrix([[1], [2, -1]])).toThrow("sequences[1][1]: needs an index");
  });
});

describe("JSON", () => {
  // What Keras's to_json writes for these texts, to the character.
  const json =
    '{"class_name": "Tokenizer", "config": {"num_words": 5, "filters": "!\\"#$%&()*+,-./:;<=>?@[\\\\]^_`{|}~\\t\\n", ' +
    '"lower": true, "split": " ", "char_level": false, "oov_token": "<OOV>", "document_count": 2, ' +
    '"word_counts": "{\\"the\\": 3, \\"whale\\": 1, \\"sea\\": 1, \\"1851\\": 1, \\"whal\\\\u00e9\\": 1}", ' +
    '"word_docs": "{\\"the\\": 2, \\"whale\\": 1, \\"sea\\": 1, \\"1851\\": 1, \\"whal\\\\u00e9\\": 1}", ' +
    '"index_docs": "{\\"2\\": 2, \\"3\\": 1, \\"4\\": 1, \\"5\\": 1, \\"6\\": 1}", ' +
    '"index_word": "{\\"1\\": \\"<OOV>\\", \\"2\\": \\"the\\", \\"3\\": \\"whale\\", \\"4\\": \\"sea\\", \\"5\\": \\"1851\\", ' +
    '\\"6\\": \\"whal\\\\u00e9\\"}", ' +
    '"word_index": "{\\"<OOV>\\": 1, \\"the\\": 2, \\"whale\\": 3, \\"sea\\": 4, \\"1851\\": 5, \\"whal\\\\u00e9\\": 6}"}}';

  test("toJson writes Keras's file", () => {
    expect(fitted(["The whale, the sea!", "1851: the whalé"], { numWords: 5, oovToken: "<OOV>" }).toJson()).toBe(json);
  });

  test("tokenizerFromJson reads Keras's file", () => {
    const tokenizer = tokenizerFromJson(json);
    expect(tokenizer.toJson()).toBe(json);
    expect(tokenizer.textsToSequences(["the sea of 1851"])).toEqual([[2, 4, 1, 1]]);
  });

  test("a tokenizer out of a file goes on learning in the same order, also of words that are numbers", () => {
    const texts = ["b 10 a 9"];
    const [whole, halves] = [fitted(texts), tokenizerFromJson(fitted(texts).toJson())];
    for (const tokenizer of [whole, halves]) tokenizer.fitOnTexts(["z 9"]);
    expect(halves.toJson()).toBe(whole.toJson());
    expect([...halves.wordIndex.keys()]).toEqual(["9", "b", "10", "a", "z"]);
  });

  test("property: every tokenizer comes back the same", () => {
    const text = fc.string({ unit: "binary" });
    const options = fc.record(
      {
        numWords: fc.oneof(fc.nat({ max: 9 }), fc.constant(null)),
        filters: fc.string({ unit: "binary" }),
        lower: fc.boolean(),
        split: fc.string({ unit: "binary", minLength: 1 }),
        charLevel: fc.boolean(),
        oovToken: fc.oneof(fc.string({ unit: "binary" }), fc.constant(null)),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(text, fc.array(text))), options, (texts, given) => {
        const tokenizer = fitted(texts, given);
        const read = tokenizerFromJson(tokenizer.toJson());
        expect(read).toEqual(tokenizer);
        expect(read.toJson()).toBe(tokenizer.toJson());
      }),
    );
  });

  test("throws, with the name of what is wrong, for a damaged file", () => {
    const damaged = (change: (config: Record<string, unknown>) => void) => {
      const file = JSON.parse(json);
      change(file.config);
      return () => tokenizerFromJson(JSON.stringify(file));
    };
    expect(() => tokenizerFromJson("{")).toThrow("tokenizer: needs JSON");
    expect(() => tokenizerFromJson("[]")).toThrow('tokenizer: "config" needs an object, got undefined');
    expect(damaged((config) => delete config.word_docs)).toThrow('"word_docs": needs an object as JSON text');
    expect(damaged((config) => (config.lower = 1))).toThrow('"lower" needs true or false, got 1');
    expect(damaged((config) => (config.num_words = -1))).toThrow("numWords must be a whole number of at least 0");
    expect(damaged((config) => (config.index_word = '{"a": "b"}'))).toThrow('"index_word" has "a": "b"');
    expect(damaged((config) => (config.word_counts = '{"a": -1}'))).toThrow('"word_counts" has "a": -1');
  });
});

test("throws for options out of their range", () => {
  expect(() => new Tokenizer({ numWords: 2.5 })).toThrow("numWords must be a whole number of at least 0, or null");
  expect(() => new Tokenizer({ split: "" })).toThrow("split must be a non-empty string");
  expect(() => new Tokenizer({ oovToken: 1 as never })).toThrow("oovToken must be a string, or null, got 1");
  expect(() => new Tokenizer({ filters: null as never })).toThrow("filters must be a string, got null");
});
