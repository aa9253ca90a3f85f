/** From series to scaled numbers and features, step by step; and the windows over them. Knows nothing about networks. */
import {
  calendarFeatures,
  describeFrequency,
  type Frequency,
  formatDate,
  inferFrequency,
  step,
  stepsBetween,
} from "../../data/calendar.ts";
import { type FittedScaling, fitScaling, lostSteps, scale } from "../../data/scaling.ts";
import { fillIn } from "../../data/series.ts";
import { InputError } from "../../graph/input-error.ts";
import { formatValue } from "../../graph/schema.ts";
import type { ForecastData, ForecastSettings } from "./settings.ts";

/** A series as a network sees it: T steps, of which the first is that of the scaled targets. */
export type Prepared = {
  readonly name: string;
  /** Its place among the series that the forecaster was made from; 0 for one that it does not know. */
  readonly number: number;
  /** The number of steps whose targets are known. */
  readonly length: number;
  /** How many steps of the series come before step 0: scaling by differences has used them up. */
  readonly lost: number;
  /** The step of the series that the forecaster was made from that its first step is: seasonal indices go by it. */
  readonly start: number;
  /** The scaled targets, T each. */
  readonly targets: readonly Float64Array[];
  /** The scaled columns that are known for the past alone, T each. */
  readonly past: readonly Float64Array[];
  /** What is known of the future too, the calendar last; T and as many steps more as are known. */
  readonly known: readonly Float64Array[];
  /** The targets as they are, `lost` + T each. */
  readonly original: readonly Float64Array[];
  readonly fitted: readonly FittedScaling[];
};
type OneSeries = ForecastData["series"][number];

/** How an error calls a series. */
export const placeOf = (where: string, { name }: Pick<OneSeries, "name">): string =>
  name === "" ? where : `${where}: series ${formatValue(name)}`;

/** @throws InputError where the series has no such column of numbers */
export function columnOf(where: string, series: OneSeries, column: string): Float64Array {
  const own = Object.hasOwn(series.values, column) ? series.values[column] : undefined;
  if (own !== undefined) return own;
  const all = Object.keys(series.values);
  throw new InputError(
    `${placeOf(where, series)}: has no column of numbers ${formatValue(column)}. It has ${all.map((one) => formatValue(one)).join(", ") || "none"}.`,
  );
}

/** The number of steps up to the last one at which all targets are known: what comes after is the future. */
export function knownSteps(where: string, series: OneSeries, targets: readonly string[]): number {
  const columns = targets.map((target) => columnOf(where, series, target));
  const ends = columns.map((values) => values.findLastIndex((value) => Number.isFinite(value)) + 1);
  const length = Math.min(...ends);
  for (const [k, values] of columns.entries()) {
    const missing = values.findIndex((value, t) => t < length && !Number.isFinite(value));
    if (missing < 0) continue;
    throw new InputError(
      `${placeOf(where, series)}: column ${formatValue(targets[k])} has no value at step ${missing}, within the series. Fill it: fill "linear", "last" or "zero".`,
    );
  }
  return length;
}

/** What `work` gives; what is said of scaling is said of the column at `place`. */
function sayingOf<Value>(place: string, work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const said = error.message.replace(/^scaling: /, "");
    throw new InputError(said.startsWith(place) ? said : `${place}: ${said}`);
  }
}

/** Fit the scalings of a series' columns on its first `count` steps. */
export function fitColumns(
  where: string,
  series: OneSeries,
  settings: Pick<ForecastSettings, "targets" | "past" | "future" | "scaling" | "categories">,
  count: number,
): Record<string, FittedScaling> {
  const { targets, past, future, scaling, categories } = settings;
  const at = (column: string) => (index: number) =>
    `${placeOf(where, series)}: column ${formatValue(column)}, step ${index}`;
  const fit = (column: string, kind: ForecastSettings["scaling"]): readonly [string, FittedScaling] => {
    const values = columnOf(where, series, column).subarray(0, count);
    return [
      column,
      sayingOf(`${placeOf(where, series)}: column ${formatValue(column)}`, () => fitScaling(kind, values, at(column))),
    ];
  };
  const covariates = [...past, ...future.filter((column) => !Object.hasOwn(categories, column))];
  return Object.fromEntries([
    ...covariates.map((column) => fit(column, ["standard"])),
    ...targets.map((column) => fit(column, scaling)),
  ]);
}

