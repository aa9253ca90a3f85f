/**
 * The options of `unrolled train` for a model and its training, from the command line or from the file of a training to
 * continue.
 */
import { cells } from "../cells/index.ts";
import { InputError } from "../graph/input-error.ts";
import type { Layer, Model } from "../nn/model.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { defaultVocabulary, type TrainedTokenizer } from "../text/tokenizer.ts";
import { type FitStreamOptions, fitDefaults, rateFor } from "../train/fit-stream-options.ts";
import { type OptimizerName, optimizers } from "../train/optimizer-names.ts";
import { readCell } from "./cell-argument.ts";
import { type Given, type Options, seedRange, withRemembered } from "./options.ts";

export const isOptimizer = (name: string): name is OptimizerName => Object.hasOwn(optimizers, name);
const positive = { whole: true, min: 1, max: 2 ** 31 - 1 } as const;

/** The options that are stored in a file. */
export const settingOptions: Options = {
  cell: { value: "CELL", help: "a built-in cell, or a file of equations [lstm]" },
  units: { value: "N", help: "size of a state [128]", number: positive },
  layers: { value: "N", help: "recurrent layers [1]", number: { whole: true, min: 1, max: 100 } },
  embedding: { value: "N", help: "size of an embedding [units, at most 64]", number: positive },
  dropout: { value: "RATE", help: "dropout rate between layers [0]", number: { min: 0, max: 0.99 } },
  tokens: { value: "KIND", help: "kind of token [char]", choices: ["char", "word", "bpe"] },
  vocabulary: {
    value: "N",
    help: `most words [${defaultVocabulary.word}] or byte pairs [${defaultVocabulary.bpe}]`,
    number: positive,
  },
  batch: { value: "N", help: `batch size [${fitDefaults.batch}]`, number: positive },
  steps: { value: "N", help: `time steps of backpropagation [${fitDefaults.steps}]`, number: positive },
  epochs: { value: "X", help: `passes over the text, in all [${fitDefaults.epochs}]`, number: { above: 0 } },
  minutes: { value: "X", help: "train for this time instead", number: { above: 0 } },
  optimizer: { value: "NAME", help: "[adam]", choices: Object.keys(optimizers) },
  rate: {
    value: "X",
    help: `initial learning rate [${fitDefaults.learningRate}; sgd, asgd 8]`,
    number: { above: 0 },
  },
  clip: { value: "X", help: `largest norm of the gradients [${fitDefaults.clipNorm}]`, number: { above: 0 } },
  precision: { value: "KIND", help: "operands of matrix products [f32]", choices: ["f32", "bf16"] },
  seed: { value: "N", help: "seed of initial values and dropout [0]", number: seedRange },
  validation: {
    value: "X",
    help: `last part of the text, for validation [${fitDefaults.validationSplit}]`,
    number: { min: 0, max: 0.9 },
  },
  "validation-tokens": {
    value: "N",
    help: `most tokens to validate on [${fitDefaults.validationTokens}]`,
    number: { whole: true, min: 2, max: 2 ** 31 - 1 },
  },
  keep: { value: "WHICH", help: "model to save, by validation [best]", choices: ["best", "last"] },
};

/** All options; those that were not given have their defaults. */
export type Settings = {
  readonly cell: string;
  readonly units: number;
  readonly layers: number;
  readonly embedding: number;
  readonly dropout: number;
  readonly tokens: TrainedTokenizer["kind"];
  readonly vocabulary?: number;
  readonly batch: number;
  readonly steps: number;
  readonly epochs?: number;
  readonly minutes?: number;
  readonly optimizer: OptimizerName;
  readonly rate: number;
  readonly clip: number;
  /** Left out for f32. */
  readonly precision?: "bf16";
  readonly seed: number;
  readonly validation?: number;
  readonly "validation-tokens": number;
  readonly "validation-file"?: true;
  readonly keep: "best" | "last";
};

