/** Windows by hand: what a network reads and learns of four steps, relative to each base, in each form. */
import { describe, expect, test } from "vitest";
import { inputsOf, outputsOf, spreadOf } from "../../../src/tasks/forecast/examples.ts";
import { forecast, forecaster } from "../../../src/tasks/forecast/index.ts";
import {
  baseOf,
  type Prepared,
  prepare,
  relativeInput,
  stepsBefore,
  windowsOf,
} from "../../../src/tasks/forecast/prepare.ts";
import {
  bases,
  type ForecastData,
  type ForecasterOptions,
  type ForecastSettings,
} from "../../../src/tasks/forecast/settings.ts";
import { bare, joined, monthly } from "./made.ts";

const plain = { horizon: 2, lookback: 3, scaling: "none", validation: 0, units: 2, head: "point" } as const;
/** The settings of a forecaster that sees values as they are, and all its windows. */
function windowsFor(data: ForecastData, options: Partial<ForecasterOptions> = {}) {
  const { settings } = forecaster(data, { ...plain, ...options });
  const same: ForecastSettings = { ...settings, spread: { inputs: 1, outputs: 1 } };
  const prepared = prepare("a test", data, same, 0);
  return { settings: same, prepared, windows: windowsOf(prepared, same, ({ length }) => [0, length]) };
}
type Flat = { readonly data: ArrayLike<number>; readonly shape: readonly number[] };
const flat = (array: unknown): [number[], readonly number[]] => {
  const { data, shape } = array as Flat;
  return [Array.from(data), shape];
};
// A season of 4.
const squares = bare({ y: [1, 4, 9, 16, 25, 36, 49, 64, 81, 100] });

describe("what forecasts are relative to", () => {
  const values = Float64Array.of(1, 4, 9, 16, 25, 36, 49, 64, 81, 100);
  const of = (relative: (typeof bases)[number]) => ({ relative, lookback: 3, season: 4 }) as ForecastSettings;
  // Before step 8: 36, 49, 64; a season before steps 8 to 13 lie 25, 36, 49, 64 and then the same again.
  test.each([
    ["none", [0, 0, 0, 0, 0, 0], [36, 49, 64]],
    ["last", [64, 64, 64, 64, 64, 64], [36 - 64, 49 - 64, 0]],
    ["mean", [149 / 3, 149 / 3, 149 / 3, 149 / 3, 149 / 3, 149 / 3], [36 - 149 / 3, 49 - 149 / 3, 64 - 149 / 3]],
    ["season", [25, 36, 49, 64, 25, 36], [36 - 4, 49 - 9, 64 - 16]],
  ] as const)("%s, by step", (relative, base, inputs) => {
    expect([0, 1, 2, 3, 4, 5].map(baseOf(values, 8, of(relative)))).toEqual(base);
    expect([5, 6, 7].map(relativeInput(values, 8, of(relative)))).toEqual(inputs);
  });

  test("before a window lie the lookback, and with season a season", () => {
    expect(bases.map((relative) => stepsBefore(of(relative)))).toEqual([3, 3, 3, 7]);
  });
});

describe("windows", () => {
  test("all that fit into the steps from the first to before the last, in order, every stride", () => {
    const { prepared, settings } = windowsFor(squares);
    const places = (from: number, to: number, stride?: number) =>
      windowsOf(prepared, settings, () => [from, to], stride).map(({ at }) => at);
    expect(places(0, 10)).toEqual([3, 4, 5, 6, 7, 8]);
    expect(places(5, 9)).toEqual([5, 6, 7]);
    expect(places(5, 100, 2)).toEqual([5, 7]);
    expect(places(9, 10)).toEqual([]);
  });

  test("of several series and of targets alone", () => {
    const data = joined(
      bare({ a: [1, 2, 3, 4, 6], b: [5, 4, 3, 2, 1] }, "one"),
      bare({ a: [1, 2, 3, 4, 5, 6], b: [1, 2, 3, 4, 5, 6] }, "two"),
    );
    const named = (independent: boolean) =>
      windowsFor(data, { independent }).windows.map(({ of, at, target }) => `${of.name} ${at} ${target}`);
    expect(named(false)).toEqual(["one 3 -1", "two 3 -1", "two 4 -1"]);
    expect(named(true)).toEqual(["one 3 0", "one 3 1", "two 3 0", "two 3 1", "two 4 0", "two 4 1"]);
  });
});

