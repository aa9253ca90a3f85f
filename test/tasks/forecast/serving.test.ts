/** Forecasts by a server: what the forecaster says by itself, and 400 in one line for what it cannot read. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { WarningLine } from "../../../src/server/options.ts";
import {
  type Forecast,
  type Forecaster,
  forecast,
  forecaster,
  readForecaster,
  writeForecaster,
} from "../../../src/tasks/forecast/index.ts";
import { serving, tiny } from "../../server/serving.ts";
import { bare, month, monthly, months, quick, wave } from "./made.ts";

const values = wave(48);
const data = bare({ y: values });
const waves: Forecaster = readForecaster(
  writeForecaster(await quick(data, { horizon: 3, lookback: 6, head: "gaussian" })),
);
const price = Array.from({ length: 51 }, (_, t) => t % 3);
const kind = price.map((one): string => (one === 0 ? "low" : "high"));
const rising = [...values, Number.NaN, Number.NaN, Number.NaN];
const rich = monthly({ sales: rising, price }, { kind });
const sales = await quick(rich, { horizon: 3, lookback: 6, targets: ["sales"], future: ["price", "kind"] });
/** A model as the guide's command makes it of monthly sales, but for its training. */
const guided = forecaster(
  {
    series: [{ name: "", values: { RSCCASN: Float64Array.from(wave(330)) }, instants: months(330, -96) }],
    frequency: month,
    dateFormat: "YYYY-MM-DD",
  },
  { horizon: 12 },
);
const drawn = await quick(data, { horizon: 3, lookback: 6, form: "recursive", head: "gaussian" });
const boundless = forecaster(data, {
  horizon: 3,
  lookback: 6,
  units: 2,
  head: "point",
  scaling: "log",
  relative: "none",
});
for (const [name, own] of Object.entries(boundless.model.values)) own.fill(name === "output.b" ? 1e6 : 0);
const dates = Array.from(
  { length: 51 },
  (_, k) => `${2000 + Math.floor(k / 12)}-${String((k % 12) + 1).padStart(2, "0")}`,
);
const body = {
  values: { sales: rising.map((value) => (Number.isNaN(value) ? null : value)), price },
  texts: { kind },
  dates,
};

type Answer = { forecasts: [{ series: string; steps: { date: string; value: number }[] }] };

