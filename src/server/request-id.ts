/** The id of a request in its answer, in the log and in the logs of proxies. */
import { randomUUID } from "node:crypto";

/** Characters that need no escaping in a header, a log line or a shell. */
const sane = /^[\w.:;=+/@~-]{1,128}$/;

/** The request's own id if it is safe for a log; otherwise a new one. */
export const requestIdOf = (given?: string): string =>
  given !== undefined && sane.test(given) ? given : `req-${randomUUID()}`;
