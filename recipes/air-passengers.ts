/**
 * Passengers of international airlines by month, 1949 to 1960 (G. Box and G. Jenkins, "Time series analysis", 1970): the last
 * three years from what was before, in one go, and each month six months ahead from what was known then. In one go with the
 * defaults of `forecaster`, of which none was chosen by these figures.
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

const test = 36;
const whole = { whole: true, min: 1, max: 100 } as const;
/**
 * Of forecasts six months ahead: logarithms, relative to the last value once the season is taken away. Chosen with forecasts of
 * 1955 to 1957 by networks that had seen 1949 to 1954.
 */
const ahead: ForecasterOptions = {
  ...{ horizon: 6, lookback: 24, relative: "last", validation: 0, test, members: 5 },
  scaling: ["log", { seasonal: 12 }, "standard"],
};

await recipe({
  name: "air-passengers",
  usage: "air-passengers FILE [options]",
  summary: "three years of air passengers, in one go and six months ahead",
  details: "FILE is airline-passengers.csv. Mean absolute percentage errors, beside naive forecasts, ETS and Theta.",
  examples: ["air-passengers airline-passengers.csv --seeds 3"],
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
    if (data.series[0]?.rows.length !== 144) {
      throw new InputError(`${file}: is not airline-passengers.csv: it has not 144 months. Give that file.`);
    }
    const seeds = Array.from({ length: given.number("seeds") ?? 1 }, (_, k) => (given.number("seed") ?? 0) + k);
    const tasks = [
      {
        name: "in one go",
        options: { horizon: test, test, validation: 0 } as ForecasterOptions,
        measured: {},
        published: "ETS 5.11, Theta 8.15",
      },
      {
        ...{ name: "six months ahead", options: ahead, measured: { stride: 1, lastStep: true } },
        published: "an LSTM with the calendar 2.71",
      },
    ] as const;
    for (const { name, options, measured, published } of tasks) {
      const errors: number[] = [];
      for (const seed of seeds) {
        const model = await trainForecaster(forecaster(data, { ...options, seed }), data, { seed });
        const { forecaster: own, baselines } = await evaluateForecaster(model, data, {
          ...{ steps: test, baselines: seed === seeds[0], ...measured },
        });
        errors.push(own.mape);
        if (json) writeJson({ task: name, seed, mape: own.mape, mae: own.mae, rmse: own.rmse });
        if (seed === seeds[0]) {
          const others = Object.entries(baselines).map(([one, { mape }]) => `${one} ${mape.toFixed(2)}`);
          say(`${name}: measured here ${others.join(", ")}; published ${published}`);
        }
        say(`  seed ${seed}: ${own.mape.toFixed(2)} %`);
      }
      const mean = errors.reduce((sum, one) => sum + one, 0) / errors.length;
      say(
        `  mean of ${errors.length}: ${mean.toFixed(2)} % (${Math.min(...errors).toFixed(2)} to ${Math.max(...errors).toFixed(2)})`,
      );
    }
  },
});
