/**
 * Learning rates over a training: functions from the steps taken before an update (`trainer.step`, 0 at first) to the
 * rate of that update. Names, formulas and defaults are Keras's where it has them. Steps need not be whole numbers, and
 * any unit will do: with `decaySteps: 1` the argument is the share of the training that is done. Knows nothing about
 * optimisers.
 *
 * ```ts
 * const rate = cosineDecay({ initialLearningRate: 0.002, decaySteps: 10_000 });
 * await trainer.update(inputs, targets, rate(trainer.step));
 * ```
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  callable,
  checkArguments,
  checkOptions,
  flag,
  inRange,
  listOf,
  oneOf,
  options as optionsOf,
  type Rule,
  required,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { amount, share } from "./optimizers.ts";

/** From the steps taken before an update to the learning rate of that update. */
export type Rate = (step: number) => number;

const endless = Number.POSITIVE_INFINITY;
const between = (from: number, to: number, share: number): number => from + (to - from) * share;
/** From 1 at share 0 to 0 at share 1. */
const halfCosine = (share: number): number => 0.5 * (1 + Math.cos(Math.PI * share));
/** From one rate to another along half a cosine. */
const cosineBetween = (from: number, to: number, share: number): number => between(to, from, halfCosine(share));

const positive = inRange(0, Infinity, "()");
/** A schedule, or anything else that gives the rate of a step. */
export const aRate: Rule = {
  ...callable,
  expected: "a function from steps taken to a rate, as constantRate(0.01) makes it",
};

export const constantRateArguments: Arguments = { learningRate: amount };

/**
 * The same at every step.
 * @throws InputError for a number out of its range
 */
export function constantRate(learningRate: number): Rate {
  checkArguments("constantRate", { learningRate }, constantRateArguments);
  return () => learningRate;
}

type Decay = { readonly initialLearningRate: number; readonly decaySteps: number };
/** Where a rate starts, and how fast it falls. */
export type DecayOptions = Decay & { readonly decayRate: number; readonly staircase?: boolean };
const decayRules: Schema<Decay> = {
  initialLearningRate: required(alias(amount, "learningRate", "lr")),
  decaySteps: required(alias(positive, "steps")),
};
export const stairRules: Schema<DecayOptions> = {
  ...decayRules,
  decayRate: required(alias(amount, "gamma", "factor")),
  staircase: flag,
};

/**
 * r * decayRate^(step / decaySteps), the exponent rounded down where `staircase`. Keras's ExponentialDecay.
 * @throws InputError for a number out of its range
 */
export function exponentialDecay(options: DecayOptions): Rate {
  checkOptions("exponentialDecay", options, stairRules);
  const { initialLearningRate, decaySteps, decayRate, staircase = false } = options;
  return (step) => initialLearningRate * decayRate ** passed(step, decaySteps, staircase);
}

/** Where a rate starts, how long it stays, and what it is multiplied by: 0.1. */
export type StepDecayOptions = {
  readonly initialLearningRate: number;
  readonly every: number;
  readonly factor?: number;
};
export const stepDecayRules: Schema<StepDecayOptions> = {
  initialLearningRate: decayRules.initialLearningRate,
  every: required(alias(positive, "stepSize", "decaySteps")),
  factor: alias(amount, "gamma"),
};

/**
 * r * factor^floor(step / every): times `factor` after every so many steps. PyTorch's StepLR.
 * @throws InputError for a number out of its range
 */
export function stepDecay(options: StepDecayOptions): Rate {
  checkOptions("stepDecay", options, stepDecayRules);
  const { initialLearningRate, every, factor = 0.1 } = options;
  return (step) => initialLearningRate * factor ** Math.floor(step / every);
}

/**
 * r / (1 + decayRate * step / decaySteps), the quotient rounded down where `staircase`. Keras's InverseTimeDecay.
 * @throws InputError for a number out of its range
 */
export function inverseTimeDecay(options: DecayOptions): Rate {
  checkOptions("inverseTimeDecay", options, stairRules);
  const { initialLearningRate, decaySteps, decayRate, staircase = false } = options;
  return (step) => initialLearningRate / (1 + decayRate * passed(step, decaySteps, staircase));
}

/** Where a rate starts, where it ends (0.0001) and when; a line (power 1), once. */
export type PolynomialDecayOptions = Decay & {
  readonly endLearningRate?: number;
  readonly power?: number;
  readonly cycle?: boolean;
};
export const polynomialDecayRules: Schema<PolynomialDecayOptions> = {
  ...decayRules,
  endLearningRate: amount,
  power: positive,
  cycle: flag,
};

