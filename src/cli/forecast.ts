/** `unrolled forecast`: from a CSV file to the future of its series, with a model that is trained for it or read. */
import { describeSteps, formatDate } from "../data/calendar.ts";
import type { ScalingKind } from "../data/scaling.ts";
import { type SeriesOfTable, timeColumn } from "../data/series.ts";
import { engineFor } from "../engines/registry.ts";
import { writeCsv } from "../formats/csv.ts";
import { readInput, writeFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters } from "../nn/model.ts";
import {
  evaluateForecaster,
  type Forecast,
  type ForecastEvaluation,
  type Forecaster,
  type ForecasterOptions,
  type ForecastScores,
  forecaster,
  forecast as forecastSeries,
  type TrainedForecaster,
  type TrainForecasterOptions,
  trainForecaster,
  writeForecaster,
} from "../tasks/forecast/index.ts";
import { drawForecast, type ForecastPicture, pageOfForecasts } from "../tasks/forecast/plot.ts";
import { nameOf } from "../tasks/forecast/predict.ts";
import { describeBefore, prepare } from "../tasks/forecast/prepare.ts";
import { heads } from "../tasks/forecast/settings.ts";
import { keepForecastable, keepTrainable, type ShortSeries } from "../tasks/forecast/short.ts";
import { openByTask } from "../tasks/index.ts";
import type { Logs } from "../train/callbacks.ts";
import { readCell } from "./cell-argument.ts";
import { hostOptions, usableHostOf } from "./host-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { type Command, type Given, refuseTrainingOptions, seedRange } from "./options.ts";
import { alignColumns, formatCount, isTerminal, printable, warn, writeJson } from "./output.ts";
import { checkOutputs } from "./outputs.ts";
import { duration } from "./progress.ts";
import { savingBest } from "./saving.ts";
import { inOptions, ofFile, readSeries, type SeriesOfFile, tableOptions } from "./table-options.ts";

const whole = { whole: true, min: 1, max: 1_000_000 } as const;
const many = { ...whole, min: 0 } as const;

export const forecast: Command = {
  name: "forecast",
  usage: "forecast FILE.csv --horizon N [options]",
  summary: "forecast the series of a CSV file",
  details: [
    "Trains a network on all but the last steps, forecasts those from what was",
    "before and says how good that was, beside naive forecasts, ETS and Theta. Then",
    "it trains on everything, forecasts the future and, with --out, saves the model.",
    "With --model it forecasts at once, --horizon steps or as many as it can.",
    "--past and --future name columns that help; the file's last rows give those of",
    "the future, with empty targets. --column, --past and --future can be repeated.",
    "",
    "--json writes one line a step: series, step, date, value, quantiles by level,",
    "and the target where there are several. The scores go to standard error.",
  ].join("\n"),
  examples: [
    "forecast sales.csv --column RSCCASN --horizon 12",
    "forecast sales.csv --horizon 12 --out sales.safetensors --plot s.svg",
    "forecast sales.csv --model sales.safetensors --csv next.csv",
  ],
  arguments: [1, 1],
  options: {
    horizon: { value: "N", help: "steps to forecast [of a model: its own]", number: { ...whole, max: 10_000 } },
    column: { value: "NAME", help: "a column to forecast [all of numbers]", multiple: true },
    past: { value: "NAME", help: "a column known for the past alone", multiple: true },
    future: { value: "NAME", help: "a column known for the future too", multiple: true },
    ...tableOptions,
    season: { value: "N", help: "steps of a season [by the dates]", number: whole },
    lookback: { value: "N", help: "steps that a forecast is made from [by the season]", number: whole },
    scaling: { value: "KINDS", help: "as log,standard or difference=12 [standard]" },
    relative: {
      value: "TO",
      help: "what forecasts are relative to [by the season]",
      choices: ["none", "last", "mean", "season"],
    },
    form: { value: "FORM", help: "all steps at once, or one by one", choices: ["direct", "segments", "recursive"] },
    head: { value: "HEAD", help: "what is given of a value [quantiles]", choices: heads },
    levels: { value: "LIST", help: "probabilities of the quantiles [0.1,0.5,0.9]" },
    independent: { help: "one network for each column alone" },
    cell: { value: "CELL", help: "a built-in cell, or a file of equations [gru-reset-after]" },
    units: { value: "N", help: "of each layer [32]", number: { ...whole, max: 65_536 } },
    layers: { value: "N", help: "recurrent layers [1]", number: { ...whole, max: 20 } },
    dropout: { value: "X", help: "rate before the output [0]", number: { min: 0, max: 0.95 } },
    segment: { value: "N", help: "steps of a segment, of form segments", number: whole },
    members: { value: "N", help: "networks whose forecasts are averaged [1]", number: { ...whole, max: 100 } },
    test: { value: "N", help: "last steps to measure on, 0: none [the horizon]", number: many },
    validation: { value: "N", help: "steps before them to choose the epoch by", number: many },
    epochs: { value: "N", help: "passes over the training part at most", number: whole },
    batch: { value: "N", help: "windows side by side [32]", number: whole },
    rate: { value: "X", help: "learning rate at the start [0.003]", number: { above: 0 } },
    "weight-decay": { value: "X", help: "of the weights [0]", number: { min: 0, max: 0.99 } },
    seed: { value: "N", help: "of initial values, order and draws [0]", number: seedRange },
    ...hostOptions("that train; same result [cores]"),
    model: { value: "MODEL", help: "forecast with this model, without training" },
    out: { value: "MODEL", help: "file to save the model in" },
    csv: { value: "FILE", help: "write the forecasts as CSV" },
    plot: { value: "FILE", help: "draw them, as .svg (first series) or .html" },
    overwrite: { help: "replace files that exist" },
  },
  run,
};

