/**
 * Optimisers as equations: the parameter is a state, the gradient the input. The same compiler that fuses a cell makes
 * their kernel. Knows nothing about models.
 */

import { type Cell, cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";

export type Optimizer = {
  readonly name: string;
  /** Reads the gradient `g`, sets the state `w`. */
  readonly cell: Cell;
  /** States besides the parameter: one number a parameter each. */
  readonly slots: readonly string[];
  /** The learning rate that a schedule scales. */
  readonly learningRate: number;
  /** Numbers for the step (from 1 on) at a learning rate. */
  readonly settings: (step: number, learningRate: number) => Readonly<Record<string, number>>;
};

/** Every optimiser's numbers are checked before anything is compiled. */
function inside(where: string, value: number, low: number, high: number): void {
  if (!(value >= low && value < high)) throw new InputError(`${where} must be in [${low}, ${high}), got ${value}`);
}

const sgdCell = cell("w' = w - rate * g", { inputs: ["g"], settings: ["rate"] });

/** Stochastic gradient descent, without momentum. The default rate is Keras's. */
export function sgd({ learningRate = 0.01 } = {}): Optimizer {
  inside("sgd: learningRate", learningRate, 0, Number.POSITIVE_INFINITY);
  return { name: "sgd", cell: sgdCell, slots: [], learningRate, settings: (_step, rate) => ({ rate }) };
}

const adamCell = cell(
  `
  m' = beta1 * m + (1 - beta1) * g             # mean of the gradients
  v' = beta2 * v + (1 - beta2) * g * g         # mean of their squares
  a  = m' / correction1                        # both start at zero: undo that
  b  = v' / correction2
  w' = w - rate * a / (sqrt(b) + epsilon)
`,
  { inputs: ["g"], settings: ["rate", "beta1", "beta2", "epsilon", "correction1", "correction2"] },
);

/**
 * Adam: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2014, algorithm 1. Defaults as in Keras;
 * like PyTorch and the paper, and unlike Keras, epsilon is added after the correction of v.
 */
export function adam({ learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = {}): Optimizer {
  inside("adam: learningRate", learningRate, 0, Number.POSITIVE_INFINITY);
  inside("adam: beta1", beta1, 0, 1);
  inside("adam: beta2", beta2, 0, 1);
  inside("adam: epsilon", epsilon, 0, Number.POSITIVE_INFINITY);
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
      // The kernel has the betas in f32: correct for those.
      correction1: 1 - Math.fround(beta1) ** step,
      correction2: 1 - Math.fround(beta2) ** step,
    }),
  };
}

/** Gradients longer than `clip` together are scaled down to it. R. Pascanu et al., 2013 (arXiv 1211.5063). */
export const clipByGlobalNorm: Cell = cell(
  `
  norm = sqrt(sum(g * g))
  y    = g * min(1, clip / norm)
`,
  { inputs: ["g"], settings: ["clip"] },
);
