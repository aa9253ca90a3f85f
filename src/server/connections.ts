/**
 * The connections of a server that listens: how many there may be, which are given up first, what becomes of one that nobody reads,
 * and how they end. A client may send a request at the very moment when its connection is closed: so what has come is read first,
 * and a connection is closed once nothing has come for a while. Knows nothing about what is asked.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { backlog } from "./bind.ts";
import { nextTurn, noteArrival } from "./event-loop.ts";

/** Requests of one connection that are worked at: a client may send the next ones before it has been answered. */
const maxAtWork = 8;
/** With those that wait behind them; a connection with more is closed. */
const maxPipelined = 64;
/** How long nothing has to come at the end, and how often that is looked at. */
const [quietMs, lookMs] = [500, 20];

type State = {
  readonly address: string;
  /** Answers that have not ended; and what begins those behind them. */
  readonly answers: Set<ServerResponse>;
  readonly waiting: (() => void)[];
  /** Since when there is none; at the end, and nothing more has come. */
  idleMs: number;
  /** Bytes that had come when it was looked at last. */
  came: number;
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
  /** Told of one that is closed for the requests that it has sent. */
  readonly overrun: (socket: Socket) => void;
};

export class Connections {
  /** Those that were taken on. */
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
   * Where there are too many, one without a request is closed: of the address that has most, the one that has been idle for longest;
   * behind a proxy, which is one address, that is the longest idle of all. Where all are busy, the new one is refused.
   */
  private takeOn(socket: Socket): void {
    noteArrival();
    this.accepted++;
    if (this.all.size >= this.limits.maxConnections) {
      const given = this.idlest();
      if (given === undefined) {
        this.limits.refuse(socket);
        return;
      }
      this.all.delete(given);
      given.destroy();
    }
    const nowMs = performance.now();
    const address = socket.remoteAddress ?? "unknown";
    const answers = new Set<ServerResponse>();
    this.all.set(socket, { address, answers, waiting: [], idleMs: nowMs, came: 0, taken: 0, takenMs: nowMs });
    socket.once("close", () => {
      this.all.delete(socket);
      // Node up to 24.9 tells the answer that is on its way alone; to those that wait behind it a socket never comes.
      for (const answer of answers) if (answer.socket === null) answer.destroy().emit("close");
    });
  }

  private idlest(): Socket | undefined {
    const count = new Map<string, number>();
    for (const { address } of this.all.values()) count.set(address, (count.get(address) ?? 0) + 1);
    let found: [Socket, State] | undefined;
    for (const [socket, one] of this.all) {
      if (one.answers.size > 0) continue;
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

  /** A request has come: `start` is called once it is its turn among those of its connection. */
  begin({ socket }: IncomingMessage, answer: ServerResponse, start: () => void): void {
    noteArrival();
    const state = this.all.get(socket);
    // It was refused, or closed, and has sent something meanwhile.
    if (state === undefined || socket.destroyed) return;
    const { answers, waiting } = state;
    if (answers.size + waiting.length >= maxPipelined) {
      this.limits.overrun(socket);
      socket.destroy();
      return;
    }
    const work = (): void => {
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

  /** Whether an answer is on its way: another one would be read as a part of it. */
  isAnswering(socket: Socket): boolean {
    const answers = this.all.get(socket)?.answers ?? [];
    return [...answers].some(({ headersSent, writableFinished }) => headersSent && !writableFinished);
  }

  /**
   * Take on who has come already, and nobody else from then on; each connection ends with its next answer. Gives the promise that
   * all are closed.
   */
  async stopListening(): Promise<{ readonly closed: Promise<void> }> {
    this.ending = true;
    for (const { answers } of this.all.values()) for (const answer of answers) answer.shouldKeepAlive = false;
    // Node takes on one connection in a turn, and those that wait when the port is closed would be lost: turn until a turn brings
    // none. The rest of this turn comes first. Where they come without end, all that can have waited by now have been taken on.
    const most = this.accepted + backlog;
    await nextTurn();
    for (let before = -1; before !== this.accepted && before < most; await nextTurn()) before = this.accepted;
    const { http } = this;
    const closed = new Promise<void>((resolve) => {
      // Not HTTP's own: it closes whatever looks idle at once.
      NetServer.prototype.close.call(http, () => http.close(() => resolve()));
    });
    return { closed };
  }

  /** Close each once it has been quiet, until `isOver`. */
  async closeQuiet(isOver: () => boolean): Promise<void> {
    for (const state of this.all.values()) state.idleMs = performance.now();
    while (this.all.size > 0 && !isOver()) {
      for (const [socket, state] of [...this.all]) {
        if (!this.isQuiet(socket, state)) continue;
        // What has come since is read in a turn.
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
