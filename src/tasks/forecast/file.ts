/** The file of a forecaster: what it holds, written and read. */
import { calendarPartNames } from "../../data/calendar.ts";
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
import { type Task, type TaskData, taskDataOf } from "../task.ts";
import { numbersOf } from "./examples.ts";
import { headOf } from "./heads.ts";
import { aForecaster, bases, type Forecaster, type ForecastSettings, forms, heads, levelsRule } from "./settings.ts";

declare module "../index.ts" {
  interface Contents {
    readonly forecast: Forecaster;
  }
}

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
      (value.kind === "seasonal" && Array.isArray(value.indices) && value.indices.every(Number.isFinite)) ||
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
  scaling: required(listOf(aScaling)),
  ...{ relative: required(oneOf(...bases)), form: required(oneOf(...forms)), head: required(oneOf(...heads)) },
  ...{ independent: required(flag), levels: required(levelsRule), loss: required(oneOf("mae", "mse", "huber")) },
  ...{ validation: required(wholeNumber(0)), test: required(wholeNumber(0)) },
  starts: required(recordOf(finiteNumber)),
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
  const { settings, margins } = data as unknown as Pick<Forecaster, "settings" | "margins">;
  const { horizon, form, members, targets } = settings;
  const values =
    (form === "recursive" ? 1 : horizon) * (settings.independent || form === "segments" ? 1 : targets.length);
  const outputs = members * values * headOf(settings, values).parts;
  const told = model.inputs.find(({ name }) => name === "series")?.count ?? 1;
  if (model.outputSize !== outputs || told !== numbersOf(settings)) {
    throw new FormatError(
      `${file}: its network gives ${model.outputSize} numbers and its settings need ${outputs}: the file is damaged. Train anew.`,
    );
  }
  return { model, settings, ...(margins !== undefined && { margins }) };
}
