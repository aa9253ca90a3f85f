/** What the layers of a forecaster are at each step, against the reference interpreter and `inspectModel` on the same inputs. */
import { expect, test } from "vitest";
import { type FittedScaling, unscale } from "../../../src/data/scaling.ts";
import { interpret } from "../../../src/engines/reference/interpret.ts";
import { createBuilder, type NodeId } from "../../../src/graph/graph.ts";
import { inspectModel } from "../../../src/nn/inspection.ts";
import type { Model } from "../../../src/nn/model.ts";
import { addModel } from "../../../src/nn/model-graph.ts";
import { inputsOf } from "../../../src/tasks/forecast/examples.ts";
import { type ForecasterOptions, forecast, forecaster } from "../../../src/tasks/forecast/index.ts";
import { inspectForecast } from "../../../src/tasks/forecast/inspect.ts";
import { prepare } from "../../../src/tasks/forecast/prepare.ts";
import { bare, joined, monthly, wave } from "./made.ts";

const host = { threads: 1 } as const;
const close = (found: ArrayLike<number>, wanted: ArrayLike<number>, what: string): void => {
  expect(found.length, what).toBe(wanted.length);
  Array.from(wanted).forEach((value, k) => expect(found[k], `${what}[${k}]`).toBeCloseTo(value, 5));
};
/** Values of lines by the interpreter, in f64; a state's after the step. */
function interpreted(model: Model, inputs: Readonly<Record<string, ArrayLike<number>>>, steps: number) {
  const g = createBuilder();
  const { values, output } = addModel(g, model, { training: false, steps });
  const { value } = interpret(g.graph({ output, ...values }), { steps, batch: 1, inputs, parameters: model.values });
  return (key: string): Float64Array => value((values[`${key}'`] ?? values[key]) as NodeId);
}
const flat = (inputs: ReturnType<typeof inputsOf>) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data]));

const y = wave(60);
const price = Float64Array.from({ length: 64 }, (_, t) => 3 + (t % 4));
const dated = monthly({ y: [...y, ...[0, 0, 0, 0].fill(Number.NaN)], price });
const two = joined(bare({ y }, "a"), bare({ y: wave(60, { seed: 2 }) }, "b"));
const cases: readonly [string, typeof dated, ForecasterOptions, string][] = [
  ["direct, one input", bare({ y }), { horizon: 4, lookback: 8 }, ""],
  ["direct, two layers and two members", bare({ y }), { horizon: 4, lookback: 8, layers: 2, members: 2 }, ""],
  ["direct, with a price and the calendar of the future", dated, { horizon: 4, lookback: 8, future: ["price"] }, ""],
  ["direct, two series and an LSTM", two, { horizon: 4, lookback: 8, cell: "lstm", head: "student-t" }, "b"],
];
test.each(cases)(
  "form %s: each line at each step of the lookback is the interpreter's",
  async (_, data, options, name) => {
    const made = forecaster(data, { targets: ["y"], units: 5, seed: 3, ...options });
    const { seen, ahead, each, values } = await inspectForecast(made, data, { series: name, target: "y" }, host);
    expect([seen, ahead, each]).toEqual([8, 0, 1]);
    const of = prepare("a test", data, made.settings, 4).find((one) => one.name === name)!;
    const inputs = flat(inputsOf([{ of, at: of.length, target: -1 }], made.settings));
    const wanted = interpreted(made.model, inputs, 8);
    expect(values.length).toBe(options.members === 2 ? 16 : options.cell === "lstm" ? 6 : 4);
    for (const { key, data, size } of values) {
      expect([data.length, size]).toEqual([8 * 5, 5]);
      close(data, wanted(key), key);
    }
  },
);

test("form direct of one input: each step's values are those of inspectModel", async () => {
  const data = bare({ y });
  const made = forecaster(data, { horizon: 4, lookback: 8, units: 5, seed: 3 });
  const { values } = await inspectForecast(made, data, { series: "", target: "y" }, host);
  const [of] = prepare("a test", data, made.settings, 4);
  const { x } = flat(inputsOf([{ of: of!, at: 60, target: -1 }], made.settings));
  let t = 0;
  for await (const step of inspectModel(
    made.model,
    Array.from(x!, (one) => [one]),
  )) {
    for (const { key, data } of values) close(data.subarray(5 * t, 5 * t + 5), step.values[key]!, `${key} at ${t}`);
    t++;
  }
  expect(t).toBe(8);
});

test("form segments: a column a segment; over the horizon the same gates in one more step from the encoder's last state, for each target", async () => {
  const data = bare({ y, z: wave(60, { seed: 5 }) });
  const made = forecaster(data, { horizon: 6, lookback: 12, segment: 3, form: "segments", units: 4, seed: 1 });
  const { seen, ahead, each, values } = await inspectForecast(made, data, { series: "", target: "z" }, host);
  expect([seen, ahead, each]).toEqual([4, 2, 3]);
  expect(values.map(({ key }) => key)).toEqual(["encoder.z", "encoder.r", "encoder.g", "encoder.h"]);
  const [of] = prepare("a test", data, made.settings, 6);
  const wanted = interpreted(made.model, flat(inputsOf([{ of: of!, at: 60, target: 1 }], made.settings)), 4);
  for (const { name, data } of values) {
    const later = [0, 1].map((i) => wanted(`step_${i}.${name === "h" ? "y" : name}`));
    close(data, [...wanted(`encoder.${name}`), ...later.flatMap((one) => [...one])], name);
  }
});

test.each(["point", "gaussian"] as const)(
  "form recursive, head %s: in the horizon it reads what is forecast, step by step, with what is known of the future",
  async (head) => {
    const made = forecaster(dated, {
      ...{ horizon: 4, lookback: 8, form: "recursive", head, targets: ["y"], future: ["price"], units: 5, seed: 2 },
    });
    const { seen, ahead, values } = await inspectForecast(made, dated, { series: "", target: "y" }, host);
    expect([seen, ahead]).toEqual([8, 4]);
    const [said] = await forecast(made, dated, host);
    const [of] = prepare("a test", dated, made.settings, 4);
    const fitted = made.settings.fitted[""]!.y as FittedScaling;
    const { offset, scale } = fitted.steps[0] as { offset: number; scale: number };
    expect(unscale([0], fitted)[0]).toBe(offset);
    const scaled = [...of!.targets[0]!, ...said!.steps.map(({ value }) => (value - offset) / scale)];
    // Each column reads the value of the step before it, beside what is known of its own step.
    const x = Array.from({ length: 12 }, (_, k) => [
      scaled[52 + k - 1]! / made.settings.spread.inputs,
      ...of!.known.map((known) => known[52 + k]!),
    ]).flat();
    const wanted = interpreted(made.model, { x }, 12);
    for (const { key, data } of values) close(data, wanted(key), key);
  },
);

test("a series that is not there and one that is too short are refused in one line", async () => {
  const made = forecaster(bare({ y }), { horizon: 4, lookback: 8, units: 2 });
  await expect(inspectForecast(made, bare({ y }), { series: "b", target: "y" }, host)).rejects.toThrow(
    'inspectForecast: there is no series "b".',
  );
  await expect(inspectForecast(made, bare({ y: y.slice(0, 5) }), { series: "", target: "y" }, host)).rejects.toThrow(
    "inspectForecast: has 5 steps, and a forecast is made from 8. Give a longer series.",
  );
});
