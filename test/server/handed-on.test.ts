/** Connections that another process has accepted and hands on: they are answered, limited and ended like those of an own port. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from "node:net";
import { afterAll, expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { listenTo } from "../../src/server/listen.ts";
import { until } from "../helpers/waiting.ts";
import { tiny } from "./serving.ts";

async function start() {
  const server = await createServer({ tiny });
  const { http, take, close } = listenTo(server, {});
  /** What has been accepted, and is not handed on yet. */
  const accepted: Socket[] = [];
  const port = createNetServer({ pauseOnConnect: true }, (socket) => accepted.push(socket)).listen(0, "127.0.0.1");
  afterAll(() => void port.close());
  await once(port, "listening");
  const client = () => {
    const socket = connect((port.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
    const said = { text: "", closed: false };
    socket.setEncoding("utf8").on("data", (chunk) => (said.text += chunk));
    socket.on("close", () => (said.closed = true));
    return { socket, said };
  };
  return { http, take, close, accepted, client };
}
const health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

test("what was sent before a connection is handed on is answered; when it ends, the last answer says so, and it is closed", async () => {
  const { take, close, accepted, client } = await start();
  const { socket, said } = client();
  socket.write(health);
  await until(() => accepted.length === 1);
  take(accepted[0] as Socket);
  await until(() => said.text.includes('{"status":"ok"}'));
  expect(said.text).not.toMatch(/connection: close/i);
  const closed = close();
  socket.write(health);
  await closed;
  await until(() => said.closed);
  expect(said.text).toMatch(/"ok".*HTTP\/1\.1 503 .*connection: close.*"shutting down"/is);
});

test("Node's server knows of them: it closes what it is told to, and so what does not come in time", async () => {
  const { http, take, close, accepted, client } = await start();
  const { socket, said } = client();
  socket.write(health.slice(0, 20));
  await until(() => accepted.length === 1);
  take(accepted[0] as Socket);
  await once(accepted[0] as Socket, "data");
  http.closeAllConnections();
  await until(() => said.closed);
  expect(said.text).toBe("");
  await close();
});
