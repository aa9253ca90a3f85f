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
import { inside } from "./optimizers.ts";

/** From the steps taken before an update to the learning rate of that update. */
export type Rate = (step: number) => number;

const endless = Number.POSITIVE_INFINITY;
const between = (from: number, to: number, share: number): number => from + (to - from) * share;
/** From 1 at share 0 to 0 at share 1. */
const halfCosine = (share: number): number => 0.5 * (1 + Math.cos(Math.PI * share));
/** From one rate to another along half a cosine. */
const cosineBetween = (from: number, to: number, share: number): number => between(to, from, halfCosine(share));

function positive(where: string, value: number): void {
  if (!(value > 0 && value < endless)) throw new InputError(`${where} must be in (0, Infinity), got ${value}`);
}

/**
 * The same at every step.
 * @throws InputError for a number out of its range
 */
export function constantRate(learningRate: number): Rate {
  inside("constantRate: learningRate", learningRate, 0, endless);
  return () => learningRate;
}

type Decay = { readonly initialLearningRate: number; readonly decaySteps: number; readonly decayRate: number };

/**
 * r * decayRate^(step / decaySteps), the exponent rounded down where `staircase`. Keras's ExponentialDecay.
 * @throws InputError for a number out of its range
 */
export function exponentialDecay({
  initialLearningRate,
  decaySteps,
  decayRate,
  staircase = false,
}: Decay & { readonly staircase?: boolean }): Rate {
  checkDecay("exponentialDecay", initialLearningRate, decaySteps);
  inside("exponentialDecay: decayRate", decayRate, 0, endless);
  return (step) => initialLearningRate * decayRate ** passed(step, decaySteps, staircase);
}

/**
 * r * factor^floor(step / every): times `factor` after every so many steps. PyTorch's StepLR.
 * @throws InputError for a number out of its range
 */
export function stepDecay({
  initialLearningRate,
  every,
  factor = 0.1,
}: {
  readonly initialLearningRate: number;
  readonly every: number;
  readonly factor?: number;
}): Rate {
  inside("stepDecay: initialLearningRate", initialLearningRate, 0, endless);
  positive("stepDecay: every", every);
  inside("stepDecay: factor", factor, 0, endless);
  return (step) => initialLearningRate * factor ** Math.floor(step / every);
}

/**
 * r / (1 + decayRate * step / decaySteps), the quotient rounded down where `staircase`. Keras's InverseTimeDecay.
 * @throws InputError for a number out of its range
 */
export function inverseTimeDecay({
  initialLearningRate,
  decaySteps,
  decayRate,
  staircase = false,
}: Decay & { readonly staircase?: boolean }): Rate {
  checkDecay("inverseTimeDecay", initialLearningRate, decaySteps);
  inside("inverseTimeDecay: decayRate", decayRate, 0, endless);
  return (step) => initialLearningRate / (1 + decayRate * passed(step, decaySteps, staircase));
}

/**
 * (r - end) * (1 - step / decaySteps)^power + end, and `end` from decaySteps on; with `cycle`, decaySteps grows to its
 * next multiple there, so that the rate jumps up and falls again. Keras's PolynomialDecay.
 * @throws InputError for a number out of its range
 */
export function polynomialDecay({
  initialLearningRate,
  decaySteps,
  endLearningRate = 0.0001,
  power = 1,
  cycle = false,
}: Omit<Decay, "decayRate"> & {
  readonly endLearningRate?: number;
  readonly power?: number;
  readonly cycle?: boolean;
}): Rate {
  checkDecay("polynomialDecay", initialLearningRate, decaySteps);
  inside("polynomialDecay: endLearningRate", endLearningRate, 0, endless);
  positive("polynomialDecay: power", power);
  return (step) => {
    const length = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
    return between(endLearningRate, initialLearningRate, (1 - Math.min(1, step / length)) ** power);
  };
}

/**
 * r * ((1 - alpha) * (1 + cos(pi * step / decaySteps)) / 2 + alpha), and r * alpha from decaySteps on: I. Loshchilov
 * and F. Hutter, 2016 (arXiv 1608.03983), without restarts. With a `warmupTarget`, the rate first goes straight from r
 * to it in `warmupSteps`, and falls from there. Keras's CosineDecay.
 * @throws InputError for a number out of its range
 * @example await fit(model, x, y, { learningRate: cosineDecay({ initialLearningRate: 0.002, decaySteps: 1000 }) });
 */
export function cosineDecay({
  initialLearningRate,
  decaySteps,
  alpha = 0,
  warmupTarget,
  warmupSteps = 0,
}: Omit<Decay, "decayRate"> & {
  readonly alpha?: number;
  readonly warmupTarget?: number;
  readonly warmupSteps?: number;
}): Rate {
  checkDecay("cosineDecay", initialLearningRate, decaySteps);
  inside("cosineDecay: alpha", alpha, 0, endless);
  inside("cosineDecay: warmupSteps", warmupSteps, 0, endless);
  if (warmupTarget !== undefined) inside("cosineDecay: warmupTarget", warmupTarget, 0, endless);
  const highest = warmupTarget ?? initialLearningRate;
  const fall: Rate = (step) => highest * between(alpha, 1, halfCosine(Math.min(1, step / decaySteps)));
  if (warmupTarget === undefined) return fall;
  return linearWarmup({ initialLearningRate, warmupSteps, after: fall });
}

