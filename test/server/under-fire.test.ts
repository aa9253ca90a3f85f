import { describe, expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { bytesOfTokens } from "../../src/server/completions/kept-choice.ts";
import { completionBytes } from "../../src/server/costs.ts";
import { loadModels } from "../../src/server/loaded-models.ts";
import { languageModel } from "../../src/tasks/language-model.ts";
import { type Connection, connectTo } from "../helpers/sockets.ts";
import { pause, until } from "../helpers/waiting.ts";
import { book, serving, tiny } from "./serving.ts";

type Here = Awaited<ReturnType<typeof serving>>;
const held = (here: Here) => here.figure("unrolled_memory_held_bytes");
const isFree = (here: Here) => until(async () => (await held(here)) === 0);

/** The most that is held until it is told to stop. */
function watch(here: Here): () => Promise<number> {
  let [most, watching] = [0, true];
  const going = (async () => {
    while (watching) {
      most = Math.max(most, await held(here));
      await pause(20);
    }
  })();
  return async () => {
    watching = false;
    await going;
    return most;
  };
}

/** A socket that sends this; it reads once it is resumed. */
function send({ port }: Pick<Here, "port">, text: string): Connection {
  const connection = connectTo(port);
  connection.socket.pause();
  connection.socket.write(text);
  return connection;
}
const raw = (path: string, body: object | string, length?: number): string => {
  const text = typeof body === "string" ? body : JSON.stringify({ model: "tiny", ...body });
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  return `${head}Content-Length: ${length ?? text.length}\r\n\r\n${text}`;
};
const isServed = async (here: Here): Promise<void> => {
  expect((await here.get("/healthz")).status).toBe(200);
  expect((await here.post("/v1/completions", { model: "tiny", prompt: "the", max_tokens: 2 })).status).toBe(200);
};

const echoed = { model: "tiny", prompt: "a".repeat(3000), max_tokens: 1, echo: true, logprobs: 5 };

describe("prompts that are echoed with log-probabilities", () => {
  test("start as far as there is memory; all are answered, each what a server with room for all answers", async () => {
    const wanted = JSON.parse(await (await (await serving()).post("/v1/completions", { ...echoed, seed: 1 })).text());
    const here = await serving({ maxMemoryBytes: 2_000_000 });
    const stop = watch(here);
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const answer = await here.post("/v1/completions", { ...echoed, seed: 1 });
        const body = await answer.text();
        expect(answer.status, body.slice(0, 200)).toBe(200);
        return JSON.parse(body).choices;
      }),
    );
    for (const choices of answers) expect(choices).toEqual(wanted.choices);
    expect(wanted.choices[0].logprobs.tokens).toHaveLength(3001);
    const most = await stop();
    expect(most).toBeGreaterThan(200_000);
    expect(most).toBeLessThanOrEqual(2_000_000);
    await isFree(here);
  });

  test("of more than there can be are refused at once, and say what to ask less of", async () => {
    const here = await serving({ maxMemoryBytes: 1_000_000 });
    const answer = await here.post("/v1/completions", { ...echoed, prompt: "a".repeat(10_000) });
    expect([answer.status, (await answer.json()).error]).toMatchObject([400, { message: /max_tokens.*log-prob/ }]);
    await isServed(here);
  });

  test("behind a line that is too long are refused with 429 and Retry-After, and nothing is left of them", async () => {
    const here = await serving({ maxMemoryBytes: 1_500_000, queue: 0 });
    const answers = await Promise.all(Array.from({ length: 50 }, () => here.post("/v1/completions", echoed)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(10);
    for (const one of refused) expect(one.headers.get("retry-after")).toBe("1");
    const codes = await Promise.all(refused.map(async (one) => (await one.json()).error.code));
    expect(codes).toContain("memory_full");
    await Promise.all(answers.filter(({ status }) => status === 200).map((one) => one.text()));
    await isFree(here);
  });
});

describe("what is estimated", () => {
  const served = async () => (await loadModels({ tiny }, { queue: 10, threads: 1 })).findText("tiny");
  const writing = {
    ...{ max_tokens: 16, temperature: 1, top_p: 1, top_k: undefined, min_p: 0, presence_penalty: 0 },
    ...{ frequency_penalty: 0, stop: [], seed: undefined, logprobs: undefined, stream: false },
  } as never as Parameters<typeof completionBytes>[1];
  const ask = { prompt: [""], n: 1, echo: false };

  test("grows with prompts as text or tokens, texts, tokens, log-probabilities, echo and stop strings", async () => {
    const one = await served();
    const bytes = (more = {}, asked = {}) => completionBytes(one, { ...writing, ...more }, { ...ask, ...asked });
    const least = bytes();
    for (const asked of [
      { prompt: ["a".repeat(1000)] },
      { prompt: [Array(1000).fill(1)] },
      { prompt: Array(10).fill([1, 2]) },
      { prompt: Array(3).fill("a".repeat(300)) },
      { n: 8 },
    ]) {
      expect(bytes({}, asked), JSON.stringify(asked).slice(0, 40)).toBeGreaterThan(least + 3000);
    }
    for (const more of [
      { max_tokens: 1000 },
      { logprobs: 5 },
      { stop: ["a".repeat(10_000)] },
      { stream: true, n: 8 },
    ]) {
      expect(bytes(more), JSON.stringify(more).slice(0, 40)).toBeGreaterThan(least + 1000);
    }
    const prompt = ["a".repeat(65_000)];
    const told = bytes({ logprobs: 5 }, { prompt, echo: true });
    expect(told).toBeGreaterThan(bytesOfTokens(65_016, 5));
    expect(told, "an answer of 11 MB takes half of that").toBeLessThan(8_000_000);
    expect(bytes({ logprobs: 5 }, { n: 128, prompt: ["a"] })).toBeLessThan(3e7);
    one.dispose();
  });
});

