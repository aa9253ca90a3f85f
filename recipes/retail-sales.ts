/**
 * Sales of clothing shops in the United States by month, 1992 to 2023 (FRED, RSCCASN): the last 18 months in one go. The shops
 * were shut in the spring of 2020, which all that goes by the year before is misled by; so the network's forecasts are relative to
 * the last month, once the season is taken away from logarithms. That, the lookback and the epochs were chosen with forecasts of
 * the 12 months before the last 18, by networks that had seen what was before.
 */
import {
  evaluateForecaster,
  type ForecasterOptions,
  forecaster,
  InputError,
  seriesOfTable,
  trainForecaster,
} from "unrolled";
import { readCsv } from "unrolled/formats/csv";
import { recipe, seedRange, writeJson } from "./shared/command.ts";

const test = 18;
const whole = { whole: true, min: 1, max: 100 } as const;
const options: ForecasterOptions = {
  ...{ horizon: test, test, validation: 0, lookback: 24, relative: "last", calendar: [], units: 16, members: 5 },
  scaling: ["log", { seasonal: 12 }, "standard"],
};
const epochs = 30;

await recipe({
  name: "retail-sales",
  usage: "retail-sales FILE [options]",
  summary: "18 months of clothing sales, after a year like no other",
  details: "FILE is RSCCASN.csv. Errors in millions of dollars, beside naive forecasts, ETS and Theta.",
  examples: ["retail-sales RSCCASN.csv --seeds 3"],
  arguments: [1, 1],
  options: {
    seed: { value: "N", help: "of initial values and order [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: whole },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const file = given.positionals[0] as string;
    const data = seriesOfTable(readCsv(file));
    if (data.series[0]?.rows.length !== 376) {
      throw new InputError(`${file}: is not RSCCASN.csv: it has not 376 months. Give that file.`);
    }
    const seeds = Array.from({ length: given.number("seeds") ?? 1 }, (_, k) => (given.number("seed") ?? 0) + k);
    const rows: { mae: number; rmse: number; mape: number }[] = [];
    const format = ({ mae, rmse, mape }: (typeof rows)[number]): string =>
      `${mae.toFixed(0)} | ${rmse.toFixed(0)} | ${mape.toFixed(2)} %`;
    say("| | mean absolute error | root mean square | percent |\n| --- | --- | --- | --- |");
    for (const seed of seeds) {
      const model = await trainForecaster(forecaster(data, { ...options, seed }), data, { epochs, seed });
      const { forecaster: own, baselines } = await evaluateForecaster(model, data, { baselines: seed === seeds[0] });
      for (const [name, scores] of Object.entries(baselines)) say(`| ${name} | ${format(scores)} |`);
      rows.push(own);
      if (json) writeJson({ seed, mae: own.mae, rmse: own.rmse, mape: own.mape });
      say(`| seed ${seed} | ${format(own)} |`);
    }
    const mean = (of: (row: (typeof rows)[number]) => number): number =>
      rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
    say(
      `| mean of ${rows.length} | ${format({ mae: mean((row) => row.mae), rmse: mean((row) => row.rmse), mape: mean((row) => row.mape) })} |`,
    );
  },
});
