import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pythonJson, readPairs } from "../../src/text/python-json.ts";

describe("pythonJson", () => {
  test("writes what Python's json.dumps writes: blanks after marks, ASCII alone", () => {
    expect(pythonJson({ a: 1, b: null, c: true, d: 'é𝒜\x7f\n"\\/' })).toBe(
      '{"a": 1, "b": null, "c": true, "d": "\\u00e9\\ud835\\udc9c\\u007f\\n\\"\\\\/"}',
    );
    expect(pythonJson({})).toBe("{}");
  });

  test("keeps the order of a map and writes numbers as names", () => {
    expect(
      pythonJson(
        new Map([
          ["whale", 2],
          ["1851", 1],
          ["__proto__", 3],
        ]),
      ),
    ).toBe('{"whale": 2, "1851": 1, "__proto__": 3}');
    expect(
      pythonJson(
        new Map([
          [10, "a"],
          [2, "b"],
        ]),
      ),
    ).toBe('{"10": "a", "2": "b"}');
  });
});

describe("readPairs", () => {
  test("keeps the order of the text, also of names that are numbers", () => {
    expect(readPairs('{"whale": 2, "1851": -1.5e1, "__proto__": "\\u00e9"}', "here")).toEqual([
      ["whale", 2],
      ["1851", -15],
      ["__proto__", "é"],
    ]);
    expect(readPairs(" { } ", "here")).toEqual([]);
  });

  test("property: what pythonJson writes comes back", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    const pairs = fc.uniqueArray(fc.tuple(fc.string({ unit: "binary" }), value), { selector: ([name]) => name });
    fc.assert(
      fc.property(pairs, (entries) => {
        const read = readPairs(pythonJson(new Map(entries)), "here");
        expect(read).toEqual(entries.map(([name, content]) => [name, content === 0 ? 0 : content]));
      }),
    );
  });

  test("throws, with the place, for what is no object of texts and numbers", () => {
    expect(() => readPairs(undefined, '"word_docs"')).toThrow(
      '"word_docs": needs an object as JSON text, got undefined',
    );
    expect(() => readPairs("{", "here")).toThrow("here: needs an object as JSON text; ");
    expect(() => readPairs("[1]", "here")).toThrow("here: needs an object as JSON text, got a list");
    expect(() => readPairs('{"a": {}}', "here")).toThrow('here: "a" needs text or a number, got an object');
  });
});
