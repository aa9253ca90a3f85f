/**
 * Learning-rate schedules: functions from the number of steps so far (`trainer.step`, from 0) to the learning rate of the
 * next update. Names, formulas and defaults are Keras's, where it has them. Steps need not be whole numbers, and may have any
 * unit: with `decaySteps: 1` the argument is the share of the training that is done.
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
  type Rule,
  required,
  type Schema,
} from "../graph/schema.ts";
import { amount } from "./number-rules.ts";

/** A learning-rate schedule: from the number of steps so far to the learning rate of the next update. */
export type LearningRateSchedule = (step: number) => number;

const between = (from: number, to: number, share: number): number => from + (to - from) * share;
/** From 1 at share 0 to 0 at share 1. */
const halfCosine = (share: number): number => 0.5 * (1 + Math.cos(Math.PI * share));
/** From one rate to another along half a cosine. */
const cosineBetween = (from: number, to: number, share: number): number => between(to, from, halfCosine(share));

const positive = inRange(0, Infinity, "()");
/** A schedule: any function from a step to a rate. */
export const aRate: Rule = {
  ...callable,
  expected:
    "a function from a step to a learning rate, as constantRate(0.01) (one rate for all steps is the optimizer's)",
};

export const constantRateArguments: Arguments = { learningRate: amount };

/**
 * A schedule with the same rate at every step.
 * @param learningRate at least 0
 * @throws InputError for a number out of its range
 */
export function constantRate(learningRate: number): LearningRateSchedule {
  checkArguments("constantRate", { learningRate }, constantRateArguments);
  return () => learningRate;
}

type Decay = {
  /** The learning rate r of step 0, at least 0. */
  readonly initialLearningRate: number;
  /** The number of steps that the decay takes, or that one period of it takes; above 0. */
  readonly decaySteps: number;
};
/** Options of `exponentialDecay` and `inverseTimeDecay`: the initial rate r, and how fast it decays. */
export type DecayOptions = Decay & {
  /** How fast the rate decays in each period of `decaySteps`; at least 0. */
  readonly decayRate: number;
  /** Whether the rate changes only at the end of a period. Default false. */
  readonly staircase?: boolean;
};
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
 * r * decayRate^(step / decaySteps). Keras's ExponentialDecay.
 * @param options `initialLearningRate` r, `decaySteps`, `decayRate`; `staircase` (default false): round the exponent down
 * @throws InputError for a number out of its range
 */
export function exponentialDecay(options: DecayOptions): LearningRateSchedule {
  checkOptions("exponentialDecay", options, stairRules);
  const { initialLearningRate, decaySteps, decayRate, staircase = false } = options;
  return (step) => initialLearningRate * decayRate ** passed(step, decaySteps, staircase);
}

/** Options of `stepDecay`: the initial rate r, and `factor` (default 0.1), by which it is multiplied `every` so many steps. */
export type StepDecayOptions = {
  /** The learning rate r of step 0, at least 0. */
  readonly initialLearningRate: number;
  /** The number of steps after which the rate changes, above 0. */
  readonly every: number;
  /** What the rate is multiplied by, at least 0. Default 0.1. */
  readonly factor?: number;
};
export const stepDecayRules: Schema<StepDecayOptions> = {
  initialLearningRate: decayRules.initialLearningRate,
  every: required(alias(positive, "stepSize", "decaySteps")),
  factor: alias(amount, "gamma"),
};

/**
 * r * factor^floor(step / every): the rate is multiplied by `factor` every `every` steps. PyTorch's StepLR.
 * @param options `initialLearningRate` r, `every`, `factor` (default 0.1)
 * @throws InputError for a number out of its range
 */
export function stepDecay(options: StepDecayOptions): LearningRateSchedule {
  checkOptions("stepDecay", options, stepDecayRules);
  const { initialLearningRate, every, factor = 0.1 } = options;
  return (step) => initialLearningRate * factor ** Math.floor(step / every);
}

/**
 * r / (1 + decayRate * step / decaySteps). Keras's InverseTimeDecay.
 * @param options `initialLearningRate` r, `decaySteps`, `decayRate`; `staircase` (default false): round step / decaySteps
 *   down
 * @throws InputError for a number out of its range
 */
export function inverseTimeDecay(options: DecayOptions): LearningRateSchedule {
  checkOptions("inverseTimeDecay", options, stairRules);
  const { initialLearningRate, decaySteps, decayRate, staircase = false } = options;
  return (step) => initialLearningRate / (1 + decayRate * passed(step, decaySteps, staircase));
}

