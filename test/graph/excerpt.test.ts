import fc from "fast-check";
import { expect, test } from "vitest";
import { excerpt, graphemeEnd } from "../../src/graph/excerpt.ts";
import { formatValue } from "../../src/graph/schema.ts";

const family = "👩‍👩‍👧‍👦"; // 11 UTF-16 units, one character to a reader.

test("an excerpt never ends within what people see as one character", () => {
  expect(excerpt(`a${family}b`, 11)).toBe("a…");
  expect(excerpt(`a${family}b`, 12)).toBe(`a${family}…`);
  expect(excerpt(`a${family}`, 12)).toBe(`a${family}`);
  expect(excerpt("e\u0301e\u0301e\u0301", 3)).toBe("e\u0301…");
  expect(excerpt("🇩🇪🇫🇷", 6)).toBe("🇩🇪…");
  expect(excerpt("\u1100\u1161\u11a8\u1100\u1161\u11a8", 4)).toBe("\u1100\u1161\u11a8…");
  expect(formatValue(`${"x".repeat(39)}😀`)).toBe(`"${"x".repeat(39)}…"`);
});

test("marks without an end are cut between code points", () => {
  const marked = `😀${"\u0301".repeat(200)}`;
  expect(excerpt(marked, 10)).toBe(`${marked.slice(0, 10)}…`);
  expect(graphemeEnd("😀\u0301", 1)).toBe(0);
});

test("property: it is a beginning, no longer than asked for, and no half of a surrogate pair", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), fc.integer({ min: 0, max: 40 }), (text, most) => {
      const end = graphemeEnd(text, most);
      expect(end).toBeLessThanOrEqual(Math.max(0, Math.min(text.length, most)));
      expect(text.slice(0, end)).not.toMatch(/\p{Surrogate}/u);
      expect(excerpt(text, most)).toBe(end === text.length ? text : `${text.slice(0, end)}…`);
    }),
  );
});
