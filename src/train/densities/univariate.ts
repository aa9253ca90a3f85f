/**
 * Distributions of single numbers as losses: what a forecast's network ends in. A row of outputs has the parameters of the
 * distribution of each of n targets. Knows nothing of time.
 */
import type { Builder, NodeId } from "../../graph/graph.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkOptions,
  having,
  inRange,
  numbers,
  type Rule,
  required,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import type { Random } from "../../nn/random.ts";
import type { Loss } from "../losses.ts";
import { logSigmaAt, logSigmaOf } from "./bounds.ts";
import { logGammaOf, negativeBinomialQuantile, normalQuantile, studentQuantile } from "./special.ts";

/** A loss for `fit`, and what reads the outputs of a model that was trained with it. */
export type Density = Loss & {
  /** The numbers that it reads of each output: its parameters for each target. */
  readonly outputSize: number;
  /** The mean of each target; of quantiles the median. */
  readonly mean: (row: ArrayLike<number>) => number[];
  /** What each target is at most with probability p, from 0 to 1. */
  readonly quantile: (row: ArrayLike<number>, p: number) => number[];
  /** A draw of each target, independent of each other. The same random numbers give the same draw. */
  readonly sample: (row: ArrayLike<number>, random: Random) => number[];
};
/** Options of the densities. */
export type DensityOptions = {
  /** n, the number of targets. Default 1. */
  readonly targets?: number;
};
export const densityRules: Schema<DensityOptions> = { targets: alias(wholeNumber(1), "dimensions", "outputs") };
const random = having("a generator, as createRandom(1) makes it", "uniform", "normal");
const readArguments: Arguments = { row: numbers };
const quantileArguments: Arguments = { row: numbers, p: inRange(0, 1, "[]") };
const sampleArguments: Arguments = { row: numbers, random };

/** A distribution of one number. */
type Family = {
  /** Its parameters. */
  readonly parts: number;
  /** From n of each parameter and n targets to n losses. */
  readonly loss: (g: Builder, parts: readonly NodeId[], target: NodeId) => NodeId;
  readonly mean: (parts: readonly number[]) => number;
  readonly quantile: (parts: readonly number[], p: number) => number;
  readonly sample: (parts: readonly number[], random: Random) => number;
};

/** Outputs: n of the first parameter, n of the second, and so on. The loss is the mean over the targets. */
function densityOf(name: string, family: Family, targets: number): Density {
  const { parts } = family;
  const outputSize = parts * targets;
  const read = <Result>(row: ArrayLike<number>, of: (own: readonly number[]) => Result): Result[] => {
    if (row.length !== outputSize) {
      throw new InputError(`${name}: a row of outputs has ${outputSize} numbers, got ${row.length}`);
    }
    return Array.from({ length: targets }, (_, k) =>
      of(Array.from({ length: parts }, (_, part) => row[part * targets + k] as number)),
    );
  };
  return {
    target: "vector",
    targetSize(given) {
      if (given === outputSize) return targets;
      const each = targets === 1 ? "a target" : `${targets} targets`;
      throw new InputError(
        `${name}: ${each} with ${parts} parameters ${targets === 1 ? "needs" : "each need"} outputs of ${outputSize} numbers, ` +
          `the model gives ${given}. End it with dense(${outputSize}).`,
      );
    },
    build: (g, output, target) =>
      g.mean(
        family.loss(
          g,
          Array.from({ length: parts }, (_, part) => g.slice(output, part * targets, targets)),
          target,
        ),
      ),
    outputSize,
    mean(row) {
      checkArguments(`${name}.mean`, { row }, readArguments);
      return read(row, family.mean);
    },
    quantile(row, p) {
      checkArguments(`${name}.quantile`, { row, p }, quantileArguments);
      return read(row, (own) => family.quantile(own, p));
    },
    sample(row, random) {
      checkArguments(`${name}.sample`, { row, random }, sampleArguments);
      return read(row, (own) => family.sample(own, random));
    },
  };
}

const sigmaAt = (s: number): number => Math.exp(logSigmaAt(s));
/** (t - mean) / sigma. */
const standardised = (g: Builder, target: NodeId, mean: NodeId, logSigma: NodeId): NodeId =>
  g.mul(g.sub(target, mean), g.unary("exp", g.unary("neg", logSigma)));

