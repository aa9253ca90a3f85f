import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../../src/nn/random.ts";
import {
  changedFeatures,
  changedSound,
  completeAugmentation,
  rowsAtSpeed,
} from "../../../src/tasks/classify/augment.ts";

const sound = Float32Array.from({ length: 400 }, (_, n) => Math.sin(n / 5));
const changed = (given: object, seed: number): Float32Array =>
  changedSound(sound, 1000, completeAugmentation(given), createRandom(seed));
const square = (list: Float32Array): number => list.reduce((sum, one) => sum + one * one, 0);

test("without changes sound stays what it is, and so do features", () => {
  expect(changed({}, 1)).toEqual(sound);
  const rows = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
  expect(changedFeatures(rows, completeAugmentation({}), createRandom(1), { stretch: true })).toEqual(rows);
});

test("the same seed gives the same changes, another seed others", () => {
  const all = { shiftMs: 50, gainDb: 6, noise: 0.1, speed: 0.2 };
  expect(changed(all, 7)).toEqual(changed(all, 7));
  expect(changed(all, 7)).not.toEqual(changed(all, 8));
});

test("a shift moves all samples by up to that time, and silence comes in", () => {
  const places = Array.from({ length: 50 }, (_, seed) => {
    const moved = changed({ shiftMs: 40 }, seed);
    expect(moved).toHaveLength(400);
    const by = Array.from({ length: 81 }, (_, k) => k - 40).filter((by) =>
      moved.every((one, n) => one === (sound[n - by] ?? 0)),
    );
    expect(by).toHaveLength(1);
    return by[0] as number;
  });
  expect(Math.min(...places)).toBeLessThan(-30);
  expect(Math.max(...places)).toBeGreaterThan(30);
});

test("gain is within its decibels, noise within its share, speed within its share", () => {
  for (let seed = 0; seed < 30; seed++) {
    const decibels = 10 * Math.log10(square(changed({ gainDb: 6 }, seed)) / square(sound));
    expect(Math.abs(decibels)).toBeLessThan(6.001);
    const noisy = changed({ noise: 0.1 }, seed).map((one, n) => one - (sound[n] as number));
    expect(Math.sqrt(square(noisy) / square(sound))).toBeLessThan(0.12);
    const { length } = changed({ speed: 0.2 }, seed);
    expect(length).toBeGreaterThanOrEqual(333);
    expect(length).toBeLessThanOrEqual(500);
  }
});

test("rows at another speed lie on the line between their neighbours", () => {
  const line = Array.from({ length: 9 }, (_, t) => Float32Array.of(t, -2 * t));
  expect(rowsAtSpeed(line, 2).map(([one]) => one)).toEqual([0, 2, 4, 6, 8]);
  expect(rowsAtSpeed(line, 0.5)).toHaveLength(18);
  expect(rowsAtSpeed(line, 0.5)[3]).toEqual(Float32Array.of(1.5, -3));
});

test("a shift of features is the same in all steps, and another one for each feature and copy", () => {
  const rows = Array.from({ length: 4 }, (_, t) => Float32Array.of(t, 2 * t, 0));
  const copies = [1, 2].map((seed) => {
    const changed = changedFeatures(rows, completeAugmentation({ featureShift: 1 }), createRandom(seed), {
      stretch: true,
    });
    const shifts = changed.map((row, t) => Array.from(row, (value, j) => value - (rows[t]?.[j] as number)));
    for (const shift of shifts) shift.forEach((one, j) => expect(one).toBeCloseTo(shifts[0]?.[j] as number, 5));
    return shifts[0] as number[];
  });
  expect(new Set(copies.flat().map((one) => one.toFixed(3))).size).toBe(6);
});

test("masks set runs of steps or of features to 0, no longer than their share, and leave the rest", () => {
  const rows = Array.from({ length: 20 }, () => new Float32Array(10).fill(1));
  fc.assert(
    fc.property(fc.nat(1000), (seed) => {
      const masked = (given: object): Float32Array[] =>
        changedFeatures(rows, completeAugmentation(given), createRandom(seed), { stretch: true });
      const steps = masked({ timeMasks: 1, timeMaskShare: 0.25 }).map((row) => row.join());
      expect(steps.filter((row) => row === Array(10).fill(0).join()).length).toBeLessThanOrEqual(5);
      expect(new Set(steps).size).toBeLessThanOrEqual(2);
      const features = masked({ featureMasks: 2, featureMaskShare: 0.3 });
      expect(new Set(features.map((row) => row.join())).size).toBe(1);
      expect(features[0]?.filter((one) => one === 0).length).toBeLessThanOrEqual(6);
    }),
    { numRuns: 50 },
  );
  expect(rows[0]).toEqual(new Float32Array(10).fill(1));
});
