import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as callbacks from "../../src/callbacks/index.ts";
import * as modelFile from "../../src/formats/model-file.ts";
import * as main from "../../src/index.ts";
import { readPage } from "./pages.ts";

const src = join(import.meta.dirname, "../../src");
const source = ["nn", "train", "data", "text", "callbacks", "tasks"]
  .flatMap((folder) =>
    readdirSync(join(src, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  )
  .filter((name) => name.endsWith(".ts"))
  .map((name) => readFileSync(join(src, name), "utf8"))
  .join("\n");

/** Code in the second and third cells of a page's tables: what stands for something of ours. Without what stands in quotes. */
const codeIn = (page: string, theirs: string): string[] =>
  readPage(page)
    // What is read of files, and written, has their names in all cells.
    .replace(/^## Models of (Keras here|ours in Keras)$[\s\S]*?(?=^## )/gm, "")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith(`| ${theirs} `) && !line.startsWith("| ---"))
    .flatMap((line) => line.split(" | ").slice(1))
    .flatMap((cell) => [...cell.matchAll(/`([^`]*)`/g)].map(([, code]) => code as string))
    .filter((span) => !span.includes(" ~ ")) // An equation.
    .map((span) => span.replace(/"[^"]*"/g, '""'));

describe.each([
  { page: "docs/coming-from-keras.md", theirs: "Keras", functions: 80, names: 60 },
  { page: "docs/coming-from-pytorch.md", theirs: "PyTorch", functions: 40, names: 25 },
])("$page", ({ page, theirs, functions, names }) => {
  const bare = codeIn(page, theirs);

  test("every function in the tables is an export", () => {
    const called = bare.flatMap((span) => [...span.matchAll(/(?<![.\w])(\w+)\(/g)].map(([, name]) => name as string));
    expect(called.length).toBeGreaterThan(functions);
    const exported = { ...main, ...callbacks, ...modelFile };
    expect(called.filter((name) => !Object.hasOwn(exported, name))).toEqual([]);
  });

  test("every option and method in the tables is in the source", () => {
    const options = bare.flatMap((span) =>
      [...span.matchAll(/\b(\w+): |^(\w+)$/g)].map(([, a, b]) => (a ?? b) as string),
    );
    const methods = bare.flatMap((span) => [...span.matchAll(/(?<=^|\))\.(\w+)\(/g)].map(([, name]) => name as string));
    expect(options.length).toBeGreaterThan(names);
    expect(methods.length).toBeGreaterThan(0);
    // Parameters of cells.
    const parameters = Object.values(main.cells).flatMap((cell) => cell.parameters.map(({ name }) => name));
    const missing = [...options, ...methods].filter(
      (name) => !parameters.includes(name) && !new RegExp(`\\b${name}(\\?:|:|\\(|,| =|\\b")`).test(source),
    );
    expect(missing).toEqual([]);
  });
});
