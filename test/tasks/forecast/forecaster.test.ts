/** What a forecaster says of series that are made for it: forms, heads, seeds, members, many series, covariates. */
import { describe, expect, test } from "vitest";
import { seasonalNaive } from "../../../src/tasks/forecast/baselines.ts";
import {
  type Forecast,
  type ForecasterOptions,
  forecast,
  forecaster,
  trainForecaster,
} from "../../../src/tasks/forecast/index.ts";
import { mae } from "../../../src/tasks/forecast/scores.ts";
import { forms, heads } from "../../../src/tasks/forecast/settings.ts";
import { refusal, rejection } from "../../helpers/refusal.ts";
import { bare, joined, monthly, months, quick, shortened, wave } from "./made.ts";

const valuesOf = (one: Forecast | undefined): number[] => (one as Forecast).steps.map(({ value }) => value);
/** All numbers of forecasts, in order. */
const numbersOf = (all: readonly Forecast[]): number[] =>
  all.flatMap(({ steps }) => steps.flatMap(({ value, quantiles }) => [value, ...Object.values(quantiles)]));

describe("a sine on a rising line", () => {
  const whole = monthly({ sales: wave(132) });
  const truth = whole.series[0]?.values.sales?.slice(-12) as Float64Array;
  const past = shortened(whole, 12);
  const known = past.series[0]?.values.sales as Float64Array;
  const least = mae(truth, seasonalNaive(known, 12, 12).values);

  test.each([
    ["direct", {}, 40],
    ["segments", { scaling: [{ difference: 12 }, "standard"], relative: "none" }, 40],
    ["recursive", { scaling: [{ difference: 12 }, "standard"] }, 30],
  ] as const)("form %s forecasts it with less than half of seasonal naive's error", async (form, options, epochs) => {
    const model = await quick(past, { horizon: 12, form, units: 8, ...options } as ForecasterOptions, { epochs });
    const [one] = await forecast(model, past, { threads: 1 });
    const dates = truth.map((_, k) => k + 1);
    expect(one?.steps.map(({ step, date }) => [step, date])).toEqual(
      Array.from(dates, (k) => [k, `2010-${String(k).padStart(2, "0")}`]),
    );
    expect(mae(truth, valuesOf(one))).toBeLessThan(least / 2);
  });
});

describe("of every form and head", () => {
  const counts = bare({ n: Float64Array.from(wave(60), (value) => Math.round(value)) });
  const all = forms.flatMap((form) => heads.map((head) => [form, head] as const));

  test.each(all)("%s, %s: finite values, rising quantiles, the same bits of the same seed", async (form, head) => {
    const options = { horizon: 4, lookback: 8, form, head, seed: 3 } as const;
    const [first, second] = [await quick(counts, options), await quick(counts, options)];
    const said = await forecast(first, counts, { threads: 1, samples: 20, seed: 5 });
    expect(await forecast(second, counts, { threads: 1, samples: 20, seed: 5 })).toEqual(said);
    expect(numbersOf(said).every(Number.isFinite)).toBe(true);
    const quantiles = said[0]?.steps.map(({ quantiles }) => quantiles) ?? [];
    expect(Object.keys(quantiles[0] ?? {})).toEqual(["0.1", "0.5", "0.9"]);
    for (const one of quantiles) {
      const rising = Object.values(one);
      expect([...rising].sort((a, b) => a - b)).toEqual(rising);
    }
    if (head === "negative-binomial" && form !== "recursive") {
      expect(quantiles.flatMap(Object.values).every((value) => Number.isInteger(value) && value >= 0)).toBe(true);
    }
    const other = await quick(counts, { ...options, seed: 4 });
    expect(numbersOf(await forecast(other, counts, { threads: 1, samples: 20, seed: 5 }))).not.toEqual(numbersOf(said));
  });

  test.each(heads)(
    "sampled of head %s: other draws of another seed, and the quantiles that are asked for",
    async (head) => {
      const model = await quick(counts, { horizon: 3, lookback: 6, form: "recursive", head });
      const [a, b] = [
        await forecast(model, counts, { seed: 1, samples: 50 }),
        await forecast(model, counts, { seed: 2, samples: 50 }),
      ];
      if (head === "point") return expect(a).toEqual(b);
      expect(a).not.toEqual(b);
      const [wide] = await forecast(model, counts, { levels: [0.01, 0.3, 0.99], samples: 50 });
      expect(Object.keys(wide?.steps[0]?.quantiles ?? {})).toEqual(["0.01", "0.3", "0.99"]);
    },
  );
});

