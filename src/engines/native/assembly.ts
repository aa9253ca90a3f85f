/** The machine code of a graph as text, for any instructions: nothing of it is run. Knows nothing about files or terminals. */
import type { Graph } from "../../graph/graph.ts";
import type { Plan } from "../../schedule/plan.ts";
import { schedule } from "../../schedule/schedule.ts";
import type { Isa } from "./assembler.ts";
import { type Line, Listing } from "./listing.ts";
import { emit } from "./program.ts";
import { targetFor } from "./target.ts";

/** The instructions that there is machine code for, the best first. */
export const isas: readonly Isa[] = ["avx512", "avx2"];

export type Assembly = {
  readonly plan: Plan;
  /** The code, with its constants behind it. */
  readonly code: Uint8Array<ArrayBuffer>;
  readonly lines: readonly Line[];
};

/** What one thread runs of a graph with these sizes, with fused multiply-add. `keep`: outputs that can be read. */
export function assemblyOf(
  graph: Graph,
  sizes: { readonly steps: number; readonly batch: number; readonly keep: readonly string[] },
  isa: Isa,
): Assembly {
  const plan = schedule(graph, { target: targetFor(isa, "native"), ...sizes });
  const listing = new Listing();
  const { code } = emit(plan, isa, { fma: true }, 1, listing);
  return { plan, code, lines: listing.lines };
}

/** What a reader has to know first, as lines of comment. */
export const conventions: readonly string[] = [
  "r15 points to the memory of the program; behind a number that is read there stands what lies there, by its name in the plan.",
  "A function that is called for a pass gets the step, the first row and the row to stop at on the stack; a tile gets the",
  "places of A, of B's panel and of C in rax, rdx and rcx. rbx of `run` is 1 where parameters have changed.",
];
