/** Make an untrained forecaster for series: choose what is not said, fit the scalings, make the network. */
import { calendarPartsFor, describeSteps, seasonLength } from "../../data/calendar.ts";
import type { FittedScaling } from "../../data/scaling.ts";
import { timeColumn } from "../../data/series.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkArguments, formatValue, options as optionsOf } from "../../graph/schema.ts";
import { sequential } from "../../nn/model.ts";
import { numbersOf, spreadOf } from "./examples.ts";
import { headOf } from "./heads.ts";
import { directNetwork, type NetworkSizes, recursiveNetwork, segmentsNetwork, spreadNumbers } from "./network.ts";
import { alone, fitColumns, knownSteps, type Prepared, placeOf, prepare, stepsBefore, windowsOf } from "./prepare.ts";
import {
  type Base,
  type ForecastData,
  type Forecaster,
  type ForecasterOptions,
  type ForecastSettings,
  forecastData,
  forecasterRules,
} from "./settings.ts";

export const forecasterArguments = { data: forecastData, options: optionsOf<ForecasterOptions>(forecasterRules) };
const where = "forecaster";

/**
 * Create an untrained forecaster of series. What the options leave open follows from the series and their frequency.
 * @param data the series, as `seriesOfTable` gives them; several are learned by one network
 * @param options see `ForecasterOptions` for all and their defaults
 * @throws InputError for options that do not fit each other or the series, and for series that are too short, in one line
 * @example
 * const data = seriesOfTable(readCsv("sales.csv"));
 * const model = await trainForecaster(forecaster(data, { horizon: 12 }), data);
 * const [series] = await forecast(model, data);
 */
export function forecaster(data: ForecastData, options: ForecasterOptions): Forecaster {
  checkArguments(where, { data, options }, forecasterArguments);
  const settings = settingsOf(data, options);
  const prepared = prepare(where, data, settings, 0);
  const windows = windowsOf(prepared, settings, (one) => [0, trainingSteps(one, settings)]);
  if (windows.length === 0) throw tooShort(data, prepared, settings);
  const complete = { ...settings, spread: spreadOf(windows, settings), countScale: countScaleOf(prepared, settings) };
  const [first] = prepared as [Prepared];
  const sizes: NetworkSizes = {
    ...{ horizon: settings.horizon, lookback: settings.lookback, segment: settings.segment, members: settings.members },
    ...{ targets: alone(settings) ? 1 : settings.targets.length, past: first.past.length, known: first.known.length },
    ...{ numbers: numbersOf(settings), parts: headOf(complete, 1).parts },
    ...{ cell: options.cell ?? "gru-reset-after", units: options.units ?? 32 },
    ...{ layers: options.layers ?? 1, dropout: options.dropout ?? 0 },
  };
  const layers = { direct: directNetwork, segments: segmentsNetwork, recursive: recursiveNetwork }[settings.form](
    sizes,
  );
  const model = sequential(layers, { seed: options.seed ?? 0 });
  if (settings.form === "segments") spreadNumbers(model.values);
  return { model, settings: complete };
}

/** The steps of a series that are trained on: all but those to validate and to test on. */
export const trainingSteps = ({ length }: Prepared, { validation, test }: ForecastSettings): number =>
  length - validation - test;

/** The columns to forecast: those that are given, or all of numbers that are nothing else. */
export function targetsFor(
  { series }: ForecastData,
  { targets, past = [], future = [] }: ForecasterOptions,
): readonly string[] {
  const [first] = series as readonly [ForecastData["series"][number]];
  const others = new Set([...past, ...future, timeColumn(series)]);
  return targets ?? Object.keys(first.values).filter((column) => !others.has(column));
}
/** How many steps at the start of a series scaling uses up. */
export const lostOf = (scaling: ForecastSettings["scaling"]): number =>
  scaling.reduce((sum, one) => sum + (typeof one === "object" && "difference" in one ? one.difference : 0), 0);

