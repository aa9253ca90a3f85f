/**
 * Kills `unrolled train` at random moments and resumes it, again and again: whatever the moment, the file is whole, and what
 * was resumed to its end is, byte for byte, what it would have been.
 *
 *   node scripts/kill.mjs [--kills 500] [--threads 1] [--seed 1] [-- more options of train]
 *
 * Ends with 1 at the first file that is damaged or another; the last line says what was counted, as JSON.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createRandom } from "../dist/nn/random.js";
import { readLanguageModel } from "../dist/tasks/language-model.js";

const { values, positionals } = parseArgs({
  options: {
    kills: { type: "string", default: "500" },
    threads: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
  },
  allowPositionals: true,
});
const kills = Number(values.kills);
const random = createRandom(Number(values.seed));
const program = new URL("../dist/cli/main.js", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "unrolled-kill-"));

const words = "the cat a dog my hen sat ran hid here there and then it was not".split(" ");
const text = Array.from({ length: 900 }, (_, k) => words[(k * k + (k >> 3)) % words.length]).join(" ");
writeFileSync(join(folder, "text.txt"), text);

const shape = "--units 8 --embedding 4 --batch 4 --steps 12 --layers 2 --dropout 0.1 --epochs 6 --rate 0.05".split(" ");
const saving = ["--save-every", "5", "--sample", "0", "--threads", values.threads];

/** A run of train to its end, or until it is killed after so long. */
async function train(args, killAfterMs = Number.POSITIVE_INFINITY) {
  const child = spawn(process.execPath, [program, "train", "text.txt", ...saving, ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    said += chunk;
  });
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, said })));
  const timer = Number.isFinite(killAfterMs) && setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const watched = watch(child, args);
  const result = await ended;
  clearTimeout(timer);
  await watched;
  if (result.code !== 0 && result.signal !== "SIGKILL") fail(`train ended with ${result.code}: ${said}`);
  return result;
}

let reads = 0;
/** While it runs, whoever reads the file finds it whole. Each state of it is read once. */
async function watch(child, args) {
  const out = args[args.indexOf("--out") + 1];
  let known = "";
  while (child.exitCode === null && child.signalCode === null) {
    const { ino, size, mtimeNs } = statSync(join(folder, out), { bigint: true, throwIfNoEntry: false }) ?? {};
    const state = `${ino} ${size} ${mtimeNs}`;
    if (state !== known) stepIn(out);
    known = state;
    await wait(20);
  }
}

/** The update of the model in a file, which must be whole; none where it is not there. */
function stepIn(out) {
  const path = join(folder, out);
  if (!existsSync(path)) return undefined;
  try {
    reads++;
    return readLanguageModel(readFileSync(path), out).training.step;
  } catch (error) {
    return fail(`${out}: ${error.message}`);
  }
}

function fail(problem) {
  console.error(`${problem}\nseed ${values.seed}, threads ${values.threads}; the files are in ${folder}`);
  process.exit(1);
}

const startMs = performance.now();
await train(["--out", "whole.safetensors", ...shape, ...positionals]);
const usualMs = performance.now() - startMs;
/** Kills come within so long: where the machine is busy in other ways than at first, no longer or shorter than a run takes. */
let reachMs = usualMs;
const whole = readFileSync(join(folder, "whole.safetensors"));

const counts = { kills: 0, beforeAnyFile: 0, withFile: 0, resumed: 0, finished: 0 };
for (let k = 0; counts.kills < kills || existsSync(join(folder, `${k}.safetensors`)); ) {
  const out = `${k}.safetensors`;
  const before = stepIn(out);
  if (before !== undefined) counts.resumed++;
  // What a run is told is told once: the rest is in its file.
  const args = before === undefined ? ["--out", out, ...shape, ...positionals] : ["--out", out, "--resume"];
  const fromMs = performance.now();
  const { signal } = await train(args, counts.kills < kills ? reachMs * (0.1 + random.uniform()) : undefined);
  if (signal !== "SIGKILL") reachMs = Math.min(reachMs, 1.1 * (performance.now() - fromMs));
  const after = stepIn(out);
  if (signal === "SIGKILL") {
    counts.kills++;
    if (counts.kills % 50 === 0) console.error(`${counts.kills} kills, ${counts.finished} trainings finished`);
    counts[after === undefined ? "beforeAnyFile" : "withFile"]++;
    if (after === before) reachMs *= 1.2; // It came to nothing.
    if (before !== undefined && !(after >= before)) fail(`${out}: update ${after} after update ${before}`);
  } else {
    if (!readFileSync(join(folder, out)).equals(whole)) fail(`${out}: is not what an uninterrupted run writes`);
    counts.finished++;
    rmSync(join(folder, out));
    k++;
  }
}
const leftovers = readdirSync(folder).filter((name) => name.endsWith(".tmp")).length;
const sha256 = createHash("sha256").update(whole).digest("hex");
const facts = { threads: Number(values.threads), usualMs: Math.round(usualMs), reads, leftovers, sha256 };
console.log(JSON.stringify({ ...facts, ...counts }));
rmSync(folder, { recursive: true });
