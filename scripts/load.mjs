/**
 * `npm run load -- [MODEL] [--clients N] [--seconds N] [--threads N] [--requests N]`: many clients at once at `unrolled serve` on loopback. Every answer
 * is compared with the one of a quiet server; says tokens a second beside one request after the other, times and memory.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, ensureInstalled, fail, isBuilt, root } from "./steps.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    threads: { type: "string", default: "1" },
    requests: { type: "string", default: "500" },
  },
});
const [model = join(root, "models/moby-dick.safetensors")] = positionals;
const [clients, seconds] = [Number(values.clients), Number(values.seconds)];
if (!existsSync(model)) fail(`${model}: there is no such file. npm start trains it.`, 2);

ensureInstalled();
if (!isBuilt() && (await build()) !== 0) fail("The build failed; the lines above say where.");

/** Lengths of prompts and texts as they come: most short, some long. */
const kinds = [
  { prompt: "Call me", max_tokens: 16 },
  { prompt: "The whale ".repeat(3), max_tokens: 64 },
  { prompt: "It was a dark night, and the ship ".repeat(8), max_tokens: 128, temperature: 0.7 },
  { prompt: "Ahab ", max_tokens: 400, stop: "\n\n" },
  { prompt: "", max_tokens: 100, n: 2, logprobs: 1 },
];
/** Different requests: as many as answers to be remembered. */
const requests = Array.from({ length: Number(values.requests) }, (_, k) => ({
  ...kinds[k % kinds.length],
  seed: k,
  stream: k % 4 === 3,
}));

const server = spawn(
  process.execPath,
  [join(root, "dist/cli/main.js"), "serve", model, "--port", "0", "--json", "--threads", values.threads],
  { stdio: ["ignore", "pipe", "pipe"] },
);
server.stderr.resume(); // The log.
const listening = await new Promise((resolve, reject) => {
  server.stdout.once("data", (line) => resolve(JSON.parse(line)));
  server.once("exit", () => reject(new Error("the server ended")));
});
const { hostname, port } = new URL(listening.url);
const agent = new Agent({ keepAlive: true, maxSockets: clients });

function send(method, path, body) {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const headers = { "Content-Type": "application/json" };
    const asked = request({ hostname, port, path, method, agent, headers }, (answer) => {
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
    asked.end(body === undefined ? undefined : JSON.stringify({ model: listening.models[0], ...body }));
  });
}

/** What an answer says, apart from its name and time: streamed or not, it is the same. */
function contentOf({ text }) {
  if (text.startsWith("{")) {
    const { choices, usage } = JSON.parse(text);
    return {
      content: JSON.stringify(choices.map((one) => [one.text, one.finish_reason])),
      tokens: usage.completion_tokens,
    };
  }
  const events = text.split("\n\n").slice(0, -2);
  const all = [];
  let tokens = 0;
  for (const event of events) {
    const { choices, usage } = JSON.parse(event.slice("data: ".length));
    for (const { index, text, finish_reason } of choices) {
      all[index] ??= ["", null];
      all[index][0] += text;
      all[index][1] = finish_reason;
    }
    tokens += usage?.completion_tokens ?? 0;
  }
  if (!text.endsWith("data: [DONE]\n\n")) throw new Error("a stream without an end");
  return { content: JSON.stringify(all), tokens };
}

const bodyOf = (one) => (one.stream ? { ...one, stream_options: { include_usage: true } } : one);
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
const count = (n) => Math.round(n).toLocaleString("en-US");
/** What the server says of itself: megabytes, and seconds of CPU so far. */
async function used() {
  const { text } = await send("GET", "/metrics");
  const figure = (name) => Number(text.match(new RegExp(`^${name} (\\S+)`, "m"))?.[1]);
  return {
    resident: figure("process_resident_memory_bytes") / 1e6,
    heap: figure("nodejs_heap_size_used_bytes") / 1e6,
    cpu: figure("process_cpu_seconds_total"),
  };
}
const perToken = (cpu, tokens) => `${((cpu / tokens) * 1e6).toFixed(1)} µs of CPU a token`;

