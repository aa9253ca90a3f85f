/** Scores of forecasts over many origins: those of `scores.ts` on what is said by hand, baselines beside them. */
import { describe, expect, test } from "vitest";
import { naive, quantilesOf, seasonalNaive } from "../../../src/tasks/forecast/baselines.ts";
import { evaluateForecaster, type Forecaster, forecaster } from "../../../src/tasks/forecast/index.ts";
import { coverage, crpsOfQuantiles, mae, mape, mase, mse, rmse, smape } from "../../../src/tasks/forecast/scores.ts";
import { rejection } from "../../helpers/refusal.ts";
import { bare, joined, monthly, quick, wave } from "./made.ts";

/** A forecaster that says the last value, and 1 below and above as quantiles, whatever it reads. */
function last(data: Parameters<typeof forecaster>[0], horizon = 2): Forecaster {
  const made = forecaster(data, {
    horizon,
    lookback: 3,
    relative: "last",
    scaling: "none",
    units: 2,
    test: 6,
    validation: 2,
    calendar: [],
  });
  for (const values of Object.values(made.model.values)) values.fill(0);
  const { outputs } = made.settings.spread;
  const parts = made.model.values["output.b"] as Float32Array;
  // Part by part: 0.1, 0.5, 0.9 of each step.
  parts.set(Float32Array.from(parts, (_, k) => [-1 / outputs, 0, 1 / outputs][Math.floor(k / horizon)] as number));
  return made;
}
const values = [3, 5, 4, 6, 7, 5, 8, 9, 7, 10, 12, 9, 11, 13, 10, 14, 12, 15, 13, 17];
const data = bare({ y: values });

describe("evaluateForecaster", async () => {
  // The last 6 steps, from 14 on: origins 14 to 18, two steps each.
  const origins = [14, 15, 16, 17, 18];
  const truth = origins.flatMap((at) => values.slice(at, at + 2));
  const said = origins.flatMap((at) => [values[at - 1], values[at - 1]]) as number[];
  const plus = (by: number) => said.map((value) => value + by);
  const { forecaster: scores, baselines, origins: count, steps } = await evaluateForecaster(last(data), data);

  test("its scores are those of scores.ts on what it says from each origin", () => {
    expect([count, steps]).toEqual([5, 2]);
    const quantiles = { 0.1: plus(-1), 0.5: said, 0.9: plus(1) };
    const wanted = {
      ...{ mae: mae(truth, said), rmse: rmse(truth, said), mape: mape(truth, said), smape: smape(truth, said) },
      // Trained on: all but 6 to test and 2 to validate on.
      mase: mase(truth, said, values.slice(0, 12), 1),
      ...{ scaledMse: mse(truth, said), scaledMae: mae(truth, said), crps: crpsOfQuantiles(truth, quantiles) },
      ...{ coverage: coverage(truth, plus(-1), plus(1)), nominal: 0.8 },
    };
    expect(Object.keys(scores)).toEqual(Object.keys(wanted));
    for (const [name, value] of Object.entries(wanted)) {
      expect(scores[name as keyof typeof scores], name).toBeCloseTo(value, 5);
    }
  });

  test("baselines are made anew at each origin of what was known there, with quantiles of the same levels", () => {
    expect(Object.keys(baselines)).toEqual(["naive", "drift", "ETS", "Theta"]);
    expect(baselines.naive?.mae).toBeCloseTo(mae(truth, said), 12);
    const drawn = origins.map((at) => quantilesOf(naive(values.slice(0, at), 2), [0.1, 0.5, 0.9]));
    const of = (p: string) => drawn.flatMap((one) => [...(one[p] as Float64Array)]);
    expect(baselines.naive?.crps).toBeCloseTo(
      crpsOfQuantiles(truth, { 0.1: of("0.1"), 0.5: of("0.5"), 0.9: of("0.9") }),
      12,
    );
    expect(baselines.naive?.coverage).toBeCloseTo(coverage(truth, of("0.1"), of("0.9")), 12);
    for (const one of Object.values(baselines)) expect(Object.values(one).every(Number.isFinite)).toBe(true);
  });

  test("where levels are given, baselines have the same", async () => {
    const density = forecaster(data, { horizon: 2, lookback: 3, head: "gaussian", units: 2, test: 6, validation: 2 });
    const { forecaster: own, baselines } = await evaluateForecaster(density, data, { levels: [0.25, 0.75] });
    expect(own.nominal).toBe(0.5);
    expect(Object.values(baselines).map(({ nominal }) => nominal)).toEqual([0.5, 0.5, 0.5, 0.5]);
    const drawn = origins.map((at) => quantilesOf(naive(values.slice(0, at), 2), [0.25, 0.75]));
    const of = (p: string) => drawn.flatMap((one) => [...(one[p] as Float64Array)]);
    expect(baselines.naive?.crps).toBeCloseTo(crpsOfQuantiles(truth, { 0.25: of("0.25"), 0.75: of("0.75") }), 12);
  });

  test("with lastStep the last step of each forecast alone counts", async () => {
    const { forecaster: own, baselines, steps } = await evaluateForecaster(last(data), data, { lastStep: true });
    const [ahead, before] = [
      origins.map((at) => values[at + 1] as number),
      origins.map((at) => values[at - 1] as number),
    ];
    expect(steps).toBe(1);
    expect(own.mae).toBeCloseTo(mae(ahead, before), 5);
    expect(baselines.naive?.mae).toBeCloseTo(mae(ahead, before), 12);
    expect(own.scaledMse).toBeCloseTo(mse(ahead, before), 4);
  });

  test("steps and stride say which origins there are; without baselines there are none", async () => {
    const of = async (options: object) => {
      const { origins, baselines } = await evaluateForecaster(last(data), data, { baselines: false, ...options });
      expect(baselines).toEqual({});
      return origins;
    };
    expect(await of({ steps: 2 })).toBe(1);
    expect(await of({ steps: 6, stride: 2 })).toBe(3);
    expect(await of({ steps: 6, stride: 9 })).toBe(1);
    expect(await rejection(evaluateForecaster(last(data), data, { steps: 1 }))).toBe(
      "evaluateForecaster: no forecast of 2 steps from a lookback of 3 lies within the last 1 steps of a series. Give more steps or a longer series.",
    );
  });
});