async function run(given: Given): Promise<void> {
  const [path] = given.positionals as readonly [string];
  const json = given.flag("json");
  const files = (["out", "csv", "plot"] as const).flatMap((name) => given.text(name) ?? []);
  checkOutputs(files, [path, ...(given.text("model") === undefined ? [] : [given.text("model") as string])], given);
  const plot = given.text("plot");
  if (plot !== undefined && !/\.(svg|html?)$/i.test(plot)) {
    throw new InputError(`--plot: ${plot} ends neither with .svg nor with .html. Give one of them.`);
  }
  const host = await usableHostOf(given);
  const modelFile = given.text("model");
  const known = modelFile === undefined ? undefined : await readModelFile(modelFile, given);
  const columns = {
    targets: known?.settings.targets ?? given.texts("column"),
    past: known?.settings.past ?? given.texts("past"),
    future: known?.settings.future ?? given.texts("future"),
  };
  const read = await readSeries(path, given, columns);
  checkColumns(path, given, read);
  const say = (text: string): unknown => process.stderr.write(printable(`${text}\n`));
  const how: How = { host, json, path, say };
  const forecastWith = async ({ model, data, tested }: Trained): Promise<void> => {
    const seed = given.number("seed");
    const horizon = given.number("horizon");
    const forecasts = await ofFile(path, read, () =>
      forecastSeries(model, data, {
        ...{ ...host, ...levelsOf(given, known), ...(seed !== undefined && { seed }) },
        ...(horizon !== undefined && { horizon }),
      }),
    );
    if (known !== undefined && !json) sayNotes(path, read, say);
    const out = given.text("out");
    if (out !== undefined) writeFileAtomically(out, writeForecaster(model));
    const several = model.settings.targets.length > 1;
    if (json) writeLines(forecasts, several);
    else process.stdout.write(printable(tableOf(forecasts, several)));
    const csv = given.text("csv");
    if (csv !== undefined) writeFileAtomically(csv, new TextEncoder().encode(csvOf(forecasts)));
    if (plot !== undefined) {
      const picture = pictureOf(plot, path, data, { model, data, ...(tested !== undefined && { tested }) }, forecasts);
      writeFileAtomically(plot, new TextEncoder().encode(picture));
    }
    if (!json) for (const file of files) say(`Saved ${file}.`);
  };
  if (known !== undefined) {
    const { data, short } = await ofFile(path, read, async () => keepForecastable(read, known.settings));
    sayShort(short, how);
    return forecastWith({ model: known, data });
  }
  // From the training to the last file: whenever a signal comes, what was trained until then is kept.
  let keeps: string | undefined;
  await untilInterrupted(
    () => keeps && `Stopping: ${keeps}.`,
    async (signal) => {
      const trained = await ofFile(path, read, () =>
        trainOn(read, given, how, signal, (now) => {
          keeps = now;
        }),
      );
      if (trained !== undefined) await forecastWith(trained);
    },
  );
}

