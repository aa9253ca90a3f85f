/** What is told of requests. A log that fails fails no request. */
import type { ServerOptions } from "./options.ts";

type Log = Required<ServerOptions>["log"];

/** The same log, whose faults, thrown at once or later, are said on standard error, the first of them alone. */
export function guardLog(log: Log): Log {
  let said = false;
  const failed = (error: unknown): void => {
    if (!said) console.error("unrolled: the server's log failed, and nothing is said of it again:", error);
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