test("two members are two networks, and their forecasts are averaged", async () => {
  const data = bare({ y: wave(60) });
  for (const head of ["point", "quantiles", "gaussian"] as const) {
    const both = await quick(data, { horizon: 3, lookback: 6, members: 2, head });
    const { values, parameters } = both.model;
    const names = parameters.map(({ name }) => name);
    const own = (k: number): string[] => names.filter((name) => name.includes(k === 0 ? "output." : "output_1."));
    expect(own(0).length).toBe(2);
    expect(values[own(0)[0] as string]).not.toEqual(values[own(1)[0] as string]);
    const [together] = await forecast(both, data, { threads: 1 });

    // Each alone: the same layers by the same names, in a network of one.
    const alone = await Promise.all(
      [0, 1].map(async (k) => {
        const one = forecaster(data, { horizon: 3, lookback: 6, units: 4, head });
        for (const [name, target] of Object.entries(one.model.values)) {
          target.set(values[k === 0 ? name : name.replace(".", "_1.")] as Float32Array);
        }
        return valuesOf((await forecast({ ...one, margins: both.margins }, data, { threads: 1 }))[0]);
      }),
    );
    valuesOf(together).forEach((value, h) => {
      expect(value).toBeCloseTo(((alone[0]?.[h] as number) + (alone[1]?.[h] as number)) / 2, 4);
    });
    expect(alone[0]).not.toEqual(alone[1]);
  }
});

describe("several series", () => {
  const data = joined(
    bare({ y: wave(50, { level: 10 }) }, "low"),
    bare({ y: wave(40, { level: 500, height: 50 }) }, "high"),
  );

  test("are learned by one network, and each is forecast in its own units", async () => {
    const model = await quick(data, { horizon: 3, lookback: 6 }, { epochs: 10 });
    expect(Object.keys(model.settings.fitted)).toEqual(["low", "high"]);
    const said = await forecast(model, data);
    expect(said.map(({ series, target }) => [series, target])).toEqual([
      ["low", "y"],
      ["high", "y"],
    ]);
    const [low, high] = said.map((one) => valuesOf(one));
    for (const value of low as number[]) expect(Math.abs(value - 20)).toBeLessThan(15);
    for (const value of high as number[]) expect(Math.abs(value - 505)).toBeLessThan(150);
    // In another order, and alone, the same.
    const turned = await forecast(model, { series: [...data.series].reverse() });
    expect(turned.map((one) => valuesOf(one))).toEqual([high, low]);
  });

  test("of one name all the same: each has its own dates", async () => {
    const model = await quick(monthly({ y: wave(40) }), { horizon: 2, lookback: 4 });
    const said = await forecast(model, joined(monthly({ y: wave(40) }), monthly({ y: wave(30) })));
    expect(said.map(({ steps }) => steps[0]?.date)).toEqual(["2003-05", "2002-07"]);
  });

  test("one that is unknown is scaled by its own values", async () => {
    const model = await quick(data, { horizon: 3, lookback: 6 });
    const far = bare({ y: Float64Array.from(wave(50, { level: 10 }), (value) => 1000 * value) }, "new");
    const near = bare({ y: wave(50, { level: 10 }) }, "other");
    const [[thousands], [ones]] = [await forecast(model, far), await forecast(model, near)];
    valuesOf(thousands).forEach((value, h) => {
      expect(value / 1000).toBeCloseTo(valuesOf(ones)[h] as number, 3);
    });
  });
});

