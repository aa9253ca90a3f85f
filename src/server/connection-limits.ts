/** The connections of a server that listens: how many there may be, which are given up first, and what becomes of one that nobody reads. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { noteArrival } from "./turns.ts";

/** Requests of one connection at once: a client may send the next ones before it has been answered. */
const maxPipelined = 8;

type Connection = {
  readonly address: string;
  /** Requests that have not been answered. */
  requests: number;
  /** Since when it has none. */
  idleMs: number;
  /** Bytes that the client has taken, and when it took the last ones. */
  taken: number;
  takenMs: number;
};

export type ConnectionLimits = {
  readonly maxConnections: number;
  /** How long a client may leave bytes unread. */
  readonly stallMs: number;
  /** Tells one that is not taken on, and closes it. */
  readonly refuse: (socket: Socket) => void;
};

/**
 * Counts connections. Where there are too many, one without a request is closed: of the address that has most, the one that has
 * been idle for longest; behind a proxy, which is one address, that is the longest idle of all. Where all are busy, the new one
 * is refused. Whether a request is to be answered is what the function that it gives tells.
 */
export function limitConnections(
  http: Server,
  { maxConnections, stallMs, refuse }: ConnectionLimits,
): (request: IncomingMessage, answer: ServerResponse) => boolean {
  const all = new Map<Socket, Connection>();

  function idlest(): Socket | undefined {
    const count = new Map<string, number>();
    for (const { address } of all.values()) count.set(address, (count.get(address) ?? 0) + 1);
    let found: [Socket, Connection] | undefined;
    for (const [socket, one] of all) {
      if (one.requests > 0) continue;
      const more = found === undefined ? 1 : (count.get(one.address) ?? 0) - (count.get(found[1].address) ?? 0);
      if (more > 0 || (more === 0 && one.idleMs < (found?.[1].idleMs ?? 0))) found = [socket, one];
    }
    return found?.[0];
  }

  http.on("connection", (socket) => {
    noteArrival();
    if (all.size >= maxConnections) {
      const given = idlest();
      if (given === undefined) {
        refuse(socket);
        return;
      }
      all.delete(given);
      given.destroy();
    }
    const nowMs = performance.now();
    const address = socket.remoteAddress ?? "unknown";
    all.set(socket, { address, requests: 0, idleMs: nowMs, taken: 0, takenMs: nowMs });
    socket.once("close", () => all.delete(socket));
  });

  const timer = setInterval(
    () => {
      const nowMs = performance.now();
      for (const [socket, one] of all) {
        const taken = socket.bytesWritten - socket.writableLength;
        if (taken > one.taken || socket.writableLength === 0) {
          one.taken = taken;
          one.takenMs = nowMs;
        } else if (nowMs - one.takenMs > stallMs) socket.destroy();
      }
    },
    Math.min(1000, Math.ceil(stallMs / 4)),
  );
  timer.unref();
  http.once("close", () => clearInterval(timer));

  return ({ socket }, answer) => {
    noteArrival();
    const connection = all.get(socket);
    // It was refused, and has sent something meanwhile.
    if (connection === undefined) return false;
    if (connection.requests >= maxPipelined) {
      socket.destroy();
      return false;
    }
    connection.requests++;
    answer.once("close", () => {
      connection.requests--;
      connection.idleMs = performance.now();
    });
    return true;
  };
}
