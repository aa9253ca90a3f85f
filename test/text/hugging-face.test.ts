import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBytePairs, trainBytePairEncoding } from "../../src/text/byte-pair-encoding.ts";
import { bytePairTokenizerJson, huggingFaceTokenizer } from "../../src/text/hugging-face.ts";

const package_ = "@huggingface/tokenizers";
const isInstalled = await import(package_).then(
  () => true,
  () => false,
);
const training = "Call me Ishmael. Some years ago--never mind how long precisely--having little or no money. ".repeat(
  3,
);

/** A small WordPiece tokenizer as BERT's files have it. */
const wordPiece = {
  version: "1.0",
  added_tokens: ["[UNK]", "[CLS]", "[SEP]"].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: {
    type: "BertNormalizer",
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: {
    type: "TemplateProcessing",
    single: [
      { SpecialToken: { id: "[CLS]", type_id: 0 } },
      { Sequence: { id: "A", type_id: 0 } },
      { SpecialToken: { id: "[SEP]", type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      "[CLS]": { id: "[CLS]", ids: [1], tokens: ["[CLS]"] },
      "[SEP]": { id: "[SEP]", ids: [2], tokens: ["[SEP]"] },
    },
  },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: { "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, wha: 3, "##le": 4, the: 5, ".": 6 },
  },
};

describe("tokenizer.json through @huggingface/tokenizers", () => {
  test("BERT's WordPiece: normalised, cut, with special tokens or without", async ({ skip }) => {
    if (!isInstalled) skip("the package @huggingface/tokenizers is not installed");
    const tokenizer = await huggingFaceTokenizer(JSON.stringify(wordPiece));
    expect(tokenizer.tokenize("The Whale.")).toEqual(["the", "wha", "##le", "."]);
    expect([...tokenizer.encode("The Whale.")]).toEqual([1, 5, 3, 4, 6, 2]);
    expect([...tokenizer.encode("The sea", { addSpecialTokens: false })]).toEqual([5, 0]);
    expect(tokenizer.decode([1, 5, 3, 4, 6, 2], { skipSpecialTokens: true, cleanUpSpaces: true })).toBe("the whale.");
    expect(tokenizer.vocabularySize).toBe(7);
    expect(tokenizer.tokenOf(4)).toBe("##le");
    expect(tokenizer.idOf("wha")).toBe(3);
    expect(tokenizer.decode([])).toBe("");
  });

  test("property: a byte-pair encoding written as tokenizer.json gives the same ids and the same text", async ({
    skip,
  }) => {
    if (!isInstalled) skip("the package @huggingface/tokenizers is not installed");
    const encoding = trainBytePairEncoding(`${training} don't __proto__ 1851 é漢🐋 é漢🐋`, { vocabularySize: 400 });
    const file = JSON.stringify(bytePairTokenizerJson(encoding));
    const tokenizer = await huggingFaceTokenizer(file);
    expect(tokenizer.vocabularySize).toBe(256 + encoding.merges.length);
    const unit = fc.constantFrom(
      "Call",
      "me",
      " ",
      "\n",
      "  ",
      "Ish",
      "don't",
      "__proto__",
      "--",
      ".",
      "é",
      "漢🐋",
      "7",
      "x",
    );
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1 }), (text) => {
        const ids = tokenizer.encode(text);
        expect([...ids]).toEqual([...encodeBytePairs(encoding, text)]);
        expect(tokenizer.decode(ids)).toBe(text);
      }),
    );
  });

  test("throws for files that it cannot read, and for ids that are none", async ({ skip }) => {
    if (!isInstalled) skip("the package @huggingface/tokenizers is not installed");
    await expect(huggingFaceTokenizer({})).rejects.toThrow(
      /^tokenizer.json: .*Is it a tokenizer.json of Hugging Face's\?$/,
    );
    const tokenizer = await huggingFaceTokenizer(wordPiece);
    expect(() => tokenizer.decode([99])).toThrow("token 99: tokenizer.json has no token with this id");
    expect(() => tokenizer.decode([0.5])).toThrow("token 0.5: tokenizer.json has no token");
    expect(() => tokenizer.encode(5 as never)).toThrow("text: needs a text, got 5");
  });
});

test("throws for what is no JSON and no object, before anything is loaded", async () => {
  await expect(huggingFaceTokenizer("{")).rejects.toThrow("tokenizer.json: needs JSON");
  await expect(huggingFaceTokenizer("[]")).rejects.toThrow("tokenizer.json: needs an object, got a list");
  await expect(huggingFaceTokenizer({}, "5")).rejects.toThrow("tokenizer_config.json: needs an object, got 5");
});

test("without the package an error says how to get it", async ({ skip }) => {
  if (isInstalled) skip("the package @huggingface/tokenizers is installed");
  await expect(huggingFaceTokenizer(wordPiece)).rejects.toThrow("npm install @huggingface/tokenizers");
});

test("tokenizer.json of a byte-pair encoding: GPT-2's letters for bytes", () => {
  const encoding = trainBytePairEncoding("a a a", { vocabularySize: 257 });
  const { model } = bytePairTokenizerJson(encoding) as { model: { vocab: Record<string, number>; merges: string[][] } };
  expect(model.merges).toEqual([["Ġ", "a"]]);
  expect(model.vocab["Ġa"]).toBe(256);
  expect([model.vocab["!"], model.vocab["Ā"], model.vocab["ÿ"], model.vocab["Ń"]]).toEqual([33, 0, 255, 173]);
  expect(Object.keys(model.vocab)).toHaveLength(257);
});
