import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { seriesOfTable } from "../../../src/data/series.ts";
import { readCsv } from "../../../src/formats/csv.ts";
import {
  drift,
  intervalOf,
  meanForecast,
  type NormalForecast,
  naive,
  quantilesOf,
  seasonalNaive,
  seasonalNaiveDrift,
} from "../../../src/tasks/forecast/baselines.ts";
import { ets } from "../../../src/tasks/forecast/ets.ts";
import { mape } from "../../../src/tasks/forecast/scores.ts";
import { exponentialSmoothing, theta } from "../../../src/tasks/forecast/theta.ts";
import { normalQuantile } from "../../../src/train/densities/special.ts";

const rounded = ({ values, deviations }: NormalForecast) =>
  [values, deviations].map((list) => Array.from(list, (value) => Number(value.toFixed(4))));

describe("baselines", () => {
  const values = [1, 2, 4, 7];
  // By hand: errors of naive 1, 2, 3; of drift (slope 2) -1, 0, 1; of the mean 3.5: -2.5, -1.5, 0.5, 3.5; of the season
  // of 2 they are 3 and 5, and with its drift of 4 a season -1 and 1.
  test.each([
    ["naive", naive(values, 2), [7, 7], [Math.sqrt(14 / 3), Math.sqrt(28 / 3)]],
    ["drift", drift(values, 2), [9, 11], [Math.sqrt(1 + 1 / 3), Math.sqrt(2 * (1 + 2 / 3))]],
    ["mean", meanForecast(values, 2), [3.5, 3.5], [Math.sqrt((21 / 3) * 1.25), Math.sqrt((21 / 3) * 1.25)]],
    ["seasonal naive", seasonalNaive(values, 3, 2), [4, 7, 4], [Math.sqrt(17), Math.sqrt(17), Math.sqrt(34)]],
    ["seasonal naive with drift", seasonalNaiveDrift(values, 3, 2), [8, 11, 12], [2, 2, Math.sqrt(12)]],
  ])("%s: points and deviations", (_, forecast, points, deviations) => {
    expect(rounded(forecast)).toEqual([points, deviations.map((value) => Number(value.toFixed(4)))]);
  });

  test("refuse what is too short, or missing", () => {
    expect(() => naive([1], 1)).toThrow("naive: values: needs at least 2, got 1");
    expect(() => seasonalNaive([1, 2], 1, 2)).toThrow("seasonalNaive: values: needs at least 3, got 2");
    expect(() => drift([1, Number.NaN], 1)).toThrow("drift: values[1] is NaN. Fill missing values first.");
    expect(() => naive([1, 2], 0)).toThrow("naive: horizon must be a whole number of at least 1, got 0");
  });

  test("intervals and quantiles are those of the normal distribution", () => {
    const forecast = { values: Float64Array.of(10), deviations: Float64Array.of(2) };
    const { lower, upper } = intervalOf(forecast, 0.95);
    expect([lower[0], upper[0]].map((value) => value?.toFixed(4))).toEqual(["6.0801", "13.9199"]);
    const quantiles = quantilesOf(forecast, [0.025, 0.5]);
    expect(quantiles["0.025"]?.[0]).toBeCloseTo(lower[0] as number, 12);
    expect(quantiles["0.5"]?.[0]).toBe(10);
  });

  // Wichura 1988, page 481.
  test.each([
    [0.25, -0.6744897501960817],
    [0.001, -3.090232306167814],
    [1e-20, -9.262340089798408],
    [0.975, 1.959963984540054],
  ])("the normal quantile of %d is %d", (probability, expected) => {
    expect(normalQuantile(probability)).toBeCloseTo(expected, 12);
  });
});

