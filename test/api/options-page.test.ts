import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { optionsPage } from "./options-page.ts";

const file = join(resolve(import.meta.dirname, "../.."), "docs/options.md");
const start = "<!-- made by test/api -->\n\n";

test("docs/options.md shows the rules that check each entry (UPDATE_DOCS=1 writes it anew)", () => {
  const text = readFileSync(file, "utf8");
  const from = text.indexOf(start) + start.length;
  expect(from).toBeGreaterThan(start.length);
  const made = optionsPage();
  if (process.env.UPDATE_DOCS !== undefined) writeFileSync(file, text.slice(0, from) + made);
  else expect(text.slice(from)).toBe(made);
});