test("a column that counts the steps is no target unless it is named", () => {
  const y = wave(40);
  const counted = bare({ index: Array.from(y, (_, t) => t), y });
  const targets = (options: object = {}): readonly string[] =>
    forecaster(counted, { horizon: 3, units: 2, ...options }).settings.targets;
  expect(targets()).toEqual(["y"]);
  expect(targets({ targets: ["index", "y"] })).toEqual(["index", "y"]);
  expect(targets({ future: ["index"] })).toEqual(["y"]);
  expect(forecaster(bare({ index: Array.from(y, (_, t) => t) }), { horizon: 3, units: 2 }).settings.targets).toEqual([
    "index",
  ]);
});

describe("several targets", () => {
  const data = bare({ a: wave(50), b: Float64Array.from(wave(50, { seed: 2 }), (value) => -10 * value) });
  test.each(forms.flatMap((form) => [[form, true] as const, ...(form === "segments" ? [] : [[form, false] as const])]))(
    "form %s, independent %s: each in its own units, in order",
    async (form, independent) => {
      const model = await quick(data, {
        horizon: 3,
        lookback: 6,
        form,
        independent,
        segment: undefined as never,
        ...(form === "segments" ? { segment: 3 } : {}),
      });
      const said = await forecast(model, data, { samples: 20 });
      expect(said.map(({ target }) => target)).toEqual(["a", "b"]);
      expect(valuesOf(said[0]).every((value) => value > 0 && value < 60)).toBe(true);
      expect(valuesOf(said[1]).every((value) => value < 0 && value > -600)).toBe(true);
    },
  );
});

describe("covariates", () => {
  // What is forecast is what the column of the future says, so that only who reads it can know.
  const flags = Array.from({ length: 120 }, (_, t) =>
    Number((wave(120, { seed: 9, rise: 0, noise: 9, height: 0 })[t] as number) > 20),
  );
  const sales = (steps: number): number[] => flags.slice(0, steps).map((on) => 10 + 5 * on);
  const missing = Array.from({ length: 4 }, () => Number.NaN);
  const errorOf = (one: Forecast | undefined): number =>
    mae(
      flags.slice(-4).map((on) => 10 + 5 * on),
      valuesOf(one),
    );
  const options = { horizon: 4, lookback: 4, targets: ["sales"], relative: "none", head: "point" } as const;
  const training = { epochs: 60, learningRate: 0.03 };

  test.each(["direct", "recursive"] as const)("form %s reads numbers and texts of the future", async (form) => {
    const values = [...sales(116), ...missing];
    const texts = flags.map((on) => (on ? "sale" : "no"));
    const numbers = bare({ sales: values, promotion: flags });
    const words: typeof numbers = {
      series: [{ name: "", values: { sales: Float64Array.from(values) }, texts: { promotion: texts } }],
    };
    for (const data of [numbers, words]) {
      const model = await quick(data, { ...options, form, future: ["promotion"] }, training);
      expect(errorOf((await forecast(model, data))[0])).toBeLessThan(1);
    }
    const { settings } = forecaster(words, { ...options, form, future: ["promotion"] });
    expect(settings.categories).toEqual({ promotion: ["no", "sale"] });
    const blind = await quick(bare({ sales: sales(116) }), { ...options, form }, training);
    expect(errorOf((await forecast(blind, bare({ sales: sales(116) })))[0])).toBeGreaterThan(1);
  });

  test("a column of the past is read up to the forecast: it tells what comes four steps later", async () => {
    const values = [...flags.slice(0, 4).map(() => 10), ...sales(116)];
    const data = bare({ sales: values.slice(0, 116), orders: flags.slice(0, 116) });
    const model = await quick(data, { ...options, past: ["orders"], units: 12 }, training);
    const [one] = await forecast(model, data);
    expect(mae(values.slice(116), valuesOf(one))).toBeLessThan(1);
  });

  test("the calendar is read where there are dates, and needs them then", async () => {
    // One value of a sine does not say whether it rises or falls.
    const values = Array.from({ length: 120 }, (_, t) => 20 + 10 * Math.sin((2 * Math.PI * t) / 12));
    const short = { horizon: 3, lookback: 1, relative: "none", head: "point" } as const;
    const data = monthly({ sales: values.slice(0, 117) });
    const errorOf = async (options: ForecasterOptions): Promise<number> => {
      const model = await quick(data, options, { epochs: 40, learningRate: 0.02 });
      return mae(values.slice(117), valuesOf((await forecast(model, data))[0]));
    };
    expect(await errorOf(short)).toBeLessThan(1);
    expect(await errorOf({ ...short, calendar: [] })).toBeGreaterThan(2);
    const model = forecaster(data, short);
    expect(model.settings.calendar).toEqual(["monthOfYear"]);
    expect(await rejection(forecast(model, bare({ sales: values })))).toBe(
      "forecast: has no dates, and the forecaster was made with the calendar. Give a column of dates.",
    );
  });
});

