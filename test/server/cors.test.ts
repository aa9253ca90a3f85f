/** What browsers are told about pages of other sites. `test/browser/server.test.ts` asks in one. */
import { describe, expect, test } from "vitest";
import { serving } from "./serving.ts";

const origin = "https://a.example";
const of = await serving({ cors: [origin, "http://localhost:5173"], apiKeys: ["k"], hosts: ["api.example"] });
const open = await serving({ cors: ["*"] });

/** What a browser sends before it sends what a page wants to. */
const asking = (from: string, headers: Record<string, string> = {}) => ({
  method: "OPTIONS",
  headers: { Origin: from, "Access-Control-Request-Method": "POST", ...headers },
});
const list = (answer: Response, name: string): string[] => (answer.headers.get(name) ?? "").toLowerCase().split(/, */);

describe("before a page asks", () => {
  test("it is told yes without a key, and by any name of the server", async () => {
    for (const path of ["/v1/completions", "/v1/models", "/v1/unrolled/sessions/x/state", "/none"]) {
      const answer = await of.get(
        path,
        asking(origin, { "Access-Control-Request-Headers": "authorization,content-type" }),
      );
      expect([path, answer.status, await answer.text()]).toEqual([path, 204, ""]);
      expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
      expect(list(answer, "access-control-allow-methods")).toEqual(["get", "post", "put", "delete"]);
      expect(list(answer, "vary")).toEqual(expect.arrayContaining(["origin", "access-control-request-headers"]));
      expect(Number(answer.headers.get("access-control-max-age"))).toBeGreaterThan(0);
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    }
  });

  test("it may send what clients send: a key, JSON, a request's id, and what OpenAI's client adds", async () => {
    const plain = await of.get("/v1/completions", asking(origin));
    const always = ["authorization", "content-type", "x-request-id"];
    expect(list(plain, "access-control-allow-headers")).toEqual(always);
    const stainless = "x-stainless-lang, X-Stainless-OS,Authorization, bad header, ";
    const more = await of.get("/v1/completions", asking(origin, { "Access-Control-Request-Headers": stainless }));
    expect(list(more, "access-control-allow-headers")).toEqual([...always, "x-stainless-lang", "x-stainless-os"]);
  });

  test("of the internet, it may ask a machine of a private network where it says that it wants to", async () => {
    const network = { "Access-Control-Request-Private-Network": "true" };
    const yes = await of.get("/v1/completions", asking(origin, network));
    expect(yes.headers.get("access-control-allow-private-network")).toBe("true");
    const unasked = await of.get("/v1/completions", asking(origin));
    expect(unasked.headers.get("access-control-allow-private-network")).toBeNull();
  });

  test("of a site that is not among those it is told nothing", async () => {
    for (const other of ["https://b.example", "http://a.example", "https://a.example.evil", "null"]) {
      const answer = await of.get(
        "/v1/completions",
        asking(other, { "Access-Control-Request-Private-Network": "true" }),
      );
      expect([other, answer.status]).toEqual([other, 403]);
      for (const name of answer.headers.keys()) expect(name).not.toMatch(/^access-control/);
      expect(list(answer, "vary")).toContain("origin");
    }
  });
});

describe("when it asks", () => {
  const allowed = (answer: Response) => answer.headers.get("access-control-allow-origin");

  test("it may read the answer, and headers that say something", async () => {
    const { get } = await serving({ cors: [origin] });
    const answer = await get("/v1/models", { headers: { Origin: origin } });
    expect(allowed(answer)).toBe(origin);
    expect(list(answer, "access-control-expose-headers")).toEqual(
      expect.arrayContaining(["x-request-id", "retry-after"]),
    );
    expect(list(answer, "vary")).toContain("origin");
    // A cache must not give this to another page.
    expect(list(await get("/v1/models"), "vary")).toContain("origin");
  });

  test("it may read what is wrong: a host, a key, a route, a method, a field, a body", async () => {
    const { get, post } = await serving({ cors: [origin], maxBodyBytes: 100, sessions: 0 });
    const from = { headers: { Origin: origin } };
    const answers = [
      [403, await of.get("/v1/models", from)],
      [404, await get("/none", from)],
      [405, await get("/v1/completions", from)],
      [400, await post("/v1/completions", { n: -1 }, from)],
      [404, await post("/v1/completions", { model: "none" }, from)],
      [413, await post("/v1/completions", { prompt: "a".repeat(200) }, from)],
      [415, await post("/v1/completions", "", { headers: { ...from.headers, "Content-Type": "text/plain" } })],
      [429, await post("/v1/unrolled/sessions", { model: "tiny" }, from)],
    ] as const;
    for (const [status, answer] of answers) expect([answer.status, allowed(answer)]).toEqual([status, origin]);
    const keyed = await serving({ cors: [origin], apiKeys: ["k"] });
    const refused = await keyed.get("/v1/models", from);
    expect([refused.status, allowed(refused)]).toEqual([401, origin]);
  });

  test("it may read a stream", async () => {
    const answer = await open.post(
      "/v1/completions",
      { model: "tiny", prompt: "a", max_tokens: 5, stream: true },
      { headers: { Origin: origin } },
    );
    expect([answer.status, allowed(answer), answer.headers.get("content-type")]).toEqual([
      ...[200, "*", "text/event-stream; charset=utf-8"],
    ]);
    expect(await answer.text()).toMatch(/data: \[DONE\]\n\n$/);
  });
});

test("* is every page, be it a file", async () => {
  for (const from of ["https://anything.example", "null"]) {
    const before = await open.get("/v1/completions", asking(from));
    expect([before.status, before.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
    const answer = await open.get("/v1/models", { headers: { Origin: from } });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
    expect(list(answer, "vary")).not.toContain("origin");
  }
});
