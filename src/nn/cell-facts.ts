/** Facts of a built-in cell at a size: its parameters and costs, and which products are hoisted out of the time loop. */
import { about, cells } from "../cells/index.ts";
import { checkMemory } from "../engines/memory-limit.ts";
import { defaultTarget } from "../engines/registry.ts";
import { addCell, type Cell } from "../graph/cell.ts";
import { createBuilder } from "../graph/graph.ts";
import { factsOf } from "../schedule/facts.ts";
import { schedule } from "../schedule/schedule.ts";
import { countParameters } from "./model.ts";

export type CellFacts = {
  readonly name: string;
  /** The year of its paper; null for a linear layer. */
  readonly year: number | null;
  readonly states: readonly string[];
  readonly parameters: number;
  /** Multiply-adds of the forward step, for one example and time step. */
  readonly multiplyAdds: number;
  /**
   * Names of the matrices whose products stay in the time loop (`looped`), and of those whose products run for all steps
   * at once (`hoisted`). A matrix that multiplies a concatenation may be in both.
   */
  readonly looped: readonly string[];
  readonly hoisted: readonly string[];
  /** How it differs from the simpler cell that it is derived from. */
  readonly differs: string;
};

/** `units`: features of the output; `input`: features of the input. */
export type CellSizes = { readonly units: number; readonly input: number };

/**
 * The facts of a built-in cell, by its name, for the given numbers of units and input features.
 * @throws InputError for sizes that do not fit in memory
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
