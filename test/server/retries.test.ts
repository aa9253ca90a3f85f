/** Which errors a client tries again, and what it is given where the time is over. */
import { once } from "node:events";
import { connect } from "node:net";
import OpenAI from "openai";
import { describe, expect, test, vi } from "vitest";
import { Batcher } from "../../src/server/batcher.ts";
import { ApiError, type ErrorKind, statusOf } from "../../src/server/errors.ts";
import { generate } from "../../src/tasks/generate.ts";
import { until } from "../helpers/waiting.ts";
import { book, serving, tiny } from "./serving.ts";

/** A server whose requests may take 300 ms, and a client that tries three times in all. */
const hurried = await serving({
  timeoutMs: 300,
  maxTokens: 1e9,
  maxPromptTokens: 1e7,
  maxBodyBytes: 1e7,
  stallMs: 60_000,
});
const persistent = (of: { url: string }, apiKey = "none") =>
  new OpenAI({ baseURL: `${of.url}/v1`, apiKey, maxRetries: 2 });
const endless = { model: "tiny", prompt: "a", max_tokens: 1e8, seed: 4 };
/** Longer than 300 ms can read: a step takes some microseconds. */
const tooLong = { model: "tiny", prompt: book.repeat(10_000).slice(0, 4e6), max_tokens: 1 };

async function beginsAs(text: string, options: Parameters<typeof generate>[1]): Promise<void> {
  let whole = "";
  for await (const piece of generate(tiny, { length: Math.min(300, text.length), ...options })) whole += piece;
  expect(whole.length).toBeGreaterThan(0);
  expect(text.slice(0, whole.length)).toBe(whole);
}

describe("where the time is over", () => {
  test("what was written by then is the answer, with finish_reason length, and is asked for once", async () => {
    const before = hurried.lines.length;
    const { choices, usage } = await persistent(hurried).completions.create({ ...endless, n: 2, logprobs: 0 });
    expect(choices.map(({ finish_reason }) => finish_reason)).toEqual(["length", "length"]);
    for (const [k, { text, logprobs }] of choices.entries()) {
      await beginsAs(text, { prompt: "a", seed: 4 + k });
      expect(logprobs?.tokens?.join("")).toBe(text);
    }
    const length = choices.reduce((total, { text }) => total + text.length, 0);
    expect(usage).toEqual({ prompt_tokens: 1, completion_tokens: length, total_tokens: length + 1 });
    expect(hurried.lines.length - before).toBe(1);
    expect(hurried.lines.at(-1)).toMatchObject({ status: 200, completionTokens: length });
  });

  test("a body that comes little by little, and has not by then, came too slowly: 408, which may be tried again", async () => {
    const socket = connect(hurried.port, "127.0.0.1");
    socket.setEncoding("utf8");
    socket.write("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n");
    socket.write("Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n");
    const more = setInterval(() => socket.write(" "), 20);
    const [answer] = (await once(socket, "data")) as [string];
    clearInterval(more);
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*x-should-retry: true.*too slowly.*0\.3 s.*"code":"request_timeout"/is);
  });

  test("a stream ends as well: each choice with length, the usage, [DONE]", async () => {
    const asked = { ...endless, n: 2, stream: true, stream_options: { include_usage: true } };
    const text = await (await hurried.post("/v1/completions", asked)).text();
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    const events = text
      .split("\n\n")
      .slice(0, -2)
      .map((event) => JSON.parse(event.slice("data: ".length)));
    expect(events.every(({ error }) => error === undefined)).toBe(true);
    const reasons = events.flatMap(({ choices }) =>
      choices.map((one: { finish_reason: unknown }) => one.finish_reason),
    );
    expect(reasons.filter((reason) => reason === "length")).toHaveLength(2);
    const written = events.flatMap(({ choices }) => choices.map((one: { text: string }) => one.text)).join("");
    expect(events.at(-1).usage.completion_tokens).toBe(written.length);
  });

  test("what might have become a stop string is told too", async () => {
    // Every letter may be the beginning of one.
    const stop = [...new Set(book)].slice(0, 20).map((letter) => `${letter}#`);
    const [choice] = (await (await hurried.post("/v1/completions", { ...endless, stop })).json()).choices;
    expect(choice.finish_reason).toBe("length");
    expect(hurried.lines.at(-1)?.completionTokens).toBe(choice.text.length);
  });

  test("best_of chooses among what there is", async () => {
    const answer = await hurried.post("/v1/completions", { ...endless, best_of: 3 });
    const { choices } = await answer.json();
    expect([answer.status, choices.length, choices[0].finish_reason]).toEqual([200, 1, "length"]);
  });

  test("a session goes on from what it answered", async () => {
    const path = "/v1/unrolled/sessions";
    const { id } = await (await hurried.post(path, { model: "tiny", prompt: "the c" })).json();
    const asked = async (body: object) =>
      (await (await hurried.post(`${path}/${id}/completions`, body)).json()).choices[0];
    const first = await asked({ max_tokens: 1e8, seed: 2 });
    expect(first.finish_reason).toBe("length");
    const second = await asked({ max_tokens: 9, temperature: 0 });
    const whole = await hurried.post("/v1/completions", {
      ...{ model: "tiny", prompt: `the c${first.text}`, max_tokens: 9, temperature: 0 },
    });
    expect(second.text).toBe((await whole.json()).choices[0].text);
  });

  test("a prompt that takes longer to read is an error that is not tried again: the same takes as long", async () => {
    const before = hurried.lines.length;
    const error = await persistent(hurried)
      .completions.create(tooLong)
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 503, code: "timeout" });
    expect(error.headers.get("x-should-retry")).toBe("false");
    expect(error.headers.get("retry-after")).toBeNull();
    expect(hurried.lines.length - before).toBe(1);
  });

  test("one that had no slot all the time found the server overloaded, which passes", async () => {
    const taken = [
      vi.spyOn(Batcher.prototype, "slotsInUse", "get").mockReturnValue(32),
      vi.spyOn(Batcher.prototype as unknown as { schedule: () => void }, "schedule").mockReturnValue(),
    ];
    const second = await hurried.post("/v1/completions", endless).finally(() => {
      for (const one of taken) one.mockRestore();
    });
    expect([second.status, (await second.json()).error]).toEqual([
      503,
      {
        ...{ type: "server_error", code: "overloaded", param: null },
        message: "the request took longer than the limit of 0.3 s. It was waiting for other requests all the time.",
      },
    ]);
    expect([second.headers.get("x-should-retry"), second.headers.get("retry-after")]).toEqual(["true", "5"]);
  });
});

