/** Which part of the studio may import which. Reads the source as text; runs none of it. */
import { dirname, join, sep } from "node:path";
import { describe, expect, test } from "vitest";
import { filesBelow, isBuiltin, isSource, modulesOf, read } from "./modules.ts";

/**
 * A part imports from itself and from parts before it. `texts` is what the page says, `page` the files at the top that any of
 * the page may need: where the reader is, what loads, what is noticed, what lasts. What stands around the views, and what begins
 * it all, are files too.
 */
const order = ["texts", "page", "engine", "components", "models", "views", "course", "shell.tsx", "main.tsx"];
/** What computes: the page asks the engine, which is in a worker, and imports of it the way to ask and types. */
const computing = ["grad", "schedule", "engines", "runtime"];
/** What reads equations and makes models of them, of folders that have more for a page: it is for the engine too. */
const reading = ["graph/cell", "graph/parse", "nn/layers", "nn/model", "nn/initializers"].map(
  (file) => `src/${file}.ts`,
);
/** What is not for a page. */
const elsewhere = ["bench", "callbacks", "cli", "server"];

function partOf(file: string): string {
  const [, , top = "", ...rest] = file.split("/");
  return rest.length > 0 || order.includes(top) ? top : "page";
}

/** What is wrong with the imports of one file of the studio. */
function complaints(file: string, code: string): string[] {
  const part = partOf(file);
  const rank = order.indexOf(part);
  if (rank < 0) return [`${file}: ${part} has no place in the order ${order.join(", ")}`];
  const found: string[] = [];
  for (const { name, types } of modulesOf(file, code)) {
    const complain = (why: string): unknown => found.push(`${file} imports ${name}: ${why}`);
    if (isBuiltin(name)) complain("a page has nothing of Node's");
    if (!name.startsWith(".")) continue;
    const target = join(dirname(file), name).split(sep).join("/");
    const [, folder = "", , view] = target.split("/");
    if (folder === "studio") {
      const other = partOf(target);
      if (!order.includes(other) || order.indexOf(other) > rank) complain(`${part} comes before ${other}`);
      else if (part === "views" && other === "views" && view !== file.split("/")[3])
        complain("views know nothing of each other");
      const asks = target === "src/studio/engine/engine.ts";
      if (other === "engine" && part !== "engine" && !types && !asks)
        complain("of the engine, values come from engine.ts");
    } else {
      if (elsewhere.includes(folder)) complain(`${folder} is not for a page`);
      if (part !== "engine" && computing.includes(folder)) complain(`the engine, in its worker, computes`);
      if (part !== "engine" && reading.includes(target) && !types)
        complain("the engine, in its worker, reads equations");
    }
  }
  return found;
}

/** All files of src that a file reaches by what stays of its imports, itself included. */
function reached(start: string): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const visit = (file: string): void => {
    if (found.has(file) || !isSource(file)) return;
    const names = modulesOf(file, read(file)).filter(({ types }) => !types);
    found.set(
      file,
      names.map(({ name }) => name),
    );
    for (const { name } of names) if (name.startsWith(".")) visit(join(dirname(file), name).split(sep).join("/"));
  };
  visit(start);
  return found;
}

describe("the rules", () => {
  test.each([
    ["engine/a.ts", '"../components/b.tsx"', "engine comes before components"],
    ["components/a.tsx", '"../models/b.ts"', "components comes before models"],
    ["models/a.tsx", '"../views/lab/b.ts"', "models comes before views"],
    ["views/lab/a.tsx", '"../../shell.tsx"', "views comes before shell.tsx"],
    ["views/lab/a.tsx", '"../write/b.ts"', "views know nothing of each other"],
    ["notices.ts", '"./components/b.ts"', "page comes before components"],
    ["views/lab/a.ts", '"../../engine/b.ts"', "of the engine, values come from engine.ts"],
    ["views/lab/a.ts", '"../../../schedule/b.ts"', "the engine, in its worker, computes"],
    ["views/lab/a.ts", '"../../../graph/cell.ts"', "the engine, in its worker, reads equations"],
    ["views/lab/a.ts", '"../../../engines/wasm/b.ts"', "the engine, in its worker, computes"],
    ["engine/a.ts", '"../../server/b.ts"', "server is not for a page"],
    ["components/a.tsx", '"node:fs"', "a page has nothing of Node's"],
    ["lost/a.tsx", '"preact"', "lost has no place in the order"],
  ])("%s importing %s: %s", (file, name, complaint) => {
    const [only, ...more] = complaints(`src/studio/${file}`, `import { x } from ${name}; export const y = x;`);
    expect(only).toContain(complaint);
    expect(more).toEqual([]);
  });
  test.each([
    ["views/lab/a.tsx", '"./b.ts"'],
    ["views/lab/a.tsx", '"../../models/b.ts"'],
    ["views/lab/a.tsx", '"../../engine/engine.ts"'],
    ["engine/a.ts", '"../../schedule/b.ts"'],
    ["shell.tsx", '"./views/lab/lab.tsx"'],
    ["components/a.tsx", '"preact/hooks"'],
  ])("%s may import %s", (file, name) => {
    expect(complaints(`src/studio/${file}`, `import { x } from ${name}; export const y = x;`)).toEqual([]);
  });
  test("a type of the engine is known everywhere", () => {
    expect(complaints("src/studio/views/lab/a.ts", 'import type { X } from "../../engine/b.ts";')).toEqual([]);
  });
});

describe("the studio", () => {
  const sources = filesBelow("src/studio").filter(isSource);

  test("imports only from parts before it", () => {
    expect(new Set(sources.map(partOf))).toEqual(new Set(order));
    expect(sources.flatMap((file) => complaints(file, read(file)))).toEqual([]);
  });

  test.each(["src/studio/main.tsx", "src/studio/engine/worker.ts"])("nothing that %s reaches needs Node", (start) => {
    const files = reached(start);
    // The build puts `absent.ts` in its place.
    for (const file of files.keys())
      if (/^src\/engines\/(native\/|webgpu\/node-gpu\.ts)/.test(file)) files.delete(file);
    expect(files.size).toBeGreaterThan(50);
    expect([...files].flatMap(([file, names]) => names.filter(isBuiltin).map((name) => `${file}: ${name}`))).toEqual(
      [],
    );
  });
});
