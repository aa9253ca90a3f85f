/** Lines for a log that may not be read: what nobody takes is dropped and counted, and nobody waits for it. */
import type { Writable } from "node:stream";

/** Bytes that wait for a reader: about five thousand lines. */
const maxBytes = 1_000_000;

/** A pipe that nobody reads takes all that is written to it into memory; this one takes so much. */
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
