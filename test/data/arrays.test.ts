import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { argmax, flatten, rowsOf } from "../../src/data/arrays.ts";
import { InputError } from "../../src/graph/input-error.ts";

describe("flatten", () => {
  test("nested lists become 64-bit floats, row after row", () => {
    const nested = [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ];
    expect(flatten(nested, "data")).toEqual({ data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [1, 3, 2] });
  });

  test("typed arrays keep their kind, alone without being copied", () => {
    const data = Float32Array.of(1, 2);
    expect(flatten(data, "data").data).toBe(data);
    expect(flatten([data, Float32Array.of(3, 4)], "data")).toEqual({
      data: Float32Array.of(1, 2, 3, 4),
      shape: [2, 2],
    });
    expect(flatten([data, [3, 4]], "data").data).toBeInstanceOf(Float64Array);
  });

  test("a flat array stays what it is, if its shape fits", () => {
    const array = { data: Int32Array.of(1, 2, 3, 4), shape: [2, 2] };
    expect(flatten(array, "data")).toBe(array);
    expect(() => flatten({ ...array, shape: [3] }, "data")).toThrow("data: shape (3) has 3 values, but its data has 4");
  });

  test("empty lists have an axis of length 0", () => {
    expect(flatten([], "data").shape).toEqual([0]);
    expect(flatten([[], []], "data").shape).toEqual([2, 0]);
  });

  test("throws, with the place, for uneven lists and what is no number", () => {
    expect(() => flatten([[1, 2], [3]], "data")).toThrow("data[1]: needs 2 values like its neighbours, got 1");
    expect(() => flatten([[1], 2], "data")).toThrow("data[1]: needs a list of 1 like its neighbours, got 2");
    expect(() => flatten([[1], ["x" as never]], "data")).toThrow('data[1][0]: needs a number, got "x"');
    expect(() => flatten("abc" as never, "data")).toThrow('data: needs numbers or lists of numbers, got "abc"');
    expect(() => flatten([null as never], "data")).toThrow("data[0]: needs numbers or lists of numbers, got null");
  });
});

describe("rowsOf", () => {
  test("property: the rows of a flattened list are its parts", () => {
    const rows = fc
      .nat({ max: 5 })
      .chain((length) => fc.array(fc.array(fc.double(), { minLength: length, maxLength: length }), { minLength: 1 }));
    fc.assert(
      fc.property(rows, (nested) => {
        expect(rowsOf(flatten(nested, "data")).map((row) => [...row])).toEqual(nested);
      }),
    );
  });

  test("rows of typed data are views; rows of (n, T, D) have T * D values", () => {
    const data = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const [first, second] = rowsOf({ data, shape: [2, 2, 2] });
    expect([...(second as Int32Array)]).toEqual([5, 6, 7, 8]);
    (first as Int32Array)[0] = 9;
    expect(data[0]).toBe(9);
  });

  test("rows of lists; no rows; a single value has none", () => {
    expect(rowsOf({ data: ["a", "b"], shape: [2, 1] })).toEqual([["a"], ["b"]]);
    expect(rowsOf({ data: new Int32Array(0), shape: [0, 3] })).toEqual([]);
    expect(rowsOf({ data: new Int32Array(0), shape: [2, 0] })).toEqual([new Int32Array(0), new Int32Array(0)]);
    expect(() => rowsOf({ data: Int32Array.of(1), shape: [] })).toThrow(
      "rowsOf: needs an array with at least one axis",
    );
  });
});

describe("argmax", () => {
  test("where the largest of the last axis is, the first of equal ones", () => {
    const outputs = { data: Float32Array.of(1, 3, 2, 5, 5, 0, -1, -2, -3, 0, 0, 7), shape: [2, 2, 3] };
    expect(argmax(outputs)).toEqual({ data: Int32Array.of(1, 0, 0, 2), shape: [2, 2] });
    expect(rowsOf(argmax(outputs))).toEqual([Int32Array.of(1, 0), Int32Array.of(0, 2)]);
    expect(argmax({ data: [2, 9, 4], shape: [3] })).toEqual({ data: Int32Array.of(1), shape: [] });
  });
  test("throws where there is nothing to choose from", () => {
    expect(() => argmax({ data: [1, 2, Number.NaN, 3], shape: [2, 2] })).toThrow("argmax: number 0 of row 1 is NaN");
    expect(() => argmax({ data: [], shape: [2, 0] })).toThrow(
      "argmax: needs numbers along the last axis, got the shape (2, 0)",
    );
    expect(() => argmax({ data: [1], shape: [] })).toThrow(InputError);
  });
});
