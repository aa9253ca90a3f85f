/** `unrolled serve` with a small heap under attack: it lives, others are served, and its memory comes back. */
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { pause, said } from "../helpers/waiting.ts";
import { json, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();

test("20 prompts of 65,000 characters echoed with log-probabilities, 40 inspections that nobody reads, 200 bodies that do not end", async () => {
  writeFileSync(join(folder, "text.txt"), sampleText(200));
  await json(folder, "train", "text.txt", "--out", "a.safetensors", "--epochs", "0.1", ...tiny);
  const collect = `data:text/javascript,${encodeURIComponent('process.on("SIGUSR2", () => gc());')}`;
  const child = start(
    folder,
    ["serve", "a.safetensors", "--port", "0", "--json", "--stall", "2"],
    [...["--max-old-space-size=320", "--expose-gc", "--import", collect]],
  );
  const line = await said(child.stdout);
  const url = new URL(JSON.parse(line).url);
  const port = Number(url.port);
  const figure = async (name: string): Promise<number> => {
    const text = await (await fetch(`${url.href}metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1]);
  };
  /** Megabytes that are held once what was dropped has been collected. */
  const heldMB = async (): Promise<number> => {
    let least = Infinity;
    for (let round = 0; round < 4; round++) {
      child.kill("SIGUSR2");
      await pause(200);
      const heap = await figure("nodejs_heap_size_used_bytes");
      least = Math.min(least, (heap + (await figure("nodejs_external_memory_bytes"))) / 1e6);
    }
    return least;
  };
  const isServed = async (): Promise<void> => {
    expect((await fetch(`${url.href}healthz`)).status).toBe(200);
    const body = JSON.stringify({ model: "a", prompt: "the", max_tokens: 2 });
    const init = { method: "POST", body, headers: { "Content-Type": "application/json" } };
    expect((await fetch(`${url.href}v1/completions`, init)).status).toBe(200);
  };
  const head = (path: string, length: number) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
  const unread = (n: number, text: string) =>
    Array.from({ length: n }, () => {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      socket.pause();
      socket.write(text);
      return socket;
    });
  await isServed();
  const before = await heldMB();
  const most: number[] = [];
  const watching = setInterval(
    () =>
      figure("process_resident_memory_bytes").then(
        (bytes) => most.push(bytes / 1e6),
        () => {},
      ),
    250,
  );

  // Read, but not kept.
  const body = JSON.stringify({ model: "a", prompt: "a".repeat(65_000), max_tokens: 1, echo: true, logprobs: 5 });
  const asked = Array.from({ length: 20 }, () => {
    return new Promise<number | undefined>((resolve) => {
      const all = { port, method: "POST", path: "/v1/completions", headers: { "Content-Type": "application/json" } };
      const one = request(all, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode));
        answer.on("error", () => resolve(undefined));
      });
      one.on("error", () => resolve(undefined)).end(body);
      late.push(() => one.destroy());
    });
  });
  await isServed();
  // How many are made meanwhile is a matter of the machine.
  while ((await figure("unrolled_memory_held_bytes")) < 5e6) await pause(50);
  const inspected = JSON.stringify({ model: "a", text: "the cat and the dog ".repeat(400) });
  const sockets = unread(40, head("/v1/unrolled/inspect", inspected.length) + inspected);
  await isServed();
  sockets.push(...unread(200, `${head("/v1/completions", 999_999)}{"model":"a","prompt":"${"a".repeat(950_000)}`));
  await isServed();
  for (const leave of late) leave();
  for (const socket of sockets) socket.destroy();
  await Promise.all(asked);
  while ((await figure("unrolled_memory_held_bytes")) > 0) await pause(50);
  await isServed();
  clearInterval(watching);
  expect(await heldMB(), `MB, and ${before} before`).toBeLessThan(before + 15);
  expect(Math.max(...most), "resident MB").toBeLessThan(700);
  expect(child.exitCode).toBeNull();
  child.kill("SIGTERM");
  expect((await child.ended).code).toBe(0);
}, 120_000);

const late: (() => void)[] = [];

test("a log that nobody reads holds nobody up, and the end of the process neither", async () => {
  const child = start(folder, ["serve", "a.safetensors", "--port", "0", "--json"], [], "unread");
  const line = await said(child.stdout);
  const { url } = JSON.parse(line);
  // A pipe takes 64 KB.
  const path = `${url}/${"x".repeat(200)}`;
  for (let k = 0; k < 20; k++) {
    const answers = await Promise.all(Array.from({ length: 25 }, () => fetch(path)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
  }
  child.kill("SIGTERM");
  const code = await new Promise((resolve) => child.once("exit", resolve));
  expect(code).toBe(0);
  child.stderr?.resume();
}, 30_000);