/** A line of JSON for each step. */
function writeLines(forecasts: readonly Forecast[], several: boolean): void {
  for (const one of forecasts) {
    const { target, steps } = one;
    for (const { step, date, value, quantiles } of steps) {
      writeJson({
        series: nameOf(one),
        ...(several && { target }),
        step,
        ...(date !== undefined && { date }),
        value,
        quantiles,
      });
    }
  }
}

/** Which series are left out; with --json a line of its own. */
function sayShort(short: readonly ShortSeries[], { json, path, say }: Pick<How, "json" | "path" | "say">): void {
  if (short.length === 0) return;
  if (json) return void process.stderr.write(`${JSON.stringify({ leftOut: short.map(({ name }) => name) })}\n`);
  const some = short
    .slice(0, 5)
    .map(
      ({ name, steps, needed }) =>
        `${formatValue(name)} has ${formatCount(steps)} steps of the ${formatCount(needed)} that are needed`,
    );
  const which = short.length === 1 ? "a series is" : `${formatCount(short.length)} series are`;
  say(
    `${path}: ${which} too short and left out: ${some.join(", ")}${short.length > some.length ? ", ..." : ""}. A smaller --horizon or --lookback needs fewer.`,
  );
}

/** What was found in the file, once it is known to be of use: what is refused is refused in one line. */
function sayNotes(path: string, { notes }: SeriesOfTable, say: How["say"]): void {
  for (const note of notes) say(`${path}: ${inOptions(note)}`);
}

/** Options that a model in a file has already. */
const ofTraining = [
  ...["column", "past", "future", "season", "lookback", "scaling", "relative", "form", "head", "independent", "cell"],
  ...["units", "layers", "dropout", "segment", "members", "test", "validation", "epochs", "batch", "rate"],
  "weight-decay",
];
async function readModelFile(file: string, given: Given): Promise<Forecaster> {
  refuseTrainingOptions(given, ofTraining);
  if (given.text("out") !== undefined)
    throw new InputError("--out: nothing is trained with --model. Leave one of them out.");
  const model = openByTask(readInput(file), file, "`forecast`", { forecast: (content) => content });
  checkFiniteValues(model.model, file);
  const { horizon } = model.settings;
  const wanted = given.number("horizon") ?? horizon;
  if (wanted > horizon) {
    throw new InputError(
      `--horizon: ${file} forecasts ${horizon} steps, got ${wanted}. Give at most ${horizon}, or train a model with --horizon ${wanted}.`,
    );
  }
  return model;
}

/** A value as it is typed. */
const optionValue = (text: string): string => (/[^\w.-]/.test(text) ? JSON.stringify(text) : text);

/** @throws InputError for several columns in one option */
function checkColumns(path: string, given: Given, { columns, textColumns }: SeriesOfFile): void {
  const known = [...columns, ...textColumns];
  for (const option of ["column", "past", "future"] as const) {
    for (const name of given.texts(option)) {
      const parts = name.split(",").map((part) => part.trim());
      if (known.includes(name) || parts.length === 1 || !parts.every((part) => known.includes(part))) continue;
      const each = parts.map((part) => `--${option} ${optionValue(part)}`).join(" ");
      throw new InputError(
        `--${option}: ${path} has no column ${formatValue(name)}. Give the option once for each column: ${each}.`,
      );
    }
  }
}

