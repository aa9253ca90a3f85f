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
