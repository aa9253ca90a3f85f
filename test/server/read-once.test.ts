/** Of one prompt, `n` and `best_of` texts: what all begin with is read once, and each is what it is alone. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { generateTokens } from "../../src/tasks/generate.ts";
import type { LanguageModel } from "../../src/tasks/language-model.ts";
import { languageModel } from "../../src/tasks/language-model.ts";
import { textOf } from "../helpers/models.ts";
import { until } from "../helpers/waiting.ts";
import { book, pairs, serving, tiny } from "./serving.ts";

const words: LanguageModel = languageModel(book, { units: 9, embedding: 5, seed: 6, tokens: "word" });
const models = { tiny, pairs, words };
const here = await serving({ maxTokens: 1e6 }, models);
const [slotsOfTiny, queueOfTiny] = ['unrolled_lanes_in_use{model="tiny"}', 'unrolled_queue_length{model="tiny"}'];
const read = () => here.lines.at(-1)?.promptTokens ?? Number.NaN;

type Choice = { text: string; logprobs: { tokens: string[]; token_logprobs: number[] } | null };
const asked = async (body: object): Promise<{ choices: Choice[]; usage: Record<string, number> }> => {
  const answer = await here.post("/v1/completions", body);
  const { lines } = here;
  const before = lines.length;
  const json = await answer.json();
  expect([answer.status, json.error]).toEqual([200, undefined]);
  await until(() => lines.length >= before);
  return json;
};

test("a prompt of 60,000 tokens with n of 60 is read once; the usage counts it once, and so does the limit", async () => {
  const prompt = book.repeat(200).slice(0, 60_000);
  const { choices, usage } = await asked({ model: "tiny", prompt, n: 60, max_tokens: 4, seed: 3 });
  // Each of the others reads the last token anew.
  expect(read()).toBe(60_000 + 59);
  expect(usage).toEqual({ prompt_tokens: 60_000, completion_tokens: 240, total_tokens: 60_240 });
  for (const k of [0, 1, 31, 32, 59]) {
    expect(choices[k]?.text).toBe(await textOf(tiny, { prompt, length: 4, seed: 3 + k }));
  }
});

test("any prompt, healed or not, in texts or tokens, with penalties, stop strings, echo: each choice is what it is alone", async () => {
  const requests = fc.record({
    model: fc.constantFrom("tiny", "pairs", "words"),
    prompt: fc.oneof(
      fc.nat({ max: 60 }).map((length) => book.slice(0, length)),
      fc.constantFrom("", "t", "the c", "the cat ", "é☃", "a ☃ dog", "on th"),
      fc.array(fc.nat({ max: 8 }), { minLength: 1, maxLength: 9 }),
      fc.constant(["the cat s", "a"]),
    ),
    n: fc.integer({ min: 2, max: 5 }),
    max_tokens: fc.nat({ max: 12 }),
    temperature: fc.constantFrom(0, 1),
    repetition_penalty: fc.constantFrom(null, 1.5),
    stop: fc.constantFrom(null, "the", ["at", "."]),
    logprobs: fc.constantFrom(null, 2),
    echo: fc.boolean(),
    seed: fc.nat(),
  });
  const seed = Date.now() % 1e6;
  const run = async (body: { model: string; prompt: unknown; n: number; seed: number }): Promise<void> => {
    const { choices } = await asked(body);
    const all: unknown = body.prompt;
    const prompts: unknown[] = Array.isArray(all) && typeof all[0] === "string" ? all : [all];
    const alone: Choice[] = [];
    for (const [p, prompt] of prompts.entries()) {
      for (let k = 0; k < body.n; k++) {
        const one = await asked({ ...body, prompt, n: 1, seed: body.seed + p * body.n + k });
        alone.push(one.choices[0] as Choice);
      }
    }
    expect(choices.map((choice) => ({ ...choice, index: 0 }))).toEqual(alone);
  };
  await fc.assert(fc.asyncProperty(requests, run), { numRuns: 60, seed });
});

test("streamed as well, with an echo's log-probabilities once for all", async () => {
  const body = { model: "pairs", prompt: "the cat sat on th", n: 4, seed: 8, max_tokens: 9, echo: true, logprobs: 1 };
  const whole = await asked(body);
  const stream = await here.client.completions.create({ ...body, stream: true });
  const texts = Array(4).fill("");
  const nats: (number | null)[][] = [[], [], [], []];
  for await (const { choices } of stream) {
    for (const { index, text, logprobs } of choices) {
      texts[index] += text;
      nats[index]?.push(...((logprobs?.token_logprobs as number[]) ?? []));
    }
  }
  expect(texts).toEqual(whole.choices.map(({ text }) => text));
  expect(nats).toEqual(whole.choices.map(({ logprobs }) => logprobs?.token_logprobs));
});

test("a stream whose reader is slow holds up the texts that wait for its prompt; they come when it reads on", async () => {
  const slow = await serving({ maxTokens: 1e9, stallMs: 60_000 });
  const body = {
    model: "tiny",
    prompt: book.repeat(100).slice(0, 30_000),
    n: 3,
    echo: true,
    logprobs: 5,
    stream: true,
  };
  const answer = await slow.post("/v1/completions", { ...body, max_tokens: 5 });
  expect(answer.status).toBe(200);
  let quiet = 0;
  await until(async () => {
    const [slots, queue] = [await slow.figure(slotsOfTiny), await slow.figure(queueOfTiny)];
    quiet = slots === 0 && queue === 2 ? quiet + 1 : 0;
    return quiet === 10;
  });
  const text = await answer.text();
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  expect([...text.matchAll(/"finish_reason":"length"/g)]).toHaveLength(3);
});

test("a client that goes away while its prompt is read leaves nothing in the queue", async () => {
  const own = await serving({ maxPromptTokens: 1e7, maxBodyBytes: 1e7, maxMemoryBytes: 1e12 });
  const stop = new AbortController();
  // Long enough to be seen while it is read.
  const body = { model: "tiny", prompt: book.repeat(20_000).slice(0, 3_000_000), n: 50, max_tokens: 5 };
  const answer = own.post("/v1/completions", body, { signal: stop.signal }).catch(() => {});
  await until(async () => (await own.figure(queueOfTiny)) === 49);
  stop.abort();
  await answer;
  await until(async () => (await own.figure(queueOfTiny)) === 0);
  expect(await own.figure(slotsOfTiny)).toBe(0);
});

describe("best_of", () => {
  test("gives the n whose tokens are likeliest on average, the best first, and counts all that were written", async () => {
    for (const prompt of ["the c", ["the c", "a dog"]]) {
      const { choices, usage } = await asked({ model: "tiny", prompt, n: 2, best_of: 7, max_tokens: 6, seed: 40 });
      const expected: string[] = [];
      for (const [p, one] of [prompt].flat().entries()) {
        const all: { text: string; mean: number }[] = [];
        for (let k = 0; k < 7; k++) {
          const found = { text: "", mean: 0 };
          for await (const token of generateTokens(tiny, { prompt: one, length: 6, seed: 40 + 7 * p + k })) {
            found.text += token.text;
            found.mean += token.logProbability / 6;
          }
          all.push(found);
        }
        all.sort((a, b) => b.mean - a.mean);
        expected.push(...all.slice(0, 2).map(({ text }) => text));
      }
      expect(choices.map(({ text }) => text)).toEqual(expected);
      expect(usage.completion_tokens).toBe(42 * [prompt].flat().length);
    }
  });

  test("judges what was written, not what is echoed, with and without log-probabilities", async () => {
    const body = { model: "pairs", prompt: "the cat s", best_of: 6, max_tokens: 12, seed: 5 };
    const { choices } = await asked({ ...body, n: 6, logprobs: 0 });
    const mean = ({ logprobs }: Choice) => (logprobs?.token_logprobs ?? []).reduce((sum, nats) => sum + nats, 0);
    const [likeliest] = choices.toSorted((a, b) => mean(b) - mean(a));
    for (const told of [{}, { echo: true }, { echo: true, logprobs: 3 }, { logprobs: 0 }]) {
      const [best] = (await asked({ ...body, ...told })).choices;
      expect(best?.text).toBe(`${"echo" in told ? "the cat s" : ""}${likeliest?.text}`);
    }
  });

  test("counts for the limits", async () => {
    const answer = await here.post("/v1/completions", { model: "tiny", prompt: ["a", "b"], n: 1, best_of: 128 });
    expect([answer.status, (await answer.json()).error.message]).toEqual([
      400,
      "prompt: 256 texts (prompts times n), and the limit of a request is 128.",
    ]);
  });
});
