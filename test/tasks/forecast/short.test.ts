/** Series that are too short beside longer ones: told apart before a network is made. */
import { expect, test } from "vitest";
import { forecast, forecaster } from "../../../src/tasks/forecast/index.ts";
import { keepForecastable, keepTrainable } from "../../../src/tasks/forecast/short.ts";
import { refusal } from "../../helpers/refusal.ts";
import { bare, joined, quick, wave } from "./made.ts";

const of = (name: string, length: number) => bare({ y: wave(length) }, name);
const names = ({ series }: ReturnType<typeof joined>): string[] => series.map(({ name }) => name);

test("a series that is too short to be forecast beside the others is left out, with what it needs", async () => {
  const all = joined(of("A", 60), of("B", 60), of("C", 12));
  const { data, short, options } = keepTrainable(all, { horizon: 3, test: 3, season: 12 });
  expect(names(data)).toEqual(["A", "B"]);
  const { lookback, relative, season } = forecaster(data, options).settings;
  expect(relative).toBe("season");
  expect(short).toEqual([{ name: "C", steps: 12, needed: lookback + season }]);
  // What is kept is trained and forecast.
  const model = await quick(data, options);
  expect((await forecast(model, data, { threads: 1 })).map(({ series }) => series)).toEqual(["A", "B"]);
});

test("of two series the short one does not keep the long one from being learned", () => {
  const all = joined(of("A", 60), of("B", 11));
  expect(refusal(() => forecaster(all, { horizon: 6, test: 6 }))).toBe(
    "forecaster: half of the series have 11 steps or fewer, of which the last 6 are to measure on: a forecast of 6 steps cannot be learned from the 5 that are left, it needs 8. Give a smaller horizon, a smaller test, or longer series, or leave the shorter ones out.",
  );
  const { data, short } = keepTrainable(all, { horizon: 6, test: 6 });
  expect(names(data)).toEqual(["A"]);
  expect(short).toEqual([{ name: "B", steps: 11, needed: 14 }]);
});

test("a series shorter than what the others validate and test on is left out", () => {
  const all = joined(of("A", 600), of("B", 600), of("C", 60));
  const options = { horizon: 2, test: 4, lookback: 4, validation: 59 };
  expect(refusal(() => forecaster(all, options))).toMatch(/^forecaster: series "C": has 60 steps, /);
  const { data } = keepTrainable(all, options);
  expect(names(forecaster(data, options) && data)).toEqual(["A", "B"]);
});

test("where all are long enough they stay as they are, and so do the options; where none is, that is said", () => {
  const options = { horizon: 4, test: 4 };
  expect(refusal(() => keepTrainable(joined(of("A", 5), of("B", 6)), options))).toMatch(
    /^forecaster: half of the series have 5 steps or fewer, .* Give a smaller horizon, a smaller test, or longer series\.$/,
  );
  for (const data of [of("A", 10), joined(of("A", 60), of("B", 50))]) {
    const kept = keepTrainable(data, options);
    expect(kept.data).toEqual(data);
    expect(kept).toMatchObject({ short: [], options });
  }
});

test("a trained forecaster leaves out series that are shorter than what it reads", async () => {
  const model = await quick(of("A", 40), { horizon: 3, lookback: 8, relative: "last" });
  const { data, short } = keepForecastable(joined(of("A", 40), of("B", 7), of("C", 8)), model.settings);
  expect(names(data)).toEqual(["A", "C"]);
  expect(short).toEqual([{ name: "B", steps: 7, needed: 8 }]);
});
