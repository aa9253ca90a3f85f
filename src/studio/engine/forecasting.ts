/** Forecast tables of numbers, for the Forecast view: read a table, train a forecaster, forecast with it beside what needs no network. */
import { describeFrequency, formatDate, seasonLength } from "../../data/calendar.ts";
import { type SeriesOfTable, seriesOfTable, timeColumn } from "../../data/series.ts";
import { InputError } from "../../graph/input-error.ts";
import { countParameters } from "../../nn/model.ts";
import { forecaster } from "../../tasks/forecast/create.ts";
import { writeForecaster } from "../../tasks/forecast/file.ts";
import { type ForecastScores, measure, simpleBaselines } from "../../tasks/forecast/measure.ts";
import { type Forecast, type ForecastStep, forecast } from "../../tasks/forecast/predict.ts";
import { knownSteps } from "../../tasks/forecast/prepare.ts";
import type { ForecastData, ForecasterOptions, ForecastSettings } from "../../tasks/forecast/settings.ts";
import type { TrainedForecaster } from "../../tasks/forecast/train.ts";
import { contentOf, type ModelHandle } from "./open-models.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";

/** The text of a CSV file, and its name for messages. */
export type CsvText = { readonly name: string; readonly text: string };

/** What a table has. */
export type TableFacts = {
  readonly columns: readonly string[];
  readonly series: number;
  /** Of the longest series. */
  readonly steps: number;
  /** "month"; undefined without dates. */
  readonly frequency: string | undefined;
  /** The usual season of the frequency, in steps; 1 for none. */
  readonly season: number;
  readonly dates: readonly [first: string, last: string] | undefined;
  /** What was found and changed, in words. */
  readonly notes: readonly string[];
};

/** The settings of a forecaster and its training; what is left out follows from the table. */
export type ForecastTraining = Pick<
  ForecasterOptions,
  "horizon" | "form" | "head" | "relative" | "season" | "units" | "test" | "seed"
> & {
  readonly column: string;
  readonly epochs?: number;
};
/** A report of a training, once an epoch. */
export type ForecastReport = {
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  /** Undefined where no steps are left to validate on. */
  readonly validationLoss: number | undefined;
};
/** A forecaster's file, and how its training went. */
export type TrainedFile = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The epoch whose values were kept, from 1, and how many there were. */
  readonly epoch: number;
  readonly epochs: number;
};

/** The forecast of one column of one series, after what is known of it. */
export type ShownForecast = {
  readonly series: string;
  readonly target: string;
  /** The end of what is known. */
  readonly past: readonly { readonly date: string | undefined; readonly value: number }[];
  /** A forecast of the last steps of it, made from what came before them; none of a series that is too short. */
  readonly tested: readonly ForecastStep[];
  readonly future: readonly ForecastStep[];
};
export type Scored = { readonly name: string } & Pick<
  ForecastScores,
  "mae" | "rmse" | "smape" | "mase" | "crps" | "coverage"
>;
/** What a forecaster says of a table. */
export type ForecastedTable = {
  /** The first ones of many. */
  readonly forecasts: readonly ShownForecast[];
  readonly count: number;
  /** The forecaster, then what needs no network. */
  readonly scores: readonly Scored[];
  /** Why there are no scores. */
  readonly unscored: string | undefined;
  /** The share of values that should lie between the outer quantiles. */
  readonly nominal: number | undefined;
  readonly origins: number;
  readonly settings: Pick<
    ForecastSettings,
    "horizon" | "lookback" | "form" | "head" | "relative" | "season" | "test" | "targets"
  >;
  readonly parameters: number;
};

/** Pictures beyond these would be too many to look at. */
const maxShown = 12;
/** Its networks are small: threads would wait for each other. */
const host = { threads: 1 } as const;

async function readTable({ name, text }: CsvText, keepMissing: boolean): Promise<SeriesOfTable> {
  // With what reads CSV, for those who come with a table.
  const { parseCsv } = await import("../../formats/csv-text.ts");
  return seriesOfTable(parseCsv(text, { name }), keepMissing ? { keepMissing } : { fill: "linear" });
}

