/** What comes over a socket, well-formed or not, and what becomes of those who send it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errorBody } from "../../src/server/schemas.ts";
import { type Connection, connectTo } from "../helpers/sockets.ts";
import { until } from "../helpers/waiting.ts";
import { serving } from "./serving.ts";

const here = await serving();
/** Where a text may take longer than any test. */
const patient = await serving({ maxTokens: 1e9 });
const slots = (of = patient) => of.figure('unrolled_lanes_in_use{model="tiny"}');

/** Once it is connected. */
async function open(port = here.port): Promise<Connection> {
  const connection = connectTo(port);
  await connection.connected;
  return connection;
}
const head = (length: number, path = "/v1/completions") =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
const ask = (body: object): string => head(JSON.stringify(body).length) + JSON.stringify(body);
const endless = { model: "tiny", prompt: "a", max_tokens: 1e8 };

/** An error of the server's in OpenAI's shape, which blames nobody but the request. */
async function wrong(answer: Response): Promise<number> {
  const body = await answer.json();
  expect(errorBody.strict().safeParse(body).success, JSON.stringify(body)).toBe(true);
  expect(body.error.message).not.toMatch(/internal|undefined|\[object/);
  return answer.status;
}

describe("requests one after the other on a connection", () => {
  const question = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

  test("that come before the first is answered are answered in their order, 64 of them, the first of them a stream", async () => {
    const { socket, text } = await open();
    socket.write(ask({ model: "tiny", prompt: "a", max_tokens: 300, stream: true }) + question.repeat(63));
    await until(() => text().split("HTTP/1.1 200").length > 64);
    socket.destroy();
    expect(text().indexOf("data: [DONE]")).toBeLessThan(text().indexOf('{"status":"ok"}'));
    expect(text().match(/\{"status":"ok"\}/g)).toHaveLength(63);
  });

  test("of which more than 64 wait end the connection, which the log and the figures tell; nothing of them goes on", async () => {
    const before = patient.lines.length;
    const { socket, closed } = await open(patient.port);
    socket.write(ask(endless).repeat(65));
    await closed;
    expect(patient.lines.slice(before).some(({ error }) => error === "queue_full")).toBe(true);
    expect(await patient.figure('unrolled_refusals_total{reason="queue_full"}')).toBeGreaterThan(0);
    await until(async () => (await slots()) === 0);
  });
});

test("HTTP/1.0, which needs no Host, is answered; HTTP/1.1 without one is not", async () => {
  for (const [asked, status] of [
    ["GET /healthz HTTP/1.0\r\n\r\n", 200],
    ["GET /healthz HTTP/1.1\r\n\r\n", 400],
    ["GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", 400],
  ] as const) {
    const { socket, text } = await open();
    socket.write(asked);
    await until(() => text().includes("}"));
    socket.destroy();
    expect([asked, text().slice(9, 12)]).toEqual([asked, String(status)]);
  }
});

describe("malformed requests", () => {
  test("a body that is no UTF-8 gets 400, and another charset 415: what was sent is not altered unsaid", async () => {
    const send = (byte: number, type: string) =>
      fetch(`${here.url}/v1/completions`, {
        method: "POST",
        body: Buffer.concat([Buffer.from('{"model":"tiny","prompt":"'), Buffer.from([byte]), Buffer.from('"}')]),
        headers: { "Content-Type": type },
      });
    for (const [type, status] of [
      ["application/json", 400],
      ["application/json; charset=UTF-8", 400],
      ["application/json; charset=latin1", 415],
    ] as const) {
      const answer = await send(0xe9, type);
      expect([type, await wrong(answer)]).toEqual([type, status]);
    }
    expect((await send(0x61, 'application/json;charset="utf-8"')).status).toBe(200);
  });

  test("any JSON is answered: as a completion, or as a client's error", async () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom("tiny", 0, 1, -1, 1e308, "", [], {}, true, null));
    const names = ["prompt", "max_tokens", "temperature", "top_p", "n", "stop", "seed", "logprobs", "echo", "best_of"];
    const others = [
      "repetition_penalty",
      "ignore_eos",
      "response_format",
      "stream_options",
      "max_completion_tokens",
      "odd",
    ];
    const known = fc.dictionary(
      fc.constantFrom(...names, "suffix", "logit_bias", "user", "top_k", "min_p", ...others),
      field,
    );
    const body = fc.oneof(
      fc.jsonValue(),
      known.map((fields) => ({ model: "tiny", ...fields })),
    );
    await fc.assert(
      fc.asyncProperty(body, async (json) => {
        const answer = await here.post("/v1/completions", JSON.stringify(json));
        if (answer.status === 200) expect((await answer.json()).object).toBe("text_completion");
        else expect([400, 404]).toContain(await wrong(answer));
      }),
      { numRuns: 300 },
    );
  });

  test("any JSON as a chat, as text or tokens to tell of: answered, or a client's error", async () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom("tiny", 0, 1, -1, "", [], {}, true, null, [1, 2]));
    const message = fc.oneof(
      fc.jsonValue(),
      fc.record({ role: fc.oneof(fc.constant("user"), field), content: fc.oneof(fc.string(), fc.array(field), field) }),
      fc.record({
        role: fc.constant("user"),
        content: fc.array(fc.record({ type: fc.constantFrom("text", "x"), text: field })),
      }),
    );
    const names = [
      "tools",
      "tool_choice",
      "modalities",
      "logprobs",
      "top_logprobs",
      "n",
      "stop",
      "max_tokens",
      "prompt",
    ];
    const fields = fc.dictionary(fc.constantFrom(...names, "tokens", "logit_bias", "return_token_strs"), field);
    const asked = fc.record({
      path: fc.constantFrom("/v1/chat/completions", "/tokenize", "/detokenize"),
      messages: fc.oneof(fc.array(message), field),
      fields,
      withMessages: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ path, messages, fields, withMessages }) => {
        const body = { model: "tiny", ...fields, ...(withMessages && { messages }) };
        const answer = await here.post(path, JSON.stringify(body));
        if (answer.status === 200) expect((await answer.json()).error).toBeUndefined();
        else expect(await wrong(answer)).toBe(400);
      }),
      { numRuns: 150 },
    );
  });

  test("any bytes as a body are refused with 400", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const answer = await fetch(`${here.url}/v1/unrolled/inspect`, {
          ...{
            method: "POST",
            body: bytes as Uint8Array<ArrayBuffer>,
            headers: { "Content-Type": "application/json" },
          },
        });
        expect(await wrong(answer)).toBe(400);
      }),
      { numRuns: 100 },
    );
  });

  test("bytes that are no HTTP get 400 and the end of the connection, and others are served", async () => {
    for (const bytes of ["\0\0\0", "GET\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "\x16\x03\x01\x02"]) {
      const { socket, text, closed } = await open();
      socket.write(bytes);
      await closed;
      expect(text()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n.*"this is not an HTTP request: [A-Z][^"]+\."/s);
    }
    const { socket, text, closed } = await open();
    socket.write(`GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`);
    await closed;
    expect(text()).toMatch(/^HTTP\/1\.1 431 /);
    expect((await here.get("/healthz")).status).toBe(200);
  });

  test("a host that is none, or none at all, gets 400", async () => {
    for (const headers of ["Host: a b\r\n", "Host: \r\n"]) {
      const { socket, text } = await open();
      socket.write(`GET /healthz HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
      await until(() => text().includes("}}"));
      expect(text()).toMatch(/^HTTP\/1\.1 400 .*invalid_request_error/s);
      socket.destroy();
    }
  });

  test("what is no JSON by its Content-Type is refused: a page of another site could send it", async () => {
    const types = ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""];
    for (const type of types) {
      const answer = await here.post("/v1/completions", endless, { headers: { "Content-Type": type } });
      expect([type, await wrong(answer)]).toEqual([type, 415]);
    }
    const utf8 = { headers: { "Content-Type": "application/json; charset=utf-8" } };
    expect((await here.post("/v1/completions", { ...endless, max_tokens: 1 }, utf8)).status).toBe(200);
  });

  test("a body that is too long is refused, whether it says so or not", async () => {
    const body = JSON.stringify({ ...endless, prompt: "a".repeat(1_000_001) });
    const said = await here.post("/v1/completions", body);
    expect([await wrong(said), said.headers.get("connection")]).toEqual([413, "close"]);
    const { socket, text, closed } = await open();
    socket.write(head(0).replace("Content-Length: 0", "Transfer-Encoding: chunked"));
    const chunk = `10000\r\n${"a".repeat(0x10000)}\r\n`;
    for (let k = 0; k < 20; k++) socket.write(chunk);
    await until(() => text().includes("}}"));
    expect(text()).toMatch(/^HTTP\/1\.1 413 .*request_too_large/s);
    socket.destroy();
    await closed;
  });

  test("a body in chunks is read", async () => {
    const { socket, text } = await open();
    const body = JSON.stringify({ model: "tiny", prompt: "é☃", max_tokens: 0, echo: true });
    socket.write(head(0).replace("Content-Length: 0", "Transfer-Encoding: chunked"));
    for (const byte of Buffer.from(body))
      socket.write(Buffer.concat([Buffer.from("1\r\n"), Buffer.of(byte), Buffer.from("\r\n")]));
    socket.write("0\r\n\r\n");
    await until(() => text().includes('"usage"'));
    expect(text()).toContain('"prompt_tokens":2,');
    socket.destroy();
  });

  test("paths and methods that there are not get 404 and 405 with Allow", async () => {
    expect(await wrong(await here.get("/"))).toBe(404);
    expect(await wrong(await here.get("/v1/completions/x"))).toBe(404);
    expect(await wrong(await here.get("/%E0%A4%A"))).toBe(404);
    const answer = await here.get("/v1/unrolled/sessions/x", { method: "PUT" });
    expect([await wrong(answer), answer.headers.get("allow")]).toEqual([405, "GET, DELETE"]);
    expect((await here.get("/v1/models", { method: "HEAD" })).status).toBe(200);
  });

  test("a path that is almost one says which; a method that is another says which there are", async () => {
    const message = async (path: string, init?: RequestInit): Promise<string> =>
      (await (await here.get(path, init)).json()).error.message;
    const post = { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } };
    for (const [path, meant] of [
      ["/chat/completions", "/v1/chat/completions"],
      ["/completions", "/v1/completions"],
      ["/v1/v1/chat/completions", "/v1/chat/completions"],
      ["/api/v1/chat/completions", "/v1/chat/completions"],
      ["/v1/chat/completions/", "/v1/chat/completions"],
      ["/v1/Completions", "/v1/completions"],
      ["/v1/chat/completion", "/v1/chat/completions"],
      ["/v1/tokenize", "/tokenize"],
    ]) {
      expect(await message(path as string, post)).toBe(`there is no route ${path}. Did you mean ${meant}?`);
    }
    expect(await message("/models")).toBe("there is no route /models. Did you mean /v1/models?");
    for (const path of ["/", "/v1", "/v1/", "/v1/embeddings", `/${"v1/".repeat(5000)}models`]) {
      expect(await message(path)).toContain("GET /openapi.json lists all routes.");
    }
    const got = await here.get("/v1/chat/completions");
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await got.json()).error.message).toBe("/v1/chat/completions takes POST, got GET.");
  });
});

describe("clients that go away", () => {
  test("in the middle of a body, of an answer, of a stream: their slots are free and nothing is left", async () => {
    const clients = await Promise.all(Array.from({ length: 30 }, () => open(patient.port)));
    for (const [k, { socket }] of clients.entries()) {
      if (k % 3 === 0) socket.write(head(1000) + '{"model":');
      else socket.write(ask({ ...endless, stream: k % 3 === 1 }));
    }
    await until(async () => (await slots()) === 20);
    for (const { socket } of clients) socket.destroy();
    await until(async () => (await slots()) === 0);
    const gone = () => patient.lines.filter(({ aborted }) => aborted);
    await until(() => gone().length >= 30);
    expect(gone().filter(({ status }) => status === 499).length).toBeGreaterThanOrEqual(20);
  });

  test("as soon as they have asked", async () => {
    for (let k = 0; k < 50; k++) {
      const { socket } = await open(patient.port);
      socket.end(ask({ ...endless, stream: k % 2 === 0 }));
      socket.destroy();
    }
    await until(async () => (await slots()) === 0);
    expect((await patient.client.models.list()).data).toHaveLength(2);
  });
});

describe("slow readers", () => {
  test("hold no slot, and are dropped in the end; what they were written stays small", async () => {
    const slow = await serving({ stallMs: 300, maxTokens: 1e9 });
    const { socket, closed } = await open(slow.port);
    socket.pause();
    socket.write(ask({ ...endless, stream: true, logprobs: 5 }));
    await until(() => socket.bytesRead > 0);
    await until(async () => (await slots(slow)) === 0);
    expect((await slow.client.models.list()).data).toHaveLength(2);
    await until(() => slow.lines.some(({ aborted }) => aborted));
    socket.resume();
    await closed;
    const line = slow.lines.find(({ aborted }) => aborted);
    expect(line).toMatchObject({ status: 200, aborted: true });
    // What the two ends of the socket hold, and a little more; a token takes about 200 bytes.
    expect(line?.completionTokens).toBeLessThan(100_000);
  });

  test("that read on in time get all of it", async () => {
    const { socket, text } = await open();
    socket.pause();
    const asked = { ...endless, max_tokens: 16_000, seed: 3 };
    socket.write(ask({ ...asked, stream: true }));
    await until(() => socket.bytesRead > 0);
    socket.resume();
    await until(() => text().includes("data: [DONE]"));
    const texts = [...text().matchAll(/"text":("(?:[^"\\]|\\.)*")/g)].map(([, json]) => JSON.parse(json as string));
    const { choices } = await here.client.completions.create(asked);
    expect(texts.join("")).toBe(choices[0]?.text);
    socket.destroy();
  });
});

test("1,000 idle connections keep nobody from being served", async () => {
  const idle = await Promise.all(Array.from({ length: 1000 }, () => open()));
  const { choices } = await here.client.completions.create({ model: "tiny", prompt: "a", max_tokens: 5 });
  expect(choices[0]?.text).toHaveLength(5);
  for (const { socket } of idle) socket.destroy();
  await Promise.all(idle.map(({ closed }) => closed));
});

describe("pages in a browser", () => {
  test("of other sites are not told that they may read; those of --cors are, before they ask and when they do", async () => {
    const from = (origin: string) => ({ headers: { Origin: origin } });
    const asking = {
      method: "OPTIONS",
      headers: { Origin: "https://a.example", "Access-Control-Request-Method": "POST" },
    };
    const allowed = (answer: Response) => answer.headers.get("access-control-allow-origin");
    expect(allowed(await here.get("/v1/models", from("https://a.example")))).toBeNull();
    expect((await here.get("/v1/completions", asking)).status).toBe(405);
    const open = await serving({ cors: ["https://a.example"], apiKeys: ["k"] });
    const before = await open.get("/v1/completions", asking);
    expect([before.status, allowed(before)]).toEqual([204, "https://a.example"]);
    expect(allowed(await open.get("/v1/models", from("https://a.example")))).toBe("https://a.example");
    expect(allowed(await open.get("/v1/models", from("https://b.example")))).toBeNull();
  });

  test("that have another name for this machine are refused: DNS rebinding", async () => {
    const { port, lines } = await serving({ hosts: ["localhost", "127.0.0.1", "[::1]"] });
    const answers: string[] = [];
    for (const host of [
      "evil.example",
      "evil.example:80",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "LOCALHOST:9",
      "[::1]:1",
    ]) {
      const { socket, text } = await open(port);
      socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await until(() => text().includes("}"));
      answers.push(text().slice(9, 12));
      socket.destroy();
    }
    expect(answers).toEqual(["403", "403", "403", "403", "200", "200"]);
    expect(lines.map(({ status }) => status)).toEqual([403, 403, 403, 403, 200, 200]);
  });
});
