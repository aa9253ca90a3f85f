/** Turns of the event loop, as many as bring something. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nextTurn, noteArrival, yieldWhileBusy } from "../../src/server/event-loop.ts";
import { standStillUntil } from "../helpers/processes.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { serving } from "./serving.ts";

const folder = temporaryFolder();

/** `n` connections that wait at a port, made while this process stands still. */
const connect = (port: number, n: number) =>
  execFileSync(process.execPath, [
    "-e",
    `let left = ${n}; for (let k = left; k > 0; k--) require("node:net").connect(${port}, "127.0.0.1", () => --left || process.exit());`,
  ]);

test("all connections that wait are accepted before the next steps, where one turn accepts one of them", async () => {
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    noteArrival();
    socket.on("error", () => {}).destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  connect(port, 40);
  await nextTurn();
  await nextTurn();
  expect(accepted, "libuv accepts one in a turn since 1.45").toBeLessThan(5);
  await yieldWhileBusy(60_000);
  expect(accepted).toBe(40);
  server.close();
});

test.each(["/tokenize", "/v1/completions"])(
  "who comes after 40 long prompts for %s waits for few of them",
  async (path) => {
    const own = await serving({ maxPromptTokens: 1e6, maxMemoryBytes: 1e12 });
    const haveAsked = join(folder, `asked${path.replaceAll("/", "-")}`);
    const asks = `const http = require("node:http");
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ model: "tiny", prompt: "a cat ".repeat(10000), max_tokens: 1 });
    const ask = (method, path, body) => new Promise((done) => {
      const request = http.request("${own.url}" + path, { method, headers, agent: false }, (answer) => {
        answer.resume().on("end", done);
      });
      request.end(body);
    });
    const all = Array.from({ length: 40 }, () => ask("POST", "${path}", body));
    setTimeout(() => all.push(ask("GET", "/healthz")), 200);
    setTimeout(() => require("node:fs").writeFileSync(${JSON.stringify(haveAsked)}, ""), 300);`;
    const client = spawn(process.execPath, ["-e", asks], { stdio: "ignore" });
    // All wait when this process goes on.
    standStillUntil(haveAsked);
    await once(client, "exit");
    const paths = own.lines.map((line) => line.path);
    expect(paths).toHaveLength(41);
    // The last of them where nobody gives way; how many it is depends on what the machine has to do besides.
    expect(paths.indexOf("/healthz")).toBeLessThan(20);
  },
);

test("a turn that brings nothing is the last; and there is an end where each brings something", async () => {
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns++;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  await yieldWhileBusy(60_000);
  expect(turns).toBeLessThan(4);
  const arrive = (): void => {
    noteArrival();
    if (going) setImmediate(arrive);
  };
  setImmediate(arrive);
  await yieldWhileBusy(5);
  going = false;
});
