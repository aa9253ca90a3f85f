import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitScaling, lostSteps, type ScalingKind, scale, unscale } from "../../src/data/scaling.ts";

const kinds: readonly ScalingKind[] = [
  ...(["standard", "minMax", "robust", "log", "log1p", "none"] as const),
  { difference: 1 },
  { difference: 3 },
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
