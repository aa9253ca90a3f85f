/** JSON in pieces is JSON. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonPieces, LazyList } from "../../src/server/json.ts";

const written = (value: unknown): string => [...jsonPieces(value)].join("");
/** Lists of an object's fields as lazy ones. */
const lazily = (value: unknown, together: number): unknown =>
  Array.isArray(value) ? new LazyList(value.length, (at) => value[at], together) : value;

test("any value in pieces is what JSON.stringify makes of it, lists lazy or not", () => {
  const fields = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(fields, fc.nat({ max: 5 }), (value, together) => {
      expect(written(value)).toBe(JSON.stringify(value));
      const lazy = Object.fromEntries(Object.entries(value).map(([k, one]) => [k, lazily(one, together + 1)]));
      expect(written({ nested: [lazy, lazy] })).toBe(JSON.stringify({ nested: [value, value] }));
    }),
  );
});

test("a long text is in pieces that end between characters, and says the same", () => {
  for (const text of [
    "a".repeat(50_000),
    "☃".repeat(30_000),
    `x${"😀".repeat(20_000)}`,
    '"\\\n'.repeat(20_000),
    "\ud800".repeat(20_000),
  ]) {
    const pieces = [...jsonPieces({ text })];
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe(JSON.stringify({ text }));
    for (const piece of pieces) expect(new TextDecoder().decode(new TextEncoder().encode(piece))).toBe(piece);
  }
});

test("items of a lazy list are made as they are written: a piece is some 16 KB", () => {
  let made = 0;
  const list = new LazyList(1_000_000, (at) => {
    made++;
    return at;
  });
  const pieces = jsonPieces({ list });
  const first = pieces.next().value as string;
  expect(first.length).toBeLessThan(20_000);
  expect(made).toBeLessThan(6000);
});
