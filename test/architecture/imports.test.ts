/** Which folder of src may import which, and what no file may hold. Reads the source as text; runs none of it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { parseSync } from "vite";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** A folder imports from itself and from folders before it. */
const order =
  "graph grad interpret schedule wasm runtime cells nn train formats callbacks text tasks bench server studio cli".split(
    " ",
  );
/** The last folder of the core, which imports no package and nothing of Node's. */
const core = order.slice(0, order.indexOf("train") + 1);

/** All files below a folder, as paths from the project's root with "/". */
function filesBelow(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/** What a TypeScript file names in import, export from, import(), import types and import =, as written. */
function importsOf(file: string, code: string): string[] {
  const { program, errors } = parseSync(file, code);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found: string[] = [];
  const literal = (value: unknown) => {
    const node = value as { type?: string; value?: unknown; quasis?: { value: { cooked: string } }[] } | null;
    if (node?.type === "Literal" && typeof node.value === "string") found.push(node.value);
    if (node?.type === "TemplateLiteral") found.push(node.quasis?.[0]?.value.cooked ?? "");
  };
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item);
      return;
    }
    if (typeof node !== "object" || node === null) return;
    const { type, ...rest } = node as Record<string, unknown>;
    if (typeof type === "string" && /^(Import|Export|TSImport)/.test(type)) literal(rest.source);
    if (type === "TSExternalModuleReference") literal(rest.expression);
    // new URL("./worker.ts", import.meta.url) names a module too; other files are data.
    const { callee, arguments: args } = rest as { callee?: { name?: string }; arguments?: { value?: unknown }[] };
    const isModule = /\.[cm]?[jt]s$/.test(String(args?.[0]?.value));
    if (type === "NewExpression" && callee?.name === "URL" && args?.length === 2 && isModule) literal(args[0]);
    if (type === "CallExpression" && callee?.name === "require") literal(args?.[0]);
    for (const value of Object.values(rest)) visit(value);
  };
  visit(program);
  return found;
}

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
    } else if (core.includes(folder)) {
      const builtin = name.startsWith("node:") || builtinModules.includes(name);
      found.push(`${file} imports ${name}: the core imports no ${builtin ? "builtin of Node" : "package"}`);
    }
  }
  return found;
}

describe("the reader of imports", () => {
  test("finds static, dynamic, type, re-exported and worker modules", () => {
    const code = `
      import { a } from "./1.ts";
      import type { B } from "./2.ts";
      import "./3.ts";
      export { c } from "./4.ts";
      export * from "./5.ts";
      export type { D } from "./6.ts";
      type E = import("./7.ts").E;
      const f = await import("./8.ts");
      new Worker(new URL("./9.ts", import.meta.url));
      // import "./no.ts"
      const text = 'import "./no.ts"';
    `;
    expect(importsOf("a.ts", code).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `./${n}.ts`));
  });
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

describe("the source", () => {
  const sources = filesBelow("src").filter((file) => file.endsWith(".ts"));

  test("imports only from folders before it", () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.flatMap((file) => complaints(file, readFileSync(join(root, file), "utf8")))).toEqual([]);
  });

  test("names its siblings with the ending .ts", () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file, readFileSync(join(root, file), "utf8"))
        .filter((name) => name.startsWith(".") && name.endsWith(".js"))
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
