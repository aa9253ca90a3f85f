/** Words of scripts that put no blanks between them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, decodeToken, encode, trainTokenizer } from "../../src/text/tokenizer.ts";
import { splitWithDictionary } from "../../src/text/unspaced-words.ts";

const tokensOf = (text: string, training = text, maxVocabulary?: number): string[] => {
  const tokenizer = trainTokenizer("word", training, { maxVocabulary });
  return [...encode(tokenizer, text)].map((id) => decodeToken(tokenizer, id));
};

describe("words are those of this machine's dictionaries", () => {
  const segmenter = new Intl.Segmenter("en", { granularity: "word" });
  test.each([
    ["Chinese", "我喜欢吃苹果。我喜欢学习。", 9],
    ["Japanese", "今日は良い天気ですね。コンピューターを使う。", 11],
    ["Thai", "สวัสดีครับ คุณชื่ออะไร", 5],
    ["Burmese", "မြန်မာစာ", 2],
    ["scripts side by side", "他有 iPhone手机 don't", 5],
    ["Korean, which has blanks", "나는 학교에 갑니다.", 4],
  ])("%s", (_, text, about) => {
    const words = Array.from(segmenter.segment(text), ({ segment }) => segment).filter((segment) => segment !== " ");
    const tokens = tokensOf(text);
    expect(tokens.map((token) => token.trimStart())).toEqual(words);
    expect(tokens.join("")).toBe(text);
    // Dictionaries differ, but not so much.
    expect(Math.abs(words.length - about)).toBeLessThan(3);
  });
});

test("a text is cut by the vocabulary alone, not by the dictionaries where it is read", () => {
  // No dictionary has these words.
  const tokenizer = {
    kind: "word",
    vocabulary: ["\uFFFD", "欢吃", "我喜", "苹", "果", "我", "喜", "欢", "吃", "苹果我"],
  } as const;
  const cut = [...encode(tokenizer, "我喜欢吃苹果我")].map((id) => decodeToken(tokenizer, id));
  expect(cut.join("")).toBe("我喜欢吃苹果我");
  expect(cut.slice(0, 2)).toEqual(["我喜", "欢吃"]);
  expect(splitWithDictionary("我喜欢吃苹果").join("|")).toBe("我|喜欢|吃|苹果");
});

test("of a vocabulary that is too small, words are spelled in as few and as frequent tokens as there are", () => {
  const training = "研究生命起源。研究生学习。生命科学。研究。".repeat(3);
  const text = "研究生命科学";
  expect(tokensOf(text, training).join("")).toBe(text);
  const small = tokensOf(text, training, 20);
  expect(small.join("")).toBe(text);
  expect(small.length).toBeGreaterThanOrEqual(tokensOf(text, training).length);
});

test("property: joined they are the text; unknown characters are one token each", () => {
  const unit = fc.constantFrom(
    "我",
    "喜",
    "欢",
    "の",
    "カ",
    "ー",
    "ส",
    "ว",
    "ั",
    " ",
    "a",
    "1",
    "。",
    "𠮷",
    "é",
    "'",
    "\n",
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), fc.string({ unit, maxLength: 60 }), (training, text) => {
      expect(tokensOf(training).join("")).toBe(training);
      const tokenizer = trainTokenizer("word", training);
      const known = new Set(training);
      const found = decode(tokenizer, encode(tokenizer, text));
      expect(found).toBe(Array.from(text, (character) => (known.has(character) ? character : "\uFFFD")).join(""));
    }),
  );
});

test("a text of other scripts is cut as ever", () => {
  const text = "The cat's “café” — naïve résumés, 3.14 и так далее; ελληνικά العربية हिन्दी 한국어";
  expect(tokensOf(text).join("|")).toBe(
    "The| cat's| “|café|”| —| naïve| résumés|,| 3|.|14| и| так| далее|;| ελληνικά| العربية| हिन्दी| 한국어",
  );
});
