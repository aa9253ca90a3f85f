import fc from "fast-check";
import { expect, test } from "vitest";
import { packWeights, panelWidth } from "../../../src/engines/wasm/packing.ts";
import { createBuilder } from "../../../src/graph/graph.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { load } from "../../../src/runtime/program.ts";
import type { Product } from "../../../src/schedule/plan.ts";
import { cases } from "../../helpers/cases.ts";
import { memoryOf, schedule } from "../../helpers/plans.ts";

const size = fc.integer({ min: 1, max: 19 });
const shapes = fc.record({
  outputs: fc.array(size, { minLength: 1, maxLength: 4 }),
  operands: size,
  gradient: fc.boolean(),
  seed: fc.nat(),
});

/** Outputs of some sizes from one operand, each by a parameter of its own, and what of them goes back to the operand. */
function planOf({ outputs, operands, gradient }: { outputs: number[]; operands: number; gradient: boolean }) {
  const g = createBuilder();
  const x = g.input("x", operands);
  const all = outputs.map((rows, r) => {
    g.declare(`W${r}`, [rows, operands], zeros);
    return g.unary("tanh", g.matmul(`W${r}`, x));
  });
  const back = outputs.map((rows, r) => {
    const view = { parameter: `W${r}`, rows, column: 0, columns: operands };
    return g.matmulTransposed(view, all[r] as number);
  });
  const sum = back.reduce((a, b) => g.add(a, b));
  const named = Object.fromEntries(all.map((id, r) => [`y${r}`, id]));
  const graph = g.graph(gradient ? { ...named, sum } : named);
  return schedule(graph, { steps: 2, batch: 3, keep: Object.keys(graph.outputs) });
}
const zeros = { name: "zeros", values: [] };

test("the weights of each product lie in panels of 8 outputs, whatever the threads, and equal ones lie once", async () => {
  await fc.assert(
    fc.asyncProperty(shapes, fc.constantFrom(1, 1, 2, 3), async ({ seed, ...shape }, threads) => {
      const plan = planOf(shape);
      const random = createRandom(seed);
      const program = await load(plan, { threads });
      for (const [name, { size }] of Object.entries(plan.parameters)) {
        program.setParameter(name, Float32Array.from({ length: size }, random.normal));
      }
      await program.run();
      const { panelsOf, end } = packWeights(plan);
      expect(Math.min(...panelsOf.values())).toBeGreaterThanOrEqual(plan.bytes);
      const memory = memoryOf(program, 0, end / 4);
      for (const [{ k, n, weights }, panels] of panelsOf as ReadonlyMap<Product, number>) {
        const count = panelWidth * k * Math.ceil(n / panelWidth);
        const wanted = new Float32Array(count);
        for (const block of weights) {
          for (let j = 0; j < block.countN; j++) {
            for (let i = 0; i < block.countK; i++) {
              const output = block.n + j;
              const to = Math.floor(output / panelWidth) * panelWidth * k + panelWidth * (block.k + i);
              const from = block.source + i * block.strideK + j * block.strideN;
              wanted[to + (output % panelWidth)] = memory[from / 4] as number;
            }
          }
        }
        expect(memory.slice(panels / 4, panels / 4 + count)).toEqual(wanted);
      }
      program.dispose();
    }),
    { seed: 2, numRuns: cases(25), verbose: true },
  );
});

test("products with equal weights share their panels", () => {
  const g = createBuilder();
  g.declare("W", [5, 3], zeros);
  const [x, y] = [g.input("x", 3), g.input("y", 3)];
  const graph = g.graph({ a: g.matmul("W", x), b: g.matmul("W", y) });
  const plan = schedule(graph, { steps: 1, batch: 1, keep: ["a", "b"] });
  const { packs, panelsOf } = packWeights(plan);
  expect(panelsOf.size).toBe(2);
  expect(new Set(panelsOf.values()).size).toBe(1);
  expect(packs.flat()).toHaveLength(1);
});