describe("a server", async () => {
  const warnings: WarningLine[] = [];
  const here = await serving({ warn: (line) => warnings.push(line) }, { tiny, waves, sales, drawn, boundless, guided });
  const ask = async (given: object): Promise<[number, unknown]> => {
    const answer = await here.post("/v1/forecasts", given);
    return [answer.status, await answer.json()];
  };
  /** What the library says, as it is answered: a series without a name has that of its column. */
  const named = (forecasts: readonly Forecast[]) => ({
    forecasts: forecasts.map((one) => ({ ...one, series: one.series === "" ? one.target : one.series })),
  });
  /** As JSON has it: without what is undefined. */
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  test("answers with what the forecaster says by itself, to the bit", async () => {
    const model = "waves";
    const all = Array.from(values);
    expect(await ask({ model, values: { y: all } })).toEqual([200, plain(named(await forecast(waves, data)))]);
    const levels = [0.25, 0.75];
    const [status, answer] = await ask({ model, values: { y: all }, levels });
    expect([status, answer]).toEqual([200, plain(named(await forecast(waves, data, { levels })))]);
    expect(answer).toMatchObject({
      forecasts: [{ series: "y", target: "y", steps: [{ step: 1 }, { step: 2 }, { step: 3 }] }],
    });
  });

  test("reads covariates of the future, texts and dates: null is a target that is not known", async () => {
    const [status, answer] = await ask({ model: "sales", ...body });
    expect([status, answer]).toEqual([200, plain(named(await forecast(sales, rich)))]);
    expect(answer).toMatchObject({
      forecasts: [{ steps: [{ date: "2004-01" }, { date: "2004-02" }, { date: "2004-03" }] }],
    });
  });

  test("dates may be written otherwise than those of the training, and come back as they were asked", async () => {
    const said = (await ask({ model: "sales", ...body }))[1] as Answer;
    const ends = (date: string): string => {
      const [year, month] = date.split("-").map(Number) as [number, number];
      return new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
    };
    const first = ["2004-01", "2004-02", "2004-03"];
    for (const write of [
      (date: string) => `${date}-01`,
      (date: string) => `${date}-01T00:00:00Z`,
      (date: string) => date.replace(/(....)-(..)/, "01/$2/$1"),
      (date: string) => date.replace(/(....)-(..)/, "$2/15/$1"),
      (date: string) => date.replace("-", "/"),
      ends,
    ]) {
      const [status, answer] = await ask({ model: "sales", ...body, dates: dates.map(write) });
      expect(status, JSON.stringify(answer)).toBe(200);
      const { steps } = (answer as Answer).forecasts[0];
      expect(steps.map(({ date }) => date)).toEqual(first.map(write));
      expect(steps.map(({ value }) => value)).toEqual(said.forecasts[0].steps.map(({ value }) => value));
    }
    const years = dates.map((_, k) => String(1950 + k));
    expect(await ask({ model: "sales", ...body, dates: years })).toMatchObject([
      400,
      {
        error: {
          message: expect.stringMatching(
            /^dates: the forecaster was made with dates of a frequency of one month, and date 1 is 1951, and would be 1950/,
          ),
        },
      },
    ]);
  });

  test("the request of the guide is answered by the model of the guide", async () => {
    const guide = readFileSync("docs/forecasting.md", "utf8");
    const [, request = ""] = /v1\/forecasts[^\n]* -d '(\{[\s\S]*?\})'\n/.exec(guide) ?? [];
    const [status, answer] = await ask({ ...JSON.parse(request), model: "guided" });
    expect(status, JSON.stringify(answer)).toBe(200);
    const { steps } = (answer as Answer).forecasts[0];
    expect([steps.length, steps[0]?.date, steps[11]?.date]).toEqual([12, "2019-07", "2020-06"]);
  });

  test("a horizon is the first steps of what the model forecasts", async () => {
    const asked = { model: "waves", values: { y: Array.from(values) } };
    const [, all] = (await ask(asked)) as [number, Answer];
    for (const horizon of [1, 2, 3]) {
      const [status, answer] = await ask({ ...asked, horizon });
      expect([status, answer]).toEqual([
        200,
        { forecasts: all.forecasts.map((one) => ({ ...one, steps: one.steps.slice(0, horizon) })) },
      ]);
    }
  });

  test("draws paths by a seed", async () => {
    const asked = { model: "drawn", values: { y: Array.from(values) }, samples: 10 };
    const [first, again, other] = [
      await ask({ ...asked, seed: 1 }),
      await ask({ ...asked, seed: 1 }),
      await ask({ ...asked, seed: 2 }),
    ];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(first).toEqual([200, plain(named(await forecast(drawn, data, { samples: 10, seed: 1 })))]);
  });

  test("asked by many at once, each gets the answer to its own series", async () => {
    const all = Array.from({ length: 12 }, (_, k) => Array.from(values.subarray(k)));
    const answers = await Promise.all(all.map((y) => ask({ model: "waves", values: { y } })));
    const wanted = await Promise.all(all.map((y) => forecast(waves, bare({ y }))));
    expect(answers).toEqual(wanted.map((forecasts) => [200, plain(named(forecasts))]));
  });

  test.each<[string, { readonly model: string; readonly [field: string]: unknown }, string]>([
    ["no values", { model: "waves" }, "values: needs an object, got nothing."],
    ["another column", { model: "waves", values: { z: [1, 2] } }, 'values: has no column of numbers "y". It has "z".'],
    ["a text among numbers", { model: "waves", values: { y: [1, "2"] } }, 'values.y.1: needs a number, got "2".'],
    ["a list in place of columns", { model: "waves", values: [1, 2] }, "values: needs an object, got a list of 2."],
    ["a number for a column", { model: "waves", values: { y: 1 } }, "values.y: needs a list, got 1."],
    [
      "a seed that is no whole number",
      { model: "waves", values: {}, seed: 0.5 },
      "seed: needs a whole number, got 0.5.",
    ],
    [
      "a value that is missing within the series",
      { model: "waves", values: { y: [1, null, 3, 4, 5, 6, 7] } },
      'values: column "y" has no value at step 1',
    ],
    [
      "a series that is too short",
      { model: "waves", values: { y: [1, 2] } },
      "values: has 2 steps, and a forecast is made from",
    ],
    [
      "columns of other lengths",
      { model: "sales", ...body, values: { ...body.values, price: [1] } },
      "values: all columns and dates need as many steps, got 51 and 1",
    ],
    [
      "a text that is new",
      { model: "sales", ...body, texts: { kind: kind.with(50, "none") } },
      'texts: column "kind", step 50: "none" was not there in training',
    ],
    ["a date that is none", { model: "sales", ...body, dates: dates.with(3, "tomorrow") }, 'dates.3: "tomorrow"'],
    [
      "no dates, where the calendar is read",
      { model: "sales", ...body, dates: undefined },
      "dates: needs the date of each step, as the model reads the calendar",
    ],
    [
      "a date written in another way",
      { model: "sales", ...body, dates: dates.with(3, "01/02/2003") },
      'dates.3: "01/02/2003" is written in another way; the first date, "2000-01", reads as YYYY-MM. Write all dates alike.',
    ],
    [
      "dates that are not of one frequency",
      { model: "sales", ...body, dates: dates.with(3, "2000-05") },
      "dates: the forecaster was made with dates of a frequency of one month, and date 3 is 2000-05, and would be 2000-04. Give",
    ],
    [
      "levels that do not rise",
      { model: "waves", values: { y: Array.from(values) }, levels: [0.9, 0.1] },
      "levels: must be probabilities between 0 and 1, rising",
    ],
    [
      "levels that a head does not have",
      { model: "sales", ...body, levels: [0.3] },
      'levels: head "quantiles" of this forecaster has the quantiles 0.1, 0.5, 0.9, got 0.3',
    ],
    [
      "values too large",
      { model: "waves", values: { y: Array.from(values).with(7, 1e300) } },
      'values: column "y", step 7: 1e+300 is too far from the values of the training. Correct it.',
    ],
    [
      "a horizon beyond the model's",
      { model: "waves", values: { y: Array.from(values) }, horizon: 4 },
      "horizon: this model forecasts 3 steps, got 4. Give at most 3.",
    ],
    ["no horizon", { model: "waves", values: {}, horizon: 0 }, "horizon: needs a number of at least 1, got 0."],
    [
      "no samples",
      { model: "drawn", values: { y: Array.from(values) }, samples: 0 },
      "samples: needs a number of at least 1, got 0.",
    ],
    [
      "a model of text",
      { model: "tiny", values: { y: [1] } },
      'this one is for models of the task "forecast". There are waves, sales, drawn, boundless, guided.',
    ],
  ])("%s: 400, one line", async (_, given, message) => {
    const [status, answer] = await ask(given);
    expect([status, answer]).toMatchObject([
      400,
      { error: { type: "invalid_request_error", message: expect.stringContaining(message) } },
    ]);
    const { error } = answer as { error: { message: string; param: string } };
    expect(error.message).not.toMatch(/\n|internal|expected|Invalid|forecast:/);
    if (given.model !== "tiny") expect(error.message.startsWith(error.param)).toBe(true);
  });

  test("null is what a field has that is left out; an unknown field is told of, as in every route", async () => {
    const asked = { model: "waves", values: { y: Array.from(values) } };
    const nulls = { texts: null, dates: null, name: null, horizon: null, levels: null, samples: null, seed: null };
    expect(await ask({ ...asked, ...nulls })).toEqual(await ask(asked));
    expect(await ask({ ...asked, level: [0.5] })).toEqual(await ask(asked));
    expect(warnings.map(({ warning }) => warning)).toEqual([
      '/v1/forecasts: the unknown field "level" is ignored. This is reported once.',
    ]);
  });

  test("its description names the route, and what is asked and answered", async () => {
    const { paths, components } = (await (await here.get("/openapi.json")).json()) as {
      paths: Record<string, { post: object }>;
      components: { schemas: Record<string, { required: string[] }> };
    };
    expect(paths["/v1/forecasts"]?.post).toMatchObject({ operationId: "forecast", summary: "The future of a series." });
    expect(components.schemas.ForecastRequest?.required).toEqual(["model", "values"]);
    const { data } = (await (await here.get("/v1/models")).json()) as { data: { id: string; task: string }[] };
    expect(data.map(({ id, task }) => [id, task])).toContainEqual(["waves", "forecast"]);
  });
});
