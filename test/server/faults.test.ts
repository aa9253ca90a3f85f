/** What becomes of faults: the log has the stack, the client the request's id alone, which every answer has. */
import { connect } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { Batcher } from "../../src/server/batcher.ts";
import { LoadedModels } from "../../src/server/loaded-models.ts";
import type { LogLine } from "../../src/server/options.ts";
import { Sessions } from "../../src/server/sessions.ts";
import { GenerationEngine } from "../../src/tasks/generation-engine.ts";
import { until } from "../helpers/waiting.ts";
import { pairs, serving, tiny } from "./serving.ts";

const here = await serving();
const asked = { model: "tiny", prompt: "a", max_tokens: 300 };
const newId = /^req-[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
afterEach(() => vi.restoreAllMocks());

/** Each time from now on, or after some times. */
function breakDown(object: object, method: string, fault: unknown, after = 0): void {
  const own = (object as Record<string, (...args: unknown[]) => unknown>)[method] as (...args: unknown[]) => unknown;
  let count = 0;
  vi.spyOn(object as Record<string, typeof own>, method).mockImplementation(function (this: unknown, ...args) {
    if (count++ >= after) throw fault;
    return own.apply(this, args);
  });
}
const fault = () => new TypeError("Cannot read properties of undefined (reading 'secret')");

/** The log has it with its stack, and the client nothing but the id. */
async function isHidden(answer: Response, lines: readonly LogLine[], message = /TypeError: .*'secret'/) {
  const id = answer.headers.get("x-request-id");
  const text = await answer.text();
  expect(id).toMatch(newId);
  expect(text).toContain(`"code":"internal_error"`);
  expect(text).toContain(`the request id ${id}."`);
  expect(text).not.toMatch(/secret|TypeError|at \S+:\d/);
  await until(() => lines.some((line) => line.id === id));
  const line = lines.find((one) => one.id === id);
  expect(line).toMatchObject({ error: "internal", stack: expect.stringMatching(message) });
  return line;
}

describe("a fault of the server's", () => {
  test("in a handler", async () => {
    breakDown(LoadedModels.prototype, "find", fault());
    const answers = [
      await here.get("/v1/models/tiny"),
      await here.post("/v1/completions", asked),
      await here.post("/v1/completions", { ...asked, stream: true }),
      await here.post("/v1/unrolled/inspect", { model: "tiny", text: "a" }),
      await here.post("/v1/unrolled/sessions", { model: "tiny" }),
    ];
    for (const answer of answers) {
      const line = await isHidden(answer, here.lines);
      expect(line?.stack).toMatch(/\n +at .*faults\.test\.ts/);
      expect(line?.status).toBe(500);
    }
    breakDown(Sessions.prototype, "find", fault());
    await isHidden(await here.get("/v1/unrolled/sessions/x"), here.lines);
  });

  test("that is no Error", async () => {
    for (const thrown of ["a text", 5, undefined, null]) {
      breakDown(LoadedModels.prototype, "find", thrown);
      await isHidden(await here.get("/v1/models/tiny"), here.lines, new RegExp(`thrown: ${thrown}`));
      vi.restoreAllMocks();
    }
  });

  test("that came of another: the log has both", async () => {
    breakDown(LoadedModels.prototype, "find", new Error("secret above", { cause: new RangeError("secret below") }));
    const line = await isHidden(await here.get("/v1/models/tiny"), here.lines, /secret above/);
    expect(line?.stack).toMatch(/caused by RangeError: secret below\n +at /);
  });

  test("in a step, for all texts: each is told so, streams in their middle as well, and the next ones are written", async () => {
    const own = await serving({ maxTokens: 1e9 });
    const endless = { ...asked, max_tokens: 1e8 };
    const stream = await own.post("/v1/completions", { ...endless, stream: true });
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const whole = [1, 2, 3].map(() => own.post("/v1/completions", { ...endless, prompt: ["a", "b"] }));
    await until(async () => (await own.figure('unrolled_lanes_in_use{model="tiny"}')) === 7);
    breakDown(GenerationEngine.prototype, "step", fault());
    const answers = await Promise.all(whole);
    vi.restoreAllMocks();
    for (const answer of answers) {
      expect(answer.status).toBe(500);
      await isHidden(answer, own.lines);
    }
    let text = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += Buffer.from(next.value);
    await isHidden(new Response(text, { headers: stream.headers }), own.lines);
    expect(text).toMatch(/"code":"internal_error"\}\}\n\n$/);
    expect((await own.client.completions.create(asked)).choices[0]?.text).toHaveLength(300);
    expect(await own.figure('unrolled_lanes_in_use{model="tiny"}')).toBe(0);
    expect(await own.figure('unrolled_refusals_total{reason="internal"}')).toBe(4);
  });

  test("as a text takes its slot, also where the generation engine is broken for good: nobody waits for ever", async () => {
    const own = await serving();
    breakDown(GenerationEngine.prototype, "admit", fault());
    breakDown(GenerationEngine.prototype, "evict", fault());
    const answers = await Promise.all(
      [1, 2, 3].map(() => own.post("/v1/completions", { ...asked, prompt: ["a", "b"] })),
    );
    for (const answer of answers) await isHidden(answer, own.lines);
    await until(async () => (await own.figure('unrolled_queue_length{model="tiny"}')) === 0);
    expect(await own.figure('unrolled_lanes_in_use{model="tiny"}')).toBe(0);
  });

  test("in one session leaves it as it was", async () => {
    const { id } = await (await here.post("/v1/unrolled/sessions", { model: "tiny", prompt: "the" })).json();
    const goOn = () => here.post(`/v1/unrolled/sessions/${id}/completions`, { seed: 1 });
    breakDown(Batcher.prototype, "add", fault());
    await isHidden(await goOn(), here.lines);
    vi.restoreAllMocks();
    const answer = await goOn();
    expect(answer.status).toBe(200);
    expect((await answer.json()).usage.prompt_tokens).toBe(0);
  });

  test("as a stream begins has a status, and one that ends it leaves no rejection behind", async () => {
    const rejections: unknown[] = [];
    const onRejection = (error: unknown): void => void rejections.push(error);
    process.on("unhandledRejection", onRejection);
    breakDown(Batcher.prototype, "add", fault());
    const answer = await here.post("/v1/completions", { ...asked, stream: true });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([500, "application/json"]);
    await isHidden(answer, here.lines);
    vi.restoreAllMocks();
    // As its reader leaves.
    breakDown(GenerationEngine.prototype, "evict", fault());
    const stream = await here.post("/v1/completions", { ...asked, max_tokens: 16_000, stream: true });
    await stream.body?.cancel();
    await until(() => here.lines.some(({ id }) => id === stream.headers.get("x-request-id")));
    vi.restoreAllMocks();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("unhandledRejection", onRejection);
    expect(rejections).toEqual([]);
  });
});

