/** What is told of requests: lines of the log, and figures for Prometheus. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import type { LogLine } from "../../src/server/options.ts";
import { until } from "../helpers/waiting.ts";
import { book, serving } from "./serving.ts";

const here = await serving();
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const id = expect.stringMatching(/^req-[\da-f-]{36}$/);

/** A stream that ends with an error: it begins with its prompt, which takes longer to read than a request may. */
const hurried = { timeoutMs: 100, maxPromptTokens: 1e7, maxBodyBytes: 1e7 };
const tooLong = { model: "tiny", prompt: book.repeat(10_000).slice(0, 4e6), max_tokens: 1, echo: true, stream: true };

describe("a log line", () => {
  test("has what was asked and how it went, and no word of the text, the key or a session", async () => {
    const { post, lines, client } = await serving({ apiKeys: ["secret-key"] });
    const headers = { Authorization: "Bearer secret-key" };
    await post("/v1/completions", { model: "tiny", prompt: "the cat", max_tokens: 4, user: "somebody" }, { headers });
    await post("/v1/unrolled/sessions", { model: "tiny", prompt: "a dog" }, { headers });
    await client.models.retrieve("tiny");
    expect(lines).toEqual([
      {
        ...{ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), id, method: "POST", path: "/v1/completions" },
        ...{ status: 200, ms: expect.any(Number), promptTokens: 7, completionTokens: 4, client: "key 1" },
        ...{ model: "tiny", queueMs: expect.any(Number), firstTokenMs: expect.any(Number) },
      },
      expect.objectContaining({ path: "/v1/unrolled/sessions", status: 201, promptTokens: 4, model: "tiny" }),
      expect.objectContaining({ path: "/v1/models/:id", method: "GET" }),
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/cat|dog|secret|sess-|somebody/);
  });

  test("has times in their order: the wait for a slot, the first token, the end; of a stream as well", async () => {
    for (const stream of [false, true]) {
      const { post, lines } = await serving();
      await (await post("/v1/completions", { model: "tiny", prompt: "a", max_tokens: 400, stream })).text();
      await until(() => lines.length === 1);
      const { queueMs = NaN, firstTokenMs = NaN, ms } = lines[0] as LogLine;
      expect(queueMs).toBeGreaterThanOrEqual(0);
      expect(firstTokenMs).toBeGreaterThanOrEqual(queueMs);
      expect(ms).toBeGreaterThanOrEqual(firstTokenMs);
    }
  });

  test("has no first token where none was written: the prompt's echo is none", async () => {
    const { post, lines, figure } = await serving();
    for (const logprobs of [null, 2]) {
      await post("/v1/completions", { model: "tiny", prompt: "the cat", max_tokens: 0, echo: true, logprobs });
    }
    for (const line of lines) expect(line).not.toHaveProperty("firstTokenMs");
    expect(await figure('unrolled_time_to_first_token_seconds_count{model="tiny"}')).toBeNaN();
    expect(await figure('unrolled_queue_wait_seconds_count{model="tiny"}')).toBe(2);
  });

  test("has the kind of the error, with its status and also in the middle of a stream", async () => {
    const { post, get, lines } = await serving(hurried);
    await get("/v1/models/none");
    await get("/nothing");
    await post("/v1/completions", { model: "tiny", n: -1 });
    await (await post("/v1/completions", tooLong)).text();
    await until(() => lines.length === 4);
    expect(lines.map(({ status, error }) => [status, error])).toEqual([
      [404, "model_not_found"],
      [404, "not_found"],
      [400, "invalid"],
      [200, "timeout"],
    ]);
    for (const line of lines) expect(line).not.toHaveProperty("stack");
  });

  test("that cannot be written, now or later, costs no request, and is said once", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    try {
      const broken = [
        () => {
          throw new Error("the disk is full");
        },
        async () => {
          throw new Error("the disk is full");
        },
      ];
      for (const log of broken) {
        said.mockClear();
        const { post, client } = await serving({ log });
        for (const stream of [false, true, false]) {
          const answer = await post("/v1/completions", { model: "tiny", prompt: "a", max_tokens: 5, stream });
          expect([answer.status, (await answer.text()).includes("[DONE]")]).toEqual([200, stream]);
        }
        expect((await client.models.list()).data).toHaveLength(2);
        expect(said).toHaveBeenCalledTimes(1);
        expect(said.mock.calls[0]?.join(" ")).toMatch(/log failed.*the disk is full/);
      }
    } finally {
      said.mockRestore();
    }
  });
});

