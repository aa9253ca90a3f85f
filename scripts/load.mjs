/**
 * `npm run load -- [MODEL] [options]`: many clients at once at `unrolled serve` on loopback. Every answer is compared with the one
 * of a quiet server; says tokens a second beside one request after the other, times and memory.
 *
 *     --clients N --seconds N --threads N --requests N
 *     --new-connections   each request over a connection of its own; says what a health check takes meanwhile
 *     --open-loop         requests come at a fixed rate, 1.5 times (--factor N) the capacity that is measured first
 *     --max-tokens N      most tokens of a request
 *     --busy N            so many clients more have long texts written all the time: the model is never idle
 *     --attack            small requests that are much work, answers that nobody reads, bodies that do not end: see scripts/attacks.mjs
 *     --only TEXT         of the attacks, those whose name has it
 *     --heap MB           heap of the server
 *     --server FILE       dist/cli/main.js of another build; several are measured in turn, --rounds N times
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { attack } from "./attacks.mjs";
import { count, quantile, serve, times as shown, watchHealth } from "./serving.mjs";
import { build, ensureInstalled, fail, isBuilt, root } from "./steps.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string", default: "200" },
    seconds: { type: "string", default: "60" },
    threads: { type: "string", default: "1" },
    requests: { type: "string", default: "500" },
    "new-connections": { type: "boolean", default: false },
    "open-loop": { type: "boolean", default: false },
    factor: { type: "string", default: "1.5" },
    "max-tokens": { type: "string" },
    busy: { type: "string", default: "0" },
    attack: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    heap: { type: "string" },
    server: { type: "string", multiple: true },
    rounds: { type: "string", default: "1" },
  },
});
const [model = join(root, "models/moby-dick.safetensors")] = positionals;
const [clients, seconds] = [Number(values.clients), Number(values.seconds)];
const own = join(root, "dist/cli/main.js");
const servers = (values.server ?? [own]).map((file) => resolve(file));
if (!existsSync(model)) fail(`${model}: there is no such file. npm start trains it.`, 2);

ensureInstalled();
if (servers.includes(own) && !isBuilt() && (await build()) !== 0) fail("The build failed; the lines above say where.");

/** Lengths of prompts and texts as they come: most short, some long. */
const kinds = [
  { prompt: "Call me", max_tokens: 16 },
  { prompt: "The whale ".repeat(3), max_tokens: 64 },
  { prompt: "It was a dark night, and the ship ".repeat(8), max_tokens: 128, temperature: 0.7 },
  { prompt: "Ahab ", max_tokens: 400, stop: "\n\n" },
  { prompt: "", max_tokens: 100, n: 2, logprobs: 1 },
];
const maxTokens = Number(values["max-tokens"] ?? Infinity);
/** Different requests: as many as answers to be remembered. */
const requests = Array.from({ length: Number(values.requests) }, (_, k) => {
  const kind = kinds[k % kinds.length];
  return { ...kind, max_tokens: Math.min(kind.max_tokens, maxTokens), seed: k, stream: k % 4 === 3 };
});

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
    if (event.startsWith(":")) continue; // Keeps the connection alive.
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
const perToken = (cpu, tokens) => `${((cpu / tokens) * 1e6).toFixed(1)} µs of CPU a token`;

/** One after the other: what a quiet server answers, and how fast. The first round warms up, unless one takes long. */
async function askQuietly({ send, used }) {
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
  return { expected, alone };
}

/** What has become of requests. */
const createTotals = () => ({
  answers: 0,
  tokens: 0,
  refused: 0,
  wrong: 0,
  failed: 0,
  times: [],
  firsts: [],
  refusals: [],
});