function optionsOf(given: Given, horizon: number): ForecasterOptions {
  const list = (name: string): readonly string[] | undefined => {
    const all = given.texts(name);
    return all.length === 0 ? undefined : all;
  };
  const cell = given.text("cell");
  const optional = {
    ...{ targets: list("column"), past: list("past"), future: list("future") },
    ...{
      season: given.number("season"),
      lookback: given.number("lookback"),
      relative: given.text("relative"),
      form: given.text("form"),
    },
    ...{ head: given.text("head"), units: given.number("units"), layers: given.number("layers") },
    ...{ dropout: given.number("dropout"), segment: given.number("segment"), members: given.number("members") },
    ...{
      validation: given.number("validation"),
      seed: given.number("seed"),
      scaling: scalingOf(given.text("scaling")),
    },
    ...{ cell: cell === undefined ? undefined : readCell(cell), independent: given.flag("independent") || undefined },
    ...levelsOf(given, undefined),
  };
  const chosen = Object.entries(optional).filter(([, value]) => value !== undefined);
  return { horizon, ...(Object.fromEntries(chosen) as Partial<ForecasterOptions>) };
}

const kinds = ["standard", "minMax", "robust", "log", "log1p", "none"] as const;
/** @throws InputError for what is no list of scalings */
function scalingOf(text: string | undefined): ScalingKind[] | undefined {
  return text?.split(",").map((one) => {
    const [, name, length] = /^(difference|seasonal)=([1-9]\d*)$/.exec(one) ?? [];
    if (name === "difference") return { difference: Number(length) };
    if (name === "seasonal" && length !== "1") return { seasonal: Number(length) };
    const kind = kinds.find((name) => name.toLowerCase() === one.toLowerCase());
    if (kind !== undefined) return kind;
    throw new InputError(
      `--scaling: "${one}" is none of ${kinds.join(", ")}, difference=LAG, seasonal=LENGTH. Give them in order, with commas.`,
    );
  });
}
function levelsOf(given: Given, known: Forecaster | undefined): { levels?: readonly number[] } {
  const text = given.text("levels");
  if (text === undefined) return {};
  const levels = text.split(",").map(Number);
  if (levels.every((one, k) => one > 0 && one < 1 && (k === 0 || one > (levels[k - 1] as number)))) return { levels };
  throw new InputError(
    `--levels: needs rising numbers between 0 and 1, as ${known?.settings.levels.join(",") ?? "0.1,0.5,0.9"}, got "${text}".`,
  );
}

type Trained = {
  readonly model: Forecaster;
  /** The series that it forecasts. */
  readonly data: SeriesOfTable;
  /** What it says of the last steps that are known, without having seen them. */
  readonly tested?: readonly Forecast[];
};
type How = {
  readonly host: Awaited<ReturnType<typeof usableHostOf>>;
  readonly json: boolean;
  readonly path: string;
  readonly say: (text: string) => unknown;
};

/**
 * Train on all but the last steps and measure on them; then train on everything, as long as was best.
 * @param signal ends it early, with what was trained until then
 * @param keeps told what a signal keeps from now on
 * @returns undefined where a signal came before there was anything to keep
 */
