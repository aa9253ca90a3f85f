import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { createRandom } from "../../src/nn/random.ts";
import { correlations, type Pattern, signalOf } from "../../src/studio/engine/patterns.ts";

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

describe("correlations", () => {
  test("1 and -1 of what follows the signal, 0 of what never changes, else Pearson's", () => {
    const signal = Float32Array.of(0, 1, 1, 0, 2);
    const units = signal.length;
    const data = Float32Array.from({ length: 4 * units }, (_, k) => {
      const x = signal[Math.floor(k / 4)] as number;
      return [3 * x + 1, -2 * x, 5, Math.floor(k / 4)][k % 4] as number;
    });
    const [up, down, flat, other] = correlations(data, 4, signal);
    expect(up).toBeCloseTo(1, 6);
    expect(down).toBeCloseTo(-1, 6);
    expect(flat).toBe(0);
    // Sums of squares 10 and 2.8, of products 3.
    expect(other).toBeCloseTo(3 / Math.sqrt(10 * 2.8), 6);
    expect([...correlations(data, 4, new Float32Array(units).fill(7))]).toEqual([0, 0, 0, 0]);
  });
  test("of noise around a large mean: within five standard errors of 0", () => {
    const random = createRandom(3);
    const count = 200_000;
    const signal = Float32Array.from({ length: count }, () => random.integer(2));
    const data = Float32Array.from({ length: count }, () => 1000 + random.normal());
    expect(Math.abs(correlations(data, 1, signal)[0] as number)).toBeLessThan(5 / Math.sqrt(count));
  });
});