/** Options of `polynomialDecay`: `endLearningRate` (default 0.0001), `power` (1), `cycle` (false). */
export type PolynomialDecayOptions = Decay & {
  /** The rate after `decaySteps`, at least 0. Default 0.0001. */
  readonly endLearningRate?: number;
  /** The exponent of the decay, above 0. Default 1: linear. */
  readonly power?: number;
  /** Whether the rate jumps up after `decaySteps` and decays again, more slowly each time. Default false. */
  readonly cycle?: boolean;
};
export const polynomialDecayRules: Schema<PolynomialDecayOptions> = {
  ...decayRules,
  endLearningRate: amount,
  power: positive,
  cycle: flag,
};

/**
 * (r - end) * (1 - step / decaySteps)^power + end, and `end` after decaySteps. Keras's PolynomialDecay.
 * @param options `initialLearningRate` r, `decaySteps`, `endLearningRate` (default 0.0001), `power` (1: linear), `cycle`
 *   (false): after decaySteps use the next multiple of it, so that the rate jumps up and decays again
 * @throws InputError for a number out of its range
 */
export function polynomialDecay(options: PolynomialDecayOptions): LearningRateSchedule {
  checkOptions("polynomialDecay", options, polynomialDecayRules);
  const { initialLearningRate, decaySteps, endLearningRate = 0.0001, power = 1, cycle = false } = options;
  return (step) => {
    const length = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
    return between(endLearningRate, initialLearningRate, (1 - Math.min(1, step / length)) ** power);
  };
}

/** Options of `cosineDecay`: `alpha` (default 0) is the share of the rate at the end; by default there is no warm-up. */
export type CosineDecayOptions = Decay & {
  /** The share of the rate that is left after `decaySteps`. Default 0. */
  readonly alpha?: number;
  /** The rate that a warm-up rises to before the decay. By default there is no warm-up. */
  readonly warmupTarget?: number;
  /** The number of steps of the warm-up, with `warmupTarget`. Default 0. */
  readonly warmupSteps?: number;
};
export const cosineDecayRules: Schema<CosineDecayOptions> = {
  ...decayRules,
  alpha: amount,
  warmupTarget: amount,
  warmupSteps: amount,
};

/**
 * r * ((1 - alpha) * (1 + cos(pi * step / decaySteps)) / 2 + alpha), and r * alpha after decaySteps. Keras's CosineDecay.
 * I. Loshchilov and F. Hutter, 2016 (arXiv 1608.03983), without restarts.
 * @param options `initialLearningRate` r, `decaySteps`, `alpha` (default 0); with `warmupTarget`, the rate first rises
 *   linearly from r to it in `warmupSteps`, and decays from there
 * @throws InputError for a number out of its range
 * @example await fit(model, x, y, { learningRate: cosineDecay({ initialLearningRate: 0.002, decaySteps: 1000 }) });
 */
export function cosineDecay(options: CosineDecayOptions): LearningRateSchedule {
  checkOptions("cosineDecay", options, cosineDecayRules);
  const { initialLearningRate, decaySteps, alpha = 0, warmupTarget, warmupSteps = 0 } = options;
  const highest = warmupTarget ?? initialLearningRate;
  const fall: LearningRateSchedule = (step) => highest * between(alpha, 1, halfCosine(Math.min(1, step / decaySteps)));
  if (warmupTarget === undefined) return fall;
  return linearWarmup({ initialLearningRate, warmupSteps, after: fall });
}

/** Options of `linearWarmup`: the initial rate (default 0), the steps of the warm-up, and the schedule `after` it. */
export type LinearWarmupOptions = {
  /** The rate of step 0, at least 0. Default 0. */
  readonly initialLearningRate?: number;
  /** The number of steps of the warm-up, at least 0. */
  readonly warmupSteps: number;
  /** The schedule after the warm-up, which then begins with its step 0. */
  readonly after: LearningRateSchedule;
};
export const linearWarmupRules: Schema<LinearWarmupOptions> = {
  initialLearningRate: amount,
  warmupSteps: required(amount),
  after: required(aRate),
};

/**
 * Rise linearly from a rate to the first rate of another schedule in `warmupSteps`, then follow that schedule from its
 * beginning. P. Goyal et al., 2017 (arXiv 1706.02677).
 * @param options `initialLearningRate` (default 0), `warmupSteps`, `after`
 * @throws InputError for a number out of its range
 */
