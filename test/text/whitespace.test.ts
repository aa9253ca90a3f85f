/** Words between blanks: against Keras's two tokenizers, in parts, and what a list of words says of texts. */
import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/nn/random.ts";
import { readVocabulary } from "../../src/tasks/vocabulary.ts";
import { Tokenizer as KerasTokenizer } from "../../src/text/keras-tokenizer.ts";
import { TextVectorization } from "../../src/text/text-vectorization.ts";
import {
  checkTokenizer,
  countUnknown,
  decode,
  decodeNext,
  encode,
  encodeParts,
  vocabularySize,
} from "../../src/text/tokenizer.ts";
import {
  rulesOf,
  sharesOfWords,
  unknownWords,
  type WhitespaceTokenizer,
  whitespaceTokenizer,
} from "../../src/text/whitespace.ts";

const seed = 4;
const texts = ["The cat's hat, the MAT!\nA cat sat.", "No-one sat on  the mat\t(Ä ä İ)", "\u00a0odd blanks\r\n"];
/** Texts of the characters that tokenizers differ in. */
function randomText(): string {
  const random = createRandom(seed + drawn++);
  const all = [..."aAbBéÉ'.,-!\t\n\r \u00a0\u2003", "the", "cat", "<s>"];
  return Array.from({ length: 40 }, () => all[random.integer(all.length)]).join("");
}
let drawn = 0;

describe.each([{}, { oovToken: "<OOV>" }, { lower: false, filters: ".,!" }, { numWords: 4 }])(
  "Keras's tokenizer with %o",
  (options) => {
    const keras = new KerasTokenizer(options);
    const random = Array.from({ length: 20 }, randomText);
    keras.fitOnTexts([...texts, ...random.slice(0, 10)]);
    const tokenizer = readVocabulary(keras.toJson()) as WhitespaceTokenizer;

    test("gives the same numbers, whole and in parts", () => {
      for (const text of [...texts, ...random, "", "zebra the"]) {
        const [wanted] = keras.textsToSequences([text]);
        expect([...encode(tokenizer, text)]).toEqual(wanted);
        expect([...encodeParts(tokenizer, { parts: [...text] })].flatMap((run) => [...run])).toEqual(wanted);
      }
    });

    test("and each number has its part of the text", () => {
      for (const text of [...texts, ...random, "zebra the zebra"]) {
        const ids = encode(tokenizer, text);
        const shares = sharesOfWords(tokenizer, text);
        expect(shares).toHaveLength(ids.length);
        if (ids.length > 0) expect(shares.join("")).toBe(text);
        shares.forEach((share, k) => {
          expect([...encode(tokenizer, share)]).toEqual([ids[k]]);
        });
      }
    });

    test("and the same texts of numbers", () => {
      for (const ids of keras.textsToSequences(random)) {
        expect(decode(tokenizer, ids)).toBe(keras.sequencesToTexts([ids])[0]);
        expect(ids.map((id) => decodeNext(tokenizer, id).text).join("")).toBe(
          ids.length > 0 ? ` ${decode(tokenizer, ids)}` : "",
        );
      }
    });

    test("is plain data that a file holds", () => {
      expect(checkTokenizer(JSON.parse(JSON.stringify(tokenizer)))).toEqual(tokenizer);
      expect(readVocabulary(JSON.stringify(tokenizer))).toEqual(tokenizer);
    });
  },
);

test("TextVectorization: its vocabulary says how texts are cut", () => {
  const layer = new TextVectorization();
  layer.adapt([...texts, ...Array.from({ length: 9 }, randomText)]);
  const vocabulary = layer.getVocabulary();
  const rules = rulesOf(vocabulary, vocabulary.slice(2));
  const tokenizer = whitespaceTokenizer(vocabulary.slice(1), rules, { unknown: 1 });
  for (const text of [...texts, randomText(), "zebra isn't here"]) {
    const wanted = [...layer.call([text]).data].filter((id) => id !== 0);
    expect([...encode(tokenizer, text)]).toEqual(wanted);
  }
});

describe("a list of words", () => {
  const rules = (words: string[]) => rulesOf(words, words);
  test("without capitals is of texts in lower case, punctuation in no word is none", () => {
    const { lower, filters } = rules(["the", "cat", "u.s."]);
    expect(lower).toBe("all");
    expect(filters).toContain(",");
    expect(filters).toContain("\n");
    expect(filters).not.toContain(".");
    expect(rules(["The", "cat"]).lower).toBeUndefined();
  });

  test("that has a line's end reads it as a word, before which stands no blank", () => {
    const words = ["the", "\n", "cat"];
    const tokenizer = whitespaceTokenizer(words, rules(words));
    expect([...encode(tokenizer, "The cat\nthe\n\ncat")]).toEqual([1, 3, 2, 1, 2, 2, 3]);
    expect(decode(tokenizer, [1, 3, 2, 1])).toBe("the cat\n the");
  });

  test("words without a number are left out, or read as the unknown word", () => {
    const words = ["the", "<unk>", "cat"];
    const without = whitespaceTokenizer(words, rules(words));
    expect([...encode(without, "the zebra cat")]).toEqual([1, 3]);
    const unknown = whitespaceTokenizer(words, rules(words), { unknown: 2 });
    const ids = encode(unknown, "the zebra cat");
    expect([...ids]).toEqual([1, 2, 3]);
    expect(countUnknown(ids, unknown)).toBe(1);
    expect(unknownWords(unknown, "A zebra, the zebra")).toEqual(["a", "zebra"]);
  });

  test("separate texts end with their token", () => {
    const words = ["a", "b"];
    const tokenizer = whitespaceTokenizer(words, rules(words), { endOfText: true });
    expect(vocabularySize(tokenizer)).toBe(4);
    expect([...encode(tokenizer, ["a b", "b"])]).toEqual([1, 2, 3, 2, 3]);
    expect(decode(tokenizer, [1, 3])).toBe("a");
  });

  test("a word with a blank is refused", () => {
    expect(() => whitespaceTokenizer(["new york"], { filters: "" })).toThrow(/^"new york" has a blank in it/);
  });
});

test.each<[string, object, RegExp]>([
  ["no list", { vocabulary: 3 }, /"vocabulary" needs a list, got 3/],
  ["a word twice", { vocabulary: ["\uFFFD", "a", "a"] }, /token 2 repeats "a"/],
  ["no word 0", { vocabulary: ["a"] }, /token 0 needs to be U\+FFFD/],
  ["an odd case", { lower: true }, /"lower" needs "all" or "ascii", got true/],
  ["no filters", { filters: undefined }, /"filters" needs text, got undefined/],
  ["an id beyond", { unknown: 2 }, /"unknown" needs an id from 1 to 1, got 2/],
  ["an odd end", { endOfText: 1 }, /"endOfText" needs true, got 1/],
  ["removed numbers", { removed: 1 }, /"removed" needs text, got 1/],
])("in a file, %s is refused", (_, odd, message) => {
  const whole = { kind: "whitespace", vocabulary: ["\uFFFD", "a"], filters: "", ...odd };
  expect(() => checkTokenizer(whole)).toThrow(message);
});
