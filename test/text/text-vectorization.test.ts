import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowsOf } from "../../src/data/arrays.ts";
import { TextVectorization } from "../../src/text/text-vectorization.ts";

const lists = ({ data, shape }: { data: Int32Array | Float32Array; shape: readonly number[] }) =>
  rowsOf({ data: Array.from(data), shape });

describe("the example of Keras's documentation", () => {
  test("learned: count falls, then the tokens fall; padded to outputSequenceLength", () => {
    const layer = new TextVectorization({ maxTokens: 5000, outputMode: "int", outputSequenceLength: 4 });
    layer.adapt(["foo bar", "bar baz", "baz bada boom"]);
    expect(layer.getVocabulary()).toEqual(["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]);
    expect(layer.call([["foo qux bar"], ["qux baz"]])).toEqual({
      data: Int32Array.of(4, 1, 3, 0, 1, 2, 0, 0),
      shape: [2, 4],
    });
  });

  test("given: the special tokens come before it", () => {
    const layer = new TextVectorization({ vocabulary: ["earth", "wind", "and", "fire"] });
    expect(layer.getVocabulary()).toEqual(["", "[UNK]", "earth", "wind", "and", "fire"]);
    expect(layer.getVocabulary(false)).toEqual(["earth", "wind", "and", "fire"]);
    expect(layer.vocabularySize()).toBe(6);
  });
});

describe("standardize", () => {
  const words = (standardize: "lower_and_strip_punctuation" | "lower" | "strip_punctuation" | null) => {
    const layer = new TextVectorization({ standardize });
    layer.adapt(["Don't! É-É"]);
    return layer.getVocabulary(false).sort();
  };

  test("lower is of A to Z, punctuation of ASCII, the apostrophe and the hyphen too", () => {
    expect(words("lower_and_strip_punctuation")).toEqual(["dont", "ÉÉ"]);
    expect(words("lower")).toEqual(["don't!", "É-É"]);
    expect(words("strip_punctuation")).toEqual(["Dont", "ÉÉ"]);
    expect(words(null)).toEqual(["Don't!", "É-É"]);
  });

  test("all 32 punctuation marks of ASCII go, and nothing else below U+0080", () => {
    const layer = new TextVectorization({ standardize: "strip_punctuation", split: "character" });
    layer.adapt([String.fromCharCode(...Array(128).keys())]);
    const left = new Set(layer.getVocabulary(false));
    for (const mark of "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") expect(left.has(mark)).toBe(false);
    expect(left.size).toBe(128 - 32);
  });

  test("Cyrillic capitals stay, as in Keras", () => {
    const layer = new TextVectorization({ split: "character" });
    layer.adapt(["Zz, Aa"]);
    expect(layer.getVocabulary()).toEqual(["", "[UNK]", "z", "a", " "]);
    layer.adapt(["Яя, Аа"]);
    expect(layer.getVocabulary()).toEqual(["", "[UNK]", "я", "а", "Я", "А", " "]);
  });

  test("a function may do it", () => {
    const layer = new TextVectorization({
      standardize: (text) => text.replaceAll("-", " "),
      vocabulary: ["foo", "bar"],
    });
    expect(lists(layer.call(["foo-bar"]))).toEqual([[2, 3]]);
  });
});

describe("split", () => {
  test("whitespace: that of ASCII, any number of it, none at the ends", () => {
    const layer = new TextVectorization({ vocabulary: ["a", "b"] });
    expect(lists(layer.call([" a \t\n\v\f\r b "]))).toEqual([[2, 3]]);
    expect(lists(layer.call(["a\u00a0b"]))).toEqual([[1]]);
  });

  test("character: code points", () => {
    const layer = new TextVectorization({ split: "character", vocabulary: ["a", "𝒜"] });
    expect(lists(layer.call(["a𝒜f"]))).toEqual([[2, 3, 1]]);
  });

  test("a function may do it; empty tokens are padding", () => {
    const layer = new TextVectorization({
      split: (text) => text.split("|"),
      standardize: null,
      vocabulary: ["foo", "foobar"],
    });
    expect(lists(layer.call(["foobar||foo"]))).toEqual([[3, 0, 2]]);
  });

  test("null: a text is a token, a list of texts one row of them", () => {
    const layer = new TextVectorization({ split: null, vocabulary: ["foo", "bar"] });
    expect(lists(layer.call([["foo"], ["bar"], ["no"]]))).toEqual([[2], [3], [1]]);
    expect(layer.call(["foo", "bar"])).toEqual({ data: Int32Array.of(2, 3), shape: [2] });
    expect(layer.call("foo")).toEqual({ data: Int32Array.of(2), shape: [] });
  });
});

describe("ngrams", () => {
  test("a number: from 1 to it; the shorter ones come first in a row", () => {
    const layer = new TextVectorization({ ngrams: 2, vocabulary: ["a", "b", "c", "a b", "b c"] });
    expect(lists(layer.call(["a b c"]))).toEqual([[2, 3, 4, 5, 6]]);
  });

  test("a list: those lengths alone, in its order; a text that is too short has none", () => {
    const layer = new TextVectorization({ ngrams: [3, 1], vocabulary: ["a", "b", "c", "a b c"] });
    expect(lists(layer.call(["a b c", "a b"]))).toEqual([
      [5, 2, 3, 4],
      [2, 3, 0, 0],
    ]);
    layer.setVocabulary(["x"]);
    expect(lists(new TextVectorization({ ngrams: [3], vocabulary: ["x"] }).call(["a b"]))).toEqual([[]]);
    const all = new TextVectorization({ ngrams: 2 ** 40, vocabulary: ["a", "b", "a b"] });
    expect(lists(all.call(["a b"]))).toEqual([[2, 3, 4]]);
  });
});

describe("adapt", () => {
  const order = (texts: string[]) => {
    const layer = new TextVectorization({ standardize: null });
    layer.adapt(texts);
    return layer.getVocabulary(false);
  };

  test("equally frequent tokens fall by code point, not by UTF-16 unit", () => {
    expect(order(["b a c a"])).toEqual(["a", "c", "b"]);
    expect(order(["a aa b"])).toEqual(["b", "aa", "a"]);
    expect(order(["\uffee 𝒜 é e"])).toEqual(["𝒜", "\uffee", "é", "e"]);
  });

  test("property: the order is that of UTF-8 bytes, falling", () => {
    const word = fc.string({ unit: "binary", minLength: 1 }).filter((text) => !/[\t-\r ]/.test(text));
    fc.assert(
      fc.property(fc.uniqueArray(word), (words) => {
        const expected = words
          .filter((text) => text !== "[UNK]")
          .sort((a, b) => Buffer.compare(Buffer.from(b), Buffer.from(a)));
        expect(order([words.join(" ")])).toEqual(expected);
      }),
    );
  });

  test("maxTokens counts the special tokens: two with int, one with other modes", () => {
    const learn = (outputMode: "int" | "count", maxTokens: number) => {
      const layer = new TextVectorization({ outputMode, maxTokens });
      layer.adapt(["a a a b b c"]);
      return layer.getVocabulary();
    };
    expect(learn("int", 4)).toEqual(["", "[UNK]", "a", "b"]);
    expect(learn("count", 4)).toEqual(["[UNK]", "a", "b", "c"]);
    expect(learn("int", 2)).toEqual(["", "[UNK]"]);
  });

  test("special tokens in the texts are not learned", () => {
    expect(order(["[UNK] a [UNK]"])).toEqual(["a"]);
  });

  test("forgets what it learned before", () => {
    const layer = new TextVectorization();
    layer.adapt(["a b"]);
    layer.adapt(["c"]);
    expect(layer.getVocabulary()).toEqual(["", "[UNK]", "c"]);
  });

  test("nothing to learn leaves the special tokens", () => {
    const layer = new TextVectorization();
    layer.adapt([]);
    expect(layer.getVocabulary()).toEqual(["", "[UNK]"]);
    layer.adapt(["", " "]);
    expect(lists(layer.call(["a"]))).toEqual([[1]]);
  });

  test("takes any iterable, and lists of texts", () => {
    const layer = new TextVectorization();
    layer.adapt(new Set(["a b"]));
    layer.adapt([["a"], ["b c"]]);
    expect(layer.getVocabulary(false)).toEqual(["c", "b", "a"]);
  });

  test("throws with a vocabulary of its own, and for one text", () => {
    expect(() => new TextVectorization({ vocabulary: ["a"] }).adapt(["b"])).toThrow(
      "adapt: this layer was made with a vocabulary",
    );
    expect(() => new TextVectorization().adapt("a b")).toThrow('adapt: texts must be a list of texts, got "a b"');
    expect(() => new TextVectorization().adapt([5 as never])).toThrow();
  });
});

describe("int", () => {
  const vocabulary = ["baz", "bar", "foo"];

  test("rows are padded to the longest, or padded and cut to outputSequenceLength", () => {
    expect(lists(new TextVectorization({ vocabulary }).call(["foo qux bar", "qux baz"]))).toEqual([
      [4, 1, 3],
      [1, 2, 0],
    ]);
    const layer = new TextVectorization({ vocabulary, outputSequenceLength: 2 });
    expect(lists(layer.call(["foo qux bar", "baz", ""]))).toEqual([
      [4, 1],
      [2, 0],
      [0, 0],
    ]);
    expect(new TextVectorization({ vocabulary, outputSequenceLength: 0 }).call(["foo"]).shape).toEqual([1, 0]);
  });

  test("a single text has no axis of texts", () => {
    expect(new TextVectorization({ vocabulary }).call("foo baz")).toEqual({ data: Int32Array.of(4, 2), shape: [2] });
    expect(new TextVectorization({ vocabulary, outputSequenceLength: 3 }).call("foo").shape).toEqual([3]);
  });

  test("ragged rows keep their lengths, or are cut", () => {
    const texts = [["foo qux bar"], ["qux baz"], ["foo"]];
    const ragged = new TextVectorization({ vocabulary, ragged: true });
    expect(ragged.call(texts).map((row) => [...row])).toEqual([[4, 1, 3], [1, 2], [4]]);
    const cut = new TextVectorization({ vocabulary, ragged: true, outputSequenceLength: 2 });
    expect(cut.call(texts).map((row) => [...row])).toEqual([[4, 1], [1, 2], [4]]);
  });

  test("no texts, and empty texts", () => {
    expect(new TextVectorization({ vocabulary }).call([])).toEqual({ data: new Int32Array(0), shape: [0, 0] });
    expect(new TextVectorization({ vocabulary }).call(["", " "]).shape).toEqual([2, 0]);
  });
});

describe("multi_hot, count and tf_idf", () => {
  const vocabulary = ["foo", "bar", "baz"];
  const texts = ["foo bar", "baz foo foo qux"];

  test("multi_hot and count: column 0 is that of unknown tokens", () => {
    expect(lists(new TextVectorization({ outputMode: "multi_hot", vocabulary }).call(texts))).toEqual([
      [0, 1, 1, 0],
      [1, 1, 0, 1],
    ]);
    expect(lists(new TextVectorization({ outputMode: "count", vocabulary }).call(texts))).toEqual([
      [0, 1, 1, 0],
      [1, 2, 0, 1],
    ]);
  });

  test("tf_idf with given weights; unknown tokens weigh their mean", () => {
    const layer = new TextVectorization({ outputMode: "tf_idf", vocabulary, idfWeights: [0.25, 0.5, 0.75] });
    expect(lists(layer.call(texts))).toEqual([
      [0, 0.25, 0.5, 0],
      [0.5, 0.5, 0, 0.75],
    ]);
    expect([...layer.idfWeights()]).toEqual([0.5, 0.25, 0.5, 0.75]);
  });

  test("weights for the special token too, where the vocabulary names it", () => {
    const layer = new TextVectorization({ outputMode: "tf_idf", vocabulary: ["[UNK]", "foo"], idfWeights: [2, 4] });
    expect(lists(layer.call(["foo x x"]))).toEqual([[4, 4]]);
  });

  test("tf_idf learned: ln(1 + documents / (1 + documents with the token)), in 32 bits", () => {
    const layer = new TextVectorization({ outputMode: "tf_idf" });
    layer.adapt(["a b a", "a c", "a"]);
    expect(layer.getVocabulary()).toEqual(["[UNK]", "a", "c", "b"]);
    const [a, once] = [Math.fround(Math.log(1 + 3 / (1 + 3))), Math.fround(Math.log(1 + 3 / (1 + 1)))];
    const unknown = Math.fround((a + once + once) / 3);
    expect([...layer.idfWeights()]).toEqual([unknown, a, once, once]);
    expect(lists(layer.call(["a a b z"]))).toEqual([[unknown, Math.fround(2 * a), 0, once]]);
  });

  test("padToMaxTokens: further columns are 0, and weigh 0", () => {
    const count = new TextVectorization({ outputMode: "count", vocabulary, maxTokens: 6, padToMaxTokens: true });
    expect(lists(count.call(texts))[0]).toEqual([0, 1, 1, 0, 0, 0]);
    const weighted = new TextVectorization({ outputMode: "tf_idf", maxTokens: 5, padToMaxTokens: true });
    weighted.adapt(["a b"]);
    expect(weighted.idfWeights()).toHaveLength(5);
    expect([...weighted.idfWeights().slice(3)]).toEqual([0, 0]);
    weighted.adapt(["a b c"]); // Rows keep their length, so the vocabulary may grow.
    expect(weighted.call(["a"]).shape).toEqual([1, 5]);
  });

  test("empty tokens are dropped", () => {
    const layer = new TextVectorization({
      outputMode: "count",
      split: (text) => text.split("|"),
      standardize: null,
      vocabulary,
    });
    expect(lists(layer.call(["foo||x"]))).toEqual([[1, 1, 0, 0]]);
  });

  test("a single text, and without splitting a list of tokens, is one row without an axis", () => {
    expect(new TextVectorization({ outputMode: "count", vocabulary }).call("foo foo").shape).toEqual([4]);
    const layer = new TextVectorization({ outputMode: "multi_hot", split: null, vocabulary });
    expect(layer.call(["foo", "baz"])).toEqual({ data: Float32Array.of(0, 1, 0, 1), shape: [4] });
    expect(
      lists(
        layer.call([
          ["foo", "baz"],
          ["x", "foo"],
        ]),
      ),
    ).toEqual([
      [0, 1, 0, 1],
      [1, 1, 0, 0],
    ]);
  });

  test("the vocabulary cannot change its size, for rows would change their length", () => {
    const layer = new TextVectorization({ outputMode: "count" });
    layer.adapt(["a b"]);
    layer.adapt(["c d"]);
    expect(() => layer.adapt(["a b c"])).toThrow("vocabulary: has 4 tokens, but had 3, and rows cannot change");
    expect(layer.getVocabulary()).toEqual(["[UNK]", "d", "c"]);
  });
});

describe("setVocabulary", () => {
  test("with the special tokens at the start or without them", () => {
    const layer = new TextVectorization();
    layer.setVocabulary(["", "[UNK]", "b", "a"]);
    expect(layer.getVocabulary()).toEqual(["", "[UNK]", "b", "a"]);
    layer.setVocabulary(["b"]);
    expect(layer.getVocabulary()).toEqual(["", "[UNK]", "b"]);
    layer.adapt(["z"]); // Only a vocabulary given at the start is kept for good.
    expect(layer.getVocabulary(false)).toEqual(["z"]);
  });

  test("words may be names that objects have", () => {
    const layer = new TextVectorization({ standardize: null, vocabulary: ["__proto__", "constructor"] });
    expect(lists(layer.call(["constructor toString __proto__"]))).toEqual([[3, 1, 2]]);
  });

  test("throws for tokens that repeat, are empty, none, too many, or no texts", () => {
    const layer = new TextVectorization({ maxTokens: 4 });
    expect(() => layer.setVocabulary([])).toThrow("vocabulary: needs a list of at least one token");
    expect(() => layer.setVocabulary(["a", "b", "a"])).toThrow(
      'vocabulary: needs each token once, but "a" occurs twice',
    );
    expect(() => layer.setVocabulary(["a", ""])).toThrow('vocabulary: "" is the padding token');
    expect(() => layer.setVocabulary(["a", "b", "c"])).toThrow(
      "has 5 tokens with the special ones, but maxTokens is 4",
    );
    expect(() => layer.setVocabulary([1 as never])).toThrow("vocabulary: needs texts, got 1");
    expect(() => layer.setVocabulary(["a"], [1])).toThrow(
      'idfWeights: are for outputMode "tf_idf" only, got outputMode "int"',
    );
    const weighted = new TextVectorization({ outputMode: "tf_idf" });
    expect(() => weighted.setVocabulary(["a"])).toThrow('idfWeights: outputMode "tf_idf" needs them');
    expect(() => weighted.setVocabulary(["a", "b"], [1])).toThrow(
      "idfWeights: needs 2, one for each token of the vocabulary, got 1",
    );
  });
});

describe("mistakes", () => {
  test("call before there is a vocabulary", () => {
    expect(() => new TextVectorization().call(["a"])).toThrow("call: there is no vocabulary yet");
  });

  test("lists of more than one text cannot be split", () => {
    const layer = new TextVectorization({ vocabulary: ["a"] });
    expect(() => layer.call([["a", "b"]])).toThrow("call: needs lists of 1 texts, got a list of 2 as item 0");
    expect(() => layer.call(5 as never)).toThrow("call: needs a text or a list of texts, got 5");
    expect(() => layer.call([["a"], [5 as never]])).toThrow("texts: needs texts, got 5");
  });

  test("options out of their range, and options that exclude each other", () => {
    const make = (options: object) => () => new TextVectorization(options);
    expect(make({ maxTokens: 1 })).toThrow("maxTokens must be a whole number of at least 2");
    expect(make({ outputMode: "one_hot" })).toThrow(
      'outputMode must be one of "int", "multi_hot", "count", "tf_idf", got "one_hot"',
    );
    expect(make({ standardize: "upper" })).toThrow('standardize must be one of "lower_and_strip_punctuation", "lower"');
    expect(make({ standardize: "constructor" })).toThrow("standardize must be");
    expect(make({ split: "word" })).toThrow(
      'split must be one of "whitespace", "character", or a function, or null, got "word"',
    );
    expect(make({ ngrams: 0 })).toThrow("ngrams must be a whole number of at least 1");
    expect(make({ ngrams: [1, 0] })).toThrow("ngrams[1] must be a whole number of at least 1, got 0");
    expect(make({ outputSequenceLength: 1.5 })).toThrow("outputSequenceLength must be a whole number of at least 0");
    expect(make({ outputMode: "count", outputSequenceLength: 3 })).toThrow(
      'outputSequenceLength: is for outputMode "int" only',
    );
    expect(make({ outputMode: "count", ragged: true })).toThrow('ragged: is for outputMode "int" only');
    expect(make({ padToMaxTokens: true })).toThrow("padToMaxTokens: needs maxTokens");
    expect(make({ outputMode: "tf_idf", vocabulary: ["a"] })).toThrow('idfWeights: outputMode "tf_idf" needs them');
    expect(make({ outputMode: "tf_idf", idfWeights: [1] })).toThrow("idfWeights: needs a vocabulary");
  });
});