/**
 * A normal distribution of each target as a loss: the mean over the targets of -log density, in nats:
 * z^2 / 2 + log sigma + log(2 pi) / 2 with z = (t - mean) / sigma. A model for it ends with `dense(2 * targets)`: the means,
 * then s with log sigma = 7 tanh(s / 7), so that nothing overflows in 32-bit floats; targets are to be scaled to about 1.
 * @param options `targets` (default 1)
 * @throws InputError unless `targets` is a whole number of at least 1
 * @example
 * const density = gaussian();
 * const model = sequential([gru(32), dense(density.outputSize)], { input: 1 });
 * await fit(model, x, y, { loss: density });
 */
export function gaussian(options: DensityOptions = {}): Density {
  checkOptions("gaussian", options, densityRules);
  const { targets = 1 } = options;
  return densityOf(
    "gaussian",
    {
      parts: 2,
      loss(g, [mean, s], target) {
        const log = logSigmaOf(g, s as NodeId);
        const z = standardised(g, target, mean as NodeId, log);
        return g.add(g.add(g.mul(g.constant(0.5), g.mul(z, z)), log), g.constant(0.5 * Math.log(2 * Math.PI)));
      },
      mean: ([mean]) => mean as number,
      quantile: ([mean, s], p) => (mean as number) + sigmaAt(s as number) * normalQuantile(p),
      sample: ([mean, s], random) => (mean as number) + sigmaAt(s as number) * random.normal(),
    },
    targets,
  );
}

/** Degrees of freedom from 2.1 to 100, 6.7 for an output of 0: above 2 there is a deviation, at 100 the tails are normal. */
const [fewest, most] = [2.1, 100];
const freedomAt = (d: number): number => fewest + (most - fewest) / (1 + Math.exp(3 - d));

/**
 * Student's t distribution of each target as a loss, for outliers: the mean over the targets of -log density, in nats. A
 * model for it ends with `dense(3 * targets)`: the means, then s with log sigma = 7 tanh(s / 7), then d with the degrees of
 * freedom 2.1 + 97.9 sigmoid(d - 3).
 * @param options `targets` (default 1)
 * @throws InputError unless `targets` is a whole number of at least 1
 */
export function studentT(options: DensityOptions = {}): Density {
  checkOptions("studentT", options, densityRules);
  const { targets = 1 } = options;
  return densityOf(
    "studentT",
    {
      parts: 3,
      loss(g, [mean, s, d], target) {
        const n = g.constant;
        const log = logSigmaOf(g, s as NodeId);
        const z = standardised(g, target, mean as NodeId, log);
        const freedom = g.add(n(fewest), g.mul(n(most - fewest), g.unary("sigmoid", g.sub(d as NodeId, n(3)))));
        const half = g.mul(freedom, n(0.5));
        const more = g.add(half, n(0.5));
        const constants = g.add(
          g.sub(logGammaOf(g, half), logGammaOf(g, more)),
          g.mul(n(0.5), g.unary("log", g.mul(freedom, n(Math.PI)))),
        );
        const tail = g.mul(more, g.unary("log", g.add(n(1), g.div(g.mul(z, z), freedom))));
        return g.add(g.add(constants, log), tail);
      },
      mean: ([mean]) => mean as number,
      quantile: ([mean, s, d], p) =>
        (mean as number) + sigmaAt(s as number) * studentQuantile(p, freedomAt(d as number)),
      sample: ([mean, s, d], random) =>
        (mean as number) + sigmaAt(s as number) * studentQuantile(random.uniform(), freedomAt(d as number)),
    },
    targets,
  );
}

/** Options of `negativeBinomial`. */
export type NegativeBinomialOptions = DensityOptions & {
  /** What the mean is a multiple of, above 0: about the mean of the counts. Default 1. */
  readonly scale?: number;
};
export const negativeBinomialRules: Schema<NegativeBinomialOptions> = {
  ...densityRules,
  scale: inRange(0, Infinity, "()"),
};
const softplusAt = (m: number): number => Math.max(m, 0) + Math.log1p(Math.exp(-Math.abs(m)));
/** A mean of 0 has no count above 0. */
const leastMean = 1e-6;

