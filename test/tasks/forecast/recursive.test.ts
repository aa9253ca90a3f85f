/** Sampled forecasts: step by step what one step after the other is by hand, draws of the right distribution. */
import { expect, test } from "vitest";
import { type FittedScaling, unscale } from "../../../src/data/scaling.ts";
import { inputsOf } from "../../../src/tasks/forecast/examples.ts";
import { type Forecaster, forecast, forecaster } from "../../../src/tasks/forecast/index.ts";
import { prepare } from "../../../src/tasks/forecast/prepare.ts";
import { predict } from "../../../src/train/predict.ts";
import { bare, monthly, quick, wave } from "./made.ts";

const valuesOf = (steps: readonly { value: number }[] | undefined): number[] => steps?.map(({ value }) => value) ?? [];

test("a point forecast is one step after the other, each reading the one before, as the whole sequence read at once", async () => {
  const data = monthly({ y: wave(48) });
  const model = await quick(data, { horizon: 4, lookback: 6, form: "recursive", head: "point" });
  const { settings } = model;
  const [one] = await forecast(model, data, { threads: 1 });
  const [of] = prepare("a test", data, settings, 4);
  if (of === undefined) throw new Error("no series");
  // Scaled values that are known, then those that were forecast.
  const fitted = settings.fitted[""]?.y as FittedScaling;
  const scaled = [...(of.targets[0] as Float64Array)];
  for (let h = 0; h < 4; h++) {
    const longer = { ...of, length: of.length + h, targets: [Float64Array.from(scaled)] };
    // The lookback grows by what was forecast, and the state with it.
    const { x } = inputsOf([{ of: longer, at: of.length, target: -1 }], settings, 6 + h + 1);
    const { data: said } = await predict(model.model, { x: x as never });
    scaled.push((said.at(-1) as number) * settings.spread.outputs);
    expect(one?.steps[h]?.value).toBeCloseTo(unscale(scaled.slice(-1), fitted)[0] as number, 4);
  }
});

/** A forecaster whose network gives these numbers at each step, whatever it reads. */
function constant(
  data: ReturnType<typeof bare>,
  head: Forecaster["settings"]["head"],
  outputs: readonly number[],
  horizon = 2,
): Forecaster {
  const made = forecaster(data, { horizon, lookback: 3, form: "recursive", head, units: 2, scaling: "none" });
  for (const [name, values] of Object.entries(made.model.values)) {
    values.fill(0);
    if (name === "output.b") values.set(outputs);
  }
  return made;
}

test("draws have the mean and the quantiles of the head's distribution", async () => {
  const data = bare({ y: wave(30, { noise: 0 }) });
  const made = constant(data, "gaussian", [2, 0]);
  const { outputs } = made.settings.spread;
  const [one] = await forecast(made, data, { samples: 4000, levels: [0.1, 0.5, 0.9] });
  for (const { value, quantiles } of one?.steps ?? []) {
    expect(value / outputs).toBeCloseTo(2, 1);
    expect((quantiles["0.1"] as number) / outputs).toBeCloseTo(2 - 1.2816, 0);
    expect((quantiles["0.5"] as number) / outputs).toBeCloseTo(2, 1);
    expect((quantiles["0.9"] as number) / outputs).toBeCloseTo(2 + 1.2816, 0);
  }
});

test("with logarithms the value is the median of the paths, which none decides alone; of counts it is their mean", async () => {
  const data = bare({ y: Array.from({ length: 40 }, (_, t) => 50 + ((t * 7) % 5)) });
  const made = forecaster(data, {
    ...{
      horizon: 30,
      lookback: 3,
      validation: 0,
      form: "recursive",
      head: "gaussian",
      units: 2,
      scaling: ["log", { difference: 1 }],
    },
  });
  for (const [name, values] of Object.entries(made.model.values)) {
    values.fill(0);
    // A deviation of e to the third power: of 30 steps that of logarithms is above 5.
    if (name === "output.b") values[1] = 4;
  }
  const [one] = await forecast(made, data, { samples: 500, levels: [0.1, 0.5, 0.9] });
  for (const { value, quantiles } of one?.steps ?? []) expect(value).toBe(quantiles["0.5"]);
  const last = one?.steps.at(-1);
  expect((last?.quantiles["0.9"] as number) / (last?.value as number)).toBeGreaterThan(100);
  const counts = constant(
    bare({ y: Array.from({ length: 30 }, (_, t) => Number(t % 4 === 0)) }),
    "negative-binomial",
    [-0.7, 0],
  );
  const [rare] = await forecast(counts, bare({ y: Array.from({ length: 30 }, (_, t) => Number(t % 4 === 0)) }), {
    ...{ samples: 2000, levels: [0.5] },
  });
  for (const { value, quantiles } of rare?.steps ?? []) {
    expect(quantiles["0.5"]).toBe(0);
    expect(value).toBeGreaterThan(0.05);
  }
});

test("paths go on from what they drew: of differences the spread grows as that of a random walk", async () => {
  const data = bare({ y: Array.from({ length: 40 }, (_, t) => 50 + ((t * 7) % 5)) });
  const made = forecaster(data, {
    horizon: 9,
    lookback: 3,
    form: "recursive",
    head: "gaussian",
    units: 2,
    scaling: { difference: 1 },
  });
  for (const values of Object.values(made.model.values)) values.fill(0);
  const [one] = await forecast(made, data, { samples: 2000, levels: [0.1587, 0.8413] });
  const width = one?.steps.map(
    ({ quantiles }) => ((quantiles["0.8413"] as number) - (quantiles["0.1587"] as number)) / 2,
  );
  expect((width?.[3] as number) / (width?.[0] as number)).toBeCloseTo(2, 0);
  expect((width?.[8] as number) / (width?.[0] as number)).toBeCloseTo(3, 0);
  expect(one?.steps[0]?.value).toBeCloseTo(50 + ((39 * 7) % 5), 0);
});

test("each path belongs to one member of several, and both are heard alike", async () => {
  const data = bare({ y: wave(30) });
  const made = forecaster(data, {
    horizon: 2,
    lookback: 3,
    form: "recursive",
    head: "point",
    units: 2,
    members: 2,
    scaling: "none",
  });
  const { outputs } = made.settings.spread;
  for (const [name, values] of Object.entries(made.model.values)) {
    values.fill(0);
    if (name === "output.b") values.fill(1);
    if (name === "output_1.b") values.fill(3);
  }
  const [one] = await forecast(made, data);
  for (const value of valuesOf(one?.steps)) expect(value).toBeCloseTo(2 * outputs, 4);
});

test("a longer list of series does not change the draws of the first", async () => {
  const data = bare({ y: wave(40) }, "a");
  const model = await quick(data, { horizon: 3, lookback: 4, form: "recursive", head: "student-t" });
  const [alone] = await forecast(model, data, { samples: 10 });
  const both = { series: [...data.series, ...bare({ y: wave(40) }, "b").series] };
  expect((await forecast(model, both, { samples: 10 }))[0]).toEqual(alone);
});