describe("answers that nobody reads", () => {
  /** Of 790 numbers a token. */
  const wide = languageModel(book, { units: 128, embedding: 5, seed: 6 });
  const text = "the cat sat on the mat. ".repeat(16);

  test("inspections are given up once they stand still, with all that they hold", async () => {
    const here = await serving({ stallMs: 300, maxMemoryBytes: 20_000_000 }, { tiny, wide });
    const stop = watch(here);
    // More than the two ends of a socket take.
    const clients = Array.from({ length: 2 }, () =>
      send(here, raw("/v1/unrolled/inspect", { model: "wide", text: text.repeat(3) })),
    );
    await until(async () => (await held(here)) > 0);
    await isServed(here);
    await until(() => here.lines.filter(({ aborted, status }) => aborted || status === 429).length >= 2);
    expect(here.lines.some(({ aborted, status }) => aborted && status === 200)).toBe(true);
    await isFree(here);
    expect(await stop()).toBeLessThanOrEqual(20_000_000);
    for (const { socket } of clients) socket.destroy();
  });

  test("an inspection that is read in the end is whole, though it is sent while it is made", async () => {
    const here = await serving({}, { tiny, wide });
    const { socket, text: got } = send(here, raw("/v1/unrolled/inspect", { model: "wide", text }));
    await pause(200);
    socket.resume();
    await until(() => got().endsWith("0\r\n\r\n"));
    const whole = await (await here.post("/v1/unrolled/inspect", { model: "wide", text })).json();
    const json = got()
      .slice(got().indexOf("\r\n\r\n") + 4)
      .replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, "")
      .replace(/\r\n$/, "");
    expect(JSON.parse(json)).toEqual(whole);
    socket.destroy();
    await isFree(here);
  });

  test("streams and completions with log-probabilities are given up too, and slots are free", async () => {
    const here = await serving({ stallMs: 300, maxMemoryBytes: 30_000_000, maxTokens: 1e6 });
    const much = { prompt: "a", max_tokens: 5000, n: 4, logprobs: 5 };
    for (const stream of [true, false]) {
      const clients = Array.from({ length: 3 }, () => send(here, raw("/v1/completions", { ...much, stream })));
      await until(async () => (await held(here)) > 0);
      await isServed(here);
      await isFree(here);
      await until(async () => (await here.figure('unrolled_lanes_in_use{model="tiny"}')) === 0);
      for (const { socket } of clients) socket.destroy();
    }
  });

  test("a HEAD of a large answer, whose body nobody ever reads, holds nothing for longer", async () => {
    const here = await serving({ stallMs: 200 });
    const session = await (await here.post("/v1/unrolled/sessions", { model: "tiny", prompt: "the cat" })).json();
    const answer = await here.get(`/v1/unrolled/sessions/${session.id}`, { method: "HEAD" });
    expect(answer.status).toBe(200);
    await isFree(here);
    await here.close(1000);
  });
});

describe("bodies that do not end", () => {
  const begun = `{"model":"tiny","prompt":"${"a".repeat(90_000)}`;

  test("are given up where there is no room for more, the one that stands still first; others are served", async () => {
    const here = await serving({ maxMemoryBytes: 4_000_000 });
    const stop = watch(here);
    const clients = Array.from({ length: 40 }, () => send(here, raw("/v1/completions", begun, 99_999)));
    for (const { socket } of clients) socket.resume();
    await until(() => here.lines.filter(({ status }) => status === 429).length >= 30);
    await isServed(here);
    for (const { socket } of clients) socket.destroy();
    await isFree(here);
    expect(await stop(), "a quarter is for bodies").toBeLessThan(1_200_000);
  });

  test("end with 408 where nothing more comes in time, in chunks or by their length, also of few bytes", async () => {
    const here = await serving({ stallMs: 200 });
    const chunked = `${raw("/v1/completions", "").replace(/Content-Length: 0/, "Transfer-Encoding: chunked")}5\r\n{"mod`;
    const all = [chunked, raw("/v1/completions", begun, 99_999), raw("/v1/completions", "{", 100)];
    for (const text of all) {
      const { socket, text: got, closed } = send(here, text);
      socket.resume();
      await closed;
      expect(got()).toMatch(/^HTTP\/1\.1 408 .*Connection: close.*"code":"request_timeout"/is);
    }
    await isFree(here);
  });

  test("a body that comes slowly but comes is read", async () => {
    const here = await serving({ stallMs: 1000 });
    const body = JSON.stringify({ model: "tiny", prompt: "the", max_tokens: 1 });
    const { socket, text: got } = send(here, raw("/v1/completions", "", body.length));
    socket.resume();
    for (const character of body) {
      socket.write(character);
      await pause(25);
    }
    await until(() => got().includes('"usage"'));
    socket.destroy();
  });
});

