/** How many sessions there may be, whose go first, and who sees which. */
import { describe, expect, test } from "vitest";
import { until } from "../helpers/waiting.ts";
import { type Serving, serving } from "./serving.ts";

const sessions = "/v1/unrolled/sessions";
const as = (key: string) => ({ headers: { Authorization: `Bearer ${key}` } });

async function begin(of: Serving, key = "none"): Promise<string> {
  const answer = await of.post(sessions, { model: "tiny", prompt: "a" }, as(key));
  expect(answer.status).toBe(201);
  return (await answer.json()).id;
}
const goOn = (of: Serving, id: string, body: object, key = "none", init: RequestInit = {}) =>
  of.post(`${sessions}/${id}/completions`, body, { ...as(key), ...init });
async function page(of: Serving, query = "", key = "none") {
  const answer = await of.get(`${sessions}${query}`, as(key));
  expect(answer.status).toBe(200);
  return answer.json();
}
const ids = async (of: Serving, key = "none"): Promise<string[]> =>
  (await page(of, "?limit=100", key)).data.map(({ id }: { id: string }) => id);
/** A request that goes on until it is left. */
async function occupy(of: Serving, id: string, key = "none"): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const asked = goOn(of, id, { max_tokens: 1e8 }, key, { signal: stop.signal }).catch(() => {});
  await until(async () => (await goOn(of, id, { max_tokens: 0 }, key)).status === 409);
  return async () => {
    stop.abort();
    await asked;
    await until(async () => (await goOn(of, id, { max_tokens: 0 }, key)).status === 200);
  };
}

test("what no waiting could help is not to be tried again: no sessions at all, a copy where one may be", async () => {
  const told = async (answer: Response) => [
    answer.status,
    answer.headers.get("x-should-retry"),
    answer.headers.get("retry-after"),
    (await answer.json()).error.message,
  ];
  for (const options of [{ sessions: 0 }, { sessionsPerKey: 0 }]) {
    const none = await serving(options);
    expect(await told(await none.post(sessions, { model: "tiny", prompt: "a" }))).toEqual([
      ...[429, "false", null, "this server stores no sessions."],
    ]);
  }
  const one = await serving({ sessionsPerKey: 1 });
  const id = await begin(one);
  const fork = await one.post(`${sessions}/${id}/fork`, {});
  expect(await told(fork)).toEqual([429, "false", null, expect.stringContaining("no room for a copy")]);
});

test("a session goes on with its own model alone", async () => {
  const of = await serving();
  const id = await begin(of);
  const other = await goOn(of, id, { model: "pairs", max_tokens: 1 });
  expect([other.status, (await other.json()).error.message]).toEqual([
    ...[400, "model: the session's is tiny, got pairs."],
  ]);
  expect((await goOn(of, id, { model: "tiny", max_tokens: 1 })).status).toBe(200);
});

