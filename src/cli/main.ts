#!/usr/bin/env node
/** The command line: finds the command, and turns what goes wrong into one line and an exit code. */
import { EquationError } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { evaluate } from "./evaluate.ts";
import { explain } from "./explain.ts";
import { generate } from "./generate.ts";
import { type Command, helpOf, nearest, parse } from "./options.ts";
import { train } from "./train.ts";

const commands: readonly Command[] = [train, generate, evaluate, explain];

const overview = `unrolled: recurrent networks from their equations

${commands.map((command) => `  unrolled ${command.name.padEnd(10)} ${command.help}`).join("\n")}

  unrolled COMMAND --help says more. Every command takes --json.
  Exit: 0 done, 2 wrong usage or input, 1 a fault of the program.`;

async function main(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(`${overview}\n`);
    if (name === undefined) process.exitCode = 2;
    return;
  }
  const command = commands.find((one) => one.name === name);
  if (command === undefined) {
    const near = nearest(
      name,
      commands.map((one) => one.name),
    );
    const hint =
      near === undefined ? `There are ${commands.map((one) => one.name).join(", ")}.` : `Did you mean ${near}?`;
    throw new InputError(`unknown command "${name}". ${hint}`);
  }
  const given = parse(command, rest);
  if (given.flag("help")) process.stdout.write(`${helpOf(command)}\n`);
  else await command.run(given);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const users = error instanceof InputError || error instanceof EquationError;
  const message = users ? error.message : `internal: ${error instanceof Error ? error.message : String(error)}`;
  const text = message.replace(/^internal: internal: /, "internal: ");
  const json = process.argv.includes("--json");
  process.stderr.write(json ? `${JSON.stringify({ error: text })}\n` : `unrolled: ${text}\n`);
  if (!users && process.env.UNROLLED_DEBUG !== undefined) process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = users ? 2 : 1;
}
