import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import type { Model } from "../../src/nn/model.ts";
import {
  evaluateLanguageModel,
  generate,
  languageModel,
  readLanguageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";
import { decodeToken, encode } from "../../src/text/tokenizer.ts";
import type { Progress } from "../../src/train/fit-stream-options.ts";
import { adam } from "../../src/train/optimizers.ts";
import { collect, reference, textOf } from "../helpers/models.ts";

const tiny = { units: 8, embedding: 4 };

/** Mean nats a token through the reference, in f64, for streams that begin with a zero state. */
function oracleLoss(model: Model, streams: readonly Int32Array[]): number {
  const nats = streams.flatMap((ids) =>
    reference(model, ids.slice(0, -1)).map((row, t) => -(row[ids[t + 1] as number] as number)),
  );
  return nats.reduce((sum, x) => sum + x, 0) / nats.length;
}

describe("learning", () => {
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
});

describe("evaluateLanguageModel", () => {
  const text = "It was the best of times, it was the worst of times. ".repeat(48);

  test("equals the reference on a text read at one go, within 1e-5 nats", async () => {
    const lm = languageModel(text, { units: 5, embedding: 3, layers: 2, cell: "gru", seed: 1 });
    const part = text.slice(0, 300);
    const found = await evaluateLanguageModel(lm, part);
    expect(Math.abs(found.loss - oracleLoss(lm.model, [encode(lm.tokenizer, part)]))).toBeLessThan(1e-5);
    expect(found).toMatchObject({ tokens: 299, unknown: 0, perplexity: Math.exp(found.loss) });
    expect(found.bitsPerCharacter).toBeCloseTo(found.loss / Math.LN2, 12);
  });

  test("equals the reference on a longer text, read in two slots, every token once", async () => {
    const lm = languageModel(text, { units: 4, embedding: 3, seed: 2 });
    const ids = encode(lm.tokenizer, text);
    expect(ids.length).toBe(2544);
    const slot = Math.ceil((ids.length - 1) / 2);
    const wanted = oracleLoss(lm.model, [ids.subarray(0, slot + 1), ids.subarray(slot)]);
    expect(Math.abs((await evaluateLanguageModel(lm, text)).loss - wanted)).toBeLessThan(1e-5);
  });

  test("a model whose values are not numbers is refused in one line", async () => {
    const broken = languageModel("hello", tiny);
    broken.model.values["dense.b"]?.fill(Number.NaN);
    await expect(evaluateLanguageModel(broken, "hello")).rejects.toThrow(/^the loss is NaN: .* Train anew/);
  });

  test("counts what the model does not know; less than two tokens are refused", async () => {
    const lm = languageModel("ab", tiny);
    expect(await evaluateLanguageModel(lm, "a☃b☃")).toMatchObject({ tokens: 3, unknown: 2 });
    const options = { batch: 1, steps: 2, epochs: 1, validationSplit: 0 };
    expect((await trainLanguageModel(lm, "a☃b☃ab", options)).unknown, "in training as well").toBe(2);
    await expect(evaluateLanguageModel(lm, "a")).rejects.toThrow(
      "the text has 1 token; at least 2 are needed to predict one.",
    );
  });
});

describe("options that make no model", () => {
  const train = { batch: 4, steps: 8 };
  test.each([
    [
      "a text too short for a batch",
      "ab",
      { training: train },
      "the text has 2 tokens to train on, and a batch of 4 x",
    ],
    ["a text without a character", "\uFFFD".repeat(99), {}, "the text has no character to learn"],
    ["no layers", "abc", { layers: 0 }, "layers must be a whole number from 1 to 100, got 0"],
    ["a cell that there is not", "abc", { cell: "lstn" }, 'cell "lstn" is not known'],
    ["an inherited name as a cell", "abc", { cell: "toString" }, 'cell "toString" is not known'],
    ["half a unit", "abc", { units: 0.5 }, "units must be a whole number"],
    [
      "a billion units",
      "abc",
      { units: 1e9 },
      "the model needs 1.6e19 bytes of memory, and the engine wasm has at most",
    ],
    [
      "units whose values fit, and whose training does not",
      "abc".repeat(99),
      { units: 8000, training: train },
      /^training this model needs [5-9],[\d,]+ bytes of memory, and the engine wasm has at most 4,294,967,296\./,
    ],
  ])("%s", (_, text, options, message) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(() => languageModel(text, options)).toThrow(InputError);
    expect(() => languageModel(text, options)).toThrow(message);
    expect(process.memoryUsage().arrayBuffers - before, "bytes of values that nobody gets").toBeLessThan(50e6);
  });

  test("another optimiser's state", async () => {
    const text = "abc".repeat(40);
    const lm = languageModel(text, tiny);
    const resume = { step: 3, slots: { q: {} } };
    await expect(trainLanguageModel(lm, text, { ...train, resume })).rejects.toThrow(
      "training: the state to resume from has the slots q of its model; adam needs m, v for this one. " +
        "Give the same optimiser and model.",
    );
  });
});