/**
 * Prepare each series. One that the forecaster does not know is scaled by what is fitted to it.
 * @param ahead the steps of the future
 * @param needed the first of them, for which what is known of the future must be known. In the steps after them what is missing is as in
 *   the step before
 * @throws InputError, with the series, for missing columns and values, for texts that are new, and for dates of another frequency
 */
export function prepare(
  where: string,
  data: ForecastData,
  settings: ForecastSettings,
  ahead: number,
  needed = ahead,
): Prepared[] {
  const inFuture = (at: number, length: number): string =>
    at >= length ? `, step ${at - length + 1} of the future` : "";
  const adviceOf = (at: number, length: number): string => {
    const most = at < length ? 0 : longestHorizon(where, data, settings, needed);
    return `. A column of future needs one for each step that is forecast${most < 1 ? "" : `. Give it, or choose horizon ${most} or less`}.`;
  };
  return data.series.map((series) => {
    const place = placeOf(where, series);
    const length = knownSteps(where, series, settings.targets);
    const number = Math.max(0, settings.series.indexOf(series.name));
    const fitted =
      (Object.hasOwn(settings.fitted, series.name) ? settings.fitted[series.name] : undefined) ??
      fitColumns(where, series, settings, length);
    checkDates(place, series, settings, data.dateFormat);
    const start = startOf(series, settings);
    const original = settings.targets.map((column) => columnOf(where, series, column).slice(0, length));
    const own = settings.targets.map((column) => fitted[column] as FittedScaling);
    const lost = Math.max(...own.map(lostSteps));
    if (length <= lost) {
      throw new InputError(`${place}: has ${length} steps, and its scaling by differences needs ${lost + 1}.`);
    }
    const scaled = (column: string, values: Float64Array): Float64Array => {
      const name = `${place}: column ${formatValue(column)}`;
      const all = sayingOf(name, () =>
        scale(values, fitted[column] as FittedScaling, (k) => `${name}, step ${k}`, start),
      );
      const odd = all.findIndex((value) => !Number.isNaN(value) && !Number.isFinite(Math.fround(value)));
      if (odd >= 0) {
        const at = odd + values.length - all.length;
        throw new InputError(
          `${name}, step ${at}: ${values[at]} is too far from the values of the training. Correct it.`,
        );
      }
      return all.subarray(all.length - (values.length - lost));
    };
    const steps = length + ahead;
    const numbersOf = (column: string): Float64Array[] => {
      const given = columnOf(where, series, column);
      const values = Float64Array.from({ length: steps }, (_, t) => given[t] ?? Number.NaN);
      if (steps > length + needed) fillIn(values.subarray(length), "last");
      const at = Array.from({ length: length + needed }, (_, t) => given[t]).findIndex(
        (value) => !Number.isFinite(value),
      );
      if (at >= 0) {
        throw new InputError(
          `${place}: column ${formatValue(column)} has no value at step ${at}${inFuture(at, length)}${adviceOf(at, length)}`,
        );
      }
      return [scaled(column, values)];
    };
    const textsOf = (column: string): Float64Array[] => {
      const texts = series.texts?.[column] ?? [];
      const categories = settings.categories[column] as readonly string[];
      const hot = categories.map(() => new Float64Array(Math.max(0, steps - lost)));
      let last = "";
      for (let t = lost; t < steps; t++) {
        const text = texts[t] || (t < length + needed ? "" : last);
        last = text;
        if (text === "") {
          throw new InputError(
            `${place}: column ${formatValue(column)} has no text at step ${t}${inFuture(t, length)}${adviceOf(t, length)}`,
          );
        }
        const one = hot[categories.indexOf(text)];
        if (one === undefined) {
          throw new InputError(
            `${place}: column ${formatValue(column)}, step ${t}: ${formatValue(text)} was not there in training. It had ${categories.map((known) => formatValue(known)).join(", ")}.`,
          );
        }
        one[t - lost] = 1;
      }
      return hot;
    };
    const future = settings.future.flatMap((column) =>
      Object.hasOwn(settings.categories, column) ? textsOf(column) : numbersOf(column),
    );
    return {
      ...{ name: series.name, number, length: length - lost, lost, start, original, fitted: own },
      targets: settings.targets.map((column, k) => scaled(column, original[k] as Float64Array)),
      past: settings.past.map((column) => {
        const values = columnOf(where, series, column).subarray(0, length);
        const missing = values.findIndex((value) => !Number.isFinite(value));
        if (missing >= 0 || values.length < length) {
          throw new InputError(
            `${place}: column ${formatValue(column)} has no value at step ${missing >= 0 ? missing : values.length}. Fill it.`,
          );
        }
        return scaled(column, values);
      }),
      known: [...future, ...calendarOf(place, series, settings, lost, steps)],
    };
  });
}

