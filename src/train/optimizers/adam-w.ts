/** AdamW: Adam with decoupled weight decay. */

import { checkOptions, type Schema } from "../../graph/schema.ts";
import { type AdamOptions, adam, adamCell, adamRules } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { decayRule, type WeightDecay, withDecay } from "./weight-decay.ts";

/** Options of `adamW`: those of `adam`, and `weightDecay` (default 0.004). */
export type AdamWOptions = AdamOptions & {
  /** Weight decay: a number, an object by layer, or a function of a parameter's name. Default 0.004. */
  readonly weightDecay?: WeightDecay;
};
export const adamWRules: Schema<AdamWOptions> = { ...adamRules, weightDecay: decayRule };

/**
 * Adam with decoupled weight decay: I. Loshchilov and F. Hutter, 2017 (arXiv 1711.05101). Keras's AdamW, PyTorch's
 * optim.AdamW. As in both, the decay is scaled by the learning rate; epsilon is as in `adam`.
 * @param options `learningRate` (default 0.001), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-7), `weightDecay` (0.004, as
 *   in Keras; PyTorch has 0.01): a number, an object by layer, or a function of a parameter's name
 * @throws InputError for a number out of its range; when training starts, for a layer that the model does not have
 *
 * ```ts
 * adamW({ weightDecay: (parameter) => (/\.b(_|$)/.test(parameter) ? 0 : 0.01) }); // none for biases
 * ```
 */
export function adamW(options: AdamWOptions = {}): Optimizer {
  checkOptions("adamW", options, adamWRules);
  const { weightDecay = 0.004, ...numbers } = options;
  const { settings, ...rest } = adam(numbers);
  return {
    ...rest,
    name: "adamW",
    ...withDecay("adamW", weightDecay, { settings, source: adamWSource, names: adamCell.settings }),
  };
}
const adamWSource = `
  m' = beta1 * m + (1 - beta1) * g             # mean of the gradients
  v' = beta2 * v + (1 - beta2) * g * g         # mean of their squares
  a  = m' / correction1                        # both start at zero: undo that
  b  = v' / correction2
  w' = w - rate * decay * w - rate * a / (sqrt(b) + epsilon)
`;
