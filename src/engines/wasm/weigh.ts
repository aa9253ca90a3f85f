/** Shared memory that garbage collectors hear of. */
import { tell } from "./pool.ts";

/**
 * Garbage collectors do not know what shared memory weighs: what is dropped would stay for ever. So as many bytes that
 * they do know of, of memory that is never touched and costs nothing, are made and dropped where shared memory is made,
 * given to a worker or dropped. Little by little is not worth it.
 */
const worthWeighing = 2 ** 24;
let unweighed = 0;

/** Have the collectors of all threads know of so many bytes of shared memory. */
export function weigh(bytes: number): void {
  unweighed += bytes;
  if (unweighed < worthWeighing) return;
  const initial = Math.min(unweighed / 65536, 65536);
  tell({ kind: "weigh", initial });
  try {
    new WebAssembly.Memory({ initial });
  } catch {
    // Where even that cannot be had the collector was at work just now.
  }
  unweighed = 0;
}