/**
 * (r - end) * (1 - step / decaySteps)^power + end, and `end` from decaySteps on; with `cycle`, decaySteps grows to its
 * next multiple there, so that the rate jumps up and falls again. Keras's PolynomialDecay.
 * @throws InputError for a number out of its range
 */
export function polynomialDecay(options: PolynomialDecayOptions): Rate {
  checkOptions("polynomialDecay", options, polynomialDecayRules);
  const { initialLearningRate, decaySteps, endLearningRate = 0.0001, power = 1, cycle = false } = options;
  return (step) => {
    const length = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
    return between(endLearningRate, initialLearningRate, (1 - Math.min(1, step / length)) ** power);
  };
}

/** Where a rate starts, the share of it that is left at the end (0) and when that is; no warm-up. */
export type CosineDecayOptions = Decay & {
  readonly alpha?: number;
  readonly warmupTarget?: number;
  readonly warmupSteps?: number;
};
export const cosineDecayRules: Schema<CosineDecayOptions> = {
  ...decayRules,
  alpha: amount,
  warmupTarget: amount,
  warmupSteps: amount,
};

/**
 * r * ((1 - alpha) * (1 + cos(pi * step / decaySteps)) / 2 + alpha), and r * alpha from decaySteps on: I. Loshchilov
 * and F. Hutter, 2016 (arXiv 1608.03983), without restarts. With a `warmupTarget`, the rate first goes straight from r
 * to it in `warmupSteps`, and falls from there. Keras's CosineDecay.
 * @throws InputError for a number out of its range
 * @example await fit(model, x, y, { learningRate: cosineDecay({ initialLearningRate: 0.002, decaySteps: 1000 }) });
 */
export function cosineDecay(options: CosineDecayOptions): Rate {
  checkOptions("cosineDecay", options, cosineDecayRules);
  const { initialLearningRate, decaySteps, alpha = 0, warmupTarget, warmupSteps = 0 } = options;
  const highest = warmupTarget ?? initialLearningRate;
  const fall: Rate = (step) => highest * between(alpha, 1, halfCosine(Math.min(1, step / decaySteps)));
  if (warmupTarget === undefined) return fall;
  return linearWarmup({ initialLearningRate, warmupSteps, after: fall });
}

/** Where a rate starts (0), for how long it rises, and what comes then. */
export type LinearWarmupOptions = {
  readonly initialLearningRate?: number;
  readonly warmupSteps: number;
  readonly after: Rate;
};
export const linearWarmupRules: Schema<LinearWarmupOptions> = {
  initialLearningRate: amount,
  warmupSteps: required(amount),
  after: required(aRate),
};

/**
 * Straight from a rate to the first one of another schedule in `warmupSteps`, then that schedule from its beginning.
 * P. Goyal et al., 2017 (arXiv 1706.02677).
 * @throws InputError for a number out of its range
 */
export function linearWarmup(options: LinearWarmupOptions): Rate {
  checkOptions("linearWarmup", options, linearWarmupRules);
  const { initialLearningRate = 0, warmupSteps, after } = options;
  return (step) =>
    step < warmupSteps ? between(initialLearningRate, after(0), step / warmupSteps) : after(step - warmupSteps);
}

/** One value more than boundaries. */
export type PiecewiseConstantDecayOptions = {
  readonly boundaries: readonly number[];
  readonly values: readonly number[];
};
export const piecewiseConstantDecayRules: Schema<PiecewiseConstantDecayOptions> = {
  boundaries: required(listOf(inRange(-Infinity, Infinity, "[]"))),
  values: required(listOf(amount)),
};

/**
 * values[i] up to and with step boundaries[i], the last value after the last boundary. Keras's PiecewiseConstantDecay.
 * @throws InputError unless boundaries rise and values are one more
 */
export function piecewiseConstantDecay(options: PiecewiseConstantDecayOptions): Rate {
  const where = "piecewiseConstantDecay";
  checkOptions(where, options, piecewiseConstantDecayRules);
  const { boundaries, values } = options;
  if (values.length !== boundaries.length + 1) {
    throw new InputError(
      `${where}: needs one value more than boundaries, got ${values.length} and ${boundaries.length}`,
    );
  }
  boundaries.forEach((boundary, k) => {
    if (boundary > (boundaries[k - 1] ?? -endless)) return;
    throw new InputError(`${where}: boundaries must rise, got ${boundaries.join(", ")}`);
  });
  return (step) => {
    const next = boundaries.findIndex((boundary) => step <= boundary);
    return values[next < 0 ? boundaries.length : next] as number;
  };
}