/** @throws InputError for options that exclude each other */
export function settingsOf(given: Given, { validationFile }: { readonly validationFile: boolean }): Settings {
  const { number, text } = given;
  const [minutes, tokens] = [number("minutes"), (text("tokens") ?? "char") as TrainedTokenizer["kind"]];
  if (minutes !== undefined && number("epochs") !== undefined) {
    throw new InputError("--minutes: gives the length of the training instead of --epochs. Give one of the two.");
  }
  const vocabulary = number("vocabulary");
  if (tokens === "char" && vocabulary !== undefined) {
    throw new InputError("--vocabulary: limits words or byte pairs, but the tokens are characters. Add --tokens word.");
  }
  if (tokens === "bpe" && vocabulary !== undefined && vocabulary < 256) {
    throw new InputError(
      `--vocabulary: needs at least 256 for byte pairs, because every byte is a token, got ${vocabulary}.`,
    );
  }
  if (validationFile && number("validation") !== undefined) {
    throw new InputError(
      "--validation: takes a share of the text, and --validation-file another text. Give one of them.",
    );
  }
  const units = number("units") ?? 128;
  const optimizer = (text("optimizer") ?? "adam") as OptimizerName;
  return {
    cell: text("cell") ?? "lstm",
    units,
    layers: number("layers") ?? 1,
    embedding: number("embedding") ?? Math.min(units, 64),
    dropout: number("dropout") ?? 0,
    tokens,
    ...(tokens !== "char" && { vocabulary: vocabulary ?? defaultVocabulary[tokens] }),
    batch: number("batch") ?? fitDefaults.batch,
    steps: number("steps") ?? fitDefaults.steps,
    ...(minutes === undefined ? { epochs: number("epochs") ?? fitDefaults.epochs } : { minutes }),
    optimizer,
    rate: number("rate") ?? rateFor(optimizer),
    clip: number("clip") ?? fitDefaults.clipNorm,
    ...(text("precision") === "bf16" && { precision: "bf16" }),
    seed: number("seed") ?? 0,
    ...(validationFile
      ? { "validation-file": true }
      : { validation: number("validation") ?? fitDefaults.validationSplit }),
    "validation-tokens": number("validation-tokens") ?? fitDefaults.validationTokens,
    keep: (text("keep") ?? "best") as Settings["keep"],
  };
}