/** Ask for one, and count what comes. */
async function ask({ send }, k, expected, totals, options) {
  try {
    const answer = await send("POST", "/v1/completions", bodyOf(requests[k]), options);
    if (answer.status === 429) {
      totals.refused++;
      totals.refusals.push(answer.ms);
      return "refused";
    }
    const { content, tokens } = answer.status === 200 ? contentOf(answer) : { content: answer.text, tokens: 0 };
    if (answer.status !== 200) totals.failed++;
    else if (content !== expected[k]) totals.wrong++;
    totals.answers++;
    totals.tokens += tokens;
    totals.times.push(answer.ms);
    if (requests[k].stream) totals.firsts.push(answer.firstMs);
  } catch (error) {
    if (totals.failed++ === 0) console.log(`request ${k}: ${error.message}`);
  }
  return "answered";
}

/** As many clients as there are, each asking again once it has been answered; `onPart` sees the totals now and then. */
async function closedLoop(server, expected, forSeconds, onPart = () => {}) {
  const totals = createTotals();
  const options = values["new-connections"] ? { agent: false } : {};
  const startMs = performance.now();
  const endMs = startMs + 1000 * forSeconds;
  let next = 0;
  async function client() {
    while (performance.now() < endMs) {
      if ((await ask(server, next++ % requests.length, expected, totals, options)) === "refused") await sleep(100);
    }
  }
  const parts = 6;
  const watching = (async () => {
    for (let part = 1; part <= parts; part++) {
      await sleep(Math.max(0, startMs + (part * 1000 * forSeconds) / parts - performance.now()));
      await onPart(totals, performance.now() - startMs, forSeconds / parts);
    }
  })();
  await Promise.all([...Array.from({ length: clients }, client), watching]);
  return { ...totals, elapsed: (performance.now() - startMs) / 1000 };
}

/** Requests at a fixed rate, whether those before have been answered or not. */
async function openLoop(server, expected, forSeconds, rate) {
  const totals = createTotals();
  const options = values["new-connections"] ? { agent: false } : {};
  const all = [];
  const startMs = performance.now();
  for (let sent = 0; performance.now() - startMs < 1000 * forSeconds; ) {
    const due = ((performance.now() - startMs) / 1000) * rate;
    for (; sent < due; sent++) all.push(ask(server, sent % requests.length, expected, totals, options));
    await sleep(1);
  }
  const elapsed = (performance.now() - startMs) / 1000;
  const within = totals.answers;
  await Promise.all(all);
  return { ...totals, within, elapsed, sent: all.length };
}

/** Long texts that are written until it is stopped; gives their tokens. */
function keepBusy({ send }) {
  let stopped = false;
  let tokens = 0;
  const all = Array.from({ length: Number(values.busy) }, async () => {
    while (!stopped) {
      const { status, text } = await send("POST", "/v1/completions", { prompt: "Ahab ", max_tokens: 2000 });
      if (status === 200) tokens += JSON.parse(text).usage.completion_tokens;
      else await sleep(100);
    }
  });
  return async () => {
    stopped = true;
    await Promise.all(all);
    return tokens;
  };
}

const sort = (list) => list.sort((a, b) => a - b);
const optionsOf = () => ({
  args: ["--threads", values.threads],
  nodeArgs: values.heap === undefined ? [] : [`--max-old-space-size=${values.heap}`],
  sockets: clients + Number(values.busy),
});

