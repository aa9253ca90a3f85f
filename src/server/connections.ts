/**
 * The connections of a server that is about to end. A client may send a request at the very moment when its connection is closed:
 * so what has come is read first, and a connection is closed once nothing has come for a while. Knows nothing about what is asked.
 */
import type { Server, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { turn } from "./turns.ts";

type State = {
  /** Answers that have not ended. */
  readonly answers: Set<ServerResponse>;
  /** What had come when it was looked at last, and when that was. */
  bytes: number;
  sinceMs: number;
};

/** How long nothing has to come, and how often that is looked at. */
const [quietMs, lookMs] = [500, 20];
/** Most connections that wait to be taken on: what Node asks of the system. */
const mostWaiting = 511;

export class Connections {
  private readonly all = new Map<Socket, State>();
  private readonly http: Server;
  private accepted = 0;
  private ending = false;

  constructor(http: Server) {
    this.http = http;
    http.on("connection", (socket: Socket) => {
      this.accepted++;
      this.all.set(socket, { answers: new Set(), bytes: 0, sinceMs: performance.now() });
      socket.once("close", () => this.all.delete(socket));
    });
    http.on("request", ({ socket }: { socket: Socket }, response: ServerResponse) => {
      const state = this.all.get(socket);
      if (state === undefined) return;
      state.answers.add(response);
      if (this.ending) response.shouldKeepAlive = false;
      response.once("close", () => {
        state.answers.delete(response);
        state.sinceMs = performance.now();
      });
    });
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
    const most = this.accepted + mostWaiting;
    await turn();
    for (let before = -1; before !== this.accepted && before < most; await turn()) before = this.accepted;
    const { http } = this;
    const closed = new Promise<void>((resolve) => {
      // Not HTTP's own: it closes whatever looks idle at once.
      NetServer.prototype.close.call(http, () => http.close(() => resolve()));
    });
    return { closed };
  }

  /** Close each once it has been quiet, until `isOver`. */
  async closeQuiet(isOver: () => boolean): Promise<void> {
    for (const state of this.all.values()) state.sinceMs = performance.now();
    while (this.all.size > 0 && !isOver()) {
      for (const [socket, state] of [...this.all]) {
        if (!this.isQuiet(socket, state)) continue;
        // What has come since is read in a turn.
        await turn();
        if (this.isQuiet(socket, state)) socket.destroy();
      }
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  private isQuiet({ bytesRead }: Socket, state: State): boolean {
    const now = performance.now();
    if (bytesRead !== state.bytes) Object.assign(state, { bytes: bytesRead, sinceMs: now });
    return state.answers.size === 0 && now - state.sinceMs >= quietMs;
  }
}
