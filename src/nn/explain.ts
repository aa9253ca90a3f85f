/** What the compiler makes of one cell (its graph, gradient and plans), as data and as text: `unrolled explain`. */

import { checkMemory } from "../engines/memory-limit.ts";
import { defaultTarget } from "../engines/registry.ts";
import { grad } from "../grad/grad.ts";
import { addCell, type Cell } from "../graph/cell.ts";
import { createBuilder, type Graph } from "../graph/graph.ts";
import { printGraph } from "../graph/print.ts";
import { evaluateSize } from "../graph/sizes.ts";
import { factsOf, type PlanFacts } from "../schedule/facts.ts";
import type { Plan } from "../schedule/plan.ts";
import { printPlan } from "../schedule/print.ts";
import { schedule } from "../schedule/schedule.ts";
import { countParameters } from "./model.ts";

/** Features of a state and of the input, examples, time steps. */
export type ExplainOptions = {
  readonly units: number;
  readonly input: number;
  readonly batch: number;
  readonly steps: number;
};

/** Counts and names, for the plan without the gradient. */
export type CompiledFacts = PlanFacts & {
  readonly name: string;
  readonly states: readonly string[];
  readonly stateShapes: readonly (readonly number[])[];
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
};

/** Every stage of one cell's compilation. */
export type Explanation = {
  readonly facts: CompiledFacts;
  /** Number of trainable values. */
  readonly parameters: number;
  /** One time step. */
  readonly forward: Graph;
  /** One time step with its backward step. */
  readonly both: Graph;
  readonly inference: Plan;
  readonly training: Plan;
};

/**
 * Compile a cell for the given sizes, with and without its gradient.
 * @throws InputError for sizes that do not fit in memory
 */
export function explainCell(name: string, cell: Cell, { units, input, batch, steps }: ExplainOptions): Explanation {
  const g = createBuilder();
  const [x] = cell.inputs as readonly [string];
  const { output } = addCell(g, cell, { layer: "", units, inputs: { [x]: g.input(x, input) } });
  const forward = g.graph({ output });
  const parameters = countParameters(forward);
  checkMemory(8 * parameters, "a gradient of this cell");
  const both = grad(forward, "output");
  const inference = schedule(forward, { target: defaultTarget, steps, batch, keep: ["output"] });
  const training = schedule(both, { target: defaultTarget, steps, batch, keep: ["output"] });
  const numbers = new Map([
    ["units", units],
    [x, input],
  ]);
  const facts = {
    name,
    states: cell.states,
    stateShapes: cell.stateShapes.map((shape) => shape.map((size) => evaluateSize(size, numbers))),
    parameters: forward.parameters.map(({ name: parameter, shape }) => ({ name: parameter, shape })),
    ...factsOf(inference),
  };
  return { facts, parameters, forward, both, inference, training };
}

/** The explanation as text. */
export function printExplanation(
  cell: Cell,
  { facts, parameters, both, training }: Explanation,
  { units, input, batch, steps }: ExplainOptions,
): string {
  const states = facts.states.map((state, k) => `${state} ${facts.stateShapes[k]?.join("x")}`).join(", ");
  const number = (n: number): string => Math.round(n).toLocaleString("en-US");
  const list = (names: readonly string[]): string => (names.length === 0 ? "nothing" : names.join(" "));
  return [
    `${facts.name}: ${units} units, input ${input}, ${number(parameters)} parameters`,
    ...(states === "" ? [] : [`states: ${states}`]),
    "",
    "Equations",
    indent(cell.source),
    "",
    "Graph of one time step, and its gradient",
    indent(printGraph(both)),
    "",
    `Plan for ${steps} time steps of ${batch} examples`,
    indent(printPlan(training)),
    "",
    "What compiling did (forward)",
    `  hoisted out of the time loop   ${list(facts.hoisted)}`,
    `  merged into one product        ${facts.merged.map((names) => `[${names.join(" ")}]`).join(" ") || "nothing"}`,
    `  fused passes in the time loop  ${facts.fused}`,
    `  multiply-adds a step           ${number(facts.multiplyAdds)} forward, ${number(factsOf(training).multiplyAdds)} with the gradient`,
    `  memory                         ${number(facts.bytes)} bytes forward, ${number(training.bytes)} with the gradient`,
  ].join("\n");
}

const indent = (text: string): string =>
  text
    .split("\n")
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