/**
 * Straight from a rate to the first one of another schedule in `warmupSteps`, then that schedule from its beginning.
 * P. Goyal et al., 2017 (arXiv 1706.02677).
 * @throws InputError for a number out of its range
 */
export function linearWarmup({
  initialLearningRate = 0,
  warmupSteps,
  after,
}: {
  readonly initialLearningRate?: number;
  readonly warmupSteps: number;
  readonly after: Rate;
}): Rate {
  inside("linearWarmup: initialLearningRate", initialLearningRate, 0, endless);
  inside("linearWarmup: warmupSteps", warmupSteps, 0, endless);
  return (step) =>
    step < warmupSteps ? between(initialLearningRate, after(0), step / warmupSteps) : after(step - warmupSteps);
}

/**
 * values[i] up to and with step boundaries[i], the last value after the last boundary. Keras's PiecewiseConstantDecay.
 * @throws InputError unless boundaries rise and values are one more
 */
export function piecewiseConstantDecay({
  boundaries,
  values,
}: {
  readonly boundaries: readonly number[];
  readonly values: readonly number[];
}): Rate {
  const where = "piecewiseConstantDecay";
  if (values.length !== boundaries.length + 1) {
    throw new InputError(
      `${where}: needs one value more than boundaries, got ${values.length} and ${boundaries.length}`,
    );
  }
  for (const value of values) inside(`${where}: a value`, value, 0, endless);
  boundaries.forEach((boundary, k) => {
    if (boundary > (boundaries[k - 1] ?? -endless)) return;
    throw new InputError(`${where}: boundaries must rise, got ${boundaries.join(", ")}`);
  });
  return (step) => {
    const next = boundaries.findIndex((boundary) => step <= boundary);
    return values[next < 0 ? boundaries.length : next] as number;
  };
}

/**
 * One cycle: up from max / divFactor to the maximum in the share `pctStart` of the steps, then down to
 * max / (divFactor * finalDivFactor), each along half a cosine or a line. L. Smith and N. Topin, 2017 (arXiv
 * 1708.07120), in PyTorch's form (OneCycleLR), which ends its phases at pctStart * totalSteps - 1 and totalSteps - 1;
 * where `threePhase`, the rate first falls to where it began, as fast as it rose. The momentum stays as it is.
 * @throws InputError for a number out of its range
 */
export function oneCycle({
  maxLearningRate,
  totalSteps,
  pctStart = 0.3,
  annealStrategy = "cos",
  divFactor = 25,
  finalDivFactor = 1e4,
  threePhase = false,
}: {
  readonly maxLearningRate: number;
  readonly totalSteps: number;
  readonly pctStart?: number;
  readonly annealStrategy?: "cos" | "linear";
  readonly divFactor?: number;
  readonly finalDivFactor?: number;
  readonly threePhase?: boolean;
}): Rate {
  inside("oneCycle: maxLearningRate", maxLearningRate, 0, endless);
  inside("oneCycle: totalSteps", totalSteps, 2, endless);
  positive("oneCycle: divFactor", divFactor);
  positive("oneCycle: finalDivFactor", finalDivFactor);
  if (annealStrategy !== "cos" && annealStrategy !== "linear") {
    throw new InputError(`oneCycle: annealStrategy must be "cos" or "linear", got ${JSON.stringify(annealStrategy)}`);
  }
  const risen = pctStart * totalSteps - 1;
  const fallen = threePhase ? 2 * risen : risen;
  if (!(pctStart >= 0 && fallen < totalSteps - 1)) {
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
export function reduceLrOnPlateau(
  { learningRate, best, wait = 0, cooldown = 0 }: Plateau,
  value: number,
  {
    factor = 0.1,
    patience = 10,
    mode = "min" as "min" | "max",
    minDelta = 1e-4,
    cooldown: rest = 0,
    minLr = 0,
  }: {
    readonly factor?: number;
    readonly patience?: number;
    readonly mode?: "min" | "max";
    readonly minDelta?: number;
    readonly cooldown?: number;
    readonly minLr?: number;
  } = {},
): Plateau {
  inside("reduceLrOnPlateau: learningRate", learningRate, 0, endless);
  inside("reduceLrOnPlateau: factor", factor, 0, 1);
  inside("reduceLrOnPlateau: patience", patience, 0, endless);
  inside("reduceLrOnPlateau: minDelta", minDelta, 0, endless);
  inside("reduceLrOnPlateau: cooldown", rest, 0, endless);
  inside("reduceLrOnPlateau: minLr", minLr, 0, endless);
  if (mode !== "min" && mode !== "max") {
    throw new InputError(`reduceLrOnPlateau: mode must be "min" or "max", got ${JSON.stringify(mode)}`);
  }
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

function checkDecay(where: string, initialLearningRate: number, decaySteps: number): void {
  inside(`${where}: initialLearningRate`, initialLearningRate, 0, endless);
  positive(`${where}: decaySteps`, decaySteps);
}

/** Periods that have passed. */
const passed = (step: number, every: number, whole: boolean): number =>
  whole ? Math.floor(step / every) : step / every;