describe("theta", () => {
  // Hyndman and Athanasopoulos 2018, section 7.1: alpha 0.83, first level 446.6, forecast 542.68.
  const oil = Float64Array.of(
    ...[445.36, 453.2, 454.41, 422.38, 456.04, 440.39, 425.19, 486.21, 500.43],
    ...[521.28, 508.95, 488.89, 509.87, 456.72, 473.82, 525.95, 549.83, 542.34],
  );

  test("smoothing is that of the textbook's oil production in Saudi Arabia", () => {
    const { alpha, level } = exponentialSmoothing(oil);
    expect(alpha.toFixed(3)).toBe("0.834");
    expect(level.toFixed(2)).toBe("542.68");
  });

  test("the forecast rises by half the slope of the line", () => {
    const { values } = theta(oil, 3, 1);
    const line = Array.from(oil, (value, t) => [t - 8.5, value] as const);
    const slope = line.reduce((sum, [t, y]) => sum + t * y, 0) / line.reduce((sum, [t]) => sum + t * t, 0);
    expect((values[2] as number) - (values[1] as number)).toBeCloseTo(slope / 2, 9);
  });

  test("a season without noise comes again, multiplied or added", () => {
    const trend = (t: number) => 100 + t;
    const seasonal = Array.from({ length: 60 }, (_, t) => trend(t) * [0.5, 1, 1.5][t % 3]!);
    const { values } = theta(seasonal, 3, 3);
    const ratios = Array.from(values, (value) => value / (values[1] as number));
    expect(ratios[0]).toBeCloseTo(0.5, 1);
    expect(ratios[2]).toBeCloseTo(1.5, 1);
    const around = Array.from({ length: 60 }, (_, t) => [-5, 0, 5][t % 3]!);
    expect(Array.from(theta(around, 3, 3).values, Math.round)).toEqual([-5, 0, 5]);
  });

  test("a constant stays, without deviation", () => {
    expect(rounded(theta([3, 3, 3, 3, 3, 3], 2, 2))).toEqual([
      [3, 3],
      [0, 0],
    ]);
  });
});

describe("ets", () => {
  test("a season comes again, with growing deviations", async () => {
    const values = Array.from({ length: 48 }, (_, t) => 10 + [0, 3, -1, 5][t % 4]! + ((t * 7) % 5) * 0.1);
    const { values: points, deviations, model } = await ets(values, 8, [4]);
    expect(model).toBe("MSTL-ETS");
    points.forEach((point, h) => expect(Math.abs(point - 10.2 - [0, 3, -1, 5][h % 4]!)).toBeLessThan(0.6));
    expect(deviations[7]).toBeGreaterThanOrEqual(deviations[0] as number);
  });

  test("without a season, or with one that does not come twice, it is ETS alone", async () => {
    const values = Array.from({ length: 20 }, (_, t) => 5 + t + (t % 2));
    expect((await ets(values, 2, [])).model).toBe("ETS");
    expect((await ets(values, 2, [12])).values.length).toBe(2);
    await expect(ets([1, 2, 3], 2, [])).rejects.toThrow("ets: values: needs at least 10, got 3");
  });
});

const folder = join(process.env.UNROLLED_DATA ?? join(import.meta.dirname, "../../../../shared/data"), "timeseries");
describe.skipIf(!existsSync(folder))("air passengers, 1958 to 1960 (skipped where ../shared/data is missing)", () => {
  // Published: Darts, its quick start (theta 8.15; the season and a drift from the last value 5.66).
  test("the errors in percent", async () => {
    const { series } = seriesOfTable(readCsv(join(folder, "airline-passengers.csv")));
    const values = series[0]!.values.Passengers!;
    const [past, future] = [values.slice(0, 108), values.slice(108)];
    const percent = ({ values: points }: NormalForecast) => mape(future, points).toFixed(2);
    const found = {
      naive: percent(naive(past, 36)),
      seasonalNaive: percent(seasonalNaive(past, 36, 12)),
      seasonalNaiveDrift: percent(seasonalNaiveDrift(past, 36, 12)),
      drift: percent(drift(past, 36)),
      theta: percent(theta(past, 36, 12)),
      ets: percent(await ets(past, 36, [12])),
    };
    const line = drift(past, 36).values;
    const sum = seasonalNaive(past, 36, 12).values.map(
      (value, h) => value + (line[h] as number) - (past.at(-1) as number),
    );
    expect(mape(future, sum).toFixed(2)).toBe("5.66");
    expect(found).toMatchInlineSnapshot(`
      {
        "drift": "12.99",
        "ets": "6.39",
        "naive": "19.89",
        "seasonalNaive": "13.19",
        "seasonalNaiveDrift": "4.12",
        "theta": "8.32",
      }
    `);
  });
});
