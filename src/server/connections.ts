/**
 * Manage the connections of a listening server: their number, which are closed first, stalled readers, and shutdown. A
 * client can send a request at the very moment when its connection is closed; so received data is read first, and a
 * connection is closed only after it has been quiet for a while.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { acceptWaiting } from "./bind.ts";
import { nextTurn, noteArrival } from "./event-loop.ts";

/**
 * The largest number of requests of one connection that are processed at a time: a client can send further requests
 * before the answer.
 */
const maxAtWork = 8;
/** The largest number of requests of one connection, including waiting ones; a connection with more is closed. */
const maxPipelined = 64;
/** How long a request can arrive before its connection may make room for another one. */
const arrivingMs = 1000;
/** How long a connection must be quiet during shutdown, and how often that is checked. */
const [quietMs, lookMs] = [500, 20];
type State = {
  readonly address: string;
  /** The unfinished answers; and the functions that start the waiting ones. */
  readonly answers: Set<ServerResponse>;
  readonly waiting: (() => void)[];
  /** The time since when there is no answer, or since when there is one; during shutdown, since when no data has arrived either. */
  idleMs: number;
  /** The number of received bytes at the last check. */
  came: number;
  /** The number of bytes that the client has read, and the time of the last ones. */
  taken: number;
  takenMs: number;
};

export type ConnectionLimits = {
  readonly maxConnections: number;
  /** The longest time that a client can leave bytes unread. */
  readonly stallMs: number;
  /** Answers a refused connection, and closes it. */
  readonly refuse: (socket: Socket) => void;
  /** Called for a connection that is closed because of too many requests. */
  readonly overrun: (socket: Socket) => void;
};

export class Connections {
  /** The accepted connections. */
  private readonly all = new Map<Socket, State>();
  private readonly http: Server;
  private readonly limits: ConnectionLimits;
  private accepted = 0;
  private ending = false;

  constructor(http: Server, limits: ConnectionLimits) {
    this.http = http;
    this.limits = limits;
    http.on("connection", (socket: Socket) => this.takeOn(socket));
    const timer = setInterval(() => this.closeUnread(), Math.min(1000, Math.ceil(limits.stallMs / 4)));
    timer.unref();
    http.once("close", () => clearInterval(timer));
  }

  /**
   * If there are too many connections, an idle one is closed: of the address with the most connections, the one that
   * has been idle longest (behind a proxy, which is one address, the longest idle of all). If none is idle, one whose
   * request has been arriving for a while is refused, chosen in the same way. If all are busy, the new one is refused.
   */
  private takeOn(socket: Socket): void {
    noteArrival();
    this.accepted++;
    if (this.all.size >= this.limits.maxConnections) {
      const idle = this.longest(({ answers }) => answers.size === 0);
      const given = idle ?? this.longest((one) => this.isArriving(one));
      if (given === undefined) {
        this.limits.refuse(socket);
        return;
      }
      this.all.delete(given);
      if (given === idle) given.destroy();
      else this.limits.refuse(given);
    }
    const nowMs = performance.now();
    const address = socket.remoteAddress ?? "unknown";
    const answers = new Set<ServerResponse>();
    this.all.set(socket, { address, answers, waiting: [], idleMs: nowMs, came: 0, taken: 0, takenMs: nowMs });
    socket.once("close", () => {
      this.all.delete(socket);
      // Up to version 24.9, Node only notifies the answer in progress about a closed socket; answers that wait behind
      // it never get a socket.
      for (const answer of answers) if (answer.socket === null) answer.destroy().emit("close");
    });
  }

  /** Whether it has nothing but requests that are not complete, the first of them for a while. */
  private isArriving({ answers, waiting, idleMs }: State): boolean {
    if (waiting.length > 0 || performance.now() - idleMs < arrivingMs) return false;
    return [...answers].every(({ req, headersSent }) => !req.complete && !headersSent);
  }

