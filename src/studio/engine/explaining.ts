/** Parse and compile equations for the Lab: their error, or what the compiler makes of the cell. */
import { type Cell, cell, EquationError } from "../../graph/cell.ts";
import type { Graph, Parameter } from "../../graph/graph.ts";
import { InputError } from "../../graph/input-error.ts";
import { printGraph } from "../../graph/print.ts";
import { texOf } from "../../graph/tex.ts";
import { type CompiledFacts, type ExplainOptions, explainCell } from "../../nn/explain.ts";
import { initialize } from "../../nn/initializers.ts";
import { dense, embedding, recurrent } from "../../nn/layers.ts";
import { modelOf, nameLayers } from "../../nn/model.ts";
import { createRandom } from "../../nn/random.ts";
import { factsOf } from "../../schedule/facts.ts";
import { printPlan } from "../../schedule/print.ts";
import type { Job } from "./remote.ts";

/** The settings of a model that determine the sizes of its cell. */
export type Sizes = ExplainOptions & { readonly layers: number };

/** The message of an EquationError, and its position. */
export type EquationMistake = Pick<EquationError, "message" | "line" | "column">;

/** A compiled cell: the graph of its step, and the plans of prediction and training. */
export type CompiledCell = {
  /** The line of the first equation. */
  readonly firstLine: string;
  /** Comments of the equations, by name. */
  readonly descriptions: Readonly<Record<string, string>>;
  /** For each parameter, in the order of the facts, its initialiser, and whether it is a matrix. */
  readonly declared: readonly { readonly initializer: string; readonly matrix: boolean }[];
  readonly tex: string;
  readonly facts: CompiledFacts;
  readonly parameters: number;
  readonly forward: Graph;
  readonly forwardText: string;
  /** The number of nodes of the backward step in the graph. */
  readonly backward: number;
  /** Parameters without a gradient, which training does not change. */
  readonly untrained: readonly string[];
  readonly bothText: string;
  readonly plan: string;
  readonly trainingPlan: string;
  /** With the gradient, for one example and step. */
  readonly trainingMultiplyAdds: number;
  readonly trainingBytes: number;
};

export const explaining = {
  /**
   * Parse equations once. Yields their error; or first that they fit their sizes, and then the compiler's result, which
   * takes longer. @throws InputError for sizes that do not fit into memory
   */
  async *compile(
    equations: string,
    sizes: Sizes,
  ): Job<"fits", { readonly mistake: EquationMistake } | { readonly compiled: CompiledCell }> {
    let read: Cell;
    try {
      read = cell(equations);
      checkModel(read, sizes);
    } catch (error) {
      if (!(error instanceof EquationError)) throw error;
      const { message, line, column } = error;
      return { mistake: { message, line, column } };
    }
    yield "fits";
    return { compiled: compiledCell(read, sizes) };
  },
};

/**
 * Build a model as training does, but without values, so that everything training would refuse is an error here. The
 * first layer reads an embedding, each of the others the units of the previous one.
 * @throws EquationError
 */
function checkModel(cell: Cell, { units, input, layers }: Sizes): void {
  const stack = Array.from({ length: layers }, () => recurrent(cell, { units, label: "cell", returnSequences: true }));
  const { line, column } = cell.equations;
  let at = { line: line + 1, column: column + 1 };
  const small = (parameter: Parameter): Float32Array => {
    const own = cell.equations.initializers.find(({ name }) => parameter.name.endsWith(`cell.${name}`));
    if (own !== undefined) at = placeIn(cell, own.span.start);
    return initialize({ ...parameter, shape: parameter.shape.map(() => 1) }, createRandom(0));
  };
  try {
    modelOf(nameLayers([embedding(2, input), ...stack, dense(2)]), "tokens", small);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const [problem = ""] = error.message.split("\n");
    // If it is too large, that is not an error in the equations: compiling reports it.
    if (/bytes of memory/.test(problem)) return;
    const layer = Number(/\bcell_(\d+)/.exec(problem)?.[1] ?? 0);
    const sized = /^cell(_\d+)?[.:,]/.test(problem) && error instanceof EquationError;
    const features = layer === 0 ? input : units;
    const where = `${layers > 1 ? `Layer ${layer + 1}, with ` : "With "}${units} units and ${features} features of x: `;
    // The editor shows the place.
    const bare = problem.replace(/^cell.*?, line \d+, column \d+: /, "").replace(/\bcell(_\d+)?(\.|: )/g, "");
    const said = bare.replace("Leave units out, or give", "Set Units to");
    const { line, column } = error instanceof EquationError ? error : at;
    throw new EquationError(`${sized ? where : ""}${said}`, line, column);
  }
}

/** Line and column of a place in a cell's source, as those of an EquationError. */
function placeIn({ source, equations: { line, column } }: Cell, at: number): { line: number; column: number } {
  const before = source.slice(0, at).split("\n");
  return { line: line + before.length, column: column + [...(before.at(-1) ?? "")].length + 1 };
}

/** @throws InputError for sizes that do not fit into memory */
export function compiledCell(cell: Cell, sizes: ExplainOptions): CompiledCell {
  const { facts, parameters, forward, both, inference, training } = explainCell("", cell, sizes);
  const { source, equations, descriptions } = cell;
  return {
    firstLine: source.slice(equations.lines[0]?.span.start ?? 0).split("\n")[0] as string,
    descriptions,
    declared: cell.parameters.map(({ initializer, matrix }) => ({ initializer: initializer.name, matrix })),
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
}

function untrained({ nodes, parameters, forwardCount }: Graph): string[] {
  const reached = new Set(
    nodes.slice(forwardCount).flatMap((node) => {
      if (node.op === "accumulate" || node.op === "scatter") return [node.parameter];
      return node.op === "outer" ? [node.view.parameter] : [];
    }),
  );
  return parameters.map(({ name }) => name).filter((name) => !reached.has(name));
}
