/** What OpenAI's own client gets. */
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { generateTokens } from "../../src/tasks/generate.ts";
import { encode } from "../../src/text/tokenizer.ts";
import { textOf } from "../helpers/models.ts";
import { until } from "../helpers/waiting.ts";
import { pairs, serving, tiny } from "./serving.ts";

const { client, post } = await serving();
/** Where a text may take longer than any test. */
const endless = await serving({ maxTokens: 1e9 });

const slots = () => endless.figure('unrolled_lanes_in_use{model="tiny"}');

describe("a completion", () => {
  test("is what generate writes with the same seed; 16 tokens where no number is given", async () => {
    const { object, model, choices, usage } = await client.completions.create({
      ...{ model: "tiny", prompt: "the cat", seed: 7 },
    });
    const text = await textOf(tiny, { prompt: "the cat", seed: 7, length: 16 });
    expect({ object, model, choices }).toEqual({
      ...{ object: "text_completion", model: "tiny" },
      choices: [{ index: 0, text, finish_reason: "length", logprobs: null }],
    });
    expect(usage).toEqual({ prompt_tokens: 7, completion_tokens: 16, total_tokens: 23 });
  });

  test("takes how tokens are drawn", async () => {
    const asked = { temperature: 1.7, top_p: 0.8, presence_penalty: 0.5, frequency_penalty: -0.3 };
    const { choices } = await client.completions.create({
      ...{ model: "tiny", prompt: "a dog", max_tokens: 60, seed: 3 },
      ...asked,
      ...({ top_k: 9, min_p: 0.01 } as object),
    });
    const { temperature, top_p: topP, presence_penalty: presencePenalty, frequency_penalty: frequencyPenalty } = asked;
    const drawn = { temperature, topP, presencePenalty, frequencyPenalty, topK: 9, minP: 0.01 };
    expect(choices[0]?.text).toBe(await textOf(tiny, { prompt: "a dog", length: 60, seed: 3, ...drawn }));
  });

  test("top_p 0 takes the likeliest token, as temperature 0 does", async () => {
    const [a, b] = await Promise.all(
      [{ top_p: 0 }, { temperature: 0 }].map((how) =>
        client.completions.create({ model: "tiny", prompt: "a", max_tokens: 30, ...how }),
      ),
    );
    expect(a?.choices[0]?.text).toBe(await textOf(tiny, { prompt: "a", length: 30, temperature: 0 }));
    expect(b?.choices[0]?.text).toBe(a?.choices[0]?.text);
  });

  test("of several prompts with n each: choice k draws from seed + k", async () => {
    const { choices, usage } = await client.completions.create({
      ...{ model: "tiny", prompt: ["the cat", "a"], n: 3, seed: 20, max_tokens: 9 },
    });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
    for (const [k, { text }] of choices.entries()) {
      const prompt = k < 3 ? "the cat" : "a";
      expect(text).toBe(await textOf(tiny, { prompt, length: 9, seed: 20 + k }));
    }
    expect(usage).toEqual({ prompt_tokens: 8, completion_tokens: 54, total_tokens: 62 });
  });

  test("of tokens is that of their text", async () => {
    const ids = [...encode(pairs.tokenizer, "the cat sat")];
    for (const prompt of [ids, [ids]]) {
      const { choices } = await client.completions.create({ model: "pairs", prompt, seed: 1, max_tokens: 12 });
      expect(choices.map(({ text }) => text)).toEqual([
        await textOf(pairs, { prompt: "the cat sat", length: 12, seed: 1 }),
      ]);
    }
  });

  test("without a seed differs each time", async () => {
    const texts = await Promise.all(
      [1, 2, 3].map(async () => {
        const { choices } = await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 40 });
        return choices[0]?.text;
      }),
    );
    expect(new Set(texts).size).toBe(3);
  });

  test("ends before a stop string, with finish_reason stop; the string's tokens count as written", async () => {
    const whole = await textOf(tiny, { prompt: "the", length: 200, seed: 2 });
    const stop = whole.slice(20, 22);
    const { choices, usage } = await client.completions.create({
      ...{ model: "tiny", prompt: "the", max_tokens: 200, seed: 2, stop: ["zzz", stop] },
    });
    const at = whole.indexOf(stop);
    expect(choices[0]).toMatchObject({ text: whole.slice(0, at), finish_reason: "stop" });
    expect(usage?.completion_tokens).toBe(at + 2);
  });

  test("of no prompt goes on from the end of a line, and of max_tokens 0 is empty", async () => {
    const written = await post("/v1/completions", { model: "tiny", seed: 5, max_tokens: 8 });
    expect((await written.json()).choices[0].text).toBe(await textOf(tiny, { length: 8, seed: 5 }));
    const none = await client.completions.create({ model: "tiny", prompt: "a dog", max_tokens: 0 });
    expect(none.choices).toEqual([{ index: 0, text: "", finish_reason: "length", logprobs: null }]);
    expect(none.usage).toEqual({ prompt_tokens: 5, completion_tokens: 0, total_tokens: 5 });
  });
});

