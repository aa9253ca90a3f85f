/** `unrolled cells`: the built-in cells, what each costs at a size, and what compiling makes of its products. */
import { about, cells } from "../cells/index.ts";
import { addCell, type Cell } from "../graph/cell.ts";
import { createBuilder } from "../graph/graph.ts";
import { countParameters } from "../nn/model.ts";
import { checkMemory } from "../runtime/memory-limit.ts";
import { factsOf } from "../schedule/print.ts";
import { schedule } from "../schedule/schedule.ts";
import type { Command } from "./options.ts";
import { formatCount, printable, styled, writeJson } from "./output.ts";

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
type Sizes = { readonly units: number; readonly input: number };

const size = { whole: true, min: 1, max: 2 ** 31 - 1 } as const;

export const listCells: Command = {
  name: "cells",
  usage: "cells [options]",
  summary: "the built-in cells, what each costs and how it differs",
  details:
    "A product of a matrix with a vector stays in the time loop where it needs the\n" +
    "step before; every other is hoisted: it runs for all steps at once.",
  examples: ["cells", "cells --units 512 --input 128 --json"],
  arguments: [0, 0],
  options: {
    units: { value: "N", help: "features that come out [128]", number: size },
    input: { value: "N", help: "features of the input [64]", number: size },
  },
  async run(given) {
    const sizes = { units: given.number("units") ?? 128, input: given.number("input") ?? 64 };
    const facts = Object.entries(cells).map(([name, cell]) => cellFacts(name, cell, sizes));
    if (given.flag("json")) facts.forEach(writeJson);
    else process.stdout.write(`${printable(tableOf(facts, sizes, (text) => styled(text, "dim", process.stdout)))}\n`);
  },
};

export function cellFacts(name: string, cell: Cell, { units, input }: Sizes): CellFacts {
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

/** Two lines a cell, for 80 columns: its figures, then what differs. */
function tableOf(facts: readonly CellFacts[], { units, input }: Sizes, dim: (text: string) => string): string {
  const head = ["cell", "year", "states", "parameters", "multiply-adds", "loop", "hoisted"];
  const rows = facts.map((one) => [
    ...[one.name, `${one.year ?? ""}`, one.states.join(" ")],
    ...[one.parameters, one.multiplyAdds, one.looped, one.hoisted].map(formatCount),
  ]);
  const widths = head.map((_, k) => Math.max(...[head, ...rows].map((row) => (row[k] as string).length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, k) => (k < 3 ? cell.padEnd(widths[k] as number) : cell.padStart(widths[k] as number)))
      .join("  ")
      .trimEnd();
  return [
    `${formatCount(units)} units, input ${formatCount(input)}; multiply-adds of one example and step, forward;`,
    "products that stay in the time loop, and products hoisted out of it",
    "",
    line(head),
    ...facts.flatMap(({ differs }, k) => [line(rows[k] as string[]), dim(`  ${differs}`)]),
  ].join("\n");
}
