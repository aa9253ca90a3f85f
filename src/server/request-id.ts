/** What a request is called in its answer, in the log and in what else a proxy writes down. */
import { randomUUID } from "node:crypto";

/** What a header, a line of a log and a shell take as it is. */
const sane = /^[\w.:;=+/@~-]{1,128}$/;

/** The one that it came with, where a log can hold it; else a new one. */
export const requestIdOf = (given?: string): string =>
  given !== undefined && sane.test(given) ? given : `req-${randomUUID()}`;