describe("scaling", () => {
  const data = monthly({ sales: wave(96) });
  test.each([
    ["standard"],
    ["minMax"],
    ["robust"],
    ["log"],
    ["log1p"],
    ["none"],
    [{ difference: 1 }],
    [{ seasonal: 12 }],
    [["log", { seasonal: 12 }, { difference: 1 }, "standard"]],
  ] as const)("%j: forecasts are in the units of the series, near its end", async (scaling) => {
    // Of draws of what is hardly trained, exponentials are large.
    for (const form of forms.slice(0, scaling === "log" || scaling === "log1p" ? 2 : 3)) {
      const options = { horizon: 6, lookback: 12, form, scaling, head: "gaussian" } as ForecasterOptions;
      const model = await quick(data, options, { epochs: 8 });
      const [one] = await forecast(model, data, { samples: 50 });
      for (const value of valuesOf(one)) expect(Math.abs(value - 39)).toBeLessThan(35);
    }
  });

  test("is fitted on what is trained on alone", () => {
    const [ends] = [Float64Array.from({ length: 60 }, (_, t) => (t < 40 ? t % 2 : 1e6))];
    const { settings } = forecaster(bare({ y: ends }), { horizon: 4, lookback: 4, validation: 10, test: 10, units: 2 });
    expect(settings.fitted[""]?.y).toEqual({ steps: [{ kind: "affine", offset: 0.5, scale: 0.5 }] });
  });

  test("a series that begins later than in training keeps the phase of its season", async () => {
    const model = await quick(data, {
      horizon: 6,
      lookback: 12,
      scaling: [{ seasonal: 12 }, "standard"],
      head: "point",
    });
    const [whole] = await forecast(model, data);
    const { values, instants } = data.series[0] as (typeof data.series)[number];
    for (const late of [5, 12, 31]) {
      const later = {
        ...data,
        series: [
          {
            name: "",
            values: { sales: (values.sales as Float64Array).slice(late) },
            instants: instants?.slice(late) as Float64Array<ArrayBuffer>,
          },
        ],
      };
      expect((await forecast(model, later))[0]).toEqual(whole);
    }
    // Earlier, too.
    const early = {
      ...data,
      series: [
        {
          name: "",
          values: { sales: Float64Array.from([1, 2, 3, ...(values.sales as Float64Array)]) },
          instants: months(99, -3),
        },
      ],
    };
    expect((await forecast(model, early))[0]).toEqual(whole);
  });

  test("a constant column is refused, or left out where nobody named it and there are others", () => {
    const flat = bare({ y: Array.from({ length: 40 }, () => 7) });
    expect(() => forecaster(flat, { horizon: 3, lookback: 4 })).toThrow(
      'column "y" has the same value, 7, in all 36 steps to train on: there is nothing to learn. Leave it out: name the columns to forecast with targets.',
    );
    const beside = bare({ y: Array.from({ length: 40 }, () => 7), z: wave(40) });
    expect(forecaster(beside, { horizon: 3, lookback: 4 }).settings.targets).toEqual(["z"]);
    expect(() => forecaster(beside, { horizon: 3, lookback: 4, targets: ["y", "z"] })).toThrow("nothing to learn");
  });
  test("values that are too large to be scaled are refused", () => {
    const huge = bare({ y: Array.from({ length: 40 }, (_, t) => 1e302 * (1 + (t % 5))) });
    expect(() => forecaster(huge, { horizon: 3, lookback: 4 })).toThrow(
      /column "y", step \d+ is .*, which is too large to be scaled\. Give values in larger units\./,
    );
  });
});

