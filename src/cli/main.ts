#!/usr/bin/env node
/** The command line: find the command and run it. */
import { readFileSync } from "node:fs";
import { InputError } from "../graph/input-error.ts";
import { didYouMean } from "../graph/vocabulary.ts";
import { bench } from "./bench.ts";
import { listCells } from "./cells.ts";
import { classify } from "./classify.ts";
import { detect } from "./detect.ts";
import { evaluate } from "./evaluate.ts";
import { explain } from "./explain.ts";
import { exportModel } from "./export.ts";
import { forecast } from "./forecast.ts";
import { generate } from "./generate.ts";
import { inspect } from "./inspect.ts";
import { alignRows, type Command, common, optionRows } from "./options.ts";
import { runCommand, runProcess } from "./run.ts";
import { serve } from "./serve.ts";
import { studio } from "./studio.ts";
import { train } from "./train.ts";
import { trajectories } from "./trajectories.ts";

const commands: readonly Command[] = [
  train,
  generate,
  evaluate,
  forecast,
  classify,
  detect,
  inspect,
  exportModel,
  trajectories,
  studio,
  serve,
  explain,
  listCells,
  bench,
];

const overview = `unrolled: recurrent networks from their equations

Usage: unrolled COMMAND [arguments] [options]

Commands:
${alignRows(commands.map(({ name, summary }) => [name, summary]))}

Options of every command:
${optionRows(common)}

unrolled COMMAND --help says more, unrolled --version which one this is.
Exit code: 0 done, 2 wrong usage or input, 1 a fault of the program.`;

async function main([name, ...rest]: readonly string[]): Promise<void> {
  if (name === "--version") {
    const file = new URL("../../package.json", import.meta.url);
    process.stdout.write(`${JSON.parse(readFileSync(file, "utf8")).version}\n`);
    return;
  }
  const asked = name === "help" ? rest[0] : name;
  if (asked === undefined || asked === "--help" || asked === "-h") {
    if (name === undefined) throw new InputError("no command was given. See unrolled --help.");
    process.stdout.write(`${overview}\n`);
    return;
  }
  const command = commands.find((one) => one.name === asked);
  if (command === undefined) {
    const names = commands.map((one) => one.name);
    const hint = didYouMean(asked, names).trim() || `The commands are ${names.join(", ")}.`;
    throw new InputError(
      asked.startsWith("-") ? `${asked}: give a command first. ${hint}` : `unknown command "${asked}". ${hint}`,
    );
  }
  await runCommand(command, name === "help" ? ["--help"] : rest);
}

await runProcess(() => main(process.argv.slice(2)));
