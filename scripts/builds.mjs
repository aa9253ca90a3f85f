/**
 * How fast one build is beside another: the shapes of `npm run bench`, a step of each build in turn, each in a process of its own.
 *
 *   node scripts/builds.mjs OTHER/dist dist [--rounds 15] [--threads 2] [SHAPE]...
 *
 * A row has tokens a second of both (medians), and the second's over the first's: the median of the rounds' ratios, with the
 * quartiles. It ends with 1 where a ratio is below 0.98.
 */
import { fork } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

if (process.argv[2] === "--child") await child(process.argv[3], process.argv[4], Number(process.argv[5]));
else process.exitCode = await compare();

/** Steps when told. */
async function child(dist, name, threads) {
  const load = (file) => import(pathToFileURL(resolve(dist, file)).href);
  const { shapes, tokensAStep } = await load("bench/shapes.js");
  const { startUnrolled } = await load("bench/unrolled.js");
  const shape = shapes.find((one) => one.name === name);
  const own = await startUnrolled(shape, threads);
  const each = tokensAStep(shape);
  process.on("message", async ({ steps }) => {
    let ms = 0;
    for (let k = 0; k < steps; k++) ms += await own.step();
    process.send({ ms, tokens: each * steps });
  });
  process.send({ ready: true });
}

async function compare() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: "string", default: "15" }, threads: { type: "string", default: "2" } },
  });
  const [first, second, ...wanted] = positionals;
  const { shapes } = await import(pathToFileURL(resolve(second, "bench/shapes.js")).href);
  const names = shapes.map(({ name }) => name).filter((name) => wanted.length === 0 || wanted.includes(name));
  let slowest = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const ratio = await row(name, [first, second], Number(values.rounds), values.threads);
    slowest = Math.min(slowest, ratio);
  }
  console.log(`the slowest: ${slowest.toFixed(3)}`);
  return slowest < 0.98 ? 1 : 0;
}

async function row(name, builds, rounds, threads) {
  const children = await Promise.all(
    builds.map(async (dist) => {
      const one = fork(import.meta.filename, ["--child", dist, name, threads]);
      await answer(one);
      return one;
    }),
  );
  try {
    const step = async (one, steps) => {
      one.send({ steps });
      const { ms, tokens } = await answer(one);
      return { rate: (1000 * tokens) / ms, ms };
    };
    // As many steps a round as take about a quarter of a second, after some that compile and warm up.
    for (const one of children) await step(one, 2);
    const { ms } = await step(children[0], 2);
    const steps = Math.max(1, Math.min(200, Math.round(500 / ms)));
    for (const one of children) await step(one, steps);
    const [rates, ratios] = [[[], []], []];
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      for (const k of order) rates[k].push((await step(children[k], steps)).rate);
      ratios.push(rates[1].at(-1) / rates[0].at(-1));
    }
    const at = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))];
    const shown = (values) => Math.round(at(values, 0.5)).toLocaleString("en-US").padStart(9);
    const quartiles = `${at(ratios, 0.25).toFixed(3)} to ${at(ratios, 0.75).toFixed(3)}`;
    console.log(
      `${name.padEnd(36)}${shown(rates[0])}${shown(rates[1])}   ${at(ratios, 0.5).toFixed(3)}  (${quartiles})`,
    );
    return at(ratios, 0.5);
  } finally {
    for (const one of children) one.kill();
  }
}

function answer(one) {
  return new Promise((done, failed) => {
    const ended = (code) => failed(new Error(`a build ended with ${code}`));
    one.once("exit", ended);
    one.once("message", (message) => {
      one.off("exit", ended);
      done(message);
    });
  });
}