test("counts: forecasts of the negative binomial are near their mean, without scaling", async () => {
  const counts = bare({ n: Array.from({ length: 80 }, (_, t) => (t * 7) % 5) });
  const model = await quick(counts, { horizon: 3, lookback: 10, head: "negative-binomial" }, { epochs: 20 });
  expect(model.settings).toMatchObject({ scaling: ["none"], relative: "none", spread: { outputs: 1 } });
  const trained = 80 - model.settings.validation;
  expect(model.settings.countScale).toBeCloseTo(
    Array.from({ length: trained }, (_, t) => (t * 7) % 5).reduce((a, b) => a + b) / trained,
    9,
  );
  const [one] = await forecast(model, counts);
  for (const value of valuesOf(one)) expect(Math.abs(value - 2)).toBeLessThan(2);
});

describe("what is wrong is said in one line", () => {
  const data = bare({ y: wave(40), z: wave(40, { seed: 2 }) });
  const one = { horizon: 4, units: 2, lookback: 4 } as const;
  const y = (values: readonly number[]) => bare({ y: values });
  const texts = (all: readonly string[]) => ({
    series: [{ name: "", values: { y: Float64Array.from(wave(40)) }, texts: { kind: all } }],
  });

  test.each<[string, () => unknown, string]>([
    [
      "a horizon longer than the data",
      () => forecaster(data, { horizon: 100 }),
      "forecaster: the series has 40 steps: a forecast of 100 steps cannot be learned from them, it needs 102. Give a smaller horizon or longer series.",
    ],
    [
      "a series shorter than what is held out",
      () => forecaster(data, { ...one, test: 39 }),
      "forecaster: the series has 40 steps, of which the last 39 are to measure on: a forecast of 4 steps cannot be learned from the 1 that are left, it needs 6. Give a smaller horizon, a smaller test, or longer series.",
    ],
    [
      "an unknown column",
      () => forecaster(data, { ...one, targets: ["x"] }),
      'forecaster: has no column of numbers "x". It has "y", "z".',
    ],
    [
      "a target twice",
      () => forecaster(data, { ...one, targets: ["y", "y"] }),
      'forecaster: column "y" is given twice among targets, past and future. Leave one out.',
    ],
    [
      "a target that is a covariate",
      () => forecaster(data, { ...one, targets: ["y"], past: ["y"] }),
      'forecaster: column "y" is given twice among targets, past and future. Leave one out.',
    ],
    [
      "no target left",
      () => forecaster(data, { ...one, past: ["y", "z"] }),
      "forecaster: there is no column of numbers to forecast. Give targets.",
    ],
    [
      "a value that is missing within a target",
      () => forecaster(y([1, 2, Number.NaN, 4, 5, 6]), one),
      'forecaster: column "y" has no value at step 2, within the series. Fill it: fill "linear", "last" or "zero".',
    ],
    [
      "negative values with log",
      () => forecaster(y(Array.from(wave(40), (value, k) => (k === 7 ? -value : 100))), { ...one, scaling: "log" }),
      expect.stringMatching(
        /^forecaster: column "y", step 7 is -[\d.]+, and "log" needs values above 0\. Use "standard"\.$/,
      ) as unknown as string,
    ],
    [
      "what are no counts",
      () => forecaster(y([1, 2, 3, 2.5, ...wave(36).map(Math.round)]), { ...one, head: "negative-binomial" }),
      'forecaster: column "y", step 3: 2.5 is no count. Head "negative-binomial" is of counts 0, 1, 2 and so on.',
    ],
    [
      "counts with a scaling",
      () => forecaster(data, { ...one, head: "negative-binomial", scaling: "standard" }),
      'forecaster: head "negative-binomial" is of counts, which are not scaled. Leave scaling out.',
    ],
    [
      "a segment that does not divide",
      () => forecaster(data, { ...one, form: "segments", segment: 3 }),
      "forecaster: segment 3 does not divide the lookback, 4, and the horizon, 4. Choose a common divisor.",
    ],
    [
      "a segment of no segments",
      () => forecaster(data, { ...one, segment: 2 }),
      'forecaster: segment is for form "segments". Leave it out.',
    ],
    [
      "two series of one name",
      () => forecaster(joined(bare({ y: wave(40) }, "a"), bare({ y: wave(40) }, "a")), one),
      'forecaster: two series are called "a". Give each a name of its own.',
    ],
    [
      "a season where there is none",
      () => forecaster(data, { ...one, relative: "season" }),
      'forecaster: relative "season" needs a season of 2 steps or more. Give season, or dates with a frequency that has one.',
    ],
    [
      "past columns of the form recursive",
      () => forecaster(data, { ...one, form: "recursive", targets: ["y"], past: ["z"] }),
      'forecaster: form "recursive" has no values of past columns in the future. Choose form "direct".',
    ],
    [
      "covariates of the form segments",
      () => forecaster(data, { ...one, form: "segments", targets: ["y"], past: ["z"] }),
      'forecaster: form "segments" reads targets alone. Leave past, future and calendar out, or choose form "direct".',
    ],
    [
      "the calendar without dates",
      () => forecaster(data, { ...one, calendar: ["dayOfWeek"] }),
      "forecaster: has no dates, and the forecaster was made with the calendar. Give a column of dates.",
    ],
    [
      "a loss of another head",
      () => forecaster(data, { ...one, loss: "mse" }),
      'forecaster: loss is for head "point", got "quantiles". Leave it out.',
    ],
    [
      "levels that do not rise",
      () => forecaster(data, { ...one, levels: [0.9, 0.1] }),
      "forecaster: levels must be probabilities between 0 and 1, rising, got a list of 2",
    ],
    [
      "a season without enough values",
      () => forecaster(y([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), { horizon: 1, lookback: 1, scaling: { seasonal: 8 } }),
      'forecaster: column "y": a season of 8 steps needs 16 values, got 9. Give more data or a shorter season.',
    ],
    [
      "no horizon",
      () => forecaster(data, {} as ForecasterOptions),
      "forecaster: horizon must be a whole number of at least 1, got undefined",
    ],
    [
      "an unknown option",
      () => forecaster(data, { ...one, horizn: 3 } as ForecasterOptions),
      'unknown option "horizn"',
    ],
  ])("%s", (_, call, message) => {
    const said = refusal(call);
    expect(said).not.toContain("\n");
    if (typeof message === "string" && !message.endsWith(".")) expect(said).toContain(message);
    else expect(said).toEqual(message);
  });

  test("where a trained one forecasts", async () => {
    const values = wave(40);
    const future = bare({
      y: [...values.slice(0, 36), ...Array.from({ length: 4 }, () => Number.NaN)],
      price: wave(40),
    });
    const model = await quick(future, { ...one, targets: ["y"], future: ["price"] });
    expect(await rejection(forecast(model, bare({ y: values, price: values })))).toBe(
      'forecast: column "price" has no value at step 40, step 1 of the future. A column of future needs one for each step that is forecast.',
    );
    expect(await rejection(forecast(model, bare({ y: values })))).toBe(
      'forecast: has no column of numbers "price". It has "y".',
    );
    expect(await rejection(forecast(model, bare({ y: [1, 2], price: values }, "b")))).toBe(
      'forecast: series "b": has 2 steps, and a forecast is made from 4. Give a longer series.',
    );
    expect(await rejection(forecast(model, future, { levels: [0.2] }))).toBe(
      'forecast: levels: head "quantiles" of this forecaster has the quantiles 0.1, 0.5, 0.9, got 0.2. Leave it out.',
    );
    const point = await quick(data, { ...one, head: "point", validation: 0 });
    expect(await rejection(forecast(point, data, { levels: [0.2] }))).toBe(
      'forecast: levels: head "point" of this forecaster has no quantiles, got 0.2. Leave it out.',
    );
    expect(await rejection(trainForecaster(model, bare({ y: [1, 2], price: [1, 2] })))).toMatch(
      /^trainForecaster: [^\n]+$/,
    );
    expect(await rejection(forecast(model, bare({ y: [], price: [] })))).toMatch(/^forecast: [^\n]+$/);
  });

  test("for fewer steps what is known of the future is needed for these alone, and they are the first of all", async () => {
    const values = [...wave(36), ...Array.from({ length: 4 }, () => Number.NaN)];
    const [price, kind] = [Array.from(wave(40)), Array.from({ length: 40 }, (_, t) => (t % 3 === 0 ? "sale" : "none"))];
    const given = monthly({ y: values, price }, { kind });
    const options = { ...one, horizon: 4, targets: ["y"], future: ["price", "kind"] };
    for (const form of ["direct", "recursive"] as const) {
      const model = await quick(given, { ...options, form });
      const [all] = await forecast(model, given, { threads: 1, samples: 20 });
      const [first] = await forecast(model, given, { threads: 1, samples: 20, horizon: 2 });
      expect(first?.steps).toEqual(all?.steps.slice(0, 2));
      // Rows for two steps alone: what comes after is taken to be as in the second.
      const short = monthly({ y: values.slice(0, 38), price: price.slice(0, 38) }, { kind: kind.slice(0, 38) });
      const held = monthly(
        { y: values, price: [...price.slice(0, 38), price[37] as number, price[37] as number] },
        { kind: [...kind.slice(0, 38), kind[37] as string, kind[37] as string] },
      );
      const [few] = await forecast(model, short, { threads: 1, samples: 20, horizon: 2 });
      expect(few?.steps).toEqual((await forecast(model, held, { threads: 1, samples: 20 }))[0]?.steps.slice(0, 2));
      expect(await rejection(forecast(model, short, { horizon: 3 }))).toMatch(
        /^forecast: column "price" has no value at step 38, step 3 of the future\. .* choose horizon 2 or less\.$/,
      );
      expect(await rejection(forecast(model, given, { horizon: 5 }))).toBe(
        "forecast: horizon: this forecaster makes 4 steps, got 5. Give at most 4.",
      );
    }
  });

  test("a text that is there in the future alone", async () => {
    const kind = Array.from({ length: 40 }, (_, t) => (t === 39 ? "zzz" : t % 3 === 0 ? "sale" : "none"));
    const given = monthly({ y: [...wave(36), ...Array.from({ length: 4 }, () => Number.NaN)] }, { kind });
    const model = forecaster(given, { ...one, horizon: 4, targets: ["y"], future: ["kind"] });
    expect(model.settings.categories).toEqual({ kind: ["none", "sale"] });
    expect(await rejection(forecast(model, given))).toBe(
      'forecast: column "kind", step 39: "zzz" was not there in training. It had "none", "sale".',
    );
  });

  test("a forecast that is infinite", async () => {
    const model = await quick(data, { ...one, head: "point", scaling: "log" });
    const { values } = model.model;
    values["output.b"]?.fill(1e30);
    expect(await rejection(forecast(model, data))).toMatch(
      /^forecast: the forecast of "y" at step 1 is no finite number: its values are too large, or far from those of the training$/,
    );
  });

  test("dates of another frequency than in training", async () => {
    const model = await quick(monthly({ y: wave(40) }), { ...one, calendar: [] });
    const days = {
      series: [
        {
          ...bare({ y: wave(40) }).series[0],
          instants: Float64Array.from(wave(40), (_, t) => Date.UTC(2010, 0, 1 + t)),
        },
      ],
    };
    expect(await rejection(forecast(model, days as typeof data))).toBe(
      "forecast: the forecaster was made with dates of a frequency of one month, and date 1 is 2010-01, and would be 2010-02. Give a series of that frequency, with every date.",
    );
  });

  test("a text that is new, and one that is missing", async () => {
    const kinds = Array.from({ length: 44 }, (_, t): string => (t % 2 === 0 ? "a" : "b"));
    const model = await quick(texts(kinds), { ...one, future: ["kind"] });
    expect((await forecast(model, texts(kinds)))[0]?.steps).toHaveLength(4);
    expect(await rejection(forecast(model, texts(kinds.with(41, "c"))))).toBe(
      'forecast: column "kind", step 41: "c" was not there in training. It had "a", "b".',
    );
    expect(await rejection(forecast(model, texts(kinds.slice(0, 42))))).toBe(
      'forecast: column "kind" has no text at step 42, step 3 of the future. A column of future needs one for each step that is forecast. Give it, or choose horizon 2 or less.',
    );
  });
});