export const forecasting = {
  /** @throws InputError, one line, for a table that cannot be read */
  async tableFacts(table: CsvText): Promise<TableFacts> {
    const { columns, series, frequency, dateFormat, notes } = await readTable(table, false);
    const lengths = series.map(({ values }) => Object.values(values)[0]?.length ?? 0);
    const instants = series[0]?.instants;
    const time = timeColumn(series);
    return {
      // The first is what is forecast until another is chosen.
      columns: [...columns.filter((name) => name !== time), ...(time === undefined ? [] : [time])],
      ...{ notes, series: series.length, steps: Math.max(0, ...lengths) },
      frequency: frequency && describeFrequency(frequency),
      season: frequency === undefined ? 1 : seasonLength(frequency),
      dates:
        instants === undefined || dateFormat === undefined
          ? undefined
          : [formatDate(instants[0] as number, dateFormat), formatDate(instants.at(-1) as number, dateFormat)],
    };
  },

  /**
   * Train a forecaster on one column of all series. "finish" ends the training with the best values so far.
   * @throws InputError for a table that cannot be read, and settings that do not fit it
   */
  async *trainForecaster(table: CsvText, settings: ForecastTraining): Job<ForecastReport, TrainedFile> {
    const { column, epochs, seed = 0, ...options } = settings;
    const data = await readTable(table, false);
    const { trainForecaster } = await import("../../tasks/forecast/train.ts");
    const made = forecaster(data, { ...options, targets: [column], seed });
    const trained = yield* reportsOf<ForecastReport, TrainedForecaster>((report, signal) =>
      trainForecaster(made, data, {
        ...{ ...host, seed, signal },
        ...(epochs !== undefined && { epochs }),
        callbacks: [
          {
            onEpochEnd: (epoch, { loss, valLoss }, run) =>
              report({ epoch: epoch + 1, epochs: run.epochs, loss: loss as number, validationLoss: valLoss }),
          },
        ],
      }),
    );
    return { bytes: writeForecaster(trained), epoch: trained.epoch + 1, epochs: trained.epochs };
  },

  /** @throws InputError for a table that cannot be read or does not fit the forecaster; ModelClosed */
  async forecastTable(handle: ModelHandle, table: CsvText): Promise<ForecastedTable> {
    const model = contentOf(handle, "forecast");
    const { settings } = model;
    const data = await readTable(table, settings.future.length > 0);
    const ahead = await forecast(model, data, host);
    let tested: readonly Forecast[] = [];
    let measured: Awaited<ReturnType<typeof measure>> | undefined;
    let unscored: string | undefined;
    try {
      tested = await forecast(model, without(data, settings), host);
      measured = await measure("The scores", model, data, host, simpleBaselines(model.settings, model.settings.levels));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      unscored = error.message;
    }
    const forecasts = ahead.slice(0, maxShown).map(({ series, target, steps }, k) => ({
      ...{ series, target, future: steps, tested: tested[k]?.steps ?? [] },
      past: pastOf(data, settings, series, target),
    }));
    const { horizon, lookback, form, head, relative, season, test, targets } = settings;
    return {
      ...{ forecasts, unscored, count: ahead.length, origins: measured?.origins ?? 0 },
      nominal: measured?.forecaster.nominal,
      scores:
        measured === undefined
          ? []
          : Object.entries({ "this forecaster": measured.forecaster, ...measured.baselines }).map(([name, scores]) => ({
              ...{ name, mae: scores.mae, rmse: scores.rmse, smape: scores.smape, mase: scores.mase },
              ...{ crps: scores.crps, coverage: scores.coverage },
            })),
      settings: { horizon, lookback, form, head, relative, season, test, targets },
      parameters: countParameters(model.model),
    };
  },
};

/** The same series, as if the last horizon of their targets were not known. */
function without(data: ForecastData, { horizon, targets }: ForecastSettings): ForecastData {
  const series = data.series.map((one) => {
    const known = knownSteps("The test", one, targets);
    const hidden = targets.map((target) => {
      const values = Float64Array.from(one.values[target] as Float64Array);
      return [target, values.fill(Number.NaN, Math.max(0, known - horizon))] as const;
    });
    return { ...one, values: { ...one.values, ...Object.fromEntries(hidden) } };
  });
  return { ...data, series };
}

/** What is known of a column: several times what is forecast. */
function pastOf(
  { series, dateFormat }: ForecastData,
  { horizon, season, targets }: ForecastSettings,
  name: string,
  target: string,
): ShownForecast["past"] {
  const own = series.find((one) => one.name === name) as ForecastData["series"][number];
  const known = knownSteps("The past", own, targets);
  const values = own.values[target] as Float64Array;
  const from = Math.max(0, known - Math.max(6 * horizon, 4 * season, 60));
  return Array.from(values.subarray(from, known), (value, k) => {
    const instant = own.instants?.[from + k];
    return {
      value,
      date: instant === undefined || dateFormat === undefined ? undefined : formatDate(instant, dateFormat),
    };
  });
}
