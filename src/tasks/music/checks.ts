/** What the functions for music take, checked where it enters. */
import { InputError } from "../../graph/input-error.ts";
import {
  checkOptions,
  checkValue,
  isPlain,
  oneOf,
  type Rule,
  required,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import type { Model } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { forms } from "./forms.ts";
import type { MusicModel, MusicSettings } from "./settings.ts";

export const aForm = oneOf(...Object.keys(forms));
export const gridRule = wholeNumber(1, 96);
const settingsRules: Schema<MusicSettings> = {
  form: required(aForm),
  stepsPerQuarter: required(gridRule),
  microsecondsPerQuarter: required(wholeNumber(1, 2 ** 24 - 1)),
};

/** @throws InputError for settings that are none, or that are not of this model */
export function checkSettings(where: string, model: Model, given: unknown): MusicSettings {
  checkOptions(where, given, settingsRules);
  const settings = given as MusicSettings;
  const problem = forms[settings.form].mismatch(model);
  if (problem === undefined) return settings;
  throw new InputError(`${where}: ${problem}; this one reads ${model.input} and gives ${model.outputSize}`);
}

/** A model of music with its settings. */
export const aMusicModel: Rule = {
  expected: "a model of music, as musicModel or readMusicModel makes it",
  accepts: (value) =>
    isPlain(value) && isPlain(value.model) && isPlain(value.settings) && "stepsPerQuarter" in value.settings,
  look(where, value) {
    const { model, settings } = value as MusicModel;
    checkValue(`${where}.model`, model, aModel);
    checkSettings(`${where}.settings`, model, settings);
  },
};
