/** How a server ends: nobody who was let in loses an answer, and whoever shares out requests sees it coming. */
import { connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { createServer } from "../../src/server/app.ts";
import { listen } from "../../src/server/listen.ts";
import { pause, until } from "../helpers/waiting.ts";
import { tiny } from "./serving.ts";

async function start(drainMs = 0) {
  const server = await createServer({ tiny }, { maxTokens: 1e9 });
  const { url, close } = await listen(server, { host: "127.0.0.1", port: 0, drainMs });
  return { url, close, port: Number(new URL(url).port) };
}

/** A connection that is kept: sends requests, and says what became of them. */
class Client {
  private readonly socket: Socket;
  private text = "";
  sent = 0;
  closed = false;
  readonly connected: Promise<void>;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.connected = new Promise((resolve) => this.socket.once("connect", resolve));
    this.socket.on("data", (chunk) => (this.text += chunk));
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
  }

  /** Before the connection is closed, nothing that is sent may be lost: not even what is on its way. */
  send(body: object = { model: "tiny", prompt: "a", max_tokens: 3, temperature: 0 }): void {
    if (this.closed || this.last) return;
    const json = JSON.stringify(body);
    const headers = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${json.length}`;
    this.sent++;
    this.socket.write(`POST /v1/completions HTTP/1.1\r\n${headers}\r\n\r\n${json}`);
  }
  get answered(): number {
    return this.text.split("HTTP/1.1 200 OK").length - 1;
  }
  get others(): number {
    return this.text.split("HTTP/1.1 ").length - 1 - this.answered;
  }
  /** Told that the connection ends. */
  get last(): boolean {
    return /\r\nconnection: close\r\n/i.test(this.text);
  }
  get all(): string {
    return this.text;
  }
}

describe("connections that are kept", () => {
  test("and that send at the very moment get their answers, with the end of the connection: none is lost", async () => {
    for (let round = 0; round < 2; round++) {
      const { close, port } = await start();
      const clients = Array.from({ length: 100 }, () => new Client(port));
      for (const client of clients) client.send();
      await until(() => clients.every(({ answered }) => answered === 1));
      // Some have sent in the same turn, before and after; the others do within a moment.
      for (const client of clients.slice(0, 25)) client.send();
      const closed = close();
      for (const client of clients.slice(25, 50)) client.send();
      await Promise.all(
        clients.slice(50).map(async (client, k) => {
          await pause(k % 40);
          client.send();
        }),
      );
      await closed;
      await until(() => clients.every((client) => client.closed));
      const lost = clients.filter(({ sent, answered }) => sent !== answered);
      expect(lost.map(({ all }) => all)).toEqual([]);
      for (const client of clients) expect([client.sent, client.others]).toEqual([2, 0]);
      expect(clients.every(({ last }) => last)).toBe(true);
    }
  });

  test("and send one request after the other are told with the next answer that it is the last", async () => {
    const { close, port } = await start();
    const clients = Array.from({ length: 60 }, () => new Client(port));
    let ending = false;
    const running = clients.map(async (client, k) => {
      while (!client.last && !client.closed) {
        client.send();
        const { sent } = client;
        await until(() => client.answered === sent || client.closed);
        await pause(k % 7);
      }
    });
    await until(() => clients.every(({ answered }) => answered > 3));
    ending = true;
    await close();
    await Promise.all(running);
    expect(ending).toBe(true);
    expect(clients.filter(({ sent, answered, others }) => sent !== answered || others > 0)).toEqual([]);
  });

  test("and that say nothing are closed, be they new", async () => {
    const { close, port } = await start();
    const clients = Array.from({ length: 30 }, () => new Client(port));
    for (const client of clients.slice(0, 15)) client.send();
    await until(() => clients.slice(0, 15).every(({ answered }) => answered === 1));
    await close();
    await until(() => clients.every(({ closed }) => closed));
  });

  test("but have not been taken on yet are: those that connect and send just before", async () => {
    const { close, port } = await start();
    const clients = Array.from({ length: 100 }, () => new Client(port));
    for (const client of clients) client.send();
    await Promise.all(clients.map(({ connected }) => connected));
    await close();
    await until(() => clients.every(({ closed }) => closed));
    expect(clients.map(({ answered }) => answered)).toEqual(clients.map(() => 1));
  });

  test("after the answer to a long request is one more answered; a request that takes too long is ended", async () => {
    const { close, port } = await start();
    const client = new Client(port);
    client.send({ model: "tiny", prompt: "a", max_tokens: 20_000, stream: true });
    await until(() => client.all.includes("data: "));
    const closed = close();
    await pause(0);
    client.send();
    await closed;
    await until(() => client.closed);
    expect(client.all).toMatch(/data: \[DONE\].*HTTP\/1\.1 200 OK\r\n.*connection: close\r\n.*"text_completion"/is);

    const other = await start();
    const endless = new Client(other.port);
    endless.send({ model: "tiny", prompt: "a", max_tokens: 1e8, stream: true });
    await until(() => endless.all.includes("data: "));
    await other.close(50);
    await until(() => endless.closed);
    expect(endless.all).toMatch(/"code":"shutting_down"/);
  });
});

describe("draining", () => {
  test("/healthz says that it ends, everything else is answered, also new connections; then nobody is let in", async () => {
    const { close, url } = await start(600);
    const health = async () => {
      const answer = await fetch(`${url}/healthz`);
      return [answer.status, (await answer.json()).status];
    };
    expect(await health()).toEqual([200, "ok"]);
    const closed = close();
    let [asked, refused] = [0, 0];
    const ended = closed.then(() => true);
    while (!(await Promise.race([ended, pause(5).then(() => false)]))) {
      const found = await health().catch(() => undefined);
      if (found === undefined) {
        refused++;
        continue;
      }
      expect(refused).toBe(0);
      expect(found).toEqual([503, "shutting down"]);
      const answer = await fetch(`${url}/v1/models`).catch(() => undefined);
      if (answer === undefined) continue;
      asked++;
      expect(answer.status).toBe(200);
    }
    expect(asked).toBeGreaterThan(3);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  test("a server without a port drains as well, and takes nothing once it is closed", async () => {
    const server = await createServer({ tiny });
    const get = (path: string) => server.fetch(new Request(`http://localhost${path}`));
    server.drain();
    expect((await get("/healthz")).status).toBe(503);
    expect((await get("/v1/models")).status).toBe(200);
    await server.close();
    expect([(await get("/v1/models")).status, (await get("/healthz")).status]).toEqual([503, 503]);
  });

  test("nonsense as a deadline is refused", async () => {
    const { close } = await start();
    for (const deadline of [-1, Number.NaN, "1"]) await expect(close(deadline as number)).rejects.toThrow(/deadlineMs/);
    await close();
  });
});
