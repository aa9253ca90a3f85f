/** ASGD: stochastic gradient descent that keeps an average of the parameters. */

import { InputError } from "../../graph/input-error.ts";
import { alias, callable, checkOptions, either, inRange, type Schema } from "../../graph/schema.ts";
import { learningRateRule, type Optimizer } from "./optimizer.ts";
import { decayRule, type WeightDecay, withDecay } from "./weight-decay.ts";

const asgdSource = `
  w' = w - rate * decay * w - rate * g
  a' = a + share * (w' - a)                    # the mean of w from a step on; before that, w
`;

/** Options of `asgd`: `learningRate` (default 0.01), `averageFrom` (step 1), `weightDecay` (0). */
export type AsgdOptions = {
  /** The learning rate, at least 0. Default 0.01. */
  readonly learningRate?: number;
  /** The first step of the average, from 1; Infinity for never; or a function that returns it. Default 1. */
  readonly averageFrom?: number | (() => number);
  /** Weight decay: a number, an object by layer, or a function of a parameter's name. Default 0. */
  readonly weightDecay?: WeightDecay;
};
export const asgdRules: Schema<AsgdOptions> = {
  learningRate: learningRateRule,
  averageFrom: alias(
    {
      ...either(inRange(1, Infinity, "[]"), callable),
      expected: "a step of at least 1, Infinity for never, or a function that returns one",
    },
    "t0",
  ),
  weightDecay: decayRule,
};

/**
 * Averaged stochastic gradient descent: B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by
 * averaging", 1992, as the AWD-LSTM uses it (S. Merity et al., 2017, arXiv 1708.02182). The steps are those of `sgd` with
 * weight decay; the model gets the mean of the parameters over the steps from `averageFrom` on. (PyTorch's optim.ASGD with
 * `lambd` 0 and `t0` smaller by 2.) A function `averageFrom` is called at each step, so that it can be decided during
 * training:
 *
 * ```ts
 * let averageFrom = Infinity; // never, until the validation loss stops falling (NT-ASGD)
 * const optimizer = asgd({ learningRate: 30, weightDecay: 1.2e-6, averageFrom: () => averageFrom });
 * // ... after a validation:
 * if (averageFrom === Infinity && loss > Math.min(...losses.slice(0, -5))) averageFrom = trainer.step + 1;
 * ```
 * @param options `learningRate` (default 0.01), `averageFrom` (1): the first step of the average; `weightDecay` (0): a
 *   number, an object by layer, or a function of a parameter's name
 * @throws InputError for a number out of its range; when training starts, for a layer that the model does not have
 */
export function asgd(options: AsgdOptions = {}): Optimizer {
  checkOptions("asgd", options, asgdRules);
  const { learningRate = 0.01, averageFrom = 1, weightDecay = 0 } = options;
  const first = (): number => {
    const step = typeof averageFrom === "number" ? averageFrom : averageFrom();
    if (step >= 1) return step;
    throw new InputError(`asgd: averageFrom must be a step, 1 or later, or Infinity for never, got ${step}`);
  };
  first();
  return {
    name: "asgd",
    slots: ["a", "w"],
    saved: "a",
    learningRate,
    ...withDecay("asgd", weightDecay, {
      source: asgdSource,
      names: ["rate", "share"],
      settings: (step, rate) => ({ rate, share: 1 / Math.max(1, step - first() + 1) }),
    }),
  };
}