async function trainOn(
  read: SeriesOfTable,
  given: Given,
  how: How,
  signal: AbortSignal,
  keeps: (what: string) => void,
): Promise<Trained | undefined> {
  const { host, json, path, say } = how;
  const horizon = given.number("horizon");
  if (horizon === undefined) {
    throw new InputError("--horizon is missing. Give the number of steps to forecast: --horizon 12.");
  }
  const test = given.number("test") ?? horizon;
  if (test > 0 && test < horizon) {
    throw new InputError(`--test: ${test} steps hold no forecast of ${horizon}. Give at least ${horizon}, or 0.`);
  }
  const kept = keepTrainable(read, { ...optionsOf(given, horizon), test });
  const { data, options, short } = kept;
  const first = forecaster(data, options);
  // What is to be known of the future is looked at before anything is trained.
  prepare("forecast", data, first.settings, horizon);
  if (!json) sayNotes(path, data, say);
  sayShort(short, how);
  const { targets } = first.settings;
  if (!json) for (const text of choicesOf(data, given, first)) say(`${path}: ${text}`);
  const training = trainingOf(given);
  const { name: engine } = await engineFor(host);
  if (!json) say(`${path}: ${aboutOf(data, first, engine)}`);
  const printer = progressOf(json);
  const start = performance.now();
  const callbacks = [printer.callback];
  keeps("the best network so far is measured and kept");
  const out = given.text("out");
  const saveBest =
    out === undefined
      ? undefined
      : savingBest(
          out,
          () => writeForecaster(first),
          (warning) => warn(warning, json),
        );
  const saver = { onEpochEnd: (_: number, { valLoss }: Logs) => saveBest?.(valLoss) };
  const trained = await trainForecaster(first, data, {
    ...host,
    ...training,
    callbacks: [...callbacks, saver],
    signal,
  });
  printer.end();
  if (trained.epochs === 0) {
    // Only a signal ends it so early; the code is that of a process that it ends.
    process.exitCode = 130;
    process.stderr.write("Stopped before the end of an epoch: nothing is saved.\n");
    return undefined;
  }
  const took = duration(performance.now() - start);
  const best =
    given.number("validation") === 0 || first.settings.validation === 0
      ? ""
      : `, the best by validation was ${trained.epoch + 1}`;
  if (!json) say(`${trained.epochs} ${trained.epochs === 1 ? "epoch" : "epochs"} in ${took}${best}.`);
  keeps("the network that was trained is kept");
  sayDiverged(trained, say);
  if (!json && first.settings.head === "point" && trained.margins === undefined) {
    say(
      "No quantiles: --head point takes them from its errors in validation. Give --validation steps, or --head quantiles.",
    );
  }
  if (test === 0) return { model: trained, data };
  const scores = await evaluateForecaster(trained, data, { ...host, steps: test });
  if (json) process.stderr.write(`${JSON.stringify({ scores })}\n`);
  else process.stdout.write(`${scoresTable(scores, test)}\n`);
  const earlier = keepForecastable(withoutLast(data, trained, horizon), trained.settings).data;
  const tested = await forecastSeries(trained, earlier, host);
  if (signal.aborted) return { model: trained, data, tested };

  // The same once more, on everything: it ends after as many epochs as were best.
  const again = forecaster(data, {
    ...options,
    ...{ targets, lookback: first.settings.lookback, relative: first.settings.relative, test: 0, validation: 0 },
    ...(options.form === "segments" && { segment: first.settings.segment }),
  });
  const epochs = trained.epoch + 1;
  const { margins } = trained;
  keeps("the network that was measured is kept");
  const model = await trainForecaster(again, data, { ...host, ...training, epochs, callbacks, signal });
  printer.end();
  if (signal.aborted) return { model: trained, data, tested };
  keeps("the network is trained, and is kept");
  if (!json) say(`Trained again on everything, ${epochs} ${epochs === 1 ? "epoch" : "epochs"}.`);
  return { model: { ...model, margins }, data, tested };
}

/** What was chosen of a table where nobody said it: lines to tell. */
function choicesOf(data: SeriesOfTable, given: Given, { settings: { targets, past, future } }: Forecaster): string[] {
  const lines: string[] = [];
  const time = timeColumn(data.series);
  const named = [...given.texts("column"), ...past, ...future];
  if (time !== undefined && !named.includes(time)) {
    lines.push(`column ${formatValue(time)} counts the steps and is not forecast; --column names it if it is to be.`);
  }
  if (given.texts("column").length > 0) return lines;
  for (const name of data.columns) {
    if (name === time || [...targets, ...past, ...future].includes(name)) continue;
    lines.push(`column ${formatValue(name)} has the same value in all steps to train on and is not forecast.`);
  }
  // Values of one target after the end of another are no forecast's business, and may be meant to help.
  const endOf = (name: string): number =>
    Math.max(...data.series.map(({ values }) => (values[name] as Float64Array).findLastIndex(Number.isFinite) + 1));
  const least = targets.reduce((first, name) => (endOf(name) < endOf(first) ? name : first));
  for (const name of targets.filter((one) => endOf(one) > endOf(least))) {
    const more = endOf(name) - endOf(least);
    const values = more === 1 ? "a value" : `${formatCount(more)} values`;
    lines.push(
      `column ${formatValue(name)} has ${values} after the last of ${formatValue(least)}, which ${more === 1 ? "is" : "are"} not read: it is forecast from there, too. --future ${optionValue(name)} reads ${more === 1 ? "it" : "them"}; --column names what is to be forecast.`,
    );
  }
  return lines;
}

