/** A port of this machine. Knows nothing about what is answered there. */
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

/** Where to listen. */
export type ListenOptions = {
  /** `127.0.0.1` is this machine alone, `0.0.0.0` all its addresses. */
  readonly host: string;
  /** 0 is any free one. */
  readonly port: number;
  /**
   * How long, before it ends, it only says so at /healthz (503) and answers everything else: until whoever shares out requests has
   * seen it. 0 where it is left out.
   */
  readonly drainMs?: number;
  /** Most connections at once; the longest idle one is closed for another. */
  readonly maxConnections?: number;
  /** Longest that a client may leave what it is sent unread. */
  readonly stallMs?: number;
};

/** Where it is not said how many. */
export const maxConnections = 2048;
/** Most connections that wait to be taken on. */
export const backlog = 4096;

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

/** Names of this machine that no page of another one can have. */
export const loopback: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];
export const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host);

/**
 * Listen. Gives `http://127.0.0.1:8080`.
 * @throws InputError for an address that cannot be listened at
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

function problem({ code }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === "EADDRINUSE")
    return `--port: another program listens at ${host}:${port}. Choose another one, or 0 for any.`;
  if (code === "EACCES") return `--port: you have no permission to listen at ${host}:${port}. Choose one above 1023.`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EINVAL" || code === "EAI_AGAIN") {
    return `--host: this machine has no address ${host}. 127.0.0.1 is this machine alone, 0.0.0.0 all its addresses.`;
  }
  return `--host: cannot listen at ${host}:${port} (${code}).`;
}
