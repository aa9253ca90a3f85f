/** What `unrolled train` is told about a model and its training: in options, and in the file of a training to go on with. */
import { cells } from "../cells/index.ts";
import { InputError } from "../graph/input-error.ts";
import type { Layer, Model } from "../nn/model.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { defaultVocabulary, type Tokenizer } from "../text/tokenizer.ts";
import { type FitStreamOptions, fitDefaults, rateFor } from "../train/fit-stream-options.ts";
import { type OptimizerName, optimizers } from "../train/optimizer-names.ts";
import { readCell } from "./cell-argument.ts";
import { type Given, type Options, seedRange, withRemembered } from "./options.ts";

export const isOptimizer = (name: string): name is OptimizerName => Object.hasOwn(optimizers, name);
const positive = { whole: true, min: 1, max: 2 ** 31 - 1 } as const;

/** Options that a file remembers. */
export const settingOptions: Options = {
  cell: { value: "CELL", help: "a built-in cell, or a file of equations [lstm]" },
  units: { value: "N", help: "features of a state [128]", number: positive },
  layers: { value: "N", help: "recurrent layers [1]", number: { whole: true, min: 1, max: 100 } },
  embedding: { value: "N", help: "features of a token [units, at most 64]", number: positive },
  dropout: { value: "RATE", help: "of the values between layers [0]", number: { min: 0, max: 0.99 } },
  tokens: { value: "KIND", help: "what a token is [char]", choices: ["char", "word", "bpe"] },
  vocabulary: {
    value: "N",
    help: `largest, of words [${defaultVocabulary.word}] or byte pairs [${defaultVocabulary.bpe}]`,
    number: positive,
  },
  batch: { value: "N", help: `places of the text read side by side [${fitDefaults.batch}]`, number: positive },
  steps: { value: "N", help: `time steps that the gradient reaches back [${fitDefaults.steps}]`, number: positive },
  epochs: { value: "X", help: `passes over the text, in all [${fitDefaults.epochs}]`, number: { above: 0 } },
  minutes: { value: "X", help: "train this long instead, all included", number: { above: 0 } },
  optimizer: { value: "NAME", help: "[adam]", choices: Object.keys(optimizers) },
  rate: {
    value: "X",
    help: `learning rate at the start [${fitDefaults.learningRate}; sgd, asgd 8]`,
    number: { above: 0 },
  },
  clip: { value: "X", help: `largest norm of the gradients [${fitDefaults.clipNorm}]`, number: { above: 0 } },
  seed: { value: "N", help: "of the first values and of dropout [0]", number: seedRange },
  validation: {
    value: "X",
    help: `share of the text, its end, not trained on [${fitDefaults.validationSplit}]`,
    number: { min: 0, max: 0.9 },
  },
  "validation-tokens": {
    value: "N",
    help: `most tokens to validate on [${fitDefaults.validationTokens}]`,
    number: { whole: true, min: 2, max: 2 ** 31 - 1 },
  },
  keep: { value: "WHICH", help: "model, by validation [best]", choices: ["best", "last"] },
};

/** All of them, each with what it is where it was not given. */
export type Settings = {
  readonly cell: string;
  readonly units: number;
  readonly layers: number;
  readonly embedding: number;
  readonly dropout: number;
  readonly tokens: Tokenizer["kind"];
  readonly vocabulary?: number;
  readonly batch: number;
  readonly steps: number;
  readonly epochs?: number;
  readonly minutes?: number;
  readonly optimizer: OptimizerName;
  readonly rate: number;
  readonly clip: number;
  readonly seed: number;
  readonly validation?: number;
  readonly "validation-tokens": number;
  readonly "validation-file"?: true;
  readonly keep: "best" | "last";
};

