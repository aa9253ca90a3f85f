/** Manifests of Kubernetes, and what the compiler says of them by the types that are made from the API's own description. */
import { spawnSync } from "node:child_process";
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "vitest";
import { parseAllDocuments } from "yaml";
import { root } from "./processes.ts";

/** The documents of a YAML file, as plain values. */
export const valuesOf = (text: string): unknown[] =>
  parseAllDocuments(text, { merge: true }).map((one) => {
    expect([...one.errors, ...one.warnings]).toEqual([]);
    return one.toJS();
  });

/**
 * @param values each with the type that it should have
 * @param types where in kubernetes-types each type lies: { Service: "core/v1" }
 */
export function complaintsOf(
  values: readonly { readonly type: string; readonly value: unknown }[],
  types: Readonly<Record<string, string>>,
  folder: string,
): string {
  const modules = join(folder, "node_modules");
  if (!existsSync(modules)) symlinkSync(join(root, "node_modules"), modules, "junction");
  const imports = Object.entries(types).map(([kind, path]) => `import { ${kind} } from "kubernetes-types/${path}";`);
  const constants = values.map(({ type, value }, k) => {
    expect(types).toHaveProperty(type);
    return `export const manifest${k}: ${type} = ${JSON.stringify(value, undefined, 2)};`;
  });
  writeFileSync(join(folder, "manifests.ts"), [...imports, ...constants].join("\n"));
  const compiler = resolve(root, "node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "bundler", "--module", "esnext"];
  const args = [compiler, ...options, "--types", "", "manifests.ts"];
  return spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" }).stdout;
}
