/** What a plan says about memory is what a program has and what it writes, to the byte. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { nativeEngine } from "../../src/engines/native/engine.ts";
import type { NativeHost } from "../../src/engines/native/executable-memory.ts";
import { targetFor } from "../../src/engines/native/target.ts";
import { registerEngine } from "../../src/engines/registry.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { dense, dropout, embedding, recurrent } from "../../src/nn/layers.ts";
import { type Model, modelOf, nameLayers } from "../../src/nn/model.ts";
import { load, type Program } from "../../src/runtime/program.ts";
import { bodyOf, type Plan } from "../../src/schedule/plan.ts";
import { schedule as scheduleFor } from "../../src/schedule/schedule.ts";
import { adam } from "../../src/train/optimizers.ts";
import { trainingPlan as trainingPlanFor } from "../../src/train/training-plan.ts";
import { cases } from "../helpers/cases.ts";
import { results, setValues } from "../helpers/engines.ts";
import { host, isas } from "../helpers/native.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
import { memoryOf, schedule, target, trainingPlan } from "../helpers/plans.ts";
import { randomTrainingGraph } from "../helpers/random-cells.ts";

const up = (bytes: number, unit: number): number => Math.ceil(bytes / unit) * unit;
/** For threads to meet, before the first region. */
const meetingBytes = 64;
/** So many bytes behind the last region may be read, and never matter. */
const room = 64;

/**
 * Behind the plan's bytes lie the weights in panels of 8 outputs, equal ones once; then, where it has gradients of matrices,
 * each thread has a place to pack blocks of them.
 */
const blocks = ({ bytes, sections }: Plan, threads: number): { readonly from: number; readonly to: number } => {
  const multiplies = sections.some(({ instructions }) =>
    instructions.flatMap(bodyOf).some(({ kind }) => kind === "outer"),
  );
  let to = up(bytes, 64);
  for (const { instructions } of sections) {
    const known = new Set<string>();
    for (const one of instructions.flatMap(bodyOf)) {
      if (one.kind !== "product") continue;
      const key = JSON.stringify([one.weights, one.k]);
      if (!known.has(key)) to += up(4 * one.k * up(one.n, 8), 64);
      known.add(key);
    }
  }
  return { from: up(bytes, 64), to: to + (multiplies ? threads * 4 * 256 * (8 + 96) : 0) };
};

/** A model without values: a plan needs none. */
function blank(cell: Cell, units = 17): Model {
  const layer = recurrent(cell, { units, returnSequences: true, name: "cell" });
  const layers = nameLayers([embedding(9, 6), dropout(0.2), layer, dense(9)]);
  return modelOf(layers, "tokens", () => new Float32Array(0));
}

/** The plan of a training step with Adam. */
const adamPlan = (cell: Cell, sizes: { steps: number; batch: number }, units?: number, of = target): Plan =>
  trainingPlanFor(blank(cell, units), { ...sizes, clipNorm: 1, optimizer: adam() }, of);

/** For what takes a run: cells of each kind of plan. Of the others there are random ones below. */
const kinds = ["dense", "simple-rnn", "lstm", "gru", "gru-reset-after"].map(
  (name) => [name, cells[name] as Cell] as const,
);

describe("what a plan says", () => {
  const sizes = [
    { steps: 1, batch: 1 },
    { steps: 7, batch: 3 },
    { steps: 64, batch: 32 },
  ];
  test.each(kinds)(
    "%s: memory is the plan's bytes, and 104 KiB a thread for gradients of matrices, in whole pages",
    async (_, cell) => {
      for (const size of sizes) {
        const forward = schedule(trainingGraph(cell, { units: 5, input: 3 }), size);
        for (const plan of [forward, adamPlan(cell, size), adamPlan(cell, size, 130)]) {
          for (const threads of [1, 2]) {
            const { memoryBytes } = await load(plan, { threads });
            expect(memoryBytes).toBe(up(blocks(plan, threads).to, 65536));
          }
        }
      }
    },
  );
  test.each(Object.entries(cells))("%s: its bytes are the end of its last region, and 64", (_, cell) => {
    for (const size of sizes) {
      for (const units of [2, 17, 128]) {
        for (const plan of [schedule(trainingGraph(cell, { units, input: 3 }), size), adamPlan(cell, size, units)]) {
          for (const { offset, bytes } of plan.memory) {
            expect(offset % 64).toBe(0);
            expect(offset).toBeGreaterThanOrEqual(meetingBytes);
            expect(bytes).toBeGreaterThan(0);
          }
          const end = Math.max(...plan.memory.map(({ offset, bytes }) => offset + bytes));
          expect(plan.bytes).toBe(up(end, 64) + room);
        }
      }
    }
  });
});

describe("a training plan of T steps of B examples: constant + a * B + b * T * B bytes", () => {
  const grid = [16, 32, 48, 64, 80];
  for (const name of ["lstm", "gru", "gru-reset-after"] as const) {
    test.each([17, 128])(`${name}, %i units`, (units) => {
      const model = blank(cells[name] as Cell, units);
      const planOf = (steps: number, batch: number): Plan => trainingPlan(model, { steps, batch });
      const [least, moreSteps, moreExamples] = [planOf(16, 16).bytes, planOf(32, 16).bytes, planOf(16, 32).bytes];
      const b = (moreSteps - least) / 256;
      const a = (moreExamples - least) / 16 - 16 * b;
      const formula = (steps: number, batch: number): number => least + a * (batch - 16) + b * (steps * batch - 256);
      // With 16 | B every region ends at a multiple of 64 bytes.
      for (const steps of grid)
        for (const batch of grid) expect(planOf(steps, batch).bytes).toBe(formula(steps, batch));
      for (const steps of [17, 23, 101]) expect(planOf(steps, 48).bytes).toBe(formula(steps, 48));
      // Else each is rounded up to one.
      for (const steps of [16, 17, 31, 67]) {
        for (const batch of [1, 2, 3, 7, 20, 33, 50]) {
          const { bytes, memory } = planOf(steps, batch);
          const rounding = bytes - formula(steps, batch);
          expect(rounding, `${steps} steps of ${batch}`).toBeGreaterThanOrEqual(0);
          expect(rounding, `${steps} steps of ${batch}`).toBeLessThan(64 * memory.length);
        }
      }
    });
  }
});

