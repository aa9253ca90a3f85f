/** Learning rates against the formulas of Keras's documentation, worked out by hand, and PyTorch's recorded one-cycle. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  constantRate,
  cosineDecay,
  exponentialDecay,
  inverseTimeDecay,
  type LearningRateSchedule,
  linearWarmup,
  oneCycle,
  piecewiseConstantDecay,
  polynomialDecay,
  stepDecay,
} from "../../src/train/learning-rate-schedules.ts";

const file = new URL("../fixtures/pytorch-optimizers.json", import.meta.url);
/** What scripts/record-pytorch-optimizers.py writes. */
type Fixture = { oneCycle: { options: Parameters<typeof oneCycle>[0]; rates: number[] }[] };
const fixture = JSON.parse(readFileSync(file, "utf8")) as Fixture;

/** A rate at some steps. */
function expectRates(rate: LearningRateSchedule, wanted: Record<number, number>): void {
  for (const [step, value] of Object.entries(wanted)) expect(rate(Number(step)), `step ${step}`).toBeCloseTo(value, 12);
}
const initialLearningRate = 0.1;

test("constant", () => {
  expectRates(constantRate(0.25), { 0: 0.25, 1000: 0.25 });
});
test("exponential: smooth, or in a staircase", () => {
  const options = { initialLearningRate, decaySteps: 10, decayRate: 0.25 };
  expectRates(exponentialDecay(options), { 0: 0.1, 5: 0.05, 10: 0.025, 20: 0.00625 });
  expectRates(exponentialDecay({ ...options, staircase: true }), { 0: 0.1, 9: 0.1, 10: 0.025, 19: 0.025 });
});
test("step decay: times the factor after every so many steps", () => {
  expectRates(stepDecay({ initialLearningRate, every: 3, factor: 0.5 }), { 0: 0.1, 2: 0.1, 3: 0.05, 6: 0.025 });
});
test("inverse time: smooth, or in a staircase", () => {
  const options = { initialLearningRate, decaySteps: 10, decayRate: 2 };
  expectRates(inverseTimeDecay(options), { 0: 0.1, 5: 0.05, 10: 0.1 / 3, 45: 0.01 });
  expectRates(inverseTimeDecay({ ...options, staircase: true }), { 9: 0.1, 10: 0.1 / 3, 19: 0.1 / 3 });
});
test("polynomial: to the end and no further, or in cycles", () => {
  const options = { initialLearningRate: 0.5, decaySteps: 10, endLearningRate: 0.1 };
  expectRates(polynomialDecay(options), { 0: 0.5, 5: 0.3, 10: 0.1, 30: 0.1 });
  expectRates(polynomialDecay({ ...options, power: 2 }), { 0: 0.5, 5: 0.2, 10: 0.1 });
  // From step 10 on as if it took 20.
  expectRates(polynomialDecay({ ...options, cycle: true }), {
    0: 0.5,
    5: 0.3,
    10: 0.1,
    15: 0.2,
    20: 0.1,
    25: 0.5 - 0.4 * (25 / 30),
  });
});
test("cosine: from all to alpha, with a warm-up before", () => {
  const options = { initialLearningRate, decaySteps: 100 };
  expectRates(cosineDecay(options), { 0: 0.1, 50: 0.05, 100: 0, 200: 0 });
  expectRates(cosineDecay({ ...options, alpha: 0.2 }), { 0: 0.1, 50: 0.06, 100: 0.02, 200: 0.02 });
  const warm = cosineDecay({ ...options, initialLearningRate: 0.02, warmupTarget: 0.1, warmupSteps: 8, alpha: 0.2 });
  expectRates(warm, { 0: 0.02, 4: 0.06, 8: 0.1, 58: 0.06, 108: 0.02, 500: 0.02 });
});
test("cosine over the share of the training is the schedule of the training loop", () => {
  const rate = cosineDecay({ initialLearningRate: 1, decaySteps: 1, alpha: 0.1 });
  for (const share of [0, 0.1, 0.5, 0.77, 1]) {
    expect(rate(share)).toBeCloseTo(0.1 + 0.45 * (1 + Math.cos(Math.PI * share)), 12);
  }
});
test("linear warm-up: up to another schedule's first rate, then that schedule", () => {
  const after = exponentialDecay({ initialLearningRate: 0.8, decaySteps: 1, decayRate: 0.5 });
  expectRates(linearWarmup({ warmupSteps: 4, after }), { 0: 0, 1: 0.2, 3: 0.6, 4: 0.8, 5: 0.4, 6: 0.2 });
  expectRates(linearWarmup({ warmupSteps: 0, after }), { 0: 0.8, 1: 0.4 });
});
test("piecewise constant: a boundary still has the value before it", () => {
  const rate = piecewiseConstantDecay({ boundaries: [3, 5], values: [1, 0.5, 0.1] });
  expectRates(rate, { 0: 1, 3: 1, 4: 0.5, 5: 0.5, 6: 0.1, 100: 0.1 });
});

describe("one cycle against PyTorch", () => {
  test.each(fixture.oneCycle)("$options", ({ options, rates }) => {
    const rate = oneCycle(options);
    rates.forEach((wanted, step) => {
      expect(rate(step), `step ${step}`).toBeCloseTo(wanted, 8);
    });
    expect(rate(options.totalSteps + 10)).toBeCloseTo(rates.at(-1) as number, 8);
  });
  test("a rise that ends at once begins at the top", () => {
    expect(oneCycle({ maxLearningRate: 1, totalSteps: 10, pctStart: 0.1 })(0)).toBe(1);
  });
});

describe("numbers that make no sense are named in one line", () => {
  const never: [() => unknown, string][] = [
    [() => constantRate(-1), "constantRate: learningRate must be a number in [0, Infinity), got -1"],
    [
      () => exponentialDecay({ initialLearningRate, decaySteps: 0, decayRate: 1 }),
      "exponentialDecay: decaySteps must be a number in (0, Infinity), got 0",
    ],
    [() => stepDecay({ initialLearningRate, every: -1 }), "stepDecay: every must be a number in (0, Infinity), got -1"],
    [
      () => inverseTimeDecay({ initialLearningRate, decaySteps: 1, decayRate: -1 }),
      "inverseTimeDecay: decayRate must be a number in [0, Infinity), got -1",
    ],
    [
      () => polynomialDecay({ initialLearningRate, decaySteps: 1, power: 0 }),
      "polynomialDecay: power must be a number in (0, Infinity), got 0",
    ],
    [
      () => cosineDecay({ initialLearningRate: Number.NaN, decaySteps: 1 }),
      "cosineDecay: initialLearningRate must be a number in [0, Infinity), got NaN",
    ],
    [
      () => linearWarmup({ warmupSteps: -1, after: constantRate(1) }),
      "linearWarmup: warmupSteps must be a number in [0, Infinity), got -1",
    ],
    [
      () => piecewiseConstantDecay({ boundaries: [1], values: [1] }),
      "piecewiseConstantDecay: needs one more value than boundaries, got 1 and 1",
    ],
    [
      () => piecewiseConstantDecay({ boundaries: [3, 3], values: [1, 1, 1] }),
      "piecewiseConstantDecay: boundaries must increase, got 3, 3",
    ],
    [
      () => oneCycle({ maxLearningRate: 1, totalSteps: 10, pctStart: 1 }),
      "oneCycle: pctStart must leave steps for the rate to fall, got 1 of 10",
    ],
  ];
  test.each(never)("%s", (make, message) => {
    expect(make).toThrow(message);
  });
});
