/**
 * The facts of a training: its settings, under the engine's names, and its results. They are stored and passed as typed
 * data; the words to show are made here.
 */
import { isPlain } from "../../graph/schema.ts";
import { fitDefaults } from "../../train/fit-stream-options.ts";
import type { OptimizerName } from "../../train/optimizer-names.ts";
import type { Schedule, ScheduleName } from "../engine/schedules.ts";
import type { TrainingSettings } from "../engine/training.ts";
import { fill, texts } from "../texts/texts.ts";
import { isTextOrigin, type TextOrigin, textTitle } from "./text-origin.ts";

const own = texts.models.facts;

/** The settings of the model, which a continued training cannot change. */
export type ModelSettings = Pick<TrainingSettings, "cell" | "units" | "layers" | "tokens" | "dropout" | "optimizer">;

/** `cosine` is the default schedule. */
type FactSchedule = { readonly name: "cosine" | ScheduleName } & Partial<Pick<Schedule, "decaySteps" | "decayRate">>;

export type TrainingResults = {
  /** The number of parameters. */
  readonly parameters: number;
  /** The size of the vocabulary. */
  readonly vocabulary: number;
  readonly updates: number;
  /** The training loss and the validation loss, in nats per token. */
  readonly loss: number;
  readonly validationLoss: number;
  readonly tokensPerSecond: number;
  readonly trainingMs: number;
  readonly ended: keyof typeof endingTitles;
};

export const endingTitles = own.endings;

/** The facts of a training; facts that older versions did not store are absent. */
export type TrainingFacts = Partial<
  ModelSettings &
    Pick<TrainingSettings, "batch" | "steps" | "learningRate" | "clipNorm" | "seed" | "until"> & {
      readonly text: TextOrigin;
      readonly schedule: FactSchedule;
    } & TrainingResults
>;

/** The facts of a training at its start. For a continued model, `settings` contain its original settings. */
export function factsOf(settings: TrainingSettings, text: TextOrigin): TrainingFacts {
  const { cell, units, layers, tokens, dropout, optimizer = "adam" } = settings;
  const { batch, steps, learningRate, clipNorm = fitDefaults.clipNorm, seed, until } = settings;
  const { schedule = { name: "cosine" } } = settings;
  return {
    ...{ cell, units, layers, tokens, dropout, optimizer, text },
    ...{ batch, steps, learningRate, schedule, clipNorm, seed, until },
  };
}

export const tokenTitles: Readonly<Record<TrainingSettings["tokens"], string>> = own.tokenKinds;
/** Optimisers by Keras's names, as far as it has them. */
export const optimizerTitles: Readonly<Record<OptimizerName, string>> = {
  adam: "Adam",
  adamw: "AdamW",
  nadam: "Nadam",
  rmsprop: "RMSprop",
  sgd: "SGD",
  asgd: own.averaged,
};
/** Schedules by Keras's names; `cosine` is the library's own schedule over the whole training. */
export const scheduleTitles: Readonly<Record<"cosine" | ScheduleName, string>> = {
  ...own.schedules,
  cosineDecay: "CosineDecay",
  exponentialDecay: "ExponentialDecay",
  inverseTimeDecay: "InverseTimeDecay",
  polynomialDecay: "PolynomialDecay",
};
/** The titles of numeric settings, in forms and tables. */
export const settingTitles = {
  ...{ units: own.units, layers: own.layers, dropout: own.dropout, batch: own.batch, steps: own.steps },
  ...{ learningRate: own.learningRate, clipNorm: own.clipNorm, decaySteps: own.decaySteps, decayRate: own.decayRate },
  seed: own.seed,
} as const;

/** The settings that a schedule uses, besides the initial rate. */
export function decayOf(schedule: "cosine" | ScheduleName): readonly ("decaySteps" | "decayRate")[] {
  if (schedule === "cosine" || schedule === "constant") return [];
  const rate = schedule === "exponentialDecay" || schedule === "inverseTimeDecay";
  return rate ? ["decaySteps", "decayRate"] : ["decaySteps"];
}

/** A fact in words. `code`: equations, line by line. */
export type ShownFact = { readonly title: string; readonly value: string | number; readonly code?: boolean };

