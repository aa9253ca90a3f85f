/**
 * Where machine code reads and writes: each instruction of a plan alone, what the plan says of it and nothing else. And where code
 * lies: in pages that can be written or executed, never both, which are given back.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, describe, expect, test, vi } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import type { EngineName } from "../../../src/engines/engine.ts";
import { callWhenLeft, nativeEngine } from "../../../src/engines/native/engine.ts";
import { type NativeHost, nativeHost } from "../../../src/engines/native/executable-memory.ts";
import { emit } from "../../../src/engines/native/program.ts";
import { targetFor } from "../../../src/engines/native/target.ts";
import { registerEngine } from "../../../src/engines/registry.ts";
import type { Cell } from "../../../src/graph/cell.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { dense, dropout, embedding, recurrent } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { compile } from "../../../src/runtime/program.ts";
import type { Instruction, Plan, Section } from "../../../src/schedule/plan.ts";
import { schedule } from "../../../src/schedule/schedule.ts";
import { trainingPlan } from "../../../src/train/training-plan.ts";
import { collectGarbage } from "../../helpers/garbage.ts";
import { host, isas } from "../../helpers/native.ts";
import { cellGraph, trainingGraph } from "../../helpers/networks.ts";
import { operationCases, operationGraph } from "../../helpers/operations.ts";
import { accesses, ownership, scratch } from "../../helpers/ownership.ts";
import { randomTrainingGraph } from "../../helpers/random-cells.ts";
import { untouched } from "../../helpers/wasm.ts";

type Cut = { readonly what: string; readonly plan: Plan; readonly section: Section; readonly one: Instruction };

/** The plan with one instruction and no other, for each that it has. */
const cutsOf = (plan: Plan): Cut[] =>
  plan.sections.flatMap((section) =>
    section.instructions
      .flatMap((one): Instruction[] =>
        one.kind === "loop" || one.kind === "at_once" ? one.body.map((inner) => ({ ...one, body: [inner] })) : [one],
      )
      .map((one) => {
        const alone = { ...section, instructions: [one] };
        const inner = "body" in one ? `${one.kind} of ${one.body[0]?.kind}` : one.kind;
        return { what: inner, plan: { ...plan, sections: [alone] }, section: alone, one };
      }),
  );

/** Numbers on both sides of a program's memory that are nobody's. */
const margin = 1024;

/** What is wrong with what an instruction reads and writes; empty where nothing is. */
function mistakesOf(host: NativeHost, { what, plan, section, one }: Cut, isa: (typeof isas)[number]): string[] {
  const program = emit(plan, isa, { fma: true }, 1);
  const { address, free } = host.place(program.code);
  const run = host.callable(address + BigInt(program.parts[0]?.alone as number), 2);
  const count = plan.bytes / 4;
  const [reads, writes] = [new Uint8Array(count), new Uint8Array(count)];
  const { perform } = accesses(plan, section, {
    // What was written before it is read in a later step is its own.
    read: (start, n) => reads.fill(1, start, start + n),
    write: (start, n, owner) => writes.fill(owner === scratch ? 2 : 1, start, start + n),
  });
  perform(one, section);
  const random = createRandom(count);
  const given = Float32Array.from({ length: count }, () => 0.5 * random.normal());
  const words = new Int32Array(given.buffer);
  for (const { offset, rows, rowBytes } of Object.values(plan.indices)) {
    for (let row = 0; row < rows; row++) words[(offset + row * rowBytes) / 4] = random.integer(2);
  }
  // Behind the plan's numbers the engine has its own: weights in panels, between which zeros are, and blocks.
  const own = program.bytes - plan.target.tailBytes;
  const after = [untouched, new Int32Array(Float32Array.of(-3.5).buffer)[0] as number].map((fill) => {
    const memory = new Int32Array(2 * margin + program.bytes / 4 + 16).fill(fill);
    const at = host.addressOf(memory);
    const start = margin + Number((64n - (at % 64n)) % 64n) / 4;
    for (let k = 0; k < count; k++) if (reads[k]) memory[start + k] = words[k] as number;
    memory.fill(0, start + count, start + own / 4);
    run(at + BigInt(4 * start), 1);
    const outside = memory.findIndex((word, k) => (k < start || k >= start + own / 4) && word !== fill);
    return { fill, memory: memory.subarray(start, start + count), outside: outside < 0 ? undefined : outside - start };
  });
  free();
  const mistakes = new Set<string>();
  const [first, second] = after as [(typeof after)[0], (typeof after)[0]];
  for (const { outside } of after)
    if (outside !== undefined) mistakes.add(`${what} writes at ${outside}, outside memory`);
  for (let k = 0; k < count; k++) {
    const [x, y] = [first.memory[k] as number, second.memory[k] as number];
    if (writes[k] === 2) continue;
    if (writes[k] === 1) {
      if (x !== y) mistakes.add(`${what}: what it writes at ${k} comes from what it must not read, or is not written`);
    } else if (x !== (reads[k] ? words[k] : first.fill) || y !== (reads[k] ? words[k] : second.fill)) {
      mistakes.add(`${what} writes at ${k}, which it must not`);
    }
  }
  return [...mistakes].slice(0, 3);
}

