/** Adam. */

import { lazyCell } from "../../graph/lazy-cell.ts";
import { alias, checkOptions, type Schema } from "../../graph/schema.ts";
import { share } from "../number-rules.ts";
import { epsilonRule, learningRateRule, type Optimizer } from "./optimizer.ts";

export const adamCell = lazyCell(
  `
  m' = beta1 * m + (1 - beta1) * g             # mean of the gradients
  v' = beta2 * v + (1 - beta2) * g * g         # mean of their squares
  a  = m' / correction1                        # both start at zero: undo that
  b  = v' / correction2
  w' = w - rate * a / (sqrt(b) + epsilon)
`,
  { inputs: ["g"], settings: ["rate", "beta1", "beta2", "epsilon", "correction1", "correction2"] },
);

/** Options of `adam` and `nadam`: `learningRate` (default 0.001), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-7). */
export type AdamOptions = {
  /** The learning rate, at least 0. Default 0.001. */
  readonly learningRate?: number;
  /** The share of the running mean of gradients that each step keeps, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** The share of the running mean of squared gradients that each step keeps, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Added to the square root in the denominator, at least 0. Default 1e-7. */
  readonly epsilon?: number;
};
export const adamRules: Schema<AdamOptions> = {
  learningRate: learningRateRule,
  beta1: alias(share, "betas"),
  beta2: share,
  epsilon: epsilonRule,
};

/**
 * Adam: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2014, algorithm 1. Keras's Adam, PyTorch's
 * optim.Adam. As in PyTorch and the paper, and unlike Keras, epsilon is added after the bias correction of v.
 * @param options `learningRate` (default 0.001), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-7)
 * @throws InputError for a number out of its range
 * @example adam({ learningRate: 0.002 })
 */
export function adam(options: AdamOptions = {}): Optimizer {
  checkOptions("adam", options, adamRules);
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  return {
    name: "adam",
    cell: adamCell,
    slots: ["m", "v"],
    learningRate,
    settings: (step, rate) => ({
      rate,
      beta1,
      beta2,
      epsilon,
      // The kernel has the betas in f32, so the corrections use those.
      correction1: 1 - Math.fround(beta1) ** step,
      correction2: 1 - Math.fround(beta2) ** step,
    }),
  };
}
