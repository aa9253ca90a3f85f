/**
 * Optimisers as equations: the parameter is a state, the gradient the input. The same compiler that fuses a cell makes
 * their kernel. Knows nothing about models.
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

/** An optimiser as the equations of its step, which are compiled with the model, and the numbers that go in. */
export type Optimizer = {
  readonly name: string;
  /** Reads the gradient `g`, sets the state `w`; where there is a `decayOf`, it reads a vector `decay` too. */
  readonly cell: Cell;
  /** One number a parameter each: states besides `w`; and "w" itself, where what is saved is `saved` instead. */
  readonly slots: readonly string[];
  /** The slot that holds what training makes, where that is not `w`: an average. */
  readonly saved?: string;
  /** The weight decay of the parameter with this name, one of all those of a model. */
  readonly decayOf?: (parameter: string, all: readonly string[]) => number;
  /** The learning rate that a schedule scales. */
  readonly learningRate: number;
  /** Numbers for the step (from 1 on) at a learning rate. */
  readonly settings: (step: number, learningRate: number) => Readonly<Record<string, number>>;
};

/**
 * How much of a parameter a step takes away, times the learning rate: the same for all; by layer (`{ lstm: 0.01 }`, none for
 * the others); or what a function says of the parameter's name (`lstm.U_f`).
 */
export type WeightDecay = number | Readonly<Record<string, number>> | ((parameter: string) => number);

/** Rates, lengths, sums of squares: from 0 on. */
export const amount = inRange(0);
/** From 0 on, and below 1. */
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

/** Defaults: 0.01, no momentum. */
export type SgdOptions = {
  readonly learningRate?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
};
export const sgdRules: Schema<SgdOptions> = { learningRate: learningRateRule, momentum: share, nesterov: flag };

/**
 * Stochastic gradient descent, with momentum where it is above 0. Formulas and defaults are Keras's: the velocity holds
 * the rates of the steps that it is made of. In PyTorch the present rate scales all of it, which is the same while the
 * rate stays. `nesterov`: I. Sutskever et al., "On the importance of initialization and momentum in deep learning",
 * 2013.
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

/** Defaults: 0.001, 0.9, no momentum, 1e-7, not centred. */
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
 * RMSprop: T. Hinton, "Neural networks for machine learning", lecture 6e, 2012. Formulas and defaults are Keras's:
 * epsilon is added under the root (in PyTorch outside), and the momentum adds up steps with the rates that they had.
 * `centered` divides by the variance of the gradients instead of the mean of their squares: A. Graves, 2013 (arXiv
 * 1308.0850).
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
  // A variance is not below 0; rounded, it could be, and the root would be no number.
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

/** Defaults: 0.001, 0.9, 0.999, 1e-7. */
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
 * Adam: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2014, algorithm 1. Defaults as in Keras;
 * like PyTorch and the paper, and unlike Keras, epsilon is added after the correction of v.
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
      // The kernel has the betas in f32: correct for those.
      correction1: 1 - Math.fround(beta1) ** step,
      correction2: 1 - Math.fround(beta2) ** step,
    }),
  };
}

/** As `AdamOptions`, and a decay of 0.004. */
export type AdamWOptions = AdamOptions & { readonly weightDecay?: WeightDecay };
export const adamWRules: Schema<AdamWOptions> = { ...adamRules, weightDecay: decayRule };

/**
 * Adam with decoupled weight decay: I. Loshchilov and F. Hutter, 2017 (arXiv 1711.05101). As in Keras and PyTorch the
 * decay is scaled by the learning rate. Defaults are Keras's (PyTorch's decay is 0.01); epsilon as in `adam`.
 * @throws InputError for a number out of its range; when a trainer is made, for a layer that the model does not have
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

/** A cell whose `decay` is one number for all parameters, or a vector with one for each. */
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
 * Adam with Nesterov momentum: T. Dozat, "Incorporating Nesterov momentum into Adam", 2016. Formulas and defaults are
 * Keras's: the momentum of step t is u_t = beta1 * (1 - 0.96^t / 2), which is PyTorch's with a momentum decay of 1.
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
      // Where a gradient of long ago counts nothing, neither do more factors.
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

/** Defaults: 0.01, averaged from step 1 on, no decay. */
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
      expected: "a step, 1 or later, or Infinity for never, or a function that says so",
    },
    "t0",
  ),
  weightDecay: decayRule,
};

/**
 * Averaged stochastic gradient descent: B. Polyak and A. Juditsky, "Acceleration of stochastic approximation by
 * averaging", 1992, as the AWD-LSTM uses it (S. Merity et al., 2017, arXiv 1708.02182): the steps are those of `sgd`
 * with weight decay, and what is saved and evaluated is the mean of the parameters after the steps from `averageFrom`
 * on, itself among them. (PyTorch's ASGD with `lambd` 0 and `t0` two less.) Given a function, it is asked at each step,
 * so that a caller can decide while training:
 *
 * ```ts
 * let averageFrom = Infinity; // never, until the validation loss stops falling (NT-ASGD)
 * const optimizer = asgd({ learningRate: 30, weightDecay: 1.2e-6, averageFrom: () => averageFrom });
 * // ... after a validation:
 * if (averageFrom === Infinity && loss > Math.min(...losses.slice(0, -5))) averageFrom = trainer.step + 1;
 * ```
 * @throws InputError as `adamW`
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

/** Gradients longer than `clip` together are scaled down to it. R. Pascanu et al., 2013 (arXiv 1211.5063). */
export const clipByGlobalNorm: Cell = cell(
  `
  norm = sqrt(sum(g * g))
  y    = g * min(1, clip / norm)
`,
  { inputs: ["g"], settings: ["clip"] },
);

/** Each number of a gradient is brought into [-limit, limit]. */
export const clipByValue: Cell = cell("y = max(min(g, limit), -limit)", { inputs: ["g"], settings: ["limit"] });

/**
 * The mean of the gradients since the last step: `part` is the share that the new one has in it, by what it counts; the
 * first one is all of it.
 */
export const accumulateGradients: Cell = cell("gathered' = (1 - part) * gathered + part * g", {
  inputs: ["g"],
  settings: ["part"],
});
