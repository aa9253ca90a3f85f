import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { tile, walkthrough } from "./walkthrough.ts";

const file = join(resolve(import.meta.dirname, "../.."), "ARCHITECTURE.md");
const parts = [
  ["walkthrough", "what the stages really make", walkthrough],
  ["tile", "the machine code of a tile as it is", tile],
] as const;

test.each(parts)("the %s of ARCHITECTURE.md shows %s (UPDATE_DOCS=1 writes it anew)", async (name, _, make) => {
  const [start, end] = [`<!-- ${name}: made by test/architecture -->`, `<!-- end of ${name} -->`];
  const text = readFileSync(file, "utf8");
  const [from, to] = [text.indexOf(start) + start.length, text.indexOf(end)];
  expect(from).toBeGreaterThan(start.length);
  expect(to).toBeGreaterThan(from);
  const made = `\n${await make()}\n`;
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(file, text.slice(0, from) + made + text.slice(to));
  else expect(text.slice(from, to)).toBe(made);
});