describe("log-probabilities", () => {
  test("are those of generateTokens, the written token among the likeliest", async () => {
    const { choices } = await client.completions.create({
      ...{ model: "tiny", prompt: "the", seed: 9, max_tokens: 20, logprobs: 2 },
    });
    const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0]?.logprobs ?? {};
    let k = 0;
    const options = { prompt: "the", seed: 9, length: 20, logProbabilities: 2 };
    for await (const { text, logProbability, alternatives } of generateTokens(tiny, options)) {
      expect(tokens?.[k]).toBe(text);
      expect(token_logprobs?.[k]).toBe(logProbability);
      const top = Object.fromEntries(alternatives.map((one) => [one.text, one.logProbability]));
      expect(top_logprobs?.[k]).toEqual({ ...top, [text]: logProbability });
      expect(text_offset?.[k]).toBe(k++);
    }
    expect(tokens).toHaveLength(20);
    expect(tokens?.join("")).toBe(choices[0]?.text);
  });

  test("of an echoed prompt: the first token has none, the others those of writing them", async () => {
    const whole = "the cat sat";
    const { choices } = await client.completions.create({
      ...{ model: "tiny", prompt: whole, echo: true, max_tokens: 0, logprobs: 0 },
    });
    const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0]?.logprobs ?? {};
    expect(tokens).toEqual([...whole]);
    expect(text_offset).toEqual([...whole].map((_, k) => k));
    expect([token_logprobs?.[0], top_logprobs?.[0]]).toEqual([null, null]);
    for (let k = 1; k < whole.length; k++) {
      const { choices } = await client.completions.create({
        ...{ model: "tiny", prompt: whole.slice(0, k), max_tokens: 1, logprobs: 5 },
      });
      const top = choices[0]?.logprobs?.top_logprobs?.[0] ?? {};
      const letter = whole[k] as string;
      if (letter in top) expect(token_logprobs?.[k]).toBe(top[letter]);
      expect(top_logprobs?.[k]).toEqual({ [letter]: token_logprobs?.[k] });
    }
  });

  test("of a character that the model does not know stand as -9999: JSON has no infinity", async () => {
    const { choices } = await client.completions.create({
      ...{ model: "tiny", prompt: "a☃", echo: true, max_tokens: 0, logprobs: 1 },
    });
    expect(choices[0]?.logprobs?.token_logprobs).toEqual([null, -9999]);
  });
});

describe("a stream", () => {
  test("joined is the answer at once, log-probabilities included; each choice ends once; the usage comes last", async () => {
    const asked = {
      ...{ model: "pairs", prompt: ["the cat", "a ☃ dog"], n: 2, seed: 6, max_tokens: 30 },
      ...{ logprobs: 2, echo: true, stop: "q" },
    };
    const whole = await client.completions.create(asked);
    const stream = await client.completions.create({
      ...{ ...asked, stream: true, stream_options: { include_usage: true } },
    });
    type Choice = OpenAI.CompletionChoice;
    const joined: Choice[] = [];
    let usage: unknown;
    for await (const chunk of stream) {
      expect(usage).toBeUndefined();
      usage = chunk.usage ?? undefined;
      for (const { index, text, finish_reason, logprobs } of chunk.choices) {
        const one = joined[index];
        expect(one?.finish_reason ?? null).toBeNull();
        if (one === undefined) joined[index] = { index, text, finish_reason, logprobs };
        else {
          one.text += text;
          one.finish_reason = finish_reason;
          for (const key of ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const) {
            const more = logprobs as unknown as Record<typeof key, unknown[]>;
            (one.logprobs as unknown as typeof more)[key].push(...more[key]);
          }
        }
      }
    }
    expect(joined).toEqual(whole.choices);
    expect(usage).toEqual(whole.usage);
  });

  test("comes piece by piece: the first long before the last is written", async () => {
    const asked = { model: "tiny", prompt: "a", max_tokens: 1e8, stream: true } as const;
    let count = 0;
    for await (const _ of await endless.client.completions.create(asked)) if (++count === 3) break;
    expect(count).toBe(3);
    await until(async () => (await slots()) === 0);
    const [line] = endless.lines.filter(({ aborted }) => aborted);
    expect(line?.completionTokens).toBeGreaterThan(2);
    expect(line?.completionTokens).toBeLessThan(1e7);
  });
});

