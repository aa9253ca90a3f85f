import { expect, test } from "vitest";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import { createBuilder, type Graph } from "../../src/graph/graph.ts";
import { loadTraining } from "../helpers/engines.ts";
import { randomValues } from "../helpers/networks.ts";

/** output = w * mask; the loss is its sum. */
function maskGraph(n: number, rate: number, stream = 0): Graph {
  const g = createBuilder();
  g.declare("w", [n], { name: "ones", values: [] });
  const output = g.mul(g.parameter("w"), g.mask(n, rate, stream));
  const loss = g.sum(output);
  g.sumAll("loss", loss);
  return grad(g.graph({ output, loss }));
}
const run = { steps: 3, batch: 2 };

/** The mask (T,B,n), flat, and the gradient of w (n): its sum over steps and examples. */
async function maskOf(graph: Graph, keys: readonly [number, number] = [1, 2]) {
  const values = { ...randomValues(graph, run.steps, run.batch, 1), keys };
  values.parameters.w?.fill(1);
  const program = await loadTraining(graph, run, values);
  await program.run();
  const reference = interpret(graph, { ...run, ...values });
  return {
    mask: program.output("output"),
    gradient: program.gradient("w").slice(),
    wanted: Float32Array.from(reference.value(graph.outputs.output as number)),
    wantedGradient: Float32Array.from(reference.gradients.w as Float64Array),
  };
}

test("wasm and reference draw the same masks, whatever the number of features", async () => {
  for (const n of [1, 2, 3, 4, 5, 17, 130]) {
    for (const rate of [0.1, 0.5, 0.75]) {
      const { mask, wanted } = await maskOf(maskGraph(n, rate, 3), [0xfffffff0, 0x80000001]);
      expect(mask).toEqual(wanted);
    }
  }
});
test("the rate seen is the rate to 1 %, and what stays is divided by 1 - rate", async () => {
  for (const rate of [0.05, 0.2, 0.5, 0.9]) {
    const { mask } = await maskOf(maskGraph(20_000, rate));
    const dropped = mask.filter((m) => m === 0).length;
    expect(Math.abs(dropped / mask.length - rate)).toBeLessThan(0.01);
    const kept = Math.fround(1 / (1 - rate));
    expect(mask.every((m) => m === 0 || m === kept)).toBe(true);
  }
});
test("another key, another stream, another step and another example give other masks; the same gives the same", async () => {
  const n = 1000;
  const { mask } = await maskOf(maskGraph(n, 0.5));
  const same = (a: Float32Array, b: Float32Array): number => a.filter((m, k) => m === b[k]).length / a.length;
  expect((await maskOf(maskGraph(n, 0.5))).mask).toEqual(mask);
  const others = [
    (await maskOf(maskGraph(n, 0.5), [2, 2])).mask,
    (await maskOf(maskGraph(n, 0.5), [1, 3])).mask,
    (await maskOf(maskGraph(n, 0.5, 1))).mask,
  ];
  for (const other of others) expect(Math.abs(same(mask, other) - 0.5)).toBeLessThan(0.05);
  for (let row = 1; row < run.steps * run.batch; row++) {
    const share = same(mask.subarray(0, n), mask.subarray(row * n, (row + 1) * n));
    expect(Math.abs(share - 0.5)).toBeLessThan(0.07);
  }
});
test("the backward step draws the mask of the forward step", async () => {
  const n = 1000;
  const { mask, gradient, wantedGradient } = await maskOf(maskGraph(n, 0.5));
  const sums = new Float32Array(n);
  mask.forEach((m, k) => {
    sums[k % n] = (sums[k % n] as number) + m;
  });
  expect(gradient).toEqual(sums);
  expect(gradient).toEqual(wantedGradient);
});
