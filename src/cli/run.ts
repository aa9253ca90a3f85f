/** Run one command; an error becomes one line and an exit code. */
import { Disconnected, InputError } from "../graph/input-error.ts";
import { type Command, helpOf, parse } from "./options.ts";
import { printable, styled } from "./output.ts";

let outlivesReader = false;

/** @param program the words before the command's name */
export async function runCommand(command: Command, argv: readonly string[], program = "unrolled"): Promise<void> {
  outlivesReader = command.outlivesReader === true;
  const given = parse(command, argv, program);
  if (given.flag("help")) process.stdout.write(`${helpOf(command, program)}\n`);
  else {
    try {
      await command.run(given);
    } catch (error) {
      if (error instanceof InputError) error.message = inOptions(error.message, command);
      throw error;
    }
  }
}

/** What the library advises where training diverges, in the options of a command that has them. */
function inOptions(message: string, { options }: Command): string {
  if (!("rate" in options)) return message;
  const clip = "clip" in options ? ", or clip the gradients with --clip" : "";
  return message.replace(
    /\bTry a smaller learning rate(, fewer steps)?, or clip the gradients\./,
    `Give a smaller --rate${clip}.`,
  );
}

/** Run the work of a process: report errors, and do not treat a closed output as an error. */
export async function runProcess(work: () => Promise<void>): Promise<void> {
  // If the reader of the output goes away (| head), most commands end silently; a full disk is reported.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") {
      report(new InputError(`standard output cannot be written (${error.code}). Is the disk full?`));
      process.exit();
    } else if (!outlivesReader) process.exit(0);
  });
  // Standard error is closed as well, so nothing can be reported.
  process.stderr.on("error", () => {});
  try {
    await work();
  } catch (error) {
    report(error);
  }
}

/** Write one line to standard error and set the exit code. */
function report(error: unknown): void {
  const users = error instanceof InputError;
  const message = error instanceof Error ? error.message : String(error);
  // Only an error in equations has more lines: the position, with a caret.
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
  process.exitCode = users && !(error instanceof Disconnected) ? 2 : 1;
}
