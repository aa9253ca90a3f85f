import fc from "fast-check";
import { expect, test } from "vitest";
import { pointsOf, type SamplerName } from "../../src/sweep/samplers.ts";
import { maxDimensions, sobolPoint, sobolWords } from "../../src/sweep/sobol.ts";
import { readSpace } from "../../src/sweep/space.ts";
import { cases } from "../helpers/cases.ts";
import { refusal } from "../helpers/refusal.ts";

const names = { space: "space.json", trials: "--trials", sampler: "--sampler" };
const space = readSpace(
  { units: [8, 16, 32], rate: { from: 1e-3, to: 1e-1, scale: "log" }, layers: { from: 1, to: 3 } },
  "space.json",
);
const points = (sampler: SamplerName, trials: number | undefined, seed = 1, of = space) =>
  pointsOf(of, { sampler, seed, trials }, names);

test("Sobol's sequence has the points that Joe and Kuo publish with their numbers, and those of SciPy", () => {
  // The notes to new-joe-kuo-6.21201, its first 10 points in 3 dimensions.
  const published = [
    [0, 0, 0],
    [0.5, 0.5, 0.5],
    [0.75, 0.25, 0.25],
    [0.25, 0.75, 0.75],
    [0.375, 0.375, 0.625],
    [0.875, 0.875, 0.125],
    [0.625, 0.125, 0.875],
    [0.125, 0.625, 0.375],
    [0.1875, 0.3125, 0.9375],
    [0.6875, 0.8125, 0.4375],
  ];
  const plain = (index: number, dimensions: number) =>
    Array.from(sobolWords(index, dimensions), (word) => word / 2 ** 32);
  expect(published.map((_, k) => plain(k, 3))).toEqual(published);
  // scipy.stats.qmc.Sobol(20, scramble=False).random(64)[37]
  const scipy =
    "0.921875 0.640625 0.578125 0.921875 0.765625 0.296875 0.171875 0.796875 0.609375 0.171875 0.015625 0.078125 0.578125 0.859375 0.109375 0.484375 0.796875 0.421875 0.046875 0.140625";
  expect(plain(37, 20)).toEqual(scipy.split(" ").map(Number));
});

test("scrambled with any seed, the first 2^k points have one in each of 2^k parts of every axis, and of every area of the first two", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.integer({ min: 1, max: 7 }), (seed, k) => {
      const count = 2 ** k;
      const all = Array.from({ length: count }, (_, index) => sobolPoint(index, maxDimensions, seed));
      for (let d = 0; d < maxDimensions; d++)
        expect(new Set(all.map((point) => Math.floor((point[d] as number) * count))).size).toBe(count);
      for (let j = 0; j <= k; j++) {
        const [rows, columns] = [2 ** j, 2 ** (k - j)];
        const areas = all.map(([x = 0, y = 0]) => Math.floor(x * rows) * columns + Math.floor(y * columns));
        expect(new Set(areas).size).toBe(count);
      }
    }),
    { numRuns: cases(20) },
  );
});

test("another seed scrambles otherwise", () => {
  const first = (seed: number) => Array.from({ length: 8 }, (_, index) => sobolPoint(index, 2, seed));
  expect(first(1)).toEqual(first(1));
  expect(first(1)).not.toEqual(first(2));
});

test.each(["random", "sobol"] as const)(
  "%s: the same for a seed, more trials begin with fewer, none comes twice",
  (sampler) => {
    const all = points(sampler, 40);
    expect(points(sampler, 40)).toEqual(all);
    expect(points(sampler, 15)).toEqual(all.slice(0, 15));
    expect(points(sampler, 40, 2)).not.toEqual(all);
    expect(new Set(all.map((point) => JSON.stringify(point))).size).toBe(40);
    for (const { units, rate, layers } of all) {
      expect([8, 16, 32]).toContain(units);
      expect([1, 2, 3]).toContain(layers);
      expect(rate).toBeGreaterThanOrEqual(1e-3);
      expect(rate).toBeLessThanOrEqual(1e-1);
    }
  },
);

test("random rates of a logarithmic range are as often below its middle as above it", () => {
  const below = points("random", 400).filter(({ rate }) => (rate as number) < 1e-2).length;
  // 4 standard deviations of 400 throws of a coin are 40.
  expect(Math.abs(below - 200)).toBeLessThan(40);
});

test("of a space with few points random gives all of them, and no more", () => {
  const few = readSpace({ units: [8, 16], layers: [1, 2] }, "space.json");
  expect(new Set(points("random", 4, 1, few).map((point) => JSON.stringify(point))).size).toBe(4);
  expect(points("random", undefined, 1, few)).toHaveLength(4);
  expect(refusal(() => points("random", 5, 1, few))).toBe(
    "--trials: the space has 4 different points, got 5. Give at most 4, or --sampler grid.",
  );
});

test("a grid has every point, the last setting changing fastest", () => {
  const grid = readSpace({ units: [8, 16], layers: { from: 1, to: 2 } }, "space.json");
  const wanted = [
    [8, 1],
    [8, 2],
    [16, 1],
    [16, 2],
  ].map(([units, layers]) => ({ units, layers }));
  expect(points("grid", undefined, 1, grid)).toEqual(wanted);
  expect(refusal(() => points("grid", 3, 1, grid))).toBe(
    "--trials: the grid has 4 points, got 3. Leave it out, or search at random.",
  );
  expect(refusal(() => points("grid", undefined))).toBe(
    'space.json: rate: a grid needs a list, or a range with "points". Add "points": 5, or search at random.',
  );
});
