/**
 * Kill workers of a sweep while it goes on, and look whether a trial was lost or counted twice: a Redis of its own, `unrolled sweep` with
 * early stopping, so many workers, of which one is killed (SIGKILL) every few seconds and a new one started. Then the same sweep by
 * processes of this machine that nobody kills: each trial has to have the same loss at each rung that it has reached in both.
 *
 * node scripts/sweep-kill.mjs [--trials 60] [--workers 3] [--every 20] [--updates 4000] [--seed 0] [--folder FOLDER] [--program FILE]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { fail, root } from "./steps.mjs";

const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries({
      trials: "60",
      workers: "3",
      every: "20",
      updates: "4000",
      seed: "0",
      folder: "",
      program: "",
    }).map(([name, value]) => [name, { type: "string", default: value }]),
  ),
});
const program = values.program || join(root, "dist/cli/main.js");
const folder = values.folder || mkdtempSync(join(tmpdir(), "unrolled-sweep-"));
const space = {
  cell: ["lstm", "gru", "simple-rnn"],
  units: [32, 64, 128],
  layers: [1, 2],
  rate: { from: 0.0003, to: 0.1, scale: "log" },
  dropout: { from: 0, to: 0.3 },
};
writeFileSync(join(folder, "space.json"), JSON.stringify(space));

/** Of a process: what it wrote, and its end. */
function start(command, args, show = false) {
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
      if (show) process.stdout.write(chunk);
    });
  }
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
  return { child, ended };
}
const unrolled = (...args) => start(process.execPath, [program, ...args]);
const results = (name) =>
  readFileSync(join(folder, name, "results.jsonl"), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

const socket = join(folder, "redis.sock");
const redis = start("redis-server", ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]);
redis.ended.catch(() => fail("redis-server is not installed: apt-get install redis-server"));
await wait(1000);
const common = ["--space", "space.json", "--trials", values.trials, "--asha", "--updates", values.updates];
const all = [...common, "--seed", values.seed, "--overwrite"];

const startMs = performance.now();
const sweep = unrolled("sweep", ...all, "--out", "killed", "--redis", socket);
const workers = [];
const hire = () => workers.push(unrolled("worker", "--redis", socket, "--threads", "1"));
for (let k = 0; k < Number(values.workers); k++) hire();
let kills = 0;
const killing = setInterval(() => {
  workers.splice(Math.floor(Math.random() * workers.length), 1)[0].child.kill("SIGKILL");
  kills++;
  hire();
}, 1000 * Number(values.every));
const ended = await sweep.ended; // Its lines are those of a terminal that is none: one for each result.
clearInterval(killing);
const seconds = (performance.now() - startMs) / 1000;
for (const { child } of workers) child.kill("SIGKILL");
redis.child.kill();
if (ended.code !== 0) fail(`the sweep ended with ${ended.code}: ${ended.output}`);
console.log(ended.output.split("\n").slice(-15).join("\n"));

const quietMs = performance.now();
const quiet = await unrolled("sweep", ...all, "--out", "quiet").ended;
if (quiet.code !== 0) fail(`the quiet sweep ended with ${quiet.code}: ${quiet.output}`);
const quietSeconds = (performance.now() - quietMs) / 1000;

const [killed, beside] = [results("killed"), results("quiet")];
const numbers = killed.map(({ trial }) => trial);
const wanted = Array.from({ length: Number(values.trials) }, (_, k) => k + 1);
if (String(numbers) !== String(wanted)) fail(`trials ${numbers} in place of ${wanted}`);
const measured = (ended.output.match(/^trial +\d+ of /gm) ?? []).length;
const rungs = killed.reduce((sum, trial) => sum + trial.rungs.length, 0);
if (measured !== rungs) fail(`${measured} results were told, and ${rungs} are written`);
const open = killed.filter(
  ({ status, sent, rungs }) => status === "running" || sent !== rungs.length || status === "failed",
);
if (open.length > 0) fail(`not at an end: ${JSON.stringify(open)}`);
let compared = 0;
for (const { trial, rungs } of killed) {
  rungs.forEach(([update, loss], k) => {
    const other = beside[trial - 1].rungs[k];
    if (other === undefined) return;
    compared++;
    if (other[0] !== update || other[1] !== loss) fail(`trial ${trial}, rung ${k + 1}: ${[update, loss]} and ${other}`);
  });
}
const updates = (trials) => trials.reduce((sum, trial) => sum + trial.updates, 0);
const best = (trials) => Math.min(...trials.map(({ loss }) => loss ?? Infinity));
console.log(
  `${kills} kills in ${seconds.toFixed(0)} s: ${killed.length} trials, ${rungs} results, each once; ${compared} of them also in the quiet ` +
    `sweep (${quietSeconds.toFixed(0)} s), with the same loss to the bit. Updates ${updates(killed)} and ${updates(beside)}, best loss ` +
    `${best(killed)} and ${best(beside)}.`,
);
process.exit(0);
