import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { defaultFilters, textToWordSequence } from "../../src/text/word-sequence.ts";

describe("textToWordSequence", () => {
  test("small letters, no punctuation, cut at blanks", () => {
    expect(textToWordSequence("Call me Ishmael. Some years ago--never mind!")).toEqual(
      "call me ishmael some years ago never mind".split(" "),
    );
  });

  test("the apostrophe is no punctuation; tab and line break are blanks, a carriage return is not", () => {
    expect(textToWordSequence("don't\tstop\nme\r\n")).toEqual(["don't", "stop", "me\r"]);
  });

  test("the default filters are Keras's 34 characters", () => {
    expect(defaultFilters).toBe('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n');
    expect(textToWordSequence(defaultFilters)).toEqual([]);
  });

  test("filters become the split, of which empty pieces are left out", () => {
    expect(textToWordSequence("a,b;;c d", { filters: ",;", split: "|" })).toEqual(["a", "b", "c d"]);
    expect(textToWordSequence("a--b-c", { filters: "", split: "--" })).toEqual(["a", "b-c"]);
    expect(textToWordSequence("a.b", { filters: ".", split: "<>" })).toEqual(["a", "b"]);
  });

  test("letters are made small before anything is filtered", () => {
    expect(textToWordSequence("aXbxc", { filters: "x" })).toEqual(["a", "b", "c"]);
    expect(textToWordSequence("aXbxc", { filters: "x", lower: false })).toEqual(["aXb", "c"]);
  });

  test("small letters are those of Python: İ becomes two code points, a last Σ becomes ς", () => {
    expect(textToWordSequence("İ ΣΑΣ ẞ")).toEqual(["i\u0307", "σας", "ß"]);
  });

  test("filters are code points, not halves of surrogate pairs", () => {
    expect(textToWordSequence("a𝒜b𝒞c", { filters: "𝒜" })).toEqual(["a", "b𝒞c"]);
  });

  test("an empty text has no words", () => {
    expect(textToWordSequence("")).toEqual([]);
    expect(textToWordSequence(" \n ")).toEqual([]);
  });

  test("property: words hold no filtered character and no blank, and are in the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const words = textToWordSequence(text, { lower: false });
        for (const word of words) {
          expect(word).not.toBe("");
          expect([...word].some((character) => character === " " || defaultFilters.includes(character))).toBe(false);
          expect(text).toContain(word);
        }
      }),
    );
  });

  test("throws for what is no text and for an empty split", () => {
    expect(() => textToWordSequence(5 as never)).toThrow(
      new InputError("textToWordSequence: text must be a string, got 5"),
    );
    expect(() => textToWordSequence("a", { split: "" })).toThrow("split must be a non-empty string");
  });
});
