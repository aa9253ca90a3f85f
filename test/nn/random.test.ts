import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom, fromState, type RandomState } from "../../src/nn/random.ts";

const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Pearson's statistic against equal frequencies. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** xoshiro128** with integers without a limit, as its authors write it. */
function* reference(state: RandomState): Generator<number> {
  const cut = (value: bigint) => BigInt.asUintN(32, value);
  const rotate = (value: bigint, bits: bigint) => cut((value << bits) | (value >> (32n - bits)));
  const s = state.map(BigInt) as [bigint, bigint, bigint, bigint];
  for (;;) {
    yield Number(cut(rotate(cut(s[1] * 5n), 7n) * 9n));
    const t = cut(s[1] << 9n);
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11n);
  }
}

describe("the generator", () => {
  test("gives the published numbers of xoshiro128** for the state 1, 2, 3, 4", () => {
    const random = fromState([1, 2, 3, 4]);
    expect(draws(4, () => random.integer(2 ** 32))).toEqual([11520, 0, 5927040, 70819200]);
  });

  test("agrees with big-integer arithmetic for a thousand numbers", () => {
    const random = createRandom(2024);
    const truth = reference(random.state());
    for (let i = 0; i < 1000; i++) expect(random.integer(2 ** 32)).toBe(truth.next().value);
  });

  test("gives the same numbers for the same seed, and pins them", () => {
    const random = createRandom(1);
    expect(random.state()).toEqual([2527132011, 2590900191, 2622743847, 2672003841]);
    expect(draws(3, random.uniform)).toEqual([0.6679245007399497, 0.5311175252296853, 0.2863532305587909]);
    // Not to the last bit: engines may differ in log and cos.
    const normals = [2.1103888032044753, -0.7826612757747273, -0.8798861115225495];
    for (const normal of normals) expect(random.normal()).toBeCloseTo(normal, 12);
  });

  test("gives different numbers for seeds that share their low or their high 32 bits", () => {
    const seeds = [
      0,
      1,
      -1,
      2 ** 31,
      2 ** 32,
      2 ** 32 + 1,
      -(2 ** 32),
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ];
    const firsts = seeds.map((seed) => createRandom(seed).uniform());
    expect(new Set(firsts).size).toBe(seeds.length);
  });

  test("goes on from a saved state that went through JSON", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat(20), (seed, count) => {
        const random = createRandom(seed);
        draws(count, random.normal);
        const copy = fromState(JSON.parse(JSON.stringify(random.state())) as RandomState);
        expect(draws(5, copy.normal)).toEqual(draws(5, random.normal));
      }),
    );
  });

  test("refuses what is no seed and what is no state", () => {
    for (const seed of [0.5, Number.NaN, Infinity, 2 ** 53]) expect(() => createRandom(seed)).toThrow(/^seed must be/);
    const bad: unknown[] = [[0, 0, 0, 0], [1, 2, 3], [1, 2, 3, 2 ** 32], [1, 2, 3, -1], [1, 2, 3, "4"], null, {}];
    for (const state of bad) expect(() => fromState(state as RandomState)).toThrow(/^random state: needs/);
  });
});

describe("the numbers", () => {
  test("uniform: in [0, 1), mean 1/2, variance 1/12, flat over 100 cells", () => {
    const random = createRandom(7);
    const values = draws(1_000_000, random.uniform);
    const counts = Array<number>(100).fill(0);
    for (const value of values) counts[Math.floor(value * 100)]!++;
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(Math.abs(meanOf(values) - 1 / 2)).toBeLessThan(1e-3);
    expect(Math.abs(meanOf(values.map((value) => (value - 1 / 2) ** 2)) - 1 / 12)).toBeLessThan(3e-4);
    expect(chiSquare(counts)).toBeLessThan(148.2); // 99 degrees of freedom, p = 0.001
  });

  test("uniform: one number says nothing about the next", () => {
    const random = createRandom(8);
    const values = draws(400_000, random.uniform);
    const counts = Array<number>(256).fill(0);
    for (let i = 0; i < values.length; i += 2) {
      counts[Math.floor(values[i]! * 16) * 16 + Math.floor(values[i + 1]! * 16)]!++;
    }
    expect(chiSquare(counts)).toBeLessThan(330.5); // 255 degrees of freedom, p = 0.001
  });

  test("normal: mean 0, variance 1, no skew, kurtosis 3, and the tails of the normal distribution", () => {
    const random = createRandom(9);
    const values = draws(1_000_000, random.normal);
    const moment = (power: number) => meanOf(values.map((value) => value ** power));
    expect(Math.abs(moment(1))).toBeLessThan(0.004);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.006);
    expect(Math.abs(moment(3))).toBeLessThan(0.02);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.05);
    const share = (limit: number) => values.filter((value) => value > limit).length / values.length;
    expect(Math.abs(share(1) - 0.158655)).toBeLessThan(0.0015);
    expect(Math.abs(share(2) - 0.02275)).toBeLessThan(0.0006);
    expect(Math.abs(share(3) - 0.00135)).toBeLessThan(0.00015);
  });

  test("integer: each of 7 as likely; one of 3 * 2^30 not biased by the remainder", () => {
    const random = createRandom(10);
    const counts = Array<number>(7).fill(0);
    for (let i = 0; i < 700_000; i++) counts[random.integer(7)]!++;
    expect(chiSquare(counts)).toBeLessThan(22.46); // 6 degrees of freedom, p = 0.001
    // Without drawing again, the lowest third would come up half the time.
    const thirds = [0, 0, 0];
    for (let i = 0; i < 300_000; i++) thirds[Math.floor(random.integer(3 * 2 ** 30) / 2 ** 30)]!++;
    expect(chiSquare(thirds)).toBeLessThan(13.82); // 2 degrees of freedom, p = 0.001
  });

  test("integer: below n for every n up to 2^53, and an error beyond", () => {
    const random = createRandom(11);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (n) => {
        const value = random.integer(n);
        expect(Number.isInteger(value) && value >= 0 && value < n).toBe(true);
      }),
    );
    expect(random.integer(1)).toBe(0);
    for (const n of [0, -1, 1.5, Number.NaN, 2 ** 54]) expect(() => random.integer(n)).toThrow(/^integer: needs/);
  });
});
