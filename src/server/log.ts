/** Log requests. A fault in the log does not affect requests. */
import type { ServerOptions } from "./options.ts";

type Log = Required<ServerOptions>["log"];

/** Wrap a log so that its faults, thrown at once or later, are reported on standard error, but only the first one. */
export function guardLog(log: Log): Log {
  let said = false;
  const failed = (error: unknown): void => {
    if (!said) console.error("unrolled: the server's log failed (this is reported only once):", error);
    said = true;
  };
  return (line) => {
    try {
      const later: unknown = log(line);
      if (later instanceof Promise) later.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}
