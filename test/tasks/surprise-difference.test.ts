/** The surprise of two models by one text, where their tokens are the same and where they are not. */
import { expect, test } from "vitest";
import { createRandom } from "../../src/nn/random.ts";
import {
  type Comparison,
  compareSurprise,
  largestDifferences,
  partOf,
  type ReadTokens,
} from "../../src/tasks/surprise-difference.ts";

const read = (texts: readonly string[], bits: readonly number[], unknown: readonly string[] = []): ReadTokens => ({
  ...{ texts, unknown },
  bits: Float32Array.from(bits),
});
function compared(a: ReadTokens, b: ReadTokens): Comparison {
  const comparison = compareSurprise(a, b);
  if ("at" in comparison) throw new Error(`they differ at ${comparison.at}`);
  return comparison;
}

test("of the same tokens each is a part, and the first does not count", () => {
  const { texts, difference, totals, characters, leftOut } = compared(
    read([..."abc"], [0, 3, 1]),
    read([..."abc"], [0, 1, 2]),
  );
  expect(texts).toEqual(["a", "b", "c"]);
  expect([...difference]).toEqual([0, 2, -1]);
  expect([totals, characters, leftOut]).toEqual([[4, 3], 2, 0]);
});

test("characters beside words: the bits of the characters of a word are added up", () => {
  const comparison = compared(read([..."the cat"], [0, 1, 1, 2, 5, 1, 1]), read(["the", " ", "cat"], [0, 0.5, 6]));
  expect(comparison.texts).toEqual(["the", " ", "cat"]);
  expect(comparison.first.map((first) => [...first])).toEqual([
    [0, 3, 4, 7],
    [0, 1, 2, 3],
  ]);
  expect([comparison.totals, comparison.characters, comparison.tokens]).toEqual([[9, 6.5], 4, [4, 2]]);
  expect([...comparison.difference]).toEqual([0, 1.5, 1]);
  const [first] = comparison.first;
  expect([0, 2, 3, 4, 6].map((token) => partOf(first, token))).toEqual([0, 0, 1, 2, 2]);
  expect(largestDifferences(comparison, 1, 9)).toEqual([1, 2]);
  expect(largestDifferences(comparison, -1, 9)).toEqual([]);
});

test("where tokens overlap, a part goes to where both end; parts of a character belong to it", () => {
  const { texts, first } = compared(
    read(["ab", "cd", "e", "", "é"], [0, 1, 1, 1, 1]),
    read(["a", "bc", "d", "eé"], [0, 1, 1, 1]),
  );
  expect(texts).toEqual(["abcd", "eé"]);
  expect(first.map((each) => [...each])).toEqual([
    [0, 2, 5],
    [0, 3, 4],
  ]);
});

test("a character that one does not know, and one that one reads in lower case, are left out of both totals", () => {
  const a = read([..."xaßBc"], [0, 1, 9, 2, 1], ["ß"]);
  const b = read([..."xaßbc"], [0, 2, 4, 1, 3]);
  const { counts, totals, characters, leftOut } = compared(a, b);
  expect([...counts]).toEqual([0, 1, 0, 0, 1]);
  expect([totals, characters, leftOut]).toEqual([[2, 5], 2, 2]);
});

test("characters beyond 16 bits are one each", () => {
  const { characters, leftOut } = compared(read(["a", "😀", "😃"], [0, 1, 1]), read(["a", "😀😃"], [0, 1]));
  expect([characters, leftOut]).toEqual([2, 0]);
});

test("texts that differ by more than capitals are not compared; it is said from where on", () => {
  expect(compareSurprise(read(["the cat, sat"], [0]), read(["the cat", " sat"], [0, 1]))).toEqual({
    ...{ at: 7, read: [", sat", " sat"] },
  });
  expect(compareSurprise(read(["ab"], [0]), read(["a"], [0]))).toEqual({ at: 1, read: ["b", ""] });
});

test.each([1, 2, 3])("random cuts of a text: parts are the text, and their bits all bits (seed %d)", (seed) => {
  const random = createRandom(seed);
  const text = Array.from({ length: 200 }, () => String.fromCharCode(97 + random.integer(5))).join("");
  const cut = (): ReadTokens => {
    const texts: string[] = [];
    for (let at = 0; at < text.length; ) {
      const length = random.integer(4);
      texts.push(text.slice(at, at + length));
      at += length;
    }
    return read(
      texts,
      texts.map(() => random.integer(100) / 4),
    );
  };
  const [a, b] = [cut(), cut()];
  const { texts, first, bits, difference, counts, totals, tokens } = compared(a, b);
  expect(texts.join("")).toBe(text);
  [a, b].forEach((own, side) => {
    const starts = first[side as 0 | 1];
    texts.forEach((part, k) => {
      const range = [starts[k], starts[k + 1]] as [number, number];
      if (k < texts.length - 1 || part !== "") expect(own.texts.slice(...range).join("")).toBe(part);
      expect(bits[side as 0 | 1][k]).toBeCloseTo(
        own.bits.slice(...range).reduce((sum, x) => sum + x, 0),
        4,
      );
      expect(partOf(starts, range[1] - 1)).toBe(k);
    });
    expect(bits[side as 0 | 1].reduce((sum, x) => sum + x, 0)).toBeCloseTo(
      own.bits.reduce((sum, x) => sum + x, 0),
      2,
    );
    expect(totals[side]).toBeCloseTo(
      bits[side as 0 | 1].reduce((sum, x, k) => sum + (counts[k] ?? 0) * x, 0),
      3,
    );
    expect(tokens[side]).toBe(own.texts.length - (starts[1] as number));
  });
  texts.forEach((_, k) => {
    expect(difference[k]).toBeCloseTo(counts[k] === 1 ? (bits[0][k] as number) - (bits[1][k] as number) : 0, 4);
  });
});