/**
 * A negative binomial distribution of each target as a loss, for counts 0, 1, 2, ...: the mean over the targets of
 * -log probability, in nats. A model for it ends with `dense(2 * targets)`: m with the mean scale * softplus(m), then a with
 * r = exp(7 tanh(a / 7)); the variance is mean + mean^2 / r. D. Salinas et al., "DeepAR", 2017 (arXiv 1704.04110).
 * @param options `targets` (default 1); `scale` (default 1): about the mean of the counts
 * @throws InputError unless `targets` is a whole number of at least 1, and `scale` above 0 and finite
 */
export function negativeBinomial(options: NegativeBinomialOptions = {}): Density {
  checkOptions("negativeBinomial", options, negativeBinomialRules);
  const { targets = 1, scale = 1 } = options;
  const meanAt = (m: number): number => scale * softplusAt(m) + leastMean;
  const quantile = ([m, a]: readonly number[], p: number): number =>
    negativeBinomialQuantile(p, meanAt(m as number), sigmaAt(a as number));
  return densityOf(
    "negativeBinomial",
    {
      parts: 2,
      loss(g, [m, a], target) {
        const n = g.constant;
        const log = (of: NodeId): NodeId => g.unary("log", of);
        const mean = g.add(g.mul(n(scale), g.unary("softplus", m as NodeId)), n(leastMean));
        const logR = logSigmaOf(g, a as NodeId);
        const r = g.unary("exp", logR);
        const both = log(g.add(r, mean));
        const ways = g.sub(
          g.add(logGammaOf(g, r), logGammaOf(g, g.add(target, n(1)))),
          logGammaOf(g, g.add(target, r)),
        );
        return g.sub(g.sub(ways, g.mul(r, g.sub(logR, both))), g.mul(target, g.sub(log(mean), both)));
      },
      mean: ([m]) => meanAt(m as number),
      quantile,
      sample: (parts, random) => quantile(parts, random.uniform()),
    },
    targets,
  );
}

/** Options of `quantiles`. */
export type QuantilesOptions = DensityOptions & {
  /** The probabilities, each above 0 and below 1, rising. */
  readonly levels: readonly number[];
};
/** Probabilities between 0 and 1, rising. */
export const risingLevels: Rule = {
  expected: "probabilities between 0 and 1, rising",
  accepts: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    Array.from(value).every((one, k) => typeof one === "number" && one > (k === 0 ? 0 : value[k - 1]) && one < 1),
};
export const quantilesRules: Schema<QuantilesOptions> = {
  ...densityRules,
  levels: required(alias(risingLevels, "quantiles", "probabilities")),
};

/**
 * Quantiles of each target as a loss, without a distribution: the mean over targets and levels of the pinball loss
 * max(p (t - q), (p - 1) (t - q)). A model for it ends with `dense(levels.length * targets)`: the quantiles of the first level,
 * then those of the second, and so on. They are read in rising order (V. Chernozhukov et al., 2010); between levels on
 * a straight line, beyond them as the last. R. Koenker and G. Bassett, "Regression quantiles", 1978.
 * @param options `levels`; `targets` (default 1)
 * @throws InputError unless the levels rise between 0 and 1
 * @example quantiles({ levels: [0.1, 0.5, 0.9] })
 */
export function quantiles(options: QuantilesOptions): Density {
  checkOptions("quantiles", options, quantilesRules);
  const { levels, targets = 1 } = options;
  function quantile(values: readonly number[], p: number): number {
    const rising = [...values].sort((a, b) => a - b);
    const above = levels.findIndex((one) => one >= p);
    if (above <= 0) return rising[above < 0 ? rising.length - 1 : 0] as number;
    const [low, high] = [levels[above - 1] as number, levels[above] as number];
    const share = (p - low) / (high - low);
    return (rising[above - 1] as number) * (1 - share) + (rising[above] as number) * share;
  }
  return densityOf(
    "quantiles",
    {
      parts: levels.length,
      loss(g, parts, target) {
        const losses = parts.map((q, k) => {
          const p = levels[k] as number;
          const off = g.sub(target, q);
          return g.binary("max", g.mul(g.constant(p), off), g.mul(g.constant(p - 1), off));
        });
        return g.mul(losses.reduce(g.add), g.constant(1 / levels.length));
      },
      mean: (values) => quantile(values, 0.5),
      quantile,
      sample: (values, random) => quantile(values, random.uniform()),
    },
    targets,
  );
}
