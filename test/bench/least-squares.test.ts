import { expect, test } from "vitest";
import { fitLine } from "../../src/bench/least-squares.ts";
import { exactLine } from "../../src/bench/scaling.ts";

test("a line through points on a line is that line", () => {
  const { slope, constant, r2, residuals } = fitLine([16, 32, 64, 96, 128].map((x) => [x, 3 + 0.25 * x]));
  expect(slope).toBeCloseTo(0.25, 12);
  expect(constant).toBeCloseTo(3, 12);
  expect(r2).toBeCloseTo(1, 12);
  for (const residual of residuals) expect(residual).toBeCloseTo(0, 12);
});

test("a line through points off a line leaves the least squares", () => {
  // By hand: means 2 and 3, slope 3 / 2; the line is at 1.5, 3 and 4.5.
  const { slope, constant, r2, residuals } = fitLine([
    [1, 1],
    [2, 4],
    [3, 4],
  ]);
  expect(slope).toBeCloseTo(1.5, 12);
  expect(constant).toBeCloseTo(0, 12);
  expect(r2).toBeCloseTo(1 - 1.5 / 6, 12);
  expect(residuals.map((r) => r.toFixed(6))).toEqual(["-0.333333", "0.333333", "-0.111111"]);
});

test("points at one height are on a line", () => {
  expect(fitLine([1, 2, 3].map((x) => [x, 7]))).toMatchObject({ slope: 0, constant: 7, r2: 1 });
});

test("an exact line is one to the byte", () => {
  const points = [8, 16, 32].map((x): [number, number] => [x, 1000 + 24 * x]);
  expect(exactLine(points)).toEqual({ slope: 24, constant: 1000, exact: true });
  const bent = points.map(([x, y]): [number, number] => (x === 16 ? [x, y + 1] : [x, y]));
  expect(exactLine(bent).exact).toBe(false);
});
