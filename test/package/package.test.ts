/** The package as its users get it: packed, installed into an empty project, used from Node, TypeScript and a browser. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { build } from "vite";
import { beforeAll, describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { withPage } from "../browser/harness.ts";
import { publicModules } from "../helpers/public-modules.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const root = join(import.meta.dirname, "../..");
const inRoot = (tool: string) => join(root, "node_modules", tool);

/** The empty project of a user; holds the tarball too. */
const project = temporaryFolder();
let tarball = "";
let packed: { size: number; unpackedSize: number; files: { path: string; size: number }[] };

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
  run(project, "npm", "install", "--omit=optional", "--prefer-offline", "--no-audit", "--no-fund", tarball);
});

const installed = join(project, "node_modules/unrolled");
const pathsIn = (): string[] => packed.files.map(({ path }) => path);
/** Compiled modules; the studio's and the command line's are bundled, and no modules of the package. */
const compiled = (path: string): boolean => /^dist\/(?!studio\/|cli\/)/.test(path);

test("the tarball holds the built files, their source, the book, the changes and the licence: below 25 MB, packed 6.7 MB", () => {
  const paths = pathsIn();
  expect(paths).toEqual(expect.arrayContaining(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]));
  expect(paths).toEqual(expect.arrayContaining(["dist/index.js", "dist/index.d.ts", "src/index.ts"]));
  expect(paths).toEqual(expect.arrayContaining(["dist/studio/data/moby-dick.txt", "dist/cli/main.js"]));
  const others = paths.filter((path) => !/^(dist|src)\//.test(path));
  expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
  expect(paths.filter((path) => /built-from|\.test\.|tsbuildinfo|^src\/studio/.test(path))).toEqual([]);
  expect(packed.unpackedSize).toBeLessThan(25_000_000);
  expect(packed.size).toBeLessThan(6_700_000);
});

test("every compiled file is reached from an export, and every one of the command line from its start", () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    const code = readFileSync(join(installed, path), "utf8");
    for (const [, name = ""] of code.matchAll(/(?:from|import|import\(|new URL\()\s*"(\.[^"]+\.js)"/g))
      visit(posix.join(posix.dirname(path), name));
  };
  for (const { source } of publicModules) visit(source.replace(/^src\/(.*)\.ts$/, "dist/$1.js"));
  visit("dist/cli/main.js");
  // What bundlers of pages take in place of something of Node's.
  const { browser } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  for (const path of Object.values<string>(browser)) visit(path.replace("./", ""));
  visit("dist/bench/page.js"); // The program of a page that the command line serves.
  const modules = pathsIn().filter((path) => (compiled(path) || path.startsWith("dist/cli/")) && path.endsWith(".js"));
  expect(modules.length).toBeGreaterThan(200);
  // A module of types alone is imported by no JavaScript.
  const withCode = modules.filter(
    (path) => !/^(?:\s|\/\*[\s\S]*?\*\/|\/\/.*|export \{\};)*$/.test(readFileSync(join(installed, path), "utf8")),
  );
  // The command line has the first in its bundle; here it is for the types of what may be given one. The second is the program of
  // processes, which are started by its path.
  const others = ["dist/engines/native/listing.js", "dist/sweep/child.js"];
  expect(withCode.filter((path) => !reached.has(path))).toEqual(others);
});