type Range = readonly [from: number, to: number];

/** Where the bytes of a program's memory lie that its plan gives to nobody. */
function unclaimed({ plan, memoryBytes, threads }: Program): Range[] {
  // Of the engine native all that lies behind the plan, but for what a last vector may read.
  const own = { from: up(plan.bytes, 64), to: memoryBytes - plan.target.tailBytes };
  const { from, to } = plan.target === target ? blocks(plan, threads) : own;
  const claimed: Range[] = plan.memory.map(({ offset, bytes }) => [offset, offset + bytes]);
  claimed.push([from, to], [memoryBytes, memoryBytes]);
  if (threads > 1) claimed.push([0, meetingBytes]);
  const free: Range[] = [];
  let end = 0;
  for (const [from, to] of claimed.toSorted(([a], [b]) => a - b)) {
    if (from > end) free.push([end, from]);
    end = Math.max(end, to);
  }
  return free;
}

/** A program whose unclaimed bytes are set, beside one whose are not. */
async function expectClean(plan: Plan, threads: number, what: string): Promise<void> {
  const [{ graph, steps, batch }] = plan.sections as readonly [Plan["sections"][number]];
  const make = async (): Promise<Program> => {
    const program = await load(plan, { threads });
    setValues(program, randomValues(graph, steps, batch, 3));
    for (const name of Object.keys(plan.settings)) program.setSetting(name, 0.5);
    return program;
  };
  const all = (program: Program) =>
    Object.entries({
      ...results(program),
      parameters: memoryOf(program, plan.slabs.parameters, plan.slabs.numbers).slice(),
    }).map(([name, { buffer }]) => [name, Buffer.from(buffer)] as const);
  const [clean, dirty] = [await make(), await make()];
  const free = unclaimed(dirty);
  const { buffer, byteOffset } = memoryOf(dirty, 0, 1);
  const memory = new Uint8Array(buffer, byteOffset, dirty.memoryBytes);
  // As numbers: a small one, and NaN, which would be seen in all that is computed from it.
  for (const pattern of [0xa5, 0xff]) {
    for (const [from, to] of free) memory.fill(pattern, from, to);
    for (const program of [clean, dirty]) {
      await program.run();
      program.advanceStates();
    }
    const wanted = new Map(all(clean));
    const differ = all(dirty).filter(([name, bytes]) => !bytes.equals(wanted.get(name) as Buffer));
    expect(
      differ.map(([name]) => name),
      what,
    ).toEqual([]);
    for (const [from, to] of free) {
      const part = Buffer.from(buffer as ArrayBuffer, byteOffset + from, to - from);
      // At once: bytes one by one take longer than the runs.
      if (part.equals(Buffer.alloc(to - from, pattern))) continue;
      const written = from + part.findLastIndex((byte) => byte !== pattern);
      expect(written, `${what}: the last byte that was written, of ${from} to ${to}`).toBe(-1);
    }
  }
}

const targets = isas.map((isa) => {
  const name = `native ${isa}`;
  const of = targetFor(isa, name);
  registerEngine(name, async () => nativeEngine(host as NativeHost, isa, of));
  return of;
});

describe.each([target, ...targets])(
  "$name: a run writes to no byte outside of the regions, and none outside matters",
  (of) => {
    const sizes = [
      { units: 1, input: 1, steps: 1, batch: 1 },
      { units: 5, input: 7, steps: 3, batch: 2 },
      { units: 130, input: 5, steps: 2, batch: 33 },
    ];
    test.each(kinds)("%s, its gradients and a step of training with Adam", async (_, cell) => {
      for (const threads of [1, 2]) {
        for (const size of sizes) {
          const what = `${JSON.stringify(size)}, ${threads} threads`;
          const plan = scheduleFor(trainingGraph(cell, size), { target: of, ...size, keep: ["output", "loss"] });
          await expectClean(plan, threads, what);
          await expectClean(adamPlan(cell, size, size.units, of), threads, `Adam, ${what}`);
        }
      }
    });

    test("random cells", async () => {
      const drawn = fc.record({
        seed: fc.nat(),
        depth: fc.integer({ min: 1, max: 3 }),
        units: fc.constantFrom(1, 3, 6, 17),
        input: fc.constantFrom(1, 2, 5),
        steps: fc.constantFrom(1, 2, 3),
        batch: fc.constantFrom(1, 2, 5),
      });
      await fc.assert(
        fc.asyncProperty(drawn, async ({ seed, depth, ...sizes }) => {
          const { source, graph } = randomTrainingGraph({ seed, depth }, sizes);
          const plan = scheduleFor(graph, { target: of, ...sizes, keep: ["output", "loss"] });
          for (const threads of of === target ? [1, 2] : [1, 3])
            await expectClean(plan, threads, `${source}\n${threads} threads`);
        }),
        { seed: 20250704, numRuns: cases(of === target ? 20 : 8), verbose: true },
      );
    });
  },
);