/** The options of `fitStream`. */
type Always = "batch" | "steps" | "clipNorm" | "validationSplit" | "optimizer";
export function streamOptions(settings: Settings): FitStreamOptions & Required<Pick<FitStreamOptions, Always>> {
  const { batch, steps, epochs, minutes, rate, clip, precision, seed, validation, keep } = settings;
  return {
    ...{ batch, steps, seed, keep, clipNorm: clip, validationTokens: settings["validation-tokens"] },
    ...(minutes === undefined ? {} : { minutes }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(precision && { precision }),
    validationSplit: validation ?? 0,
    optimizer: optimizers[settings.optimizer]({ learningRate: rate }),
    validations: validationsOf(minutes ?? epochs ?? fitDefaults.epochs),
  };
}

/** One validation an epoch or a minute, or one every few; at least four in all. */
const validationsOf = (count: number): number =>
  count < fitDefaults.validations ? fitDefaults.validations : count / Math.ceil(count / 20);

/** The options of the model, and those of its training that cannot change while it continues. */
const ofModel = ["cell", "units", "layers", "embedding", "dropout", "tokens", "vocabulary", "optimizer"];
const ofTraining = ["batch", "steps", "seed", "validation", "validation-tokens"];

/** The options as far as the model itself shows them, for a file without options: an exported or an older one. */
export function optionsOfModel({ model, tokenizer }: LanguageModel): Readonly<Record<string, unknown>> {
  const layers = model.layers.flatMap((layer) =>
    layer.kind === "cell" && layer.cell.states.length > 0 ? [layer] : [],
  );
  const embedding = model.layers.find((layer) => layer.kind === "embedding");
  const dropout = model.layers.find((layer) => layer.kind === "dropout");
  return {
    units: layers[0]?.units,
    layers: layers.length,
    embedding: embedding?.outputDim,
    dropout: dropout?.rate ?? 0,
    tokens: tokenizer.kind,
  };
}

/** A file to continue from, and its options. */
export type Remembered = {
  readonly file: string;
  readonly model: Model;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
};

/** @throws InputError if an option of the model differs from the file's */
export function checkModelOptions(given: Given, remembered: Remembered): void {
  const { file, model, options } = remembered;
  for (const name of ofModel) if (name !== "cell") checkSame(name, given, remembered);
  const cell = given.text("cell");
  if (cell === undefined) return;
  const asked = readCell(cell);
  const own = model.layers.find(({ kind }) => kind === "cell") as Extract<Layer, { kind: "cell" }> | undefined;
  const source = (typeof asked === "string" ? cells[asked] : asked)?.source;
  if (source !== undefined && own !== undefined && bare(source) === bare(own.cell.source)) return;
  if (options?.cell !== cell) throw changed("cell", file, options?.cell ?? "its own", cell);
  throw new InputError(
    `--cell: the equations of ${cell} differ from those in ${file}, which cannot change with --resume. ` +
      "Leave it out; or train again, with --overwrite.",
  );
}

/** The equations without comments and blanks. */
const bare = (source: string): string =>
  source
    .split("\n")
    .map((line) => line.replace(/#.*/, "").replace(/\s/g, ""))
    .filter((line) => line !== "")
    .join("\n");

/** @throws InputError if an option of the training differs from the file's, though it continues in the same text */
export function checkTrainingOptions(given: Given, remembered: Remembered): void {
  const { file, options = {} } = remembered;
  for (const name of ofTraining) checkSame(name, given, remembered);
  if (given.text("validation-file") !== undefined && options["validation-file"] === undefined) {
    throw changed("validation-file", file, "not", given.text("validation-file") as string);
  }
  const [measure, other] = options.minutes === undefined ? ["epochs", "minutes"] : ["minutes", "epochs"];
  if (given.text(other as string) !== undefined) {
    throw new InputError(
      `--${other}: the training in ${file} is measured in ${measure}, ${options[measure as string]} in all. ` +
        `To train longer, give --${measure}.`,
    );
  }
}

function checkSame(name: string, given: Given, { file, options }: Remembered): void {
  const text = given.text(name);
  if (text === undefined) return;
  const own = options?.[name];
  const same = typeof own === "number" ? given.number(name) === own : text === own;
  if (!same) throw changed(name, file, own ?? "its own", text);
}

const changed = (name: string, file: string, own: unknown, got: string): InputError =>
  new InputError(
    `--${name}: is ${own} in ${file} and cannot change with --resume, got ${got}. Leave it out; or train again, with --overwrite.`,
  );

/** The given options that differ from the file's, among those that can change while training continues. */
export function changedOptions(given: Given, own: Settings): string[] {
  return (["rate", "clip", "keep", "precision"] as const).filter((name) => {
    const value = name === "keep" || name === "precision" ? given.text(name) : given.number(name);
    return value !== undefined && value !== (own[name] ?? "f32");
  });
}

/**
 * The given options, completed by those in the file. With `anew`, training starts again, so its length can be measured
 * differently.
 * @throws InputError if the options in the file are damaged
 */
export function settingsToGoOn(
  given: Given,
  { file, options = {} }: Remembered,
  { anew, validationFile }: { readonly anew: boolean; readonly validationFile: boolean },
): Settings {
  const dropped = new Set<string>(["cell"]);
  if (validationFile) dropped.add("validation");
  if (anew && given.text("minutes") !== undefined) dropped.add("epochs");
  if (anew && given.text("epochs") !== undefined) dropped.add("minutes");
  const kept = Object.fromEntries(Object.entries(options).filter(([name]) => !dropped.has(name)));
  let all: Given;
  try {
    all = withRemembered(given, kept, settingOptions);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${file}: the options of its training are damaged: ${error.message} Train anew.`);
  }
  return settingsOf(all, { validationFile });
}

/**
 * The options to store in the file: those of the model as they were, in a fixed order, so that the same options give
 * the same bytes.
 */
export function remember(settings: Settings, before?: Remembered): Readonly<Record<string, unknown>> {
  const entries = Object.entries(settings).map(([name, value]) => [
    name,
    before !== undefined && ofModel.includes(name) ? before.options?.[name] : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
