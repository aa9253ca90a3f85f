/** What real clients send: neutral values and fields of other servers are taken, and what would be done otherwise is refused. */
import { describe, expect, test } from "vitest";
import type { WarningLine } from "../../src/server/options.ts";
import { languageModel } from "../../src/tasks/language-model.ts";
import { endOfText } from "../../src/text/tokenizer.ts";
import { textOf } from "../helpers/models.ts";
import { serving, tiny } from "./serving.ts";

const warnings: WarningLine[] = [];
const here = await serving({ warn: (line) => warnings.push(line) });
const base = { model: "tiny", prompt: "the cat", max_tokens: 20, seed: 7 };

const answerOf = (options: Parameters<typeof textOf>[1] = {}, lm = tiny) =>
  textOf(lm, { prompt: "the cat", length: 20, seed: 7, ...options });
/** All at once and as a stream, which have to be the same. */
async function answered(body: object): Promise<string> {
  const at = await here.post("/v1/completions", { ...base, ...body });
  const json = await at.json();
  expect([at.status, json.error]).toEqual([200, undefined]);
  const stream = await here.client.completions.create({ ...base, ...body, stream: true });
  let streamed = "";
  for await (const { choices } of stream) streamed += choices[0]?.text ?? "";
  expect(streamed).toBe(json.choices[0].text);
  return streamed;
}

describe("neutral values mean what leaving them out means", () => {
  test.each<[object]>([
    [{ top_k: 0 }],
    [{ top_k: -1 }],
    [{ stop: "" }],
    [{ stop: [] }],
    [{ logprobs: false }],
    [{ logit_bias: {} }],
    [{ logit_bias: { 3: 0 } }],
    [{ repetition_penalty: 1 }],
    [{ presence_penalty: 0, frequency_penalty: 0, top_p: 1, min_p: 0, temperature: 1, n: 1, best_of: 1, echo: false }],
    [{ suffix: "", use_beam_search: false, response_format: { type: "text" }, grammar: "", ignore_eos: false }],
    [{ stream_options: null, user: "somebody" }],
    [{ max_completion_tokens: 20, max_tokens: 3 }],
  ])("%j", async (body) => {
    expect(await answered(body)).toBe(await answerOf());
  });

  test("null, of every field that there is but model and seed", async () => {
    const document = await (await here.get("/openapi.json")).json();
    const names = Object.keys(document.components.schemas.CompletionRequest.properties);
    expect(names.length).toBeGreaterThan(30);
    const nulls = Object.fromEntries(names.map((name) => [name, null]));
    const answer = await here.post("/v1/completions", { ...nulls, ...base, max_tokens: null });
    expect([answer.status, (await answer.json()).choices?.[0].text]).toEqual([200, await answerOf({ length: 16 })]);
  });

  test("a seed of -1 is none", async () => {
    const texts = await Promise.all([1, 2, 3].map(() => answeredOnce({ seed: -1, max_tokens: 40 })));
    expect(new Set(texts).size).toBe(3);
  });
});

async function answeredOnce(body: object): Promise<string> {
  return (await (await here.post("/v1/completions", { ...base, ...body })).json()).choices[0].text;
}

describe("what other servers take", () => {
  test("five stop strings, and 128", async () => {
    const text = await answerOf({ length: 60 });
    const stop = [...Array.from({ length: 127 }, (_, k) => `${k}#`), text.slice(30, 33)];
    const at = text.indexOf(stop[127] as string);
    expect(await answered({ max_tokens: 60, stop })).toBe(text.slice(0, at));
    expect(await answered({ max_tokens: 60, stop: [..."#$%&", text.slice(30, 33)] })).toBe(text.slice(0, at));
  });

  test("repetition_penalty is Hugging Face's, of what was read and written", async () => {
    const text = await answerOf({ repetitionPenalty: 30 });
    expect(text).not.toBe(await answerOf());
    expect(await answered({ repetition_penalty: 30 })).toBe(text);
  });

  test("logit_bias adds to tokens by id; -100 keeps one out, also where it is the likeliest", async () => {
    const bias = { 2: 2.5, 5: -3 };
    expect(await answered({ logit_bias: bias })).toBe(await answerOf({ logitBias: bias }));
    const { tokens } = await (await here.post("/tokenize", { model: "tiny", prompt: "t" })).json();
    const without = await answered({ logit_bias: { [tokens[0]]: -100 }, max_tokens: 200 });
    expect(await answered({ max_tokens: 200 })).toContain("t");
    expect(without).not.toContain("t");
    expect(await answered({ logit_bias: { [tokens[0]]: 100 }, max_tokens: 8 })).toBe("tttttttt");
  });

  test("ignore_eos: the end of a text is never written", async () => {
    const lm = languageModel(["ab\n", "ba\n", "abab\n"], { units: 6, embedding: 3, seed: 2 });
    expect(endOfText(lm.tokenizer)).toBeDefined();
    const { post } = await serving({}, { lm });
    const write = async (body: object) => {
      const answer = await post("/v1/completions", { model: "lm", prompt: "a", max_tokens: 200, seed: 1, ...body });
      return (await answer.json()).choices[0];
    };
    expect((await write({})).finish_reason).toBe("stop");
    const { text, finish_reason } = await write({ ignore_eos: true });
    expect([finish_reason, text.length]).toEqual(["length", 200]);
  });

  test("logprobs true is 1, as vLLM takes it", async () => {
    const answer = await here.post("/v1/completions", { ...base, logprobs: true });
    const [{ logprobs }] = (await answer.json()).choices;
    expect(logprobs.tokens).toHaveLength(20);
    expect(Object.keys(logprobs.top_logprobs[0]).length).toBeLessThanOrEqual(2);
  });
});

