/**
 * The settings of a training of text, as `unrolled train` and a sweep name them: what each may be, their defaults, and the options of the
 * training that they stand for. Knows neither a command line nor a file.
 */

import { defaultVocabulary, type TrainedTokenizer } from "../text/tokenizer.ts";
import { type FitStreamOptions, fitDefaults, rateFor } from "../train/fit-stream-options.ts";
import { type OptimizerName, optimizers } from "../train/optimizer-names.ts";

/** What the value of a setting may be: a number within limits, or one of some words. */
export type SettingRule = {
  readonly number?: { readonly whole?: boolean; readonly min?: number; readonly max?: number; readonly above?: number };
  readonly choices?: readonly string[];
};

const seeds = { whole: true, min: 0, max: 2 ** 32 - 1 } as const;
const positive = { whole: true, min: 1, max: 2 ** 31 - 1 } as const;

/** What each setting may be; a cell is a name or equations. */
export const settingRules = {
  cell: {},
  units: { number: positive },
  layers: { number: { whole: true, min: 1, max: 100 } },
  embedding: { number: positive },
  dropout: { number: { min: 0, max: 0.99 } },
  tokens: { choices: ["char", "word", "bpe"] },
  vocabulary: { number: positive },
  batch: { number: positive },
  steps: { number: positive },
  epochs: { number: { above: 0 } },
  minutes: { number: { above: 0 } },
  optimizer: { choices: Object.keys(optimizers) },
  rate: { number: { above: 0 } },
  clip: { number: { above: 0 } },
  precision: { choices: ["f32", "bf16"] },
  seed: { number: seeds },
  validation: { number: { min: 0, max: 0.9 } },
  "validation-tokens": { number: { whole: true, min: 2, max: 2 ** 31 - 1 } },
  keep: { choices: ["best", "last"] },
} as const satisfies Readonly<Record<string, SettingRule>>;
export type SettingName = keyof typeof settingRules;

/** All settings; those that were not given have their defaults. */
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

/** The settings that were given, each as its rule wants it. */
export type GivenSettings = {
  readonly [Name in SettingName]?:
    | (Name extends "precision" ? "f32" | "bf16" : Settings[Name & keyof Settings])
    | undefined;
};

/** The given settings, completed by the defaults. */
export function settingsOf(given: GivenSettings, { validationFile = false } = {}): Settings {
  const { minutes, tokens = "char", units = 128, optimizer = "adam" } = given;
  return {
    cell: given.cell ?? "lstm",
    units,
    layers: given.layers ?? 1,
    embedding: given.embedding ?? Math.min(units, 64),
    dropout: given.dropout ?? 0,
    tokens,
    ...(tokens !== "char" && { vocabulary: given.vocabulary ?? defaultVocabulary[tokens] }),
    batch: given.batch ?? fitDefaults.batch,
    steps: given.steps ?? fitDefaults.steps,
    ...(minutes === undefined ? { epochs: given.epochs ?? fitDefaults.epochs } : { minutes }),
    optimizer,
    rate: given.rate ?? rateFor(optimizer),
    clip: given.clip ?? fitDefaults.clipNorm,
    ...(given.precision === "bf16" && { precision: "bf16" }),
    seed: given.seed ?? 0,
    ...(validationFile ? { "validation-file": true } : { validation: given.validation ?? fitDefaults.validationSplit }),
    "validation-tokens": given["validation-tokens"] ?? fitDefaults.validationTokens,
    keep: given.keep ?? "best",
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
