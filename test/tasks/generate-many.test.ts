/** Many prompts in one batch: each text is, token for token, what it is alone. */
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { type GenerateManyOptions, generateMany, generateTokens } from "../../src/tasks/generate.ts";
import { type LanguageModel, type LanguageModelOptions, languageModel } from "../../src/tasks/language-model.ts";

const text = "the cat sat on the mat. a dog ran here.\n".repeat(8);
const prompts = ["the cat", "", "a", "☃ unknown", "the cat sat on the mat. ".repeat(20), "a", "\n", "dog ran"];

type Found = { token: number; text: string; logProbability: number }[];

async function together(lm: LanguageModel, of: readonly string[], options: GenerateManyOptions): Promise<Found[]> {
  const found: Found[] = of.map(() => []);
  for await (const { prompt, ...token } of generateMany(lm, of, options)) found[prompt]?.push(token);
  return found;
}

async function alone(lm: LanguageModel, of: readonly string[], options: GenerateManyOptions): Promise<Found[]> {
  const { batch: _, seed = 0, ...rest } = options;
  const found: Found[] = [];
  for (const [k, prompt] of of.entries()) {
    const tokens: Found = [];
    for await (const token of generateTokens(lm, { ...rest, prompt, seed: seed + k })) tokens.push(token);
    found.push(tokens);
  }
  return found;
}

describe("equals each prompt alone, to the bit", () => {
  test.each<[string, LanguageModelOptions, GenerateManyOptions]>([
    ["an LSTM", { cell: "lstm" }, {}],
    ["two GRUs", { cell: "gru", layers: 2 }, { temperature: 1.5, topP: 0.9 }],
    ["words", { tokens: "word" }, { temperature: 2, minP: 0.01 }],
    ["a perceptron, which has no state", { cell: "perceptron" }, {}],
    ["an LSTM with a normalised state", { cell: "layer-norm-lstm" }, { repetitionPenalty: 1.3 }],
    ["fewer slots than prompts", {}, { batch: 3, presencePenalty: 0.5, frequencyPenalty: 0.2 }],
    ["one slot", {}, { batch: 1 }],
    ["stop strings, so that some end early", {}, { stop: ["e", "ca"], batch: 2 }],
    ["alternatives", {}, { logProbabilities: 3, temperature: 0 }],
  ])("%s", async (_, of, options) => {
    const lm = languageModel(text, { units: 7, embedding: 5, seed: 4, ...of });
    const all = { length: 40, seed: 11, ...options };
    const found = await together(lm, prompts, all);
    expect(found).toEqual(await alone(lm, prompts, all));
    if (options.stop === undefined) expect(found.map((tokens) => tokens.length)).toEqual(prompts.map(() => 40));
  });

  test("a batch that several threads share", async () => {
    const lm = languageModel(text, { units: 256, seed: 4 });
    const many = Array.from({ length: 20 }, (_, k) => text.slice(k, 2 * k));
    const options = { length: 12, seed: 1 };
    const found = await together(lm, many, { ...options, threads: 2 });
    expect(found).toEqual(await alone(lm, many, { ...options, threads: 1 }));
    expect(found).toEqual(await together(lm, many, options));
  });
});

test("equal prompts go on differently: each has a seed of its own", async () => {
  const lm = languageModel(text, { units: 7, seed: 4 });
  const [first, second, third] = await together(lm, ["a", "a", "a"], { length: 20 });
  expect(second).not.toEqual(first);
  expect(third).not.toEqual(second);
});

test("no prompts and no length write nothing", async () => {
  const lm = languageModel(text, { units: 7 });
  expect(await together(lm, [], {})).toEqual([]);
  expect(await together(lm, ["a", "b"], { length: 0 })).toEqual([[], []]);
});

test("a signal stops all, and who has enough may stop", async () => {
  const lm = languageModel(text, { units: 7 });
  const stop = new AbortController();
  let count = 0;
  for await (const _ of generateMany(lm, prompts, { length: 1e9, signal: stop.signal })) {
    if (++count === 13) stop.abort();
  }
  expect(count).toBe(13);
  for await (const { prompt } of generateMany(lm, prompts, { length: 1e9 })) if (prompt === 2) break;
});

test.each([
  [{ batch: 0 }, "generateMany: batch must be a whole number of at least 1, got 0"],
  [{ batch: 2.5 }, "generateMany: batch must be a whole number of at least 1, got 2.5"],
  [{ topK: 0 }, "generateMany: topK must be a whole number of at least 1, got 0"],
])("%j is refused in one line", async (options, message) => {
  const lm = languageModel(text, { units: 7 });
  await expect(together(lm, ["a"], options)).rejects.toThrow(new InputError(message));
});