export function linearWarmup(options: LinearWarmupOptions): LearningRateSchedule {
  checkOptions("linearWarmup", options, linearWarmupRules);
  const { initialLearningRate = 0, warmupSteps, after } = options;
  return (step) =>
    step < warmupSteps ? between(initialLearningRate, after(0), step / warmupSteps) : after(step - warmupSteps);
}

/** Options of `piecewiseConstantDecay`: one more value than boundaries. */
export type PiecewiseConstantDecayOptions = {
  /** The last step of each value but the last, increasing. */
  readonly boundaries: readonly number[];
  /** The learning rates, one more than boundaries. */
  readonly values: readonly number[];
};
export const piecewiseConstantDecayRules: Schema<PiecewiseConstantDecayOptions> = {
  boundaries: required(listOf(inRange(-Infinity, Infinity, "[]"))),
  values: required(listOf(amount)),
};

/**
 * values[i] up to and including step boundaries[i], and the last value after the last boundary. Keras's
 * PiecewiseConstantDecay.
 * @param options `boundaries`, increasing; `values`, one more than boundaries
 * @throws InputError unless boundaries increase and there is one more value
 */
export function piecewiseConstantDecay(options: PiecewiseConstantDecayOptions): LearningRateSchedule {
  const where = "piecewiseConstantDecay";
  checkOptions(where, options, piecewiseConstantDecayRules);
  const { boundaries, values } = options;
  if (values.length !== boundaries.length + 1) {
    throw new InputError(
      `${where}: needs one more value than boundaries, got ${values.length} and ${boundaries.length}`,
    );
  }
  boundaries.forEach((boundary, k) => {
    if (boundary > (boundaries[k - 1] ?? -Infinity)) return;
    throw new InputError(`${where}: boundaries must increase, got ${boundaries.join(", ")}`);
  });
  return (step) => {
    const next = boundaries.findIndex((boundary) => step <= boundary);
    return values[next < 0 ? boundaries.length : next] as number;
  };
}

/** Options of `oneCycle`, with PyTorch's names and defaults. */
export type OneCycleOptions = {
  /** The highest rate of the cycle, at least 0. */
  readonly maxLearningRate: number;
  /** The number of steps of the cycle, at least 2. */
  readonly totalSteps: number;
  /** The share of the steps in which the rate rises. Default 0.3. */
  readonly pctStart?: number;
  /** Whether the rate changes along half a cosine ("cos", default) or a line. */
  readonly annealStrategy?: "cos" | "linear";
  /** The highest rate divided by the first one. Default 25. */
  readonly divFactor?: number;
  /** The first rate divided by the last one. Default 10,000. */
  readonly finalDivFactor?: number;
  /** Whether the rate first falls back to the initial one, as fast as it rose. Default false. */
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
 * One cycle: the rate rises from max / divFactor to the maximum in the share `pctStart` of the steps, then falls to
 * max / (divFactor * finalDivFactor). L. Smith and N. Topin, 2017 (arXiv 1708.07120), as PyTorch's OneCycleLR, whose phases
 * end at pctStart * totalSteps - 1 and totalSteps - 1. The momentum does not change.
 * @param options `maxLearningRate`, `totalSteps`, `pctStart` (default 0.3), `annealStrategy` "cos" (default) or "linear",
 *   `divFactor` (25), `finalDivFactor` (10,000), `threePhase` (false): first fall back to the initial rate, as fast as the
 *   rate rose
 * @throws InputError for a number out of its range
 */
export function oneCycle(options: OneCycleOptions): LearningRateSchedule {
  checkOptions("oneCycle", options, oneCycleRules);
  const { maxLearningRate, totalSteps, pctStart = 0.3, annealStrategy = "cos" } = options;
  const { divFactor = 25, finalDivFactor = 1e4, threePhase = false } = options;
  const risen = pctStart * totalSteps - 1;
  const fallen = threePhase ? 2 * risen : risen;
  if (fallen >= totalSteps - 1) {
    throw new InputError(`oneCycle: pctStart must leave steps for the rate to fall, got ${pctStart} of ${totalSteps}`);
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

/** The number of periods so far. */
const passed = (step: number, every: number, whole: boolean): number =>
  whole ? Math.floor(step / every) : step / every;