test("of months seasonal naive is beside it, on scaled values too, for each series and target", async () => {
  const two = joined(
    monthly({ a: wave(80), b: wave(80, { seed: 3 }) }, {}, "x"),
    monthly({ a: wave(80, { seed: 4 }), b: wave(80, { seed: 5 }) }, {}, "y"),
  );
  const model = await quick(two, { horizon: 6, lookback: 12, test: 6 });
  const { forecaster: own, baselines } = await evaluateForecaster(model, two);
  expect(Object.keys(baselines)).toEqual([
    "naive",
    "seasonal naive",
    "drift",
    "seasonal naive with drift",
    "ETS",
    "Theta",
  ]);
  const [truth, said]: [number[], number[]] = [[], []];
  for (const { values } of two.series) {
    for (const all of Object.values(values)) {
      truth.push(...all.slice(-6));
      said.push(...seasonalNaive(all.slice(0, -6), 6, 12).values);
    }
  }
  expect(baselines["seasonal naive"]?.mae).toBeCloseTo(mae(truth, said), 12);
  expect(Number.isFinite(own.mase)).toBe(true);
  // Each is standardised by its own training part.
  const errors = two.series.flatMap(({ name, values }) =>
    Object.entries(values).map(([column, all]) => {
      const [step] = model.settings.fitted[name]?.[column]?.steps ?? [];
      const { scale } = step as { scale: number };
      return mae(all.slice(-6), seasonalNaive(all.slice(0, -6), 6, 12).values) / scale;
    }),
  );
  expect(baselines["seasonal naive"]?.scaledMae).toBeCloseTo(errors.reduce((a, b) => a + b, 0) / 4, 9);
});

test("of differences, errors of scaled values are those of the differences to what came before", async () => {
  const made = forecaster(data, {
    horizon: 1,
    lookback: 3,
    relative: "none",
    scaling: { difference: 1 },
    units: 2,
    test: 6,
    validation: 2,
  });
  for (const all of Object.values(made.model.values)) all.fill(0);
  const { forecaster: own, baselines } = await evaluateForecaster(made, data);
  expect(own.scaledMae).toBeCloseTo(baselines.naive?.mae as number, 9);
  expect(own.mae).toBeCloseTo(baselines.naive?.mae as number, 9);
});