/** A loss in validation, of values whose size is about 1 to a network, that says that it has learned nothing. */
const divergedLoss = 1000;
function sayDiverged({ history, epoch }: TrainedForecaster, say: How["say"]): void {
  const loss = (history.valLoss ?? history.loss)?.[epoch] as number;
  if (loss < divergedLoss) return;
  say(
    `The best loss of the training is ${loss.toPrecision(3)}, where less than 1 is usual: it has diverged. Give a smaller --rate.`,
  );
}

function trainingOf(given: Given): TrainForecasterOptions {
  const [epochs, batchSize, learningRate] = (["epochs", "batch", "rate"] as const).map(given.number);
  const [weightDecay, seed] = (["weight-decay", "seed"] as const).map(given.number);
  return {
    ...(epochs !== undefined && { epochs }),
    ...(batchSize !== undefined && { batchSize }),
    ...(learningRate !== undefined && { learningRate }),
    ...(weightDecay !== undefined && { weightDecay }),
    ...(seed !== undefined && { seed }),
  };
}

/** The series without the last steps whose targets are known. */
function withoutLast(data: SeriesOfTable, { settings }: Forecaster, steps: number): SeriesOfTable {
  const { targets } = settings;
  return {
    ...data,
    series: data.series.map((series) => {
      const end = Math.min(
        ...targets.map((name) => (series.values[name] as Float64Array).findLastIndex(Number.isFinite) + 1),
      );
      const values = Object.entries(series.values).map(([name, all]) => {
        if (!targets.includes(name)) return [name, all] as const;
        return [name, all.map((value, t) => (t < end - steps ? value : Number.NaN))] as const;
      });
      return { ...series, values: Object.fromEntries(values) };
    }),
  };
}

function aboutOf(data: SeriesOfTable, { model, settings }: Forecaster, engine: string): string {
  const { series, frequency, dateFormat } = data;
  const [first] = series as readonly [SeriesOfTable["series"][number]];
  const steps = first.rows.length;
  const from =
    first.instants === undefined || dateFormat === undefined
      ? ""
      : ` from ${formatDate(first.instants[0] as number, dateFormat)} to ${formatDate(first.instants.at(-1) as number, dateFormat)}`;
  const count =
    series.length === 1
      ? `${describeSteps(steps, frequency)}${from}`
      : `${formatCount(series.length)} series, the first with ${describeSteps(steps, frequency)}${from}`;
  const { form, lookback, relative, head, season } = settings;
  const before = relative === "season" ? `, so a forecast is made from ${describeBefore(settings)}` : "";
  return `${count}; season ${season}, form ${form}, head ${head}, lookback ${lookback}, relative to ${relative}${before}; ${formatCount(countParameters(model))} parameters, engine ${engine}`;
}

/** A line of a terminal that says how far training is. */
function progressOf(json: boolean): {
  callback: { onEpochEnd: (epoch: number, logs: Readonly<Record<string, number>>, run: { epochs: number }) => void };
  end: () => void;
} {
  const shown = !json && isTerminal(process.stderr);
  let drawn = false;
  return {
    callback: {
      onEpochEnd(epoch, { loss, valLoss }, { epochs }) {
        if (!shown) return;
        drawn = true;
        const validation = valLoss === undefined ? "" : `, validation ${valLoss.toFixed(4)}`;
        process.stderr.write(`\r\x1b[Kepoch ${epoch + 1} of ${epochs}, loss ${loss?.toFixed(4)}${validation}`);
      },
    },
    end() {
      if (drawn) process.stderr.write("\r\x1b[K");
      drawn = false;
    },
  };
}

