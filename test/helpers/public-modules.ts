/** What the package publishes: the modules that `exports` of package.json names, and where their source lies. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
type Target = string | null | { readonly types: string; readonly default: string };
export type Manifest = {
  readonly version: string;
  readonly exports: Readonly<Record<string, Target>>;
  readonly [field: string]: unknown;
};

export const manifest: Manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

export type PublicModule = {
  /** As it is imported: `unrolled/text/tokenizer`. */
  readonly name: string;
  /** From the project's root: `src/text/tokenizer.ts`. */
  readonly source: string;
};

/** Modules alone: no data, no package.json, and not the pattern of the single cells. */
export const publicModules: readonly PublicModule[] = Object.entries(manifest.exports).flatMap(([path, target]) => {
  if (target === null || typeof target === "string" || path.includes("*")) return [];
  const source = target.default.replace(/^\.\/dist\/(.*)\.js$/, "src/$1.ts");
  return [{ name: path.replace(/^\./, "unrolled"), source }];
});
