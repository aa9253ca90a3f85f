/** Turns of the event loop, as many as bring something. */
import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { giveTurns, noteArrival, turn } from "../../src/server/turns.ts";

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
  await turn();
  await turn();
  expect(accepted, "libuv accepts one in a turn since 1.45").toBeLessThan(5);
  await giveTurns(60_000);
  expect(accepted).toBe(40);
  server.close();
});

test("a turn that brings nothing is the last; and there is an end where each brings something", async () => {
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns++;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  await giveTurns(60_000);
  expect(turns).toBeLessThan(4);
  const arrive = (): void => {
    noteArrival();
    if (going) setImmediate(arrive);
  };
  setImmediate(arrive);
  await giveTurns(5);
  going = false;
});
