/**
 * `node scripts/scale-out.mjs [MODEL] [options]`, after `npm run build`: many clients with sealed sessions at several processes of
 * `unrolled serve`, on loopback. Every answer is compared with the one of a quiet server with stored sessions.
 *
 *     --clients N --seconds N --turns N
 *     --workers N         of each of the replicas that restart
 *     --restarts N        rolling restarts of two replicas behind nginx, with examples/serving/nginx.conf
 *     --without TEXT      of that configuration, to see what it is for; repeatable
 *     --only TEXT         of the parts (replicas, nginx, workers, refused, restarts), those whose name has it
 *
 * Ends with 1 where an answer is wrong or lost. The parts with nginx need it installed (Debian: apt-get install nginx-light).
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { count, times } from "./serving.mjs";
import { fail, isBuilt, root } from "./steps.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string", default: "200" },
    seconds: { type: "string", default: "15" },
    turns: { type: "string", default: "6" },
    restarts: { type: "string", default: "10" },
    workers: { type: "string", default: "1" },
    without: { type: "string", multiple: true, default: [] },
    only: { type: "string", default: "" },
  },
});
const model = resolve(positionals[0] ?? join(root, "models/moby-dick.safetensors"));
const [clients, seconds, turns] = [Number(values.clients), Number(values.seconds), Number(values.turns)];
const restarts = Number(values.restarts);
if (!isBuilt()) fail("dist is not built: npm run build.", 2);
const main = join(root, "dist/cli/main.js");
const key = randomBytes(32).toString("base64");
const folder = mkdtempSync(join(tmpdir(), "unrolled-scale-out-"));
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** A port that nobody listens at just now. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** A server in processes of its own; `log` has what it says of each request. */
async function serve(args, { port, keys = key, file = model } = {}) {
  const command = [main, "serve", file, "--port", String(port ?? (await freePort())), "--json", ...args];
  const env = { ...process.env, ...(keys && { UNROLLED_SESSION_KEY: keys }) };
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "pipe"], env });
  running.add(child);
  const log = [];
  let rest = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    log.push(...lines.map((line) => JSON.parse(line)));
  });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const { url, models } = await new Promise((resolve, reject) => {
    child.stdout.once("data", (line) => resolve(JSON.parse(line)));
    ended.then((code) => reject(new Error(`the server ended with ${code}: ${JSON.stringify(log)}`)));
  });
  const end = async () => {
    child.kill("SIGTERM");
    const code = await ended;
    running.delete(child);
    return code;
  };
  return { url, port: Number(new URL(url).port), name: models[0], log, end, ended, child };
}

/** Ask, and resolve with the answer's status and text. @param agent false for a connection of its own */
function post(url, path, body, { agent = false, id } = {}) {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const headers = { "Content-Type": "application/json", ...(id && { "X-Request-Id": id }) };
    const asked = request(`${url}${path}`, { method: "POST", agent, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode, text, ms: performance.now() - startMs }));
      answer.on("error", reject);
    });
    asked.on("error", reject).end(JSON.stringify(body));
  });
}
const at = "/v1/unrolled/sessions";

/** What client c asks in turn t: prompts and answers of several lengths, a quarter as streams. */
const asked = (c, t) => ({
  prompt: ["Call me", "", " The whale ", "\nAhab said: ", " and"][(c + t) % 5],
  max_tokens: [8, 24, 60, 120][(c + 3 * t) % 4],
  temperature: 0.8,
  seed: 100 * c + t,
  stream: (c + t) % 4 === 3,
  ...((c + t) % 7 === 0 && { logprobs: 2 }),
});

/** What an answer says, streamed or not, and its token. */
function contentOf({ status, text }) {
  if (status !== 200) throw new Error(`status ${status}: ${text.slice(0, 200)}`);
  if (text.startsWith("{")) {
    const { choices, session } = JSON.parse(text);
    return { content: JSON.stringify(choices), token: session?.token };
  }
  if (!text.endsWith("data: [DONE]\n\n")) throw new Error("a stream without an end");
  const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
  const data = events.map((event) => JSON.parse(event.slice("data: ".length)));
  const failed = data.find(({ error }) => error !== undefined);
  if (failed !== undefined) throw new Error(failed.error.message);
  return {
    content: data.map(({ choices }) => choices[0]?.text ?? "").join(""),
    token: data.find(({ session }) => session !== undefined)?.session.token,
  };
}

/** Each client's conversation at a server that does nothing else, as stored sessions. */
async function quietly() {
  const server = await serve(["--sessions", "1000", "--sessions-per-key", "1000"], { keys: "" });
  const expected = [];
  for (let c = 0; c < clients; c++) {
    const { id } = JSON.parse((await post(server.url, at, { model: server.name, prompt: "It was" })).text);
    expected[c] = [];
    for (let t = 0; t < turns; t++) {
      expected[c][t] = contentOf(await post(server.url, `${at}/${id}/completions`, asked(c, t))).content;
    }
  }
  await server.end();
  return { expected, name: server.name };
}

