import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashingTrick, oneHot } from "../../src/text/hashing.ts";

describe("hashingTrick", () => {
  test("md5: int(md5(word).hexdigest(), 16) % (n - 1) + 1, the numbers that Python gives", () => {
    const digests = {
      the: 0x8fc42c6ddf9966db3b09e84365034357n,
      whale: 0x1ebfd5913ef450b92b9e65b6de09acadn,
      é: 0x66ddcd97cfdeabb2f6fb8a999b4bc76fn, // of the bytes c3 a9
    };
    for (const [word, digest] of Object.entries(digests)) {
      for (const n of [2, 3, 100, 1_000_000, 2 ** 53 - 1]) {
        expect(hashingTrick(`${word.toUpperCase()}!`, n)).toEqual([Number(digest % BigInt(n - 1)) + 1]);
      }
    }
    expect(hashingTrick("The whale, the 漢字", 100)).toEqual([51, 6, 51, 2]);
  });

  test("a function may hash instead; its negative numbers count as Python's % has them", () => {
    const hashFunction = (word: string) => -word.length;
    // -1 % 9 = 8, -3 % 9 = 6 and -9 % 9 = 0 in Python; one more each.
    expect(hashingTrick("a the wonderful", 10, { hashFunction })).toEqual([9, 7, 1]);
    expect(hashingTrick("a", 10, { hashFunction: () => 10n ** 30n + 4n })).toEqual([6]);
  });

  test("an analyzer takes the place of filters, lower and split", () => {
    const analyzer = (text: string) => text.split("/");
    expect(hashingTrick("A b/A b", 50, { analyzer })).toHaveLength(2);
    expect(hashingTrick("Ab/aB", 2 ** 40, { analyzer })[0]).not.toBe(hashingTrick("ab", 2 ** 40)[0]);
  });

  test("n = 2 leaves one number; no words, no numbers", () => {
    expect(hashingTrick("one two three", 2)).toEqual([1, 1, 1]);
    expect(hashingTrick("", 100)).toEqual([]);
    expect(hashingTrick("...", 100)).toEqual([]);
  });

  test("property: numbers go from 1 to n - 1, and equal words have equal numbers", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), fc.integer({ min: 2, max: 1000 }), (words, n) => {
        const analyzer = () => [...words, ...words];
        const numbers = hashingTrick("", n, { analyzer });
        expect(numbers.every((number) => number >= 1 && number < n)).toBe(true);
        expect(numbers.slice(words.length)).toEqual(numbers.slice(0, words.length));
      }),
    );
  });

  test("throws for n below 2, an unknown function and a hash that is no whole number", () => {
    expect(() => hashingTrick("a", 1)).toThrow("n must be a whole number of at least 2");
    expect(() => hashingTrick("a", 2.5)).toThrow("got 2.5");
    expect(() => hashingTrick("a", 9, { hashFunction: "sha" as never })).toThrow(
      'hashFunction must be "md5", or a function',
    );
    expect(() => hashingTrick("whale", 9, { hashFunction: () => 0.5 })).toThrow('a whole number for "whale", got 0.5');
  });
});

test("oneHot: the numbers of hashingTrick with md5, for Python's hash cannot be repeated", () => {
  expect(oneHot("the whale", 100)).toEqual(hashingTrick("the whale", 100, { hashFunction: "md5" }));
});
