import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { type Pattern, signalOf } from "../../src/tasks/patterns.ts";

/** Of each character a digit. */
const ofCharacters = (text: string, pattern: Pattern): string => signalOf([...text], pattern).join("");

describe("signalOf", () => {
  test("quotes: from the opening one to before the closing one; a paragraph's end closes what was left open", () => {
    expect(ofCharacters('a "bc" d', { kind: "quotes" })).toBe("00111000");
    expect(ofCharacters("a “bc” d", { kind: "quotes" })).toBe("00111000");
    expect(ofCharacters('"a\nb\n\nc', { kind: "quotes" })).toBe("1111100");
  });
  test("parentheses: nested ones close one after the other; one too many closes nothing", () => {
    expect(ofCharacters("(a(b)c)d)e(f", { kind: "parentheses" })).toBe("111111000011");
  });
  test("line: characters since its beginning", () => {
    expect(ofCharacters("ab\ncde", { kind: "line" })).toBe("120123");
  });
  test("expression: every character of a match, and every token that has one", () => {
    expect(ofCharacters("the whale, a Whale", { kind: "expression", source: "[wW]hale" })).toBe("000011111000011111");
    expect([...signalOf(["the", " wh", "ale", ",", " x"], { kind: "expression", source: "hal" })]).toEqual([
      0, 1, 1, 0, 0,
    ]);
    expect(ofCharacters("abc", { kind: "expression", source: "x*" })).toBe("000");
    expect(() => signalOf(["a"], { kind: "expression", source: "(" })).toThrow(InputError);
  });
  test("a token is what its last character is; one without text, what was before it", () => {
    expect([...signalOf(['a "b', 'c" ', "", "d"], { kind: "quotes" })]).toEqual([1, 0, 0, 0]);
    expect([...signalOf(["ab", "", "\nc"], { kind: "line" })]).toEqual([2, 2, 1]);
  });
});
