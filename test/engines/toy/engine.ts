/**
 * An engine as somebody else would add one: the reference in f32, with vectors of 16 numbers, rows apart, bytes of its own
 * at the start, and a memory that is not this thread's: what is read of it is a copy, which `run` and `fetch` bring up to date.
 */
import type { Engine, Executable } from "../../../src/engines/engine.ts";
import { checkMemory } from "../../../src/engines/memory-limit.ts";
import { createExecutable } from "../../../src/engines/reference/engine.ts";
import { advanceStates, runPlan } from "../../../src/engines/reference/run.ts";
import type { Plan } from "../../../src/schedule/plan.ts";
import type { Target } from "../../../src/schedule/target.ts";

const target: Target = {
  name: "toy",
  vectorWidth: 16,
  alignment: 256,
  rowStride: { of: 64, more: 48 },
  reservedBytes: 1024,
  tailBytes: 128,
  memoryBytes: 2 ** 30,
  memory: "device",
};

export const toy: Engine = {
  name: "toy",
  target,
  async load(plan) {
    checkMemory(plan.bytes, "the program", target);
    return loaded(plan);
  },
};

/** What a run leaves readable: outputs, totals and states; the rest is read after `fetch`. */
function loaded(plan: Plan): Executable {
  const [device, host] = [new Float32Array(plan.bytes / 4), new Float32Array(plan.bytes / 4)];
  // What lies in the host's copy since it was last brought up to date: numbers that others have written there.
  const before = new Float32Array(plan.bytes / 4);
  const sent = (): void => {
    host.forEach((value, k) => {
      if (!Object.is(value, before[k])) device[k] = value;
    });
    before.set(host);
  };
  const bring = (offset: number, numbers: number): void => {
    const part = device.subarray(offset / 4, offset / 4 + numbers);
    host.set(part, offset / 4);
    before.set(part, offset / 4);
  };
  const runSync = (section?: number): void => {
    sent();
    runPlan(plan, device, section);
    for (const { offset, rowBytes, rows } of Object.values(plan.outputs)) bring(offset, (rows * rowBytes) / 4);
    for (const offset of Object.values(plan.totals)) bring(offset, 1);
    for (const { offset, last, rowBytes, rows } of Object.values(plan.states)) {
      for (const at of [offset, last]) bring(at, (rows * rowBytes) / 4);
    }
  };
  return {
    ...createExecutable(plan, host, runSync),
    advanceStates() {
      for (const memory of [device, host, before]) advanceStates(plan, memory);
    },
    fetch: async () => bring(0, plan.bytes / 4),
  };
}
