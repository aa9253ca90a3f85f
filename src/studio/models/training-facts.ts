/** The settings of a training for people, by name: in a run's table, wherever the training was begun. */
import { fitDefaults } from "../../train/fit-stream.ts";
import type { OptimizerName } from "../../train/optimizer-names.ts";
import type { ScheduleName } from "../engine/schedules.ts";
import type { TrainingSettings } from "../engine/training.ts";

export type Facts = Readonly<Record<string, string | number>>;

export const tokenTitles: Readonly<Record<TrainingSettings["tokens"], string>> = {
  char: "characters",
  word: "words",
  bpe: "byte pairs",
};
/** Optimisers by Keras's names, as far as it has them. */
export const optimizerTitles: Readonly<Record<OptimizerName, string>> = {
  adam: "Adam",
  adamw: "AdamW",
  nadam: "Nadam",
  rmsprop: "RMSprop",
  sgd: "SGD",
  asgd: "ASGD, averaged",
};
/** Schedules by Keras's names; `cosine` is the library's own, over the whole training. */
export const scheduleTitles: Readonly<Record<"cosine" | ScheduleName, string>> = {
  cosine: "cosine to a tenth",
  constant: "constant",
  cosineDecay: "CosineDecay",
  exponentialDecay: "ExponentialDecay",
  inverseTimeDecay: "InverseTimeDecay",
  polynomialDecay: "PolynomialDecay",
};

/** What of a schedule says something, besides the rate that it starts from. */
export function decayOf(schedule: "cosine" | ScheduleName): readonly ("decaySteps" | "decayRate")[] {
  if (schedule === "cosine" || schedule === "constant") return [];
  const rate = schedule === "exponentialDecay" || schedule === "inverseTimeDecay";
  return rate ? ["decaySteps", "decayRate"] : ["decaySteps"];
}

/** What a model is made of. */
function madeFacts({ cell, units, layers, tokens, dropout, optimizer = "adam" }: TrainingSettings): Facts {
  return {
    Cell: typeof cell === "string" ? cell : "own cell",
    ...(typeof cell === "object" && { Equations: cell.equations }),
    ...{ Units: units, Layers: layers, Tokens: tokenTitles[tokens], Dropout: dropout },
    Optimizer: optimizerTitles[optimizer],
  };
}

const counted = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? "" : "s"}`;

/** How it is trained. */
function howFacts(settings: TrainingSettings): Facts {
  const { batch, steps, learningRate, schedule, clipNorm = fitDefaults.clipNorm, seed, until } = settings;
  const decay = schedule === undefined ? [] : decayOf(schedule.name);
  return {
    ...{ Batch: batch, Steps: steps, "Learning rate": learningRate },
    Schedule: scheduleTitles[schedule?.name ?? "cosine"],
    ...(schedule !== undefined && decay.includes("decaySteps") && { "Decay steps": schedule.decaySteps }),
    ...(schedule !== undefined && decay.includes("decayRate") && { "Decay rate": schedule.decayRate }),
    ...{ "Clip norm": clipNorm, Seed: seed },
    Length: "epochs" in until ? counted(until.epochs, "epoch") : counted(until.minutes, "minute"),
  };
}

/** Of a training on a text, by its title. With the facts `before` of a model that goes on, it is what it was made of. */
export function factsOf(settings: TrainingSettings, text: string, before?: Facts): Facts {
  const { "Decay steps": _, "Decay rate": __, ...made } = before ?? madeFacts(settings);
  return { ...made, Text: text, ...howFacts(settings) };
}