/** The settings: what was given, and what follows where nothing was, with the fitted scalings. */
function settingsOf(data: ForecastData, options: ForecasterOptions): ForecastSettings {
  const { settings, lengths } = settingsFor(data, options);
  const { targets, series } = settings;
  const fitted = fittedOf(data, settings, lengths);
  const constant = (column: string): boolean => series.every((name) => fitted[name]?.[column]?.constant === true);
  const varying = targets.filter((column) => !constant(column));
  // Nobody named it, and the others can be forecast.
  if (options.targets === undefined && varying.length > 0 && varying.length < targets.length) {
    return settingsOf(data, { ...options, targets: varying });
  }
  checkVarying(data, settings, fitted);
  return { ...settings, fitted };
}

/** The settings before anything is fitted, and how many steps of each series are known. */
export function settingsFor(
  data: ForecastData,
  options: ForecasterOptions,
): { readonly settings: ForecastSettings; readonly lengths: readonly number[] } {
  const { horizon, form = "direct", head = "quantiles", past = [], future = [], test = 0, members = 1 } = options;
  const targets = targetsFor(data, options);
  if (targets.length === 0) throw new InputError(`${where}: there is no column of numbers to forecast. Give targets.`);
  const both = [...targets, ...past, ...future];
  const twice = both.find((column, k) => both.indexOf(column) !== k);
  if (twice !== undefined) {
    throw new InputError(
      `${where}: column ${formatValue(twice)} is given twice among targets, past and future. Leave one out.`,
    );
  }
  const names = data.series.map(({ name }) => name);
  const same = names.find((name, k) => names.indexOf(name) !== k);
  if (same !== undefined)
    throw new InputError(`${where}: two series are called ${formatValue(same)}. Give each a name of its own.`);
  const lengths = data.series.map((series) => knownSteps(where, series, targets));
  // Series that are much shorter than the others do not say what is right for them.
  const usual = [...lengths].sort((a, b) => a - b)[Math.floor((lengths.length - 1) / 2)] as number;

  const calendar =
    options.calendar ??
    (data.frequency === undefined || data.series.some(({ instants }) => instants === undefined) || form === "segments"
      ? []
      : calendarPartsFor(data.frequency));
  const counts = head === "negative-binomial";
  const given = options.scaling ?? (counts ? "none" : "standard");
  const scaling = Array.isArray(given) ? given : [given as Exclude<typeof given, readonly unknown[]>];
  if (counts && scaling.some((one) => one !== "none")) {
    throw new InputError(`${where}: head "negative-binomial" is of counts, which are not scaled. Leave scaling out.`);
  }
  const lost = lostOf(scaling);
  const season = options.season ?? (data.frequency === undefined ? 1 : seasonLength(data.frequency));
  const left = usual - lost - test;
  if (left < horizon + 2) {
    const held = [
      ...(test > 0 ? [`the last ${test} are to measure on`] : []),
      ...(lost > 0 ? [`differences use up the first ${lost}`] : []),
    ];
    const longest = Math.max(...lengths);
    const which = data.series.length === 1 ? "the series has" : "half of the series have";
    throw new InputError(
      `${where}: ${which} ${usual} steps${data.series.length === 1 ? "" : " or fewer"}${held.length === 0 ? "" : `, of which ${held.join(" and ")}`}: a forecast of ${horizon} steps cannot be learned from ${held.length === 0 ? "them" : `the ${Math.max(0, left)} that are left`}, it needs ${horizon + 2}. Give a smaller horizon${test > 0 ? ", a smaller test," : ""} or longer series${longest - lost - test < horizon + 2 ? "" : ", or leave the shorter ones out"}.`,
    );
  }
  const validation = options.validation ?? Math.min(Math.max(horizon, Math.floor(left / 10)), Math.floor(left / 2));
  const steps = left - validation;
  const adjusted = scaling.some((one) => typeof one === "object");
  const seasonal = form === "direct" && !counts && !adjusted && season > 1 && steps >= 3 * season + horizon;
  const relative: Base = options.relative ?? (form === "recursive" || counts ? "none" : seasonal ? "season" : "last");
  const before = relative === "season" ? season : 0;
  // At least as many windows to train on as a window has steps, where there are two seasons or more then.
  const wanted = Math.max(2 * season, Math.min(2 * horizon, 512));
  const most = Math.floor((steps - before - horizon) / 2);
  const longest = Math.max(1, Math.min(wanted, most >= season ? most : steps - before - horizon));
  const segments = segmentOf(options, form, options.lookback ?? longest);

  const settings: ForecastSettings = {
    ...{ horizon, form, head, past, future, targets, calendar, scaling, season, relative, members, validation, test },
    ...segments,
    categories: categoriesOf(data, future, lengths),
    ...{ frequency: data.frequency, dateFormat: data.dateFormat },
    independent: options.independent ?? form === "segments",
    levels: options.levels ?? [0.1, 0.5, 0.9],
    loss: options.loss ?? "mae",
    series: names,
    seen: Object.fromEntries(names.map((name, k) => [name, (lengths[k] as number) - test])),
    starts: Object.fromEntries(
      data.series.flatMap(({ name, instants }) => (instants?.[0] === undefined ? [] : [[name, instants[0]]])),
    ),
    fitted: {},
    ...{ spread: { inputs: 1, outputs: 1 }, countScale: 1 },
  };
  checkTogether(settings, options);
  return { settings, lengths };
}