/** The first kind of measurement: every answer compared, and beside one after the other. */
async function measure(main) {
  const server = await serve(main, model, optionsOf());
  const { expected, alone } = await askQuietly(server);
  const rates = [];
  const cpuBefore = (await server.used()).cpu;
  let before = 0;
  const stop = values["new-connections"] ? watchHealth(server) : undefined;
  const relax = keepBusy(server);
  const totals = await closedLoop(server, expected, seconds, async (soFar, ms, partSeconds) => {
    const { resident, heap } = await server.used();
    const rate = (soFar.tokens - before) / partSeconds;
    before = soFar.tokens;
    rates.push(rate);
    const memory = `resident ${count(resident)} MB, heap ${count(heap)} MB`;
    console.log(`${count(ms / 1000)} s: ${count(rate)} tokens/s, ${memory}`);
  });
  const health = await stop?.();
  const busyTokens = await relax();
  const cpu = (await server.used()).cpu - cpuBefore;
  const code = await server.end();
  const { answers, tokens, elapsed, refused, failed, wrong, times, firsts } = totals;
  const rate = tokens / elapsed;
  sort(rates);
  sort(times);
  sort(firsts);
  console.log(`
${clients} clients for ${count(elapsed)} s: ${count(answers)} answers, ${count(answers / elapsed)} a second, ${count(rate)} tokens/s (parts: ${rates.map(count).join(", ")})
times of an answer, median, 95 %, 99 %: ${shown(times, 0.5, 0.95, 0.99)}; to the first piece of a stream: ${shown(firsts, 0.5, 0.95, 0.99)}
refused with 429: ${refused}; other failures: ${failed}; different from a quiet server's: ${wrong}
${perToken(cpu, tokens)}, ${((100 * cpu) / elapsed).toFixed(0)} % of a core; one after the other: ${count(alone)} tokens/s; ratio ${(rate / alone).toFixed(2)}; the server ended with ${code}`);
  if (Number(values.busy) > 0)
    console.log(`${values.busy} clients with long texts: ${count(busyTokens / elapsed)} tokens/s more`);
  if (health)
    console.log(
      `health, over a new connection: ${shown(health.times, 0.5, 0.99)} (median, 99 %), ${health.failed} failed`,
    );
  return { ok: failed + wrong + code === 0 && answers > 0, "answers/s": answers / elapsed };
}

/** How much it can do, and then more than that. */
async function overload(main) {
  const server = await serve(main, model, optionsOf());
  const { expected } = await askQuietly(server);
  const relax = keepBusy(server);
  const capacity = await closedLoop(server, expected, Math.max(5, seconds / 3));
  const most = capacity.answers / capacity.elapsed;
  const rate = Number(values.factor) * most;
  console.log(
    `${clients} clients: ${count(most)} answers/s, median ${shown(sort(capacity.times), 0.5)}. Now ${count(rate)} requests/s come, whatever is answered.`,
  );
  const stop = watchHealth(server);
  const totals = await openLoop(server, expected, seconds, rate);
  const health = await stop();
  await relax();
  const { resident, heap } = await server.used();
  const code = await server.end();
  const { within, elapsed, sent, refused, refusals, failed, wrong, times } = totals;
  console.log(`
${count(sent)} requests in ${count(elapsed)} s, ${count(sent / elapsed)} a second: ${count(within / elapsed)} answers/s, median, 99 %: ${shown(sort(times), 0.5, 0.99)}
refused with 429: ${refused}, median, 99 %: ${shown(sort(refusals), 0.5, 0.99)}; other failures: ${failed}; different from a quiet server's: ${wrong}
health, over a new connection, median, 99 %: ${shown(health.times, 0.5, 0.99)} (${health.times.length}, ${health.failed} failed); resident ${count(resident)} MB, heap ${count(heap)} MB; ended with ${code}`);
  return {
    ok: wrong + code === 0,
    "answers/s of 1.0": most,
    "answers/s": within / elapsed,
    "health median ms": quantile(health.times, 0.5),
    "health 99 % ms": quantile(health.times, 0.99),
    "429 median ms": quantile(refusals, 0.5),
  };
}

const act = values.attack
  ? (main) => attack(main, model, { heap: Number(values.heap ?? 512), only: values.only })
  : values["open-loop"]
    ? overload
    : measure;
const found = servers.map(() => []);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [k, main] of servers.entries()) {
    if (servers.length * Number(values.rounds) > 1) console.log(`\n== ${main}, round ${round + 1}`);
    found[k].push(await act(main));
  }
}
if (servers.length * Number(values.rounds) > 1) {
  for (const [k, main] of servers.entries()) {
    console.log(`\n${main}`);
    for (const name of Object.keys(found[k][0] ?? {}).filter((name) => name !== "ok")) {
      const all = sort(found[k].map((one) => one[name]));
      console.log(`  ${name}: median ${count(quantile(all, 0.5))} (${all.map(count).join(", ")})`);
    }
  }
}
process.exit(found.flat().every(({ ok }) => ok) ? 0 : 1);