test("every error says whether the same request may succeed later, and when", () => {
  const kinds: Record<ErrorKind, string | undefined> = {
    ...{ invalid: "false", invalid_api_key: "false", host_not_allowed: "false", not_found: "false" },
    ...{ model_not_found: "false", session_not_found: "false", method_not_allowed: "false", session_busy: "true" },
    ...{ state_mismatch: "false", memory_full: "true", too_many_connections: "true" },
    ...{ too_large: "false", media_type: "false", queue_full: "true", session_limit: "true", aborted: undefined },
    ...{ request_timeout: "true", content_encoding: "false", expectation_failed: "false", headers_too_large: "false" },
    ...{ no_session_key: "false", session_token_malformed: "false", session_token_version: "false" },
    ...{ session_token_key: "false", session_token_altered: "false", session_token_model: "false" },
    ...{ session_token_client: "false", session_token_expired: "false", session_token_too_long: "false" },
    ...{ internal: "false", model_broken: "false", shutting_down: "true", overloaded: "true", timeout: "false" },
  };
  for (const [kind, retry] of Object.entries(kinds) as [ErrorKind, string | undefined][]) {
    const { headers } = new ApiError(kind, "wrong.");
    expect([kind, headers["x-should-retry"]]).toEqual([kind, retry]);
    expect([kind, Number(headers["Retry-After"] ?? 0) > 0]).toEqual([kind, retry === "true"]);
    // What a client tries again by its status alone is exactly what needs a word.
    if ([408, 409, 429].includes(statusOf(kind)) || statusOf(kind) >= 500) expect(retry).toBeDefined();
  }
});

describe("OpenAI's client with two retries", () => {
  test.each<[string, object, number]>([
    ["a wrong field", { ...endless, n: 0 }, 1],
    ["a model that there is not", { ...endless, model: "none" }, 1],
    ["too much", { ...endless, max_tokens: 1e10 }, 1],
  ])("%s: asks once", async (_, body, requests) => {
    const { url, lines } = await serving({ maxTokens: 1e9 });
    await expect(persistent({ url }).completions.create(body as typeof endless)).rejects.toBeInstanceOf(
      OpenAI.APIError,
    );
    expect(lines).toHaveLength(requests);
  });

  test("a full queue: asks three times, a second apart", async () => {
    const full = await serving({ queue: 0, maxTokens: 1e9 });
    const stop = new AbortController();
    const running = full.client.completions
      .create({ ...endless, n: 32, max_tokens: 1e7 }, { signal: stop.signal })
      .catch((thrown) => thrown);
    await until(async () => (await full.figure('unrolled_lanes_in_use{model="tiny"}')) === 32);
    const before = full.lines.filter(({ status }) => status === 429).length;
    const error = await persistent(full)
      .completions.create(endless)
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error.headers.get("retry-after")).toBe("1");
    expect(full.lines.filter(({ status }) => status === 429).length - before).toBe(3);
    stop.abort();
    await running;
  });

  test("a full queue: is told before the body has come, unless another model has room", async () => {
    const full = await serving({ queue: 0, maxTokens: 1e9 });
    const stop = new AbortController();
    const asked = { prompt: "a", n: 32, max_tokens: 1e7 };
    const fill = (model: string) =>
      full.client.completions.create({ ...asked, model }, { signal: stop.signal }).catch((thrown) => thrown);
    const slots = (model: string) => full.figure(`unrolled_lanes_in_use{model="${model}"}`);
    const running = [fill("tiny")];
    await until(async () => (await slots("tiny")) === 32);
    /** Of a body of which nothing comes for a while. */
    const answered = async (path: string): Promise<string> => {
      const socket = connect(full.port, "127.0.0.1");
      socket.setEncoding("utf8");
      socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n`);
      socket.write("Content-Type: application/json\r\nContent-Length: 16\r\n\r\n");
      const late = setTimeout(() => socket.write('{"model":"none"}'), 200);
      const [answer] = (await once(socket, "data")) as [string];
      clearTimeout(late);
      socket.destroy();
      return answer.slice(9, 12);
    };
    expect(await answered("/v1/completions")).toBe("404");
    running.push(fill("pairs"));
    await until(async () => (await slots("pairs")) === 32);
    expect(await Promise.all(["/v1/completions", "/v1/chat/completions"].map(answered))).toEqual(["429", "429"]);
    expect(await answered("/tokenize")).toBe("400");
    stop.abort();
    await Promise.all(running);
  });
});
