/**
 * `unrolled cells`: list the built-in cells, with the cost of each at a size and the matrix products that the compiler
 * hoists.
 */
import { cells } from "../cells/index.ts";
import { type CellFacts, cellFacts } from "../nn/cell-facts.ts";
import type { Command } from "./options.ts";
import { formatCount, printable, styled, writeJson } from "./output.ts";

type Sizes = { readonly units: number; readonly input: number };

const size = { whole: true, min: 1, max: 2 ** 31 - 1 } as const;

export const listCells: Command = {
  name: "cells",
  usage: "cells [options]",
  summary: "list the built-in cells, their costs and differences",
  details:
    "A product of a matrix and a vector stays in the time loop if it depends on the\n" +
    "previous step. All other products are hoisted: they run for all steps at once.",
  examples: ["cells", "cells --units 512 --input 128 --json"],
  arguments: [0, 0],
  options: {
    units: { value: "N", help: "units (size of a state) [128]", number: size },
    input: { value: "N", help: "size of the input [64]", number: size },
  },
  async run(given) {
    const sizes = { units: given.number("units") ?? 128, input: given.number("input") ?? 64 };
    const facts = Object.keys(cells).map((name) => cellFacts(name, sizes));
    if (given.flag("json")) facts.map(counted).forEach(writeJson);
    else process.stdout.write(`${printable(tableOf(facts, sizes, (text) => styled(text, "dim", process.stdout)))}\n`);
  },
};

/** The line of JSON has only the number of products. */
const counted = ({ looped, hoisted, differs, ...facts }: CellFacts) => ({
  ...facts,
  ...{ looped: looped.length, hoisted: hoisted.length, differs },
});

/** Two lines for each cell, for 80 columns: its numbers, then how it differs from other cells. */
function tableOf(facts: readonly CellFacts[], { units, input }: Sizes, dim: (text: string) => string): string {
  const head = ["cell", "year", "states", "parameters", "multiply-adds", "loop", "hoisted"];
  const rows = facts
    .map(counted)
    .map((one) => [
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