/**
 * All clients at once, each with one conversation after another until time is over.
 * @param urlOf where client c sends the request of turn t
 */
async function converse({ expected, name }, urlOf, isOver, { kept = true } = {}) {
  const totals = { answers: 0, wrong: 0, lost: [], times: [], inFlight: 0 };
  const startMs = performance.now();
  async function client(c) {
    const agent = kept ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    const send = async (t, path, body) => {
      totals.inFlight++;
      try {
        return await post(urlOf(c, t), path, body, { agent, id: `c${c}.t${t}` });
      } finally {
        totals.inFlight--;
      }
    };
    while (!isOver()) {
      let t = -1;
      try {
        const begun = await send(t, at, { model: name, prompt: "It was", sealed: true });
        if (begun.status !== 201) throw new Error(`status ${begun.status}: ${begun.text.slice(0, 200)}`);
        let { token } = JSON.parse(begun.text);
        for (t = 0; t < turns && !isOver(); t++) {
          const answer = await send(t, `${at}/sealed/completions`, { ...asked(c, t), token });
          const found = contentOf(answer);
          ({ token } = found);
          totals.answers++;
          totals.times.push(answer.ms);
          if (found.content !== expected[c][t]) totals.wrong++;
        }
      } catch (error) {
        totals.lost.push(`client ${c}, turn ${t}: ${error.message}`);
        await sleep(100);
      }
    }
    if (agent) agent.destroy();
  }
  const all = Promise.all(Array.from({ length: clients }, (_, c) => client(c)));
  return { totals, done: all.then(() => (performance.now() - startMs) / 1000) };
}

function say(what, { answers, wrong, lost, times: all }, elapsed, more = "") {
  const sorted = all.sort((a, b) => a - b);
  console.log(
    `${what}: ${clients} clients for ${count(elapsed)} s, ${count(answers)} answers (${count(answers / elapsed)} a second; median, 95 %, 99 %: ${times(sorted, 0.5, 0.95, 0.99)}); different from a quiet server's: ${wrong}; lost: ${lost.length}${more}`,
  );
  for (const one of lost.slice(0, 5)) console.log(`  ${one}`);
  return wrong + lost.length === 0 && answers > 0;
}

/** How often a client's next request came to another process, from what each process has logged. */
function hopsIn(logs) {
  const by = new Map();
  for (const [k, log] of logs.entries()) {
    for (const { id, time, path, worker = k } of log) {
      const [, c] = /^c(\d+)\.t\d+$/.exec(id ?? "") ?? [];
      if (c !== undefined && path?.startsWith(at)) by.set(c, [...(by.get(c) ?? []), [time, worker]]);
    }
  }
  let [hops, all] = [0, 0];
  for (const list of by.values()) {
    list.sort(([a], [b]) => (a < b ? -1 : 1));
    for (let k = 1; k < list.length; k++) {
      all++;
      if (list[k][1] !== list[k - 1][1]) hops++;
    }
  }
  return `; ${count(hops)} of ${count(all)} next requests came to another process`;
}
const after = (forSeconds) => {
  const endMs = performance.now() + 1000 * forSeconds;
  return () => performance.now() >= endMs;
};

/** nginx with the example's configuration, with these ports. */
async function nginx(ports) {
  const listen = await freePort();
  const example = readFileSync(join(root, "examples/serving/nginx.conf"), "utf8");
  const config = example
    .replace(/replica-(\d):8080/g, (_, k) => `127.0.0.1:${ports[k - 1]}`)
    .replace("listen 80;", `listen 127.0.0.1:${listen};`)
    .replace("http {", `http {\n  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder};`);
  const path = join(folder, "nginx.conf");
  const less = values.without.reduce((text, one) => {
    if (!text.includes(one)) fail(`--without: the configuration has no "${one}"`, 2);
    return text.replaceAll(one, "");
  }, config);
  writeFileSync(path, `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/errors.log;\n${less}`);
  const child = spawn("nginx", ["-p", folder, "-c", path], { stdio: "inherit" });
  running.add(child);
  const url = `http://127.0.0.1:${listen}`;
  await healthy(url);
  return { url, end: () => child.kill("SIGTERM"), errors: () => readFileSync(join(folder, "errors.log"), "utf8") };
}
async function healthy(url) {
  for (let k = 0; ; k++) {
    const found = await fetch(`${url}/healthz`).catch(() => undefined);
    if (found?.ok) return;
    if (k > 1000) fail(`${url}: is not healthy after 20 s`);
    await sleep(20);
  }
}