// One after the other: what a quiet server answers, and how fast. The first round warms up, unless one takes long.
const expected = [];
const beginMs = performance.now();
let alone = 0;
for (let round = 0; round < 3 && performance.now() - beginMs < 20_000; round++) {
  const [startMs, before] = [performance.now(), await used()];
  let tokens = 0;
  for (const [k, one] of requests.entries()) {
    const answer = await send("POST", "/v1/completions", bodyOf(one));
    const found = contentOf(answer);
    tokens += found.tokens;
    expected[k] ??= found.content;
    if (expected[k] !== found.content) fail(`request ${k}: a quiet server answers differently the second time`);
  }
  const rate = (tokens / (performance.now() - startMs)) * 1000;
  const cpu = perToken((await used()).cpu - before.cpu, tokens);
  console.log(`one after the other, round ${round + 1}: ${count(rate)} tokens/s, ${cpu}`);
  if (round > 0 || performance.now() - beginMs > 20_000) alone = Math.max(alone, rate);
}

const totals = { answers: 0, tokens: 0, refused: 0, wrong: 0, failed: 0 };
const [times, firsts, rates] = [[], [], []];
const cpuBefore = (await used()).cpu;
const startMs = performance.now();
const endMs = startMs + 1000 * seconds;
let next = 0;
async function client() {
  while (performance.now() < endMs) {
    const k = next++ % requests.length;
    try {
      const answer = await send("POST", "/v1/completions", bodyOf(requests[k]));
      if (answer.status === 429) {
        totals.refused++;
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      const { content, tokens } = answer.status === 200 ? contentOf(answer) : { content: answer.text, tokens: 0 };
      if (answer.status !== 200) totals.failed++;
      else if (content !== expected[k]) totals.wrong++;
      totals.answers++;
      totals.tokens += tokens;
      times.push(answer.ms);
      if (requests[k].stream) firsts.push(answer.firstMs);
    } catch (error) {
      totals.failed++;
      console.log(`request ${k}: ${error.message}`);
    }
  }
}
const parts = 6;
const watching = (async () => {
  for (let part = 1, before = 0; part <= parts; part++) {
    await new Promise((resolve) => setTimeout(resolve, startMs + (part * 1000 * seconds) / parts - performance.now()));
    const { resident, heap } = await used();
    const rate = (totals.tokens - before) / (seconds / parts);
    before = totals.tokens;
    rates.push(rate);
    const at = count((performance.now() - startMs) / 1000);
    console.log(`${at} s: ${count(rate)} tokens/s, resident ${count(resident)} MB, heap ${count(heap)} MB`);
  }
})();
await Promise.all([...Array.from({ length: clients }, client), watching]);
const elapsed = (performance.now() - startMs) / 1000;
const cpu = (await used()).cpu - cpuBefore;
server.kill("SIGTERM");
const code = await new Promise((resolve) => server.once("exit", resolve));

times.sort((a, b) => a - b);
firsts.sort((a, b) => a - b);
rates.sort((a, b) => a - b);
const rate = totals.tokens / elapsed;
const shown = (sorted) => [0.5, 0.95, 0.99].map((q) => `${count(quantile(sorted, q))} ms`).join(", ");
console.log(`
${clients} clients for ${count(elapsed)} s: ${count(totals.answers)} answers, ${count(rate)} tokens/s (parts: ${rates.map(count).join(", ")})
times of an answer, median, 95 %, 99 %: ${shown(times)}; to the first piece of a stream: ${shown(firsts)}
refused with 429: ${totals.refused}; other failures: ${totals.failed}; different from a quiet server's: ${totals.wrong}
${perToken(cpu, totals.tokens)}, ${((100 * cpu) / elapsed).toFixed(0)} % of a core; one after the other: ${count(alone)} tokens/s; ratio ${(rate / alone).toFixed(2)}; the server ended with ${code}`);
process.exit(totals.failed + totals.wrong + code === 0 && totals.answers > 0 ? 0 : 1);
