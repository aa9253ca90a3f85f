import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowsOf } from "../../src/data/arrays.ts";
import { type PadOptions, padSequences, toCategorical } from "../../src/data/sequences.ts";

describe("padSequences", () => {
  const sequences = [[1], [2, 3], [4, 5, 6]];
  const rows = (options: PadOptions & { value?: number }) =>
    rowsOf(padSequences(sequences, options)).map((row) => [...row]);

  test("fills up at the start with 0, to the longest, in whole numbers", () => {
    expect(padSequences(sequences)).toEqual({ data: Int32Array.of(0, 0, 1, 0, 2, 3, 4, 5, 6), shape: [3, 3] });
  });

  test("value and padding", () => {
    expect(rows({ value: -1 })).toEqual([
      [-1, -1, 1],
      [-1, 2, 3],
      [4, 5, 6],
    ]);
    expect(rows({ padding: "post" })).toEqual([
      [1, 0, 0],
      [2, 3, 0],
      [4, 5, 6],
    ]);
  });

  test("maxlen cuts at the start, or with truncating at the end", () => {
    expect(rows({ maxlen: 2 })).toEqual([
      [0, 1],
      [2, 3],
      [5, 6],
    ]);
    expect(rows({ maxlen: 2, truncating: "post" })).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(rows({ maxlen: 4, padding: "post" })).toEqual([
      [1, 0, 0, 0],
      [2, 3, 0, 0],
      [4, 5, 6, 0],
    ]);
  });

  test("maxlen 0 gives rows without values; no sequences give no rows", () => {
    expect(padSequences(sequences, { maxlen: 0 })).toEqual({ data: new Int32Array(0), shape: [3, 0] });
    expect(padSequences([])).toEqual({ data: new Int32Array(0), shape: [0, 0] });
    expect(padSequences([], { maxlen: 4 }).shape).toEqual([0, 4]);
    expect(padSequences([[], []], { maxlen: 1, value: 7 }).data).toEqual(Int32Array.of(7, 7));
  });

  test("a number with a fraction, wherever it is, makes float32: nothing is dropped", () => {
    const halves = [[0.5, -1.5], [2.5]];
    expect(padSequences(halves)).toEqual({ data: Float32Array.of(0.5, -1.5, 0, 2.5), shape: [2, 2] });
    expect(padSequences([[1, 2], [2.5]]).data).toEqual(Float32Array.of(1, 2, 0, 2.5));
    expect(padSequences([[1, 2], [3]], { value: -0.5 }).data).toEqual(Float32Array.of(1, 2, -0.5, 3));
    expect(padSequences([Float64Array.of(0.25)]).data).toEqual(Float32Array.of(0.25));
    expect(padSequences([[[1, 2]], [[3, 4.5]]]).data).toEqual(Float32Array.of(1, 2, 3, 4.5));
    // Cut off, it still says what kind the numbers are.
    expect(padSequences([[0.5, 1]], { maxlen: 1 }).data).toEqual(Float32Array.of(1));
    expect(padSequences([Float32Array.of(1, 2)]).data).toEqual(Int32Array.of(1, 2));
  });

  test("dtype: what a kind cannot hold is refused, fractions too", () => {
    const halves = [[0.5, -1.5], [2.5]];
    expect(padSequences(halves, { dtype: "float32", value: 0.25 }).data).toEqual(Float32Array.of(0.5, -1.5, 0.25, 2.5));
    expect(padSequences([Float64Array.of(1, 2)], { dtype: "float64" }).data).toEqual(Float64Array.of(1, 2));
    expect(() => padSequences(halves, { dtype: "int8" })).toThrow(
      "padSequences: sequences[0][0]: int8 holds whole numbers from -128 to 127, got 0.5. Choose another dtype.",
    );
    expect(() => padSequences([[1]], { dtype: "int8", value: -2.9 })).toThrow("value: int8 holds whole numbers");
    expect(() => padSequences([[0.5, 1e39]])).toThrow("padSequences: sequences[0][1]: float32 holds -3.4");
    expect([...padSequences([[0.5, Number.NaN, Number.POSITIVE_INFINITY]]).data]).toEqual([
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ]);
    expect(() => padSequences([[1]], { maxlen: 1e15 })).toThrow(
      "an array of 1000000000000000 numbers is more than memory holds",
    );
  });

  test("sequences of vectors give another axis", () => {
    const { data, shape } = padSequences(
      [
        [],
        [[1, 2]],
        [
          [3, 4],
          [5, 6],
        ],
      ],
      { value: 9 },
    );
    expect(shape).toEqual([3, 2, 2]);
    expect([...data]).toEqual([9, 9, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6]);
  });

  test('dtype "object" pads words', () => {
    const padded = padSequences([["call", "me"], ["Ishmael"]], { dtype: "object", value: "<pad>" });
    expect(padded).toEqual({ data: ["call", "me", "<pad>", "Ishmael"], shape: [2, 2] });
  });

  test("property: each row is the padding and the kept values, at their sides", () => {
    const side = fc.constantFrom("pre" as const, "post" as const);
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat())),
        fc.nat({ max: 9 }),
        side,
        side,
        (lists, maxlen, padding, truncating) => {
          rowsOf(padSequences(lists, { maxlen, padding, truncating, value: -1 })).forEach((row, n) => {
            const list = lists[n]!;
            const kept = truncating === "post" ? list.slice(0, maxlen) : list.slice(Math.max(0, list.length - maxlen));
            const filling = Array<number>(maxlen - kept.length).fill(-1);
            expect([...row]).toEqual(padding === "pre" ? [...filling, ...kept] : [...kept, ...filling]);
          });
        },
      ),
    );
  });

  test("throws, with the place, for what does not fit", () => {
    expect(() => padSequences([[1], 5 as never])).toThrow(
      "padSequences: sequences[1]: needs a sequence, a list of values, got 5",
    );
    expect(() => padSequences([[1, 2 ** 31]])).toThrow(
      "padSequences: sequences[0][1]: int32 holds whole numbers from -2147483648 to 2147483647, got 2147483648",
    );
    expect(() => padSequences([[Number.NaN]])).toThrow("padSequences: sequences[0][0]: int32 holds");
    expect(() => padSequences([["a" as never]])).toThrow(
      'padSequences: sequences[0][0]: needs numbers or lists of numbers, got "a"',
    );
    expect(() => padSequences([[1, "a" as never]])).toThrow('padSequences: sequences[0][1]: needs a number, got "a"');
    expect(() => padSequences([[[1, 2]], [[1, 2, 3]]])).toThrow(
      "padSequences: sequences[1][0]: needs the shape (2) of the first value, got (3)",
    );
    expect(() => padSequences([[1]], { maxlen: -1 })).toThrow(
      "maxlen must be a whole number of at least 0, or null, got -1",
    );
    expect(() => padSequences([[1]], { padding: "left" as never })).toThrow(
      'padding must be one of "pre", "post", got "left"',
    );
    expect(() => padSequences([[1]], { truncating: "" as never })).toThrow(
      'truncating must be one of "pre", "post", got ""',
    );
    expect(() => padSequences([[1]], { dtype: "int64" as never })).toThrow('dtype must be one of "int8", "uint8"');
    expect(() => padSequences([[1]], { value: "x" as never })).toThrow('value: needs a number, got "x"');
  });
});

