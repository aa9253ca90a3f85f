/** Training of a SegRNN: its sizes, what counts as its work, and PyTorch's two ways to write it. */
import { expect, test } from "vitest";
import { benchShape } from "../../src/bench/bench.ts";
import { enginesHere, type OwnEngine } from "../../src/bench/engines.ts";
import { pythonsHere, type Setting, settings, startSetting } from "../../src/bench/pytorch.ts";
import type { BenchRow } from "../../src/bench/row.ts";
import { type Shape, shapeOf, shapes, tokensAStep, unitOf } from "../../src/bench/shapes.ts";
import { shapeHeader, shapeLines } from "../../src/bench/tables.ts";
import { segRnnOf, startUnrolled } from "../../src/bench/unrolled.ts";

const small = shapeOf("segrnn-3-20-4-24-10-6");
const { engines } = await enginesHere();
const wasm = engines.at(-1) as OwnEngine;

test("a shape of forecasts is named after its sizes, and counts windows", () => {
  expect(small).toEqual({
    ...{ name: "segrnn-3-20-4-24-10-6", kind: "gru", task: "forecast", vocabulary: 3, embedding: 4, units: 10 },
    ...{ layers: 1, batch: 6, steps: 5, horizon: 24 },
  });
  const [listed] = shapes.filter(({ task }) => task === "forecast") as [Shape];
  expect(listed).toMatchObject({ name: "segrnn-7-96-48-720-512-256", steps: 2, horizon: 15 * 48 });
  expect(tokensAStep(listed)).toBe(256);
  expect(shapes.map(({ task }) => unitOf(task)).filter((unit) => unit === "windows")).toHaveLength(1);
});

test.each(["segrnn-3-21-4-24-10-6", "segrnn-3-20-4-25-10-6", "segrnn-1-20-4-24-10-6", "segrnn-3-20-4-24-9-6"])(
  '"%s" has no whole segments, one channel or odd units, and the error says what it needs',
  (name) => {
    expect(() => shapeOf(name)).toThrow(
      `shape "${name}": it needs 2 channels or more, a lookback and a horizon of whole`,
    );
    expect(() => shapeOf(`${name}-1`)).toThrow("is not known");
  },
);

test("the network is that of the recipe, for all segments of the horizon with the same parameters", () => {
  const model = segRnnOf(shapeOf("segrnn-7-96-48-720-512-256"));
  expect(model.values["segment.W"]).toHaveLength(48 * 512);
  expect(model.values["encoder.U_r"]).toHaveLength(512 * 512);
  expect(model.values["output_0_0.W"]).toHaveLength(512 * 48);
  expect(model.parameters.filter(({ name }) => /^output_.*W$/.test(name))).toHaveLength(1);
  expect(model.parameters.filter(({ name }) => /^step_\d+\.p_z$/.test(name))).toHaveLength(15);
});

test("its work is that of its products, the states' once for all segments of the horizon", async () => {
  const peer = await startUnrolled(small, 1, "wasm");
  expect(await peer.step()).toBeGreaterThan(0);
  const [batch, units, segment, past, future, who] = [6, 10, 4, 5, 6, 3];
  const encoder = past * (segment * units + 3 * units * units + 3 * units * units);
  const decoder = 3 * units * units + 3 * units * who + future * segment * units;
  // Three times: forward, inputs and weights; but nothing asks for the gradient of the windows.
  expect(peer.multiplyAdds).toBe(batch * (3 * (encoder + decoder) - past * segment * units));
  peer.end();
});

test("a row says that it counts windows, and so does the table", async () => {
  const quick = async () => [{ setting: "10 ms a step", step: async () => 10, end: () => {} }];
  const row = (await benchShape(small, { rounds: 3, peak: 50, engines: [wasm], peers: { quick } })) as BenchRow;
  expect(row).toMatchObject({ shape: small.name, unit: "windows" });
  expect(row.peers.quick?.tokensPerSecond).toBe(600);
  expect(row.unrolled.tokensPerSecond).toBeCloseTo((1000 * 6) / row.unrolled.msPerStep, 6);
  expect(shapeLines(row)[2]).toMatch(/^ {2}10 ms a step: 600 windows\/s, /);
  expect(shapeHeader(["quick"], unitOf(small.task))).toContain("windows/s");
});

/** The first Python that has PyTorch does a step; undefined where none has. */
async function stepOf(shape: Shape, asPublished: boolean): Promise<{ setting: string; ms: number } | undefined> {
  for (const python of pythonsHere) {
    try {
      const peer = await startSetting(python, shape, settings([1])[0] as Setting, { asPublished });
      const ms = await peer.step();
      peer.end();
      return { setting: peer.setting, ms };
    } catch (error) {
      if (!/No module named 'torch'|ENOENT/.test(String(error))) throw error;
    }
  }
  return undefined;
}

test("PyTorch takes a step with each product once, and as published, and both give the same", async (context) => {
  const both = await Promise.all([stepOf(small, false), stepOf(small, true)]);
  const [shared, published] = both;
  if (shared === undefined || published === undefined) return context.skip("PyTorch is not installed");
  // Each process has compared the forecasts of the two ways before it was ready.
  expect(shared.setting).toMatch(/^PyTorch \d/);
  expect(published.setting).toMatch(/^nn\.GRU, PyTorch \d/);
  for (const { ms } of [shared, published]) expect(ms).toBeGreaterThan(0);
});
