/** The page's texts: English as a whole, and what another language's file may get wrong. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "vite";
import { describe, expect, test } from "vitest";
import { about } from "../../src/cells/index.ts";
import { checkTexts, partsOf } from "../../src/studio/texts/check-texts.ts";
import english from "../../src/studio/texts/en.json" with { type: "json" };
import { fill, rich, texts } from "../../src/studio/texts/texts.ts";

describe("messages", () => {
  test("without a language in the address the texts are English, and each is an ICU message", () => {
    expect(texts).toEqual(english);
    expect(checkTexts(english, english)).toEqual({ texts: english, problems: [] });
  });

  test("values fill holes, and plurals follow the number", () => {
    const message = "{name}: {n, plural, one {# step} other {# steps}}";
    expect(fill(message, { name: "f", n: 1 })).toBe("f: 1 step");
    expect(fill(message, { name: "f", n: 1200 })).toBe("f: 1,200 steps");
    expect(() => fill(message, { n: 1 })).toThrow(/name/);
  });

  test("elements stand in holes and around what tags enclose", () => {
    const [before, bold, after, link] = rich("A <b>gate</b> of {cell}", { cell: "an LSTM" }) as {
      type: string;
      props: object;
    }[];
    expect([before, bold?.type, bold?.props, after]).toEqual(["A ", "b", { children: ["gate"] }, " of an LSTM"]);
    expect(link).toBeUndefined();
    expect(rich("<a>here</a>", { a: (inside) => ["to ", inside] })).toEqual(["to ", "here"]);
  });
});

describe("the page", () => {
  /** Names, a function and an expression, which are the same in every language. */
  const names = [
    "Unrolled",
    "x =",
    "w₁",
    "w₂",
    "w₃",
    "b",
    "U",
    "U h",
    "C",
    "ADE",
    "FDE",
    "SVG",
    "PNG",
    "x",
    "h",
    "tanh",
    "whale|\\bsea\\b",
  ];
  const spoken = new Set(["aria-label", "aria-description", "alt", "label", "placeholder", "title"]);
  const source = join(import.meta.dirname, "../../src/studio");
  const files = (readdirSync(source, { recursive: true }) as string[])
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".tsx"));

  type Node = { readonly type?: string; readonly value?: unknown; readonly name?: { readonly name?: string } };
  /** What elements say themselves: the text in them, and values of attributes that are spoken or shown. */
  function saidIn(node: unknown, isSpoken = false): string[] {
    if (Array.isArray(node)) return node.flatMap((one) => saidIn(one, isSpoken));
    if (typeof node !== "object" || node === null) return [];
    const { type, value, name } = node as Node;
    if (type === "JSXText" || (isSpoken && type === "Literal")) return [String(value).trim()];
    if (isSpoken && type === "TemplateElement") return [(value as { readonly cooked: string }).cooked.trim()];
    if (type === "JSXAttribute") return saidIn(value, spoken.has(name?.name ?? ""));
    // What is given to a function is a key, or a message's values.
    const inside = isSpoken && type !== "CallExpression" && type !== "BinaryExpression";
    return Object.values(node).flatMap((child) => saidIn(child, inside));
  }

  test.each(files)("%s says nothing that is not in the file of texts", (file) => {
    const { program } = parseSync(file, readFileSync(join(source, file), "utf8"));
    expect(saidIn(program).filter((text) => /\p{L}/u.test(text) && !names.includes(text))).toEqual([]);
  });

  test("the gallery says of each built-in cell what the library says", () => {
    const told = Object.entries(about).map(([name, { differs }]) => [name, differs]);
    expect(texts.components.cells).toEqual(Object.fromEntries(told));
  });
});

describe("another language", () => {
  const original = { a: { title: "{n} <b>units</b>", list: ["one", "two"] }, b: "end" };

  test("a text with the same holes in another order is taken", () => {
    const german = { a: { title: "<b>Einheiten</b>: {n}", list: ["eins", "zwei"] }, b: "Ende" };
    expect(checkTexts(original, german)).toEqual({ texts: german, problems: [] });
  });

  test.each([
    [{ a: { title: "<b>Einheiten</b>", list: ["eins", "zwei"] }, b: "Ende" }, "a.title: {n} is missing in it"],
    [{ a: { title: "{n} <b>x</b> {m}", list: ["eins", "zwei"] }, b: "Ende" }, "a.title: the original has no {m}"],
    [{ a: { title: "{n} <b>x</b>", list: ["eins"] }, b: "Ende" }, "a.list.1: it is missing"],
    [{ a: { title: "{n} <b>x</b>", list: ["eins", "zwei"] }, b: 3 }, "b: it is 3, not a text"],
    [{ a: { title: "{n <b>x</b>", list: ["eins", "zwei"] }, b: "Ende" }, /^a\.title: it is no ICU message/],
  ])("%j: that text alone is the original's", (found, problem) => {
    const { problems } = checkTexts(original, found);
    expect(problems).toEqual([typeof problem === "string" ? problem : expect.stringMatching(problem)]);
  });

  test.each([null, 3, "x", [], {}])("%j is no language: all texts are the original's", (found) => {
    expect(checkTexts(original, found)).toMatchObject({ texts: original, problems: { length: 4 } });
  });

  test("the parts of a message are those of all its plurals", () => {
    expect(partsOf("{n, plural, one {<b>one</b> {x}} other {#}}")).toEqual(["<b>", "{n}", "{x}"]);
  });
});
