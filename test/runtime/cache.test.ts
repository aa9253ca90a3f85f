import { describe, expect, test, vi } from "vitest";
import { gru, lstm } from "../../src/cells/index.ts";
import type { HostOptions } from "../../src/engines/engine.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { load } from "../../src/runtime/program.ts";
import type { Plan } from "../../src/schedule/plan.ts";
import { programError, setValues } from "../helpers/engines.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
import { memoryOf, schedule } from "../helpers/plans.ts";

const sizes = { units: 5, input: 3 };
/** Made anew at each call, so that only the content is the same. */
const planOf = (of: Cell, { steps = 4, batch = 2 } = {}): Plan =>
  schedule(trainingGraph(of, sizes), { steps, batch, keep: ["output", "loss"] });

/** How many modules are compiled meanwhile. */
async function compilations(act: () => Promise<unknown>): Promise<number> {
  const compile = vi.spyOn(WebAssembly, "compile");
  try {
    await act();
    return compile.mock.calls.length;
  } finally {
    compile.mockRestore();
  }
}

describe("a plan is compiled once", () => {
  test("equal plans, one after the other and at the same time, with each number of threads", async () => {
    for (const threads of [1, 2]) {
      expect(await compilations(() => load(planOf(lstm), { threads }))).toBe(1);
      expect(await compilations(() => load(planOf(lstm), { threads }))).toBe(0);
      const twice = () => Promise.all([load(planOf(gru), { threads }), load(planOf(gru), { threads })]);
      expect(await compilations(twice)).toBe(1);
    }
  });

  test("programs of one module have a memory each, and results of their own", async () => {
    const size = { steps: 4, batch: 2 };
    const graph = trainingGraph(lstm, sizes);
    for (const threads of [1, 2]) {
      const programs = [await load(planOf(lstm), { threads }), await load(planOf(lstm), { threads })];
      const values = programs.map((_, k) => randomValues(graph, size.steps, size.batch, k + 1, 0.3));
      programs.forEach((program, k) => setValues(program, values[k] as (typeof values)[number]));
      await Promise.all(programs.map((program) => program.run()));
      programs.forEach((program, k) => {
        const wanted = interpret(graph, { ...size, ...(values[k] as (typeof values)[number]) });
        const { error, where } = programError(program, graph, wanted);
        expect(error, where).toBeLessThan(1e-4);
      });
      const [one, other] = programs.map((program) => memoryOf(program, 0, 1).buffer);
      expect(one).not.toBe(other);
    }
  });
});

describe("what differs is compiled", () => {
  const first = cell("h' = tanh(W @ x + 0.5 * h)");
  test.each<[string, Plan, HostOptions]>([
    ["other equations", planOf(cell("h' = tanh(W @ x - 0.5 * h)")), {}],
    ["another number", planOf(cell("h' = tanh(W @ x + 0.25 * h)")), {}],
    ["more steps", planOf(first, { steps: 5 }), {}],
    ["a larger batch", planOf(first, { batch: 3 }), {}],
    ["without fused multiply-add", planOf(first), { fma: false }],
    ["two threads", planOf(first), { threads: 2 }],
    ["three threads", planOf(first), { threads: 3 }],
  ])("%s", async (_, plan, options) => {
    await load(planOf(first));
    expect(await compilations(() => load(plan, options))).toBe(1);
    expect(await compilations(() => load(planOf(first)))).toBe(0);
  });

  test("numbers that JSON writes alike: -0, infinities and NaN; and where a pass loads from", async () => {
    const plan = planOf(first);
    const [section] = plan.sections as readonly [Plan["sections"][number]];
    const withNodes = (change: (node: Node) => Node): Plan => {
      const graph: Graph = { ...section.graph, nodes: section.graph.nodes.map(change) };
      return { ...plan, sections: [{ ...section, graph }] };
    };
    const numbers = [0, -0, Infinity, -Infinity, Number.NaN];
    const plans = numbers.map((value) => withNodes((node) => (node.op === "constant" ? { ...node, value } : node)));
    expect(await compilations(() => Promise.all(plans.map((one) => load(one))))).toBe(numbers.length);

    let passes = 0;
    const instructions = section.instructions.map((one) => {
      if (one.kind !== "pass" || one.loads.size === 0) return one;
      passes++;
      return { ...one, loads: new Map([...one.loads].map(([id, at]) => [id, { ...at, offset: at.offset + 16 }])) };
    });
    expect(passes).toBeGreaterThan(0);
    expect(await compilations(() => load({ ...plan, sections: [{ ...section, instructions }] }))).toBe(1);
  });
});

test("what failed to compile is compiled again", async () => {
  const plan = () => planOf(lstm, { steps: 7 });
  const compile = vi.spyOn(WebAssembly, "compile").mockRejectedValueOnce(new Error("no memory"));
  await expect(load(plan())).rejects.toThrow("no memory");
  await load(plan());
  await load(plan());
  expect(compile).toHaveBeenCalledTimes(2);
  compile.mockRestore();
});

test("16 modules are kept: those used last", async () => {
  const plan = (steps: number) => planOf(lstm, { steps, batch: 1 });
  const kept = 16;
  for (let steps = 1; steps <= kept; steps++) await load(plan(steps));
  expect(await compilations(() => load(plan(1)))).toBe(0);
  await load(plan(kept + 1)); // In the place of two steps.
  expect(await compilations(() => load(plan(1)))).toBe(0);
  expect(await compilations(() => load(plan(2)))).toBe(1);
});
