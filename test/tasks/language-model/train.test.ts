import { expect, test } from "vitest";
import {
  evaluateLanguageModel,
  generate,
  languageModel,
  readLanguageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../../src/tasks/language-model.ts";
import { decodeToken, encode } from "../../../src/text/tokenizer.ts";
import type { Progress } from "../../../src/train/fit-stream-options.ts";
import { adam } from "../../../src/train/optimizers.ts";
import { collect, textOf } from "../../helpers/models.ts";

const tiny = { units: 8, embedding: 4 };

test("a tiny model learns abcabcabc... to a loss below 0.05 and writes it", async () => {
  const text = "abc".repeat(400);
  const lm = languageModel(text, { ...tiny, seed: 1 });
  const reports: Progress[] = [];
  const result = await trainLanguageModel(lm, text, {
    batch: 4,
    steps: 12,
    epochs: 10,
    optimizer: adam({ learningRate: 0.03 }),
    onProgress: (p) => reports.push(p),
  });
  expect(result.validationLoss).toBeLessThan(0.05);
  expect(result.loss).toBeLessThan(0.05);
  expect(result.stopped).toBe(false);
  expect(await textOf(lm, { prompt: "ab", length: 9, temperature: 0 })).toBe("cabcabcab");
  expect((await evaluateLanguageModel(lm, "abcabcabcabc")).perplexity).toBeLessThan(1.1);
  expect(reports.at(-1)).toMatchObject({ done: 1, step: result.steps, validationLoss: result.validationLoss });
  expect(reports.map(({ step }) => step)).toEqual([...reports.map(({ step }) => step)].sort((a, b) => a - b));
});

test("a word model learns words and writes them with their spaces", async () => {
  const text = "the cat sat on the mat. ".repeat(60);
  const lm = languageModel(text, { ...tiny, tokens: "word", seed: 2 });
  await trainLanguageModel(lm, text, { batch: 4, steps: 7, epochs: 15, optimizer: adam({ learningRate: 0.03 }) });
  const pieces = await collect(generate(lm, { prompt: "the cat", length: 5, temperature: 0 }));
  expect(pieces).toEqual([" sat", " on", " the", " mat", "."]);
  // 7 tokens and 24 characters a sentence; the first word is given.
  const found = await evaluateLanguageModel(lm, "the cat sat on the mat. ".repeat(3));
  expect(found.tokens).toBe(3 * 7 + 1 - 1);
  expect(found.bitsPerCharacter).toBeCloseTo((found.loss * found.tokens) / (72 - 3) / Math.LN2, 10);
});

test("a model of byte pairs learns them, writes them, and reads characters that it never saw", async () => {
  const text = "the cat sät on the mat. ".repeat(60);
  const lm = languageModel(text, { ...tiny, tokens: "bpe", maxVocabulary: 270, seed: 2 });
  expect(lm.model.outputSize).toBe(270);
  await trainLanguageModel(lm, text, { batch: 4, steps: 7, epochs: 15, optimizer: adam({ learningRate: 0.03 }) });
  const read = readLanguageModel(writeLanguageModel(lm), "m");
  expect(read.tokenizer).toEqual(lm.tokenizer);
  const options = { prompt: "the cat", length: 30, temperature: 0 };
  const pieces = await collect(generate(read, options));
  expect(pieces).toHaveLength(30);
  expect(pieces.join("")).toMatch(/^ sät on the mat\. the cat sät/);
  expect(pieces).toEqual(await collect(generate(lm, options)));
  const found = await evaluateLanguageModel(lm, "the cat sät on the mat. ".repeat(3));
  const ids = encode(lm.tokenizer, "the cat sät on the mat. ".repeat(3));
  const first = decodeToken(lm.tokenizer, ids[0] as number).length;
  expect(found.tokens).toBe(ids.length - 1);
  expect(found.bitsPerCharacter).toBeCloseTo((found.loss * found.tokens) / (72 - first) / Math.LN2, 10);
  expect((await evaluateLanguageModel(lm, "\0鯨\0")).unknown).toBe(0);
});

test("the same seeds make the same model, bit for bit; another seed another", async () => {
  const text = "abcd dcba ".repeat(40);
  const run = async (seed: number) => {
    const lm = languageModel(text, { ...tiny, dropout: 0.2, seed });
    const { state } = await trainLanguageModel(lm, text, { batch: 2, steps: 8, epochs: 1, seed });
    return writeLanguageModel({ ...lm, training: state });
  };
  const first = await run(3);
  expect(await run(3)).toEqual(first);
  expect(await run(4)).not.toEqual(first);
});

test("a signal stops it, and the state is where it stopped", async () => {
  const text = "abc".repeat(2000);
  const lm = languageModel(text, tiny);
  const stop = new AbortController();
  const result = await trainLanguageModel(lm, text, {
    batch: 2,
    steps: 8,
    epochs: 1e6,
    signal: stop.signal,
    onProgress: ({ step }) => step > 0 && stop.abort(),
  });
  expect(result.stopped).toBe(true);
  expect(result.steps).toBeGreaterThan(0);
  expect(result.state.step).toBe(result.steps);
  const early = AbortSignal.abort();
  const none = await trainLanguageModel(lm, text, { batch: 2, steps: 8, signal: early, resume: result.state });
  expect(none.steps).toBe(result.steps);
  expect(none.state).toEqual(result.state);
});

test("goes on from a file: steps add up, and the optimiser's state makes a difference", async () => {
  const text = "a bc def ghij ".repeat(60);
  const lm = languageModel(text, { ...tiny, seed: 5 });
  const options = { batch: 2, steps: 10, epochs: 1, validationSplit: 0 };
  const first = await trainLanguageModel(lm, text, options);
  const bytes = writeLanguageModel({ ...lm, training: first.state });
  const [a, b] = [readLanguageModel(bytes, "m"), readLanguageModel(bytes, "m")];
  const resumed = await trainLanguageModel(a, text, { ...options, epochs: 2, resume: a.training });
  expect(resumed.steps).toBe(2 * first.steps);
  expect(resumed.loss).toBeLessThan(first.loss);
  await trainLanguageModel(b, text, options);
  expect(b.model.values).not.toEqual(a.model.values);
});

test("another optimiser's state", async () => {
  const text = "abc".repeat(40);
  const lm = languageModel(text, tiny);
  const resume = { step: 3, slots: { q: {} } };
  await expect(trainLanguageModel(lm, text, { batch: 4, steps: 8, resume })).rejects.toThrow(
    "training: the state to resume from has the slots q of its model; adam needs m, v for this one. " +
      "Give the same optimiser and model.",
  );
});
