/** Tells garbage collectors how much shared memory there is. */
import { tell } from "./pool.ts";

/**
 * Garbage collectors do not count the bytes of shared memory, so they would never collect what is dropped. Therefore, when
 * shared memory is allocated, given to a worker or dropped, we allocate and drop as many bytes of ordinary memory: these are
 * counted, and cost nothing, because nobody touches them. We do so once this many bytes have come together.
 */
const worthWeighing = 2 ** 24;
let unweighed = 0;

/** Tell the garbage collectors of all threads about so many bytes of shared memory. */
export function weigh(bytes: number): void {
  unweighed += bytes;
  if (unweighed < worthWeighing) return;
  const initial = Math.min(unweighed / 65536, 65536);
  tell({ kind: "weigh", initial });
  try {
    new WebAssembly.Memory({ initial });
  } catch {
    // If there is no memory for it, the collector has just run.
  }
  unweighed = 0;
}
