/** Examples and recipes are written against the package's surface. Reads them as text; runs none of them. */
import { dirname, join, sep } from "node:path";
import { describe, expect, test } from "vitest";
import { publicModules } from "../helpers/public-modules.ts";
import { filesBelow, importsOf, isSource, read } from "./modules.ts";

/** Where one has what is no part of the surface, and why, it says itself. */
const inside: Readonly<Record<string, readonly string[]>> = {
  "recipes/shared/command.ts": ["src/cli"],
  "recipes/patterns.ts": ["src/tasks"],
};
/** What the package is asked for by: everything that can be written against it. */
const names = publicModules.map(({ name }) => name);

/** What is wrong with the imports of one program. */
function complaints(file: string, code: string): string[] {
  const folder = `${file.split("/")[0]}/`;
  return importsOf(file, code)
    .filter((name) => {
      if (/^unrolled(\/|$)/.test(name)) return !names.includes(name);
      if (!name.startsWith(".")) return false;
      const target = join(dirname(file), name).split(sep).join("/");
      return !target.startsWith(folder) && !inside[file]?.some((of) => target === of || target.startsWith(`${of}/`));
    })
    .map((name) => `${file} imports ${name}: it is no name of the package, nor a file beside it`);
}

describe("the rule", () => {
  test.each([
    ["examples/a.ts", "../src/nn/model.ts"],
    ["examples/a.ts", "../recipes/b.ts"],
    ["recipes/a.ts", "../src/index.ts"],
    ["recipes/chorales/a.ts", "../../src/graph/cell.ts"],
    ["recipes/patterns.ts", "../src/tasksother/a.ts"],
    ["recipes/a.ts", "unrolled/nn/model"],
    ["recipes/a.ts", "unrolled/src/index.ts"],
  ])("%s may not import %s", (file, name) => {
    expect(complaints(file, `import ${JSON.stringify(name)}`)).toHaveLength(1);
  });
  test.each([
    ["examples/a.ts", "unrolled"],
    ["recipes/a.ts", "unrolled/cells"],
    ["recipes/a.ts", "./chorales/b.ts"],
    ["recipes/chorales/a.ts", "@observablehq/plot"],
    ["recipes/a.ts", "node:fs"],
  ])("%s may import %s", (file, name) => {
    expect(complaints(file, `import ${JSON.stringify(name)}`)).toEqual([]);
  });
});

test("examples and recipes import the package by its names", () => {
  const programs = ["examples", "recipes"].flatMap(filesBelow).filter(isSource);
  expect(programs).toEqual(expect.arrayContaining([...Object.keys(inside), "examples/perceptron.ts"]));
  expect(programs.flatMap((file) => complaints(file, read(file)))).toEqual([]);
  // A file that may have more uses what it may.
  for (const [file, targets] of Object.entries(inside)) {
    const used = importsOf(file, read(file)).map((name) => join(dirname(file), name).split(sep).join("/"));
    for (const of of targets)
      expect(
        used.some((target) => target.startsWith(of)),
        `${file}: ${of}`,
      ).toBe(true);
  }
});
