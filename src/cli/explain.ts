/** `unrolled explain`: show the equations of a cell and what the compiler makes of them. */
import { cells } from "../cells/index.ts";
import type { Isa } from "../engines/native/assembler.ts";
import { assemblyOf, conventions, isas } from "../engines/native/assembly.ts";
import { printListing } from "../engines/native/listing.ts";
import { target } from "../engines/webgpu/target.ts";
import type { Cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { texOf } from "../graph/tex.ts";
import { type ExplainOptions, type Explanation, explainCell, printExplanation } from "../nn/explain.ts";
import { dense, embedding, recurrent } from "../nn/layers.ts";
import { sequential } from "../nn/model.ts";
import { adam } from "../train/optimizers.ts";
import { trainingPlan } from "../train/training-plan.ts";
import { inFile, readCell } from "./cell-argument.ts";
import type { Command, Given } from "./options.ts";
import { printable, writeJson } from "./output.ts";

export const explain: Command = {
  name: "explain",
  usage: "explain CELL [options]",
  summary: "show a cell's equations, graph, gradient and plan",
  details: "CELL is a file of equations or a built-in cell; unrolled cells lists them.",
  examples: [
    "explain lstm",
    "explain my-cell.txt --units 64 --json",
    "explain gru --asm --batch 1",
    "explain lstm --engine webgpu",
  ],
  arguments: [1, 1],
  options: {
    tex: { help: "print the equations in TeX" },
    units: { value: "N", help: "size of a state [128]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
    input: { value: "N", help: "size of the input [64]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
    batch: { value: "N", help: "examples [32]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
    steps: { value: "N", help: "time steps [64]", number: { whole: true, min: 1, max: 2 ** 31 - 1 } },
    asm: { help: "print its machine code, on any processor" },
    "instruction-set": { value: "NAME", help: `of --asm [${isas[0]}]`, choices: isas },
    gradient: { help: "with --asm: the backward loop too" },
    whole: { help: "with --asm: all of it, for the GNU assembler" },
    engine: { value: "NAME", help: "print an update on a graphics card", choices: ["webgpu"] },
  },
  async run(given) {
    const [argument] = given.positionals as readonly [string];
    const read = readCell(argument);
    const cell = typeof read === "string" ? (cells[read] as Cell) : read;
    const tex = given.flag("tex") ? { tex: texOf(cell) } : {};
    if (tex.tex !== undefined && !given.flag("json")) {
      if (given.flag("asm"))
        throw new InputError("--asm and --tex: one of them is printed. Leave one out, or add --json.");
      process.stdout.write(`${tex.tex}\n`);
      return;
    }
    const sizes = {
      units: given.number("units") ?? 128,
      input: given.number("input") ?? 64,
      batch: given.number("batch") ?? 32,
      steps: given.number("steps") ?? 64,
    };
    const asm = given.flag("asm");
    const onCard = given.text("engine") !== undefined;
    if (asm && onCard) throw new InputError("--asm and --engine webgpu: one of them is printed. Leave one out.");
    const alone = ["instruction-set", "gradient", "whole"].find((name) => given.text(name) ?? given.flag(name));
    if (alone !== undefined && !asm) throw new InputError(`--${alone} goes with --asm, which is missing.`);
    if (onCard) {
      await writeDispatches(given, argument, cell, sizes, tex);
      return;
    }
    const explanation = inFile(argument, () => explainCell(argument, cell, sizes));
    if (asm) writeAssembly(given, explanation, sizes, tex);
    else if (given.flag("json")) writeJson({ ...explanation.facts, ...tex });
    else process.stdout.write(`${printable(printExplanation(cell, explanation, sizes))}\n`);
  },
};

/** The dispatches of an update of a small language model with the cell, as `train` makes one. */
async function writeDispatches(
  given: Given,
  name: string,
  cell: Cell,
  { units, input, batch, steps }: ExplainOptions,
  more: object,
): Promise<void> {
  const { dispatchFacts, printDispatches } = await import("../engines/webgpu/explain.ts");
  const plan = inFile(name, () => {
    const layers = [embedding(input, input), recurrent(cell, { units, returnSequences: true }), dense(input)];
    const options = { batch, steps, optimizer: adam(), clipNorm: 1 };
    return trainingPlan(sequential(layers), options, target);
  });
  const facts = dispatchFacts(plan);
  if (given.flag("json")) {
    writeJson({ name, ...facts, ...more });
    return;
  }
  const title = `${name}: ${units} units, behind an embedding of ${input} tokens and before a dense layer; ${steps} steps of ${batch} examples; Adam, clipped`;
  process.stdout.write(`${printable(`${title}\n${printDispatches(facts)}`)}\n`);
}

function writeAssembly(given: Given, explanation: Explanation, sizes: ExplainOptions, more: object): void {
  const instructionSet = (given.text("instruction-set") ?? isas[0]) as Isa;
  const { facts, both, forward } = explanation;
  const { steps, batch, units, input } = sizes;
  const { code, lines } = assemblyOf(
    given.flag("gradient") ? both : forward,
    { steps, batch, keep: ["output"] },
    instructionSet,
  );
  if (given.flag("json")) {
    writeJson({ ...facts, ...more, assembly: { instructionSet, bytes: code.length, lines } });
    return;
  }
  const title = `${facts.name}: ${units} units, input ${input}, ${steps} steps of ${batch} examples; ${instructionSet}, ${code.length} bytes`;
  const top = [title, ...conventions].map((line) => `# ${line}`).join("\n");
  process.stdout.write(`${printable(`${top}\n${printListing(lines, { short: !given.flag("whole") })}`)}`);
}