describe("fields that are not known", () => {
  test("are ignored, and each is told of once, whatever route and request it comes in", async () => {
    warnings.length = 0;
    const unknown = { metadata: { a: 1 }, store: true, min_new_things: 5, service_tier: "auto", __proto__x: 1 };
    for (let k = 0; k < 3; k++) expect(await answeredOnce(unknown)).toBe(await answerOf());
    await here.post("/v1/unrolled/inspect", { model: "tiny", text: "a", metadata: {}, other: 1 });
    const said = warnings.map(({ warning }) => warning);
    expect(said).toEqual([
      ...Object.keys(unknown).map(
        (name) => `/v1/completions: the unknown field "${name}" is ignored. This is reported once.`,
      ),
      '/v1/unrolled/inspect: the unknown field "other" is ignored. This is reported once.',
    ]);
    expect(warnings[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  test("are not told of without end: 100 names, of 60 characters each", async () => {
    const told: WarningLine[] = [];
    const { post } = await serving({ warn: (line) => told.push(line) });
    for (let k = 0; k < 5; k++) {
      const many = Object.fromEntries(
        Array.from({ length: 50 }, (_, name) => [`${50 * k + name}${"x".repeat(500)}`, 1]),
      );
      expect((await post("/v1/completions", { ...base, ...many })).status).toBe(200);
    }
    expect(told).toHaveLength(101);
    expect(told.at(-1)?.warning).toBe("100 fields were ignored; further ones are not reported.");
    for (const { warning } of told) expect(warning.length).toBeLessThan(150);
  });

  test("of a request that is refused are not told of", async () => {
    const told: WarningLine[] = [];
    const { post } = await serving({ warn: (line) => told.push(line) });
    expect((await post("/v1/completions", { ...base, n: 0, odd: 1 })).status).toBe(400);
    expect(told).toEqual([]);
  });

  test("sessions take them too, and refuse what they cannot do", async () => {
    const session = await here.post("/v1/unrolled/sessions", { model: "tiny", prompt: "the cat", store: true });
    const { id } = await session.json();
    const path = `/v1/unrolled/sessions/${id}/completions`;
    const written = await here.post(path, { max_completion_tokens: 20, seed: 7, n: 1, echo: false, odd: 1, top_k: 0 });
    expect((await written.json()).choices[0].text).toBe(await answerOf());
    for (const wrong of [{ n: 2 }, { best_of: 3 }, { echo: true }, { suffix: "x" }]) {
      const answer = await here.post(path, wrong);
      expect([answer.status, (await answer.json()).error.param]).toEqual([400, Object.keys(wrong)[0]]);
    }
  });
});

describe("what clients send", () => {
  test.each<[string, object]>([
    ["openai's own", { model: "tiny", prompt: "the cat" }],
    ["LangChain's", { model: "tiny", n: 1, stream: false, prompt: ["the cat"] }],
    ["Vercel's", { model: "tiny", prompt: "user:\nthe cat\n\nassistant:\n", stop: ["\nuser:"] }],
    [
      "one that measures models",
      { model: "tiny", prompt: [[1, 2, 3]], max_tokens: 1, temperature: 0, logprobs: 1, seed: 1234, echo: true },
    ],
    [
      "one that measures servers",
      {
        ...{ model: "tiny", prompt: "the cat", temperature: 0, repetition_penalty: 1, max_tokens: 8, logprobs: null },
        ...{ stream: false, ignore_eos: true },
      },
    ],
    [
      "one for stories",
      {
        ...{ model: "tiny", prompt: "the cat", max_new_tokens: 80, max_tokens: 80, temperature: 0.7, top_p: 0.5 },
        ...{ typical_p: 1, sampler_seed: -1, min_p: 0, repetition_penalty: 1.2, frequency_penalty: 0, top_k: -1 },
        ...{ presence_penalty: 0, min_tokens: 0, num_beams: 1, length_penalty: 1, skip_special_tokens: true },
        ...{ add_bos_token: true, stop: ["\nA:", "\nB:", "\nC:", "\nD:", "\n***"], ignore_eos: false, n: 1 },
        ...{ best_of: 1, seed: -1, grammar: "", json_schema: null, logit_bias: null, dry_base: 1.75 },
      },
    ],
  ])("%s is answered", async (_, body) => {
    const answer = await here.post("/v1/completions", body);
    expect([answer.status, (await answer.json()).error?.message]).toEqual([200, undefined]);
  });
});