describe("toCategorical", () => {
  test("a 1 at the class, among as many as the largest class needs", () => {
    expect(toCategorical([0, 2, 1])).toEqual({ data: Float32Array.of(1, 0, 0, 0, 0, 1, 0, 1, 0), shape: [3, 3] });
  });

  test("numClasses gives more columns; 0 and null mean none given", () => {
    expect(toCategorical([1], 4)).toEqual({ data: Float32Array.of(0, 1, 0, 0), shape: [1, 4] });
    expect(toCategorical([1], 0).shape).toEqual([1, 2]);
    expect(toCategorical([1], null).shape).toEqual([1, 2]);
    expect(toCategorical([], 3)).toEqual({ data: new Float32Array(0), shape: [0, 3] });
  });

  test("axes stay, but for a last one of length 1", () => {
    expect(
      toCategorical([
        [0, 1],
        [1, 0],
      ]).shape,
    ).toEqual([2, 2, 2]);
    expect(toCategorical([[0], [3]]).shape).toEqual([2, 4]);
    expect(toCategorical([0]).shape).toEqual([1, 1]);
    expect(toCategorical(2, 3)).toEqual({ data: Float32Array.of(0, 0, 1), shape: [3] });
    expect(toCategorical({ data: Int32Array.of(0, 1), shape: [2, 1] }).shape).toEqual([2, 2]);
  });

  test("throws for what is no class, a class too many, and no class at all", () => {
    expect(() => toCategorical([0, -1])).toThrow(
      "toCategorical: classes: value 1 is -1; it must be a whole number from 0",
    );
    expect(() => toCategorical([0, 3], 3)).toThrow("toCategorical: class 3 (value 1) is out of range: expected 0 to 2");
    expect(() => toCategorical([])).toThrow("toCategorical: there are no classes. Give numClasses");
    expect(() => toCategorical([0], -2)).toThrow("numClasses must be a whole number of at least 0, or null, got -2");
    expect(() => toCategorical([0], Number.NaN)).toThrow(
      "numClasses must be a whole number of at least 0, or null, got NaN",
    );
    expect(() => toCategorical([0.5])).toThrow(
      "toCategorical: classes: value 0 is 0.5; it must be a whole number from 0",
    );
    expect(() => toCategorical(["1" as never])).toThrow('needs numbers or lists of numbers, got "1"');
    expect(() => toCategorical([0, 1e13])).toThrow("an array of 20000000000002 numbers is more than memory holds");
  });
});
