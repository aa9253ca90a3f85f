import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import * as callbacks from "../../src/callbacks/index.ts";
import * as modelFile from "../../src/formats/model-file.ts";
import * as main from "../../src/index.ts";
import { readPage } from "./pages.ts";

const src = join(import.meta.dirname, "../../src");
const source = ["nn", "train", "text", "callbacks", "tasks"]
  .flatMap((folder) => readdirSync(join(src, folder)).map((file) => readFileSync(join(src, folder, file), "utf8")))
  .join("\n");

/** Code in the second and third cells of the tables: what stands for something of ours. */
const spans = readPage("docs/coming-from-keras.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| Keras ") && !line.startsWith("| ---"))
  .flatMap((line) => line.split(" | ").slice(1))
  .flatMap((cell) => [...cell.matchAll(/`([^`]*)`/g)].map(([, code]) => code as string))
  .filter((span) => !span.includes(" ~ ")); // An equation.
/** Without what stands in quotes. */
const bare = spans.map((span) => span.replace(/"[^"]*"/g, '""'));

test("every function in the tables is an export", () => {
  const called = bare.flatMap((span) => [...span.matchAll(/(?<![.\w])(\w+)\(/g)].map(([, name]) => name as string));
  expect(called.length).toBeGreaterThan(80);
  const exported = { ...main, ...callbacks, ...modelFile };
  expect(called.filter((name) => !Object.hasOwn(exported, name))).toEqual([]);
});

test("every option and method in the tables is in the source", () => {
  const options = bare.flatMap((span) =>
    [...span.matchAll(/\b(\w+): |^(\w+)$/g)].map(([, a, b]) => (a ?? b) as string),
  );
  const methods = bare.flatMap((span) => [...span.matchAll(/(?<=^|\))\.(\w+)\(/g)].map(([, name]) => name as string));
  expect(options.length).toBeGreaterThan(60);
  expect(methods).toContain("resetStates");
  const missing = [...options, ...methods].filter(
    (name) => !new RegExp(`\\b${name}(\\?:|:|\\(|,| =|\\b")`).test(source),
  );
  expect(missing).toEqual([]);
});
