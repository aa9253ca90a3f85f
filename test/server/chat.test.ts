/** What OpenAI's own client gets for messages. */
import OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { conversationOf } from "../../src/server/completions/chat.ts";
import type { LanguageModel } from "../../src/tasks/language-model.ts";
import { textOf } from "../helpers/models.ts";
import { until } from "../helpers/waiting.ts";
import { serving, tiny } from "./serving.ts";

const here = await serving({ maxTokens: 1e9 });
const { client, post } = here;
type Params = OpenAI.ChatCompletionCreateParamsNonStreaming;
const user = (content: string): OpenAI.ChatCompletionMessageParam => ({ role: "user", content });
const base = { model: "tiny", messages: [user("the cat")], seed: 7 } satisfies Params;

const answerOf = (prompt: string, options: Parameters<typeof textOf>[1] = {}, lm: LanguageModel = tiny) =>
  textOf(lm, { prompt, length: 256, seed: 7, ...options });
const written = async (more: object) => (await client.chat.completions.create({ ...base, ...more })).choices[0];

describe("messages become one text", () => {
  test("without a template their contents are its lines, and the answer goes on from the end; 256 tokens where no number is given", async () => {
    const { id, object, model, choices, usage } = await client.chat.completions.create(base);
    expect(id).toMatch(/^chatcmpl-/);
    expect({ object, model, choices, usage }).toEqual({
      ...{ object: "chat.completion", model: "tiny" },
      choices: [
        {
          ...{ index: 0, finish_reason: "length", logprobs: null },
          message: { role: "assistant", content: await answerOf("the cat"), refusal: null },
        },
      ],
      usage: { prompt_tokens: 7, completion_tokens: 256, total_tokens: 263 },
    });
    const messages = [
      { role: "system", content: "a dog" },
      user("the\r\ncat"),
      { role: "assistant", content: null },
      {
        role: "user",
        content: [
          { type: "text", text: "on the" },
          { type: "text", text: "mat" },
        ],
      },
    ] as Params["messages"];
    const choice = await written({ messages, max_completion_tokens: 9 });
    expect(choice?.message.content).toBe(await answerOf("a dog\nthe\ncat\n\non the\nmat", { length: 9 }));
  });

  test("with one each is written as it says, and an answer begins and ends as one there does", async () => {
    const messages = [
      { role: "system", content: "a cat" },
      { role: "user", content: "a {role} {content}" },
    ] as Parameters<typeof conversationOf>[0];
    expect(conversationOf(messages, "{role}: {content}\n")).toEqual({
      ...{ prompt: "system: a cat\nuser: a {role} {content}\nassistant: ", stop: ["\n"] },
    });
    expect(conversationOf(messages, "<{role}>{content}</{role}>")).toEqual({
      prompt: "<system>a cat</system><user>a {role} {content}</user><assistant>",
      stop: ["</assistant>"],
    });
    expect(conversationOf(messages, "{content}")).toEqual({ prompt: "a cata {role} {content}", stop: [] });
    const templated = await serving({ chatTemplate: "{content} {role}.\n" });
    const { choices } = await templated.client.chat.completions.create({ ...base, max_tokens: 200 });
    const alone = await answerOf("the cat user.\n", { length: 200, stop: " assistant.\n" });
    expect(choices[0]?.message.content).toBe(alone);
  });

  test("a template ends an answer, beside the stop strings of the request", async () => {
    const templated = await serving({ chatTemplate: "{content}\n" });
    const whole = await answerOf("the cat\n", { length: 200 });
    const line = whole.indexOf("\n");
    expect(line).toBeGreaterThan(0);
    const ask = async (more: object) =>
      (await templated.client.chat.completions.create({ ...base, max_tokens: 200, ...more })).choices[0];
    expect(await ask({})).toMatchObject({ message: { content: whole.slice(0, line) }, finish_reason: "stop" });
    const stop = whole.slice(1, 3);
    expect((await ask({ stop }))?.message.content).toBe(whole.slice(0, whole.indexOf(stop)));
  });
});