/** For how many steps at most what has to be known of the future is known in all series. */
function longestHorizon(where: string, { series }: ForecastData, settings: ForecastSettings, most: number): number {
  const each = series.flatMap((one) => {
    const length = knownSteps(where, one, settings.targets);
    return settings.future.map((column) => {
      const isMissing = Object.hasOwn(settings.categories, column)
        ? (t: number): boolean => (one.texts?.[column]?.[t] ?? "") === ""
        : (t: number): boolean => !Number.isFinite(one.values[column]?.[t]);
      let ahead = 0;
      while (ahead < most && !isMissing(length + ahead)) ahead++;
      return ahead;
    });
  });
  return Math.min(most, ...each);
}

/** A forecaster's frequency as these dates have it: months on a day of their own, as "2019-03" where the training had "2019-03-31". */
export function frequencyOf(instants: ArrayLike<number>, frequency: Frequency): Frequency {
  if (frequency.unit !== "month" || oddDate(instants, frequency) < 0) return frequency;
  const own = inferFrequency(Array.from(instants))?.frequency ?? {
    ...frequency,
    day: dayOfMonth(instants[0] as number),
  };
  return own.unit === "month" ? { ...frequency, day: own.day } : frequency;
}
const dayOfMonth = (instant: number): number => new Date(instant).getUTCDate();

/** The first place at which dates are not one step of a frequency after the other; -1: they are. */
const oddDate = (instants: ArrayLike<number>, frequency: Frequency): number =>
  Array.from(instants).findIndex((instant, t) => instant !== step(instants[0] as number, frequency, t));
/** Whether dates are one step of a forecaster's frequency after the other. */
export const hasFrequency = (instants: ArrayLike<number>, frequency: Frequency): boolean =>
  oddDate(instants, frequencyOf(instants, frequency)) < 0;

/** @throws InputError for dates that are not one step of the forecaster's frequency after the other */
function checkDates(
  place: string,
  { instants }: OneSeries,
  settings: ForecastSettings,
  dateFormat = settings.dateFormat,
): void {
  const first = instants?.[0];
  if (instants === undefined || first === undefined || settings.frequency === undefined) return;
  const frequency = frequencyOf(instants, settings.frequency);
  const odd = oddDate(instants, frequency);
  if (odd < 0) return;
  const date = (instant: number): string =>
    dateFormat === undefined ? new Date(instant).toISOString() : formatDate(instant, dateFormat);
  const [found, wanted] = [date(instants[odd] as number), date(step(first, frequency, odd))];
  const instead = found === wanted ? "" : `, and would be ${wanted}`;
  throw new InputError(
    `${place}: the forecaster was made with dates of a frequency of one ${describeFrequency(frequency)}, and date ${odd} is ${found}${instead}. Give a series of that frequency, with every date.`,
  );
}

/**
 * Where a series begins in one that is known: by its first date, for it may begin later or sooner than in training. Of a
 * whole number of all seasons later or sooner it is the same.
 */
function startOf({ name, instants }: OneSeries, { starts, frequency, scaling }: ForecastSettings): number {
  const known = Object.hasOwn(starts, name) ? starts[name] : undefined;
  const first = instants?.[0];
  if (known === undefined || first === undefined || frequency === undefined) return 0;
  const steps = stepsBetween(known, first, frequencyOf(instants as Float64Array, frequency)) ?? 0;
  const season = scaling.reduce(
    (product, one) => product * (typeof one === "object" && "seasonal" in one ? one.seasonal : 1),
    1,
  );
  return ((steps % season) + season) % season;
}

