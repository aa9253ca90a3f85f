/** The target of the engine "webgpu". */
import type { Target } from "../../schedule/target.ts";

/**
 * Numbers stand alone: neighbours are read by neighbouring invocations, so no row is padded. Addresses within a buffer are those of the plan.
 * `memoryBytes`: what an adapter allows, which is known once there is one.
 */
export const targetFor = (memoryBytes: number): Target => ({
  name: "webgpu",
  vectorWidth: 1,
  alignment: 16,
  rowStride: { of: 128, more: 0 },
  reservedBytes: 0,
  tailBytes: 0,
  memoryBytes,
  memory: "device",
  bf16: "has no products of bf16",
});
