/**
 * Attacks on `unrolled serve` with a small heap, one after the other: what each client asks is allowed and small. The process has
 * to live, to serve others meanwhile, and to have its memory back afterwards. `npm run load -- --attack`.
 */
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { count, quantile, serve, times, watchHealth } from "./serving.mjs";

const [attacker, other] = ["key-of-the-attacker", "key-of-another"];
const bearer = (key) => ({ Authorization: `Bearer ${key}` });

/** A request whose answer is read to its end and not kept; gives its status and how many bytes it had. */
function drain({ url }, path, body) {
  return new Promise((resolve) => {
    const headers = { "Content-Type": "application/json", ...bearer(attacker) };
    const asked = request(
      { hostname: url.hostname, port: url.port, path, method: "POST", headers, agent: false },
      (answer) => {
        let bytes = 0;
        answer.on("data", (chunk) => (bytes += chunk.length));
        answer.on("end", () => resolve({ status: answer.statusCode, bytes }));
        answer.on("error", () => resolve({ status: "broken off", bytes }));
      },
    );
    asked.on("error", () => resolve({ status: "no answer", bytes: 0 }));
    asked.end(body);
  });
}

/** Sockets that send this and never read, each with what it sends first; they are there until they are let go. */
function unread({ url }, n, textOf) {
  const all = Array.from({ length: n }, (_, k) => {
    const socket = connect(Number(url.port), url.hostname);
    socket.on("error", () => {});
    socket.pause();
    socket.write(textOf(k));
    return socket;
  });
  return () => {
    for (const socket of all) socket.destroy();
  };
}
const raw = (path, body, length = Buffer.byteLength(body)) =>
  [
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer ${attacker}\r\n`,
    `Content-Length: ${length}\r\n\r\n${body}`,
  ].join("");

const inspected = (model) => JSON.stringify({ model, text: "the whale and the sea ".repeat(55) });

/** Each starts, says how it is to be waited for, and how it is let go. */
const attacks = {
  "40 prompts of 65,000 characters, echoed with log-probabilities": (server) => {
    const prompt = "a".repeat(65_000);
    const body = JSON.stringify({ model: server.model, prompt, max_tokens: 1, echo: true, logprobs: 5 });
    return { done: Promise.all(Array.from({ length: 40 }, () => drain(server, "/v1/completions", body))) };
  },
  "40 inspections that nobody reads": (server) => {
    const end = unread(server, 40, () => raw("/v1/unrolled/inspect", inspected(server.model)));
    return { end, lastsMs: 6000 };
  },
  "200 bodies of 950 KB that do not end": (server) => {
    const begun = `{"model":"${server.model}","prompt":"${"a".repeat(950_000)}`;
    return { end: unread(server, 200, () => raw("/v1/completions", begun, 999_999)), lastsMs: 5000 };
  },
  "60 streams of 128 texts with log-probabilities that nobody reads": (server) => {
    const body = { model: server.model, prompt: "a", max_tokens: 128, n: 128, logprobs: 5, stream: true };
    return { end: unread(server, 60, () => raw("/v1/completions", JSON.stringify(body))), lastsMs: 5000 };
  },
  "50 connections of 2,000 pipelined requests each, unread": (server) => {
    const one = `GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${attacker}\r\n\r\n`;
    return { end: unread(server, 50, () => one.repeat(2000)), lastsMs: 2000 };
  },
  "1,000 connections with headers that do not end": (server) => {
    const begun = `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(15_000)}`;
    return { end: unread(server, 1000, () => begun), lastsMs: 3000 };
  },
};

// A thread of its own attacks, so that its work is in nobody's times.
if (!isMainThread) {
  const { name, model, href } = workerData;
  const { done, end, lastsMs } = attacks[name]({ model, url: new URL(href) });
  parentPort.postMessage((await (done ?? sleep(lastsMs))) ?? []);
  await new Promise((resolve) => parentPort.once("message", resolve));
  end?.();
  process.exit();
}

/** What is held is what is left once all that was dropped has been collected. */
const collectOnSignal = `data:text/javascript,${encodeURIComponent('process.on("SIGUSR2", () => gc());')}`;

