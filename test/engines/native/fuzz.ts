/**
 * Random networks through the emitter of machine code, by a seed each: whether they run, and how far their values are from the
 * reference's. What runs here may end the process, so a process of its own runs it: see `fuzz.test.ts`.
 */
import { writeSync } from "node:fs";
import type { EngineName } from "../../../src/engines/engine.ts";
import { nativeEngine } from "../../../src/engines/native/engine.ts";
import type { NativeHost } from "../../../src/engines/native/executable-memory.ts";
import { emit } from "../../../src/engines/native/program.ts";
import { targetFor } from "../../../src/engines/native/target.ts";
import { interpret } from "../../../src/engines/reference/interpret.ts";
import { registerEngine } from "../../../src/engines/registry.ts";
import { wasm } from "../../../src/engines/wasm/engine.ts";
import { grad } from "../../../src/grad/grad.ts";
import { addCell, cell, EquationError } from "../../../src/graph/cell.ts";
import { createBuilder, type Graph, type NodeId } from "../../../src/graph/graph.ts";
import { createRandom, type Random } from "../../../src/nn/random.ts";
import type { Program } from "../../../src/runtime/program.ts";
import { loadTraining, programError } from "../../helpers/engines.ts";
import { guardedMemory, host, isas } from "../../helpers/native.ts";
import { randomValues, type Values } from "../../helpers/networks.ts";
import { memoryOf } from "../../helpers/plans.ts";
import { nearKink, randomCell } from "../../helpers/random-cells.ts";

/**
 * What a cell showed. `seen`: its sizes and kinds. `error`: the largest relative one; none where a value lies near a kink. `wasm`: that
 * of WASM, where the cell is so far off (as behind a tanh of large numbers, whose derivative f32 knows to few digits).
 */
export type Outcome = {
  readonly seed: number;
  readonly seen: readonly string[];
  readonly error?: number;
  readonly wasm?: number;
  readonly where?: string;
};

type Drawn = {
  readonly graph: Graph;
  readonly steps: number;
  readonly batch: number;
  readonly seen: string[];
  readonly text: string;
};

/** One or two layers of random cells, in any direction, masked or not, behind a row of a table or dropout, or neither. */
function draw(seed: number, random: Random): Drawn {
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)] as T;
  const chance = (p: number): boolean => random.uniform() < p;
  const batch = pick([1, 1, 2, 3, 4, 5, 7, 9, 16, 17, 33]);
  const steps = pick([1, 1, 2, 3, 5]);
  // The reference is slow: what is large comes alone.
  const units =
    batch * steps > 40 ? 1 + random.integer(20) : pick([1 + random.integer(40), 1 + random.integer(40), 64, 100, 130]);
  const input = pick([1, 2, 3, 4, 7, 8, 9, 16, 17]);
  const layers = pick([1, 1, 2]);
  const training = chance(0.7);
  const [masked, table, dropout] = [chance(0.3), chance(0.25), chance(0.25)];
  const seen = [
    ...[`batch ${batch}`, `steps ${steps}`, `layers ${layers}`, training ? "training" : "inference"],
    ...[units % 16 === 0 ? "units: whole vectors" : "units: no whole vectors"],
    ...[...(masked ? ["masked"] : []), ...(table ? ["table"] : []), ...(dropout ? ["dropout"] : [])],
  ];
  const g = createBuilder();
  if (table) g.declare("table", [5, input], { name: "zeros", values: [] });
  let x: NodeId = table ? g.gather("table", g.index("token")) : g.input("x", input);
  if (dropout) x = g.mul(x, g.mask(input, 0.3, 1));
  const mask = masked ? g.input("mask", "scalar") : undefined;
  const texts: string[] = [];
  for (let k = 0; k < layers; k++) {
    const reverse = chance(0.3);
    if (reverse) seen.push("reversed");
    const shape = { depth: 1 + random.integer(3), smooth: batch * units * steps > 300, matrices: units < 40 };
    const text = randomCell({ seed: seed + k * 7919, ...shape, even: units % 2 === 0 });
    texts.push(`${reverse ? "reversed " : ""}layer of ${units} units\n${text}`);
    const next = (_: string, before: NodeId, now: NodeId): NodeId =>
      mask === undefined ? now : g.add(g.where(mask, now), g.where(g.sub(g.constant(1), mask), before));
    x = addCell(g, cell(text), { layer: `layer${k}`, units, inputs: { x }, states: { reverse, next } }).output;
  }
  const loss = g.sum(g.mul(x, g.input("r", g.shapeOf(x) as number)));
  g.sumAll("loss", loss);
  const forward = g.graph({ output: x, loss });
  const text = `input ${input}, ${steps} steps of ${batch}, ${seen.join(", ")}\n${texts.join("\n")}`;
  return { graph: training ? grad(forward) : forward, steps, batch, seen, text };
}

