import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { deprecated, optionsPage } from "./options-page.ts";

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

test("every deprecated name says what to use instead, and CHANGELOG lists it", () => {
  expect([...deprecated.keys()].sort()).toEqual(["Rate", "Run", "Watch", "counted", "createWatch"]);
  const changes = readFileSync(join(file, "../../CHANGELOG.md"), "utf8");
  const list = changes.slice(changes.indexOf("### Deprecated"), changes.indexOf("### Removed"));
  for (const [name, advice] of deprecated) {
    expect(list, name).toMatch(new RegExp(`\\b${name}\\b`));
    expect(advice, name).toMatch(/^Use `\w+`/);
  }
});

test("a deprecated name says so in its heading and below it", () => {
  const section = optionsPage()
    .split("## ")
    .find((one) => one.includes("createWatch"));
  expect(section).toMatch(/^createNonFiniteGuard, createWatch \(deprecated\)\n/);
  expect(section).toContain("`createWatch` is deprecated. Use `createNonFiniteGuard`, which this is.\n");
});
