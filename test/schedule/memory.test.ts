import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { allocate } from "../../src/schedule/memory.ts";
import { bodyOf, type Location, type Plan } from "../../src/schedule/plan.ts";
import { aligned, rowNumbers } from "../../src/schedule/target.ts";
import { cases } from "../helpers/cases.ts";
import { loadTraining, results } from "../helpers/engines.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
import { operationCases, operationGraph, stateCells } from "../helpers/operations.ts";
import { ownership } from "../helpers/ownership.ts";
import { memoryOf, schedule, target } from "../helpers/plans.ts";
import { randomTrainingGraph } from "../helpers/random-cells.ts";

test("buffers that are alive at one moment never overlap, those that are not may", () => {
  const buffer = fc
    .tuple(fc.nat(500), fc.nat(20), fc.nat(20))
    .map(([bytes, a, b]) => ({ bytes, from: Math.min(a, b), to: Math.max(a, b) }));
  fc.assert(
    fc.property(fc.array(buffer, { maxLength: 20 }), fc.nat(1000), (buffers, base) => {
      const { offsets, end } = allocate(buffers, base, target);
      buffers.forEach((one, i) => {
        const at = offsets[i] as number;
        expect(at % 64).toBe(0);
        expect(at).toBeGreaterThanOrEqual(base);
        expect(at + one.bytes).toBeLessThanOrEqual(end);
        buffers.slice(0, i).forEach((other, j) => {
          const alive = one.from <= other.to && other.from <= one.to && one.bytes > 0 && other.bytes > 0;
          const start = offsets[j] as number;
          if (alive) expect(at >= start + other.bytes || start >= at + one.bytes).toBe(true);
        });
      });
    }),
    { seed: 1 },
  );
  const { offsets } = allocate(
    [
      { bytes: 100, from: 0, to: 1 },
      { bytes: 100, from: 2, to: 3 },
    ],
    0,
    target,
  );
  expect(offsets).toEqual([0, 0]);
});

test("large buffers first, each at the lowest place that is free while it lives", () => {
  const buffer = fc
    .tuple(fc.integer({ min: 1, max: 300 }), fc.nat(20), fc.nat(20))
    .map(([bytes, a, b]) => ({ bytes, from: Math.min(a, b), to: Math.max(a, b) }));
  fc.assert(
    fc.property(fc.array(buffer, { maxLength: 20 }), fc.nat(10), (buffers, base) => {
      const { offsets, end } = allocate(buffers, 64 * base, target);
      const sizeOf = (k: number): number => aligned(target, buffers[k]?.bytes as number);
      const endOf = (k: number): number => (offsets[k] as number) + sizeOf(k);
      buffers.forEach(({ from, to }, k) => {
        const before = buffers.flatMap((other, j) => {
          const alive = other.from <= to && from <= other.to;
          return alive && (sizeOf(j) > sizeOf(k) || (sizeOf(j) === sizeOf(k) && j < k)) ? [j] : [];
        });
        const free = [64 * base, ...before.map(endOf)].filter((at) =>
          before.every((j) => at >= endOf(j) || at + sizeOf(k) <= (offsets[j] as number)),
        );
        expect(offsets[k]).toBe(Math.min(...free));
      });
      expect(end).toBe(Math.max(64 * base, ...buffers.map((_, k) => endOf(k))));
      // For ever: one behind the other, without a gap.
      const always = buffers.map(({ bytes }) => ({ bytes, from: -Infinity, to: Infinity }));
      const sum = buffers.reduce((total, { bytes }) => total + aligned(target, bytes), 0);
      expect(allocate(always, 64 * base, target).end).toBe(64 * base + sum);
    }),
    { seed: 2 },
  );
});

test("rows of 1 to 5,000 features: whole vectors, no multiple of 512 bytes, at most 16 numbers longer than needed", () => {
  for (let features = 1; features <= 5000; features++) {
    const floats = rowNumbers(target, features);
    const whole = 4 * Math.ceil(features / 4);
    expect([floats % 4, floats % 128 === 0, floats - whole === 0 || floats - whole === 16]).toEqual([0, false, true]);
  }
});