/** The lookback and the segment: of segments a divisor of both lookback and horizon. */
function segmentOf(
  { horizon, segment, lookback: asked }: ForecasterOptions,
  form: ForecastSettings["form"],
  lookback: number,
): Pick<ForecastSettings, "lookback" | "segment"> {
  if (form !== "segments") {
    if (segment !== undefined) throw new InputError(`${where}: segment is for form "segments". Leave it out.`);
    return { lookback, segment: 1 };
  }
  const divides = (one: number, ...all: number[]): boolean => all.every((n) => n % one === 0);
  if (segment !== undefined && !divides(segment, horizon, ...(asked === undefined ? [] : [asked]))) {
    const what =
      asked === undefined ? `the horizon, ${horizon}` : `the lookback, ${asked}, and the horizon, ${horizon}`;
    throw new InputError(`${where}: segment ${segment} does not divide ${what}. Choose a common divisor.`);
  }
  const sizes = Array.from({ length: horizon }, (_, k) => horizon - k);
  const own =
    segment ??
    sizes.find(
      (one) => divides(one, horizon, ...(asked === undefined ? [] : [asked])) && 2 * one <= Math.min(horizon, lookback),
    ) ??
    1;
  return { lookback: asked ?? Math.max(own, Math.floor(lookback / own) * own), segment: own };
}

/** The texts of each column of texts among those that are known for the future, sorted; those of the future itself are not learned. */
function categoriesOf(
  data: ForecastData,
  future: readonly string[],
  lengths: readonly number[],
): Record<string, string[]> {
  const isText = (column: string): boolean =>
    data.series.every(({ values, texts }) => !Object.hasOwn(values, column) && texts?.[column] !== undefined);
  return Object.fromEntries(
    future.filter(isText).map((column) => {
      const all = new Set(data.series.flatMap(({ texts }, k) => texts?.[column]?.slice(0, lengths[k]) ?? []));
      return [column, [...all].filter((text) => text !== "").sort()];
    }),
  );
}

function fittedOf(
  data: ForecastData,
  settings: ForecastSettings,
  lengths: readonly number[],
): Record<string, Record<string, FittedScaling>> {
  const { validation, test } = settings;
  return Object.fromEntries(
    data.series.map((series, k) => {
      const count = (lengths[k] as number) - validation - test;
      if (count < 2) {
        throw new InputError(
          `${placeOf(where, series)}: has ${lengths[k]} steps, of which ${validation} are to validate and ${test} to test on: too few are left to train on. Give a longer series, a smaller validation or a smaller test.`,
        );
      }
      return [series.name, fitColumns(where, series, settings, count)];
    }),
  );
}