describe("models that are replaced", () => {
  test("by one that cannot be loaded: those before go on; by two at once: none is left behind", async () => {
    const server = await createServer({ tiny });
    await expect(server.replace({ tiny: { ...tiny, model: undefined as never } })).rejects.toThrow();
    const names = async () =>
      (await (await server.fetch(new Request("http://localhost/v1/models"))).json()).data.map(
        ({ id }: { id: string }) => id,
      );
    expect(await names()).toEqual(["tiny"]);
    let disposed = 0;
    const own = Batcher.prototype.dispose;
    vi.spyOn(Batcher.prototype, "dispose").mockImplementation(function (this: Batcher<never>) {
      disposed++;
      own.call(this);
    });
    await Promise.all([server.replace({ a: tiny }), server.replace({ b: pairs })]);
    expect(await names()).toHaveLength(1);
    await server.close(0);
    expect(disposed).toBe(3);
  });
});

describe("x-request-id", () => {
  const idOf = (answer: Response) => answer.headers.get("x-request-id") ?? "none";

  test("is on every answer: of each route, of errors before any, of streams; a new one each time", async () => {
    const closing = await serving({ apiKeys: ["key"], cors: ["https://a.example"], hosts: ["127.0.0.1"] });
    const cors = {
      method: "OPTIONS",
      headers: { Origin: "https://a.example", "Access-Control-Request-Method": "POST" },
    };
    const answers = [
      ...[await here.get("/v1/models"), await here.get("/v1/models", { method: "HEAD" }), await here.get("/nothing")],
      ...[await here.get("/healthz"), await here.get("/metrics"), await here.get("/openapi.json")],
      await here.get("/v1/completions"),
      await here.post("/v1/completions", asked),
      await here.post("/v1/completions", { ...asked, stream: true }),
      await here.post("/v1/completions", "{"),
      await here.post("/v1/completions", "a".repeat(1_000_001)),
      await closing.get("/v1/models"),
      await closing.get("/v1/completions", cors),
    ];
    for (const answer of answers) {
      expect([answer.url, idOf(answer)]).toEqual([answer.url, expect.stringMatching(newId)]);
      await answer.text();
    }
    expect(new Set(answers.map(idOf)).size).toBe(answers.length);
    await until(() => here.lines.some(({ id }) => id === idOf(answers.at(-3) as Response)));
    const known = new Set([...here.lines, ...closing.lines].map(({ id }) => id));
    for (const answer of answers) expect(known).toContain(idOf(answer));
  });

  test("is the client's own, where it is one that a log can hold", async () => {
    const own = ["a", "req_123", "Root=1-67891233-abcdef012345678912345678", "trace/1.2:3@x~y;z+=", "x".repeat(128)];
    for (const id of own) {
      const headers = { "X-Request-Id": id };
      expect(idOf(await here.get("/v1/models", { headers }))).toBe(id);
      const stream = await here.post("/v1/completions", { ...asked, stream: true }, { headers });
      expect(idOf(stream)).toBe(id);
      await stream.text();
    }
    const error = await here.client.completions
      .create({ model: "none", prompt: "a" }, { headers: { "x-request-id": "mine" } })
      .catch((thrown) => thrown);
    expect(error.requestID).toBe("mine");
    for (const id of ["", " ", "a b", "x".repeat(129), '"quoted"', "é", "<script>", "a,b", "{}", "\t"]) {
      expect([id, idOf(await here.get("/v1/models", { headers: { "X-Request-Id": id } }))]).toEqual([
        id,
        expect.stringMatching(newId),
      ]);
    }
  });

  test.each([
    ["a stream", []],
    ["a stream, and another request waits for its end,", [{ stream: false }]],
  ])(
    "bytes that make no request while %s is on its way end the connection, and are not answered within it",
    async (_, more) => {
      const own = await serving({ maxTokens: 1e9 });
      const socket = connect(own.port, "127.0.0.1");
      let text = "";
      socket.on("data", (chunk) => (text += chunk));
      socket.on("error", () => {});
      const closed = new Promise((resolve) => socket.on("close", resolve));
      for (const one of [{ stream: true }, ...more]) {
        const body = JSON.stringify({ ...asked, max_tokens: 1e8, ...one });
        const type = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
        socket.write(`POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n${type}\r\n\r\n${body}`);
        await until(() => text.includes("data: "));
      }
      socket.write("\0\0\0 no request\r\n\r\n");
      await closed;
      expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
      await until(async () => (await own.figure('unrolled_lanes_in_use{model="tiny"}')) === 0);
      await until(() => own.lines.some(({ aborted }) => aborted));
    },
  );

  test("is on what is answered to bytes that make no request, and the log and the figures know of them", async () => {
    const own = await serving();
    const raw: readonly [string, number, string][] = [
      ["\0\0\0", 400, "invalid"],
      ["GET\r\n\r\n", 400, "invalid"],
      ["GET /healthz HTTP/1.1\r\n\r\n", 400, "invalid"],
      ["GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "invalid"],
      ["GET /healthz HTTP/1.1\r\nHost: \r\n\r\n", 400, "invalid"],
      [`GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers_too_large"],
      ["GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: a cake\r\n\r\n", 417, "expectation_failed"],
    ];
    for (const [bytes, status, kind] of raw) {
      const socket = connect(own.port, "127.0.0.1");
      let text = "";
      socket.on("data", (chunk) => (text += chunk));
      socket.on("error", () => {});
      const before = own.lines.length;
      socket.write(bytes);
      await until(() => text.includes("}}"));
      socket.destroy();
      expect([bytes, text.slice(0, 12)]).toEqual([bytes, `HTTP/1.1 ${status}`]);
      const [, id] = /^x-request-id: (\S+)\r$/im.exec(text) ?? [];
      expect(id).toMatch(newId);
      await until(() => own.lines.length > before);
      expect(own.lines.at(-1)).toMatchObject({ id, status, error: kind });
    }
    expect(await own.figure('unrolled_refusals_total{reason="invalid"}')).toBe(5);
    expect(await own.figure('unrolled_requests_total{route="other",status="431"}')).toBe(1);
  });
});