/** Every value is read where it was written, and nothing depends on what the last run left in memory. */
async function check(graph: Graph, { steps, batch }: { steps: number; batch: number }, what: string): Promise<void> {
  const values = randomValues(graph, steps, batch, 3);
  const program = await loadTraining(graph, { steps, batch }, values, { engine: "wasm" });
  const { mistakes, temporary } = ownership(program.plan);
  expect(mistakes, what).toEqual([]);
  await program.run();
  const first = results(program);
  const memory = memoryOf(program, 0, program.plan.bytes / 4);
  temporary.forEach((one, k) => {
    if (one) memory[k] = Number.NaN;
  });
  await program.run();
  expect(results(program), what).toEqual(first);
}

describe("every value is read where it was written, also after all that a run computes was NaN", () => {
  test.each(Object.entries({ ...cells, ...stateCells }))("%s", async (_, cell) => {
    await check(trainingGraph(cell, { units: 5, input: 5 }), { steps: 3, batch: 2 }, "");
  });
  test.each(Object.entries(operationCases))("graphs with %s", async (_, list) => {
    for (const [name, build] of Object.entries(list)) await check(operationGraph(build), { steps: 3, batch: 2 }, name);
  });
  test("random cells", async () => {
    const drawn = fc.record({
      seed: fc.nat(),
      depth: fc.integer({ min: 1, max: 3 }),
      units: fc.constantFrom(1, 3, 6),
      input: fc.constantFrom(1, 2, 5),
      steps: fc.constantFrom(1, 2, 3),
      batch: fc.constantFrom(1, 2),
    });
    await fc.assert(
      fc.asyncProperty(drawn, async ({ seed, depth, ...sizes }) => {
        const { source, graph } = randomTrainingGraph({ seed, depth }, sizes);
        await check(graph, sizes, source);
      }),
      { seed: 20250303, numRuns: cases(35), verbose: true },
    );
  });
});

describe.each(Object.entries(cells))("memory of %s", (_, cell) => {
  const graph = trainingGraph(cell, { units: 17, input: 5 });
  const bytes = (steps: number, batch: number): number => schedule(graph, { steps, batch }).bytes;

  test("every buffer begins at a multiple of 16 bytes, states and parameters at one of 64", () => {
    const plan = schedule(graph, { steps: 3, batch: 5 });
    for (const slab of [plan.slabs.parameters, plan.slabs.gradients ?? 0]) expect(slab % 64).toBe(0);
    for (const { offset } of Object.values(plan.states)) expect(offset % 64).toBe(0);
    for (const { offset, rowBytes, stepBytes } of vectorLocations(plan)) {
      expect([offset % 16, rowBytes % 16, stepBytes % 16]).toEqual([0, 0, 0]);
    }
  });
  test("bytes are linear in the steps and in the batch", () => {
    // Every buffer is rounded up to 64 bytes.
    const rounding = 64 * graph.nodes.length;
    const growth = [16, 32, 64, 128].map((n) => ({ steps: bytes(n, 4), batch: bytes(4, n) }));
    for (const by of ["steps", "batch"] as const) {
      const [a, b, c, d] = growth.map((one) => one[by]) as [number, number, number, number];
      expect(Math.abs(c - b - 2 * (b - a))).toBeLessThanOrEqual(rounding);
      expect(Math.abs(d - c - 2 * (c - b))).toBeLessThanOrEqual(rounding);
    }
  });
});

function vectorLocations(plan: Plan): Location[] {
  return plan.sections.flatMap(({ graph, instructions }) =>
    instructions.flatMap(bodyOf).flatMap((one) => {
      if (one.kind === "product") return [one.operand, one.out];
      if (one.kind === "outer") return [one.rows, one.columns];
      if (one.kind !== "pass") return [];
      return one.stores.filter(({ value }) => typeof graph.nodes[value]?.shape === "number").map(({ at }) => at);
    }),
  );
}
