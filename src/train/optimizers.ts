/**
 * Optimisers as equations: the parameter is a state, the gradient the input. The compiler makes their kernels as it does
 * for cells.
 */

import { type Cell, cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import {
  alias,
  callable,
  checkOptions,
  checkValue,
  either,
  flag,
  having,
  inRange,
  type Rule,
  recordOf,
  type Schema,
} from "../graph/schema.ts";

/** An optimiser: the equations of its step, which are compiled with the model, and their numbers. */
export type Optimizer = {
  readonly name: string;
  /** The equations: they read the gradient `g` and set the state `w`; with `decayOf`, they also read a vector `decay`. */
  readonly cell: Cell;
  /** The names of the states besides `w`, such as Adam's "m" and "v"; and "w" itself, if `saved` names another slot. */
  readonly slots: readonly string[];
  /** The slot that holds the trained values if that is not `w`, such as an average. */
  readonly saved?: string;
  /** The weight decay of a parameter, by its name; `all` are the names of the model's parameters. */
  readonly decayOf?: (parameter: string, all: readonly string[]) => number;
  /** The learning rate. */
  readonly learningRate: number;
  /** The settings of the equations, for a step (from 1) and a learning rate. */
  readonly settings: (step: number, learningRate: number) => Readonly<Record<string, number>>;
};

/**
 * Weight decay: each step subtracts this share of a parameter, times the learning rate. One number for all parameters; an
 * object by layer (`{ lstm: 0.01 }`, 0 for the others); or a function of a parameter's name (`lstm.U_f`).
 */
export type WeightDecay = number | Readonly<Record<string, number>> | ((parameter: string) => number);

/** A number of at least 0. */
export const amount = inRange(0);
/** A number in [0, 1). */
export const share = inRange(0, 1);
const learningRateRule = alias(amount, "lr", "eta");
const epsilonRule = alias(amount, "eps");
const byLayer = recordOf(amount);
const someByLayer: Rule = {
  ...byLayer,
  accepts: (value) => byLayer.accepts(value) && Object.keys(value as object).length > 0,
};
const decayRule = alias(
  {
    ...either(amount, someByLayer, callable),
    expected: "a number in [0, Infinity), such numbers by layer, or a function of a parameter's name",
  },
  "decay",
  "wd",
);

/** Options of `sgd`: `learningRate` (default 0.01), `momentum` (0), `nesterov` (false). */
export type SgdOptions = {
  readonly learningRate?: number;
  readonly momentum?: number;
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
const sgdCell = cell("w' = w - rate * g", { inputs: ["g"], settings: ["rate"] });
const momentumCell = cell(
  `
  v' = momentum * v - rate * g       # velocity
  w' = w + v'
`,
  { inputs: ["g"], settings: ["rate", "momentum"] },
);
const nesterovCell = cell(
  `
  v' = momentum * v - rate * g       # velocity
  w' = w + momentum * v' - rate * g  # one step of it ahead
`,
  { inputs: ["g"], settings: ["rate", "momentum"] },
);

/** Options of `rmsprop`: `learningRate` (default 0.001), `rho` (0.9), `momentum` (0), `epsilon` (1e-7), `centered` (false). */
export type RmspropOptions = {
  readonly learningRate?: number;
  readonly rho?: number;
  readonly momentum?: number;
  readonly epsilon?: number;
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

/** Options of `adam` and `nadam`: `learningRate` (default 0.001), `beta1` (0.9), `beta2` (0.999), `epsilon` (1e-7). */
export type AdamOptions = {
  readonly learningRate?: number;
  readonly beta1?: number;
  readonly beta2?: number;
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

/** Options of `adamW`: those of `adam`, and `weightDecay` (default 0.004). */
export type AdamWOptions = AdamOptions & { readonly weightDecay?: WeightDecay };
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

/** The cell of an optimiser with weight decay: `decay` is one number for all parameters, or a vector. */
function withDecay(
  where: string,
  weightDecay: WeightDecay,
  { source, names, settings }: { source: string; names: readonly string[]; settings: Optimizer["settings"] },
): Pick<Optimizer, "cell" | "settings" | "decayOf"> {
  if (typeof weightDecay === "number") {
    return {
      cell: cell(source, { inputs: ["g"], settings: [...names, "decay"] }),
      settings: (step, rate) => ({ ...settings(step, rate), decay: weightDecay }),
    };
  }
  const layerOf = (parameter: string): string => parameter.split(".")[0] as string;
  const decayOf = (parameter: string, all: readonly string[]): number => {
    const byName = typeof weightDecay === "function";
    const layers = byName ? [] : [...new Set(all.map(layerOf))];
    const unknown = byName ? undefined : Object.keys(weightDecay).find((name) => !layers.includes(name));
    if (unknown !== undefined) {
      throw new InputError(
        `${where}: weightDecay: the model has no layer "${unknown}" with parameters; it has ${layers.join(", ")}. ` +
          "For some parameters of a layer give a function of their names.",
      );
    }
    const decay = byName ? weightDecay(parameter) : (weightDecay[layerOf(parameter)] ?? 0);
    checkValue(`${where}: weightDecay of ${parameter}`, decay, amount);
    return decay;
  };
  return { cell: cell(source, { inputs: ["g", "decay"], settings: names }), settings, decayOf };
}

const nadamCell = cell(
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

const asgdSource = `
  w' = w - rate * decay * w - rate * g
  a' = a + share * (w' - a)                    # the mean of w from a step on; before that, w
`;

/** Options of `asgd`: `learningRate` (default 0.01), `averageFrom` (step 1), `weightDecay` (0). */
export type AsgdOptions = {
  readonly learningRate?: number;
  readonly averageFrom?: number | (() => number);
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

export const anOptimizer: Rule = having(
  "an optimiser, as in optimizer: adam()",
  "cell",
  "slots",
  "settings",
  "learningRate",
);

/** Scale gradients down to a global norm of at most `clip`. R. Pascanu et al., 2013 (arXiv 1211.5063). */
export const clipByGlobalNorm: Cell = cell(
  `
  norm = sqrt(sum(g * g))
  y    = g * min(1, clip / norm)
`,
  { inputs: ["g"], settings: ["clip"] },
);

/** Clip each number of a gradient to [-limit, limit]. */
export const clipByValue: Cell = cell("y = max(min(g, limit), -limit)", { inputs: ["g"], settings: ["limit"] });

/**
 * Gradient accumulation: the mean of the gradients since the last step. `part` is the share of the new gradient: its number
 * of outputs divided by all so far.
 */
export const accumulateGradients: Cell = cell("gathered' = (1 - part) * gathered + part * g", {
  inputs: ["g"],
  settings: ["part"],
});
