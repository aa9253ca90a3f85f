/** Which folder of src may import which, and what no file may hold. Reads the source as text; runs none of it. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { describe, expect, test } from "vitest";
import { filesBelow, importsOf, isBuiltin, isSource, loadedWith, read, root } from "./modules.ts";

/** A folder imports from itself and from folders before it. */
const order =
  "graph grad schedule engines runtime cells nn data train distributed formats callbacks text tasks bench server sweep studio cli".split(
    " ",
  );
/** The last folder of the core, which imports no package and nothing of Node's. */
const core = order.slice(0, order.indexOf("train") + 1);

/** What of the core runs in Node alone, and is in no bundle of a page: see `browser` in package.json. */
const nodeAlone: Readonly<Record<string, readonly string[]>> = {
  "src/engines/native/executable-memory.ts": ["koffi", "node:module"],
  "src/engines/webgpu/node-gpu.ts": ["node:module", "node:url"],
};

/** What is wrong with the imports of one file of src; undefined where nothing is. */
function complaints(file: string, code: string): string[] {
  const folder = file.split("/")[1] as string;
  if (file.split("/").length === 2) return []; // src/index.ts imports what it likes.
  const rank = order.indexOf(folder);
  if (rank < 0) return [`${file}: the folder ${folder} has no place in the order ${order.join(", ")}`];
  const found: string[] = [];
  for (const name of importsOf(file, code)) {
    if (name.startsWith(".")) {
      const target = join(dirname(file), name).split(sep).join("/");
      const targetFolder = target.split("/")[1] as string;
      if (!target.startsWith("src/")) {
        if (core.includes(folder)) found.push(`${file} imports ${name}: outside src`);
      } else if (target.split("/").length === 2) {
        found.push(`${file} imports ${name}: no file imports the public entry`);
      } else if (order.indexOf(targetFolder) < 0 || order.indexOf(targetFolder) > rank) {
        found.push(`${file} imports ${name}: ${folder} comes before ${targetFolder}`);
      }
    } else if (core.includes(folder) && nodeAlone[file]?.includes(name) !== true) {
      found.push(`${file} imports ${name}: the core imports no ${isBuiltin(name) ? "builtin of Node" : "package"}`);
    }
  }
  return found;
}

/** Folders of `src/engines` that others there may import: what engines share. */
const shared = ["vector", "threads"];

/** What is wrong with the imports of one file of an engine, which knows no other; what engines share knows none. */
function engineComplaints(file: string, code: string): string[] {
  const [, engine] = /^src\/engines\/([^/]+)\//.exec(file) ?? [];
  if (engine === undefined) return [];
  return importsOf(file, code).flatMap((name) => {
    const target = join(dirname(file), name).split(sep).join("/");
    const [, other] = /^src\/engines\/([^/]+)\//.exec(target) ?? [];
    const registry = shared.includes(engine) && /^src\/engines\/[^/]+$/.test(target);
    const known = other === undefined || other === engine || shared.includes(other);
    return known && !registry
      ? []
      : [`${file} imports ${name}: ${engine} knows ${registry ? "no engine" : `no ${other}`}`];
  });
}

describe("the rules", () => {
  test("complains about an import from a later folder, of a package and of Node in the core", () => {
    expect(complaints("src/graph/a.ts", 'import "../grad/b.ts"')).toHaveLength(1);
    expect(complaints("src/grad/a.ts", 'import "../graph/b.ts"; import "./c.ts"')).toEqual([]);
    expect(complaints("src/runtime/a.ts", 'await import("node:os")')).toHaveLength(1);
    expect(complaints("src/train/a.ts", 'import "fast-check"')).toHaveLength(1);
    expect(complaints("src/cli/a.ts", 'import "node:fs"; import "../tasks/b.ts"')).toEqual([]);
    expect(complaints("src/cli/a.ts", 'import "../index.ts"')).toHaveLength(1);
    expect(complaints("src/unheard/a.ts", "")).toHaveLength(1);
  });
});

test("complains about an engine that imports another, and about what engines share that imports one", () => {
  expect(
    engineComplaints("src/engines/wasm/a.ts", 'import "../vector/b.ts"; import "./c.ts"; import "../e.ts"'),
  ).toEqual([]);
  expect(engineComplaints("src/engines/wasm/a.ts", 'import "../reference/b.ts"')).toHaveLength(1);
  expect(engineComplaints("src/engines/vector/a.ts", 'import "../wasm/b.ts"; import "../registry.ts"')).toHaveLength(2);
  expect(engineComplaints("src/engines/vector/a.ts", 'import "../../schedule/plan.ts"')).toEqual([]);
  expect(engineComplaints("src/engines/registry.ts", 'import "./wasm/target.ts"')).toEqual([]);
});

