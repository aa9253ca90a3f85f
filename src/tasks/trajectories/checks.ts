/** What the functions for trajectories take, checked where it enters. */
import { InputError } from "../../graph/input-error.ts";
import {
  checkOptions,
  checkValue,
  flag,
  inRange,
  isPlain,
  listOf,
  oneOf,
  type Rule,
  required,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import type { Model } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { outputSizeOf, type TrajectoryModel, type TrajectorySettings } from "./settings.ts";

const positive = inRange(0, Infinity, "()");
const settingsRules: Schema<TrajectorySettings> = {
  seen: required(wholeNumber(2, 10_000)),
  predicted: required(wholeNumber(1, 10_000)),
  form: required(oneOf("direct", "step")),
  modes: required(wholeNumber(1, 10_000)),
  heading: required(flag),
  step: required(positive),
  scale: required(positive),
  spread: required(listOf(positive, 1)),
};

/** @throws InputError for settings that are none, or that are not of this model */
export function checkSettings(where: string, model: Model, given: unknown): TrajectorySettings {
  checkOptions(where, given, settingsRules);
  const settings = given as TrajectorySettings;
  const { form, predicted, spread } = settings;
  const spreads = form === "direct" ? predicted : 1;
  if (spread.length !== spreads)
    throw new InputError(`${where}: spread needs ${spreads} numbers, got ${spread.length}`);
  const size = outputSizeOf(settings);
  if (model.input !== 2 || model.outputSize !== size || model.returnsSequences !== (form === "step")) {
    throw new InputError(
      `${where}: form "${form}" needs a model that reads 2 numbers and gives ${size}; this one reads ${model.input} and gives ` +
        `${model.outputSize}`,
    );
  }
  return settings;
}

/** A model of trajectories with its settings. */
export const aTrajectoryModel: Rule = {
  expected: "a model of trajectories, as trajectoryModel or readTrajectoryModel makes it",
  accepts: (value) =>
    isPlain(value) &&
    isPlain(value.model) &&
    isPlain(value.settings) &&
    "seen" in value.settings &&
    "spread" in value.settings,
  look(where, value) {
    const { model, settings } = value as TrajectoryModel;
    checkValue(`${where}.model`, model, aModel);
    checkSettings(`${where}.settings`, model, settings);
  },
};