/** @throws InputError for a target that is the same in all steps to train on */
function checkVarying({ series }: ForecastData, settings: ForecastSettings, fitted: ForecastSettings["fitted"]): void {
  for (const one of series) {
    const same = settings.targets.find((column) => fitted[one.name]?.[column]?.constant === true);
    if (same === undefined) continue;
    const count = (settings.seen[one.name] as number) - settings.validation;
    throw new InputError(
      `${placeOf(where, one)}: column ${formatValue(same)} has the same value, ${one.values[same]?.[0]}, in all ${count} steps to train on: there is nothing to learn. Leave it out: name the columns to forecast with targets.`,
    );
  }
}

/** @throws InputError for options of which one excludes the other */
function checkTogether(settings: ForecastSettings, options: ForecasterOptions): void {
  const refuse = (problem: string): never => {
    throw new InputError(`${where}: ${problem}`);
  };
  const { form, head, past, future, calendar, relative, season } = settings;
  if (form === "segments") {
    if (past.length + future.length + calendar.length > 0) {
      refuse('form "segments" reads targets alone. Leave past, future and calendar out, or choose form "direct".');
    }
    if (options.independent === false) refuse('form "segments" forecasts each target alone. Leave independent out.');
    for (const name of ["cell", "layers"] as const) {
      if (options[name] !== undefined) refuse(`form "segments" is one GRU. Leave ${name} out.`);
    }
  }
  if (form === "recursive") {
    if (past.length > 0) refuse('form "recursive" has no values of past columns in the future. Choose form "direct".');
    if (relative !== "none" && relative !== "mean") {
      refuse(
        `form "recursive" forecasts relative to "none" or "mean", got ${formatValue(relative)}. Scale by differences instead.`,
      );
    }
  }
  if (head === "negative-binomial" && relative !== "none") {
    refuse('head "negative-binomial" is of counts, relative to "none". Leave relative out.');
  }
  if (relative === "season" && season < 2) {
    refuse('relative "season" needs a season of 2 steps or more. Give season, or dates with a frequency that has one.');
  }
  if (options.loss !== undefined && head !== "point")
    refuse(`loss is for head "point", got ${formatValue(head)}. Leave it out.`);
}

const tooShort = (data: ForecastData, prepared: readonly Prepared[], settings: ForecastSettings): InputError => {
  const { horizon, lookback, validation, test, relative, season, frequency } = settings;
  const longest = Math.max(...prepared.map(({ length }) => length));
  const seasons = relative === "season" ? ` and a season of ${season}` : "";
  const held = validation + test > 0 ? `, without the last ${validation + test} to validate and test on` : "";
  return new InputError(
    `${where}: ${data.series.length === 1 ? "the series has" : "the longest series has"} ${longest} steps${held}; one forecast ` +
      `of ${describeSteps(horizon, frequency)} from a lookback of ${lookback}${seasons} needs ${stepsBefore(settings) + horizon}. Give a smaller horizon or lookback, or a longer series.`,
  );
};

/** The mean of counts in training; @throws InputError for what is no count */
function countScaleOf(prepared: readonly Prepared[], settings: ForecastSettings): number {
  if (settings.head !== "negative-binomial") return 1;
  let [sum, count] = [0, 0];
  for (const one of prepared) {
    one.original.forEach((values, k) => {
      const odd = values.findIndex((value) => !Number.isInteger(value) || value < 0);
      if (odd >= 0) {
        throw new InputError(
          `${placeOf(where, one)}: column ${formatValue(settings.targets[k])}, step ${odd}: ${values[odd]} is no count. Head "negative-binomial" is of counts 0, 1, 2 and so on.`,
        );
      }
      const training = values.subarray(0, trainingSteps(one, settings));
      sum += training.reduce((total, value) => total + value, 0);
      count += training.length;
    });
  }
  return sum / count || 1;
}
