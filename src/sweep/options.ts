/** What the options of `sweep` must be. Whether they fit each other and the text is asked later. */
import { hostRules } from "../engines/registry.ts";
import { aCell } from "../graph/cell.ts";
import {
  type Arguments,
  alias,
  aSignal,
  callable,
  flag,
  inRange,
  oneOf,
  options as optionsOf,
  type Rule,
  recordOf,
  required,
  type Schema,
  someText,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { type SettingRule, settingRules } from "../tasks/text-training.ts";
import { someTexts } from "../text/tokenizer.ts";
import type { SweepAsha, SweepOptions, SweepTraining } from "./sweep.ts";

/** A rule of the command line's settings as one of the library's. */
function ruleOf({ number, choices }: SettingRule): Rule {
  if (choices !== undefined) return oneOf(...choices);
  if (number === undefined) return string;
  const { whole, min = 0, max, above } = number;
  if (whole) return wholeNumber(min, max);
  return above === undefined ? inRange(min, max, "[]") : inRange(above, Infinity, "()");
}
const { minutes: _, ...rules } = settingRules;
const training = {
  ...Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, ruleOf(rule)])),
  rate: alias(ruleOf(settingRules.rate), "learningRate", "lr"),
  clip: alias(ruleOf(settingRules.clip), "clipNorm"),
  updates: alias(wholeNumber(1), "maxSteps"),
} as unknown as Schema<SweepTraining>;

const aSpace: Rule = {
  expected: "an object with a list or a range for each setting",
  accepts: (value) => Object.prototype.toString.call(value) === "[object Object]",
};

export const sweepArguments: Arguments = {
  text: { ...someTexts, required: true },
  options: required(
    optionsOf<Omit<SweepOptions, "program" | "checkpointMs">>({
      engine: hostRules.engine,
      threads: hostRules.threads,
      space: required(aSpace),
      folder: required(someText),
      trials: alias(wholeNumber(1), "count", "numTrials"),
      sampler: oneOf("random", "sobol", "grid"),
      seed: wholeNumber(0, 2 ** 32 - 1),
      training: optionsOf<SweepTraining>(training),
      validationText: someTexts,
      cells: recordOf(aCell),
      asha: optionsOf<SweepAsha>({ reduction: wholeNumber(2, 100), rungs: wholeNumber(2, 20) }),
      workers: wholeNumber(0, 256),
      redis: someText,
      resume: flag,
      overwrite: flag,
      signal: aSignal,
      onEvent: callable,
    }),
  ),
};