describe("a key that has as many sessions as it may", () => {
  test("loses the one that it used least recently, and no other key loses one", async () => {
    const of = await serving({ apiKeys: ["one", "two"], sessionsPerKey: 3 });
    const theirs = await begin(of, "two");
    const [a, b, c] = [await begin(of, "one"), await begin(of, "one"), await begin(of, "one")];
    await goOn(of, a, { max_tokens: 1 }, "one");
    const d = await begin(of, "one");
    expect(await ids(of, "one")).toEqual([d, c, a]);
    await of.get(`${sessions}/${c}`, as("one"));
    const e = await begin(of, "one");
    expect(await ids(of, "one")).toEqual([e, d, c]);
    expect((await goOn(of, b, {}, "one")).status).toBe(404);
    expect(await ids(of, "two")).toEqual([theirs]);
    for (let k = 0; k < 20; k++) await begin(of, "one");
    expect(await ids(of, "two")).toEqual([theirs]);
    expect(await of.figure("unrolled_sessions").catch(() => 0)).not.toBe(24);
  });

  test("never loses one that a request is at; where it is at all of them, it is told when the first must have ended", async () => {
    const of = await serving({ sessionsPerKey: 2, maxTokens: 1e9, timeoutMs: 90_000 });
    const [a, b] = [await begin(of), await begin(of)];
    const leaveA = await occupy(of, a);
    const c = await begin(of);
    expect(await ids(of)).toEqual([c, a]);
    expect((await goOn(of, b, {})).status).toBe(404);
    const leaveC = await occupy(of, c);
    const full = await of.post(sessions, { model: "tiny" });
    expect([full.status, (await full.json()).error]).toEqual([
      429,
      expect.objectContaining({
        code: "session_limit",
        message: "the limit of 2 sessions of yours is reached, and none of yours is idle. Wait, or delete one.",
      }),
    ]);
    const seconds = Number(full.headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(60);
    expect(seconds).toBeLessThanOrEqual(90);
    await leaveC();
    const d = await begin(of);
    expect(await ids(of)).toEqual([d, a]);
    await leaveA();
  });
});

describe("where all keys together have as many as there may be", () => {
  test("who has one loses it; who has none waits until the first is over, and Retry-After says when", async () => {
    const of = await serving({ apiKeys: ["one", "two"], sessions: 2, sessionMs: 20 * 60_000 });
    const a = await begin(of, "one");
    const b = await begin(of, "one");
    const full = await of.post(sessions, { model: "tiny" }, as("two"));
    expect([full.status, (await full.json()).error.code]).toEqual([429, "session_limit"]);
    const seconds = Number(full.headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(19 * 60);
    expect(seconds).toBeLessThanOrEqual(20 * 60);
    const c = await begin(of, "one");
    expect(await ids(of, "one")).toEqual([c, b]);
    expect((await of.get(`${sessions}/${a}`, as("one"))).status).toBe(404);
    await of.get(`${sessions}/${b}`, { method: "DELETE", ...as("one") });
    await begin(of, "two");
  });

  test("the place of one that is not used in its time is free", async () => {
    const of = await serving({ apiKeys: ["one", "two"], sessions: 1, sessionMs: 300 });
    await begin(of, "one");
    const full = await of.post(sessions, { model: "tiny" }, as("two"));
    expect([full.status, full.headers.get("retry-after")]).toEqual([429, "1"]);
    await until(async () => (await of.post(sessions, { model: "tiny" }, as("two"))).status === 201);
    expect(await ids(of, "one")).toEqual([]);
  });
});

test("a request that is refused costs nobody a session", async () => {
  const of = await serving({ sessionsPerKey: 1, maxPromptTokens: 10 });
  const id = await begin(of);
  expect((await of.post(sessions, { model: "tiny", prompt: "a".repeat(11) })).status).toBe(400);
  expect((await of.post(sessions, { model: "none" })).status).toBe(404);
  expect((await of.post(`${sessions}/${id}/fork`, {})).status).toBe(429);
  expect(await ids(of)).toEqual([id]);
});

describe("the list of sessions", () => {
  test("comes in pages, the newest first, each with where the next one begins", async () => {
    const of = await serving();
    expect(await page(of)).toEqual({ object: "list", data: [], first_id: null, last_id: null, has_more: false });
    const all: string[] = [];
    for (let k = 0; k < 25; k++) all.unshift(await begin(of));
    const first = await page(of);
    expect(first.data).toHaveLength(20);
    expect(first).toMatchObject({ object: "list", first_id: all[0], last_id: all[19], has_more: true });
    expect(first.data[0]).toMatchObject({ id: all[0], object: "session", model: "tiny", tokens: 1 });
    const second = await page(of, `?after=${first.last_id}`);
    expect(second).toMatchObject({ first_id: all[20], last_id: all[24], has_more: false });
    const found: string[] = [];
    for (let next = "?limit=7", more = true; more; ) {
      const { data, last_id, has_more } = await page(of, next);
      found.push(...data.map(({ id }: { id: string }) => id));
      [next, more] = [`?limit=7&after=${last_id}`, has_more];
    }
    expect(found).toEqual(all);
    expect(await page(of, "?limit=25")).toMatchObject({ has_more: false });
    expect(await page(of, "?limit=24")).toMatchObject({ has_more: true });
  });

  test("does not count as use, and does not change with it", async () => {
    const of = await serving({ sessionsPerKey: 2 });
    const [a, b] = [await begin(of), await begin(of)];
    await goOn(of, a, { max_tokens: 1 });
    expect(await ids(of)).toEqual([b, a]);
    const c = await begin(of);
    expect(await ids(of)).toEqual([c, a]);
  });

  test("has only one's own", async () => {
    const of = await serving({ apiKeys: ["one", "two"] });
    const a = await begin(of, "one");
    expect([await ids(of, "one"), await ids(of, "two")]).toEqual([[a], []]);
    const asked = await of.get(`${sessions}?after=${a}`, as("two"));
    expect([asked.status, (await asked.json()).error.param]).toEqual([404, "after"]);
  });

  test("a limit that is none, and a session that is not there, are refused by name", async () => {
    const of = await serving();
    for (const limit of ["0", "101", "-1", "1.5", "x", "", "1e999"]) {
      const answer = await of.get(`${sessions}?limit=${limit}`);
      expect([limit, answer.status]).toEqual([limit, 400]);
      expect((await answer.json()).error.message).toMatch(/^limit: needs a whole number from 1 to 100, got /);
    }
    expect((await of.get(`${sessions}?after=x`)).status).toBe(404);
  });
});

test("without keys the sessions of an address count, and who knows an id goes on from any address", async () => {
  const trustProxy = ["loopback"];
  const of = await serving({ sessionsPerKey: 2, trustProxy });
  const from = (address: string) => ({ headers: { "X-Forwarded-For": address } });
  const start = async (address: string): Promise<string> =>
    (await (await of.post(sessions, { model: "tiny" }, from(address))).json()).id;
  const list = async (address: string): Promise<string[]> =>
    (await (await of.get(sessions, from(address))).json()).data.map(({ id }: { id: string }) => id);
  const [a, b] = [await start("192.0.2.1"), await start("192.0.2.2")];
  for (let k = 0; k < 3; k++) await start("192.0.2.1");
  expect(await list("192.0.2.1")).toHaveLength(2);
  expect(await list("192.0.2.1")).not.toContain(a);
  expect(await list("192.0.2.2")).toEqual([b]);
  expect((await of.post(`${sessions}/${b}/completions`, { max_tokens: 1 }, from("192.0.2.9"))).status).toBe(200);
  // Whoever has one address of version 6 has the 64 bits after its network.
  for (let k = 0; k < 5; k++) await start(`2001:db8:0:1::${k + 1}`);
  expect(await list("2001:db8:0:1:ffff::1")).toHaveLength(2);
  expect(await list("2001:db8:0:2::1")).toHaveLength(0);
});
