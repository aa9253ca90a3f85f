/** `unrolled serve --workers`: processes that share a port, and the keys that seal their sessions. */
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { languageModelIn } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { said, until } from "../helpers/waiting.ts";
import { json, refusal, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();
const children: ReturnType<typeof start>[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

beforeAll(async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(200));
  const options = ["--epochs", "0.1", ...tiny];
  await json(folder, "train", "text.txt", "--out", "a.safetensors", ...options);
  await json(folder, "train", "text.txt", "--out", "b.safetensors", "--seed", "9", ...options);
});

type Serving = { child: ReturnType<typeof start>; url: string; lines: () => Record<string, unknown>[] };

async function serve(...args: string[]): Promise<Serving> {
  const child = start(folder, ["serve", ...args, "--port", "0", "--json"]);
  children.push(child);
  let err = "";
  child.stderr?.on("data", (chunk: string) => (err += chunk));
  const { event, url, workers } = JSON.parse(await said(child.stdout));
  expect([event, workers]).toEqual(["listening", 2]);
  const lines = () =>
    err
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return { child, url, lines };
}
const warnings = ({ lines }: Serving): unknown[] => lines().flatMap(({ warning = [] }) => warning);

/** Each over a connection of its own, so that it comes to the next worker. */
function ask({ url }: Pick<Serving, "url">, path: string, body?: object): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json" };
    const options = { method: body === undefined ? "GET" : "POST", headers, agent: new Agent() };
    const asked = request(`${url}${path}`, options, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on("error", reject).end(body && JSON.stringify(body));
  });
}
const figure = async (of: Serving, name: string): Promise<number> => {
  const line = (await ask(of, "/metrics")).text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
};
const written = 'unrolled_tokens_total{model="a",kind="written"}';
const completion = { model: "a", prompt: "the cat", max_tokens: 30, seed: 1 };
const textOf = async (of: Serving, model = "a") =>
  JSON.parse((await ask(of, "/v1/completions", { ...completion, model })).text).choices[0].text;

