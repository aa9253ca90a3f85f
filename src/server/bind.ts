/** Listen on a port of this machine. */
import type { AddressInfo, Server } from "node:net";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  having,
  options as optionsOf,
  required,
  someText,
  wholeNumber,
} from "../graph/schema.ts";
import { nextTurn, noteArrival } from "./event-loop.ts";

/** The options of listening. */
export type ListenOptions = {
  /** `127.0.0.1` accepts connections from this machine only, `0.0.0.0` on all addresses. */
  readonly host: string;
  /** The port; 0 means any free port. */
  readonly port: number;
  /**
   * How long the server, before it stops, returns 503 at /healthz but answers all other requests, so that a load
   * balancer can notice it. The default is 0.
   */
  readonly drainMs?: number;
  /** The largest number of connections; the longest idle one is closed for a new one. */
  readonly maxConnections?: number;
  /** The longest time that a client can leave data unread. */
  readonly stallMs?: number;
};

/** The default number of connections. */
export const maxConnections = 2048;
/** The largest number of connections that wait to be accepted. */
const backlog = 4096;
/** In how many turns of the event loop none may come before a port is closed. */
const quietTurns = 4;

export const listenArguments: Arguments = {
  server: having("a server, as createServer makes it", "fetch", "refuse", "drain", "close"),
  options: optionsOf<ListenOptions>({
    host: required(alias(someText, "hostname", "address")),
    port: required(wholeNumber(0, 65_535)),
    drainMs: alias(wholeNumber(0, 2 ** 31 - 1), "drain"),
    maxConnections: alias(wholeNumber(1), "connections"),
    stallMs: wholeNumber(1, 2 ** 31 - 1),
  }),
};

/** Names of this machine that a page of another machine cannot have. */
export const loopback: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];
export const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host);

/**
 * Listen, and return the address, such as `http://127.0.0.1:8080`.
 * @throws InputError if the server cannot listen at the address
 * @internal
 */
export async function bind(http: Server, { host, port }: Pick<ListenOptions, "host" | "port">): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => reject(new InputError(problem(error, host, port))));
    http.listen(port, host, backlog, resolve);
  });
  const { address, port: bound, family } = http.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${bound}`;
}

/**
 * Wait until the connections that are waiting at a port have been accepted: those would be lost when it is closed.
 * @param accepted the number of accepted connections so far
 * @internal
 */
export async function acceptWaiting(accepted: () => number): Promise<void> {
  // Node accepts one connection in each turn of the loop, so yield until some turns bring none. The rest of this turn comes
  // first. If connections arrive without end, all that can have been waiting have been accepted by the limit.
  const most = accepted() + backlog;
  await nextTurn();
  for (let [before, quiet] = [-1, 0]; quiet < quietTurns && before < most; ) {
    before = accepted();
    // As long as something arrives, no model computes: in the milliseconds of its steps others would come.
    noteArrival();
    await nextTurn();
    quiet = accepted() === before ? quiet + 1 : 0;
  }
}

function problem({ code }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === "EADDRINUSE")
    return `--port: another program is listening at ${host}:${port}. Choose another port, or 0 for any.`;
  if (code === "EACCES") return `--port: you have no permission to listen at ${host}:${port}. Choose one above 1023.`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EINVAL" || code === "EAI_AGAIN") {
    return `--host: this machine has no address ${host}. Use 127.0.0.1 for this machine only, or 0.0.0.0 for all its addresses.`;
  }
  return `--host: cannot listen at ${host}:${port} (${code}).`;
}
