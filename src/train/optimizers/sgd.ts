/** Stochastic gradient descent, without and with momentum. */

import { lazyCell } from "../../graph/lazy-cell.ts";
import { checkOptions, flag, type Schema } from "../../graph/schema.ts";
import { share } from "../number-rules.ts";
import { learningRateRule, type Optimizer } from "./optimizer.ts";

/** Options of `sgd`: `learningRate` (default 0.01), `momentum` (0), `nesterov` (false). */
export type SgdOptions = {
  /** The learning rate, at least 0. Default 0.01. */
  readonly learningRate?: number;
  /** The share of the velocity that each step keeps, in [0, 1). Default 0: no velocity. */
  readonly momentum?: number;
  /** Whether the gradient is applied one step of momentum ahead (Nesterov). Default false. */
  readonly nesterov?: boolean;
};
export const sgdRules: Schema<SgdOptions> = { learningRate: learningRateRule, momentum: share, nesterov: flag };

/**
 * Stochastic gradient descent, optionally with momentum. Keras's SGD, PyTorch's optim.SGD. As in Keras, the learning rate
 * scales each gradient when it enters the velocity; in PyTorch the present rate scales the whole velocity, which differs
 * only if the rate changes.
 * @param options `learningRate` (default 0.01), `momentum` in [0, 1) (0), `nesterov` (false; I. Sutskever et al., "On the
 *   importance of initialization and momentum in deep learning", 2013)
 * @throws InputError for a number out of its range
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  checkOptions("sgd", options, sgdRules);
  const { learningRate = 0.01, momentum = 0, nesterov = false } = options;
  const base = { name: "sgd", learningRate };
  if (momentum === 0) return { ...base, cell: sgdCell, slots: [], settings: (_step, rate) => ({ rate }) };
  return {
    ...base,
    cell: nesterov ? nesterovCell : momentumCell,
    slots: ["v"],
    settings: (_step, rate) => ({ rate, momentum }),
  };
}
const sgdCell = lazyCell("w' = w - rate * g", { inputs: ["g"], settings: ["rate"] });
const momentumCell = lazyCell(
  `
  v' = momentum * v - rate * g       # velocity
  w' = w + v'
`,
  { inputs: ["g"], settings: ["rate", "momentum"] },
);
const nesterovCell = lazyCell(
  `
  v' = momentum * v - rate * g       # velocity
  w' = w + momentum * v' - rate * g  # one step of it ahead
`,
  { inputs: ["g"], settings: ["rate", "momentum"] },
);
