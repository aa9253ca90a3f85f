/** The target of the engine "wasm". */
import { aligned as alignedFor, padded as paddedFor, type Target } from "../../schedule/target.ts";

export const target: Target = {
  name: "wasm",
  vectorWidth: 4,
  alignment: 64,
  // Rows 2 KiB apart cost the matrix product half of its speed: measured.
  rowStride: { of: 128, more: 16 },
  // Threads synchronise there: see `../threads/meeting.ts`.
  reservedBytes: 64,
  tailBytes: 64,
  memoryBytes: 2 ** 32,
  memory: "host",
};

export const padded = (numbers: number): number => paddedFor(target, numbers);
export const aligned = (bytes: number): number => alignedFor(target, bytes);
