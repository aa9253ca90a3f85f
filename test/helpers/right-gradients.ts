/** A training graph's gradients against central differences, and the wasm engine against the reference. */
import { expect } from "vitest";
import { interpret } from "../../src/engines/reference/interpret.ts";
import type { Graph, Steps } from "../../src/graph/graph.ts";
import { loadTraining, programError } from "./engines.ts";
import { gradientError } from "./gradients.ts";
import type { Values } from "./networks.ts";

/** Relative errors below 1e-6 and 1e-4; on one thread and on two. */
export async function expectRightGradients(
  graph: Graph,
  values: Values,
  sizes: { readonly steps: Steps; readonly batch: number },
): Promise<void> {
  expect(gradientError(graph, values, sizes)).toBeLessThan(1e-6);
  for (const threads of [1, 2]) {
    const program = await loadTraining(graph, sizes, values, { threads });
    await program.run();
    await program.run(); // A second run must not see what the first one left.
    const { error, where } = programError(program, graph, interpret(graph, { ...sizes, ...values }));
    expect(error, where).toBeLessThan(1e-4);
  }
}