const digits = (value: number | undefined): string =>
  value === undefined
    ? ""
    : !Number.isFinite(value)
      ? "infinite"
      : Math.abs(value) >= 1000
        ? formatCount(Math.round(value))
        : value.toPrecision(4);

/** The scores of a forecaster, beside those of what needs no network. */
export function scoresTable({ forecaster: own, baselines, origins, steps }: ForecastEvaluation, test: number): string {
  const row = (name: string, { mae, rmse, mape, mase, crps, coverage }: ForecastScores): string[] => [
    name,
    ...[mae, rmse].map(digits),
    Number.isFinite(mape) ? `${mape.toFixed(2)} %` : "infinite",
    digits(mase),
    digits(crps),
    coverage === undefined ? "" : `${(100 * coverage).toFixed(0)} %`,
  ];
  const nominal = own.nominal === undefined ? "covered" : `covered (${(100 * own.nominal).toFixed(0)} %)`;
  const head = ["", "MAE", "RMSE", "MAPE", "MASE", "CRPS", nominal];
  const rows = [row("this network", own), ...Object.entries(baselines).map(([name, scores]) => row(name, scores))];
  const from = origins === 1 ? "what was before them" : `${origins} origins each`;
  const [best, least] = Object.entries(baselines).reduce(
    ([name, low], [one, { mae }]) => (mae < low ? [one, mae] : [name, low]),
    ["", own.mae] as [string, number],
  );
  const better =
    best === ""
      ? ""
      : `${best} is better here, ${digits(least)} against ${digits(own.mae)}: try other settings, as --members 5, --relative or --scaling, or take it.\n`;
  return `The last ${test} steps, forecast from ${from}, ${steps} steps ahead:\n${alignColumns([head, ...rows])}\n${better}`;
}

function tableOf(forecasts: readonly Forecast[], several: boolean): string {
  return forecasts
    .map(({ series, target, steps }) => {
      const levels = Object.keys(steps[0]?.quantiles ?? {});
      const title = [series, several || series === "" ? target : ""].filter((part) => part !== "").join(", ");
      const rows = steps.map(({ step, date, value, quantiles }) => [
        date ?? String(step),
        digits(value),
        ...levels.map((p) => digits(quantiles[p])),
      ]);
      return `${title}\n${alignColumns([[steps[0]?.date === undefined ? "step" : "date", "value", ...levels], ...rows])}\n`;
    })
    .join("\n");
}

function csvOf(forecasts: readonly Forecast[]): string {
  const levels = Object.keys(forecasts[0]?.steps[0]?.quantiles ?? {});
  const rows = forecasts.flatMap((one) =>
    one.steps.map(({ step, date, value, quantiles }) => [
      nameOf(one),
      one.target,
      step,
      date ?? "",
      value,
      ...levels.map((p) => quantiles[p] as number),
    ]),
  );
  return writeCsv(["series", "target", "step", "date", "value", ...levels], rows);
}

/** The past is drawn as far back as is told apart from the forecast. */
function pictureOf(
  plot: string,
  path: string,
  data: SeriesOfTable,
  { model, tested }: Trained,
  forecasts: readonly Forecast[],
): string {
  const { horizon, lookback } = model.settings;
  const pictures = forecasts.map(({ series, target, steps }): ForecastPicture => {
    const { values, instants } = data.series.find(({ name }) => name === series) as SeriesOfTable["series"][number];
    const all = values[target] as Float64Array;
    const end = all.findLastIndex(Number.isFinite) + 1;
    const start = Math.max(0, end - Math.max(4 * horizon, lookback));
    const past = Array.from(all.subarray(start, end), (value, t) => ({
      value,
      ...(instants !== undefined &&
        data.dateFormat !== undefined && { date: formatDate(instants[start + t] as number, data.dateFormat) }),
    }));
    const own = tested?.find((one) => one.series === series && one.target === target)?.steps;
    return {
      title: series === "" ? target : `${series}, ${target}`,
      past,
      ...(own !== undefined && { tested: own }),
      future: steps,
    };
  });
  return /\.svg$/i.test(plot) ? drawForecast(pictures[0] as ForecastPicture) : pageOfForecasts(path, pictures);
}
