import { describe, expect, test } from "vitest";
import { hash } from "../../../src/engines/vector/mathematics.ts";
import { randomBits } from "../../../src/graph/random-bits.ts";
import { machines } from "../../helpers/vector-machines.ts";

const COUNT = 4096;

const draw = (count: number, key0: number, key1: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => randomBits(i, key0, key1));

describe.each(machines)("hash on $name", ({ make, width }) => {
  const { words, call } = make(
    {
      hash: (o, key0, key1) => {
        const i = o.newWhole();
        const bits = hash(o, o.load(i.get, 0), o.int.splat(key0), o.int.splat(key1));
        return o.loop(i, 0, 4 * COUNT, 4 * width, o.store(i.get, bits, 4 * COUNT));
      },
    },
    8 * COUNT,
  );
  const counters = words.subarray(0, COUNT);
  const results = words.subarray(COUNT, 2 * COUNT);
  for (const [key0, key1] of [
    [0, 0],
    [1, 2],
    [0xffffffff, 0x80000000],
    [123456789, 987654321],
  ] as const) {
    test(`equals randomBits under the key ${key0}, ${key1}`, () => {
      for (let i = 0; i < COUNT; i++) counters[i] = i < COUNT / 2 ? i : Math.imul(i, 0x9e3779b1);
      call.hash(key0, key1);
      expect(results).toEqual(counters.map((counter) => randomBits(counter, key0, key1)));
    });
  }
});

describe("randomBits", () => {
  test("fixed values: a stored model's dropout and initial weights depend on them", () => {
    expect([
      randomBits(0, 0, 0),
      randomBits(1, 0, 0),
      randomBits(0, 1, 2),
      randomBits(0xffffffff, 7, 0xdeadbeef),
    ]).toMatchInlineSnapshot(`
        [
          0,
          1492470133,
          3207313220,
          2568270882,
        ]
      `);
  });

  test("each byte is uniform: chi-square over 256 bins, 2^18 draws, within 6 standard deviations", () => {
    for (const [key0, key1] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [42, 7],
    ] as const) {
      const draws = draw(2 ** 18, key0, key1);
      for (const shift of [0, 8, 16, 24]) {
        const bins = new Float64Array(256);
        for (const bits of draws) bins[(bits >>> shift) & 255] = (bins[(bits >>> shift) & 255] as number) + 1;
        const mean = draws.length / 256;
        const chiSquare = bins.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
        expect(Math.abs(chiSquare - 255), `key ${key0}, ${key1}, shift ${shift}`).toBeLessThan(6 * Math.sqrt(2 * 255));
      }
    }
  });

  /** Correlation of two sequences of uniform draws; its standard deviation is 1 / sqrt(count). */
  function correlation(a: Uint32Array, b: Uint32Array): number {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += ((a[i] as number) / 2 ** 32 - 0.5) * ((b[i] as number) / 2 ** 32 - 0.5);
    return (12 * sum) / a.length;
  }

  test("draws at a distance, and under neighbouring keys, are uncorrelated: within 5 standard deviations", () => {
    const count = 2 ** 17;
    const bound = 5 / Math.sqrt(count);
    const draws = draw(count + 4096, 3, 5);
    for (const lag of [1, 2, 3, 4, 8, 16, 128, 1000, 4096]) {
      expect(Math.abs(correlation(draws.slice(0, count), draws.slice(lag, lag + count))), `lag ${lag}`).toBeLessThan(
        bound,
      );
    }
    for (const [key0, key1] of [
      [4, 5],
      [2, 5],
      [3, 6],
      [3, 4],
      [5, 3],
    ] as const) {
      // Shifted too: a key that is added to the counter alone would give the same sequence one later.
      for (const shift of [0, 1]) {
        const other = draw(count + 1, key0, key1);
        expect(
          Math.abs(correlation(draws.slice(shift, shift + count), other.slice(0, count))),
          `key ${key0}, ${key1}`,
        ).toBeLessThan(bound);
        expect(
          Math.abs(correlation(draws.slice(0, count), other.slice(shift, shift + count))),
          `key ${key0}, ${key1}`,
        ).toBeLessThan(bound);
      }
    }
  });

  test("a flipped bit of counter or key flips each bit half of the time: within 6 standard deviations", () => {
    const trials = 2000;
    const bound = 6 * Math.sqrt(0.25 / trials);
    for (const word of [0, 1, 2]) {
      for (let flip = 0; flip < 32; flip++) {
        const flips = new Float64Array(32);
        for (let i = 0; i < trials; i++) {
          const at = [i * 77, 11, 13] as [number, number, number];
          const before = randomBits(...at);
          at[word] = ((at[word] as number) ^ (1 << flip)) >>> 0;
          const difference = before ^ randomBits(...at);
          for (let bit = 0; bit < 32; bit++) flips[bit] = (flips[bit] as number) + ((difference >>> bit) & 1);
        }
        for (let bit = 0; bit < 32; bit++) {
          expect(Math.abs((flips[bit] as number) / trials - 0.5), `word ${word}, bit ${flip} to ${bit}`).toBeLessThan(
            bound,
          );
        }
      }
    }
  });

  test("no value comes twice under one key", () => {
    expect(new Set(draw(2 ** 17, 9, 9)).size).toBe(2 ** 17);
  });
});
