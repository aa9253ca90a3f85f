/** What a plan for machine code must be like, by the instructions that there are. */
import type { Target } from "../../schedule/target.ts";
import type { Isa } from "./assembler.ts";

export const targetFor = (isa: Isa, name: string, bf16: Target["bf16"] = undefined): Target => ({
  name,
  vectorWidth: isa === "avx512" ? 16 : 8,
  alignment: 64,
  // Rows 2 KiB apart meet in the same sets of the first cache.
  rowStride: { of: 128, more: 16 },
  // Threads synchronise there: see `../threads/meeting.ts`.
  reservedBytes: 64,
  tailBytes: 64,
  // What an ArrayBuffer may have; the machine gives less.
  memoryBytes: 2 ** 44,
  int8: true,
  memory: "host",
  ...(bf16 && { bf16 }),
});
