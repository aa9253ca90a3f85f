/** Models of separate texts: they end what they write, and begin anew. */
import { describe, expect, test } from "vitest";
import { beamSearch } from "../../src/tasks/beam-search.ts";
import { generateMany, generateTokens } from "../../src/tasks/generate.ts";
import {
  evaluateLanguageModel,
  type GeneratedToken,
  type GenerateTokensOptions,
  type LanguageModel,
  languageModel,
  readLanguageModel,
  type TrainLanguageModelOptions,
  trainLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";
import { encode, endOfText } from "../../src/text/tokenizer.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { adam } from "../../src/train/optimizers.ts";
import { collect } from "../helpers/models.ts";

const kinds = ["char", "word", "bpe"] as const;
const tiny = { units: 12, embedding: 6 };

const tokensOf = (lm: LanguageModel, options: GenerateTokensOptions): Promise<GeneratedToken[]> =>
  collect(generateTokens(lm, options));
const textOf = (tokens: readonly GeneratedToken[]): string => tokens.map(({ text }) => text).join("");

describe.each(kinds)("%s", async (tokens) => {
  const poems = Array.from({ length: 120 }, (_, k) => (k % 2 === 0 ? "a cat sat" : "my dog ran on"));
  const limited = (maxVocabulary: number) => ({ ...tiny, tokens, ...(tokens !== "char" && { maxVocabulary }) });
  const lm = languageModel(poems, { ...limited(270), seed: 1 });
  const options: TrainLanguageModelOptions = {
    batch: 4,
    steps: 16,
    epochs: { char: 30, word: 60, bpe: 150 }[tokens],
    optimizer: adam({ learningRate: 0.03 }),
  };
  await trainLanguageModel(lm, poems, options);
  const end = endOfText(lm.tokenizer) as number;

  test("a model learns where texts end, and ends there; after that it begins a new one", async () => {
    const found = await tokensOf(lm, { prompt: "a cat s", length: 40, temperature: 0, logProbabilities: 1 });
    expect(textOf(found)).toBe("at");
    expect(found.at(-1)).toMatchObject({ token: end, text: "", name: "<|endoftext|>" });
    expect(found.at(-1)?.logProbability).toBeGreaterThan(-0.3);
    const whole = textOf(await tokensOf(lm, { length: 40, temperature: 0 }));
    expect(["a cat sat", "my dog ran on"]).toContain(whole);
    // As ids: what it reads first.
    expect(await tokensOf(lm, { length: 40, seed: 3 })).toEqual(
      await tokensOf(lm, { prompt: [end], length: 40, seed: 3 }),
    );
  });

  test("many side by side end each by itself, as alone", async () => {
    const prompts = ["a ", "my d", "", "a cat sat"];
    const found = prompts.map((): GeneratedToken[] => []);
    for await (const { prompt, ...token } of generateMany(lm, prompts, { length: 40, seed: 5, batch: 2 })) {
      found[prompt]?.push(token);
    }
    for (const [k, prompt] of prompts.entries()) {
      expect(found[k]).toEqual(await tokensOf(lm, { prompt, length: 40, seed: 5 + k }));
      expect(found[k]?.at(-1)?.token).toBe(end);
    }
  });

  test("what waits for a stop string comes out where the text ends", async () => {
    const found = await tokensOf(lm, { prompt: "a cat s", length: 40, temperature: 0, stop: "at and more" });
    expect(textOf(found)).toBe("at");
    expect(found.at(-1)?.token).toBe(end);
  });

  test("beam search ends a text where the model does", async () => {
    const [best] = await beamSearch(lm, { prompt: "my dog r", length: 30, beams: 3 });
    expect(best?.text).toBe("an on");
    expect(best?.tokens.at(-1)).toBe(end);
  });

  test("its file keeps the token; separate texts are evaluated with their ends", async () => {
    const read = readLanguageModel(writeLanguageModel(lm), "x");
    expect(endOfText(read.tokenizer)).toBe(end);
    const evaluation = await evaluateLanguageModel(read, poems.slice(0, 10));
    expect(evaluation.tokens).toBe(encode(lm.tokenizer, poems.slice(0, 10)).length - 1);
    expect(evaluation.loss).toBeLessThan(0.5);
    expect((await evaluateLanguageModel(read, "a cat sat")).tokens).toBe(encode(lm.tokenizer, "a cat sat").length - 1);
  });

  test("a text with what the token is called is no end", async () => {
    const odd = languageModel(["a <|endoftext|> b", "c"], limited(300));
    const { tokens: count } = await evaluateLanguageModel(odd, ["a <|endoftext|> b"]);
    expect(count).toBe(encode(odd.tokenizer, "a <|endoftext|> b").length);
  });
});

const endIn = ({ tokenizer }: LanguageModel) => ({ endOfText: endOfText(tokenizer) as number });
describe("validation", () => {
  const run = async (texts: readonly string[], validationSplit: number) => {
    const lm = languageModel(texts, { units: 4, embedding: 3 });
    const common = { batch: 2, steps: 4, epochs: 1, seed: 1, threads: 1 };
    return { lm, ...(await trainLanguageModel(lm, texts, { ...common, validationSplit })) };
  };

  test("is on whole texts, the last ones", async () => {
    // 20 texts of 10 tokens: a share of 0.13 are 26 tokens, nearest are three texts.
    const texts = Array.from({ length: 20 }, (_, k) => `text ${String(k).padStart(2, "0")} x`);
    const { lm, validationLoss } = await run(texts, 0.13);
    const stream = encode(lm.tokenizer, texts);
    expect(stream.length).toBe(200);
    const other = languageModel(texts, { units: 4, embedding: 3 });
    const options = { batch: 2, steps: 4, epochs: 1, seed: 1, threads: 1, validationSplit: 30.5 / 200, ...endIn(lm) };
    expect((await fitStream(other.model, stream, options)).validationLoss).toBe(validationLoss);
    expect(other.model.values).toEqual(lm.model.values);
  });

  test("is on a part of a text where there are only few", async () => {
    const texts = ["abc ".repeat(50), "cba ".repeat(50)];
    const { lm, validationLoss } = await run(texts, 0.05);
    const other = languageModel(texts, { units: 4, embedding: 3 });
    const options = { batch: 2, steps: 4, epochs: 1, seed: 1, threads: 1, validationSplit: 0.05, ...endIn(lm) };
    expect((await fitStream(other.model, encode(lm.tokenizer, texts), options)).validationLoss).toBe(validationLoss);
    expect((await run(texts, 0)).validationLoss).toBeNull();
  });
});

test("a model of one text is trained on one, and is what it was before there were several", async () => {
  const lm = languageModel("abc abd", { units: 4, embedding: 3 });
  expect(lm.tokenizer).toEqual({ kind: "char", vocabulary: ["\uFFFD", " ", "a", "b", "c", "d"] });
  await expect(trainLanguageModel(lm, ["abc", "abd"])).rejects.toThrow(/has no end-of-text token/);
  await expect(evaluateLanguageModel(lm, ["abc"])).rejects.toThrow(/has no end-of-text token/);
});

test.each([
  [3, "languageModel: text must be a text, a list of separate texts, or a tokenizer, got 3"],
  [["a", 3], "languageModel: text[1] must be a string, got 3"],
  [[], "the text has no character to learn. Give a longer text."],
  [["", ""], "the text has no character to learn. Give a longer text."],
])("%j is no text to learn", (text, message) => {
  expect(() => languageModel(text as never)).toThrow(message);
});

test("line ends of a string that a program hands over stay what they are", () => {
  expect(languageModel("a\r\nb", { units: 2 }).tokenizer).toMatchObject({
    vocabulary: ["\uFFFD", "\n", "\r", "a", "b"],
  });
});