describe.each(isas)("%s: each instruction alone reads and writes what the plan says, and nothing else", (isa) => {
  const target = targetFor(isa, isa);
  const keep = ["output", "loss"];
  const kinds = new Set<string>();
  const check = (plan: Plan, what: string): void => {
    for (const cut of cutsOf(plan)) {
      expect(mistakesOf(host as NativeHost, cut, isa), what).toEqual([]);
      kinds.add(cut.what);
    }
  };
  const sizes = [
    { steps: 1, batch: 1 },
    { steps: 3, batch: 5 },
  ];
  const checkGraph = (graph: Graph, what: string, some = sizes): void => {
    for (const size of some) {
      const plan = schedule(graph, { target, ...size, keep });
      expect(ownership(plan).mistakes, what).toEqual([]);
      check(plan, `${what}, ${JSON.stringify(size)}`);
    }
  };

  test.each(["lstm", "gru", "layer-norm-lstm", "mlstm"])("%s", (name) => {
    for (const units of name === "lstm" ? [5, 33] : [18]) {
      checkGraph(trainingGraph(cells[name] as Cell, { units, input: 7 }), `${units} units`);
    }
  });
  test("a product that is deeper than a block, and one of many rows", () => {
    const graph = trainingGraph(cells.dense as Cell, { units: 40, input: 300 });
    check(schedule(graph, { target, steps: 10, batch: 40, keep }), "");
  });
  test("operations of every kind", () => {
    const whole = ["sum", "mask", "sum_columns"];
    for (const [name, list] of Object.entries(operationCases)) {
      for (const [how, build] of Object.entries(list).slice(0, whole.includes(name) ? 9 : 1)) {
        for (const one of sizes.slice(1)) checkGraph(operationGraph(build, one.steps), `${name}, ${how}`, [one]);
      }
    }
  });
  test("a training step: tables, dropout, clipping and Adam", () => {
    const lstm = recurrent(cells.lstm as Cell, { units: 9, returnSequences: true });
    const model = sequential([embedding(9, 6), dropout(0.2), lstm, dense(9)]);
    check(trainingPlan(model, { steps: 3, batch: 2, clipNorm: 1 }, target), "");
    for (const kind of [
      "pass",
      "product",
      "outer",
      "accumulate",
      "gather",
      "scatter",
      "sum_all",
      "clear",
      "loop of pass",
    ]) {
      expect(kinds, kind).toContain(kind);
    }
  });
  test("random cells", () => {
    const random = createRandom(20_261_129);
    for (let k = 0; k < 6; k++) {
      const [units, input] = [1 + random.integer(40), 1 + random.integer(9)];
      const shape = { seed: random.integer(2 ** 31), depth: 1 + random.integer(3), matrices: true };
      const { source, graph } = randomTrainingGraph(shape, { units, input });
      const size = { steps: 1 + random.integer(3), batch: 1 + random.integer(5) };
      check(
        schedule(graph, { target, ...size, keep }),
        `${units} units of ${input}: ${JSON.stringify(size)}\n${source}`,
      );
    }
  });
});