/** @returns {Promise<object>} the figures of the worst, and whether all held */
export async function attack(main, model, { heap = 512, only = "" } = {}) {
  const server = await serve(main, model, {
    args: ["--api-key", attacker, "--api-key", other, "--stall", "3"],
    nodeArgs: [`--max-old-space-size=${heap}`, "--expose-gc", "--import", collectOnSignal],
  });
  const ask = () =>
    server.send(...["POST", "/v1/completions", { prompt: "Call me", max_tokens: 8 }], {
      agent: new Agent(),
      headers: bearer(other),
      timeoutMs: 30_000,
    });
  let isOver = false;
  let died;
  server.ended.then((code) => (died = isOver ? undefined : code));
  const memory = () => server.used(bearer(other));
  const figures = { ok: true, "health 99 % ms": 0, "most resident MB": 0 };
  try {
    for (let k = 0; k < 300; k++) await ask();
    for (const name of Object.keys(attacks).filter((name) => name.includes(only))) {
      // What was dropped is collected while nobody asks.
      const before = await settled(server, memory);
      const stop = watchHealth(server);
      let [most, watching] = [0, true];
      const answers = [];
      const others = (async () => {
        while (watching) {
          const { status, ms } = await ask().catch(() => ({ status: "no answer", ms: Infinity }));
          answers.push({ status, ms });
          await sleep(100);
        }
      })();
      const watcher = (async () => {
        while (watching) {
          most = Math.max(most, (await memory().catch(() => ({ resident: 0 }))).resident);
          await sleep(200);
        }
      })();
      const startMs = performance.now();
      const workerData = { name, model: server.model, href: server.url.href };
      const attacking = new Worker(new URL(import.meta.url), { workerData });
      const over = new Promise((resolve) => attacking.once("message", resolve));
      const got = await Promise.race([over, server.ended.then(() => [])]);
      const lasted = (performance.now() - startMs) / 1000;
      watching = false;
      await Promise.all([others, watcher]);
      const health = await stop();
      attacking.postMessage("end");
      if (died !== undefined) throw new Error(`${name}: the server ended with ${died}`);
      const after = await settled(server, memory);
      const took = answers.map(({ ms }) => ms).sort((a, b) => a - b);
      const served = answers.filter(({ status }) => status === 200).length;
      const p99 = quantile(health.times, 0.99);
      console.log(`${name}: ${lasted.toFixed(1)} s`);
      const statuses = [...new Set(got.map(({ status }) => status))];
      if (statuses.length > 0) {
        const longest = Math.max(...got.map(({ bytes }) => bytes)) / 1e6;
        const each = statuses.map((one) => `${one} ${got.filter(({ status }) => status === one).length} times`);
        console.log(`  answered: ${each.join(", ")}; the longest ${longest.toFixed(1)} MB`);
      }
      console.log(
        `  health: ${times(health.times, 0.5, 0.99)} (median, 99 %), ${health.failed} failed; another client: ${served} of ${answers.length} answered, ${times(took, 0.5, 1)} (median, most)`,
      );
      const held = ({ heap, external }) => `${count(heap + external)} MB`;
      console.log(
        `  held: ${held(before)} before, ${held(after)} afterwards; resident: ${count(before.resident)} MB before, at most ${count(most)} MB, ${count(after.resident)} MB afterwards`,
      );
      figures.ok &&= after.heap + after.external < before.heap + before.external + 10;
      figures.ok &&= health.failed === 0 && served === answers.length;
      figures["health 99 % ms"] = Math.max(figures["health 99 % ms"], p99);
      figures["most resident MB"] = Math.max(figures["most resident MB"], most);
    }
  } catch (error) {
    console.log(error.message);
    return { ...figures, ok: false };
  } finally {
    isOver = true;
    await server.end();
  }
  return figures;
}

/** The memory that a server comes to rest at: connections that were left are noticed first. */
async function settled({ child }, memory) {
  let least;
  for (let round = 0; round < 4; round++) {
    await sleep(500);
    child.kill("SIGUSR2");
    await sleep(200);
    const now = await memory();
    if (least === undefined || now.heap + now.external < least.heap + least.external) least = now;
  }
  return least;
}