describe("metrics", () => {
  test("count requests by route and status, and tokens by model", async () => {
    const { post, get, figure, client } = await serving();
    await client.completions.create({ model: "tiny", prompt: "the cat", max_tokens: 5 });
    await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 5 });
    await post("/v1/completions", { model: "tiny", n: -1 });
    await get("/some/path");
    expect(await figure('unrolled_requests_total{route="/v1/completions",status="200"}')).toBe(2);
    expect(await figure('unrolled_requests_total{route="/v1/completions",status="400"}')).toBe(1);
    expect(await figure('unrolled_requests_total{route="other",status="404"}')).toBe(1);
    expect(await figure('unrolled_tokens_total{model="tiny",kind="read"}')).toBe(8);
    expect(await figure('unrolled_tokens_total{model="tiny",kind="written"}')).toBe(10);
    expect(await figure('unrolled_time_to_first_token_seconds_count{model="tiny"}')).toBe(2);
    expect(await figure('unrolled_request_duration_seconds_count{route="/v1/completions"}')).toBe(3);
    expect(await figure('unrolled_queue_length{model="pairs"}')).toBe(0);
  });

  test("observe of each text its wait for a slot, once, and the time a token where there are two", async () => {
    const { figure, client } = await serving();
    await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 300, n: 40 });
    await client.completions.create({ model: "tiny", prompt: "a", max_tokens: 1 });
    expect(await figure('unrolled_queue_wait_seconds_count{model="tiny"}')).toBe(41);
    expect(await figure('unrolled_time_per_token_seconds_count{model="tiny"}')).toBe(40);
    expect(await figure('unrolled_time_per_token_seconds_sum{model="tiny"}')).toBeGreaterThan(0);
    expect(await figure('unrolled_queue_wait_seconds_sum{model="tiny"}')).toBeGreaterThan(0);
  });

  test("count refusals by reason, of which each stands at 0 before", async () => {
    const { post, get, figure, lines } = await serving(hurried);
    const refused = (reason: string) => figure(`unrolled_refusals_total{reason="${reason}"}`);
    for (const reason of ["queue_full", "internal", "invalid_api_key", "media_type", "timeout"]) {
      expect([reason, await refused(reason)]).toEqual([reason, 0]);
    }
    await post("/v1/completions", { model: "tiny", n: -1 });
    await post("/v1/completions", { model: "none" });
    await post("/v1/completions", "{}", { headers: { "Content-Type": "text/plain" } });
    await get("/v1/completions");
    await (await post("/v1/completions", tooLong)).text();
    await until(() => lines.some(({ error }) => error === "timeout"));
    const reasons = ["invalid", "model_not_found", "media_type", "method_not_allowed", "timeout"];
    expect(await Promise.all(reasons.map(refused))).toEqual([1, 1, 1, 1, 1]);
  });

  test("tell which build this is", async () => {
    expect(await here.figure(`unrolled_build_info{version="${version}",node="${process.versions.node}"}`)).toBe(1);
  });

  test("keep the rules of promtool check metrics; where it is installed, it says so itself", async () => {
    await here.client.completions.create({ model: "tiny", prompt: "a", max_tokens: 5 });
    await here.get("/nothing");
    const text = await (await here.get("/metrics")).text();
    expect(complaints(text)).toEqual([]);
    // The rules do complain: of what prom-client has by itself, and of others of its kind.
    expect(complaints("# HELP a_total x\n# TYPE a_total gauge\na_total 1\n")).toEqual(["a_total: no counter"]);
    expect(complaints("# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n")).toEqual(["a_ms: another unit"]);
    expect(complaints("# HELP a x\n# TYPE a counter\na 1\n")).toEqual(["a: a counter without _total"]);
    expect(complaints("# TYPE aB gauge\naB 1\n")).toEqual(["aB: no help", "aB: not in lower case"]);
    const { status, error, stderr, stdout } = spawnSync(process.env.PROMTOOL ?? "promtool", ["check", "metrics"], {
      ...{ input: text, encoding: "utf8" },
    });
    if (error === undefined) expect([status, stdout + stderr]).toEqual([0, ""]);
  });
});

/** The rules of Prometheus's linter (`promlint`), for the text format. */
function complaints(text: string): string[] {
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type] as [string, string]);
  const helped = new Set([...text.matchAll(/^# HELP (\S+) .+$/gm)].map(([, name]) => name));
  const samples = [...text.matchAll(/^([\w:]+)(\{.*\})? \S+$/gm)].map(([, name]) => name as string);
  const found = types.flatMap(([name, type]) => {
    const check = (isWrong: boolean, what: string): string[] => (isWrong ? [`${name}: ${what}`] : []);
    const labels = [...text.matchAll(new RegExp(`^${name}\\{(.*)\\}`, "gm"))].map(([, list]) => list as string);
    const words = name.split("_");
    return [
      ...check(!helped.has(name), "no help"),
      ...check(name.endsWith("_total") && type !== "counter", "no counter"),
      ...check(!name.endsWith("_total") && type === "counter", "a counter without _total"),
      ...check(/_(count|sum|bucket)$/.test(name), "ends as a part of a histogram"),
      ...check(
        labels.some((list) => /\ble="|\bquantile="/.test(list)),
        "a label of histograms",
      ),
      ...check(words.includes(type), "its type is in its name"),
      ...check(/[a-z][A-Z]/.test(name), "not in lower case"),
      ...check(
        words.some((word) => /^([munk]?s|[kmg]?b|milliseconds?|microseconds?|minutes?|hours?|days?)$/.test(word)) ||
          words.some((word) => /^(sec|msec|usec|hr|kib|mib|percent|kilobytes?|megabytes?|bits?)$/.test(word)),
        "another unit",
      ),
    ];
  });
  const named = (sample: string) =>
    types.some(([name, type]) =>
      type === "histogram" || type === "summary"
        ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`].includes(sample)
        : sample === name,
    );
  return [...found, ...samples.filter((sample) => !named(sample)).map((sample) => `${sample}: no type`)];
}