test.runIf(isas.length > 0)("the check above sees a write and a read that the plan knows nothing of", () => {
  const isa = isas[0] as (typeof isas)[number];
  const target = targetFor(isa, isa);
  const plan = schedule(cellGraph(cells.lstm as Cell, { units: 20, input: 7 }), { target, steps: 2, batch: 3 });
  const cut = cutsOf(plan).find(({ one }) => one.kind === "product") as Cut;
  const { one } = cut;
  if (one.kind !== "product") throw new Error("a product");
  expect(mistakesOf(host as NativeHost, cut, isa)).toEqual([]);
  // The code of a product with a longer sum, and of one with a higher row, in place of the one that is said.
  const wrong = (change: object): Cut => {
    const section = { ...cut.section, instructions: [{ ...one, ...change }] };
    return { ...cut, plan: { ...cut.plan, sections: [section] } };
  };
  expect(mistakesOf(host as NativeHost, wrong({ k: one.k + 1 }), isa)).not.toEqual([]);
  expect(mistakesOf(host as NativeHost, wrong({ n: one.n + target.vectorWidth }), isa)).not.toEqual([]);
});

/** Lines of this process's memory map that hold an address. */
const mappingsAt = (address: bigint): string[] =>
  readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .filter((line) => {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? [];
      return from !== undefined && BigInt(`0x${from}`) <= address && address < BigInt(`0x${to}`);
    });

describe.runIf(isas.length > 0 && process.platform === "linux")("pages of code", () => {
  const isa = isas[0] as (typeof isas)[number];

  test("are asked for as writable, then made executable: never both", async () => {
    const koffi = createRequire(import.meta.url)("koffi");
    const asked: (readonly [string, ...unknown[]])[] = [];
    const load = vi.spyOn(koffi, "load").mockImplementation(((path: string | null) => {
      load.mockRestore();
      const library = koffi.load(path);
      return {
        func(prototype: string) {
          const call = library.func(prototype);
          const name = /(\w+)\(/.exec(prototype)?.[1] as string;
          return (...values: unknown[]) => {
            if (name !== "memcpy") asked.push([name, ...values.slice(1, 3)]);
            return call(...values);
          };
        },
      };
    }) as never);
    const { place } = await nativeHost();
    asked.length = 0; // What koffi was tried with.
    const { address, free } = place(Uint8Array.of(0xc3));
    expect(mappingsAt(address)).toEqual([expect.stringMatching(/ r-xp /)]);
    free();
    expect(asked).toEqual([
      ["mmap", 4096, 3],
      ["mprotect", 4096, 5],
      ["munmap", 4096],
    ]);
    expect(mappingsAt(address).filter((line) => line.includes("r-xp"))).toEqual([]);
  });

  test("of a program can be executed and not written, as long as it is loaded, and are given back once it is collected", async () => {
    const places: { readonly address: bigint; held: boolean }[] = [];
    const watching: NativeHost = {
      ...(host as NativeHost),
      place(code) {
        const { address, free } = (host as NativeHost).place(code);
        const one = { address, held: true };
        places.push(one);
        return {
          address,
          free() {
            one.held = false;
            free();
          },
        };
      },
    };
    const name = "native, watched";
    registerEngine(name, async () => nativeEngine(watching, isa, targetFor(isa, name)));
    const load = async (units: number): Promise<void> => {
      const graph = trainingGraph(cells.gru as Cell, { units, input: 3 });
      const program = await compile(
        graph,
        { steps: 2, batch: 2, keep: ["output"] },
        { engine: name as EngineName, threads: 1 + (units % 3) },
      );
      await program.run();
      const { address } = places.at(-1) as (typeof places)[0];
      expect(mappingsAt(address)).toEqual([expect.stringMatching(/ r-xp /)]);
      program.dispose();
    };
    // More than are kept for the next one of an equal plan.
    for (let units = 1; units <= 40; units++) await load(units);
    expect(places).toHaveLength(40);
    await vi.waitFor(
      () => {
        collectGarbage();
        expect(places.filter(({ held }) => !held).length).toBeGreaterThanOrEqual(8);
      },
      { timeout: 20_000, interval: 50 },
    );
    const held = places.filter((one) => one.held);
    expect(held.length).toBeGreaterThan(0);
    for (const { address } of held) expect(mappingsAt(address)).toEqual([expect.stringMatching(/ r-xp /)]);
  });

  test("are not given back while a worker is still inside", () => {
    vi.useFakeTimers();
    const inside = Int32Array.of(2);
    const free = vi.fn();
    callWhenLeft(inside, free);
    vi.advanceTimersByTime(1000);
    expect(free).not.toHaveBeenCalled();
    inside[0] = 0;
    vi.advanceTimersByTime(100);
    expect(free).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1000);
    expect(free).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });
});
afterAll(() => vi.useRealTimers());
