import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeSamplingTable, skipgrams } from "../../src/text/skipgrams.ts";

describe("skipgrams", () => {
  const plain = { negativeSamples: 0, shuffle: false, seed: 1 };

  test("every word with its neighbours to either side, in order", () => {
    expect(skipgrams([1, 2, 3], 4, { ...plain, windowSize: 1 })).toEqual({
      couples: [
        [1, 2],
        [2, 1],
        [2, 3],
        [3, 2],
      ],
      labels: [1, 1, 1, 1],
    });
    expect(skipgrams([1, 2, 3], 4, plain).couples).toHaveLength(6);
  });

  test("index 0 is no word, neither in the middle nor beside", () => {
    expect(skipgrams([1, 0, 2], 3, { ...plain, windowSize: 1 }).couples).toEqual([]);
    expect(skipgrams([1, 0, 2], 3, { ...plain, windowSize: 2 }).couples).toEqual([
      [1, 2],
      [2, 1],
    ]);
  });

  test("negativeSamples: that many random pairs for every true one, fractions dropped", () => {
    for (const [negativeSamples, count] of [
      [0, 0],
      [0.5, 3],
      [1, 6],
      [0.3, 1],
      [2, 12],
    ] as const) {
      const { couples, labels } = skipgrams([1, 2, 3], 10, { ...plain, negativeSamples });
      expect(labels).toEqual([...Array(6).fill(1), ...Array(count).fill(0)]);
      expect(couples).toHaveLength(6 + count);
      for (const [word, other] of couples.slice(6)) {
        expect([1, 2, 3]).toContain(word);
        expect(other >= 1 && other <= 9).toBe(true);
      }
    }
  });

  test("one for each: the words of the random pairs are those of the true ones", () => {
    const { couples } = skipgrams([1, 2, 3, 2], 10, { negativeSamples: 1, shuffle: false, seed: 4 });
    const words = couples.map(([word]) => word);
    expect(words.slice(words.length / 2).sort()).toEqual(words.slice(0, words.length / 2).sort());
  });

  test("shuffle keeps each pair's label", () => {
    // Words 1 to 3 are neighbours; a random partner from 4 on tells a random pair.
    const { couples, labels } = skipgrams([1, 2, 3], 1000, { seed: 2 });
    couples.forEach(([, other], i) => {
      if (other > 3) expect(labels[i]).toBe(0);
    });
    expect(labels).not.toEqual([...labels].sort((a, b) => b - a));
    expect(labels.filter((label) => label === 1)).toHaveLength(6);
  });

  test("categorical: [0, 1] is true, [1, 0] is random", () => {
    const { labels } = skipgrams([1, 2], 5, { categorical: true, shuffle: false, seed: 1 });
    expect(labels).toEqual([
      [0, 1],
      [0, 1],
      [1, 0],
      [1, 0],
    ]);
  });

  test("samplingTable: words of probability 0 are no middle, those of 1 always", () => {
    const { couples } = skipgrams([1, 2, 1], 3, { ...plain, windowSize: 1, samplingTable: [0, 0, 1] });
    expect(couples).toEqual([
      [2, 1],
      [2, 1],
    ]);
    const sequence = Array<number>(4000).fill(1);
    const taken = skipgrams(sequence, 2, { ...plain, windowSize: 1, samplingTable: [0, 0.25] }).couples.length / 2;
    expect(Math.abs(taken / 4000 - 0.25)).toBeLessThan(0.03);
  });

  test("a seed repeats everything; another one differs", () => {
    const draw = (seed: number) => skipgrams([1, 2, 3, 4], 100, { seed });
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
    expect(skipgrams([1, 2], 9).couples).toHaveLength(4); // Without a seed it draws one.
  });

  test("property: true pairs are those within the window", () => {
    const sequence = fc.array(fc.nat({ max: 5 }));
    fc.assert(
      fc.property(sequence, fc.nat({ max: 4 }), (indices, windowSize) => {
        const expected = indices.flatMap((word, i) =>
          indices.flatMap((other, j) =>
            i !== j && Math.abs(i - j) <= windowSize && word && other ? [[word, other]] : [],
          ),
        );
        expect(skipgrams(indices, 6, { ...plain, windowSize }).couples).toEqual(expected);
      }),
    );
  });

  test("no words, no pairs", () => {
    expect(skipgrams([], 5)).toEqual({ couples: [], labels: [] });
    expect(skipgrams([3], 5)).toEqual({ couples: [], labels: [] });
  });

  test("throws for what is out of its range", () => {
    expect(() => skipgrams([1, -1], 5)).toThrow("sequence[1]: needs an index, a whole number from 0, got -1");
    expect(() => skipgrams([1], 1)).toThrow("vocabularySize must be a whole number of at least 2");
    expect(() => skipgrams([1], 5, { windowSize: 1.5 })).toThrow(
      "windowSize must be a whole number of at least 0, got 1.5",
    );
    expect(() => skipgrams([1], 5, { negativeSamples: -1 })).toThrow(
      "negativeSamples must be a number in [0, Infinity), got -1",
    );
    expect(() => skipgrams([1, 4], 5, { samplingTable: [1, 1] })).toThrow(
      "samplingTable: has 2 probabilities, but sequence[1] is 4",
    );
  });
});

describe("makeSamplingTable", () => {
  test("Keras's values", () => {
    const table = makeSamplingTable(3);
    [0.00315225, 0.00315225, 0.00547597].forEach((value, i) => expect(table[i]).toBeCloseTo(value, 8));
    expect(makeSamplingTable(10)[9]).toBeCloseTo(0.01595580205967933, 15);
  });

  test("rarer words are likelier, and 1 is the most", () => {
    const table = makeSamplingTable(100, 0.3);
    for (let i = 1; i < 100; i++) expect(table[i]! >= table[i - 1]!).toBe(true);
    expect(table[99]).toBe(1);
  });

  test("throws for a size below 1 and a factor that is not positive", () => {
    expect(() => makeSamplingTable(0)).toThrow("size must be a whole number from 1 to 268435456, got 0");
    expect(() => makeSamplingTable(5, 0)).toThrow("samplingFactor must be a number in (0, Infinity), got 0");
  });
});
