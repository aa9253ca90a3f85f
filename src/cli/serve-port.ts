/**
 * The port of several processes: it accepts connections and hands them on in turn. It reads nothing of them, so it closes without
 * losing any that was let in: all are handed on before the processes are told to end.
 */
import { createServer, type Socket } from "node:net";
import { acceptWaiting, bind } from "../server/bind.ts";

/** Who is handed connections. */
export type Taker = { readonly listens: boolean; readonly take: (socket: Socket) => void };

export type Port = {
  readonly url: string;
  /** One more listens: those that have waited for one are handed on. */
  readonly handOn: () => void;
  /** Accept those that wait, and no others. */
  readonly close: () => Promise<void>;
};

/** @throws InputError if it cannot listen at the address */
export async function openPort(address: Parameters<typeof bind>[1], takers: () => readonly Taker[]): Promise<Port> {
  const waiting: Socket[] = [];
  let accepted = 0;
  let turn = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    accepted++;
    // One that goes before it is handed on.
    socket.on("error", () => {});
    waiting.push(socket);
    handOn();
  });
  function handOn(): void {
    const all = takers().filter(({ listens }) => listens);
    if (all.length === 0) return;
    for (const socket of waiting.splice(0)) all[turn++ % all.length]?.take(socket);
  }
  const url = await bind(server, address);
  return {
    ...{ url, handOn },
    async close() {
      await acceptWaiting(() => accepted);
      // Its end would be that of the last connection that was handed on.
      server.close();
    },
  };
}
