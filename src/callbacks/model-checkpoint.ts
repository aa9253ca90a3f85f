/** Model files while a training goes on, as Keras's ModelCheckpoint: every epoch, every few batches, or only the best. */
import { checkWritable, writeFileAtomically } from "../formats/files.ts";
import { extraRule, writeModel } from "../formats/model-file.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  camelCase,
  checkArguments,
  either,
  flag,
  inRange,
  oneOf,
  options as optionsOf,
  someText,
  wholeNumber,
} from "../graph/schema.ts";
import { monitorRules } from "../train/built-in-callbacks.ts";
import type { Callback, Logs, TrainingRun } from "../train/callbacks.ts";
import { createPatience } from "./patience.ts";

/** Options of `modelCheckpoint`, with Keras's names and defaults; also what else the file holds. */
export type ModelCheckpointOptions = {
  /** The value of the logs that says how good a model is. Default "valLoss". */
  readonly monitor?: string;
  /** Whether lower or higher is better; "auto" (default): higher for an accuracy or an AUC, lower for others. */
  readonly mode?: "auto" | "min" | "max";
  /** Whether to write only if the monitored value is better than in every file before. Default false. */
  readonly saveBestOnly?: boolean;
  /** When to write: "epoch" (default), at the end of each epoch; or n, after every n batches. */
  readonly saveFreq?: "epoch" | number;
  /** With `saveBestOnly`: the value that the first file has to beat, such as the best of an earlier training. By default none. */
  readonly initialValueThreshold?: number;
  /** Whether the file holds the state of training, to resume from. */
  readonly withTraining?: boolean;
  /**
   * Further content of the file by name, as in `ModelFile`. With `trainLanguageModel` the file is a language model's anyway;
   * with `fitStream`, which knows no tokenizer, `{ tokenizer }` makes it one.
   */
  readonly extra?: Readonly<Record<string, unknown>>;
};

export const modelCheckpointArguments: Arguments = {
  path: someText,
  options: optionsOf<ModelCheckpointOptions>({
    ...monitorRules,
    saveBestOnly: flag,
    saveFreq: either(oneOf("epoch"), wholeNumber(1)),
    initialValueThreshold: inRange(-Infinity, Infinity, "[]"),
    withTraining: alias(flag, "saveOptimizer"),
    extra: extraRule,
  }),
};

/**
 * A callback that writes model files during training. Keras's ModelCheckpoint. A file is written completely or not at all,
 * and never with an infinite or NaN value. The path may contain `{epoch}` (from 1, as in Keras's names), `{step}` and names
 * of the logs, formatted as in Python by a width and a number of decimals: `{epoch:02d}`, `{valLoss:.2f}`.
 *
 * With `saveBestOnly`, epochs whose logs lack the monitored value are skipped, as not every epoch need be validated; epochs
 * before the first that has it are saved. A write that fails during training is a warning, and is tried again later. The
 * best value is part of the state to resume from.
 * @param path the file, with names in braces
 * @param options `monitor` (default "valLoss"), `mode` ("auto"), `saveBestOnly` (false), `saveFreq` ("epoch"), ...
 * @throws InputError for wrong options; at the start of training for a path that cannot be written; at its end for a model
 *   that still could not be written; for a value that the logs do not have
 * @example modelCheckpoint("models/{epoch:02d}-{valLoss:.2f}.safetensors")
 * @example trainLanguageModel(lm, text, { callbacks: [modelCheckpoint("best.safetensors", { saveBestOnly: true })] })
 */
