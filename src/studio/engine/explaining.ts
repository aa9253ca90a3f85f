/** What the compiler makes of a cell: what the Lab shows beside its editor. */
import type { Graph } from "../../graph/graph.ts";
import { printGraph } from "../../graph/print.ts";
import { texOf } from "../../graph/tex.ts";
import { type CellFacts, type ExplainOptions, explainCell } from "../../nn/explain.ts";
import { factsOf, printPlan } from "../../schedule/print.ts";
import { type CellSource, cellOf } from "./learning.ts";

/** A cell, compiled: its step as a graph, and what the plans of prediction and of training are. */
export type CompiledCell = {
  readonly tex: string;
  readonly facts: CellFacts;
  readonly parameters: number;
  readonly forward: Graph;
  readonly forwardText: string;
  /** Of the graph, nodes of the backward step. */
  readonly backward: number;
  /** Parameters that no gradient reaches: training leaves them as they are. */
  readonly untrained: readonly string[];
  readonly bothText: string;
  readonly plan: string;
  readonly trainingPlan: string;
  /** With the gradient, for one example and step. */
  readonly trainingMultiplyAdds: number;
  readonly trainingBytes: number;
};

export const explaining = {
  /** @throws EquationError for equations with a mistake, InputError for sizes that no memory holds */
  async explain(source: CellSource, sizes: ExplainOptions): Promise<CompiledCell> {
    const cell = cellOf(source);
    const { facts, parameters, forward, both, inference, training } = explainCell("", cell, sizes);
    return {
      tex: texOf(cell),
      ...{ facts, parameters, forward },
      forwardText: printGraph(forward),
      backward: both.nodes.length - both.forwardCount,
      untrained: untrained(both),
      bothText: printGraph(both),
      plan: printPlan(inference),
      trainingPlan: printPlan(training),
      trainingMultiplyAdds: factsOf(training).multiplyAdds,
      trainingBytes: training.bytes,
    };
  },
};

function untrained({ nodes, parameters, forwardCount }: Graph): string[] {
  const reached = new Set(
    nodes.slice(forwardCount).flatMap((node) => {
      if (node.op === "accumulate" || node.op === "scatter") return [node.parameter];
      return node.op === "outer" ? [node.view.parameter] : [];
    }),
  );
  return parameters.map(({ name }) => name).filter((name) => !reached.has(name));
}
