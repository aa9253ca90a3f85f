/** A learning rate that falls when a value, such as the validation loss, no longer improves. */

import {
  type Arguments,
  alias,
  checkArguments,
  inRange,
  oneOf,
  options as optionsOf,
  required,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { amount, share } from "./number-rules.ts";

/** The state of `reduceLrOnPlateau`: plain data, safe for JSON. Start with `{ learningRate }`. */
export type Plateau = {
  /** The learning rate to use. */
  readonly learningRate: number;
  /** The best value so far. */
  readonly best?: number;
  /** The number of values since the best one. */
  readonly wait?: number;
  /** The number of values until they count again. */
  readonly cooldown?: number;
};

const plateauRules: Schema<Plateau> = {
  learningRate: required(amount),
  best: inRange(-Infinity, Infinity, "[]"),
  wait: wholeNumber(0),
  cooldown: wholeNumber(0),
};
/** Options of `reduceLrOnPlateau`: `factor` (default 0.1), `patience` (10), `mode` ("min"), `minDelta` (0.0001), `cooldown` (0), `minLr` (0). */
export type PlateauOptions = {
  /** What the learning rate is multiplied by, in [0, 1). Default 0.1. */
  readonly factor?: number;
  /** Values without improvement after which the rate falls. Default 10. */
  readonly patience?: number;
  /** "min" (default): lower values are better; "max": higher. */
  readonly mode?: "min" | "max";
  /** Smallest change that counts as an improvement. Default 0.0001. */
  readonly minDelta?: number;
  /** Values after a fall that do not count towards the patience. Default 0. */
  readonly cooldown?: number;
  /** The lowest learning rate. Default 0. */
  readonly minLr?: number;
};
export const plateauOptionRules: Schema<PlateauOptions> = {
  factor: share,
  patience: amount,
  mode: oneOf("min", "max"),
  minDelta: alias(amount, "threshold"),
  cooldown: amount,
  minLr: alias(amount, "minLearningRate"),
};
export const reduceLrOnPlateauArguments: Arguments = {
  plateau: optionsOf<Plateau>(plateauRules),
  value: { expected: "a number", accepts: (value) => typeof value === "number" },
  options: optionsOf<PlateauOptions>(plateauOptionRules),
};

/**
 * The state after one more value, such as a validation loss: the learning rate is multiplied by `factor` if no value has
 * been better than the best by more than `minDelta` for `patience` values. Keras's ReduceLROnPlateau, with its defaults.
 * @param plateau the state before, at first `{ learningRate }`
 * @param value the new value
 * @param options `factor` (0.1), `patience` (10), `mode` ("min"), `minDelta` (0.0001), `cooldown` (0), `minLr` (0)
 * @returns the new state, with the learning rate to use
 * @throws InputError for a number out of its range
 *
 * ```ts
 * let plateau: Plateau = { learningRate: 0.002 };
 * plateau = reduceLrOnPlateau(plateau, validationLoss, { factor: 0.5, patience: 2 });
 * await trainer.update(inputs, targets, plateau.learningRate);
 * ```
 */
export function reduceLrOnPlateau(plateau: Plateau, value: number, options: PlateauOptions = {}): Plateau {
  checkArguments("reduceLrOnPlateau", { plateau, value, options }, reduceLrOnPlateauArguments);
  const { learningRate, best, wait = 0, cooldown = 0 } = plateau;
  const { factor = 0.1, patience = 10, mode = "min", minDelta = 1e-4, cooldown: rest = 0, minLr = 0 } = options;
  const left = Math.max(0, cooldown - 1);
  const worst = mode === "min" ? Infinity : -Infinity;
  const gain = mode === "min" ? (best ?? worst) - value : value - (best ?? worst);
  if (gain > minDelta) return { learningRate, best: value, wait: 0, cooldown: left };
  const state = { learningRate, ...(best !== undefined && { best }), cooldown: left };
  if (left > 0) return { ...state, wait: 0 };
  const waited = wait + 1;
  if (waited < patience || learningRate <= minLr) return { ...state, wait: waited };
  return { ...state, learningRate: Math.max(minLr, learningRate * factor), wait: 0, cooldown: rest };
}