test("an abort stops the work at once", async () => {
  const stop = new AbortController();
  const asked = { model: "tiny", prompt: "a", max_tokens: 1e8 };
  const answer = endless.client.completions.create(asked, { signal: stop.signal });
  await until(async () => (await slots()) === 1);
  stop.abort();
  await expect(answer).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
  await until(async () => (await slots()) === 0);
  const line = endless.lines.find(({ status }) => status === 499);
  expect(line).toMatchObject({ path: "/v1/completions", aborted: true });
  expect(line?.completionTokens).toBeLessThan(1e7);
});

describe("models", () => {
  test("are listed and read", async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id, object, owned_by }) => [id, object, owned_by])).toEqual([
      ["tiny", "model", "unrolled"],
      ["pairs", "model", "unrolled"],
    ]);
    expect(await client.models.retrieve("pairs")).toEqual(data[1]);
  });
});

describe("errors are the client's own classes", () => {
  test.each<[object, string, string]>([
    [{ temperature: 2.5 }, "temperature", "temperature: needs a number from 0 to 2, got 2.5."],
    [{ max_tokens: 1.5 }, "max_tokens", "max_tokens: needs a whole number from 0, got 1.5."],
    [{ n: 0 }, "n", "n: needs a whole number from 1 to 128, got 0."],
    [{ prompt: 5 }, "prompt", "prompt: needs text, a list of texts, tokens, or a list of lists of tokens, got 5."],
    [{ prompt: [0, 9999] }, "prompt", "prompt: token ids of this model go from 0 to 17, got 9999."],
    [{ logprobs: 6 }, "logprobs", "logprobs: needs a whole number from 0 to 5, got 6."],
    [{ stop: Array(129).fill("a") }, "stop", "stop: needs text, or a list of at most 128 texts, got a list of 129"],
    [{ n: 3, best_of: 2 }, "best_of", "best_of: needs at least 3 (n), or null, got 2."],
    [{ n: 1, best_of: 2, stream: true }, "best_of", "best_of: needs 1, the same as n, in a stream"],
    [{ suffix: "end" }, "suffix", 'suffix: needs null: a suffix is not supported, got "end".'],
    [
      { use_beam_search: true },
      "use_beam_search",
      "use_beam_search: needs false: beam search is not supported, got true.",
    ],
    [
      { response_format: { type: "json_object" } },
      "response_format",
      'response_format: needs null or {"type": "text"}',
    ],
    [{ guided_regex: "a+" }, "guided_regex", 'guided_regex: needs null: constrained text is not supported, got "a+".'],
    [{ tools: [{ type: "function" }] }, "tools", "tools: needs null or []: tools are not supported, got a list"],
    [{ tool_choice: "required" }, "tool_choice", 'tool_choice: needs "none" or "auto": tools are not supported'],
    [{ modalities: ["audio"] }, "modalities", 'modalities: needs ["text"]: other outputs are not supported'],
    [{ bad_words: ["a"] }, "bad_words", "bad_words: needs null: use logit_bias with -100, got a list"],
    [{ allowed_token_ids: [1] }, "allowed_token_ids", "allowed_token_ids: needs null: use logit_bias, got a list"],
    [{ truncate_prompt_tokens: 9 }, "truncate_prompt_tokens", "truncate_prompt_tokens: needs null: shorten the prompt"],
    [{ typical_p: 0.5 }, "typical_p", "typical_p: needs 1: use top_p, got 0.5."],
    [{ mirostat: 2 }, "mirostat", "mirostat: needs 0: use top_p, got 2."],
    [{ repetition_penalty: 0 }, "repetition_penalty", "repetition_penalty: needs a number above 0, got 0."],
    [{ top_k: -2 }, "top_k", "top_k: needs a whole number from 1, got -2."],
    [{ logit_bias: { 5: 101 } }, "logit_bias.5", "logit_bias.5: needs a number from -100 to 100, got 101."],
    [
      { logit_bias: { the: 1 } },
      "logit_bias.the",
      "logit_bias.the: needs an object of numbers from -100 to 100 by token id",
    ],
    [
      { logit_bias: [1] },
      "logit_bias",
      "logit_bias: needs an object of numbers from -100 to 100 by token id, got a list",
    ],
    [{ logit_bias: { 18: 1 } }, "logit_bias", "logit_bias: token ids of this model go from 0 to 17, got 18."],
    [
      { logit_bias: Object.fromEntries(Array.from({ length: 17 }, (_, id) => [id + 1, -100])) },
      "logit_bias",
      "logit_bias: it excludes every token.",
    ],
    [
      { max_tokens: 1e6 },
      "max_tokens",
      "max_tokens: 1,000,000 tokens to generate, in all texts together, and the limit of a request is 16,384",
    ],
    [{ prompt: "a".repeat(70_000) }, "prompt", "prompt: 70,000 tokens to read, and the limit of a request is 65,536."],
    [
      { prompt: Array(129).fill("a") },
      "prompt",
      "prompt: 129 texts (prompts times n), and the limit of a request is 128.",
    ],
  ])("BadRequestError, case %#", async (wrong, param, message) => {
    const error = await client.completions.create({ model: "tiny", prompt: "a", ...wrong }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error", param, code: null });
    expect(error.error.message).toContain(message);
  });

  test("what OpenAI has and this has not is taken at its default", async () => {
    const defaults = { best_of: 1, suffix: null, logit_bias: {}, user: "somebody", stop: null, n: null, seed: null };
    const { choices } = await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 3, ...defaults });
    expect(choices[0]?.text).toHaveLength(3);
  });

  test("NotFoundError for a model that there is not", async () => {
    const error = await client.completions.create({ model: "gpt", prompt: "a" }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    expect(error.error.message).toBe('model: there is no model "gpt". The models are tiny, pairs.');
    await expect(client.models.retrieve("gpt")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  test("AuthenticationError for a wrong key and none; each of several keys is let in", async () => {
    const { url, client, get } = await serving({ apiKeys: ["first-key", "second-key"] });
    const withKey = (apiKey: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
    for (const wrong of ["first-ke", "first-keyy", "x"]) {
      const error = await withKey(wrong)
        .models.list()
        .catch((thrown) => thrown);
      expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
      expect(error).toMatchObject({ status: 401, code: "invalid_api_key" });
    }
    expect((await client.models.list()).data).toHaveLength(2);
    expect((await withKey("second-key").models.list()).data).toHaveLength(2);
    for (const path of ["/v1/models", "/metrics", "/openapi.json", "/nothing"]) {
      const { status, headers } = await get(path);
      expect([path, status, headers.get("www-authenticate")]).toEqual([path, 401, "Bearer"]);
    }
    expect((await get("/healthz")).status).toBe(200);
  });

  test("RateLimitError for a full queue, with Retry-After", async () => {
    const { client, post } = await serving({ queue: 1, maxTokens: 1e9 });
    const endless = { model: "tiny", prompt: "a", max_tokens: 1e7 };
    const stops = Array.from({ length: 33 }, () => new AbortController());
    const running = stops.map(({ signal }) => client.completions.create(endless, { signal }).catch((thrown) => thrown));
    await until(async () => {
      const error = await client.completions.create({ ...endless }, { timeout: 5000 }).catch((thrown) => thrown);
      return error instanceof OpenAI.RateLimitError && error.code === "queue_full";
    });
    const answer = await post("/v1/completions", { model: "tiny", prompt: Array(33).fill("a") });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "1"]);
    for (const stop of stops) stop.abort();
    for (const one of await Promise.all(running)) expect(one).toBeInstanceOf(OpenAI.APIUserAbortError);
    const more = () => post("/v1/completions", { model: "tiny", prompt: Array(34).fill("a") });
    await until(async () => (await more()).status !== 429);
    const never = await more();
    expect([never.status, never.headers.get("retry-after")]).toEqual([400, null]);
  });

  test("APIConnectionTimeoutError where the client waits no longer", async () => {
    const early = await endless.client.completions
      .create({ model: "tiny", prompt: "a", max_tokens: 1e8 }, { timeout: 30 })
      .catch((thrown) => thrown);
    expect(early).toBeInstanceOf(OpenAI.APIConnectionTimeoutError);
    await until(async () => (await slots()) === 0);
  });

  test("APIConnectionError where nobody listens", async () => {
    const { client, close } = await serving();
    await close(0);
    await expect(client.models.list()).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
  });
});