describe("form direct", () => {
  test("reads the lookback step by step, and learns the horizon, relative to the last value", () => {
    const { settings, windows } = windowsFor(squares);
    expect(settings.relative).toBe("last");
    const two = windows.slice(0, 2);
    expect(Object.keys(inputsOf(two, settings))).toEqual(["x"]);
    expect(flat(inputsOf(two, settings).x)).toEqual([
      [-8, -5, 0, -12, -7, 0],
      [2, 3, 1],
    ]);
    expect(flat(outputsOf(two, settings))).toEqual([
      [7, 16, 9, 20],
      [2, 2],
    ]);
  });

  test("divides by the spread: the root of the mean of the squares of what is read and learned", () => {
    const { settings, windows } = windowsFor(squares);
    const spread = spreadOf(windows.slice(0, 1), settings);
    expect(spread.inputs).toBeCloseTo(Math.sqrt((64 + 25) / 3), 12);
    expect(spread.outputs).toBeCloseTo(Math.sqrt((49 + 256) / 2), 12);
    const scaled = { ...settings, spread: { inputs: 2, outputs: 4 } };
    expect(flat(inputsOf(windows.slice(0, 1), scaled).x)[0]).toEqual([-4, -2.5, 0]);
    expect(flat(outputsOf(windows.slice(0, 1), scaled))[0]).toEqual([7 / 4, 4]);
  });

  test("beside the targets: columns of the past, of the future and texts at each step, those known for the future once more", () => {
    const values = { a: [1, 2, 3, 4, 5], b: [10, 20, 30, 40, 50], seen: [-1, 0, 1, 0, 0], price: [3, 3, 3, 5, 5] };
    const data = {
      series: [{ name: "", values: bare(values).series[0]?.values ?? {}, texts: { kind: ["x", "y", "x", "y", "x"] } }],
    };
    const { settings, prepared, windows } = windowsFor(data, {
      ...{ targets: ["a", "b"], past: ["seen"], future: ["price", "kind"], relative: "none" },
    });
    // Covariates are standardised: `seen` is -1, 0, 1, 0, 0 with variance 2 / 5, `price` of mean 3.8 and variance 0.96.
    const [seen, low, high] = [1 / Math.sqrt(0.4), -0.8 / Math.sqrt(0.96), 1.2 / Math.sqrt(0.96)].map(Math.fround);
    expect(windows.map(({ at }) => at)).toEqual([3]);
    expect(prepared[0]?.known).toHaveLength(3);
    const { x, known } = inputsOf(windows, settings);
    const [numbers, shape] = flat(x);
    expect(shape).toEqual([1, 3, 6]);
    [1, 10, -(seen as number), low, 1, 0, 2, 20, 0, low, 0, 1, 3, 30, seen, low, 1, 0].forEach((value, k) => {
      expect(numbers[k]).toBeCloseTo(value as number, 6);
    });
    const [future, futureShape] = flat(known);
    expect(futureShape).toEqual([1, 6]);
    [high, 0, 1, high, 1, 0].forEach((value, k) => {
      expect(future[k]).toBeCloseTo(value as number, 6);
    });
    // Step by step, and of each step the targets.
    expect(flat(outputsOf(windows, settings))).toEqual([
      [4, 40, 5, 50],
      [1, 4],
    ]);
  });

  test("the calendar is the last of what is known: sine and cosine of the month", () => {
    const { settings, windows } = windowsFor(monthly({ y: [1, 2, 3, 4, 5, 6] }), { relative: "none" });
    const [known] = flat(inputsOf(windows.slice(0, 1), settings).known);
    // April and May.
    [Math.sin(Math.PI / 2), Math.cos(Math.PI / 2), Math.sin((2 * Math.PI) / 3), Math.cos((2 * Math.PI) / 3)].forEach(
      (value, k) => {
        expect(known[k]).toBeCloseTo(value, 6);
      },
    );
  });

  test("several series are told apart by their number at each step, an unknown one is the first", () => {
    const data = joined(
      bare({ a: [1, 2, 3, 4, 6], b: [5, 4, 3, 2, 1] }, "one"),
      bare({ a: [1, 2, 3, 4, 5], b: [1, 2, 3, 4, 5] }, "two"),
    );
    for (const [independent, numbers] of [
      [false, [0, 1]],
      [true, [0, 1, 2, 3]],
    ] as const) {
      const { settings, windows } = windowsFor(data, { independent });
      expect(flat(inputsOf(windows, settings).series)).toEqual([
        numbers.flatMap((number) => [number, number, number]),
        [numbers.length, 3],
      ]);
      const [other] = prepare("a test", bare({ a: [1, 2, 3], b: [1, 2, 3] }, "new"), settings, 0) as [Prepared];
      expect(other.number).toBe(0);
    }
  });
});

