/** A line on standard error about what is going on: in a terminal one that changes, and is gone before anything else is printed. */
import { sizeOf } from "./live-lines.ts";
import { isTerminal, printable } from "./output.ts";

export function showStatus(line: string): void {
  const { stderr } = process;
  const text = printable(line);
  stderr.write(isTerminal(stderr) ? `\r${text.slice(0, sizeOf(stderr).columns - 1)}\x1b[K` : `${text}\n`);
}

export function clearStatus(): void {
  if (isTerminal(process.stderr)) process.stderr.write("\r\x1b[K");
}