describe("a chat takes", () => {
  test("how tokens are drawn, n, stop, both names of the length", async () => {
    const length = 30;
    expect((await written({ max_tokens: length }))?.message.content).toBe(await answerOf("the cat", { length }));
    expect((await written({ max_completion_tokens: length, max_tokens: 2 }))?.message.content).toHaveLength(length);
    const drawn = {
      temperature: 1.7,
      top_p: 0.8,
      presence_penalty: 0.5,
      frequency_penalty: -0.3,
      logit_bias: { 3: 2 },
    };
    expect((await written({ ...drawn, max_tokens: length }))?.message.content).toBe(
      await answerOf("the cat", {
        ...{ length, temperature: 1.7, topP: 0.8, presencePenalty: 0.5, frequencyPenalty: -0.3, logitBias: { 3: 2 } },
      }),
    );
    const { choices } = await client.chat.completions.create({ ...base, n: 3, max_tokens: 9 });
    for (const [k, { index, message }] of choices.entries()) {
      expect([index, message.content]).toEqual([k, await answerOf("the cat", { length: 9, seed: 7 + k })]);
    }
    const whole = await answerOf("the cat");
    const stop = whole.slice(9, 11);
    expect(await written({ stop })).toMatchObject({
      ...{ message: { content: whole.slice(0, whole.indexOf(stop)) }, finish_reason: "stop" },
    });
  });

  test("logprobs: of each token its name, its bytes, and the likeliest ones with theirs", async () => {
    const asked = { model: "pairs", messages: [user("the c")], max_tokens: 30, seed: 2, logprobs: true };
    const { choices } = await client.chat.completions.create({ ...asked, top_logprobs: 3 });
    const [choice] = choices;
    const legacy = await client.completions.create({
      ...{ model: "pairs", prompt: "the c", max_tokens: 30, seed: 2, logprobs: 3 },
    });
    const content = choice?.logprobs?.content ?? [];
    const { tokens, token_logprobs, top_logprobs } = legacy.choices[0]?.logprobs ?? {};
    expect(content.map(({ token }) => token)).toEqual(tokens);
    expect(content.map(({ logprob }) => logprob)).toEqual(token_logprobs);
    for (const [k, { top_logprobs: top }] of content.entries()) {
      const likeliest = Object.entries(top_logprobs?.[k] ?? {}).sort(([, a], [, b]) => b - a);
      expect(top.map(({ token, logprob }) => [token, logprob])).toEqual(likeliest.slice(0, 3));
    }
    const bytes = content.flatMap(({ bytes }) => bytes ?? []);
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(choice?.message.content);
    const none = await client.chat.completions.create(asked);
    for (const { top_logprobs } of none.choices[0]?.logprobs?.content ?? []) expect(top_logprobs).toEqual([]);
  });

  test("parts of a character are bytes", async () => {
    const { choices } = await client.chat.completions.create({
      ...{ model: "pairs", messages: [user("é")], max_tokens: 40, seed: 1, temperature: 2, logprobs: true },
      top_logprobs: 20,
    });
    const all = choices[0]?.logprobs?.content?.flatMap(({ top_logprobs }) => top_logprobs) ?? [];
    const parts = all.filter(({ token }) => token.startsWith("bytes:"));
    expect(parts.length).toBeGreaterThan(0);
    for (const { token, bytes } of parts) {
      expect(token).toBe(`bytes:${(bytes ?? []).map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`);
    }
  });

  test("what clients send and it does nothing with", async () => {
    const neutral = {
      ...{ tools: [], tool_choice: "auto", functions: [], function_call: "none", parallel_tool_calls: true },
      ...{ response_format: { type: "text" }, modalities: ["text"], audio: null, store: false, metadata: {} },
      ...{ service_tier: "auto", reasoning_effort: null, top_logprobs: 0, logprobs: false, user: "somebody" },
      ...{ stop: "", top_k: -1, prediction: { type: "content", content: "x" }, verbosity: "low" },
    };
    const answer = await post("/v1/chat/completions", { ...base, ...neutral });
    expect([answer.status, (await answer.json()).choices?.[0].message.content]).toEqual([
      200,
      await answerOf("the cat"),
    ]);
  });
});

