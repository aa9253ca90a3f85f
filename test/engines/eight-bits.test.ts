/** Products of 8 bits: each engine's are, to the bit, those that `src/schedule/eight-bits.ts` defines. */
import { describe, expect, test } from "vitest";
import type { Engine, HostOptions } from "../../src/engines/engine.ts";
import { hasVnni } from "../../src/engines/native/cpu.ts";
import { nativeEngine } from "../../src/engines/native/engine.ts";
import type { NativeHost } from "../../src/engines/native/executable-memory.ts";
import { targetFor } from "../../src/engines/native/target.ts";
import { createExecutable, reference } from "../../src/engines/reference/engine.ts";
import { cell } from "../../src/graph/cell.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { Program } from "../../src/runtime/program.ts";
import { quantizeWeights } from "../../src/schedule/eight-bits.ts";
import type { Plan, Product } from "../../src/schedule/plan.ts";
import { bodyOf } from "../../src/schedule/plan.ts";
import { schedule } from "../../src/schedule/schedule.ts";
import { results, setValues } from "../helpers/engines.ts";
import { host, isas } from "../helpers/native.ts";
import { cellGraph, randomValues, type Values } from "../helpers/networks.ts";

const engines: readonly (readonly [string, Engine])[] = [
  ...isas.flatMap((isa) =>
    [true, false]
      .filter((vnni) => !vnni || hasVnni(host as NativeHost, isa))
      .map((vnni): readonly [string, Engine] => {
        const name = `native, ${isa}${vnni ? ", VNNI" : ""}`;
        return [name, nativeEngine(host as NativeHost, isa, targetFor(isa, name), undefined, vnni)];
      }),
  ),
];

/** Nothing but products and sums of two, which every engine rounds alike. */
const linear = cell`
  h' = W @ x + U @ h
`;
const products = (plan: Plan): Product[] =>
  plan.sections.flatMap(({ instructions }) =>
    instructions.flatMap(bodyOf).flatMap((one) => (one.kind === "product" ? [one] : [])),
  );

type Sizes = { readonly steps: number; readonly batch: number };
const planFor = ({ target }: Engine, graph: Graph, sizes: Sizes): Plan =>
  schedule(graph, { target, ...sizes, precision: "int8", keep: ["output"] });

async function run(program: Program, values: Values): Promise<Record<string, Float32Array>> {
  setValues(program, values);
  await program.run();
  await program.run();
  const found = results(program);
  program.dispose();
  return found;
}
/** What is defined: plain loops, on numbers of f32. */
const wanted = (plan: Plan, values: Values): Promise<Record<string, Float32Array>> =>
  run(new Program(plan, createExecutable(plan, new Float32Array(plan.bytes / 4)), "program"), values);
const got = async (engine: Engine, plan: Plan, values: Values, how: HostOptions = {}) =>
  run(new Program(plan, await engine.load(plan, how, { sync: false }), "program"), values);

const bits = (all: Record<string, Float32Array>): Record<string, Int32Array> =>
  Object.fromEntries(Object.entries(all).map(([name, values]) => [name, new Int32Array(values.buffer)]));

