/** The file of a forecaster: what it holds, written and read. */
import { calendarFeatures, calendarPartNames } from "../../data/calendar.ts";
import { aScaling } from "../../data/scaling.ts";
import { type ModelFile, readModel, type WeightType, weightTypes, writeModel } from "../../formats/model-file.ts";
import { FormatError, readSafetensorsArguments } from "../../formats/safetensors.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  checkArguments,
  checkOptions,
  finiteNumber,
  flag,
  formatValue,
  inRange,
  isPlain,
  listOf,
  oneOf,
  options as optionsOf,
  type Rule,
  recordOf,
  required,
  type Schema,
  string,
  wholeNumber,
} from "../../graph/schema.ts";
import { risingLevels } from "../../train/densities/univariate.ts";
import { type Task, type TaskData, taskDataOf } from "../task.ts";
import { numbersOf } from "./examples.ts";
import { headOf } from "./heads.ts";
import { alone } from "./prepare.ts";
import { aForecaster, bases, type Forecaster, type ForecastSettings, forms, heads } from "./settings.ts";

/** Options of `writeForecaster`. */
export type WriteForecasterOptions = {
  /** Type of the weights: "f32" (default), "f16", "bf16" or "int8". */
  readonly dtype?: WeightType;
};
export const writeForecasterArguments = {
  forecaster: aForecaster,
  options: optionsOf<WriteForecasterOptions>({ dtype: oneOf(...weightTypes) }),
};

/**
 * Encode a forecaster as a .safetensors file: weights, equations, scalings and all else that a forecast needs. `readForecaster`
 * returns the same, except for rounding to f16, bf16 or int8.
 * @throws InputError for a model that could not be read again, and for a weight too large for f16
 * @example writeFileSync("sales.safetensors", writeForecaster(model));
 */
export function writeForecaster(forecaster: Forecaster, options: WriteForecasterOptions = {}): Uint8Array<ArrayBuffer> {
  checkArguments("writeForecaster", { forecaster, options }, writeForecasterArguments);
  return writeModel(fileOf(forecaster), options);
}

/**
 * Read a forecaster from the bytes of its file.
 * @param bytes the content of a .safetensors file
 * @param file the name of the file, for messages. Default "model.safetensors"
 * @throws FormatError, one line, for a file that is damaged or not a forecaster
 */
export function readForecaster(bytes: Uint8Array, file = "model.safetensors"): Forecaster {
  checkArguments("readForecaster", { bytes, file }, readSafetensorsArguments);
  const content = readModel(bytes, file);
  const data = taskDataOf(content, file);
  if (data.kind === forecastTask.kind) return readContent(content, data, file);
  throw new FormatError(`${file}: its task is ${formatValue(data.kind)}, and a forecaster's is "forecast".`);
}

const fileOf = ({ model, settings, margins }: Forecaster): ModelFile => ({
  model,
  extra: {
    // JSON has no undefined.
    task: JSON.parse(JSON.stringify({ kind: "forecast", settings, ...(margins !== undefined && { margins }) })),
  },
});

const count = wholeNumber(1);
const texts = listOf(string);
const aFrequency: Rule = {
  expected: "a frequency",
  accepts: (value) =>
    isPlain(value) &&
    (value.unit === "weekday" ||
      (value.unit === "millisecond" && count.accepts(value.count)) ||
      (value.unit === "month" && count.accepts(value.count) && wholeNumber(1, 31).accepts(value.day))),
};
const aFittedStep: Rule = {
  expected: "a fitted scaling",
  accepts: (value) =>
    isPlain(value) &&
    (value.kind === "log" ||
      value.kind === "log1p" ||
      (value.kind === "difference" && count.accepts(value.lag)) ||
      (value.kind === "seasonal" &&
        Array.isArray(value.indices) &&
        value.indices.length > 1 &&
        value.indices.every(Number.isFinite)) ||
      (value.kind === "affine" &&
        finiteNumber.accepts(value.offset) &&
        finiteNumber.accepts(value.scale) &&
        value.scale !== 0)),
};
const aFittedScaling: Rule = {
  ...optionsOf<{ steps: unknown; constant: unknown }>({ steps: required(listOf(aFittedStep)), constant: flag }),
};
const positive = inRange(0, Infinity, "()");
const settingsRules: Schema<ForecastSettings> = {
  ...{ horizon: required(count), lookback: required(count), segment: required(count), season: required(count) },
  ...{ members: required(count), targets: required(listOf(string, 1)), past: required(texts), future: required(texts) },
  ...{ series: required(listOf(string, 1)), categories: required(recordOf(texts)) },
  calendar: required(listOf(oneOf(...calendarPartNames))),
  ...{ frequency: aFrequency, dateFormat: string },
  scaling: required({ ...aScaling, accepts: (value) => Array.isArray(value) && aScaling.accepts(value) }),
  ...{ relative: required(oneOf(...bases)), form: required(oneOf(...forms)), head: required(oneOf(...heads)) },
  ...{ independent: required(flag), levels: required(risingLevels), loss: required(oneOf("mae", "mse", "huber")) },
  ...{ validation: required(wholeNumber(0)), test: required(wholeNumber(0)) },
  ...{ seen: required(recordOf(wholeNumber(0))), starts: required(recordOf(finiteNumber)) },
  fitted: required(recordOf(recordOf(aFittedScaling))),
  spread: required(optionsOf<ForecastSettings["spread"]>({ inputs: required(positive), outputs: required(positive) })),
  countScale: required(positive),
};
type ForecastTaskData = { readonly kind: unknown; readonly settings: unknown; readonly margins: unknown };
const taskRules: Schema<ForecastTaskData> = {
  kind: string,
  settings: required(optionsOf<ForecastSettings>(settingsRules)),
  margins: recordOf(listOf(finiteNumber)),
};

