/**
 * The options of `unrolled train` for a model and its training, from the command line or from the file of a training to
 * continue.
 */
import { cells } from "../cells/index.ts";
import { InputError } from "../graph/input-error.ts";
import type { Layer, Model } from "../nn/model.ts";
import type { LanguageModel } from "../tasks/language-model.ts";
import { settingsOf as complete, type GivenSettings, type Settings, settingRules } from "../tasks/text-training.ts";
import { defaultVocabulary, type TrainedTokenizer } from "../text/tokenizer.ts";
import { fitDefaults } from "../train/fit-stream-options.ts";
import { type OptimizerName, optimizers } from "../train/optimizer-names.ts";
import { readCell } from "./cell-argument.ts";
import { type Given, type Options, withRemembered } from "./options.ts";

export { type Settings, streamOptions } from "../tasks/text-training.ts";

export const isOptimizer = (name: string): name is OptimizerName => Object.hasOwn(optimizers, name);

/** The options that are stored in a file. */
export const settingOptions: Options = {
  cell: { value: "CELL", help: "a built-in cell, or a file of equations [lstm]" },
  units: { ...settingRules.units, value: "N", help: "size of a state [128]" },
  layers: { ...settingRules.layers, value: "N", help: "recurrent layers [1]" },
  embedding: { ...settingRules.embedding, value: "N", help: "size of an embedding [units, at most 64]" },
  dropout: { ...settingRules.dropout, value: "RATE", help: "dropout rate between layers [0]" },
  tokens: { ...settingRules.tokens, value: "KIND", help: "kind of token [char]" },
  vocabulary: {
    ...settingRules.vocabulary,
    value: "N",
    help: `most words [${defaultVocabulary.word}] or byte pairs [${defaultVocabulary.bpe}]`,
  },
  batch: { ...settingRules.batch, value: "N", help: `batch size [${fitDefaults.batch}]` },
  steps: { ...settingRules.steps, value: "N", help: `time steps of backpropagation [${fitDefaults.steps}]` },
  epochs: { ...settingRules.epochs, value: "X", help: `passes over the text, in all [${fitDefaults.epochs}]` },
  minutes: { ...settingRules.minutes, value: "X", help: "train for this time instead" },
  optimizer: { ...settingRules.optimizer, value: "NAME", help: "[adam]" },
  rate: { ...settingRules.rate, value: "X", help: `initial learning rate [${fitDefaults.learningRate}; sgd, asgd 8]` },
  clip: { ...settingRules.clip, value: "X", help: `largest norm of the gradients [${fitDefaults.clipNorm}]` },
  precision: { ...settingRules.precision, value: "KIND", help: "operands of matrix products [f32]" },
  seed: { ...settingRules.seed, value: "N", help: "seed of initial values and dropout [0]" },
  validation: {
    ...settingRules.validation,
    value: "X",
    help: `last part of the text, for validation [${fitDefaults.validationSplit}]`,
  },
  "validation-tokens": {
    ...settingRules["validation-tokens"],
    value: "N",
    help: `most tokens to validate on [${fitDefaults.validationTokens}]`,
  },
  keep: { ...settingRules.keep, value: "WHICH", help: "model to save, by validation [best]" },
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
  const values = Object.entries(settingRules).map(([name, rule]) => [
    name,
    "number" in rule ? number(name) : text(name),
  ]);
  return complete(Object.fromEntries(values) as GivenSettings, { validationFile });
}

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
