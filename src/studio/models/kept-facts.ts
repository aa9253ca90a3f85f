/**
 * Read the facts of trainings in browsers and project files, and convert those of older versions. Older versions stored
 * words as shown, "Validation loss" or "byte pairs", and the oldest ones two lists of their own.
 */
import { isPlain } from "../../graph/schema.ts";
import english from "../texts/en.json" with { type: "json" };
import { textTitled } from "./text-origin.ts";
import { checkedFacts, optimizerTitles, scheduleTitles, type TrainingFacts } from "./training-facts.ts";

/** Undefined for invalid facts. */
export function readFacts(told: unknown): TrainingFacts | undefined {
  if (!isPlain(told)) return undefined;
  // In the current format, the text is not a word, and no name begins with a capital letter.
  if (typeof told.text === "string") return checkedFacts(fromOldest(told));
  return checkedFacts(Object.keys(told).some((name) => /^\p{Lu}/u.test(name)) ? fromWords(told) : told);
}

type Told = Readonly<Record<string, unknown>>;

/** Of Learn, and of the small one: `steps` were updates, and there was Adam alone. */
function fromOldest({
  text,
  steps,
  "learning rate": learningRate,
  "validation loss": validationLoss,
  ...rest
}: Told): Told {
  const schedule = { name: "cosine" };
  return {
    ...rest,
    updates: steps,
    learningRate,
    validationLoss,
    optimizer: "adam",
    schedule,
    text: textTitled(String(text)),
  };
}

/** Older versions stored words, which were English. */
const { tokenKinds, averaged, schedules, endings } = english.models.facts;
const optimizers = { ...optimizerTitles, asgd: averaged };
const scheduleWords = { ...scheduleTitles, ...schedules };

const nameOf = (titles: Readonly<Record<string, string>>, title: unknown): string | undefined =>
  Object.keys(titles).find((name) => titles[name] === title);

/** The format of tables as they were shown. Settings that did not exist yet had their default values. */
function fromWords(told: Told): Told {
  const { Cell: cell, Equations: equations, Text: text, Length: length, "Seconds of training": seconds } = told;
  const [, count, unit] = /^([\d.e+-]+) (epoch|minute)s?$/.exec(String(length)) ?? [];
  const schedule = nameOf(scheduleWords, told.Schedule ?? schedules.cosine);
  return {
    cell: equations === undefined ? cell : { equations },
    ...{ units: told.Units, layers: told.Layers, dropout: told.Dropout },
    tokens: nameOf(tokenKinds, told.Tokens),
    optimizer: nameOf(optimizers, told.Optimizer ?? optimizers.adam),
    text: text === undefined ? undefined : textTitled(String(text)),
    ...{ batch: told.Batch, steps: told.Steps, learningRate: told["Learning rate"] },
    schedule: schedule && { name: schedule, decaySteps: told["Decay steps"], decayRate: told["Decay rate"] },
    ...{ clipNorm: told["Clip norm"], seed: told.Seed },
    until: unit === undefined ? undefined : { [`${unit}s`]: Number(count) },
    ...{ parameters: told.Parameters, vocabulary: told.Vocabulary, updates: told.Updates },
    ...{ loss: told.Loss, validationLoss: told["Validation loss"], tokensPerSecond: told["Tokens per second"] },
    trainingMs: typeof seconds === "number" ? 1000 * seconds : undefined,
    ended: told.Ended === "its loss was no number" ? "broke" : nameOf(endings, told.Ended),
  };
}
