/** `unrolled serve` as a process: how it begins, what it does about signals, and how it ends. */
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { pause, said, until } from "../helpers/waiting.ts";
import { json, refusal, run, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();
const children: ReturnType<typeof start>[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(200));
  await json(folder, "train", "text.txt", "--out", "a.safetensors", "--epochs", "0.1", ...tiny);
  await json(folder, "train", "text.txt", "--out", "b.safetensors", "--epochs", "0.1", "--seed", "9", ...tiny);
});

type Serving = { child: ReturnType<typeof start>; url: string; err: () => string; openai: OpenAI };

async function serve(...args: string[]): Promise<Serving> {
  const child = start(folder, ["serve", ...(args.includes("--port") ? args : [...args, "--port", "0"]), "--json"]);
  children.push(child);
  let err = "";
  child.stderr?.on("data", (chunk: string) => (err += chunk));
  const line = await said(child.stdout);
  const { event, url } = JSON.parse(line);
  expect(event).toBe("listening");
  return { child, url, err: () => err, openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 }) };
}
const asked = { model: "a", prompt: "the cat", max_tokens: 30, seed: 1 };
const textOf = async ({ openai }: Serving, more = {}) =>
  (await openai.completions.create({ ...asked, ...more })).choices[0]?.text;
const generated = async (file: string) =>
  (
    await json(
      folder,
      "generate",
      file,
      "--prompt",
      "the cat",
      "--length",
      "30",
      ...["--seed", "1", "--temperature", "1"],
    )
  )[0]?.text;

test("it says where it listens, and answers what generate and inspect answer", async () => {
  const child = start(folder, ["serve", "a.safetensors", "b.safetensors", "--port", "0"]);
  children.push(child);
  const line = await said(child.stdout);
  expect(line).toMatch(/^Listening at http:\/\/127\.0\.0\.1:\d+\/v1 with a, b; engine (native|wasm)\.\n$/);
  const [, url] = /(http:\S+)\/v1 /.exec(line) as unknown as [string, string];
  const post = async (path: string, body: object) =>
    (
      await fetch(`${url}${path}`, {
        ...{ method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } },
      })
    ).json();
  expect((await post("/v1/completions", asked)).choices[0].text).toBe(await generated("a.safetensors"));
  const lines = await json(folder, "inspect", "b.safetensors", "--text", "the cat");
  expect((await post("/v1/unrolled/inspect", { model: "b", text: "the cat" })).tokens).toEqual(lines);
  child.kill("SIGINT");
  const { code, out, err } = await child.ended;
  expect([code, out]).toEqual([0, line]);
  const logged = err.trim().split("\n");
  expect(logged.slice(0, -1).map((one) => JSON.parse(one).path)).toEqual(["/v1/completions", "/v1/unrolled/inspect"]);
  expect(logged.at(-1)).toBe("SIGINT: the server answers open requests, then ends. Send it again to end at once.");
});

describe("wrong usage is one line and exit 2", () => {
  test("no file, a missing one, one that is no model, two of the same name", async () => {
    copyFileSync(join(folder, "a.safetensors"), join(folder, "a.tensors"));
    expect(await refusal(folder, "serve")).toMatch(/^wrong number of arguments \(0\)/);
    expect(await refusal(folder, "serve", "none.safetensors")).toMatch(/^none\.safetensors: there is no such file\./);
    expect(await refusal(folder, "serve", "text.txt")).toMatch(/^text\.txt: /);
    expect(await refusal(folder, "serve", "a.safetensors", "a.tensors")).toBe(
      "a.tensors: its name, a, is also the name of a.safetensors. Rename one of the files.",
    );
  });

  test("a port that is taken, a host that this machine is not, options that are none", async () => {
    const { url, child } = await serve("a.safetensors");
    const { port } = new URL(url);
    expect(await refusal(folder, "serve", "a.safetensors", "--port", port)).toBe(
      `--port: another program is listening at 127.0.0.1:${port}. Choose another port, or 0 for any.`,
    );
    child.kill("SIGKILL");
    expect(await refusal(folder, "serve", "a.safetensors", "--port", "0", "--host", "192.0.2.1")).toMatch(
      /^--host: this machine has no address 192\.0\.2\.1\./,
    );
    expect(await refusal(folder, "serve", "a.safetensors", "--port", "70000")).toMatch(/^--port: needs a whole number/);
    expect(await refusal(folder, "serve", "a.safetensors", "--cors", "example.org/x")).toMatch(
      /^--cors: needs an origin/,
    );
    expect(await refusal(folder, "serve", "a.safetensors", "--api-key", "a b")).toMatch(
      /^--api-key: needs ASCII characters/,
    );
    for (const [name, value, needs] of [
      ["allow-host", "http://a.example", "a name such as example.org, *.example.org or example.org:8080"],
      [
        "trust-proxy",
        "10.0.0.0/64",
        "an address, a network such as 10.0.0.0/8, loopback, private, or a number of proxies",
      ],
      ["base-path", "llm", "a path such as /llm"],
    ] as const) {
      expect(await refusal(folder, "serve", "a.safetensors", `--${name}`, value)).toBe(
        `--${name}: needs ${needs}, got "${value}".`,
      );
    }
    for (const name of ["drain", "keep-alive", "sessions-per-key"]) {
      expect(await refusal(folder, "serve", "a.safetensors", `--${name}`, "x")).toMatch(`--${name}: needs `);
    }
  });
});

