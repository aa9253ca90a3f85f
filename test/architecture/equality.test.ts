/** What tests call equal is what Vitest does, though lists of numbers are compared at once. */
import { expect, test } from "vitest";

test("numbers are equal to the same ones: NaN too, and -0 to -0 alone", () => {
  expect(Float32Array.of(1, Number.NaN, -0)).toEqual(Float32Array.of(1, Number.NaN, -0));
  expect([1, Number.NaN, -0]).toEqual([1, Number.NaN, -0]);
  expect(Float32Array.of(1, 2, 3).subarray(1)).toStrictEqual(Float32Array.of(2, 3));
});

test.each([
  ["another last bit", Float32Array.of(1, 2), Float32Array.of(1, 2 + 2 ** -22)],
  ["one more", Float32Array.of(1, 2), Float32Array.of(1, 2, 0)],
  ["another sign of zero", Float32Array.of(0), Float32Array.of(-0)],
  ["the same bytes of another kind", Int32Array.of(1), Uint32Array.of(1)],
  ["another number in a list", [1, 2, 3], [1, 2, 4]],
  ["another sign of zero in a list", [0], [-0]],
  ["one more in a list", [1, 2], [1, 2, 3]],
  ["one of them not a number", [1, "2"], [1, 2]],
])("%s is not equal", (_, one, other) => {
  expect(one).not.toEqual(other);
  expect({ within: [one] }).not.toEqual({ within: [other] });
});
