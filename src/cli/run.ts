/** Run one command: what goes wrong becomes one line and an exit code. */
import { InputError } from "../graph/input-error.ts";
import { type Command, helpOf, parse } from "./options.ts";
import { printable, styled } from "./output.ts";

let outlivesReader = false;

/** `program` is what one types before the command's name. */
export async function runCommand(command: Command, argv: readonly string[], program = "unrolled"): Promise<void> {
  outlivesReader = command.outlivesReader === true;
  const given = parse(command, argv, program);
  if (given.flag("help")) process.stdout.write(`${helpOf(command, program)}\n`);
  else await command.run(given);
}

/** Do the work of a process to its end: errors are reported, and a reader that goes away is no error. */
export async function runProcess(work: () => Promise<void>): Promise<void> {
  // A reader that goes away (| head) ends most commands, silently; a full disk is said.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") {
      report(new InputError(`standard output cannot be written (${error.code}). Is the disk full?`));
      process.exit();
    } else if (!outlivesReader) process.exit(0);
  });
  // Nothing can be said any more.
  process.stderr.on("error", () => {});
  try {
    await work();
  } catch (error) {
    report(error);
  }
}

/** One line on standard error, and the exit code. */
function report(error: unknown): void {
  const users = error instanceof InputError;
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
