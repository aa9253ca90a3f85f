/**
 * How long `unrolled train` takes to its first update, and how much memory: `node scripts/first-update.mjs TEXT [BUILD...]`.
 * A build is the folder of a checkout that was built; this one where none is named. Each of them trains in turn, so that
 * whatever else the machine does meets all of them: `--rounds 3` times, on `--tokens char,word,bpe`, with any other option
 * passed on to `unrolled train`.
 *
 * The first update is made where the first line of `--json` says that the training is at step 1, for which `--save-every 1`
 * asks. The seconds are from the start of the process; CPU seconds are those of all its threads. Memory is the highest that
 * was resident (`VmHWM`), and what was on the JavaScript heap and beside it is in it. For Linux, whose /proc has both.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fail, root } from "./steps.mjs";

const positionals = [];
const passedOn = [];
const own = { "--rounds": "3", "--tokens": "char,word,bpe" };
for (let k = 2; k < process.argv.length; k++) {
  const word = process.argv[k];
  if (!word.startsWith("--")) positionals.push(word);
  else if (word in own) own[word] = process.argv[++k];
  else passedOn.push(word, process.argv[++k]);
}
const [text, ...builds] = positionals;
if (text === undefined) fail("first-update: which text? node scripts/first-update.mjs TEXT [BUILD...]");
if (builds.length === 0) builds.push(root);
for (const build of builds) {
  if (!existsSync(join(build, "dist/cli/main.js")))
    fail(`first-update: ${build} is not built. Run npm run build there.`);
}

const folder = mkdtempSync(join(tmpdir(), "unrolled-first-update-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Ticks of the clock that /proc counts in; 100 a second on every Linux in use. */
const ticksPerSecond = 100;

function usage(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  return { cpuSeconds, peakBytes: 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)[1]) };
}

async function once(build, tokens) {
  const out = join(folder, "model.safetensors");
  const own = ["--tokens", tokens, "--json", "--save-every", "1", "--out", out, "--overwrite"];
  const fromMs = performance.now();
  const child = spawn(
    process.execPath,
    [join(resolve(build), "dist/cli/main.js"), "train", text, ...own, ...passedOn],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let measured;
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, step } = JSON.parse(line);
    if (event !== "progress") continue;
    if (step !== 1) fail(`first-update: ${build} begins with update ${step}`);
    measured = { seconds: (performance.now() - fromMs) / 1000, ...usage(child.pid) };
    break;
  }
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGKILL");
  if (child.exitCode === null) await ended;
  if (measured === undefined) fail(`first-update: ${build} made no update`);
  return measured;
}

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
for (const tokens of own["--tokens"].split(",")) {
  const results = builds.map(() => []);
  for (let round = 0; round < Number(own["--rounds"]); round++) {
    for (const [k, build] of builds.entries()) results[k].push(await once(build, tokens));
  }
  for (const [k, build] of builds.entries()) {
    const of = (key, unit = 1) => {
      const values = results[k].map((one) => one[key] / unit);
      return `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`;
    };
    console.log(
      `${tokens.padEnd(5)} ${of("seconds")} s, CPU ${of("cpuSeconds")} s, peak ${of("peakBytes", 2 ** 20)} MiB  ${build}`,
    );
  }
}
