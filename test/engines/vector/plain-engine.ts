/**
 * An engine whose passes are those of WASM, by the same emitter, in plain arithmetic on 16 lanes; what else a plan has to run
 * is the reference's. So the emitter meets whole plans for vectors of another width.
 */
import type { Engine, Executable } from "../../../src/engines/engine.ts";
import { checkMemory } from "../../../src/engines/memory-limit.ts";
import { createExecutable } from "../../../src/engines/reference/engine.ts";
import { type Context, runOne } from "../../../src/engines/reference/run.ts";
import { divisionOf, type PassContext, passCode } from "../../../src/engines/vector/pass.ts";
import { togetherByRows } from "../../../src/engines/vector/row-passes.ts";
import type { Instruction, Location, Pass, Plan, Section } from "../../../src/schedule/plan.ts";
import type { Target } from "../../../src/schedule/target.ts";
import { plainOps, runCode } from "../../helpers/vector-machines.ts";

const target: Target = {
  ...{ name: "plain vectors", vectorWidth: 16, alignment: 64, rowStride: { of: 256, more: 16 } },
  ...{ reservedBytes: 64, tailBytes: 64, memoryBytes: 2 ** 30, memory: "host" },
};

export const plainVectors: Engine = {
  name: target.name,
  target,
  async load(plan) {
    checkMemory(plan.bytes, "the program", target);
    return loaded(plan);
  },
};

type RunPass = (t: number, from: number, to: number) => void;

function loaded(plan: Plan): Executable {
  // Behind the plan lies what must not count.
  const memory = new Float32Array(plan.bytes / 4 + target.tailBytes / 4);
  const words = new Int32Array(memory.buffer);
  const made = new Map<Pass, RunPass>();
  const passOf = (pass: Pass, section: Section, time: Context["time"]): RunPass => {
    const known = made.get(pass);
    if (known !== undefined) return known;
    const o = plainOps(target.vectorWidth, true, { floats: memory, words });
    const given = { t: 0, from: 0, to: 0 };
    const when =
      typeof time === "number" ? { time: "loop" as const, steps: 1 } : { time: "steps" as const, steps: time.steps };
    const context: PassContext = { section, ...when, keys: plan.keys, settings: plan.settings };
    const code = passCode(o, pass, context, {
      t: () => given.t,
      from: () => given.from,
      to: () => given.to,
    });
    const run: RunPass = (t, from, to) => {
      Object.assign(given, { t, from, to });
      runCode(code);
    };
    made.set(pass, run);
    return run;
  };
  const runAll = (instructions: readonly Instruction[], section: Section, time: Context["time"]): void => {
    const { batch } = section;
    const rows = typeof time === "number" ? batch : time.steps * batch;
    const at = ({ offset, stepBytes, rowBytes }: Location, row: number): number =>
      (offset + (typeof time === "number" ? time * stepBytes : 0) + row * rowBytes) / 4;
    const step = typeof time === "number" ? time : 0;
    for (const one of togetherByRows(target, section.graph, instructions, rows)) {
      if (!("kind" in one)) {
        // Passes that run together: as narrowly as may be, row by row.
        for (let r = 0; r < rows; r++) for (const pass of one) passOf(pass, section, time)(step, r, r + 1);
      } else if (one.kind === "loop") {
        for (let k = 0; k < one.steps; k++) runAll(one.body, section, one.reverse ? one.steps - 1 - k : k);
      } else if (one.kind === "at_once") runAll(one.body, section, one);
      else if (one.kind === "pass") {
        passOf(one, section, time)(step, 0, divisionOf(one, rows) === "features" ? one.size : rows);
      } else if (one.kind === "gather") {
        // Indices are integers here, which the reference does not know.
        for (let r = 0; r < rows; r++) {
          const from = one.table / 4 + (words[at(one.index, r)] as number) * one.size;
          words.copyWithin(at(one.out, r), from, from + one.size);
        }
      } else if (one.kind === "scatter") {
        for (let r = 0; r < rows; r++) {
          const to = one.gradient / 4 + (words[at(one.index, r)] as number) * one.size;
          for (let j = 0; j < one.size; j++) {
            memory[to + j] = (memory[to + j] as number) + (memory[at(one.value, r) + j] as number);
          }
        }
      } else runOne(one, { plan, section, memory, time });
    }
  };
  const runSync = (): void => {
    memory.fill(Number.NaN, plan.bytes / 4);
    for (const section of plan.sections) runAll(section.instructions, section, section);
  };
  const integers = (address: number, count: number) => words.subarray(address / 4, address / 4 + count);
  return { ...createExecutable(plan, memory, runSync), integers };
}
