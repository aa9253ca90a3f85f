/** Every instruction, with every kind of operand, is the bytes that the GNU assembler makes of it. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Assembler, type Isa } from "../../../src/engines/native/assembler.ts";
import { temporaryFolder } from "../../helpers/temporary-folder.ts";
import { encodings } from "./encodings.ts";

const isas: readonly Isa[] = ["avx512", "avx2"];
/** What GNU binutils 2.40 made: `UPDATE_ENCODINGS=1` writes it anew. */
const record = join(import.meta.dirname, "encodings.json");
const folder = temporaryFolder();

/** Of the lines as the GNU assembler understands them, the bytes; undefined where it is not installed. */
function gnu(texts: readonly string[]): string[] | undefined {
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

const ours = (isa: Isa): [string, string][] =>
  encodings[isa].map(({ text, make }) => {
    const a = new Assembler(isa);
    make(a);
    const bytes = a.at;
    return [text, Buffer.from(a.finish()).subarray(0, bytes).toString("hex")];
  });

test.each(isas)("%s: as recorded", (isa) => {
  const recorded: Record<Isa, Record<string, string>> = JSON.parse(readFileSync(record, "utf8"));
  expect(Object.fromEntries(ours(isa))).toEqual(recorded[isa]);
  expect(Object.keys(recorded[isa]).length).toBeGreaterThan(300);
});

test.runIf(gnu([]) !== undefined).each(isas)("%s: as the assembler that is installed makes it", (isa) => {
  const texts = encodings[isa].map(({ text }) => text);
  const theirs = gnu(texts) as string[];
  if (process.env.UPDATE_ENCODINGS !== undefined) {
    const all = JSON.parse(readFileSync(record, "utf8"));
    all[isa] = Object.fromEntries(texts.map((text, k) => [text, theirs[k]]));
    writeFileSync(record, `${JSON.stringify(all, null, 1)}\n`);
  }
  expect(ours(isa)).toEqual(texts.map((text, k) => [text, theirs[k]]));
});

test("a jump and a call go to their labels, backwards and forwards, and constants lie behind the code", () => {
  const a = new Assembler("avx2");
  const [back, ahead] = [a.label(), a.label()];
  a.place(back);
  a.jumpIf("l", ahead);
  a.call(back);
  a.load(1, a.constants([1, 2, 3, 4, 5, 6, 7, 8]));
  a.place(ahead);
  a.jump(back);
  a.ret();
  const bytes = a.finish();
  const code = Buffer.from(bytes);
  expect(code.subarray(0, 26).toString("hex")).toBe("0f8c0e000000e8f5ffffffc4e17c100d2c000000e9e7ffffffc3");
  expect([...new Uint32Array(bytes.buffer, 64)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});
