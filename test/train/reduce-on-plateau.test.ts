/** The rate of `reduceLrOnPlateau` after each value, worked out by hand. */
import { expect, test } from "vitest";
import { type Plateau, reduceLrOnPlateau } from "../../src/train/reduce-on-plateau.ts";

const rates = (values: number[], options: Parameters<typeof reduceLrOnPlateau>[2]): number[] => {
  let state: Plateau = { learningRate: 1 };
  return values.map((value) => {
    // Plain data: it may be stored between any two values.
    state = JSON.parse(JSON.stringify(reduceLrOnPlateau(state, value, options))) as Plateau;
    return state.learningRate;
  });
};
test("the rate falls where nothing was better for `patience` values", () => {
  expect(rates([5, 4, 4, 4, 3, 3, 3, 3, 3], { factor: 0.5, patience: 2 })).toEqual([
    1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125,
  ]);
});
test("better is better by more than minDelta", () => {
  expect(rates([1, 0.95, 0.91], { factor: 0.5, patience: 2, minDelta: 0.1 })).toEqual([1, 1, 0.5]);
  expect(rates([1, 0.95, 0.89], { factor: 0.5, patience: 2, minDelta: 0.1 })).toEqual([1, 1, 1]);
});
test("after a fall, values of the cooldown do not count", () => {
  expect(rates([1, 1, 1, 1, 1, 1], { factor: 0.5, patience: 1, cooldown: 2 })).toEqual([
    1, 0.5, 0.5, 0.25, 0.25, 0.125,
  ]);
});
test("accuracy should rise, and the rate stops at minLr", () => {
  expect(rates([0.5, 0.6, 0.6, 0.6, 0.7, 0.6], { mode: "max", patience: 1, factor: 0.5, minLr: 0.3 })).toEqual([
    1, 1, 0.5, 0.3, 0.3, 0.3,
  ]);
});
test("a value that is NaN is not better", () => {
  expect(rates([Number.NaN, Number.NaN], { patience: 2, factor: 0.5 })).toEqual([1, 0.5]);
});
test("a factor of 1 is named in one line", () => {
  expect(() => reduceLrOnPlateau({ learningRate: 1 }, 1, { factor: 1 })).toThrow(
    "reduceLrOnPlateau: factor must be a number in [0, 1), got 1",
  );
});
