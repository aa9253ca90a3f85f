/**
 * "LSTM: a search space odyssey" in small: K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink and J. Schmidhuber, 2015
 * (arXiv 1503.04069). The LSTM with peepholes, which they call vanilla, and eight variants, each with one thing changed,
 * learn Bach's chorales. The paper searches through hyperparameters at random for each; here all have the same units, seeds
 * and settings, and two learning rates, of which the one with the better mean validation loss counts.
 */
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Cell, cells, InputError } from "unrolled";
import { type Chorales, readChorales } from "./chorales/pieces.ts";
import { mean } from "./chorales/statistics.ts";
import { defaults, type Outcome, train } from "./chorales/train.ts";
import { plotVariants } from "./chorales/variants-plot.ts";
import { tableOf, type Variant } from "./chorales/variants-table.ts";
import { recipe, writeJson } from "./shared/command.ts";
import { checkWritable } from "./shared/files.ts";

/** The first is what the others are compared with. */
const variants = [
  { variant: "vanilla", cell: "peephole-lstm" },
  { variant: "NIG, no input gate", cell: "lstm-nig" },
  { variant: "NFG, no forget gate", cell: "lstm-nfg" },
  { variant: "NOG, no output gate", cell: "lstm-nog" },
  { variant: "NIAF, no input tanh", cell: "lstm-niaf" },
  { variant: "NOAF, no output tanh", cell: "lstm-noaf" },
  { variant: "CIFG, forgets 1 − i", cell: "lstm-cifg" },
  { variant: "NP, no peepholes", cell: "lstm-np" },
  { variant: "FGR, gates read gates", cell: "lstm-fgr" },
] as const;

/** What is good for one variant is far too much for another. */
const learningRates = [0.002, 0.006] as const;

type Job = {
  readonly cell: string;
  readonly learningRate: number;
  readonly seed: number;
  readonly units: number;
  readonly epochs: number;
};
type Run = Job & Outcome;

if (isMainThread) {
  await recipe({
    name: "odyssey",
    usage: "odyssey FILE --out DIR [options]",
    summary: "the LSTM and eight variants with one thing changed, on Bach's chorales",
    details:
      "FILE is jsb-chorales-quarter.json. Writes DIR/odyssey.md, a table, and DIR/odyssey.svg, a plot.\n" +
      `Each variant learns with rates ${learningRates.join(" and ")}; the better one on the validation set counts.`,
    examples: ["odyssey jsb-chorales-quarter.json --out docs/figures"],
    arguments: [1, 1],
    options: {
      out: { value: "DIR", help: "folder for the table and the plot; made where there is none" },
      seeds: {
        value: "N",
        help: "trainings of each variant with each rate [5]",
        number: { whole: true, min: 2, max: 100 },
      },
      units: { value: "N", help: "of every variant [36]", number: { whole: true, min: 1, max: 10_000 } },
      epochs: {
        value: "N",
        help: `passes over the training pieces at most [${defaults.epochs}]`,
        number: { whole: true, min: 1, max: 100_000 },
      },
      workers: { value: "N", help: "trainings at a time [as many as cores]", number: { whole: true, min: 1, max: 64 } },
    },
    async run(given) {
      const json = given.flag("json");
      const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
      const chorales = readChorales(given.positionals[0] as string);
      const [table, plot] = filesIn(given.text("out"));
      const units = given.number("units") ?? 36;
      const epochs = given.number("epochs") ?? defaults.epochs;
      const jobs: Job[] = [];
      for (let seed = 0; seed < (given.number("seeds") ?? 5); seed++) {
        for (const learningRate of learningRates) {
          for (const { cell } of variants) jobs.push({ cell, learningRate, seed, units, epochs });
        }
      }
      const startMs = performance.now();
      const runs: Run[] = [];
      await inWorkers(chorales, jobs, given.number("workers") ?? availableParallelism(), (run) => {
        runs.push(run);
        const { cell, learningRate, seed, parameters, epoch, validation, test, elapsedMs } = run;
        const losses = { validationLoss: validation.all, testLoss: test.all };
        if (json) writeJson({ cell, learningRate, seed, units, parameters, bestEpoch: epoch, ...losses, elapsedMs });
        say(
          `${runs.length} of ${jobs.length}  ${cell}, rate ${learningRate}, seed ${seed}: validation ` +
            `${validation.all.toFixed(3)} in epoch ${epoch}, test ${test.all.toFixed(3)}  ${(elapsedMs / 1000).toFixed(0)} s`,
        );
      });
      const results = variants.map(({ variant, cell }) => resultOf(variant, bestOf(runs, cell)));
      const lines = tableOf(results);
      const label = "negative log-likelihood on the test set (nats a time step); lower is better";
      const svg = plotVariants(results, label);
      writeFileSync(table, `${lines.join("\n")}\n`);
      writeFileSync(plot, svg);
      const elapsedMs = performance.now() - startMs;
      if (json) writeJson({ table, plot, elapsedMs });
      say(["", ...lines, "", `${table}, ${plot}: ${(elapsedMs / 60_000).toFixed(1)} min`].join("\n"));
    },
  });
} else {
  // A worker: one training after the other, as the main thread asks for them.
  parentPort?.on("message", async ({ cell, ...job }: Job) => {
    parentPort?.postMessage(await train(workerData, { ...defaults, ...job, cell: cells[cell] as Cell }));
  });
}

/** The files to write, in a folder that is there and can be written, before hours of work for them. */
function filesIn(folder: string | undefined): [string, string] {
  if (folder === undefined) throw new InputError("--out: name the folder for the table and the plot, --out DIR.");
  try {
    mkdirSync(folder, { recursive: true });
  } catch {
    throw new InputError(`${folder}: the folder cannot be made. Choose another place.`);
  }
  checkWritable(folder);
  return [join(folder, "odyssey.md"), join(folder, "odyssey.svg")];
}

/** Do every job, so many at a time. */
async function inWorkers(
  chorales: Chorales,
  jobs: readonly Job[],
  count: number,
  onRun: (run: Run) => void,
): Promise<void> {
  const left = [...jobs];
  const workers = Array.from(
    { length: Math.min(count, jobs.length) },
    () => new Worker(fileURLToPath(import.meta.url), { workerData: chorales }),
  );
  try {
    await Promise.all(
      workers.map(async (worker) => {
        for (let job = left.shift(); job !== undefined; job = left.shift()) {
          worker.postMessage(job);
          const [outcome] = (await once(worker, "message")) as [Outcome];
          onRun({ ...job, ...outcome });
        }
      }),
    );
  } finally {
    for (const worker of workers) await worker.terminate();
  }
}

/** The runs of a cell with its better learning rate, by the mean of the validation losses. */
function bestOf(runs: readonly Run[], cell: string): Run[] {
  const byRate = learningRates.map((rate) => runs.filter((run) => run.cell === cell && run.learningRate === rate));
  const loss = (of: readonly Run[]): number => mean(of.map(({ validation }) => validation.all));
  return byRate.sort((a, b) => loss(a) - loss(b))[0] as Run[];
}

function resultOf(variant: string, runs: readonly Run[]): Variant {
  const [{ cell, learningRate, parameters }] = runs as readonly [Run];
  // They come in any order.
  const bySeed = [...runs].sort((a, b) => a.seed - b.seed);
  const [validation, test] = [bySeed.map((run) => run.validation.all), bySeed.map((run) => run.test.all)];
  return { variant, cell, learningRate, parameters, validation, test };
}