/** The calendar's features of the steps from `lost` to `steps`, past the last date too. */
function calendarOf(
  place: string,
  { instants }: OneSeries,
  { calendar, frequency }: ForecastSettings,
  lost: number,
  steps: number,
): Float64Array[] {
  if (calendar.length === 0) return [];
  if (instants === undefined || frequency === undefined) {
    throw new InputError(
      `${place}: has no dates, and the forecaster was made with the calendar. Give a column of dates.`,
    );
  }
  const all = datesUpTo(instants, frequencyOf(instants, frequency), steps).subarray(lost);
  const { data, names } = calendarFeatures(all, calendar, "cyclic");
  return names.map((_, k) => Float64Array.from({ length: all.length }, (_, t) => data[t * names.length + k] as number));
}

/** The first `count` dates of a series, past its last one too. */
export function datesUpTo(instants: Float64Array, frequency: Frequency, count: number): Float64Array {
  const start = instants[0] as number;
  return Float64Array.from({ length: count }, (_, t) => instants[t] ?? step(start, frequency, t));
}

/** What lies before a forecast: the lookback, and a season where forecasts are relative to it. */
export const stepsBefore = ({ lookback, relative, season }: ForecastSettings): number =>
  lookback + (relative === "season" ? season : 0);

/** How many steps a forecast is made from, and where they come from, in words. */
export function describeBefore(settings: ForecastSettings, lost = 0): string {
  const { lookback, relative, season } = settings;
  const parts = [
    `${lookback} of lookback`,
    ...(relative === "season" ? [`${season} of the season before`] : []),
    ...(lost > 0 ? [`${lost} that differences use up`] : []),
  ];
  const all = `${stepsBefore(settings) + lost}`;
  return parts.length === 1 ? all : `${all}, ${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** A window: a forecast of a series from step `at` on, of one target or, with -1, of all. */
export type Window = { readonly of: Prepared; readonly at: number; readonly target: number };

/** The windows whose forecast lies from step `from` to before `to` of each series, every `stride` steps. */
export function windowsOf(
  all: readonly Prepared[],
  settings: ForecastSettings,
  rangeOf: (one: Prepared) => readonly [from: number, to: number],
  stride = 1,
): Window[] {
  const { horizon, targets } = settings;
  const each = alone(settings) ? targets.map((_, target) => target) : [-1];
  return all.flatMap((of) => {
    const [from, to] = rangeOf(of);
    const windows: Window[] = [];
    const first = Math.max(from, stepsBefore(settings));
    for (let at = first; at + horizon <= Math.min(to, of.length); at += stride) {
      for (const target of each) windows.push({ of, at, target });
    }
    return windows;
  });
}
/** Whether each target is a series of its own. */
export const alone = ({ independent, form }: Pick<ForecastSettings, "independent" | "form">): boolean =>
  independent || form === "segments";

/** The targets of a window: their scaled values. */
export const targetsOf = ({ of, target }: Window): readonly Float64Array[] =>
  target < 0 ? of.targets : [of.targets[target] as Float64Array];

/** What forecasts of a window are relative to, step by step. */
export function baseOf(
  values: Float64Array,
  at: number,
  { relative, lookback, season }: ForecastSettings,
): (step: number) => number {
  switch (relative) {
    case "none":
      return () => 0;
    case "last": {
      const last = values[at - 1] as number;
      return () => last;
    }
    case "mean": {
      const mean = values.subarray(at - lookback, at).reduce((sum, value) => sum + value, 0) / lookback;
      return () => mean;
    }
    case "season":
      return (step) => values[at - season + (step % season)] as number;
  }
}
/** A past value of a window as a network reads it: relative to its base. */
export function relativeInput(values: Float64Array, at: number, settings: ForecastSettings): (t: number) => number {
  const { relative, season } = settings;
  if (relative === "season") return (t) => (values[t] as number) - (values[t - season] as number);
  const base = baseOf(values, at, settings)(0);
  return (t) => (values[t] as number) - base;
}
