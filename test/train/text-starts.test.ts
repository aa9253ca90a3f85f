/** Passes over separate texts, whose parts begin where texts do. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { partsAtTexts } from "../../src/train/text-starts.ts";

const end = 9;
const partsOf = (tokens: number[], parts: number, offset: number): number[][] => {
  const source = partsAtTexts(Int32Array.from(tokens), { parts, end, offset });
  const length = source.length / parts;
  return Array.from({ length: parts }, (_, b) => {
    const run = new Int32Array(length);
    source.read(b * length, run);
    return [...run];
  });
};

test("each part begins with the end of the text before, and goes on in a circle", () => {
  const tokens = [1, 1, 9, 2, 2, 9, 3, 3, 9, 4, 4, 9];
  expect(partsOf(tokens, 2, 0)).toEqual([
    [9, 2, 2, 9, 3, 3],
    [9, 4, 4, 9, 1, 1],
  ]);
  expect(partsOf(tokens, 2, 4)).toEqual([
    [9, 3, 3, 9, 4, 4],
    [9, 1, 1, 9, 2, 2],
  ]);
  expect(partsOf(tokens, 2, 11)).toEqual([
    [9, 1, 1, 9, 2, 2],
    [9, 3, 3, 9, 4, 4],
  ]);
});

test("a part of a long text begins within it, so that nothing is left out", () => {
  const tokens = [1, 2, 3, 4, 5, 6, 7, 9];
  expect(partsOf(tokens, 2, 0)).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 9],
  ]);
  expect(partsOf([1, 2, 3], 1, 1)).toEqual([[2, 3, 1]]);
});

test("any run of the parts is read as it stands in the texts: 300 drawn", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0, 1, 2, end), { minLength: 4, maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(59),
      fc.nat(),
      fc.nat(),
      (tokens, parts, offset, a, b) => {
        const source = partsAtTexts(Int32Array.from(tokens), { parts, end, offset });
        const length = Math.floor(tokens.length / parts);
        expect(source.length).toBe(parts * length);
        const whole = partsOf(tokens, parts, offset);
        const circle = [...tokens, ...tokens].join();
        for (const part of whole) expect(circle).toContain(part.join());
        const from = a % source.length;
        const run = new Int32Array(1 + (b % (source.length - from)));
        source.read(from, run);
        expect([...run]).toEqual(whole.flat().slice(from, from + run.length));
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});
