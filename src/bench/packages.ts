/**
 * Where packages that are no dependencies of ours may lie: the folder that UNROLLED_BENCH_PEERS names, then the
 * working directory. Knows nothing about what they are for.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export type Found = {
  /** From which Node finds the package. */
  readonly from: string;
  /** The package's own. */
  readonly folder: string;
  readonly version: string;
};

export function findPackage(name: string): Found | undefined {
  const { UNROLLED_BENCH_PEERS: peers } = process.env;
  for (const from of [...(peers === undefined ? [] : [resolve(peers)]), process.cwd()]) {
    for (const modules of requireFrom(from).resolve.paths(name) ?? []) {
      const folder = join(modules, name);
      const file = join(folder, "package.json");
      if (existsSync(file)) return { from, folder, version: JSON.parse(readFileSync(file, "utf8")).version };
    }
  }
  return undefined;
}

/** `require` as a module in that folder would have it. */
export const requireFrom = (folder: string): NodeJS.Require => createRequire(join(folder, "_.js"));

type Manifest = {
  readonly exports?: Readonly<Record<string, unknown>> | string;
  readonly module?: string;
  readonly main?: string;
  readonly unpkg?: string;
  readonly jsdelivr?: string;
};
const manifestOf = ({ folder }: Found): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const withoutDot = (path: string): string => path.replace(/^\.\//, "");

/** The module that a page imports for a package, as a path in its folder. */
export function moduleOf(found: Found): string {
  const { exports, module, main = "index.js" } = manifestOf(found);
  let entry: unknown = typeof exports === "object" ? exports["."] : exports;
  while (typeof entry === "object" && entry !== null) {
    const { browser, import: imported, default: other } = entry as Readonly<Record<string, unknown>>;
    entry = browser ?? imported ?? other;
  }
  return withoutDot(typeof entry === "string" ? entry : (module ?? main));
}

/** The script that a page loads for a package, as a path in its folder; undefined where it says none. */
export function scriptOf(found: Found): string | undefined {
  const { unpkg, jsdelivr = unpkg } = manifestOf(found);
  return jsdelivr === undefined ? undefined : withoutDot(jsdelivr);
}