describe("a stream", () => {
  test("is chunks: the role, then what is new; joined it is the answer at once; the usage comes last", async () => {
    const asked = { ...base, model: "pairs", n: 2, max_tokens: 40, logprobs: true, top_logprobs: 1, stop: "q" };
    const whole = await client.chat.completions.create(asked);
    const stream = await client.chat.completions.create({
      ...{ ...asked, stream: true, stream_options: { include_usage: true } },
    });
    const joined = whole.choices.map(({ index }) => ({
      ...{ index, finish_reason: null as string | null, message: { role: "", content: "", refusal: null } },
      logprobs: { content: [] as unknown[], refusal: null },
    }));
    let usage: unknown;
    for await (const chunk of stream) {
      expect(chunk.object).toBe("chat.completion.chunk");
      expect(usage).toBeUndefined();
      usage = chunk.usage ?? undefined;
      for (const { index, delta, finish_reason, logprobs } of chunk.choices) {
        const one = joined[index] as (typeof joined)[number];
        expect(one.finish_reason).toBeNull();
        // The role comes once, and first.
        expect([delta.role ?? "", delta.content ?? ""].includes("assistant")).toBe(one.message.role === "");
        one.message.role ||= delta.role ?? "";
        one.message.content += delta.content ?? "";
        one.finish_reason = finish_reason;
        one.logprobs.content.push(...(logprobs?.content ?? []));
      }
    }
    expect(joined).toEqual(whole.choices);
    expect(usage).toEqual(whole.usage);
  });

  test("through the client's own helper, which puts it together", async () => {
    const stream = client.chat.completions.stream({ ...base, max_tokens: 50 });
    let text = "";
    stream.on("content", (delta) => {
      text += delta;
    });
    const final = await stream.finalChatCompletion();
    expect([text, final.choices[0]?.message.content]).toEqual(Array(2).fill(await answerOf("the cat", { length: 50 })));
  });

  test("that is left stops the work", async () => {
    let count = 0;
    const stream = await client.chat.completions.create({ ...base, max_tokens: 1e8, stream: true });
    for await (const _ of stream) if (++count === 3) break;
    await until(async () => (await here.figure('unrolled_lanes_in_use{model="tiny"}')) === 0);
    expect(here.lines.at(-2)?.completionTokens).toBeLessThan(1e7);
  });

  test("whose time is over ends with length", async () => {
    const hurried = await serving({ timeoutMs: 200, maxTokens: 1e9 });
    const stream = await hurried.client.chat.completions.create({ ...base, max_tokens: 1e8, stream: true });
    let reason: unknown = null;
    for await (const { choices } of stream) reason = choices[0]?.finish_reason;
    expect(reason).toBe("length");
  });
});

describe("what cannot be done is refused by name", () => {
  const tool = { type: "function", function: { name: "f" } };
  const part = (one: object) => ({ messages: [{ role: "user", content: [{ type: "text", text: "a" }, one] }] });
  test.each<[object, string, string]>([
    [{ tools: [tool] }, "tools", "tools: needs null or []: tools are not supported, got a list of 1."],
    [{ functions: [{ name: "f" }] }, "functions", "functions: needs null or []"],
    [{ tool_choice: "required" }, "tool_choice", 'tool_choice: needs "none" or "auto": tools are not supported'],
    [{ function_call: { name: "f" } }, "function_call", 'function_call: needs "none" or "auto"'],
    [{ modalities: ["text", "audio"] }, "modalities", 'modalities: needs ["text"]: other outputs are not supported'],
    [{ audio: { voice: "x", format: "wav" } }, "audio", "audio: needs null: audio is not supported, got an object."],
    [
      { response_format: { type: "json_schema" } },
      "response_format",
      'response_format: needs null or {"type": "text"}',
    ],
    [{ web_search_options: {} }, "web_search_options", "web_search_options: needs null: web search is not supported"],
    [
      part({ type: "image_url", image_url: { url: "x" } }),
      "messages.0.content.1.type",
      'messages.0.content.1.type: needs "text": images, audio and files are not supported, got "image_url".',
    ],
    [part({ type: "text" }), "messages.0.content.1", 'messages.0.content.1: needs "text", got nothing.'],
    [
      { messages: [{ role: "assistant", content: null, tool_calls: [{ id: "1", ...tool }] }] },
      "messages.0.tool_calls",
      "messages.0.tool_calls: needs null or []",
    ],
    [{ messages: [] }, "messages", "messages: needs at least one message"],
    [{ messages: undefined }, "messages", "messages: needs a list of messages, got nothing."],
    [{ messages: "hello" }, "messages", 'messages: needs a list of messages, got "hello".'],
    [
      { messages: [{ content: "a" }] },
      "messages.0.role",
      "messages.0.role: needs a role such as system, user or assistant",
    ],
    [
      { messages: [{ role: "user", content: 5 }] },
      "messages.0.content",
      "messages.0.content: needs text, or a list of",
    ],
    [{ top_logprobs: 3 }, "top_logprobs", "top_logprobs: needs logprobs to be true."],
    [{ logprobs: true, top_logprobs: 21 }, "top_logprobs", "top_logprobs: needs a whole number from 0 to 20, got 21."],
    [{ n: 129 }, "n", "n: needs a whole number from 1 to 128, got 129."],
    [{ max_completion_tokens: 1e10 }, "max_tokens", "max_tokens: 10,000,000,000 tokens to generate"],
    [{ stream_options: {} }, "stream_options", "stream_options: needs stream to be true."],
  ])("case %#", async (wrong, param, message) => {
    const error = await client.chat.completions.create({ ...base, ...wrong } as Params).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error.error.message).toContain(message);
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error", param, code: null });
  });

  test("a model that there is not", async () => {
    const error = await client.chat.completions.create({ ...base, model: "gpt" }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
  });

  test("a template without a place for the content, or with two, is no option", async () => {
    for (const chatTemplate of ["{role}", "", "{content}{content}"]) {
      await expect(serving({ chatTemplate })).rejects.toThrow(
        'chatTemplate must be a text with "{content}" in it, once',
      );
    }
  });
});

