/** Recipes and examples as `npm run recipe` and `npm run example` build them, each once, run one after the other in one process. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll } from "vitest";
import { buildPrograms } from "../../scripts/programs.mjs";
import { createHost } from "./host.ts";
import { root } from "./processes.ts";

export type Said = { readonly code: number | null; readonly out: string; readonly err: string };

/** What runs the recipes, or the examples, of a test file by their names. */
export function programs(kind: "recipe" | "example"): (name: string, ...args: string[]) => Promise<Said> {
  const cache = join(root, "node_modules/.cache/unrolled");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, `${kind}s-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const built = new Map<string, Promise<void>>();
  const host = createHost(["--import", pathToFileURL(join(root, "scripts/one-line-errors.mjs")).href]);
  return async (name, ...args) => {
    const output = join(folder, name);
    const once = built.get(name) ?? buildPrograms(kind, [name], output);
    built.set(name, once);
    await once;
    const { code, out, err } = await host(root, join(output, `${name}.mjs`), args);
    return { code, out, err };
  };
}
