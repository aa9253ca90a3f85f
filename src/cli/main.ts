#!/usr/bin/env node
/** The command line: finds the command, and turns what goes wrong into one line and an exit code. */
import { readFileSync } from "node:fs";
import { EquationError } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { bench } from "./bench.ts";
import { evaluate } from "./evaluate.ts";
import { explain } from "./explain.ts";
import { generate } from "./generate.ts";
import { alignRows, type Command, common, helpOf, nearest, optionRows, parse } from "./options.ts";
import { printable, styled } from "./output.ts";
import { train } from "./train.ts";

const commands: readonly Command[] = [train, generate, evaluate, explain, bench];

const overview = `unrolled: recurrent networks from their equations

Usage: unrolled COMMAND [arguments] [options]

Commands:
${alignRows(commands.map(({ name, summary }) => [name, summary]))}

Options of every command:
${optionRows(common)}

unrolled COMMAND --help says more, unrolled --version which one this is.
Exit code: 0 done, 2 wrong usage or input, 1 a fault of the program.`;

let current: Command | undefined;

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
    const near = nearest(asked, names);
    const hint = near === undefined ? `There are ${names.join(", ")}.` : `Did you mean ${near}?`;
    throw new InputError(
      asked.startsWith("-") ? `${asked}: begin with a command. ${hint}` : `unknown command "${asked}". ${hint}`,
    );
  }
  current = command;
  const given = parse(command, name === "help" ? ["--help"] : rest);
  if (given.flag("help")) process.stdout.write(`${helpOf(command)}\n`);
  else await command.run(given);
}

/** One line on standard error, and the exit code. */
function report(error: unknown): void {
  const users = error instanceof InputError || error instanceof EquationError;
  const message = error instanceof Error ? error.message : String(error);
  // Only a mistake in equations has more lines: the place, with a caret.
  const text = users ? message : `internal: ${message.replace(/^internal: /, "").replace(/\s*\n\s*/g, " ")}`;
  const json = process.argv.includes("--json");
  process.stderr.write(
    json
      ? `${JSON.stringify({ error: text })}\n`
      : `${styled("unrolled:", "red", process.stderr)} ${printable(text)}\n`,
  );
  if (!users && process.env.UNROLLED_DEBUG !== undefined && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  process.exitCode = users ? 2 : 1;
}

// A reader that goes away (| head) ends most commands, silently; a full disk is said.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") {
    report(new InputError(`standard output cannot be written (${error.code}). Is the disk full?`));
    process.exit();
  } else if (current?.outlivesReader !== true) process.exit(0);
});
// Nothing can be said any more.
process.stderr.on("error", () => {});

try {
  await main(process.argv.slice(2));
} catch (error) {
  report(error);
}
