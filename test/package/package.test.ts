/** The package as its users get it: packed, installed into an empty project, used from Node, TypeScript and a browser. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withPage } from "../browser/harness.ts";

const root = join(import.meta.dirname, "../..");
const inRoot = (tool: string) => join(root, "node_modules", tool);

/** The empty project of a user; holds the tarball too. */
const project = mkdtempSync(join(tmpdir(), "unrolled-package-"));
let tarball = "";
let packed: { unpackedSize: number; files: { path: string; size: number }[] };

const consumer = `
  import { cell, cells, createTrainer, dense, embedding, recurrent, sequential } from "unrolled";
  const elman = cell("h' = tanh(W @ x + U @ h + b)");
  const model = sequential([embedding(5, 4), recurrent(elman, { units: 6, returnSequences: true }), dense(5)]);
  const trainer = await createTrainer(model, { batch: 1, steps: 4 });
  const [tokens, targets] = [[0, 1, 2, 3], [1, 2, 3, 4]];
  const losses = [0].slice(1);
  for (let k = 0; k < 50; k++) losses.push(await trainer.update(tokens, targets));
  const message = [...elman.states, cells.lstm.output, Number(losses[49]) < Number(losses[0])].join(" ");
`;
const message = "h h' true";

/** Run a command in a folder; fails the test with its output unless it ends with 0. */
function run(folder: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit code ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

beforeAll(() => {
  run(root, process.execPath, "scripts/build.mjs", "--if-stale");
  [packed] = JSON.parse(run(root, "npm", "pack", "--ignore-scripts", "--json", "--pack-destination", project));
  tarball = join(project, (packed as unknown as { filename: string }).filename);
  writeFileSync(join(project, "package.json"), '{ "name": "consumer", "private": true, "type": "module" }');
  // The few dependencies are in npm's cache, for they are installed here too; what describes them may not be.
  run(project, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", tarball);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

test("the tarball holds the built files, the book and the licence, and is below 5.25 MB", () => {
  const paths = packed.files.map((file) => file.path);
  expect(paths).toEqual(expect.arrayContaining(["LICENSE", "package.json", "dist/index.js", "dist/index.d.ts"]));
  expect(paths).toEqual(expect.arrayContaining(["dist/studio/data/moby-dick.txt", "dist/cli/main.js"]));
  expect(paths.filter((path) => !/^(dist\/|LICENSE$|README\.md$|package\.json$)/.test(path))).toEqual([]);
  expect(paths.filter((path) => /built-from|\.test\.|tsbuildinfo/.test(path))).toEqual([]);
  expect(packed.unpackedSize).toBeLessThan(5_250_000);
});

test("Moby-Dick is whole", () => {
  const text = readFileSync(join(project, "node_modules/unrolled/dist/studio/data/moby-dick.txt"), "utf8");
  expect(text.startsWith("CHAPTER 1. Loomings.\n\nCall me Ishmael. ")).toBe(true);
  expect(text.endsWith("only found another orphan.\n")).toBe(true);
  expect(text.match(/^CHAPTER \d+\. .*[.!?]\n\n/gm)).toHaveLength(135);
});

test("few and small dependencies are installed", () => {
  const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  const names = [
    ...["@hono/node-server", "@noble/hashes", "@opentelemetry/api", "bintrees", "crc-32", "hono", "pbf", "prom-client"],
    ...["protocol-buffers-schema", "resolve-protobuf-schema", "tdigest", "unrolled", "zod"],
  ];
  expect(Object.keys(packages)).toEqual(["", ...names.map((name) => `node_modules/${name}`)]);
});

test("a Node script imports it", () => {
  writeFileSync(join(project, "script.js"), `${consumer} console.log(message);`);
  expect(run(project, process.execPath, "script.js").trim()).toBe(message);
});

test("the callbacks that write files come from unrolled/callbacks", () => {
  const script = `
    import { csvLogger, jsonLinesLogger, modelCheckpoint, tensorBoard } from "unrolled/callbacks";
    const board = tensorBoard("logs");
    board.onTrainBegin();
    board.onEpochEnd(0, { loss: 1.5 });
    console.log([csvLogger, jsonLinesLogger, modelCheckpoint].map((one) => typeof one("file")).join(" "));
  `;
  writeFileSync(join(project, "callbacks.js"), script);
  expect(run(project, process.execPath, "callbacks.js").trim()).toBe("object object object");
  expect(readdirSync(join(project, "logs/train"))).toHaveLength(1);
});

test("models are served by unrolled/server", () => {
  const script = `
    import { languageModel } from "unrolled";
    import { createServer } from "unrolled/server";
    const server = await createServer({ tiny: languageModel("hello world", { units: 4 }) });
    const answer = await server.fetch(new Request("http://localhost/v1/models"));
    console.log((await answer.json()).data[0].id);
  `;
  writeFileSync(join(project, "server.js"), script);
  expect(run(project, process.execPath, "server.js").trim()).toBe("tiny");
});

test("the command line runs: help, version, a model trained on a text and one on the book within", () => {
  const unrolled = (...args: string[]) => run(project, "npx", "--no-install", "unrolled", ...args);
  expect(unrolled("--help")).toMatch(/Usage: unrolled COMMAND/);
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(unrolled("--version").trim()).toBe(version);
  writeFileSync(join(project, "text.txt"), "to be or not to be, that is the question. ".repeat(60));
  const tiny = ["--units", "4", "--steps", "16", "--json"];
  const last = (lines: string) => JSON.parse(lines.trim().split("\n").at(-1) as string);
  expect(last(unrolled("train", "text.txt", "--out", "m.safetensors", "--batch", "4", ...tiny))).toMatchObject({
    event: "done",
    file: "m.safetensors",
  });
  expect(last(unrolled("generate", "m.safetensors", "--length", "7", "--json")).tokens).toBe(7);
  expect(last(unrolled("train", "--out", "book.safetensors", "--epochs", "0.01", ...tiny)).event).toBe("done");
});

test.each(["nodenext", "bundler"])("its types check with module resolution %s", (moduleResolution) => {
  writeFileSync(join(project, "consumer.ts"), `${consumer} export const text: string = message;`);
  const compilerOptions = {
    target: "es2022",
    lib: ["es2023", "dom"],
    module: moduleResolution === "bundler" ? "preserve" : "nodenext",
    moduleResolution,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: [],
    noEmit: true,
  };
  const config = `tsconfig.${moduleResolution}.json`;
  writeFileSync(join(project, config), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
  run(project, process.execPath, inRoot("typescript/bin/tsc"), "-p", config);
});

test("a page built with Vite runs in Chromium", async () => {
  const page = join(project, "page");
  mkdirSync(page, { recursive: true });
  writeFileSync(join(page, "index.html"), '<!doctype html><script type="module" src="./main.js"></script>');
  writeFileSync(join(page, "main.js"), `${consumer} document.title = message;`);
  await build({ root: page, configFile: false, logLevel: "error", build: { outDir: "dist" } });
  await withPage({ isolated: false, folder: join(page, "dist") }, async (tab) => {
    await tab.waitForFunction(() => document.title !== "", undefined, { timeout: 10_000 });
    expect(await tab.title()).toBe(message);
  });
});

test("publint finds no error", async () => {
  const pkgDir = join(project, "node_modules/unrolled");
  const { messages } = await publint({ pkgDir, pack: false, level: "warning" });
  const pkg = JSON.parse(readFileSync(join(pkgDir, "package.json"), "utf8"));
  expect(messages.map((found) => formatMessage(found, pkg, { color: false }))).toEqual([]);
});

test("its types resolve wherever ESM does", () => {
  const options = ["--profile", "esm-only", "--no-definitely-typed", "--format", "ascii", "--no-emoji"];
  run(project, process.execPath, inRoot("@arethetypeswrong/cli/dist/index.js"), ...options, tarball);
});
