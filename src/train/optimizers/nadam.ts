/** Nadam: Adam with Nesterov momentum. */

import { lazyCell } from "../../graph/lazy-cell.ts";
import { checkOptions } from "../../graph/schema.ts";
import { type AdamOptions, adamRules } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";

const nadamCell = lazyCell(
  `
  m' = beta1 * m + (1 - beta1) * g             # mean of the gradients
  v' = beta2 * v + (1 - beta2) * g * g         # mean of their squares
  a  = ahead * m' + present * g                # the mean as the next step would have it
  b  = v' / correction2
  w' = w - rate * a / (sqrt(b) + epsilon)
`,
  { inputs: ["g"], settings: ["rate", "beta1", "beta2", "epsilon", "ahead", "present", "correction2"] },
);

/**
 * Adam with Nesterov momentum: T. Dozat, "Incorporating Nesterov momentum into Adam", 2016. Keras's Nadam: the momentum of
 * step t is u_t = beta1 * (1 - 0.96^t / 2), which is PyTorch's optim.NAdam with a momentum decay of 1.
 * @param options `learningRate` (default 0.001), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-7)
 * @throws InputError for a number out of its range
 */
export function nadam(options: AdamOptions = {}): Optimizer {
  checkOptions("nadam", options, adamRules);
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  const momentum = (step: number): number => Math.fround(beta1) * (1 - 0.5 * 0.96 ** step);
  return {
    name: "nadam",
    cell: nadamCell,
    slots: ["m", "v"],
    learningRate,
    settings: (step, rate) => {
      let product = 1;
      // Once the product is negligible, further factors are too.
      for (let t = 1; t <= step && product > 1e-20; t++) product *= momentum(t);
      return {
        rate,
        beta1,
        beta2,
        epsilon,
        ahead: momentum(step + 1) / (1 - product * momentum(step + 1)),
        present: (1 - momentum(step)) / (1 - product),
        correction2: 1 - Math.fround(beta2) ** step,
      };
    },
  };
}
