import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  coverage,
  crpsOfQuantiles,
  crpsOfSamples,
  mae,
  mape,
  mase,
  mse,
  pinball,
  rmse,
  smape,
  winkler,
} from "../../../src/tasks/forecast/scores.ts";
import { normalQuantile } from "../../../src/train/densities/special.ts";

const actual = [3, -0.5, 2, 7];
const predicted = [2.5, 0, 2, 8];

describe("points", () => {
  // scikit-learn's documentation of mean_absolute_error, mean_squared_error and mean_absolute_percentage_error.
  test("scikit-learn's examples", () => {
    expect(mae(actual, predicted)).toBe(0.5);
    expect(mse(actual, predicted)).toBe(0.375);
    expect(rmse(actual, predicted)).toBeCloseTo(0.612372, 6);
    expect(mape(actual, predicted)).toBeCloseTo(32.73809, 4);
    expect(pinball([1, 2, 3], [0, 2, 3], 0.1)).toBeCloseTo(0.1 / 3, 12);
    expect(pinball([1, 2, 3], [1, 2, 4], 0.1)).toBeCloseTo(0.9 / 3, 12);
  });

  test("percentages where something is 0", () => {
    expect(mape([0, 1], [0, 1])).toBe(Infinity);
    expect(smape([0, 1], [0, 1])).toBe(0);
    expect(smape([0, 4], [2, 4])).toBe(100);
  });

  test("mase is the error in units of the naive one", () => {
    // One step ahead, naive errs by 1, 2 and 3 on the training part, by 3 and 5 over a season of 2.
    expect(mase([10, 10], [6, 6], [1, 2, 4, 7])).toBe(2);
    expect(mase([10, 10], [6, 6], [1, 2, 4, 7], 2)).toBe(1);
    expect(mase([10], [6], [5, 5])).toBe(Infinity);
    expect(mase([10], [10], [5, 5])).toBe(0);
    expect(() => mase([1], [1], [1, 2], 2)).toThrow("mase: training: needs more values than a season of 2, got 2");
  });

  test("lists that do not belong together are refused", () => {
    expect(() => mae([1, 2], [1])).toThrow("mae: predicted: needs as many values as actual, 2, got 1");
    expect(() => rmse([], [])).toThrow("rmse: actual: needs at least one value");
    expect(() => mse("1" as never, [1])).toThrow("mse: actual must be an array of numbers");
    expect(() => pinball([1], [1], 1)).toThrow("pinball: probability must be a number in (0, 1), got 1");
    expect(() => coverage([1], [1], [])).toThrow("coverage: upper: needs as many values as actual, 1, got 0");
    expect(() => crpsOfQuantiles([1], { half: [1] })).toThrow(
      "crpsOfQuantiles: probability must be a number in (0, 1)",
    );
    expect(() => crpsOfSamples([1], [[1, 2]])).toThrow("samples[0]: needs as many values as actual, 1, got 2");
  });
});

describe("distributions", () => {
  test("coverage counts both ends, winkler the width and what lies outside", () => {
    expect(coverage([1, 2, 3, 4], [1, 3, 1, 1], [2, 4, 3, 3])).toBe(0.5);
    expect(winkler([5], [4], [6], 0.8)).toBe(2);
    expect(winkler([7], [4], [6], 0.8)).toBeCloseTo(2 + 10, 12);
    expect(winkler([3], [4], [6], 0.8)).toBeCloseTo(2 + 10, 12);
  });

  test("of a standard normal forecast both scores come near to its CRPS", () => {
    // Gneiting and Raftery 2007, (5): at 0 it is (sqrt(2) - 1) / sqrt(pi).
    const exact = (Math.SQRT2 - 1) / Math.sqrt(Math.PI);
    const probabilities = Array.from({ length: 999 }, (_, k) => (k + 1) / 1000);
    const quantiles = Object.fromEntries(probabilities.map((one) => [String(one), [normalQuantile(one)]]));
    expect(crpsOfQuantiles([0], quantiles)).toBeCloseTo(exact, 3);
    const samples = probabilities.map((one) => [normalQuantile(one)]);
    expect(crpsOfSamples([0], samples)).toBeCloseTo(exact, 3);
  });

  test("crpsOfSamples is its definition over all pairs; of one sample the absolute error", () => {
    const number = fc.integer({ min: -9, max: 9 });
    fc.assert(
      fc.property(number, fc.array(number, { minLength: 1, maxLength: 8 }), (y, samples) => {
        const mean = (list: readonly number[]) => list.reduce((sum, one) => sum + one, 0) / list.length;
        const pairs = samples.flatMap((a) => samples.map((b) => Math.abs(a - b)));
        const slow = mean(samples.map((one) => Math.abs(one - y))) - mean(pairs) / 2;
        expect(
          crpsOfSamples(
            [y],
            samples.map((one) => [one]),
          ),
        ).toBeCloseTo(slow, 10);
        expect(crpsOfSamples([y], [[4]])).toBe(mae([y], [4]));
      }),
    );
  });
});
