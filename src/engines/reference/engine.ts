/** Plans in f64, in plain loops: slow and obvious, for numbers to compare with. */
import type { Plan } from "../../schedule/plan.ts";
import type { Target } from "../../schedule/target.ts";
import type { Engine, Executable, Numbers } from "../engine.ts";
import { checkMemory } from "../memory-limit.ts";
import { runPlan } from "./run.ts";

const target: Target = {
  name: "reference",
  vectorWidth: 1,
  alignment: 4,
  rowStride: { of: 128, more: 0 },
  reservedBytes: 0,
  tailBytes: 0,
  memoryBytes: 2 ** 32,
  memory: "host",
};

export const reference: Engine = {
  name: target.name,
  target,
  async load(plan) {
    checkMemory(plan.bytes, "the program", target);
    return createExecutable(plan, new Float64Array(Math.ceil(plan.bytes / 4)));
  },
};

/** A plan of any target on a memory with a number for each 4 bytes. */
export function createExecutable(plan: Plan, memory: Numbers): Executable {
  const at = (address: number, count: number): Numbers => memory.subarray(address / 4, address / 4 + count);
  const runSync = (): void => runPlan(plan, memory);
  return {
    threads: 1,
    bytes: memory.byteLength,
    numbers: at,
    integers: at,
    run: async () => runSync(),
    runSync,
    advanceStates() {
      for (const { offset, last, rows, rowBytes } of Object.values(plan.states)) {
        memory.copyWithin(offset / 4, last / 4, (last + rows * rowBytes) / 4);
      }
    },
    fetch: async () => {},
    dispose() {},
  };
}