/** @throws InputError for options that do not go together */
export function settingsOf(given: Given, { validationFile }: { readonly validationFile: boolean }): Settings {
  const { number, text } = given;
  const [minutes, tokens] = [number("minutes"), (text("tokens") ?? "char") as Tokenizer["kind"]];
  if (minutes !== undefined && number("epochs") !== undefined) {
    throw new InputError("--minutes: trains that long instead of a number of epochs. Give one of the two.");
  }
  const vocabulary = number("vocabulary");
  if (tokens === "char" && vocabulary !== undefined) {
    throw new InputError("--vocabulary: limits words or byte pairs, and the tokens are characters. Add --tokens word.");
  }
  if (tokens === "bpe" && vocabulary !== undefined && vocabulary < 256) {
    throw new InputError(
      `--vocabulary: needs at least 256 of byte pairs, for every byte is a token, got ${vocabulary}.`,
    );
  }
  if (validationFile && number("validation") !== undefined) {
    throw new InputError(
      "--validation: keeps a share of the text, and --validation-file gives another. Give one of them.",
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
    seed: number("seed") ?? 0,
    ...(validationFile
      ? { "validation-file": true }
      : { validation: number("validation") ?? fitDefaults.validationSplit }),
    "validation-tokens": number("validation-tokens") ?? fitDefaults.validationTokens,
    keep: (text("keep") ?? "best") as Settings["keep"],
  };
}

/** What `fitStream` is told. */
type Always = "batch" | "steps" | "clipNorm" | "validationSplit" | "optimizer";
export function streamOptions(settings: Settings): FitStreamOptions & Required<Pick<FitStreamOptions, Always>> {
  const { batch, steps, epochs, minutes, rate, clip, seed, validation, keep } = settings;
  return {
    ...{ batch, steps, seed, keep, clipNorm: clip, validationTokens: settings["validation-tokens"] },
    ...(minutes === undefined ? {} : { minutes }),
    ...(epochs === undefined ? {} : { epochs }),
    validationSplit: validation ?? 0,
    optimizer: optimizers[settings.optimizer]({ learningRate: rate }),
    validations: validationsOf(minutes ?? epochs ?? fitDefaults.epochs),
  };
}

/** One an epoch or a minute, or one each few of them; four where they are few. */
const validationsOf = (count: number): number =>
  count < fitDefaults.validations ? fitDefaults.validations : count / Math.ceil(count / 20);

/** What makes the model, and what makes its training: nothing of it can change while that goes on. */
const ofModel = ["cell", "units", "layers", "embedding", "dropout", "tokens", "vocabulary", "optimizer"];
const ofTraining = ["batch", "steps", "seed", "validation", "validation-tokens"];

/** What a model itself says of how it was made: for a file that does not, an exported or an older one. */
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

/** A file to go on with, and how it was made. */
export type Remembered = {
  readonly file: string;
  readonly model: Model;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
};

/** @throws InputError where an option that makes the model is not the file's */
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
      "Leave it out; or train anew, with --overwrite.",
  );
}

/** Equations without comments and blanks. */
const bare = (source: string): string =>
  source
    .split("\n")
    .map((line) => line.replace(/#.*/, "").replace(/\s/g, ""))
    .filter((line) => line !== "")
    .join("\n");

/** @throws InputError where an option that makes the training is not the file's, though it goes on in the same text */
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
        `Give --${measure} for more of them.`,
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
    `--${name}: is ${own} in ${file} and cannot change with --resume, got ${got}. Leave it out; or train anew, with --overwrite.`,
  );

/** The options that were given and are not the file's, of those that may change where its training goes on. */
export function changedOptions(given: Given, own: Settings): string[] {
  return (["rate", "clip", "keep"] as const).filter((name) => {
    const value = name === "keep" ? given.text(name) : given.number(name);
    return value !== undefined && value !== own[name];
  });
}

/**
 * What was given over what the file remembers. `anew`: its training is not gone on with, so that it may be measured
 * otherwise.
 * @throws InputError where what the file remembers is none of it
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

/** What the file is to remember: of the model what it said before, in one order, so that the same makes the same bytes. */
export function remember(settings: Settings, before?: Remembered): Readonly<Record<string, unknown>> {
  const entries = Object.entries(settings).map(([name, value]) => [
    name,
    before !== undefined && ofModel.includes(name) ? before.options?.[name] : value,
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