describe("the source", () => {
  const sources = filesBelow("src").filter(isSource);

  test("imports only from folders before it", () => {
    expect(sources.some((file) => file.endsWith(".ts")) && sources.some((file) => file.endsWith(".tsx"))).toBe(true);
    expect(sources.flatMap((file) => complaints(file, read(file)))).toEqual([]);
  });

  test("an engine knows no other, and what engines share knows none", () => {
    expect(shared.every((name) => sources.some((file) => file.startsWith(`src/engines/${name}/`)))).toBe(true);
    expect(sources.flatMap((file) => engineComplaints(file, read(file)))).toEqual([]);
  });

  test("a container knows nothing about models", () => {
    const files = sources.filter((file) => file.startsWith("src/formats/containers/"));
    expect(files.length).toBeGreaterThan(2);
    const wrong = files.flatMap((file) =>
      importsOf(file, read(file))
        .filter((name) => name.startsWith("."))
        .map((name) => join(dirname(file), name).split(sep).join("/"))
        .filter((target) => !/^src\/(graph|formats\/containers)\/|^src\/formats\/safetensors\.ts$/.test(target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("names its siblings with the ending .ts or .tsx", () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file, read(file))
        .filter((name) => name.startsWith(".") && /\.jsx?$/.test(name))
        .map((name) => `${file} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  test("holds no path of one machine and no mark of unfinished inner work", () => {
    const folders = ["src", "test", "scripts", ".ci", ".github", "bench", "recipes", "examples", "docs"].flatMap(
      filesBelow,
    );
    const top = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile());
    const files = [...folders, ...top.map((entry) => entry.name)].filter(
      (file) =>
        /(\.(m?[jt]sx?|json|md|py|html|css|ya?ml|toml|sh)|run|\.npmrc)$/.test(file) && !file.includes("fixtures/"),
    );
    const wrong: string[] = [];
    for (const file of files) {
      readFileSync(join(root, file), "utf8")
        .split("\n")
        .forEach((line, index) => {
          const machine = /(?<![\w.)\]}-])\/(work|root|home\/\w+)\//.test(line);
          const unfinished = /TODO\W*internal|internal\W*TODO/i.test(line);
          if (machine || unfinished) wrong.push(`${file}:${index + 1}: ${line.trim()}`);
        });
    }
    // This file spells both out in its patterns, not in a form that they match.
    expect(wrong).toEqual([]);
  });
});

describe("what the command line loads", () => {
  test("to find a command: no command and no package", () => {
    const { files, packages } = loadedWith("src/cli/main.ts");
    expect([...packages]).toEqual([]);
    expect([...files].filter((file) => !/^src\/(cli|graph)\//.test(file))).toEqual([]);
    expect(files.size).toBeLessThan(15);
  });

  test("what reads models of other programs comes with a file of one, and their libraries when it is read", () => {
    const { files, packages } = loadedWith("src/formats/imported.ts");
    // What kind of file an archive is, its directory says.
    expect([...packages]).toEqual(["fflate"]);
    expect([...files].filter((file) => /^src\/(formats\/keras|nn|cells)\//.test(file))).toEqual([
      "src/formats/keras/archive.ts",
    ]);
    const found = filesBelow("src/cli").filter((file) => loadedWith(file).files.has("src/formats/imported.ts"));
    expect(found).toEqual([]);
  });

  test("what unpacks archives is known to the reader of archives alone", () => {
    const found = filesBelow("src").filter((file) => isSource(file) && importsOf(file, read(file)).includes("fflate"));
    expect(found).toEqual(["src/formats/containers/zip.ts"]);
  });

  test("the library for HDF5 is known to what opens it alone, and comes with the first such file", () => {
    const found = filesBelow("src").filter((file) => isSource(file) && importsOf(file, read(file)).includes("h5wasm"));
    expect(found).toEqual(["src/formats/containers/h5wasm.ts"]);
    for (const file of ["src/formats/keras/index.ts", "src/formats/keras/read.ts"])
      expect([...loadedWith(file).packages]).toEqual(["fflate"]);
    expect([...loadedWith("src/formats/tfjs/index.ts").packages]).toEqual([]);
  });

  test("what reads tables and sound comes with the commands that do so, or when a file is read", () => {
    const readers = ["csv-parse/sync", "wavefile"];
    const found = filesBelow("src/cli").flatMap((file) => {
      const { packages } = loadedWith(file);
      return readers.some((name) => packages.has(name)) ? [file.slice("src/cli/".length)] : [];
    });
    expect(found).toEqual(["classify.ts", "detect.ts", "forecast.ts"]);
    for (const task of ["classify", "forecast", "trajectories"]) {
      const { packages } = loadedWith(`src/tasks/${task}/serving.ts`);
      expect(readers.filter((name) => packages.has(name))).toEqual([]);
    }
  });
});
