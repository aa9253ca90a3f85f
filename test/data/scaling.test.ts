import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitScaling, lostSteps, type ScalingKind, scale, unscale } from "../../src/data/scaling.ts";

const kinds: readonly ScalingKind[] = [
  ...(["standard", "minMax", "robust", "log", "log1p", "none"] as const),
  { difference: 1 },
  { difference: 3 },
  { seasonal: 4 },
];
const near = (found: ArrayLike<number>, expected: ArrayLike<number>): void => {
  expect(found.length).toBe(expected.length);
  for (let k = 0; k < expected.length; k++) expect(found[k]).toBeCloseTo(expected[k] as number, 6);
};

describe("fitScaling", () => {
  // scikit-learn 1.5: StandardScaler, MinMaxScaler, RobustScaler.
  test.each([
    ["standard", [-1.3416407865, -0.4472135955, 0.4472135955, 1.3416407865]],
    ["minMax", [0, 1 / 3, 2 / 3, 1]],
    ["robust", [-1, -1 / 3, 1 / 3, 1]],
    ["log", [0, Math.log(2), Math.log(3), Math.log(4)]],
    ["none", [1, 2, 3, 4]],
  ] as const)("%s of 1, 2, 3, 4", (kind, expected) => {
    near(scale([1, 2, 3, 4], fitScaling(kind, [1, 2, 3, 4])), expected);
  });

  test("missing values are left out, and stay missing", () => {
    const scaling = fitScaling("standard", [1, Number.NaN, 3]);
    expect([...scale([1, Number.NaN, 3], scaling)]).toEqual([-1, Number.NaN, 1]);
  });

  test("values whose squares are too small for a number differ all the same", () => {
    const values = [1, 2, 3, 4];
    const { steps } = fitScaling("standard", values);
    const tiny = fitScaling(
      "standard",
      values.map((value) => value * 1e-198),
    );
    expect(tiny.constant).toBeUndefined();
    const scaled = scale(
      values.map((value) => value * 1e-198),
      tiny,
    );
    scale(values, { steps }).forEach((value, k) => {
      expect(scaled[k]).toBeCloseTo(value, 12);
    });
  });

  test("a constant column has scale 1, and says so", () => {
    for (const kind of ["standard", "minMax", "robust"] as const) {
      const scaling = fitScaling(kind, [0.1, 0.1, 0.1]);
      expect(scaling.constant).toBe(true);
      expect(scale([0.1, 1.1], scaling)[1]).toBeCloseTo(1, 9);
      expect(fitScaling(kind, [1, 2, 3, 4]).constant).toBeUndefined();
    }
  });

  test("what was fitted survives JSON", () => {
    const scaling = fitScaling(["log", { difference: 2 }, "standard"], [3, 1, 4, 1, 5, 9, 2, 6]);
    expect(JSON.parse(JSON.stringify(scaling))).toEqual(scaling);
  });

  test("a logarithm of what has none is refused with its place", () => {
    const line = (index: number) => `line ${index + 2}`;
    expect(() => fitScaling("log", [1, 0, 2], line)).toThrow(
      'scaling: line 3 is 0, and "log" needs values above 0. Use "log1p".',
    );
    expect(() => fitScaling("log1p", [1, 0, -2], line)).toThrow('line 4 is -2, and "log1p" needs values above -1.');
    expect(() => fitScaling([{ difference: 1 }, "log"], [1, 2, 2], line)).toThrow("line 4 is 0");
    expect(() => scale([1, -1], fitScaling("log", [1, 2]), line)).toThrow("line 3 is -1");
  });

  test("refuses other kinds, no values, and too few to differ", () => {
    expect(() => fitScaling("zscore" as "none", [1])).toThrow('scaling must be one of "standard", "minMax"');
    expect(() => fitScaling({ difference: 0 }, [1])).toThrow("scaling must be");
    expect(() => fitScaling("standard", [Number.NaN])).toThrow("needs values, and there are none");
    expect(() => fitScaling({ difference: 12 }, [1, 2])).toThrow("a difference over 12 steps needs more values");
  });
});

