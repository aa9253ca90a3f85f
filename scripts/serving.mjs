/** `unrolled serve` in a process of its own for measurements, and what asks it. */
import { spawn } from "node:child_process";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Serve a model. `main` is the command line's file, of this build or another one.
 * @returns {Promise<{ send: Function, used: Function, model: string, end: () => Promise<number>, ended: Promise<number | string>, url: URL, child: object }>}
 */
export async function serve(main, model, { args = [], nodeArgs = [], sockets = 200 } = {}) {
  const child = spawn(process.execPath, [...nodeArgs, main, "serve", model, "--port", "0", "--json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let last = "";
  child.stderr.on("data", (chunk) => (last = String(chunk).slice(-2000))); // The log.
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const listening = await new Promise((resolve, reject) => {
    child.stdout.once("data", (line) => resolve(JSON.parse(line)));
    ended.then((code) => reject(new Error(`the server ended with ${code}: ${last}`)));
  });
  const url = new URL(listening.url);
  const kept = new Agent({ keepAlive: true, maxSockets: sockets });
  /** With `agent: false` over a connection of its own. */
  function send(method, path, body, { agent = kept, headers = {}, timeoutMs } = {}) {
    return new Promise((resolve, reject) => {
      const startMs = performance.now();
      const json = { "Content-Type": "application/json", ...headers };
      const { hostname, port } = url;
      const asked = request({ hostname, port, path, method, agent, headers: json, timeout: timeoutMs }, (answer) => {
        let [text, firstMs] = ["", 0];
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => {
          firstMs ||= performance.now() - startMs;
          text += chunk;
        });
        answer.on("end", () => resolve({ status: answer.statusCode, text, firstMs, ms: performance.now() - startMs }));
        answer.on("error", reject);
      });
      asked.on("error", reject);
      asked.on("timeout", () => asked.destroy(new Error("no answer in time")));
      asked.end(typeof body === "string" ? body : body && JSON.stringify({ model: listening.models[0], ...body }));
    });
  }
  /** What the server says of itself: megabytes, and seconds of CPU so far. */
  async function used(headers) {
    const { text } = await send("GET", "/metrics", undefined, { agent: false, headers });
    const figure = (name) => Number(text.match(new RegExp(`^${name} (\\S+)`, "m"))?.[1]);
    return {
      resident: figure("process_resident_memory_bytes") / 1e6,
      heap: figure("nodejs_heap_size_used_bytes") / 1e6,
      external: figure("nodejs_external_memory_bytes") / 1e6,
      cpu: figure("process_cpu_seconds_total"),
    };
  }
  async function end() {
    kept.destroy();
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const code = await ended;
    clearTimeout(late);
    return code;
  }
  return { send, used, end, ended, url, child, model: listening.models[0] };
}

/** Asks for the health every so often over a new connection each time, until it is stopped; gives all the times. */
export function watchHealth({ send }, everyMs = 50) {
  const times = [];
  let stopped = false;
  let failed = 0;
  const all = [];
  const going = (async () => {
    while (!stopped) {
      all.push(
        send("GET", "/healthz", undefined, { agent: false, timeoutMs: 20_000 }).then(
          ({ ms, status }) => (status === 200 ? times.push(ms) : failed++),
          () => failed++,
        ),
      );
      await sleep(everyMs);
    }
    await Promise.all(all);
  })();
  return async () => {
    stopped = true;
    await going;
    return { times: times.sort((a, b) => a - b), failed };
  };
}

export const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
export const count = (n) => Math.round(n).toLocaleString("en-US");
/** Times, sorted, by some of their quantiles. */
export const times = (sorted, ...qs) => qs.map((q) => `${count(quantile(sorted, q))} ms`).join(", ");