  private longest(gives: (state: State) => boolean): Socket | undefined {
    const count = new Map<string, number>();
    for (const { address } of this.all.values()) count.set(address, (count.get(address) ?? 0) + 1);
    let found: [Socket, State] | undefined;
    for (const [socket, one] of this.all) {
      if (!gives(one)) continue;
      const more = found === undefined ? 1 : (count.get(one.address) ?? 0) - (count.get(found[1].address) ?? 0);
      if (more > 0 || (more === 0 && one.idleMs < (found?.[1].idleMs ?? 0))) found = [socket, one];
    }
    return found?.[0];
  }

  private closeUnread(): void {
    const nowMs = performance.now();
    for (const [socket, one] of this.all) {
      const taken = socket.bytesWritten - socket.writableLength;
      if (taken > one.taken || socket.writableLength === 0) {
        one.taken = taken;
        one.takenMs = nowMs;
      } else if (nowMs - one.takenMs > this.limits.stallMs) socket.destroy();
    }
  }

  /** A request has arrived: `start` is called when it is its turn among the requests of its connection. */
  begin({ socket }: IncomingMessage, answer: ServerResponse, start: () => void): void {
    noteArrival();
    const state = this.all.get(socket);
    // The connection was refused or closed, and has sent data meanwhile.
    if (state === undefined || socket.destroyed) return;
    const { answers, waiting } = state;
    if (answers.size + waiting.length >= maxPipelined) {
      this.limits.overrun(socket);
      socket.destroy();
      return;
    }
    const work = (): void => {
      if (answers.size === 0) state.idleMs = performance.now();
      answers.add(answer);
      if (this.ending) answer.shouldKeepAlive = false;
      answer.once("close", () => {
        answers.delete(answer);
        state.idleMs = performance.now();
        if (!socket.destroyed) waiting.shift()?.();
      });
      start();
    };
    if (answers.size < maxAtWork) work();
    else waiting.push(work);
  }

  /** Whether an answer is being sent; a second one would be read as a part of it. */
  isAnswering(socket: Socket): boolean {
    const answers = this.all.get(socket)?.answers ?? [];
    return [...answers].some(({ headersSent, writableFinished }) => headersSent && !writableFinished);
  }

  /**
   * Accept the connections that are waiting already, but no later ones; each connection ends with its next answer.
   * Returns a promise that all are closed.
   */
  async stopListening(): Promise<{ readonly closed: Promise<void> }> {
    this.ending = true;
    for (const { answers } of this.all.values()) for (const answer of answers) answer.shouldKeepAlive = false;
    const { http } = this;
    // The port is of the process that hands the connections on, which has closed it.
    if (!http.listening) return { closed: this.ended() };
    await acceptWaiting(() => this.accepted);
    const closed = new Promise<void>((resolve) => {
      // This does not use HTTP's own method, which closes every connection that looks idle at once.
      NetServer.prototype.close.call(http, () => http.close(() => resolve()));
    });
    return { closed };
  }

  /** Resolves when there is no connection. */
  private async ended(): Promise<void> {
    while (this.all.size > 0) await new Promise((resolve) => setTimeout(resolve, lookMs));
  }

  /** Close each connection once it has been quiet, until `isOver`. */
  async closeQuiet(isOver: () => boolean): Promise<void> {
    for (const state of this.all.values()) state.idleMs = performance.now();
    while (this.all.size > 0 && !isOver()) {
      for (const [socket, state] of [...this.all]) {
        if (!this.isQuiet(socket, state)) continue;
        // Data that has arrived since is read in one turn.
        await nextTurn();
        if (this.isQuiet(socket, state)) socket.destroy();
      }
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  private isQuiet({ bytesRead }: Socket, state: State): boolean {
    const nowMs = performance.now();
    if (bytesRead !== state.came) Object.assign(state, { came: bytesRead, idleMs: nowMs });
    return state.answers.size === 0 && nowMs - state.idleMs >= quietMs;
  }
}
