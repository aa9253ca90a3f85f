/** RMSprop, plain or centred, without and with momentum. */

import { type Cell, cell } from "../../graph/cell.ts";
import { alias, checkOptions, flag, type Schema } from "../../graph/schema.ts";
import { share } from "../number-rules.ts";
import { epsilonRule, learningRateRule, type Optimizer } from "./optimizer.ts";

/** Options of `rmsprop`: `learningRate` (default 0.001), `rho` (0.9), `momentum` (0), `epsilon` (1e-7), `centered` (false). */
export type RmspropOptions = {
  /** The learning rate, at least 0. Default 0.001. */
  readonly learningRate?: number;
  /** The share of the running mean of squared gradients that each step keeps, in [0, 1). Default 0.9. */
  readonly rho?: number;
  /** The share of the accumulated steps that each step keeps, in [0, 1). Default 0. */
  readonly momentum?: number;
  /** Added under the square root, at least 0. Default 1e-7. */
  readonly epsilon?: number;
  /** Whether to divide by the variance of the gradients instead of the mean of their squares. Default false. */
  readonly centered?: boolean;
};
export const rmspropRules: Schema<RmspropOptions> = {
  learningRate: learningRateRule,
  rho: alias(share, "alpha"),
  momentum: share,
  epsilon: epsilonRule,
  centered: flag,
};

/**
 * RMSprop: T. Hinton, "Neural networks for machine learning", lecture 6e, 2012. Keras's RMSprop, PyTorch's optim.RMSprop. As
 * in Keras, epsilon is added under the square root (in PyTorch outside), and the momentum accumulates steps with the
 * learning rates that they had.
 * @param options `learningRate` (default 0.001), `rho` (0.9), `momentum` (0), `epsilon` (1e-7), `centered` (false): divide
 *   by the variance of the gradients instead of the mean of their squares (A. Graves, 2013, arXiv 1308.0850)
 * @throws InputError for a number out of its range
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  checkOptions("rmsprop", options, rmspropRules);
  const { learningRate = 0.001, rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options;
  const moves = momentum > 0;
  return {
    name: "rmsprop",
    cell: rmspropCell({ centered, moves }),
    slots: ["v", ...(centered ? ["a"] : []), ...(moves ? ["m"] : [])],
    learningRate,
    settings: (_step, rate) => ({ rate, rho, epsilon, ...(moves && { momentum }) }),
  };
}
function rmspropCell({ centered, moves }: { centered: boolean; moves: boolean }): Cell {
  // Rounding could make the variance negative, and its square root NaN.
  const mean = centered
    ? "a' = rho * a + (1 - rho) * g  # mean of the gradients\n s = max(v' - a' * a', 0)  # their variance"
    : "s = v'";
  const step = "rate * g / sqrt(s + epsilon)";
  const move = moves ? `m' = momentum * m + ${step}\n w' = w - m'` : `w' = w - ${step}`;
  return cell(`v' = rho * v + (1 - rho) * g * g  # mean of the squared gradients\n ${mean}\n ${move}`, {
    inputs: ["g"],
    settings: ["rate", "rho", "epsilon", ...(moves ? ["momentum"] : [])],
  });
}
