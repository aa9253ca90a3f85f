/** Forecast tables of numbers, for the Forecast view: read a table, train a forecaster, forecast with it beside what needs no network. */
import {
  type CalendarPart,
  calendarFeatures,
  calendarPartNames,
  calendarPartsFor,
  describeSteps,
  formatDate,
  seasonLength,
} from "../../data/calendar.ts";
import {
  fillIn,
  type SeriesOfTable,
  type SeriesOptions,
  seriesOfTable,
  type Table,
  timeColumn,
} from "../../data/series.ts";
import type { CsvOptions } from "../../formats/csv-text.ts";
import { InputError } from "../../graph/input-error.ts";
import { formatValue } from "../../graph/schema.ts";
import { countParameters } from "../../nn/model.ts";
import { forecaster } from "../../tasks/forecast/create.ts";
import { writeForecaster } from "../../tasks/forecast/file.ts";
import { inspectForecast } from "../../tasks/forecast/inspect.ts";
import {
  type Baseline,
  type ForecastScores,
  longestHistory,
  measure,
  simpleBaselines,
} from "../../tasks/forecast/measure.ts";
import { type Forecast, type ForecastStep, forecast } from "../../tasks/forecast/predict.ts";
import { knownSteps, prepare } from "../../tasks/forecast/prepare.ts";
import type { ForecastData, Forecaster, ForecasterOptions, ForecastSettings } from "../../tasks/forecast/settings.ts";
import type { TrainedForecaster } from "../../tasks/forecast/train.ts";
import { contentOf, type ModelHandle } from "./open-models.ts";
import type { LayerValue } from "./reading.ts";
import type { Job } from "./remote.ts";
import { reportsOf } from "./reports.ts";

/** How a table is to be read, where that is not to be found: as `CsvOptions` and `SeriesOptions`. */
export type Reading = Pick<CsvOptions, "delimiter"> &
  Pick<SeriesOptions, "date" | "dateFormat" | "frequency" | "id" | "decimal" | "duplicates" | "fill">;
/** The text of a CSV file, its name for messages, and how it is read. */
export type CsvText = { readonly name: string; readonly text: string; readonly reading?: Reading };

/** What a table has. */
export type TableFacts = {
  /** The columns of numbers, and those of texts, which can only be known for the future too. */
  readonly columns: readonly string[];
  readonly textColumns: readonly string[];
  /** How many steps at its end a column of numbers has no value for, in every series: its future. */
  readonly ahead: Readonly<Record<string, number>>;
  readonly series: number;
  /** Of the longest series. */
  readonly steps: number;
  /** The same in words: "144 months". */
  readonly length: string;
  /** The usual season of the frequency, in steps; 1 for none. */
  readonly season: number;
  /** The parts of the calendar that change from date to date, and those that a forecaster is usually told; none without dates. */
  readonly calendar: readonly CalendarPart[];
  readonly usualCalendar: readonly CalendarPart[];
  readonly dates: readonly [first: string, last: string] | undefined;
  /** What was found and changed, in words. */
  readonly notes: readonly string[];
};

/** The settings of a forecaster and its training; what is left out follows from the table. */
export type ForecastTraining = Pick<
  ForecasterOptions,
  "horizon" | "past" | "future" | "calendar" | "form" | "head" | "relative" | "season" | "units" | "test" | "seed"
> & {
  readonly targets: readonly string[];
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
  /** The same by what needs no network, by the names of the scores; what its history is too short for is left out. */
  readonly baselines: Readonly<Record<string, BaselineLines>>;
};
export type BaselineLines = { readonly tested: Float64Array; readonly future: Float64Array };

/** What the recurrent layers are while the forecast of one column is made: see `InspectedForecast`. */
export type ForecastGates = {
  readonly seen: number;
  readonly ahead: number;
  readonly each: number;
  /** The values (seen + ahead, size), in order. */
  readonly values: readonly (LayerValue & { readonly data: Float32Array })[];
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
    | ("horizon" | "lookback" | "form" | "head" | "relative" | "season" | "test")
    | ("targets" | "past" | "future" | "calendar")
  >;
  readonly parameters: number;
};

/** Pictures beyond these would be too many to look at. */
const maxShown = 12;
/** Its networks are small: threads would wait for each other. */
const host = { threads: 1 } as const;

/** The table that was read last: one is asked about again and again. */
let last: { readonly key: string; readonly data: SeriesOfTable } | undefined;

async function textsOf({ name, text, reading = {} }: CsvText): Promise<Table> {
  // With what reads CSV, for those who come with a table.
  const { parseCsv } = await import("../../formats/csv-text.ts");
  const { delimiter } = reading;
  return parseCsv(text, { name, ...(delimiter !== undefined && { delimiter }) });
}

/** What is missing stays missing. */
async function readTable(table: CsvText): Promise<SeriesOfTable> {
  const { name, text, reading = {} } = table;
  const key = JSON.stringify([name, reading, text]);
  if (last?.key === key) return last.data;
  const { delimiter: _, fill: __, ...options } = reading;
  const data = seriesOfTable(await textsOf(table), { ...options, keepMissing: true });
  last = { key, data };
  return data;
}

