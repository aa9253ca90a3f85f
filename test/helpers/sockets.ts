/** Connections over which a test sends what it likes. Knows nothing about HTTP. */
import { connect, type Socket } from "node:net";

export type Connection = {
  readonly socket: Socket;
  /** All that came out of it so far. */
  readonly text: () => string;
  readonly connected: Promise<void>;
  readonly closed: Promise<void>;
};

/** To a port of this machine. Errors are none of the test's: what matters is that it is closed. */
export function connectTo(port: number): Connection {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk));
  socket.on("error", () => {});
  return {
    socket,
    text: () => text,
    connected: new Promise((resolve) => socket.once("connect", () => resolve())),
    closed: new Promise((resolve) => socket.once("close", () => resolve())),
  };
}
