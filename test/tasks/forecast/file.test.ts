/** A forecaster's file: what is written is read to the bit; what is damaged is refused with its place. */
import { describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import {
  type Forecaster,
  type ForecasterOptions,
  forecast,
  type forecaster,
  readForecaster,
  writeForecaster,
} from "../../../src/tasks/forecast/index.ts";
import { openAnyModel } from "../../../src/tasks/index.ts";
import { languageModel, writeLanguageModel } from "../../../src/tasks/language-model.ts";
import { refusal } from "../../helpers/refusal.ts";
import { bare, joined, monthly, quick, wave } from "./made.ts";

const steps = 40;
const prices = Array.from({ length: steps + 3 }, (_, t) => 1 + (t % 3));
const kinds = prices.map((price) => (price > 2 ? "dear" : "cheap"));
const ahead = [Number.NaN, Number.NaN, Number.NaN];
const rich = monthly(
  { a: [...wave(steps), ...ahead], b: [...wave(steps, { seed: 2 }), ...ahead], price: prices, seen: prices },
  { kind: kinds },
);
const data = bare({ y: wave(steps) });

describe("what is written is read: the same settings, the same forecast to the bit", () => {
  test.each<[string, Parameters<typeof forecaster>[0], ForecasterOptions]>([
    [
      "direct with all covariates",
      rich,
      { horizon: 3, lookback: 4, targets: ["a", "b"], past: ["seen"], future: ["price", "kind"] },
    ],
    ["point, with margins", data, { horizon: 3, lookback: 4, head: "point" }],
    [
      "segments of several series",
      joined(bare({ y: wave(steps) }, "one"), bare({ y: wave(steps) }, "two")),
      { horizon: 4, lookback: 8, form: "segments", segment: 2, scaling: ["log", { seasonal: 4 }, { difference: 1 }] },
    ],
    ["recursive of members", data, { horizon: 3, lookback: 4, form: "recursive", head: "student-t", members: 2 }],
    ["another cell", data, { horizon: 3, lookback: 4, cell: "lstm", layers: 2 }],
  ])("%s", async (_, series, options) => {
    const model = await quick(series, options);
    const bytes = writeForecaster(model);
    const read = readForecaster(bytes, "sales");
    expect(JSON.stringify(read.settings)).toBe(JSON.stringify(model.settings));
    expect(read.margins).toEqual(model.margins);
    expect(await forecast(read, series, { samples: 10 })).toEqual(await forecast(model, series, { samples: 10 }));
    expect(writeForecaster(read)).toEqual(bytes);
    expect(openAnyModel(bytes, "sales").task.kind).toBe("forecast");
  });

  test("of 8 or 16 bits it is smaller, and near", async () => {
    const model = await quick(data, { horizon: 3, lookback: 4, units: 16 });
    const [whole] = await forecast(model, data);
    for (const dtype of ["f16", "bf16", "int8"] as const) {
      const bytes = writeForecaster(model, { dtype });
      expect(bytes.length).toBeLessThan(writeForecaster(model).length);
      const [half] = await forecast(readForecaster(bytes), data);
      half?.steps.forEach(({ value }, k) => {
        expect(Math.abs(value - (whole?.steps[k]?.value as number))).toBeLessThan(1);
      });
    }
  });
});

describe("a damaged file is refused in one line", async () => {
  const model = await quick(rich, {
    horizon: 3,
    lookback: 4,
    targets: ["a", "b"],
    past: ["seen"],
    future: ["price", "kind"],
  });
  const file = readModel(writeForecaster(model), "sales");
  type Task = { kind: string; settings: Record<string, unknown>; margins?: unknown };
  const task = file.extra.task as unknown as Task;
  /** What is said of the file with this instead. */
  const said = (settings: Readonly<Record<string, unknown>>, more: object = {}, of = file, own = task): string => {
    const changed = Object.fromEntries(
      Object.entries({ ...own.settings, ...settings }).filter(([, value]) => value !== undefined),
    );
    const bytes = writeModel({ ...of, extra: { task: { ...own, settings: changed, ...more } as never } });
    return refusal(() => readForecaster(bytes, "sales"), FormatError);
  };

  test("each setting that is missing or of another kind, with its name", () => {
    const optional = ["frequency", "dateFormat"];
    expect(Object.keys(task.settings).length).toBeGreaterThan(25);
    for (const name of Object.keys(task.settings)) {
      for (const wrong of [...(optional.includes(name) ? [] : [undefined]), null, { x: { y: {} } }, -1, [[]], "?"]) {
        if (name === "dateFormat" && wrong === "?") continue;
        const message = said({ [name]: wrong });
        expect(message).toMatch(/^sales: [^\n]+ The file is damaged\. Train anew\.$/);
        expect(message, JSON.stringify(wrong)).toContain(name);
      }
    }
  });

  test("what lies deeper, with its place", () => {
    const fitted = task.settings.fitted as Record<string, Record<string, unknown>>;
    const [own] = Object.values(fitted) as [Record<string, unknown>];
    const step = (wrong: object) => ({ fitted: { "": { ...own, a: { steps: [wrong] } } } });
    for (const [settings, place] of [
      [step({ kind: "affine", offset: 0, scale: 0 }), "fitted"],
      [step({ kind: "affine", offset: null, scale: 1 }), "fitted"],
      [step({ kind: "difference", lag: 0 }), "fitted"],
      [step({ kind: "seasonal", indices: [] }), "fitted"],
      [step({ kind: "seasonal", indices: ["a"] }), "fitted"],
      [step({ kind: "cubic" }), "fitted"],
      [{ fitted: { "": { price: own.price, a: own.a, b: own.b } } }, "fitted"],
      [{ spread: { inputs: 0, outputs: 1 } }, "spread"],
      [{ spread: { inputs: 1 } }, "spread"],
      [{ frequency: { unit: "month", count: 1, day: 32 } }, "frequency"],
      [{ frequency: { unit: "day", count: 1 } }, "frequency"],
      [{ frequency: undefined }, "frequency"],
      [{ levels: [0.5, 0.1] }, "levels"],
      [{ calendar: ["monthOfYear", "eon"] }, "calendar"],
      [{ scaling: ["sqrt"] }, "scaling"],
      [{ starts: { "": "2000" } }, "starts"],
      [{ categories: { kind: [1] } }, "categories"],
      [{ categories: { seen: ["dear"] } }, "categories"],
    ] as const) {
      const message = said(settings);
      expect(message).toMatch(/^sales: [^\n]+ The file is damaged\. Train anew\.$/);
      expect(message, JSON.stringify(settings)).toContain(place);
    }
  });

  test("settings that do not fit each other, or the network", () => {
    const category = { kind: ["cheap", "dear", "free"] };
    for (const settings of [
      ...[{ horizon: 4 }, { levels: [0.1, 0.9] }, { targets: ["a"] }, { head: "gaussian" }, { members: 2 }],
      ...[{ past: [] }, { future: ["kind"] }, { categories: category }, { calendar: [] }, { form: "segments" }],
      ...[{ form: "recursive" }, { independent: true }, { series: ["", "other"] }, { targets: ["a", "a"] }],
    ]) {
      expect(said(settings), JSON.stringify(settings)).toMatch(/^sales: [^\n]+ The file is damaged\. Train anew\.$/);
    }
  });

  test("segments that do not divide the lookback", async () => {
    const made = await quick(data, { horizon: 4, lookback: 8, form: "segments", segment: 2 });
    const own = readModel(writeForecaster(made), "sales");
    expect(said({ lookback: 7 }, {}, own, own.extra.task as unknown as Task)).toBe(
      "sales: its task: settings: segment 2 does not divide the lookback, 7, and the horizon, 4. The file is damaged. Train anew.",
    );
  });

  test("margins that are not those of the levels and steps", async () => {
    const point: Forecaster = await quick(data, { horizon: 3, lookback: 4, head: "point" });
    const own = readModel(writeForecaster(point), "sales");
    const { settings } = own.extra.task as unknown as Task;
    for (const margins of [{ 0.1: [1, 2] }, { 0.1: ["a", 1, 2] }, { x: [1, 2, 3] }, [1]]) {
      expect(said({}, { margins }, own, { kind: "forecast", settings })).toMatch(
        /^sales: its task: margins[^\n]+ The file is damaged\. Train anew\.$/,
      );
    }
  });

  test("another task's, and bytes that are none", () => {
    expect(
      refusal(() => readForecaster(writeLanguageModel(languageModel("abc", { units: 2 })), "text"), FormatError),
    ).toBe('text: its task is "text", and a forecaster\'s is "forecast".');
    expect(refusal(() => readForecaster(new Uint8Array(20), "none"), FormatError)).toMatch(/^none: [^\n]+$/);
  });
});