/** The number of steps up to the last one with a value. */
const endOf = (values: Float64Array): number => values.findLastIndex(Number.isFinite) + 1;

/** How what is missing is filled: on the line between its neighbours, unless that is said. */
const fillOf = ({ reading: { fill = "refuse" } = {} }: CsvText): "zero" | "last" | "linear" =>
  fill === "refuse" ? "linear" : fill;

/**
 * Fill what is missing. What is missing at the end of a column is its future, but for one that is
 * known for the past alone.
 */
async function filledTable(table: CsvText, { past = [] }: Pick<ForecasterOptions, "past">): Promise<SeriesOfTable> {
  const data = await readTable(table);
  const series = data.series.map((one) => {
    const values = Object.entries(one.values).map(([column, values]) => {
      const own = values.slice();
      fillIn(own.subarray(0, past.includes(column) ? own.length : endOf(own)), fillOf(table));
      return [column, own] as const;
    });
    return { ...one, values: Object.fromEntries(values) };
  });
  return { ...data, series };
}

/** What was found, and what is filled and why, in words. */
function notesOf(
  { notes, series, columns, frequency }: SeriesOfTable,
  ahead: TableFacts["ahead"],
  fill: ReturnType<typeof fillOf>,
): string[] {
  let [dates, values] = [0, 0];
  for (const one of series) {
    dates += one.rows.reduce((sum, row) => sum + Number(row < 0), 0);
    for (const all of Object.values(one.values)) {
      const end = endOf(all);
      values += all.reduce((sum, value, t) => sum + Number(Number.isNaN(value) && t < end && one.rows[t] !== -1), 0);
    }
  }
  const counted = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
  return [
    // What is left as NaN there is filled here.
    ...notes.filter((note) => !note.endsWith("left as NaN")),
    ...(dates === 0 ? [] : [`${counted(dates, "date")} missing, filled: ${fill}`]),
    ...(values === 0 ? [] : [`${counted(values, "value")} missing, filled: ${fill}`]),
    ...columns
      .filter((column) => (ahead[column] as number) > 0)
      .map(
        (column) =>
          `column ${formatValue(column)} is empty in the last ${describeSteps(ahead[column] as number, frequency)}`,
      ),
  ];
}

/**
 * The table and an untrained forecaster of it, once it is known that both fit each other, and that what has to be known of the future
 * is there.
 * @throws InputError, one line, for what does not
 */
async function untrained(table: CsvText, settings: ForecastTraining): Promise<[SeriesOfTable, Forecaster]> {
  const { epochs: _, ...options } = settings;
  const data = await filledTable(table, settings);
  try {
    checkFuture(data, settings);
    const made = forecaster(data, options);
    prepare("forecaster", data, made.settings, settings.horizon);
    return [data, made];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // The page says what it is about.
    const said = error.message.replace(/^(?:scaling: )?forecaster: /, "");
    throw new InputError(said.charAt(0).toUpperCase() + said.slice(1));
  }
}

/** @throws InputError for a column that should be known for the future too, and has no value in some of the steps to forecast */
function checkFuture(
  { series, frequency, dateFormat }: SeriesOfTable,
  { targets, future = [], horizon }: ForecastTraining,
): void {
  for (const one of series) {
    const known = knownSteps("forecaster", one, targets);
    const named = one.name === "" ? "" : `series ${formatValue(one.name)}: `;
    for (const column of future) {
      const isNumbers = Object.hasOwn(one.values, column);
      const end = isNumbers
        ? endOf(one.values[column] as Float64Array)
        : (one.texts[column] ?? []).findLastIndex((text) => text !== "") + 1;
      const there = Math.max(0, end - known);
      if (there >= horizon) continue;
      const last = one.instants?.[known - 1];
      const after = last === undefined || dateFormat === undefined ? "" : ` after ${formatDate(last, dateFormat)}`;
      const fewer = there === 0 ? "" : `, choose a horizon of at most ${there}`;
      throw new InputError(
        `${named}column ${formatValue(column)} is to be known for the future too, and the table has it for ${there} of the ${describeSteps(horizon, frequency)}${after}. Add rows with it in which ${targets.map((target) => formatValue(target)).join(", ")} ${targets.length === 1 ? "is" : "are"} empty${fewer}, or ${isNumbers ? "make it known for the past alone" : "leave it out"}.`,
      );
    }
  }
}

