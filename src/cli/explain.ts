/** `unrolled explain`: show the equations of a cell and what the compiler makes of them. */
import { cells } from "../cells/index.ts";
import type { Cell } from "../graph/cell.ts";
import { texOf } from "../graph/tex.ts";
import { explainCell, printExplanation } from "../nn/explain.ts";
import { inFile, readCell } from "./cell-argument.ts";
import type { Command } from "./options.ts";
import { printable, writeJson } from "./output.ts";

export const explain: Command = {
  name: "explain",
  usage: "explain CELL [options]",
  summary: "show a cell's equations, graph, gradient and plan",
  details: "CELL is a file of equations or a built-in cell; unrolled cells lists them.",
  examples: ["explain lstm", "explain my-cell.txt --units 64 --json"],
  arguments: [1, 1],
  options: {
    tex: { help: "print the equations in TeX" },
    units: { value: "N", help: "size of a state [128]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
    input: { value: "N", help: "size of the input [64]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
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
    const explanation = inFile(argument, () => explainCell(argument, cell, sizes));
    if (given.flag("json")) writeJson({ ...explanation.facts, ...tex });
    else process.stdout.write(`${printable(printExplanation(cell, explanation, sizes))}\n`);
  },
};
