import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { walkthrough } from "./walkthrough.ts";

const file = join(resolve(import.meta.dirname, "../.."), "ARCHITECTURE.md");
const [start, end] = ["<!-- walkthrough: made by test/architecture -->", "<!-- end of walkthrough -->"];

test("ARCHITECTURE.md shows what the stages really make (UPDATE_DOCS=1 writes it anew)", async () => {
  const text = readFileSync(file, "utf8");
  const [from, to] = [text.indexOf(start) + start.length, text.indexOf(end)];
  expect(from).toBeGreaterThan(start.length);
  expect(to).toBeGreaterThan(from);
  const made = `\n${await walkthrough()}\n`;
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(file, text.slice(0, from) + made + text.slice(to));
  else expect(text.slice(from, to)).toBe(made);
});
