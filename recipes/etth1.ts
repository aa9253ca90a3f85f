/**
 * Electricity transformers, as many papers on long forecasts report them: ETTh1, hours of 7 variables, split in time order into
 * 8,640, 2,880 and 2,880, standardised by the first; the error of all windows of the last part, squared, on standardised values.
 * The network is that of S. Lin et al., "SegRNN", 2023 (arXiv 2308.11200): segments of the lookback are the steps of one GRU.
 * With `--column OT` one variable alone, as H. Zhou et al. report it in "Informer", 2021 (arXiv 2012.07436).
 */
import {
  evaluateForecaster,
  forecaster,
  InputError,
  type SeriesOfTable,
  seriesOfTable,
  trainForecaster,
} from "unrolled";
import { readCsv } from "unrolled/formats/csv";
import { recipe, seedRange, writeJson } from "./shared/command.ts";

const parts = { training: 8640, validation: 2880, test: 2880 } as const;
/** Mean squared errors of SegRNN and DLinear with a lookback of 96; of DeepAR and Informer. */
const published: Readonly<Record<string, string>> = {
  96: "SegRNN 0.368, DLinear 0.386",
  192: "SegRNN 0.408, DLinear 0.437",
  336: "SegRNN 0.444, DLinear 0.481",
  720: "SegRNN 0.446, DLinear 0.519",
  "OT 24": "DeepAR 0.107, Informer 0.098",
  "OT 48": "DeepAR 0.162, Informer 0.158",
  "OT 168": "DeepAR 0.239, Informer 0.183",
};
const defaults = { segment: 24, dropout: 0.5, rate: 0.001 } as const;
/** Those of the least validation error: far forecasts need more units; one variable has a seventh of the windows. */
const [near, far, alone] = [
  { units: 256, epochs: 12, batch: 896 },
  { units: 512, epochs: 6, batch: 1792 },
  { units: 512, epochs: 12, batch: 896 },
] as const;
const furthest = 96;
const whole = { whole: true, min: 1, max: 100_000 } as const;

await recipe({
  name: "etth1",
  usage: "etth1 FILE [options]",
  summary: "long forecasts of electricity transformers by segments",
  details:
    "FILE is ETTh1.csv. Prints the mean squared and absolute error on\n" +
    "standardised values, over all test windows.\n" +
    `With --column ${alone.units} units, ${alone.epochs} passes and batches of ${alone.batch} are the defaults.`,
  examples: ["etth1 ETTh1.csv --horizon 96 --seeds 3", "etth1 ETTh1.csv --column OT --horizon 24"],
  arguments: [1, 1],
  options: {
    horizon: { value: "N", help: "hours ahead [96]", number: whole },
    column: { value: "NAME", help: "one variable alone [all seven]" },
    lookback: { value: "N", help: "hours that are seen [96]", number: whole },
    segment: { value: "N", help: `hours of a segment [${defaults.segment}]`, number: whole },
    units: { value: "N", help: `of the GRU [${far.units}, up to ${furthest} hours ${near.units}]`, number: whole },
    dropout: { value: "X", help: `before the output [${defaults.dropout}]`, number: { min: 0, max: 0.95 } },
    epochs: { value: "N", help: `passes [${far.epochs}, up to ${furthest} hours ${near.epochs}]`, number: whole },
    batch: {
      value: "N",
      help: `windows of one variable [${far.batch}, up to ${furthest} hours ${near.batch}]`,
      number: whole,
    },
    rate: { value: "X", help: `of Adam at the start [${defaults.rate}]`, number: { above: 0 } },
    seed: { value: "N", help: "of initial values, order and dropout [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: whole },
    threads: { value: "N", help: "that train [cores]", number: whole },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const file = given.positionals[0] as string;
    const data = firstSteps(seriesOfTable(readCsv(file)), file, parts.training + parts.validation + parts.test);
    const column = given.text("column");
    const horizon = given.number("horizon") ?? 96;
    const { units, epochs, batch } = column !== undefined ? alone : horizon <= furthest ? near : far;
    const seeds = Array.from({ length: given.number("seeds") ?? 1 }, (_, k) => (given.number("seed") ?? 0) + k);
    const threads = given.number("threads");
    const host = threads === undefined ? {} : { threads };
    const errors: number[] = [];
    for (const seed of seeds) {
      const start = performance.now();
      const untrained = forecaster(data, {
        ...{ horizon, form: "segments", head: "point", loss: "mse", relative: "last", seed },
        ...(column !== undefined && { targets: [column] }),
        ...{
          lookback: given.number("lookback") ?? 96,
          segment: given.number("segment") ?? defaults.segment,
        },
        ...{ units: given.number("units") ?? units, dropout: given.number("dropout") ?? defaults.dropout },
        // The rate falls to 0, and the last pass counts: which single pass has the least validation loss is chance.
        ...{ validation: 0, test: parts.validation + parts.test },
      });
      const model = await trainForecaster(untrained, data, {
        ...host,
        ...{ epochs: given.number("epochs") ?? epochs, batchSize: given.number("batch") ?? batch },
        ...{ learningRate: given.number("rate") ?? defaults.rate, seed },
        callbacks: [
          {
            onEpochEnd(epoch, { loss }) {
              const elapsedMs = performance.now() - start;
              if (json) writeJson({ horizon, seed, epoch, loss, elapsedMs });
              else say(`  epoch ${epoch + 1}  loss ${loss?.toFixed(4)}  ${(elapsedMs / 1000).toFixed(0)} s`);
            },
          },
        ],
      });
      const errorsOf = async (of: SeriesOfTable, steps: number) =>
        (await evaluateForecaster(model, of, { ...host, stride: 1, steps, baselines: false })).forecaster;
      const seen = firstSteps(data, file, parts.training + parts.validation);
      const { scaledMse: validationMse } = await errorsOf(seen, parts.validation);
      const { scaledMse: mse, scaledMae: mae } = await errorsOf(data, parts.test);
      const elapsedMs = performance.now() - start;
      errors.push(mse);
      if (json) writeJson({ horizon, seed, validationMse, mse, mae, elapsedMs });
      say(
        `horizon ${horizon}, seed ${seed}: mean squared error ${mse.toFixed(4)}, absolute ${mae.toFixed(4)} ` +
          `(validation ${validationMse.toFixed(4)}, ${(elapsedMs / 1000).toFixed(0)} s)`,
      );
    }
    const mean = errors.reduce((sum, one) => sum + one, 0) / errors.length;
    const beside = published[column === undefined ? `${horizon}` : `${column} ${horizon}`];
    say(
      `mean of ${errors.length}: ${mean.toFixed(4)} (${Math.min(...errors).toFixed(4)} to ${Math.max(...errors).toFixed(4)})` +
        `${beside === undefined ? "" : `; published: ${beside}`}`,
    );
  },
});

/** The first hours: the papers leave those after 14,400 out. */
function firstSteps(data: SeriesOfTable, file: string, count: number): SeriesOfTable {
  const { series } = data;
  if (series.length !== 1 || (series[0]?.rows.length ?? 0) < count) {
    throw new InputError(`${file}: is not ETTh1.csv: it has no series of ${count} hours or more. Give that file.`);
  }
  return {
    ...data,
    series: series.map((one) => ({
      ...one,
      ...(one.instants !== undefined && { instants: one.instants.slice(0, count) }),
      values: Object.fromEntries(Object.entries(one.values).map(([name, values]) => [name, values.slice(0, count)])),
      rows: one.rows.slice(0, count),
    })),
  };
}
