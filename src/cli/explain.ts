/** `unrolled explain`: what a cell says, and what compiling made of it. */
import { cells } from "../cells/index.ts";
import { grad } from "../grad/grad.ts";
import { addCell, type Cell } from "../graph/cell.ts";
import { createBuilder } from "../graph/graph.ts";
import { printGraph } from "../graph/print.ts";
import { evaluateSize } from "../graph/sizes.ts";
import { texOf } from "../graph/tex.ts";
import { countParameters } from "../nn/model.ts";
import { checkMemory } from "../runtime/memory-limit.ts";
import { factsOf, printPlan } from "../schedule/print.ts";
import { schedule } from "../schedule/schedule.ts";
import { readCell } from "./cell-argument.ts";
import type { Command } from "./options.ts";
import { formatCount, printable, writeJson } from "./output.ts";

export type ExplainOptions = { units: number; input: number; batch: number; steps: number };

export const explain: Command = {
  name: "explain",
  usage: "explain CELL [options]",
  summary: "a cell's equations, graph, gradient and plan",
  details: "CELL is a file of equations or a built-in cell; unrolled cells lists them.",
  examples: ["explain lstm", "explain my-cell.txt --units 64 --json"],
  arguments: [1, 1],
  options: {
    tex: { help: "the equations in TeX" },
    units: { value: "N", help: "features of a state [128]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
    input: { value: "N", help: "features of the input [64]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
    batch: { value: "N", help: "examples [32]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
    steps: { value: "N", help: "time steps [64]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
  },
  async run(given) {
    const [argument] = given.positionals as readonly [string];
    const read = readCell(argument);
    const cell = typeof read === "string" ? (cells[read] as Cell) : read;
    const tex = given.flag("tex") ? { tex: texOf(cell) } : {};
    if (tex.tex !== undefined && !given.flag("json")) {
      process.stdout.write(`${tex.tex}\n`);
      return;
    }
    const sizes = {
      units: given.number("units") ?? 128,
      input: given.number("input") ?? 64,
      batch: given.number("batch") ?? 32,
      steps: given.number("steps") ?? 64,
    };
    const { text, facts } = explainCell(argument, cell, sizes);
    if (given.flag("json")) writeJson({ ...facts, ...tex });
    else process.stdout.write(`${printable(text)}\n`);
  },
};

/** The whole way of one cell, as text and as data. */
export function explainCell(name: string, cell: Cell, { units, input, batch, steps }: ExplainOptions) {
  const g = createBuilder();
  const [x] = cell.inputs as readonly [string];
  const { output } = addCell(g, cell, { layer: "", units, inputs: { [x]: g.input(x, input) } });
  const forward = g.graph({ output });
  const count = countParameters(forward);
  checkMemory(8 * count, "a gradient of this cell");
  const both = grad(forward, "output");
  const inference = schedule(forward, { steps, batch, keep: ["output"] });
  const training = schedule(both, { steps, batch, keep: ["output"] });
  const facts = factsOf(inference);
  const numbers = new Map([
    ["units", units],
    [x, input],
  ]);
  const stateShapes = cell.stateShapes.map((shape) => shape.map((size) => evaluateSize(size, numbers)));
  const states = cell.states.map((state, k) => `${state} ${stateShapes[k]?.join("x")}`).join(", ");
  const parameters = forward.parameters.map(({ name: parameter, shape }) => ({ name: parameter, shape }));
  const number = (n: number): string => formatCount(Math.round(n));
  const list = (names: readonly string[]): string => (names.length === 0 ? "nothing" : names.join(" "));
  const text = [
    `${name}: ${units} units, input ${input}, ${number(count)} parameters`,
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
    `  packed into one product        ${facts.packed.map((names) => `[${names.join(" ")}]`).join(" ") || "nothing"}`,
    `  fused passes in the time loop  ${facts.fused}`,
    `  multiply-adds a step           ${number(facts.multiplyAdds)} forward, ${number(factsOf(training).multiplyAdds)} with the gradient`,
    `  memory                         ${number(facts.bytes)} bytes forward, ${number(training.bytes)} with the gradient`,
  ].join("\n");
  return { text, facts: { name, states: cell.states, stateShapes, parameters, ...facts } };
}

const indent = (text: string): string =>
  text
    .split("\n")
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