/** The task of forecasters: series in, their future out. */
export const forecastTask: Task<Forecaster> = {
  kind: "forecast",
  title: "a forecaster",
  read: readContent,
  write: fileOf,
  content: aForecaster,
  serving: async () => (await import("./serving.ts")).serving,
};

/** Check the content of a file, and make a forecaster of it. */
function readContent({ model }: ModelFile, data: TaskData, file: string): Forecaster {
  try {
    checkOptions("its task", data, taskRules);
  } catch (error) {
    if (error instanceof InputError)
      throw new FormatError(`${file}: ${error.message} The file is damaged. Train anew.`);
    throw error;
  }
  const content = { model, ...(data as unknown as Pick<Forecaster, "settings" | "margins">) };
  const problem = problemOf(content.settings) ?? problemOfNetwork(content) ?? problemOfMargins(content);
  if (problem !== undefined) throw new FormatError(`${file}: its task: ${problem}. The file is damaged. Train anew.`);
  const { settings, margins } = content;
  return { model, settings, ...(margins !== undefined && { margins }) };
}

/** The features of the calendar's parts at one step. */
const calendarSize = (calendar: ForecastSettings["calendar"]): number =>
  calendar.length === 0 ? 0 : calendarFeatures([0], calendar, "cyclic").names.length;
const named = (text: string): string => formatValue(text);

/** What of settings does not fit the rest of them. */
function problemOf(settings: ForecastSettings): string | undefined {
  const { targets, past, future, categories, calendar, frequency, form, segment, lookback, horizon, fitted } = settings;
  const columns = [...targets, ...past, ...future];
  const twice = columns.find((column, k) => columns.indexOf(column) !== k);
  if (twice !== undefined) return `settings: column ${named(twice)} is there twice among targets, past and future`;
  const odd = Object.keys(categories).find((column) => !future.includes(column));
  if (odd !== undefined) return `settings: categories: ${named(odd)} is no column of future`;
  if (calendar.length > 0 && frequency === undefined) return "settings: frequency is missing, and calendar needs one";
  if (form === "segments" && (lookback % segment !== 0 || horizon % segment !== 0)) {
    return `settings: segment ${segment} does not divide the lookback, ${lookback}, and the horizon, ${horizon}`;
  }
  const numbers = columns.filter((column) => !Object.hasOwn(categories, column));
  for (const [series, own] of Object.entries(fitted)) {
    const missing = numbers.find((column) => !Object.hasOwn(own, column));
    if (missing !== undefined) return `settings: fitted: series ${named(series)} has no scaling of ${named(missing)}`;
  }
  return undefined;
}

/** What of a network's inputs and outputs is not what its settings need. */
function problemOfNetwork({ model, settings }: Forecaster): string | undefined {
  const { horizon, form, members, targets, past, future, categories, calendar, segment } = settings;
  const together = alone(settings) ? 1 : targets.length;
  const values = (form === "recursive" ? 1 : horizon) * together;
  const outputs = members * values * headOf(settings, values).parts;
  if (model.outputSize !== outputs)
    return `its network gives ${model.outputSize} numbers, and its settings need ${outputs}`;
  const known =
    future.reduce(
      (sum, column) => sum + (Object.hasOwn(categories, column) ? (categories[column] ?? []).length : 1),
      0,
    ) + calendarSize(calendar);
  const wanted: Readonly<Record<string, number>> = {
    x: form === "segments" ? segment : together + past.length + known,
    ...(form === "direct" && known > 0 && { known: horizon * known }),
    ...(numbersOf(settings) > 1 && { series: numbersOf(settings) }),
  };
  const found = Object.fromEntries(model.inputs.map(({ name, features, count }) => [name, count ?? features]));
  const odd = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].find(
    (name) => wanted[name] !== found[name],
  );
  if (model.returnsSequences !== (form === "recursive")) {
    return `its network gives ${model.returnsSequences ? "each step" : "the last step alone"}, and form ${named(form)} does not`;
  }
  if (odd === undefined) return undefined;
  return `its network reads ${found[odd] ?? 0} numbers as ${named(odd)}, and its settings need ${wanted[odd] ?? 0}`;
}

/** Margins are of the head "point", of each step for its levels. */
function problemOfMargins({ settings: { levels, horizon }, margins = {} }: Forecaster): string | undefined {
  for (const [level, steps] of Object.entries(margins)) {
    if (!levels.map(String).includes(level))
      return `margins: ${named(level)} is none of its levels, ${levels.join(", ")}`;
    if (steps.length !== horizon) return `margins: ${level}: needs ${horizon} numbers, got ${steps.length}`;
  }
  return undefined;
}