describe.each(engines)("%s", (_, engine) => {
  test.each([
    [1, 1],
    [5, 7],
    [16, 64],
    [33, 129],
    [130, 66],
    [300, 3],
  ])("%i units over %i features: any number of rows", async (units, input) => {
    const graph = cellGraph(linear, { units, input });
    for (const [steps, batch, threads] of [
      [1, 1, 1],
      [5, 1, 2],
      [2, 3, 1],
      [3, 50, 3],
    ] as const) {
      const plan = planFor(engine, graph, { steps, batch });
      expect(products(plan).map(({ precision }) => precision)).toEqual(["int8", "int8"]);
      const values = randomValues(graph, steps, batch, units + input);
      const exact = await wanted(plan, values);
      expect(bits(await got(engine, plan, values, { threads })), `${threads} threads`).toEqual(bits(exact));
    }
  });

  test("rows and columns of zeros, of numbers that are not finite, of the smallest and of the largest", async () => {
    const [units, input, batch] = [21, 70, 12];
    const graph = cellGraph(linear, { units, input });
    const plan = planFor(engine, graph, { steps: 1, batch });
    const values = randomValues(graph, 1, batch, 3);
    const { x } = values.inputs as { x: Float64Array };
    const w = values.parameters["cell.W"] as Float64Array;
    const strange = [0, -0, Number.NaN, Infinity, -Infinity, 1e-45, 2 ** -126, 2 ** -99, -3.4028234663852886e38];
    strange.forEach((value, k) => {
      if (k > 4 || k < 2) {
        x.fill(value, k * input, (k + 1) * input);
        w.fill(value, k * input, (k + 1) * input);
      }
      x[k * input + 69] = value;
      w[k * input + 69] = value;
    });
    const [one, other] = [await got(engine, plan, values), await wanted(plan, values)];
    expect(one).toEqual(other);
    const h = one["state cell.h"] as Float32Array;
    const row = (r: number): number[] => [...h.subarray(r * units, (r + 1) * units)];
    // What f32 makes no number of is none here: in each row, and beside each row of weights.
    for (const r of [2, 3, 4]) expect(row(r)).toEqual(row(r).map(() => Number.NaN));
    for (const r of [0, 1, 10]) expect(row(r).map(Number.isNaN)).toEqual(row(r).map((_, k) => k > 1 && k < 5));
  });

  test("the scale of a part of a matrix is that of the whole row, so numbers of 8 bits stay themselves", async () => {
    const parts = cell`h' = W @ [x, h]`;
    const graph = cellGraph(parts, { units: 9, input: 37 });
    const plan = planFor(engine, graph, { steps: 2, batch: 2 });
    expect(products(plan).length).toBe(2);
    const values = randomValues(graph, 2, 2, 5);
    const w = values.parameters["cell.W"] as Float64Array;
    // The second part alone would have a scale of its own.
    for (let k = 0; k < w.length; k++) if (k % 46 >= 37) (w[k] as number) /= 50;
    const q = new Int8Array(46);
    for (let r = 0; r < 9; r++) {
      const scale = quantizeWeights(w, 46 * r, 46, q);
      w.set(
        Array.from(q, (value) => value * scale),
        46 * r,
      );
      expect(quantizeWeights(w, 46 * r, 46, q.slice())).toBe(scale);
    }
    expect(bits(await got(engine, plan, values))).toEqual(bits(await wanted(plan, values)));
  });
});

test("the engine reference computes the same products, in f64 otherwise", async () => {
  const graph = cellGraph(linear, { units: 33, input: 70 });
  const plan = planFor(reference, graph, { steps: 1, batch: 3 });
  const values = randomValues(graph, 1, 3, 2);
  for (const state of Object.values(values.states)) state.fill(0);
  const [one, other] = [await got(reference, plan, values), await wanted(plan, values)];
  expect(one["state cell.h"]).toEqual(other["state cell.h"]);
});

test("rounding to 8 bits: 254 steps of a row's scale, and what is rounded once stays to the bit", () => {
  const random = createRandom(4);
  for (let trial = 0; trial < 2000; trial++) {
    const size = 2 ** (random.uniform() * 220 - 95);
    const row = Float32Array.from({ length: 1 + random.integer(9) }, () => size * random.normal());
    const q = new Int8Array(row.length);
    const scale = quantizeWeights(row, 0, row.length, q);
    const back = Float32Array.from(q, (value) => value * scale);
    const largest = Math.max(...row.map(Math.abs));
    row.forEach((value, k) => {
      expect(Math.abs(value - (back[k] as number)) <= 0.5001 * scale, `${value} of ${largest}`).toBe(true);
    });
    expect(Math.max(...q.map(Math.abs))).toBe(127);
    const again = new Int8Array(row.length);
    expect(quantizeWeights(back, 0, row.length, again)).toBe(scale);
    expect(again).toEqual(q);
  }
});