const proxied = ["--trust-proxy", "loopback", "--drain", "0"];
const parts = {
  async replicas(quiet) {
    const all = [await serve([]), await serve([])];
    const { totals, done } = await converse(quiet, (c, t) => all[(c + t + 2) % 2].url, after(seconds), { kept: false });
    const elapsed = await done;
    for (const one of all) await one.end();
    return say("two replicas, in turn", totals, elapsed, hopsIn(all.map(({ log }) => log)));
  },
  async nginx(quiet) {
    const all = [await serve(proxied), await serve(proxied)];
    const proxy = await nginx(all.map(({ port }) => port));
    const { totals, done } = await converse(quiet, () => proxy.url, after(seconds));
    const elapsed = await done;
    proxy.end();
    for (const one of all) await one.end();
    return say("two replicas behind nginx", totals, elapsed, hopsIn(all.map(({ log }) => log)));
  },
  async workers(quiet) {
    const one = await serve(["--workers", "2"]);
    const { totals, done } = await converse(quiet, () => one.url, after(seconds), { kept: false });
    const elapsed = await done;
    await one.end();
    return say("--workers 2, a connection each", totals, elapsed, hopsIn([one.log]));
  },
  async refused({ name }) {
    const mine = ["--api-key", "mine"];
    // The same model with other values.
    const other = join(folder, "other.safetensors");
    spawnSync(process.execPath, [main, "export", model, other, "--dtype", "f16"], { stdio: "inherit" });
    const all = [
      await serve(mine),
      await serve(mine, { keys: randomBytes(32).toString("base64") }),
      await serve([...mine, "--api-key", "yours"]),
      await serve(mine, { file: other }),
      await serve([...mine, "--session-minutes", "0.01"]),
    ];
    const [server, otherKey, otherClient, otherModel, brief] = all;
    const ask = async (to, path, body, as = "mine") => {
      const headers = { "Content-Type": "application/json", Authorization: `Bearer ${as}` };
      const answer = await fetch(`${to.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      return { status: answer.status, ...(await answer.json()) };
    };
    const { token } = await ask(server, at, { model: name, sealed: true });
    const middle = token.length >> 1;
    const altered = token.slice(0, middle) + (token[middle] === "A" ? "B" : "A") + token.slice(middle + 1);
    const tell = async (what, to, sent, code, as) => {
      const { status, error } = await ask(to, `${at}/sealed/completions`, { token: sent, max_tokens: 1 }, as);
      console.log(`refused, ${what}: ${status} ${error?.code}: ${error?.message}`);
      return error?.code === `session_token_${code}`;
    };
    const found = [
      await tell("altered", server, altered, "altered"),
      await tell("of another server's key", otherKey, token, "key"),
      await tell("of another client", otherClient, token, "client", "yours"),
      await tell("of another model", otherModel, token, "model"),
      await tell("of another version", server, token.replace("us1.", "us2."), "version"),
      await tell("none at all", server, "sess-1", "malformed"),
      await tell("too long", server, `us1.${"A".repeat(1_000_000)}`, "too_long"),
    ];
    const { token: old } = await ask(brief, at, { model: name, sealed: true });
    await sleep(1000);
    found.push(await tell("expired", brief, old, "expired"));
    for (const one of all) await one.end();
    return found.every(Boolean);
  },
  async restarts(quiet) {
    const start = (port) => serve([...proxied, "--workers", values.workers], { port });
    const all = [await start(), await start()];
    const proxy = await nginx(all.map(({ port }) => port));
    let over = false;
    const { totals, done } = await converse(
      quiet,
      () => proxy.url,
      () => over,
    );
    await sleep(2000);
    const flying = [];
    const ends = [];
    for (let k = 0; k < restarts; k++) {
      const old = all[k % 2];
      flying.push(totals.inFlight);
      const startMs = performance.now();
      const code = await old.end();
      ends.push(performance.now() - startMs);
      if (code !== 0) fail(`a replica ended with ${code}`);
      all[k % 2] = await start(old.port);
      await healthy(all[k % 2].url);
      await sleep(500);
    }
    over = true;
    const elapsed = await done;
    const log = proxy.errors();
    proxy.end();
    for (const one of all) await one.end();
    const again = log.split("\n").filter((line) => /upstream/.test(line));
    const kinds = new Map();
    for (const line of again) {
      const [, why = line] = /\d+#\d+: \*\d+ (.*?) while/.exec(line) ?? [];
      kinds.set(why, (kinds.get(why) ?? 0) + 1);
    }
    const sum = flying.reduce((a, b) => a + b, 0);
    const more = `; in flight at the ${restarts} restarts: ${count(sum)} (${flying.join(", ")}); a replica ended within ${times(
      ends.sort((a, b) => a - b),
      0.5,
      1,
    )} (median, longest)`;
    const ok = say("rolling restart", totals, elapsed, more);
    for (const [why, number] of kinds) console.log(`  nginx asked the other replica ${number} times: ${why}`);
    return ok && sum >= 100 * restarts;
  },
};

const hasNginx = spawnSync("nginx", ["-v"]).error === undefined;
const quiet = await quietly();
let ok = true;
for (const [name, part] of Object.entries(parts)) {
  if (!name.includes(values.only)) continue;
  if (["nginx", "restarts"].includes(name) && !hasNginx)
    console.log(`${name}: skipped, because nginx is not installed`);
  else ok = (await part(quiet)) && ok;
}
process.exit(ok ? 0 : 1);
