/** Quantiles of head "point": about the value, as wide as the errors in validation and how few they are say. */
import { expect, test } from "vitest";
import { forecast } from "../../../src/tasks/forecast/index.ts";
import { forms } from "../../../src/tasks/forecast/settings.ts";
import { bare, joined, quick, shortened, wave } from "./made.ts";

const quantilesOf = (steps: readonly { quantiles: Readonly<Record<string, number>> }[], p: string): number[] =>
  steps.map(({ quantiles }) => quantiles[p] as number);

test.each(forms)(
  "form %s: of a single origin each interval holds its value, lies evenly about it, and never narrows",
  async (form) => {
    // As many steps to validate on as a forecast has: one error a step.
    const data = bare({ y: wave(60, { noise: 4 }) });
    const model = await quick(data, { horizon: 6, lookback: 8, form, head: "point", validation: 6, relative: "none" });
    const steps = (await forecast(model, data, { threads: 1 }))[0]?.steps ?? [];
    expect(steps).toHaveLength(6);
    let before = 0;
    for (const { value, quantiles } of steps) {
      const [low, middle, high] = ["0.1", "0.5", "0.9"].map((p) => quantiles[p] as number) as [number, number, number];
      expect(middle).toBe(value);
      expect(low).toBeLessThan(value);
      expect(high - value).toBeCloseTo(value - low, 8);
      expect(high - value).toBeGreaterThanOrEqual(before * (1 - 1e-9));
      before = high - value;
    }
  },
);

test("one step ahead: the root mean square of the errors times the quantile of Student's t, a degree of freedom an origin", async () => {
  const data = bare({ y: wave(50, { noise: 4 }) });
  const values = data.series[0]?.values.y as Float64Array;
  const model = await quick(data, { horizon: 1, lookback: 6, head: "point", validation: 4, levels: [0.1, 0.9] });
  const errors = await Promise.all(
    [4, 3, 2, 1].map(async (left) => {
      const [one] = await forecast(model, shortened(data, left), { threads: 1 });
      return (values[50 - left] as number) - (one?.steps[0]?.value as number);
    }),
  );
  const size = Math.sqrt(errors.reduce((sum, one) => sum + one * one, 0) / 4);
  const step = (await forecast(model, data, { threads: 1 }))[0]?.steps[0];
  // t of 4 degrees at 0.9.
  expect(((step?.quantiles["0.9"] as number) - (step?.value as number)) / size).toBeCloseTo(1.5332, 3);
});

test("of more series the same errors say more: their intervals are narrower", async () => {
  const one = bare({ y: wave(50, { noise: 4 }) }, "a");
  const options = { horizon: 4, lookback: 6, head: "point", validation: 4, levels: [0.01, 0.99] } as const;
  const alone = await quick(one, options);
  const all = Array.from({ length: 8 }, (_, k) => bare({ y: wave(50, { noise: 4 }) }, `s${k}`));
  const together = await quick(joined(...all), options);
  const width = async (model: typeof alone, data: typeof one): Promise<number> => {
    const steps = (await forecast(model, data, { threads: 1 }))[0]?.steps ?? [];
    return (quantilesOf(steps, "0.99")[0] as number) - (quantilesOf(steps, "0.01")[0] as number);
  };
  expect(await width(together, joined(...all))).toBeLessThan((await width(alone, one)) / 2);
});

test("without steps to validate on there are none", async () => {
  const data = bare({ y: wave(40) });
  const model = await quick(data, { horizon: 3, lookback: 4, head: "point", validation: 0 });
  expect((await forecast(model, data, { threads: 1 }))[0]?.steps[0]?.quantiles).toEqual({});
});