describe("tokens", () => {
  const json = async (path: string, body: object) => {
    const answer = await post(path, body);
    return { status: answer.status, ...(await answer.json()) };
  };

  test("of a text are told, and the text of tokens, there and back", async () => {
    for (const text of ["the cat sat", "", "é☃\r\n", "a dog ran here, and there!"]) {
      const told = await json("/tokenize", { model: "pairs", prompt: text });
      expect(told).toMatchObject({ status: 200, count: told.tokens.length, max_model_len: 65_536, token_strs: null });
      const back = await json("/detokenize", { model: "pairs", tokens: told.tokens });
      expect(back).toEqual({ status: 200, prompt: text.replaceAll("\r\n", "\n") });
      const completion = await client.completions.create({ model: "pairs", prompt: text, max_tokens: 0 });
      expect(completion.usage?.prompt_tokens).toBe(told.count);
    }
  });

  test("with their texts where they are asked for, and of messages as of a chat", async () => {
    const { tokens, token_strs } = await json("/tokenize", {
      ...{ model: "pairs", prompt: "the ☃ sat", return_token_strs: true, add_special_tokens: false },
    });
    expect(token_strs.join("")).toBe("the ☃ sat");
    expect(token_strs).toHaveLength(tokens.length);
    const messages = [user("the cat"), { role: "user", content: [{ type: "text", text: "sat" }] }];
    const chat = await json("/tokenize", { model: "tiny", messages });
    expect(chat.tokens).toEqual((await json("/tokenize", { model: "tiny", prompt: "the cat\nsat" })).tokens);
    const { usage } = await client.chat.completions.create({ ...base, messages: messages as Params["messages"] });
    expect(usage?.prompt_tokens).toBe(chat.count);
  });

  test("that there are not, and requests without text, are refused", async () => {
    const wrong = async (path: string, body: object) => (await json(path, { model: "tiny", ...body })).error?.message;
    expect(await wrong("/detokenize", { tokens: [1, 18] })).toBe(
      "tokens: token ids of this model go from 0 to 17, got 18.",
    );
    expect(await wrong("/detokenize", { tokens: [-1] })).toContain("tokens.0: needs tokens, whole numbers from 0");
    expect(await wrong("/detokenize", {})).toBe("tokens: needs a list of tokens, got nothing.");
    expect(await wrong("/tokenize", {})).toBe("prompt: needs text, or messages instead.");
    expect(await wrong("/tokenize", { prompt: "a", messages: [user("a")] })).toContain(
      "prompt: needs text, or messages",
    );
    expect(await wrong("/tokenize", { model: "gpt", prompt: "a" })).toContain('there is no model "gpt"');
  });
});
