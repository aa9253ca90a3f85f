/**
 * Sales of the next year: twelve years of months with a trend, a season that grows with it, and promotions, which are
 * planned ahead. A small network that knows them forecasts two years that were held out, beside what needs no network;
 * then the year after, with intervals. Takes about 5 seconds.
 */
import {
  createRandom,
  evaluateForecaster,
  type ForecasterOptions,
  forecast,
  forecaster,
  seriesOfTable,
  trainForecaster,
} from "unrolled";
import { parseCsv } from "unrolled/formats/csv";

// A table as a shop would have it. December is the best month, and in a promotion a fifth more is sold.
const random = createRandom(1);
const season = [-12, -15, -4, 0, 3, 4, 2, -2, 1, 4, 12, 30];
const rows = Array.from({ length: 12 * 12 + 12 }, (_, t) => {
  const promoted = random.uniform() < 0.3;
  const level = 100 * 1.004 ** t;
  const sales = level * (1 + (season[t % 12] as number) / 100 + (promoted ? 0.2 : 0)) + random.normal();
  const month = `${2012 + Math.floor(t / 12)}-${String((t % 12) + 1).padStart(2, "0")}`;
  // Of the last twelve months the promotions are planned; what is sold is not known.
  return `${month},${t < 144 ? sales.toFixed(1) : ""},${promoted ? "yes" : "no"}`;
});
const data = seriesOfTable(parseCsv(["month,sales,promotion", ...rows].join("\n")), { keepMissing: true });

// What it learns is how logarithms without their season rise from month to month, step by step; promotions are told for
// each step. The last 24 months are to test on.
const options: ForecasterOptions = {
  ...{
    horizon: 12,
    lookback: 12,
    targets: ["sales"],
    future: ["promotion"],
    form: "recursive",
    head: "gaussian",
    seed: 1,
  },
  scaling: ["log", { seasonal: 12 }, { difference: 1 }, "standard"],
};
const tested = await trainForecaster(forecaster(data, { ...options, test: 24 }), data, { threads: 1 });
const { forecaster: own, baselines } = await evaluateForecaster(tested, data);
console.log("Months of the last two years, up to 12 ahead: mean error");
for (const [name, { mape, mae }] of Object.entries({ "this network": own, ...baselines })) {
  console.log(`  ${name.padEnd(26)} ${mae.toFixed(2).padStart(6)}  ${mape.toFixed(1).padStart(5)} %`);
}
console.log(`${Math.round(100 * (own.coverage ?? 0))} % of them lie between its quantiles 0.1 and 0.9.\n`);

// Once more on all months, as long as was best.
const epochs = tested.epoch + 1;
const model = await trainForecaster(forecaster(data, { ...options, validation: 0 }), data, { epochs, threads: 1 });
const [sales] = await forecast(model, data);
console.log("The next year        from 0.1 to 0.9");
for (const { date, value, quantiles } of sales?.steps ?? []) {
  console.log(`  ${date}  ${value.toFixed(1)}   ${quantiles["0.1"]?.toFixed(1)} to ${quantiles["0.9"]?.toFixed(1)}`);
}
