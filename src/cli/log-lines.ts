/**
 * Write log lines to a stream that may have no reader: lines that cannot be written are dropped and counted, so the
 * program never waits.
 */
import type { Writable } from "node:stream";

/** The largest number of bytes that wait for a reader: about five thousand lines. */
const maxBytes = 1_000_000;

/** A stream keeps everything that is written to a pipe without a reader in memory; this limits it. */
export function logTo(output: Pick<Writable, "write" | "writableLength">): (line: object) => void {
  let dropped = 0;
  return (line) => {
    if (output.writableLength > maxBytes) {
      dropped++;
      return;
    }
    if (dropped > 0)
      output.write(`${JSON.stringify({ warning: `${dropped} lines of the log were not read, and dropped.` })}\n`);
    dropped = 0;
    output.write(`${JSON.stringify(line)}\n`);
  };
}
