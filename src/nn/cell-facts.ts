/** What a cell costs at a size, and what compiling makes of its products. */
import { about } from "../cells/index.ts";
import { addCell, type Cell } from "../graph/cell.ts";
import { createBuilder } from "../graph/graph.ts";
import { checkMemory } from "../runtime/memory-limit.ts";
import { factsOf } from "../schedule/print.ts";
import { schedule } from "../schedule/schedule.ts";
import { countParameters } from "./model.ts";

export type CellFacts = {
  readonly name: string;
  /** Of its paper; null for a linear layer. */
  readonly year: number | null;
  readonly states: readonly string[];
  readonly parameters: number;
  /** Of one example and step, forward. */
  readonly multiplyAdds: number;
  /** Products of a matrix with a vector: those that stay in the time loop, and those that run for all steps at once. */
  readonly looped: number;
  readonly hoisted: number;
  readonly differs: string;
};
/** Features that come out, and of the input. */
export type CellSizes = { readonly units: number; readonly input: number };

/** @throws InputError for a size that memory cannot hold */
export function cellFacts(name: string, cell: Cell, { units, input }: CellSizes): CellFacts {
  const g = createBuilder();
  const { output } = addCell(g, cell, { layer: "", units, inputs: { x: g.input("x", input) } });
  const graph = g.graph({ output });
  const parameters = countParameters(graph);
  checkMemory(4 * parameters, `the cell ${name}`);
  // One step has no loop; of two or more it makes no difference.
  const { hoisted, multiplyAdds } = factsOf(schedule(graph, { steps: 2, batch: 1, keep: ["output"] }));
  const products = graph.nodes.filter(({ op }) => op === "matmul").length;
  const { year = null, differs = "" } = about[name] ?? {};
  const counts = { multiplyAdds, looped: products - hoisted.length, hoisted: hoisted.length };
  return { name, year, states: cell.states, parameters, ...counts, differs };
}