describe("{ seasonal: n }", () => {
  // A line of rise 1 with 3, -1, -2 on it: the moving average over three steps is the line.
  const pattern = [3, -1, -2];
  const values = Array.from({ length: 12 }, (_, t) => t + (pattern[t % 3] as number));
  const line = Array.from({ length: 12 }, (_, t) => t);

  test("takes away what is usual at each place of the season, and leaves the line", () => {
    const scaling = fitScaling({ seasonal: 3 }, values);
    near((scaling.steps[0] as { indices: readonly number[] }).indices, pattern);
    near(scale(values, scaling), line);
    // Of an even season the ends count half each.
    const even = Array.from({ length: 12 }, (_, t) => 2 * t + ([1, -1, 2, -2][t % 4] as number));
    near((fitScaling({ seasonal: 4 }, even).steps[0] as { indices: readonly number[] }).indices, [1, -1, 2, -2]);
  });

  test("after a logarithm it is a factor", () => {
    const factors = Array.from({ length: 12 }, (_, t) => 10 * ([2, 0.5][t % 2] as number));
    const scaling = fitScaling(["log", { seasonal: 2 }], factors);
    near(
      scale(factors, scaling),
      line.map(() => Math.log(10)),
    );
    near(unscale([Math.log(100), Math.log(100)], scaling, factors), [200, 50]);
  });

  test("a series that begins at step `start` has its season from there", () => {
    const scaling = fitScaling({ seasonal: 3 }, values);
    near(scale(values.slice(5), scaling, undefined, 5), line.slice(5));
    near(unscale([100, 100, 100], scaling, [], 7), [99, 98, 103]);
    // The history tells where the next step is, where it is whole.
    near(unscale([100, 100, 100], scaling, values), [103, 99, 98]);
  });

  test("after a difference it goes on with the step at which the difference ends", () => {
    const sums = values.map((_, t) => values.slice(0, t + 1).reduce((a, b) => a + b, 0));
    const scaling = fitScaling([{ difference: 1 }, { seasonal: 3 }], sums);
    near(scale(sums, scaling), line.slice(1));
    near(scale(sums.slice(4), scaling, undefined, 4), line.slice(5));
    near(unscale([12, 13], scaling, sums), [(sums[11] as number) + 15, (sums[11] as number) + 27]);
  });

  test("missing values are left out, and a place without values is as usual", () => {
    const holes = values.map((value, t) => (t === 4 ? Number.NaN : value));
    near((fitScaling({ seasonal: 3 }, holes).steps[0] as { indices: readonly number[] }).indices, pattern);
    const never = values.map((value, t) => (t % 3 === 1 ? Number.NaN : value));
    expect((fitScaling({ seasonal: 3 }, never).steps[0] as { indices: readonly number[] }).indices).toEqual([0, 0, 0]);
  });

  test("needs two seasons, of two steps or more", () => {
    expect(() => fitScaling({ seasonal: 7 }, values)).toThrow(
      "scaling: a season of 7 steps needs 14 values, got 12. Give more data or a shorter season.",
    );
    expect(() => fitScaling({ seasonal: 1 }, values)).toThrow("{ seasonal: length }");
  });
});

describe("unscale", () => {
  test("undoes any composition, from the values just before", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...kinds.filter((kind) => kind !== "log" && kind !== "log1p")), { maxLength: 3 }),
        fc.boolean(),
        fc.array(fc.double({ min: 0.5, max: 100, noNaN: true }), { minLength: 20, maxLength: 40 }),
        (steps, logs, values) => {
          const scaling = fitScaling(logs ? ["log", ...steps] : steps, values);
          const lost = lostSteps(scaling);
          const scaled = scale(values, scaling);
          expect(scaled.length).toBe(values.length - lost);
          const cut = 5;
          const history = values.slice(0, lost + cut);
          near(unscale(scaled.slice(cut), scaling, history), values.slice(lost + cut));
          // Without all that was before, the step says where in the season it is; and so does it of a part that is scaled alone.
          near(unscale(scaled.slice(cut), scaling, history.slice(cut), lost + cut), values.slice(lost + cut));
          near(scale(values.slice(cut), scaling, undefined, cut), scaled.slice(cut));
        },
      ),
    );
  });

  test("a seasonal difference of zeros repeats the last season", () => {
    const scaling = fitScaling({ difference: 3 }, [1, 2, 3, 4, 5, 6]);
    expect([...unscale([0, 0, 0, 0], scaling, [1, 2, 3, 7, 8, 9])]).toEqual([7, 8, 9, 7]);
  });

  test("needs the values before, none missing", () => {
    const scaling = fitScaling(
      [{ difference: 1 }, { difference: 12 }],
      Array.from({ length: 30 }, (_, k) => k * k),
    );
    expect(() => unscale([1], scaling, [1, 2])).toThrow(
      "unscale: history: differences need 13 values before the first, got 2",
    );
    expect(() => unscale([1], fitScaling({ difference: 1 }, [1, 2]), [Number.NaN])).toThrow("is missing. Fill it.");
  });
});