test("--chat-template writes messages its way; a field that is not known is said once, as a line of JSON", async () => {
  const { child, openai, err } = await serve("a.safetensors", "--chat-template", "{role}: {content}\\n");
  const messages = [{ role: "user" as const, content: "the cat" }];
  const ask = () =>
    openai.chat.completions.create({ ...{ model: "a", messages, max_tokens: 30, seed: 1 }, ...{ odd: 1, odder: 2 } });
  const { usage } = await ask();
  expect(usage?.prompt_tokens).toBe("user: the cat\nassistant: ".length);
  await ask();
  await until(() => err().split("\n").length > 4);
  const lines = err()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ warning }) => warning !== undefined)).toEqual(
    ["odd", "odder"].map((name) => ({
      time: expect.any(String),
      warning: `/v1/chat/completions: the unknown field "${name}" is ignored. This is reported once.`,
    })),
  );
  child.kill("SIGKILL");
  expect(await refusal(folder, "serve", "a.safetensors", "--chat-template", "{role}")).toBe(
    '--chat-template: needs {content} once, as in "{role}: {content}\\n".',
  );
});

test("a key is taken from the environment, and none is in the list of processes", async () => {
  process.env.UNROLLED_API_KEY = "from-environment";
  const serving = await serve("a.safetensors");
  delete process.env.UNROLLED_API_KEY;
  await expect(textOf(serving)).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  const keyed = new OpenAI({ baseURL: `${serving.url}/v1`, apiKey: "from-environment" });
  expect((await keyed.models.list()).data).toHaveLength(1);
  expect(serving.child.spawnargs.join(" ")).not.toContain("from-environment");
  serving.child.kill("SIGKILL");
});

test("to be in reach of others without a key is said", async () => {
  const { child, err } = await serve("a.safetensors", "--host", "0.0.0.0");
  await until(() => err().includes("\n"));
  expect(JSON.parse(err()).warning).toMatch(/^--host: other machines can reach 0\.0\.0\.0, and no --api-key/);
  child.kill("SIGKILL");
});

test("after kill -9 in the middle of answers it starts again at the same port, and answers the same", async () => {
  const first = await serve("a.safetensors", "--max-tokens", "1e9");
  const text = await textOf(first);
  const { port } = new URL(first.url);
  const stream = await first.openai.completions.create({ ...asked, max_tokens: 1e8, stream: true });
  const broken = (async () => {
    for await (const _ of stream);
  })().catch((error) => error);
  first.child.kill("SIGKILL");
  expect(await broken).toBeInstanceOf(Error);
  await first.child.ended;
  const second = await serve("a.safetensors", "--port", port);
  expect(second.url).toBe(first.url);
  expect(await textOf(second)).toBe(text);
  second.child.kill("SIGKILL");
});

test("behind a proxy it is asked by another name, by pages of other sites, for others", async () => {
  const names = ["--allow-host", "llm.example.org", "--allow-host", "*.test:81"];
  const serving = await serve("a.safetensors", ...names, "--trust-proxy", "loopback", "--cors", "*");
  const ask = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { Host: host, "X-Forwarded-For": "6.6.6.6, 203.0.113.7", Origin: "https://page.example" };
      request(`${serving.url}/v1/models`, { headers }, (answer) => {
        expect(answer.headers["access-control-allow-origin"]).toBe("*");
        answer.resume().on("end", () => resolve(answer.statusCode));
      })
        .on("error", reject)
        .end();
    });
  const hosts = ["llm.example.org", "llm.example.org:443", "a.test:81", "localhost:9", "a.test", "evil.example"];
  expect(await Promise.all(hosts.map(ask))).toEqual([200, 200, 200, 200, 403, 403]);
  await until(() => serving.err().split("\n").length > 6);
  const clients = serving
    .err()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).client);
  expect(clients.filter((client) => client === "203.0.113.7")).toHaveLength(6);
  serving.child.kill("SIGKILL");
});

