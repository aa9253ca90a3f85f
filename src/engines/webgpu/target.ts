/** The target of the engine "webgpu". */
import type { Target } from "../../schedule/target.ts";

/**
 * Numbers stand alone: neighbours are read by neighbouring invocations, so no row is padded. Addresses within a buffer are those of the
 * plan. As far as an address of 32 bits reaches, for plans that are looked at and not run.
 */
export const target: Target = {
  name: "webgpu",
  vectorWidth: 1,
  alignment: 16,
  rowStride: { of: 128, more: 0 },
  reservedBytes: 0,
  tailBytes: 0,
  memoryBytes: 2 ** 32 - 4,
  memory: "device",
  bf16: "has no products of bf16",
};

/** With the memory that an adapter allows, in bytes. */
export const targetFor = (memoryBytes: number): Target => ({ ...target, memoryBytes });