test("form segments reads segments, each target alone, and learns all steps", () => {
  const { settings, windows } = windowsFor(squares, { form: "segments", lookback: 4, segment: 2, relative: "last" });
  expect(flat(inputsOf(windows.slice(0, 1), settings).x)).toEqual([
    [-15, -12, -7, 0],
    [1, 2, 2],
  ]);
  expect(flat(outputsOf(windows.slice(0, 1), settings))).toEqual([
    [9, 20],
    [1, 2],
  ]);
  const both = windowsFor(joined(bare({ a: [1, 2, 3, 4, 5] }, "one"), bare({ a: [1, 2, 3, 4, 5] }, "two")), {
    form: "segments",
    lookback: 2,
    segment: 1,
  });
  expect(flat(inputsOf(both.windows, both.settings).series)).toEqual([[0, 0, 1, 1], [4]]);
});

test("form recursive reads at each step the one before and what is known of its own, and learns lookback and horizon", () => {
  const data = bare({ y: [1, 2, 3, 4, 5, 6], price: [1, 1, 1, 1, 1, 1] });
  const { settings, windows } = windowsFor(data, { form: "recursive", targets: ["y"], future: ["price"] });
  const [first] = windows.slice(0, 1);
  expect(first?.at).toBe(3);
  // Before the first step there is none; a constant column is 0.
  expect(flat(inputsOf(windows.slice(0, 1), settings).x)).toEqual([
    [0, 0, 1, 0, 2, 0, 3, 0, 4, 0],
    [1, 5, 2],
  ]);
  expect(flat(outputsOf(windows.slice(0, 1), settings))).toEqual([
    [1, 2, 3, 4, 5],
    [1, 5, 1],
  ]);
  const mean = { ...settings, relative: "mean" } as const;
  expect(flat(outputsOf(windows.slice(1, 2), mean))[0]).toEqual([-1, 0, 1, 2, 3]);
});

test("differences use up steps at the start, of covariates too: those of one step stay together", () => {
  const data = bare({ y: [1, 2, 4, 8, 16, 32, 64], price: [0, 1, 2, 3, 4, 5, 6] });
  const { settings, prepared, windows } = windowsFor(data, {
    ...{ targets: ["y"], future: ["price"], scaling: { difference: 1 }, relative: "none" },
  });
  const [one] = prepared as [Prepared];
  expect([one.length, one.lost, [...(one.targets[0] ?? [])]]).toEqual([6, 1, [1, 2, 4, 8, 16, 32]]);
  expect([...(one.known[0] ?? [])]).toEqual([-2, -1, 0, 1, 2, 3].map((value) => value / 2));
  expect(flat(inputsOf(windows.slice(0, 1), settings).x)[0]).toEqual([1, -1, 2, -0.5, 4, 0]);
});

test("a network that gives nothing forecasts the base, undone of its scaling", async () => {
  const values = Array.from({ length: 40 }, (_, t) => 100 + t + 10 * (t % 4));
  const data = bare({ y: values });
  for (const [relative, expected] of [
    ["last", [169, 169, 169, 169, 169]],
    ["mean", [153, 153, 153, 153, 153]],
    ["season", [136, 147, 158, 169, 136]],
    ["none", [0, 0, 0, 0, 0]],
  ] as const) {
    for (const scaling of ["none", "standard", "log"] as const) {
      const made = forecaster(data, { horizon: 5, lookback: 4, season: 4, relative, scaling, units: 2, head: "point" });
      for (const all of Object.values(made.model.values)) all.fill(0);
      const [one] = await forecast(made, data);
      const { fitted } = made.settings;
      const [step] = fitted[""]?.y?.steps ?? [];
      const last = values.slice(-4);
      const nothing = step?.kind === "affine" ? step.offset : scaling === "log" ? 1 : 0;
      const middle =
        scaling === "log"
          ? Math.exp(last.reduce((sum, value) => sum + Math.log(value) / 4, 0))
          : last.reduce((sum, value) => sum + value / 4, 0);
      expect(middle).toBeCloseTo(153, -1);
      one?.steps.forEach(({ value }, h) => {
        expect(value).toBeCloseTo(
          relative === "none" ? nothing : relative === "mean" ? middle : (expected[h] as number),
          9,
        );
      });
    }
  }
});
