/** How threads divide a time loop. Knows nothing about code. */
import type { Instruction, Section } from "../../schedule/plan.ts";

/** Weights that a thread can keep in its own caches from one time step to the next. */
const ownCacheBytes = 768 * 1024;

/**
 * Whether, in a time loop, each thread has examples of its own, so that none waits for another. False if there are too few
 * examples, or if each thread would read large weights for a few examples at every step: threads then divide the columns of
 * the products, and wait for each other after every instruction.
 */
export function loopsByExamples({ instructions, batch }: Section, threads: number): boolean {
  const weights = (instruction: Instruction): number =>
    instruction.kind === "product" ? (instruction.precision === "int8" ? 1 : 4) * instruction.k * instruction.n : 0;
  const largest = Math.max(
    0,
    ...instructions.map((one) => (one.kind === "loop" ? one.body.reduce((sum, inner) => sum + weights(inner), 0) : 0)),
  );
  return batch >= 2 * threads && (largest <= ownCacheBytes || batch >= 48 * threads);
}