test("every compiled file and every declaration has a map, which leads to a source in the package", () => {
  const paths = new Set(pathsIn());
  const wrong: string[] = [];
  const mapped = [...paths].filter((path) => compiled(path) && /\.(js|d\.ts)$/.test(path));
  expect(mapped.length).toBeGreaterThan(400);
  for (const path of mapped) {
    const map = `${path}.map`;
    const end = readFileSync(join(installed, path), "utf8").trimEnd().split("\n").at(-1);
    if (end !== `//# sourceMappingURL=${posix.basename(map)}`) wrong.push(`${path} ends with ${end}`);
    if (!paths.has(map)) wrong.push(`${map} is missing`);
    else {
      const { sources, sourceRoot } = JSON.parse(readFileSync(join(installed, map), "utf8"));
      const [source = "", ...more] = sources.map((name: string) =>
        posix.join(posix.dirname(path), sourceRoot ?? "", name),
      );
      if (more.length > 0 || !paths.has(source)) wrong.push(`${map} leads to ${[source, ...more]}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("with --enable-source-maps a stack names the lines of the source", () => {
  const script = `
    import { cell, EquationError } from "unrolled";
    try { cell("h' = sigmod(x)"); } catch (error) {
      if (!(error instanceof EquationError)) throw error;
      console.log(error.stack);
    }
  `;
  writeFileSync(join(project, "stack.js"), script);
  const stack = run(project, process.execPath, "--enable-source-maps", "stack.js");
  const places = [...stack.matchAll(/unrolled[\\/](src[\\/][\w\\/-]+\.ts):(\d+):\d+/g)];
  expect(places.length).toBeGreaterThan(1);
  expect(stack).not.toMatch(/dist[\\/].*\.js:\d/);
  // Where the error was made, there is what made it.
  const [, file = "", line] = places[0] as RegExpMatchArray;
  expect(readFileSync(join(installed, file), "utf8").split("\n")[Number(line) - 1]).toMatch(
    /new EquationError|throw|fail/,
  );
});

describe("what can be imported from the package", () => {
  /** Run a function in the user's project, which gets names and gives what is JSON. */
  const inProject = <T>(name: string, body: string, given: unknown): T => {
    writeFileSync(join(project, `${name}.json`), JSON.stringify(given));
    const read = `import { readFileSync } from "node:fs"; const given = JSON.parse(readFileSync("${name}.json", "utf8"));`;
    writeFileSync(join(project, `${name}.mjs`), `${read}\n${body}`);
    return JSON.parse(run(project, process.execPath, `${name}.mjs`));
  };
  const imports = `
    const found = {};
    for (const name of given) found[name] = Object.keys(await import(name)).length;
    console.log(JSON.stringify(found));`;

  test("every module of exports, with names in it", () => {
    const names = publicModules.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        "unrolled",
        "unrolled/callbacks",
        "unrolled/cells",
        "unrolled/formats/model-file",
        "unrolled/server",
      ]),
    );
    const found = inProject<Record<string, number>>("modules", imports, names);
    expect(Object.keys(found)).toEqual(names);
    expect(Object.entries(found).filter(([, count]) => count === 0)).toEqual([]);
  });

  test("each cell alone, by the name of its file: the pattern publishes nothing else", () => {
    const files = pathsIn().flatMap((path) => /^dist\/cells\/(.*)\.js$/.exec(path)?.[1] ?? []);
    const names = files.filter((file) => file !== "index");
    expect(names.sort()).toEqual(Object.keys(cells).sort());
    const found = inProject<Record<string, number>>(
      "cells",
      imports,
      names.map((name) => `unrolled/cells/${name}`),
    );
    expect(Object.values(found).filter((count) => count !== 1)).toEqual([]);
  });

  test("the book and package.json, as files", () => {
    const names = ["unrolled/data/moby-dick.txt", "unrolled/package.json"];
    const code = `
      import { fileURLToPath } from "node:url";
      const size = (name) => readFileSync(fileURLToPath(import.meta.resolve(name))).length;
      console.log(JSON.stringify(given.map(size)));`;
    const [book = 0, description = 0] = inProject<number[]>("files", code, names);
    expect(book).toBeGreaterThan(1_000_000);
    expect(description).toBeGreaterThan(1_000);
  });

  test("nothing internal: no other file of the package, however it is named", () => {
    const published = new Set([
      ...publicModules.map(({ name }) => name),
      ...Object.keys(cells).map((name) => `unrolled/cells/${name}`),
      ...["unrolled/package.json", "unrolled/data/moby-dick.txt"],
    ]);
    const names = pathsIn()
      .flatMap((path) => [path, path.replace(/^(dist|src)\//, "")])
      .flatMap((path) => [path, path.replace(/\.(js|ts|d\.ts)$/, ""), path.replace(/\/?index\.js$/, "")])
      .map((path) => `unrolled/${path}`.replace(/\/$/, ""))
      .filter((name) => !published.has(name) && !name.startsWith("unrolled/cells/"));
    const unique = [...new Set([...names, "unrolled/cells/index", "unrolled/cells/index.js"])].filter(
      (name) => name !== "unrolled",
    );
    expect(unique.length).toBeGreaterThan(1_000);
    expect(unique).toEqual(
      expect.arrayContaining(["unrolled/dist/cli/main.js", "unrolled/engines/wasm/emit", "unrolled/data/arrays"]),
    );
    const code = `
      import { existsSync } from "node:fs";
      import { fileURLToPath } from "node:url";
      const reached = given.filter((name) => {
        try { return existsSync(fileURLToPath(import.meta.resolve(name))); }
        catch (error) { if (error.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw error; return false; }
      });
      console.log(JSON.stringify(reached));`;
    expect(inProject<string[]>("internal", code, unique)).toEqual([]);
  });
});

test("Moby-Dick is whole", () => {
  const text = readFileSync(join(project, "node_modules/unrolled/dist/studio/data/moby-dick.txt"), "utf8");
  expect(text.startsWith("CHAPTER 1. Loomings.\n\nCall me Ishmael. ")).toBe(true);
  expect(text.endsWith("only found another orphan.\n")).toBe(true);
  expect(text.match(/^CHAPTER \d+\. .*[.!?]\n\n/gm)).toHaveLength(135);
});

test("few and small dependencies are installed; what is optional can be left out", () => {
  const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  const names = [
    ...["@bsull/augurs", "@hono/node-server", "@noble/hashes", "@opentelemetry/api", "bintrees", "crc-32", "csv-parse"],
    ...[
      "fflate",
      "hono",
      "midi-file",
      "pbf",
      "prom-client",
      "protocol-buffers-schema",
      "resolve-protobuf-schema",
      "tdigest",
    ],
    ...["unrolled", "wavefile", "zod"],
  ];
  const needed = Object.keys(packages).filter((name) => packages[name].optional !== true);
  expect(needed).toEqual(["", ...names.map((name) => `node_modules/${name}`)]);
  expect(existsSync(join(project, "node_modules/koffi"))).toBe(false);
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
  const all = publicModules.map(({ name }, index) => `export * as module${index} from "${name}";`);
  // What is marked @internal is in no declaration.
  const internal = `
    // @ts-expect-error
    import { aTokenizer } from "unrolled/text/tokenizer";
    // @ts-expect-error
    import "unrolled/data/arrays";
    import { lstm } from "unrolled/cells/lstm";
    export const output: string = lstm.output;
    void aTokenizer;
  `;
  const text = "export const text: string = message;";
  writeFileSync(join(project, "consumer.ts"), [consumer, text, ...all, internal].join("\n"));
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
  const options = [
    "--profile",
    "esm-only",
    "--exclude-entrypoints",
    "data/moby-dick.txt",
    "--no-definitely-typed",
    "--format",
    "ascii",
    "--no-emoji",
  ];
  run(project, process.execPath, inRoot("@arethetypeswrong/cli/dist/index.js"), ...options, tarball);
});