/** Where products leave a size open that comes out as no whole number, another cell is drawn. */
function drawn(seed: number): Drawn & { readonly random: Random } {
  for (let from = seed; ; from += 1_000_003) {
    try {
      const random = createRandom(from);
      return { ...draw(from, random), random };
    } catch (error) {
      if (!(error instanceof EquationError && /must be a whole number|no features are left/.test(error.message)))
        throw error;
    }
  }
}

/** Run one, for each kind of instructions that this processor has: one of them on 1 to 3 threads, which wait for each other. */
async function runCell(seed: number): Promise<Outcome> {
  const { graph, steps, batch, seen, text, random } = drawn(seed);
  let values: Values;
  let wanted: ReturnType<typeof interpret>;
  let near: boolean;
  for (let attempt = 0; ; attempt++) {
    values = randomValues(graph, steps, batch, seed + attempt, 0.5);
    values.inputs.mask?.forEach((value, k, all) => {
      all[k] = value > -0.3 ? 1 : 0;
    });
    wanted = interpret(graph, { steps, batch, ...values });
    near = nearKink(graph, wanted, 1e-5);
    // f32 and f64 may fall on different sides of a kink.
    if (!near || attempt === 3) break;
  }
  let worst = { error: 0, where: "" };
  for (const isa of isas) {
    const threads = isa === isas[seed % isas.length] ? 1 + random.integer(3) : 1;
    seen.push(`${isa}, ${threads} threads`);
    const program = await loadTraining(graph, { steps, batch }, values, { engine: isa as EngineName, threads });
    await program.run();
    await program.run();
    const { error, where } = programError(program, graph, wanted);
    const changed = runBetweenGuards(program, isa);
    program.dispose();
    if (changed >= 0)
      return { seed, seen, error: Infinity, where: `byte ${4 * changed} between guards, ${isa}, of ${text}` };
    if (!(error <= worst.error)) worst = { error, where: `${where} with ${isa}, ${threads} threads, of ${text}` };
  }
  if (near) return { seed, seen: [...seen, "near a kink"] };
  if (worst.error < 1e-4) return { seed, seen, ...worst };
  const program = await loadTraining(graph, { steps, batch }, values, { engine: "wasm" });
  await program.run();
  const { error } = programError(program, graph, wanted);
  program.dispose();
  return { seed, seen: [...seen, "far off"], ...worst, wasm: error };
}

/** The same code for one thread, on a memory between pages that nobody may touch: the first number that is another one, or -1. */
function runBetweenGuards(program: Program, isa: (typeof isas)[number]): number {
  const { plan } = program;
  const { code, bytes, parts } = emit(plan, isa, { fma: true }, 1);
  const { place, callable } = host as NativeHost;
  const [{ address, free }, memory] = [place(code), guardedMemory(bytes)];
  const there = memoryOf(program, 0, plan.bytes / 4);
  const wanted = new Int32Array(there.buffer, there.byteOffset, there.length);
  memory.words.set(wanted);
  callable(address + BigInt(parts[0]?.alone as number), 2)(memory.address, 1);
  // Before the plan's memory lies what is the threads' own.
  const from = plan.target.reservedBytes / 4;
  const found = wanted.findIndex((word, k) => k >= from && word !== memory.words[k]);
  memory.free();
  free();
  return found;
}

/** As if the code of the cell with this seed touched what lies behind its memory. */
export function touchGuard(seed: number): void {
  say({ begins: seed });
  const { place, callable } = host as NativeHost;
  const { address } = guardedMemory(64);
  // mov [rdi + 64], eax; ret
  const code = place(Uint8Array.of(0x89, 0x47, 0x40, 0xc3));
  callable(code.address, 1)(address);
}

// JSON has no infinities: they would be null, which is below any bound.
const finite = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? Number.MAX_VALUE : value;
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line, finite)}\n`);

/** Cells of these seeds; before each a line with its seed, after it one with its outcome, both written at once. */
export async function run(seed: number, count: number): Promise<void> {
  // Vite's runner imports nothing later.
  registerEngine("wasm", async () => wasm);
  for (const isa of isas) registerEngine(isa, async () => nativeEngine(host as NativeHost, isa, targetFor(isa, isa)));
  for (let k = 0; k < count; k++) {
    say({ begins: seed + k });
    say(await runCell(seed + k));
  }
}
