/** Streams that are silent for long. */
import { describe, expect, test, vi } from "vitest";
import { type ApiError, apiErrorOf } from "../../src/server/errors.ts";
import { keepAlive } from "../../src/server/keep-alive.ts";
import { GenerationEngine } from "../../src/tasks/generation-engine.ts";
import { collect } from "../helpers/models.ts";
import { pause, until } from "../helpers/waiting.ts";
import { serving } from "./serving.ts";

const silentFor = (ms: number) => ({ ms, fail: (error: unknown): ApiError => apiErrorOf(error, "a-request") });
const comment = ": keep-alive\n\n";
async function* spoken(log: string[], ...parts: readonly (string | number)[]): AsyncGenerator<string, void> {
  try {
    for (const part of parts) {
      if (typeof part === "number") await pause(part);
      else yield part;
    }
  } finally {
    log.push("ended");
  }
}

describe("events", () => {
  test("that come in time are left alone", async () => {
    const log: string[] = [];
    expect(await collect(await keepAlive(Promise.resolve(spoken(log, "a", "b")), silentFor(10_000)))).toEqual([
      "a",
      "b",
    ]);
    expect(log).toEqual(["ended"]);
  });

  test("that do not have comments before, between and after them", async () => {
    const log: string[] = [];
    const starting = pause(100).then(() => spoken(log, "a", 100, "b", 100));
    const all = await collect(await keepAlive(starting, silentFor(10)));
    expect(all.filter((one) => one !== comment)).toEqual(["a", "b"]);
    const [a, b] = [all.indexOf("a"), all.indexOf("b")];
    expect(a).toBeGreaterThan(0);
    expect(b - a).toBeGreaterThan(1);
    expect(all.length - 1 - b).toBeGreaterThan(0);
    expect(log).toEqual(["ended"]);
  });

  test("that fail at once fail; after a comment their fault is an event", async () => {
    await expect(keepAlive(Promise.reject(new Error("no")), silentFor(1000))).rejects.toThrow("no");
    const late = pause(50).then(() => Promise.reject(new Error("no")));
    const all = await collect(await keepAlive(late, silentFor(10)));
    expect(all[0]).toBe(comment);
    expect(all.at(-1)).toMatch(/^data: \{"error":\{.*\}\}\n\n$/);
  });

  test("that nobody wants any more end, also where they have not begun", async () => {
    for (const wait of [0, 60]) {
      const log: string[] = [];
      const events = await keepAlive(
        pause(wait).then(() => spoken(log, "a", 30, "b")),
        silentFor(10),
      );
      expect((await events.next()).value).toBe(wait === 0 ? "a" : comment);
      await events.return();
      expect(log).toEqual(["ended"]);
    }
  });
});

test("a request that waits for its first token is answered with comments, and with its text in the end", async () => {
  const here = await serving({ keepAliveMs: 5 });
  const asked = { model: "tiny", prompt: "the cat", max_tokens: 9, seed: 1 };
  const prompt = "the cat sat on the mat. ".repeat(2000);
  // Its turn does not come before somebody has read a comment.
  const steps = vi.spyOn(GenerationEngine.prototype, "step").mockReturnValue([]);
  const answer = await here.post("/v1/completions", { ...asked, prompt, stream: true });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-accel-buffering")).toBe("no");
  expect(answer.headers.get("cache-control")).toBe("no-cache");
  let text = "";
  for await (const part of answer.body as ReadableStream<Uint8Array>) {
    text += Buffer.from(part).toString();
    steps.mockRestore();
  }
  expect(text.startsWith(comment)).toBe(true);
  const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
  const written = events.map((event) => JSON.parse(event.slice(6)).choices[0].text).join("");
  const { choices } = await here.client.completions.create({ ...asked, prompt });
  expect(written).toBe(choices[0]?.text);
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  // OpenAI's client skips comments.
  let streamed = "";
  for await (const { choices } of await here.client.completions.create({ ...asked, prompt, stream: true })) {
    streamed += choices[0]?.text;
  }
  expect(streamed).toBe(written);
});

test("one whose time is over before its first token is told so in an event, is counted, and holds no slot", async () => {
  const here = await serving({ keepAliveMs: 20, timeoutMs: 1000 });
  // It has a slot, and its turn never comes.
  const steps = vi.spyOn(GenerationEngine.prototype, "step").mockReturnValue([]);
  const answer = await here.post("/v1/completions", { model: "tiny", prompt: "the cat", max_tokens: 1, stream: true });
  expect(answer.status).toBe(200);
  expect(await answer.text()).toMatch(/^(: keep-alive\n\n)+data: \{"error":\{.*"code":"timeout"\}\}\n\n$/);
  await until(() => here.lines.some(({ path }) => path === "/v1/completions"));
  steps.mockRestore();
  expect(await here.figure('unrolled_lanes_in_use{model="tiny"}')).toBe(0);
});

test("a client that goes while it is only told comments is forgotten, and its session is free", async () => {
  const here = await serving({ keepAliveMs: 20, maxPromptTokens: 1e6, maxBodyBytes: 1e7 });
  const { id } = await (await here.post("/v1/unrolled/sessions", { model: "tiny" })).json();
  const stop = new AbortController();
  const prompt = "the cat sat on the mat. ".repeat(40_000);
  const path = `/v1/unrolled/sessions/${id}/completions`;
  const answer = await here.post(path, { prompt, max_tokens: 1, stream: true }, { signal: stop.signal });
  await answer.body?.getReader().read();
  stop.abort();
  await until(async () => (await here.post(path, { max_tokens: 0 })).status === 200);
  expect(await here.figure('unrolled_lanes_in_use{model="tiny"}')).toBe(0);
});