export function modelCheckpoint(path: string, options: ModelCheckpointOptions = {}): Callback {
  checkArguments("modelCheckpoint", { path, options }, modelCheckpointArguments);
  const { mode = "auto", saveBestOnly = false, saveFreq = "epoch" } = options;
  const monitor = camelCase(options.monitor ?? "valLoss");
  const { initialValueThreshold, withTraining = true, extra = {} } = options;
  const fields = fieldsOf(path);
  if (saveFreq !== "epoch" && fields.includes("epoch")) {
    throw new InputError('modelCheckpoint: {epoch} in the path needs saveFreq "epoch"; between epochs use {step}');
  }
  const wantsHighest = mode === "max" || (mode === "auto" && /acc|auc/i.test(monitor));
  const isBetter = (value: number, than: number): boolean => (wantsHighest ? value > than : value < than);
  let best = initialValueThreshold;
  let batches = 0;
  const patience = createPatience("modelCheckpoint");

  /** Whether this model is to be written, by the logs; if so, its value is the one to beat. */
  const isWanted = (logs: Logs): boolean => {
    if (!saveBestOnly) return true;
    const value = logs[monitor];
    if (value === undefined) {
      // The training's own value has the name of the validation's without "val".
      const own = monitor.replace(/^val([A-Z])/, (_, letter: string) => letter.toLowerCase());
      if (own === monitor || logs[own] === undefined) throw absent("monitor", monitor, logs);
      return best === undefined;
    }
    if (Number.isNaN(value) || (best !== undefined && !isBetter(value, best))) return false;
    best = value;
    return true;
  };
  const write = (logs: Logs, numbers: Logs, run: TrainingRun): void => {
    if (!isWanted(logs) || !run.save()) return;
    const file = formatPath(path, { ...logs, ...numbers, step: run.step });
    const training = withTraining ? run.state() : undefined;
    const bytes = writeModel({ model: run.model, training, extra: Object.assign({}, run.extra, extra) });
    patience.write(() => writeFileAtomically(file, bytes), { instead: true });
  };
  return {
    writes: true,
    name: "modelCheckpoint",
    onTrainBegin() {
      checkWritable(formatPath(path, Object.fromEntries(fields.map((name) => [name, 0]))));
    },
    onTrainEnd: () => patience.end(),
    state: () => ({ batches, ...(best !== undefined && { best }) }),
    restore(state) {
      const before = state as { readonly batches: number; readonly best?: number };
      [best, batches] = [before.best ?? best, before.batches];
    },
    ...(saveFreq === "epoch"
      ? { onEpochEnd: (epoch, logs, run) => write(logs, { epoch: epoch + 1 }, run) }
      : { onBatchEnd: (logs, run) => void (++batches % saveFreq === 0 && write(logs, {}, run)) }),
  };
}

/** `{name}` or `{name:format}`. */
const field = /\{(\w+)(?::([^{}]*))?\}/g;

/** The names in a path. Throws an InputError for an unknown format. */
function fieldsOf(path: string): string[] {
  return [...path.matchAll(field)].map(([whole, name = "", format = ""]) => {
    if (formatNumber(0, format) !== undefined) return name;
    throw new InputError(
      `modelCheckpoint: ${whole} in the path is not a known format. Use {${name}}, {${name}:02d} or {${name}:.2f}`,
    );
  });
}

function formatPath(path: string, numbers: Logs): string {
  return path.replace(field, (whole, name: string, format = "") => {
    const value = numbers[name];
    if (value === undefined) throw absent("path", whole, numbers);
    return formatNumber(value, format) as string;
  });
}

/** A number in one of Python's formats: width, with 0 in front filled with zeros, and decimals; undefined for others. */
function formatNumber(value: number, format: string): string | undefined {
  const [, zero, width, decimals, type] = /^(0?)(\d{0,3})(?:\.(\d{1,2}))?([df]?)$/.exec(format) ?? [];
  if (type === undefined || (type === "d" && decimals !== undefined)) return undefined;
  if (type !== "f" && decimals !== undefined) return undefined; // Significant digits there.
  const text = type === "f" ? value.toFixed(Number(decimals ?? 6)) : type === "d" ? value.toFixed(0) : `${value}`;
  const sign = zero !== "" && text.startsWith("-") ? "-" : "";
  return sign + text.slice(sign.length).padStart(Number(width) - sign.length, zero === "" ? " " : "0");
}

function absent(where: string, name: string, logs: Logs): InputError {
  return new InputError(
    `modelCheckpoint: ${where}: the logs have no ${name}; they have ${Object.keys(logs).join(", ")}. ` +
      "Give data to validate on, or another name.",
  );
}