describe("bodies that are more than they look", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["lists in lists", `{"model":"tiny","user":${"[".repeat(400_000)}${"]".repeat(400_000)}}`, 400],
    ["objects in objects", `{"model":"tiny","user":${'{"a":'.repeat(150_000)}1${"}".repeat(150_000)}}`, 400],
    ["too many tokens", JSON.stringify({ model: "tiny", prompt: Array(300_000).fill(1) }), 400],
    ["texts by the thousand", JSON.stringify({ model: "tiny", prompt: Array(20_000).fill("a") }), 400],
    ["empty lists", JSON.stringify({ model: "tiny", prompt: Array(100_000).fill([]) }), 400],
    ["many names", `{"model":"tiny",${Array.from({ length: 50_000 }, (_, k) => `"x${k}":1`).join(",")}}`, 400],
    ["stop strings by the thousand", JSON.stringify({ model: "tiny", stop: Array(20_000).fill("ab") }), 400],
  ];
  test.each(cases)("%s", async (_, body, status) => {
    const here = await serving();
    const answer = await here.post("/v1/completions", body);
    expect([status, 200]).toContain(answer.status);
    await answer.text();
    await isServed(here);
    await isFree(here);
  });
});

describe("connections", () => {
  test("that are idle make room for others: of the address that has most, the longest idle", async () => {
    const here = await serving({}, undefined, { maxConnections: 10 });
    const idle = Array.from({ length: 10 }, () => send(here, ""));
    await Promise.all(idle.map(({ socket }) => new Promise((resolve) => socket.once("connect", resolve))));
    let closed = 0;
    for (const one of idle) void one.closed.then(() => closed++);
    for (const { socket } of idle) socket.resume();
    await isServed(here);
    expect(closed).toBeGreaterThan(0);
    for (const { socket } of idle) socket.destroy();
  });

  test("whose bodies never end make room for others, and are told so; one that has just begun does not", async () => {
    const here = await serving({}, undefined, { maxConnections: 10 });
    const stuck = raw("/v1/completions", "{", 100);
    const all = Array.from({ length: 10 }, () => send(here, stuck));
    for (const { socket } of all) socket.resume();
    let closed = 0;
    for (const one of all) void one.closed.then(() => closed++);
    await pause(200);
    const early = send(here, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    early.socket.resume();
    await early.closed;
    expect(early.text()).toMatch(/^HTTP\/1\.1 503 .*too many connections/s);
    expect(closed).toBe(0);
    await pause(1000);
    await isServed(here);
    await until(() => closed > 0);
    const told = all.filter(({ text }) => text() !== "");
    expect(told.length).toBe(closed);
    for (const { text } of told) expect(text()).toMatch(/^HTTP\/1\.1 503 .*too many connections/s);
    for (const { socket } of all) socket.destroy();
  });

  test("that are all busy are not given up: the next one is refused with 503", async () => {
    const here = await serving({ maxTokens: 1e9 }, undefined, { maxConnections: 3 });
    const endless = raw("/v1/completions", { prompt: "a", max_tokens: 1e8, stream: true });
    const busy = Array.from({ length: 3 }, () => send(here, endless));
    for (const { socket } of busy) socket.resume();
    await until(() => busy.every(({ text }) => text().includes("data:")));
    const { socket, text: got, closed } = send(here, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    socket.resume();
    await closed;
    expect(got()).toMatch(/^HTTP\/1\.1 503 .*too many connections/s);
    for (const { socket } of busy) socket.destroy();
  });

  test("with many requests at once that nobody reads are closed", async () => {
    const here = await serving();
    const one = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const { closed, socket } = send(here, one.repeat(500));
    socket.resume();
    await closed;
    const few = send(here, one.repeat(4));
    few.socket.resume();
    await until(() => few.text().split("HTTP/1.1 200").length === 5);
    few.socket.destroy();
    await isServed(here);
  });
});

test("sessions have a share of the memory: there are no more than fit", async () => {
  const server = await createServer({ tiny }, { maxMemoryBytes: 1_000_000 });
  const begin = () =>
    server.fetch(
      new Request("http://localhost/v1/unrolled/sessions", {
        ...{ method: "POST", body: '{"model":"tiny"}', headers: { "Content-Type": "application/json" } },
      }),
    );
  // Each further one takes the place of the one that was not used for longest.
  for (let k = 0; k < 100; k++) expect((await begin()).status).toBe(201);
  const text = await (await server.fetch(new Request("http://localhost/metrics"))).text();
  const count = Number(/^unrolled_sessions (\d+)$/m.exec(text)?.[1]);
  expect(count).toBeGreaterThan(20);
  expect(count * (2048 + 4 * 18)).toBeLessThanOrEqual(125_000);
  await server.close();
});
