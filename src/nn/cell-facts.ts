/** What a built-in cell is and costs at a size, and what compiling makes of its products. */
import { about, cells } from "../cells/index.ts";
import { checkMemory } from "../engines/memory-limit.ts";
import { defaultTarget } from "../engines/registry.ts";
import { addCell, type Cell } from "../graph/cell.ts";
import { createBuilder } from "../graph/graph.ts";
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
  /**
   * Products of a matrix with a vector, by the matrix: those that stay in the time loop, and those that run for all steps
   * at once. The matrix of a concatenation may be in both.
   */
  readonly looped: readonly string[];
  readonly hoisted: readonly string[];
  /** What it changes in the plainer one that it is made from. */
  readonly differs: string;
};

/** Features that come out, and of the input. */
export type CellSizes = { readonly units: number; readonly input: number };

/**
 * Facts of a built-in cell by its name, with so many units and features of the input.
 * @throws InputError for sizes beyond memory
 */
export function cellFacts(name: string, { units, input }: CellSizes): CellFacts {
  const g = createBuilder();
  const cell = cells[name] as Cell;
  const { output } = addCell(g, cell, { layer: "", units, inputs: { x: g.input("x", input) } });
  const graph = g.graph({ output });
  const parameters = countParameters(graph);
  checkMemory(4 * parameters, `the cell ${name}`);
  // One step has no loop; of two or more it makes no difference.
  const { hoisted, multiplyAdds } = factsOf(
    schedule(graph, { target: defaultTarget, steps: 2, batch: 1, keep: ["output"] }),
  );
  const looped = graph.nodes.flatMap((node) => (node.op === "matmul" ? [node.view.parameter] : []));
  for (const matrix of hoisted) looped.splice(looped.indexOf(matrix), 1);
  const { year = null, differs = "" } = about[name] ?? {};
  return { name, year, states: cell.states, parameters, multiplyAdds, looped, hoisted, differs };
}
