/** The bench in a page: what it imports, what is served, what the command says. The page itself: test/browser. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test, vi } from "vitest";
import type { PageMessage, PageOrders } from "../../src/bench/page-messages.ts";
import { installedPeers } from "../../src/bench/page-peers.ts";
import type { BenchRow, MeasuredEngine } from "../../src/bench/row.ts";
import { pageShapes, type Shape, shapeOf, shapes } from "../../src/bench/shapes.ts";
import { missingLines, shapeHeader, shapeLines } from "../../src/bench/tables.ts";
import { teller } from "../../src/cli/bench-page.ts";
import { benchPageApp } from "../../src/cli/bench-page-app.ts";
import { isBuiltin, loadedWith, modulesOf, read } from "../architecture/modules.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}
write("package.json", '{ "browser": { "./dist/a.js": "./dist/absent.js" } }');
write("dist/bench/page.js", "export const measureInPage = () => {};");

const measured = { tokensPerSecond: 12_345.6, spread: 0.123, msPerStep: 12.3, rounds: 11 };
const wasm: MeasuredEngine = {
  ...{ engine: "wasm", isa: "relaxed-simd", threads: 8, ...measured, gflops: 12.34 },
  oneThread: { ...measured, tokensPerSecond: 2345.6 },
};
const webgpu: MeasuredEngine = {
  ...{ ...wasm, engine: "webgpu", isa: "a card of some name", threads: 1, tokensPerSecond: 5000, oneThread: measured },
};
const rowOf = (shape: string): BenchRow => ({
  ...{ shape, unrolled: wasm, engines: { webgpu } },
  peers: { tfjs: null, "jax-js": { ...measured, gflops: 12.34, setting: "jax-js 0.1.25, WebGPU" } },
  ratio: { webgpu: 2.47, "jax-js": 1 },
});
const [first, second] = ["lstm-20-8-16-1-2-5", "gru-20-8-16-1-2-5"].map(shapeOf) as [Shape, Shape];
const place = { adapter: "a card", threads: 8, notes: [] };

/** The page's app with two shapes, as browsers and others ask it; and what the command is told. */
async function served() {
  const told: string[] = [];
  const tell =
    (name: string) =>
    (...given: unknown[]): void => {
      told.push([name, ...given.map((one) => JSON.stringify(one))].join(" "));
    };
  const options = { host: "127.0.0.1", shapes: [first, second], rounds: 11, seconds: 6, peers: installedPeers() };
  const app = await benchPageApp(
    { root: folder, ...options },
    {
      ...{ opened: tell("opened"), doing: tell("doing"), failed: tell("failed"), closed: tell("closed") },
      ...{ place: tell("place"), row: ({ shape }) => told.push(`row ${shape}`) },
    },
  );
  const get = (path: string, host = "127.0.0.1:1") => app.request(path, { headers: { host } });
  const post = (path: string, body: unknown, type = "application/json") =>
    app.request(path, {
      method: "POST",
      headers: { host: "127.0.0.1:1", "content-type": type },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const open = async (): Promise<PageOrders> => (await post("/pages", {})).json() as Promise<PageOrders>;
  const send = async (message: PageMessage): Promise<number> => (await post("/messages", message)).status;
  return { told, get, post, open, send };
}

test("what the page runs needs no package and nothing of Node's", () => {
  const { files, packages } = loadedWith("src/bench/page.ts");
  expect(files.has("src/bench/unrolled.ts") && files.has("src/bench/turns.ts")).toBe(true);
  expect([...packages]).toEqual([]);
  const builtins = [...files].flatMap((file) => modulesOf(file, read(file)).filter(({ name }) => isBuiltin(name)));
  expect(builtins).toEqual([]);
});

test("the page with the headers that give it threads, the built files, and nothing else of this machine", async () => {
  const { get } = await served();
  const page = await get("/");
  expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(page.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  const html = await page.text();
  expect(html).toContain('<script type="importmap">{"imports":{"./dist/a.js":"./dist/absent.js"}}</script>');
  const program = await get("/dist/bench/page.js");
  expect(program.headers.get("content-type")).toMatch(/^text\/javascript/);
  for (const path of ["/package.json", "/dist/..%2fpackage.json", "/peers/tfjs", "/packages/tfjs/package.json"]) {
    expect((await get(path)).status, path).toBe(404);
  }
  expect((await get("/", "evil.example")).status).toBe(403);
  expect((await get("/", "localhost:4748")).status).toBe(200);
});

test("peers that are installed have a document each, with their own files", async () => {
  const jax = { version: "9.8.7", exports: { ".": { require: "./a.cjs", import: { default: "./dist/index.js" } } } };
  write("peers/node_modules/@jax-js/jax/package.json", JSON.stringify(jax));
  write("peers/node_modules/@jax-js/jax/dist/index.js", "export {};");
  for (const name of ["tfjs", "tfjs-backend-webgpu"]) {
    const manifest = { version: "4.3.2", jsdelivr: `dist/${name}.min.js` };
    write(`peers/node_modules/@tensorflow/${name}/package.json`, JSON.stringify(manifest));
  }
  vi.stubEnv("UNROLLED_BENCH_PEERS", join(folder, "peers"));
  const { get, open } = await served();
  vi.unstubAllEnvs();
  expect((await open()).peers).toEqual({
    tfjs: [15, 100].map((dispatches) => ({
      setting: `TensorFlow.js 4.3.2, WebGPU, ${dispatches} dispatches`,
      options: { dispatches },
    })),
    "jax-js": [{ setting: "jax-js 9.8.7, WebGPU", options: {} }],
  });
  expect(await (await get("/peers/jax-js")).text()).toContain('{"@jax-js/jax":"../packages/jax-js/dist/index.js"}');
  expect((await get("/packages/jax-js/dist/index.js")).status).toBe(200);
  expect((await get("/packages/jax-js/..%2f..%2f@tensorflow/tfjs/package.json")).status).toBe(404);
  const scripts = [...(await (await get("/peers/tfjs")).text()).matchAll(/<script src="(.*?)">/g)].map(([, to]) => to);
  expect(scripts).toEqual(["tfjs", "tfjs-backend-webgpu"].map((name) => `../packages/${name}/dist/${name}.min.js`));
});

test("a page is told what is left to measure; of two the newer measures, and the older one is told", async () => {
  const { told, get, open, send } = await served();
  expect(await open()).toMatchObject({
    page: 1,
    shapes: 2,
    rounds: 11,
    seconds: 6,
    todo: [{ index: 0 }, { index: 1 }],
  });
  const connection = await get("/connections/1");
  expect(await send({ page: 1, event: "place", place })).toBe(200);
  expect(await send({ page: 1, event: "row", index: 0, row: rowOf(first.name) })).toBe(200);
  const { page, todo } = await open();
  expect({ page, todo }).toEqual({ page: 2, todo: [{ index: 1, shape: second }] });
  expect(await connection.text()).toMatch(/^Another page measures now\./);
  expect(await send({ page: 1, event: "doing", line: "rounds" })).toBe(409);
  expect(await (await get("/connections/1")).text()).toMatch(/^Another page measures now\./);
  await (await get("/connections/2")).body?.cancel();
  expect(told).toEqual([
    "opened false",
    `place ${JSON.stringify(place)} ""`,
    `row ${first.name}`,
    "opened true",
    "closed",
  ]);
});

test("what is no message of a page is refused: no JSON, another field, a row of no such shape or of one that is there", async () => {
  const { told, open, send, post } = await served();
  expect((await post("/pages", "{}", "text/plain")).status).toBe(415);
  const { page } = await open();
  const row = rowOf(second.name);
  const wrong: unknown[] = [
    "{",
    { page, event: "row", index: 0, row },
    { page, event: "row", index: 1, row: { ...row, unrolled: { ...wasm, tokensPerSecond: null } } },
    { page, event: "row", index: 1, row: { ...row, more: 1 } },
    { page, event: "doing", line: "x".repeat(3000) },
  ];
  for (const message of wrong) expect((await post("/messages", message)).status).toBe(400);
  expect((await post("/messages", `"${"x".repeat(200_000)}"`)).status).toBe(413);
  expect(await send({ page, event: "row", index: 1, row })).toBe(200);
  expect(await send({ page, event: "row", index: 1, row })).toBe(400);
  expect(await send({ page, event: "row", index: 0, row: { shape: first.name, unmeasured: "it is refused" } })).toBe(
    200,
  );
  expect(told).toEqual(["opened false", `row ${second.name}`, `row ${first.name}`]);
});

test("the command says rows as the other tables do, a page that is closed or silent or failed, and when all is measured", async () => {
  let [out, err] = ["", ""];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += text;
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    err += text;
    return true;
  });
  await new Promise<void>((finish) => {
    const options = { shapes: [first, second], json: false, address: () => "http://127.0.0.1:1/", finish };
    const said = teller({ ...options, silenceMs: 5, reloadMs: 5 });
    const until = (pattern: RegExp) => vi.waitUntil(() => pattern.test(err), { timeout: 20_000, interval: 5 });
    const going = async (): Promise<void> => {
      said.opened(false);
      said.place(place, "a browser");
      said.row(rowOf(first.name));
      said.doing("rounds of all");
      await until(/said nothing for .* its last word was "rounds of all"\..* 1 of 2 shapes is measured/);
      said.failed("the loss is not finite.");
      said.closed();
      await until(/The page was closed: 1 of 2 shapes is measured\. Open http:\/\/127\.0\.0\.1:1\/ /);
      said.opened(true);
      said.place(place, "a browser");
      expect(said.measured()).toBe(true);
      said.row({ shape: second.name, unmeasured: "it is refused" });
      said.closed();
    };
    void going();
  });
  expect(err).toContain("The page failed: the loss is not finite. Load it again to go on: 1 of 2 shapes is measured.");
  expect(err).toContain("The page was opened again: 1 of 2 shapes is measured, and it goes on with the others.");
  const lines = out.split("\n");
  expect(lines.slice(0, 4)).toEqual([
    "Graphics card: a card. WASM with 8 threads.",
    "",
    expect.stringMatching(/^ +times as +fast as$/),
    expect.stringMatching(/^shape +tokens\/s +spread +GFLOP\/s +WebGPU +WASM +TF\.js +jax-js$/),
  ]);
  expect(lines.slice(4)).toEqual([
    expect.stringMatching(/^lstm-20-8-16-1-2-5 +12,346 +12 % +12\.3 +2\.47 +1\.00 +missing +1\.00$/),
    "  wasm (relaxed-simd), 8 threads: 12,346 tokens/s, 12.3 GFLOP/s, spread 12 %, 11 rounds",
    "  wasm (relaxed-simd), 1 thread: 2,346 tokens/s, spread 12 %, 11 rounds",
    "  webgpu (a card of some name): 5,000 tokens/s, 12.3 GFLOP/s, spread 12 %, 11 rounds",
    "  jax-js 0.1.25, WebGPU: 12,346 tokens/s, 12.3 GFLOP/s, spread 12 %, 11 rounds",
    "  TF.js is missing: it needs npm i @tensorflow/tfjs @tensorflow/tfjs-backend-webgpu.",
    `${second.name}: not measured. it is refused`,
    "",
  ]);
});

test("a page's table fits into 100 columns", () => {
  const columns = ["webgpu", "wasm", "tfjs", "jax-js"];
  const large = { ...measured, tokensPerSecond: 1_234_567, gflops: 11_112.3 };
  for (const { name } of shapes.filter(({ task }) => task === "train")) {
    const row = { ...rowOf(name), ratio: Object.fromEntries(columns.map((other) => [other, 1234.56])) };
    const lines = shapeLines({ ...row, unrolled: { ...wasm, ...large } }, columns);
    const missing = missingLines({ ...row, peers: { tfjs: null, "jax-js": null } }, new Set(), true);
    for (const line of [...shapeHeader(columns, "tokens", true).split("\n"), ...lines, ...missing]) {
      expect(line.length, line).toBeLessThanOrEqual(100);
    }
  }
  expect(pageShapes.every(({ task }) => task === "train")).toBe(true);
});
