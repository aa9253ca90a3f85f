/** `unrolled bench --page` as a person has it: the command, its page in Chromium on SwiftShader, the rows that it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { swiftShader, withBrowser } from "./harness.ts";
import { expectAccessible, expectNoSidewaysScrolling } from "./studio.ts";

const cli = join(import.meta.dirname, "../../dist/cli/main.js");
const folder = temporaryFolder();
let command: ChildProcess | undefined;
afterAll(() => command?.kill());

/** A library that goes on as if it trained, whatever the card refuses. */
const standIn = `
let [loss, ask] = [5];
export async function init(backend) {
  const device = await (await navigator.gpu.requestAdapter()).requestDevice();
  ask = () => {
    device.createBuffer({ size: 4, usage: 0 });
    return device.queue.onSubmittedWorkDone();
  };
  return [backend];
}
const any = new Proxy(function () {}, {
  get: (_, name) => {
    if (name === "data") return async () => [(loss -= 0.1)];
    return name === Symbol.toPrimitive ? () => 1 : any;
  },
  apply: () => any,
});
export const [defaultDevice, nn, numpy, random, tree, valueAndGrad] = Array(6).fill(any);
export const [blockUntilReady, jit] = [() => ask(), () => () => [any, any]];
`;

test("two shapes, the page loaded anew between them: rows of ours, why a peer failed and one is missing, and the command ends", async () => {
  const library = join(folder, "node_modules/@jax-js/jax");
  mkdirSync(library, { recursive: true });
  writeFileSync(join(library, "package.json"), '{ "version": "0.0.0", "exports": "./index.js" }');
  writeFileSync(join(library, "index.js"), standIn);
  const names = ["lstm-20-8-16-1-2-5", "gru-20-8-16-1-2-5"];
  const { UNROLLED_BENCH_PEERS: _, ...env } = process.env;
  const options = ["--page", ...names, "--rounds", "3", "--port", "0", "--json"];
  const bench = spawn(process.execPath, [cli, "bench", ...options], { cwd: folder, env });
  command = bench;
  let errors = "";
  bench.stderr.on("data", (text) => {
    errors += text;
  });
  const ended = new Promise<number | null>((resolve) => bench.on("close", resolve));
  const lines = createInterface(bench.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  const { event, address } = await next();
  expect(event).toBe("listening");
  await withBrowser(async (browser) => {
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(address);
    const place = await next();
    expect(place).toMatchObject({ event: "place", adapter: expect.stringMatching(/swiftshader/i) });
    expect(place.threads).toBeGreaterThan(1);
    expect(place.notes[0]).toContain("This adapter is a program on the processor");
    const rows = [await next()];
    await page.reload();
    rows.push(await next());
    await page.waitForSelector("#doing >> text=All shapes are measured, and the command has the figures.");
    expect(rows.map(({ shape }) => shape)).toEqual(names);
    for (const row of rows) {
      const engines = [row.unrolled, ...Object.values<BenchEngine>(row.engines)];
      expect(engines.map(({ engine }) => engine).sort()).toEqual(["wasm", "webgpu"]);
      for (const { tokensPerSecond, gflops, rounds } of engines) {
        expect(tokensPerSecond).toBeGreaterThan(0);
        expect(gflops).toBeGreaterThan(0);
        expect(rounds).toBe(3);
      }
      expect(row.peers).toEqual({ tfjs: null, "jax-js": null });
      expect(row.failures).toEqual({ "jax-js": expect.stringMatching(/buffer/i) });
    }
    // The new page measures what was left.
    expect(await page.locator("h2").allTextContents()).toEqual(names.slice(1));
    expect(await page.locator("tr.first").count()).toBe(1);
    expect(await page.getByText("Missing: it needs npm i @tensorflow/tfjs").count()).toBe(1);
    expect(await page.getByText(/^Failed: .*buffer/i).count()).toBe(1);
    await expectAccessible(page);
    await expectNoSidewaysScrolling(page);
    expect(complaints).toEqual([]);
  }, swiftShader);
  expect(await ended).toBe(0);
  expect(errors).toContain("The page was opened again: 1 of 2 shapes is measured");
});
type BenchEngine = {
  readonly engine: string;
  readonly tokensPerSecond: number;
  readonly gflops: number;
  readonly rounds: number;
};
