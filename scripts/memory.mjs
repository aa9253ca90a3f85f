/**
 * Whether memory stays flat: a thousand calls each of `predict`, `fit`, `createTrainer`, `generate` and their like at 128 and
 * at 1,024 units, with threads. After `npm run build`: `node scripts/memory.mjs [CALLS] [NAME]`, calls a row, and a part of a row's
 * name. Ends with 1 where a row's memory after the last calls is more than 5 % above that after the first tenth.
 *
 * What is measured is the resident memory of the process as the system counts it, in a process of its own for each row, with
 * Node's own settings, and no collection is asked for. It moves by a few MB with the collector, so that a figure is the median
 * over 20 calls (or a tenth of all, if fewer); the highest of all calls is told beside it. V8's room for new objects is used
 * once before the first call that counts: it is 16 MB in any program after a few seconds, and calls of 128 units, which leave
 * 50 KB each to be collected, would take 300 to have touched all of it.
 * The data are small, since a program's memory is what matters: 2 examples of 4 steps. What is never disposed of waits for
 * the collector, so that it is bounded and not flat: test/runtime/flat-memory.test.ts.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const most = 0.05;
const self = fileURLToPath(import.meta.url);
const unrolled = await import("../dist/index.js");
const { adam, createPredictor, createRandom, createSession, createTrainer, dense, embedding } = unrolled;
const { evaluate, fit, generate, languageModel, lstm, predict, sequential } = unrolled;

const [vocabulary, batch, steps, threads] = [65, 2, 4, 2];
const modelOf = (units) =>
  sequential([embedding(vocabulary, 64), lstm(units, { returnSequences: true }), dense(vocabulary)]);
const random = createRandom(1);
const tokens = (count) => Int32Array.from({ length: count }, () => random.integer(vocabulary));
const data = () => ({ data: tokens(batch * steps), shape: [batch, steps] });

/** What a call is, by name: made once for a number of units, then called again and again. */
const calls = {
  predict(units) {
    const model = modelOf(units);
    return () => predict(model, data(), { threads });
  },
  fit(units) {
    const model = modelOf(units);
    return () => fit(model, data(), data(), { threads, optimizer: adam({ learningRate: 1e-6 }) });
  },
  evaluate(units) {
    const model = modelOf(units);
    return () => evaluate(model, data(), data(), { threads });
  },
  createTrainer(units) {
    const model = modelOf(units);
    return async () => {
      const trainer = await createTrainer(model, { batch, steps, threads });
      await trainer.update(tokens(batch * steps), tokens(batch * steps));
      trainer.dispose();
    };
  },
  generate(units) {
    const lm = languageModel("the quick brown fox jumps over the lazy dog. ".repeat(4), { units });
    return async () => {
      for await (const _ of generate(lm, { prompt: "the ", length: 8, threads }));
    };
  },
  "generate, left after 2 tokens"(units) {
    const lm = languageModel("the quick brown fox jumps over the lazy dog. ".repeat(4), { units });
    return async () => {
      let written = 0;
      for await (const _ of generate(lm, { prompt: "the ", length: 8, threads })) if (++written === 2) break;
    };
  },
  createPredictor(units) {
    const model = modelOf(units);
    return async () => {
      const predictor = await createPredictor(model, { batch, steps, threads });
      await predictor.predict(tokens(batch * steps));
      predictor.dispose();
    };
  },
  createSession(units) {
    const model = modelOf(units);
    return async () => {
      const session = await createSession(model, { threads });
      session.next(1);
      session.dispose();
    };
  },
};

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** One row, in this process: resident bytes after each call. */
async function measure(name, units, count) {
  const call = calls[name](units);
  const resident = [];
  for (let k = 0; k < 20; k++) await call();
  for (let left = 2 ** 26; left > 0; left -= 1000) new Array(125).fill(0);
  for (let k = 0; k < count; k++) {
    await call();
    resident.push(process.memoryUsage.rss());
  }
  return resident;
}

if (process.argv[2] === "--row") {
  const [name, units, count] = process.argv.slice(3);
  process.stdout.write(JSON.stringify(await measure(name, Number(units), Number(count))));
  process.exit();
}

const count = Number(process.argv[2] ?? 1000);
if (!(Number.isInteger(count) && count >= 10))
  throw new Error(`calls: needs a whole number from 10, got ${process.argv[2]}`);
const wanted = process.argv[3] ?? "";
const window = Math.min(20, Math.ceil(count / 10));
const first = Math.max(window, Math.ceil(count / 10));
const mb = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`.padStart(9);
console.log(`Resident memory, Node ${process.versions.node}, ${threads} threads; medians of ${window} calls`);
console.log(`${"".padEnd(34)} units  call ${first}  call ${count}    highest  difference`);
let failed = false;
for (const name of Object.keys(calls).filter((one) => one.includes(wanted))) {
  for (const units of [128, 1024]) {
    const { stdout, status } = spawnSync(process.execPath, [self, "--row", name, `${units}`, `${count}`], {
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(`${name} at ${units} units: the process ended with ${status}`);
    const resident = JSON.parse(stdout);
    const [early, late] = [first, count].map((end) => median(resident.slice(end - window, end)));
    const difference = late / early - 1;
    const flat = difference <= most;
    if (!flat) failed = true;
    const shown = `${(100 * difference).toFixed(1)} %`.padStart(9);
    const sizes = [early, late, resident.reduce((a, b) => Math.max(a, b))].map(mb).join(" ");
    console.log(`${name.padEnd(34)} ${String(units).padStart(5)} ${sizes} ${shown}${flat ? "" : "   not flat"}`);
  }
}
process.exitCode = failed ? 1 : 0;
