/** Every instruction, with every kind of operand, is the bytes that the GNU assembler makes of it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Assembler, type Isa } from "../../../src/engines/native/assembler.ts";
import { gnu } from "../../helpers/gnu-assembler.ts";
import { encodings } from "./encodings.ts";

const isas: readonly Isa[] = ["avx512", "avx2"];
/** What GNU binutils 2.40 made: `UPDATE_ENCODINGS=1` writes it anew. */
const record = join(import.meta.dirname, "encodings.json");
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