/** For one fact, the check of untrusted data, and its format. */
type Fact<Value> = {
  readonly accepts: (told: unknown) => boolean;
  readonly shown: (value: Value) => ShownFact | readonly ShownFact[];
};

const isNumber = (told: unknown): told is number => typeof told === "number";
const numeric = (title: string, value: (told: number) => number = (told) => told): Fact<number> => ({
  accepts: isNumber,
  shown: (told) => ({ title, value: value(told) }),
});
/** One of some names. */
const named = <Name extends string>(title: string, titles: Readonly<Record<Name, string>>): Fact<Name> => ({
  accepts: (told) => typeof told === "string" && Object.hasOwn(titles, told),
  shown: (name) => ({ title, value: titles[name] }),
});
/** Format a loss. */
export const rounded = (loss: number): number => Number(loss.toFixed(4));

/** In the order in which they are shown. */
const kinds: { readonly [Name in keyof TrainingFacts]-?: Fact<NonNullable<TrainingFacts[Name]>> } = {
  cell: {
    accepts: (told) => typeof told === "string" || (isPlain(told) && typeof told.equations === "string"),
    shown: (cell) =>
      typeof cell === "string"
        ? { title: own.cell, value: cell }
        : [
            { title: own.cell, value: own.ownCell },
            { title: own.equations, value: cell.equations, code: true },
          ],
  },
  units: numeric(settingTitles.units),
  layers: numeric(settingTitles.layers),
  tokens: named(own.tokens, tokenTitles),
  dropout: numeric(settingTitles.dropout),
  optimizer: named(own.optimizer, optimizerTitles),
  text: { accepts: isTextOrigin, shown: (text) => ({ title: own.text, value: textTitle(text) }) },
  batch: numeric(settingTitles.batch),
  steps: numeric(settingTitles.steps),
  learningRate: numeric(settingTitles.learningRate),
  schedule: {
    accepts: (told) =>
      isPlain(told) &&
      typeof told.name === "string" &&
      Object.hasOwn(scheduleTitles, told.name) &&
      [told.decaySteps, told.decayRate].every((decay) => decay === undefined || isNumber(decay)),
    shown: ({ name, ...decay }) => [
      { title: own.schedule, value: scheduleTitles[name] },
      ...decayOf(name).flatMap((each) => {
        const value = decay[each];
        return value === undefined ? [] : [{ title: settingTitles[each], value }];
      }),
    ],
  },
  clipNorm: numeric(settingTitles.clipNorm),
  seed: numeric(settingTitles.seed),
  until: {
    accepts: (told) => isPlain(told) && (isNumber(told.epochs) || isNumber(told.minutes)),
    shown: (until) => ({
      title: own.length,
      value: "epochs" in until ? fill(own.epochs, { n: until.epochs }) : fill(own.minutes, { n: until.minutes }),
    }),
  },
  parameters: numeric(own.parameters),
  vocabulary: numeric(own.vocabulary),
  updates: numeric(own.updates),
  loss: numeric(own.loss, rounded),
  validationLoss: numeric(own.validationLoss, rounded),
  tokensPerSecond: numeric(own.tokensPerSecond, Math.round),
  trainingMs: numeric(own.seconds, (ms) => Math.round(ms / 100) / 10),
  ended: named(own.ended, endingTitles),
};
const names = Object.keys(kinds) as (keyof TrainingFacts)[];

/** All known facts in words. */
export function shownFacts(facts: TrainingFacts): readonly ShownFact[] {
  return names.flatMap((name) => {
    const value = facts[name];
    return value === undefined ? [] : (kinds[name] as Fact<unknown>).shown(value);
  });
}

/** Check untrusted facts: undefined if one of them is invalid. Unknown ones are left out. */
export function checkedFacts(told: unknown): TrainingFacts | undefined {
  if (!isPlain(told)) return undefined;
  const given = names.flatMap((name) => (told[name] === undefined ? [] : [[name, told[name]] as const]));
  if (given.some(([name, value]) => !kinds[name].accepts(value))) return undefined;
  return Object.fromEntries(given) as TrainingFacts;
}