export const forecasting = {
  /** The names of the columns, also of a table whose cells cannot be read; none where not even they are found. */
  async tableColumns(table: CsvText): Promise<readonly string[]> {
    try {
      return (await textsOf(table)).columns;
    } catch (error) {
      if (error instanceof InputError) return [];
      throw error;
    }
  },

  /** @throws InputError, one line, for a table that cannot be read */
  async tableFacts(table: CsvText): Promise<TableFacts> {
    const data = await readTable(table);
    const { columns, textColumns, series, frequency, dateFormat } = data;
    const steps = Math.max(0, ...series.map(({ rows }) => rows.length));
    const instants = series[0]?.instants;
    const aheadOf = (column: string): number =>
      Math.min(...series.map(({ values, rows }) => rows.length - endOf(values[column] as Float64Array)));
    const ahead = Object.fromEntries(columns.map((column) => [column, aheadOf(column)]));
    const changes = (part: CalendarPart): boolean => {
      const { data } = calendarFeatures(instants?.subarray(0, 1000) ?? [], [part]);
      return data.some((value) => value !== data[0]);
    };
    const time = timeColumn(series);
    // The first is what is forecast until another is chosen.
    const targetsFirst = [...columns.filter((name) => name !== time), ...(time === undefined ? [] : [time])];
    return {
      ...{ columns: targetsFirst, textColumns, ahead, notes: notesOf(data, ahead, fillOf(table)) },
      ...{ series: series.length, steps, length: describeSteps(steps, frequency) },
      season: frequency === undefined ? 1 : seasonLength(frequency),
      calendar: calendarPartNames.filter(changes),
      usualCalendar: frequency === undefined ? [] : calendarPartsFor(frequency),
      dates:
        instants === undefined || dateFormat === undefined
          ? undefined
          : [formatDate(instants[0] as number, dateFormat), formatDate(instants.at(-1) as number, dateFormat)],
    };
  },

  /** Whether a training with these settings can begin. @throws InputError, one line, for what `trainForecaster` would refuse */
  async checkForecaster(table: CsvText, settings: ForecastTraining): Promise<void> {
    await untrained(table, settings);
  },

  /**
   * Train a forecaster on some columns of all series. "finish" ends the training with the best values so far.
   * @throws InputError for a table that cannot be read, and settings that do not fit it
   */
  async *trainForecaster(table: CsvText, settings: ForecastTraining): Job<ForecastReport, TrainedFile> {
    const { epochs, seed = 0 } = settings;
    const [data, made] = await untrained(table, settings);
    const { trainForecaster } = await import("../../tasks/forecast/train.ts");
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
    const data = await filledTable(table, settings);
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
    const forecasts: ShownForecast[] = [];
    for (const [k, { series, target, steps }] of ahead.slice(0, maxShown).entries()) {
      const known = knownValues(data, settings, series, target);
      forecasts.push({
        ...{ series, target, future: steps, tested: tested[k]?.steps ?? [] },
        past: pastOf(data, settings, series, known),
        baselines: await baselinesOf(known, settings),
      });
    }
    const { horizon, lookback, form, head, relative, season, test, targets, past, future, calendar } = settings;
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
      settings: { horizon, lookback, form, head, relative, season, test, targets, past, future, calendar },
      parameters: countParameters(model.model),
    };
  },

  /** @throws InputError as `forecastTable`; ModelClosed */
  async forecastGates(
    handle: ModelHandle,
    table: CsvText,
    of: Pick<ShownForecast, "series" | "target">,
  ): Promise<ForecastGates> {
    const model = contentOf(handle, "forecast");
    const { values, ...columns } = await inspectForecast(model, await filledTable(table, model.settings), of, host);
    const told = values.map(({ key, layer, name, size, gate, description, data }) => {
      return { key, layer, name, size, gate, description, data };
    });
    return { ...columns, values: told };
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

/** All known values of a column. */
function knownValues(
  { series }: ForecastData,
  { targets }: ForecastSettings,
  name: string,
  target: string,
): Float64Array {
  const own = series.find((one) => one.name === name) as ForecastData["series"][number];
  return (own.values[target] as Float64Array).subarray(0, knownSteps("The past", own, targets));
}

/** The end of what is known of a column: several times what is forecast, and at least what a forecast is made from. */
function pastOf(
  { series, dateFormat }: ForecastData,
  { horizon, season, lookback }: ForecastSettings,
  name: string,
  known: Float64Array,
): ShownForecast["past"] {
  const instants = series.find((one) => one.name === name)?.instants;
  const from = Math.max(0, known.length - Math.max(6 * horizon, 4 * season, 60, lookback));
  return Array.from(known.subarray(from), (value, k) => {
    const instant = instants?.[from + k];
    return {
      value,
      date: instant === undefined || dateFormat === undefined ? undefined : formatDate(instant, dateFormat),
    };
  });
}

/** What each baseline says of the last horizon of what is known, from what came before, and of what comes next. */
async function baselinesOf(known: Float64Array, settings: ForecastSettings): Promise<ShownForecast["baselines"]> {
  const { horizon } = settings;
  const said = async (make: Baseline, end: number): Promise<Float64Array> =>
    (await make(known.slice(Math.max(0, end - longestHistory), end), horizon)).values;
  const found: [string, BaselineLines][] = [];
  for (const [name, make] of Object.entries(simpleBaselines(settings, []))) {
    try {
      const future = await said(make, known.length);
      found.push([name, { future, tested: await said(make, Math.max(0, known.length - horizon)) }]);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
  return Object.fromEntries(found);
}
