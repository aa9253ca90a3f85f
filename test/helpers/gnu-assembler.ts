/** The GNU assembler, where it is installed. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { temporaryFolder } from "./temporary-folder.ts";

const folder = temporaryFolder();

/** Of texts in Intel's syntax, the bytes of each as the GNU assembler makes them; undefined where it is not installed. */
export function gnu(texts: readonly string[]): string[] | undefined {
  const [source, object] = [join(folder, "code.s"), join(folder, "code.o")];
  const lines = texts.map((text, k) => `at${k}:\n${text}\n`);
  writeFileSync(source, `.intel_syntax noprefix\n${lines.join("")}at${texts.length}:\n`);
  const { error, stderr } = spawnSync("as", ["--64", "-o", object, source], { encoding: "utf8" });
  if (error !== undefined) return undefined;
  expect(stderr).toBe("");
  const symbols = spawnSync("nm", [object], { encoding: "utf8" }).stdout.trim().split("\n");
  const at = new Map(symbols.map((line) => [line.split(" ")[2], Number.parseInt(line, 16)]));
  const code = join(folder, "code.bin");
  expect(spawnSync("objcopy", ["-O", "binary", "-j", ".text", object, code]).status).toBe(0);
  const bytes = readFileSync(code);
  return texts.map((_, k) => bytes.subarray(at.get(`at${k}`), at.get(`at${k + 1}`)).toString("hex"));
}