test.skipIf(process.platform !== "linux")(
  "sessions hop between the processes, and answer what one process answers; what they count adds up, whoever ends",
  async () => {
    const of = await serve("a.safetensors", "--workers", "2");
    expect(warnings(of)).toEqual([
      "--session-key: none is given, so sealed sessions end with this server, and no other server continues them.",
    ]);
    const quiet = await createServer({ a: languageModelIn(folder, "a.safetensors") });
    const at = "/v1/unrolled/sessions";
    const post = async (path: string, body: object) => {
      const headers = { "Content-Type": "application/json" };
      const asked = new Request(`http://localhost${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      return (await quiet.fetch(asked)).json();
    };
    const { id } = await post(at, { model: "a", prompt: "the" });
    let { token } = JSON.parse((await ask(of, at, { model: "a", prompt: "the", sealed: true })).text);
    for (let turn = 0; turn < 8; turn++) {
      const body = { prompt: turn % 2 === 0 ? " dog" : "", max_tokens: 5, seed: turn, logprobs: 2 };
      const answer = JSON.parse((await ask(of, `${at}/sealed/completions`, { ...body, token })).text);
      expect(answer.choices).toEqual((await post(`${at}/${id}/completions`, body)).choices);
      ({ token } = answer.session);
    }
    await until(() => of.lines().filter(({ path }) => path !== undefined).length === 9);
    const workers = of.lines().flatMap(({ path, worker }) => (path === `${at}/:id/completions` ? [worker] : []));
    expect(workers.sort()).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    // No process stores a session, which only it would know.
    expect(JSON.parse((await ask(of, at, { model: "a" })).text).error.code).toBe("session_limit");

    expect([await figure(of, written), await figure(of, "unrolled_workers")]).toEqual([40, 2]);
    const pids = new Set<unknown>();
    for (let ended = 1; ended <= 4; ended++) {
      const pid = await workerOf(of);
      expect(pids.has(pid)).toBe(false);
      pids.add(pid);
      process.kill(pid, "SIGKILL");
      await until(() => warnings(of).length === 1 + ended);
      expect(warnings(of).at(-1)).toMatch(/^worker [12] ended \(SIGKILL\)\. It is started again\.$/);
      await until(async () => (await figure(of, "unrolled_workers")) === 2);
      expect(await figure(of, written)).toBe(40);
    }
    process.kill(await workerOf(of), "SIGKILL");
    const { code } = await of.child.ended;
    expect([code, warnings(of).at(-1)]).toEqual([
      ...[
        1,
        expect.stringMatching(
          /^worker [12] ended \(SIGKILL\); 5 workers have ended within 60 s, so the server ends\.$/,
        ),
      ],
    ]);
  },
);

/** The process of the first worker: a child of the server. */
async function workerOf({ child }: Serving): Promise<number> {
  const list = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  return Number(list.trim().split(" ")[0]);
}

test.skipIf(process.platform === "win32")(
  "SIGHUP: all read the files again, or keep what they have; SIGTERM: what waits at the port is answered, exit 0",
  async () => {
    copyFileSync(join(folder, "a.safetensors"), join(folder, "model.safetensors"));
    const of = await serve("model.safetensors", "--workers", "2", "--session-key", "k".repeat(40));
    const all = () => Promise.all([textOf(of, "model"), textOf(of, "model")]);
    const [a, again] = await all();
    expect(again).toBe(a);
    const replace = async (bytes: Uint8Array, line: RegExp) => {
      writeFileSync(join(folder, "new"), bytes);
      renameSync(join(folder, "new"), join(folder, "model.safetensors"));
      const before = warnings(of).length;
      of.child.kill("SIGHUP");
      await until(() => warnings(of).length > before);
      expect(warnings(of).at(-1)).toMatch(line);
    };
    const b = readFileSync(join(folder, "b.safetensors"));
    await replace(b.subarray(0, 5000), /^SIGHUP: model\.safetensors: .*The server keeps the previous models\.$/);
    expect(await all()).toEqual([a, a]);
    await replace(b, /^SIGHUP: the files were read again\.$/);
    const [other, same] = await all();
    expect(other).not.toBe(a);
    expect(same).toBe(other);

    const connected = Array.from({ length: 60 }, () => textOf(of, "model"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    of.child.kill("SIGTERM");
    expect(new Set(await Promise.all(connected))).toEqual(new Set([other]));
    const { code, signal } = await of.child.ended;
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  },
);

describe("wrong usage is one line and exit 2", () => {
  const serving = (...args: string[]) => refusal(folder, "serve", "a.safetensors", "--port", "0", ...args);
  const needs = 'a key needs 32 ASCII characters or more, without blanks, such as "openssl rand -base64 32" prints.';

  test("a key that is short, a file of keys without one, both; none is shown", async () => {
    expect(await serving("--session-key", "secret")).toBe(`--session-key: ${needs}`);
    writeFileSync(join(folder, "keys.txt"), `${"k".repeat(32)}\nsecret\n`);
    expect(await serving("--session-key-file", "keys.txt")).toBe(`keys.txt: ${needs}`);
    writeFileSync(join(folder, "none.txt"), "\n");
    expect(await serving("--session-key-file", "none.txt")).toBe("none.txt: has no key. Write one a line.");
    expect(await serving("--session-key-file", "no.txt")).toMatch(/^no\.txt: there is no such file/);
    expect(await serving("--session-key-file", "keys.txt", "--session-key", "k".repeat(32))).toMatch(
      /^--session-key-file: is not to be given together with --session-key\./,
    );
  });

  test("sessions that would be stored; what a worker refuses", async () => {
    expect(await serving("--workers", "2", "--sessions", "9")).toBe(
      "--sessions: with --workers no session is stored, because its next request may come to another process; sessions are sealed. Leave it out.",
    );
    expect(await refusal(folder, "serve", "text.txt", "--workers", "2")).toMatch(/^text\.txt: /);
    expect(await serving("--workers", "2", "--host", "192.0.2.1")).toMatch(/^--host: this machine has no address/);
  });
});
