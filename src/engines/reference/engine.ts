/** The engine "reference": runs plans in f64, in plain loops. It is slow and obvious; other engines are compared with it. */
import type { Plan } from "../../schedule/plan.ts";
import type { Target } from "../../schedule/target.ts";
import type { Engine, Executable, Numbers } from "../engine.ts";
import { allocateMemory, checkMemory } from "../memory-limit.ts";
import { advanceStates, runPlan } from "./run.ts";

const target: Target = {
  name: "reference",
  vectorWidth: 1,
  alignment: 4,
  rowStride: { of: 128, more: 0 },
  reservedBytes: 0,
  tailBytes: 0,
  memoryBytes: 2 ** 32,
  int8: true,
  memory: "host",
  bf16: true,
};

/** Slow, in f64. */
export const reference: Engine = {
  name: target.name,
  target,
  async load(plan) {
    checkMemory(plan.bytes, "the program", target);
    const numbers = Math.ceil(plan.bytes / 4);
    return createExecutable(
      plan,
      allocateMemory(8 * numbers, () => new Float64Array(numbers)),
    );
  },
};

/**
 * A plan of any target, ready to run on `memory`, which has a number for each 4 bytes of the plan. `runSync` runs all its
 * sections once, or one of them; by default in plain loops.
 */
export function createExecutable(
  plan: Plan,
  memory: Numbers,
  runSync = (section?: number) => runPlan(plan, memory, section),
): Executable {
  const at = (address: number, count: number): Numbers => memory.subarray(address / 4, address / 4 + count);
  return {
    threads: 1,
    bytes: memory.byteLength,
    numbers: at,
    integers: at,
    run: async (_, section) => runSync(section),
    runSync: () => runSync(),
    advanceStates: () => advanceStates(plan, memory),
    fetch: async () => {},
    dispose() {},
  };
}