describe.skipIf(process.platform === "win32")("a file that is replaced while it is served", () => {
  test("changes nothing until SIGHUP; a damaged one leaves the model before it in service, and is said in one line", async () => {
    const path = join(folder, "model.safetensors");
    copyFileSync(join(folder, "a.safetensors"), path);
    const serving = await serve("model.safetensors");
    const text = () => textOf(serving, { model: "model" });
    const [a, b] = [await generated("a.safetensors"), await generated("b.safetensors")];
    expect(a).not.toBe(b);
    expect(await text()).toBe(a);
    const hangUp = async (message: RegExp): Promise<void> => {
      const before = serving.err().length;
      serving.child.kill("SIGHUP");
      const said = () =>
        serving
          .err()
          .slice(before)
          .split("\n")
          .find((line) => line.includes('"warning":'));
      await until(() => said() !== undefined);
      expect(JSON.parse(said() as string).warning).toMatch(message);
    };
    writeFileSync(`${path}.new`, readFileSync(join(folder, "b.safetensors")).subarray(0, 5000));
    renameSync(`${path}.new`, path);
    expect(await text()).toBe(a);
    await hangUp(/^SIGHUP: model\.safetensors: .*The server keeps the previous models\.$/);
    expect(await text()).toBe(a);
    copyFileSync(join(folder, "b.safetensors"), path);
    expect(await text()).toBe(a);
    await hangUp(/^SIGHUP: the files were read again\.$/);
    expect(await text()).toBe(b);
    serving.child.kill("SIGKILL");
  });
});

describe.skipIf(process.platform === "win32")("SIGTERM", () => {
  test("while streaming: the stream comes to its end, what was asked after it too, with the end of its connection, exit 0", async () => {
    const serving = await serve("a.safetensors");
    const whole = await textOf(serving, { max_tokens: 16_000 });
    // A request on the connection of the stream: it is answered when the stream has ended.
    const body = JSON.stringify({ ...asked, max_tokens: 16_000, stream: true });
    const headers = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
    const socket = connect(Number(new URL(serving.url).port), "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.write(`POST /v1/completions HTTP/1.1\r\n${headers}\r\n\r\n${body}`);
    await until(() => text.includes("data: "));
    serving.child.kill("SIGTERM");
    await until(() => serving.err().includes("SIGTERM: "));
    socket.write("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await closed;
    const pieces = [...text.matchAll(/"text":("(?:[^"\\]|\\.)*")/g)].map(([, json]) => JSON.parse(json as string));
    expect(pieces.join("")).toBe(whole);
    const [, last] = text.split("data: [DONE]") as [string, string];
    expect(last).toMatch(/HTTP\/1\.1 200 OK\r\n(.*\r\n)*connection: close\r\n.*"object":"list"/is);
    const { code, signal } = await serving.child.ended;
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });

  test("with --drain is said at /healthz first, while all is answered; many connections that are kept lose no answer", async () => {
    const serving = await serve("a.safetensors", "--drain", "0.5", "--base-path", "/llm/");
    expect(serving.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/llm$/);
    const agents = Array.from({ length: 40 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const get = (path: string, agent: Agent): Promise<{ status: number | undefined; last: boolean }> =>
      new Promise((resolve, reject) => {
        const asked = request(`${serving.url}${path}`, { agent }, (answer) => {
          answer.resume().on("end", () => {
            resolve({ status: answer.statusCode, last: answer.headers.connection === "close" });
          });
        });
        asked.on("error", reject).end();
      });
    const statuses = new Set<number | undefined>();
    let ending = false;
    // Each asks as long as it is not told that its connection ends; then it asks for a new one, as long as there are any.
    const all = agents.map(async (agent, k) => {
      for (let last = false; !last; ) {
        const { status, last: ends } = await get("/v1/models", agent);
        expect(status).toBe(200);
        last = ends;
        await pause(k % 5);
      }
      expect(ending).toBe(true);
    });
    await pause(200);
    statuses.add((await get("/healthz", agents[0] as Agent)).status);
    ending = true;
    serving.child.kill("SIGTERM");
    await until(() => serving.err().includes("SIGTERM: "));
    statuses.add((await get("/healthz", agents[1] as Agent)).status);
    statuses.add((await get("/v1/models", agents[2] as Agent)).status);
    await Promise.all(all);
    expect([...statuses]).toEqual([200, 503]);
    const { code, signal } = await serving.child.ended;
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });

  test("a second one ends it at once, with 130", async () => {
    const serving = await serve("a.safetensors", "--max-tokens", "1e9");
    const stream = await serving.openai.completions.create({ ...asked, max_tokens: 1e8, stream: true });
    const read = (async () => {
      for await (const _ of stream);
    })().catch(() => {});
    serving.child.kill("SIGTERM");
    await until(() => serving.err().includes("Send it again to end at once."));
    serving.child.kill("SIGTERM");
    expect((await serving.child.ended).code).toBe(130);
    await read;
  });
});

test("--help fits 80 columns", async () => {
  const { code, out } = await run(folder, "serve", "--help");
  expect(code).toBe(0);
  for (const line of out.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
});