/** The highest rate and the steps in all; PyTorch's defaults: 0.3, half a cosine, 25, 10,000, two phases. */
export type OneCycleOptions = {
  readonly maxLearningRate: number;
  readonly totalSteps: number;
  readonly pctStart?: number;
  readonly annealStrategy?: "cos" | "linear";
  readonly divFactor?: number;
  readonly finalDivFactor?: number;
  readonly threePhase?: boolean;
};
export const oneCycleRules: Schema<OneCycleOptions> = {
  maxLearningRate: required(alias(amount, "maxLr")),
  totalSteps: required(inRange(2)),
  pctStart: amount,
  annealStrategy: oneOf("cos", "linear"),
  divFactor: positive,
  finalDivFactor: positive,
  threePhase: flag,
};

/**
 * One cycle: up from max / divFactor to the maximum in the share `pctStart` of the steps, then down to
 * max / (divFactor * finalDivFactor), each along half a cosine or a line. L. Smith and N. Topin, 2017 (arXiv
 * 1708.07120), in PyTorch's form (OneCycleLR), which ends its phases at pctStart * totalSteps - 1 and totalSteps - 1;
 * where `threePhase`, the rate first falls to where it began, as fast as it rose. The momentum stays as it is.
 * @throws InputError for a number out of its range
 */
export function oneCycle(options: OneCycleOptions): Rate {
  checkOptions("oneCycle", options, oneCycleRules);
  const { maxLearningRate, totalSteps, pctStart = 0.3, annealStrategy = "cos" } = options;
  const { divFactor = 25, finalDivFactor = 1e4, threePhase = false } = options;
  const risen = pctStart * totalSteps - 1;
  const fallen = threePhase ? 2 * risen : risen;
  if (fallen >= totalSteps - 1) {
    throw new InputError(`oneCycle: pctStart must leave steps to fall in, got ${pctStart} of ${totalSteps}`);
  }
  const first = maxLearningRate / divFactor;
  const turns: readonly Turn[] = [
    { step: 0, rate: first },
    { step: risen, rate: maxLearningRate },
    ...(threePhase ? [{ step: fallen, rate: first }] : []),
    { step: totalSteps - 1, rate: first / finalDivFactor },
  ];
  const anneal = annealStrategy === "cos" ? cosineBetween : between;
  return (step) => {
    const next = turns.findIndex((turn, k) => k > 0 && step < turn.step);
    const [from, to] = (next < 0 ? turns.slice(-2) : turns.slice(next - 1)) as [Turn, Turn];
    return anneal(from.rate, to.rate, Math.min(1, (step - from.step) / (to.step - from.step)));
  };
}

/** Where one phase of a cycle ends and the next begins. */
type Turn = { readonly step: number; readonly rate: number };

/** What `reduceLrOnPlateau` remembers: plain data, the same after a journey through JSON. Begin with a learning rate. */
export type Plateau = {
  readonly learningRate: number;
  /** The best value yet. */
  readonly best?: number;
  /** Values since then, and values until they count again. */
  readonly wait?: number;
  readonly cooldown?: number;
};

const plateauRules: Schema<Plateau> = {
  learningRate: required(amount),
  best: inRange(-Infinity, Infinity, "[]"),
  wait: wholeNumber(0),
  cooldown: wholeNumber(0),
};
/** Keras's defaults: a tenth after 10 values, of which less is better by at least 0.0001. */
export type PlateauOptions = {
  readonly factor?: number;
  readonly patience?: number;
  readonly mode?: "min" | "max";
  readonly minDelta?: number;
  readonly cooldown?: number;
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
 * The state after one more value (a validation loss): the rate is multiplied by `factor` where the value has not been
 * better than the best by more than `minDelta` for `patience` values. Keras's ReduceLROnPlateau, with its defaults.
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
  const worst = mode === "min" ? endless : -endless;
  const gain = mode === "min" ? (best ?? worst) - value : value - (best ?? worst);
  if (gain > minDelta) return { learningRate, best: value, wait: 0, cooldown: left };
  const state = { learningRate, ...(best !== undefined && { best }), cooldown: left };
  if (left > 0) return { ...state, wait: 0 };
  const waited = wait + 1;
  if (waited < patience || learningRate <= minLr) return { ...state, wait: waited };
  return { ...state, learningRate: Math.max(minLr, learningRate * factor), wait: 0, cooldown: rest };
}

/** Periods that have passed. */
const passed = (step: number, every: number, whole: boolean): number =>
  whole ? Math.floor(step / every) : step / every;
