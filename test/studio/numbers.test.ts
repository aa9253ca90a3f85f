/** Numbers as the studio writes them. */
import { expect, test } from "vitest";
import {
  powerOfTen,
  scientific,
  significant,
  subscript,
  texNumber,
  written,
} from "../../src/studio/components/numbers.ts";

test("a true minus sign, and none before a zero", () => {
  expect([0.256, -0.25, -0.001, -12].map((value) => written(value))).toEqual(["0.26", "−0.25", "0.00", "−12.00"]);
  expect([written(-0.4, 0), written(-3, 0)]).toEqual(["0", "−3"]);
  expect([texNumber(-0.5), texNumber(0.5), texNumber(-1, 0)]).toEqual(["(-0.50)", "0.50", "(-1)"]);
});

test("powers and indices stand above and below", () => {
  expect([powerOfTen(-12), powerOfTen(3), scientific(0.00026), subscript(10)]).toEqual([
    "10⁻¹²",
    "10³",
    "2.6 · 10⁻⁴",
    "₁₀",
  ]);
});

test("two digits, whatever the size", () => {
  expect([0.1234, -12.7, 0, -0.000026, 1e-7].map((value) => significant(value))).toEqual([
    "0.12",
    "−13",
    "0",
    "−2.6 · 10⁻⁵",
    "1.0 · 10⁻⁷",
  ]);
});
