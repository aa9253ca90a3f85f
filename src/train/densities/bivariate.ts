/**
 * A mixture of Gaussians of two numbers, x and y, and with `stroke` a third target: whether a pen is lifted. The output of a
 * network is its parameters: A. Graves, "Generating Sequences With Recurrent Neural Networks", 2013 (arXiv 1308.0850),
 * equations 15 to 26. Knows nothing of where the numbers come from.
 */
import type { Builder, NodeId } from "../../graph/graph.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkOptions,
  flag,
  having,
  inRange,
  numbers,
  options as optionsOf,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import type { Random } from "../../nn/random.ts";
import type { Loss } from "../losses.ts";
import { logSigmaAt, logSigmaOf, pick, rhoAt, rhoOf, softmaxAt } from "./bounds.ts";

/** Options of `bivariateMixture`. */
export type BivariateMixtureOptions = {
  /** K, the number of Gaussians. Default 1. */
  readonly components?: number;
  /** Whether a third target, 0 or 1, says that a stroke ends here. Default false. */
  readonly stroke?: boolean;
};
/** Options of `sample`. */
export type BivariateSampleOptions = {
  /** Graves's b, at least 0: sigma = exp(s - b), weights softmax((1 + b) * logits), so samples are less varied. Default 0. */
  readonly bias?: number;
};
/** The parameters of one row of outputs: K numbers each. */
export type BivariateParameters = {
  readonly weights: Float64Array;
  readonly meanX: Float64Array;
  readonly meanY: Float64Array;
  readonly sigmaX: Float64Array;
  readonly sigmaY: Float64Array;
  /** The correlation of x and y. */
  readonly rho: Float64Array;
  /** The probability that a stroke ends; undefined without `stroke`. */
  readonly end: number | undefined;
};
/** A loss for `fit`, and what reads the outputs of a model that was trained with it. */
export type BivariateMixture = Loss & {
  /** The numbers that it reads of each output: 6 K, and 1 with `stroke`. */
  readonly outputSize: number;
  /** The parameters of a row of outputs, in f64. */
  readonly parameters: (row: ArrayLike<number>) => BivariateParameters;
  /** The mean: x and y, and with `stroke` the probability that a stroke ends. */
  readonly mean: (row: ArrayLike<number>) => number[];
  /** A draw: x and y, and with `stroke` 0 or 1. The same random numbers give the same draw. */
  readonly sample: (row: ArrayLike<number>, random: Random, options?: BivariateSampleOptions) => number[];
};

export const bivariateMixtureRules: Schema<BivariateMixtureOptions> = {
  components: alias(wholeNumber(1), "mixtures", "k"),
  stroke: flag,
};
const aRandom = having("a generator, as createRandom(1) makes it", "uniform", "normal");
const sampleArguments: Arguments = {
  row: numbers,
  random: aRandom,
  options: optionsOf<BivariateSampleOptions>({ bias: inRange(0, Infinity, "[)") }),
};

/**
 * A mixture of K bivariate Gaussians as a loss: the negative logarithm of its density at the target (2), in nats, by
 * logsumexp. A model for it ends with `dense(6 * K)`: K logits of the weights, then K each of the means of x, the means of y,
 * log sigma of x, log sigma of y, and the correlations. So that nothing overflows in 32-bit floats, log sigma is
 * 7 tanh(s / 7) of its output s, and rho is 0.99 tanh(r). With `stroke` targets are (3), and one more output is the logit of
 * the stroke's end.
 * @param options `components` K (default 1), `stroke` (default false)
 * @throws InputError unless K is a whole number of at least 1
 * @example
 * const density = bivariateMixture({ components: 20, stroke: true });
 * const model = sequential([lstm(400, { returnSequences: true }), dense(density.outputSize)], { input: 3 });
 * await fit(model, x, y, { loss: density });
 */
export function bivariateMixture(options: BivariateMixtureOptions = {}): BivariateMixture {
  checkOptions("bivariateMixture", options, bivariateMixtureRules);
  const { components: K = 1, stroke = false } = options;
  const outputSize = 6 * K + (stroke ? 1 : 0);
  const targets = stroke ? 3 : 2;

  const endOf = (row: ArrayLike<number>): number => 1 / (1 + Math.exp(-(row[6 * K] as number)));
  function parameters(row: ArrayLike<number>): BivariateParameters {
    checkRow(row);
    const part = (n: number, of: (value: number) => number): Float64Array =>
      Float64Array.from({ length: K }, (_, k) => of(row[n * K + k] as number));
    const same = (value: number): number => value;
    const sigma = (s: number): number => Math.exp(logSigmaAt(s));
    return {
      weights: softmaxAt(row, 0, K),
      ...{ meanX: part(1, same), meanY: part(2, same), sigmaX: part(3, sigma), sigmaY: part(4, sigma) },
      rho: part(5, rhoAt),
      end: stroke ? endOf(row) : undefined,
    };
  }
  function checkRow(row: ArrayLike<number>): void {
    if (row.length === outputSize) return;
    throw new InputError(`bivariateMixture: a row of outputs has ${outputSize} numbers, got ${row.length}`);
  }
  return {
    target: "vector",
    targetSize(given) {
      if (given === outputSize) return targets;
      throw new InputError(
        `bivariateMixture: ${K === 1 ? "a Gaussian" : `${K} Gaussians`}${stroke ? " and strokes" : ""} of two numbers need ` +
          `outputs of ${outputSize} numbers, the model gives ${given}. End it with dense(${outputSize}).`,
      );
    },
    build: (g, output, target) => build(g, output, target, { K, stroke }),
    outputSize,
    parameters: (row) => {
      checkArguments("bivariateMixture.parameters", { row }, { row: numbers });
      return parameters(row);
    },
    mean(row) {
      checkArguments("bivariateMixture.mean", { row }, { row: numbers });
      const { weights, meanX, meanY, end } = parameters(row);
      const mean = (of: Float64Array): number =>
        weights.reduce((sum, weight, k) => sum + weight * (of[k] as number), 0);
      return [mean(meanX), mean(meanY), ...(end === undefined ? [] : [end])];
    },
    sample(row, random, given = {}) {
      checkArguments("bivariateMixture.sample", { row, random, options: given }, sampleArguments);
      checkRow(row);
      const { bias = 0 } = given;
      const k = pick(softmaxAt(row, 0, K, 1 + bias), random.uniform());
      const at = (n: number): number => row[n * K + k] as number;
      const [a, b, rho] = [random.normal(), random.normal(), rhoAt(at(5))];
      const [sigmaX, sigmaY] = [Math.exp(logSigmaAt(at(3)) - bias), Math.exp(logSigmaAt(at(4)) - bias)];
      const x = at(1) + sigmaX * a;
      const y = at(2) + sigmaY * (rho * a + Math.sqrt(1 - rho ** 2) * b);
      const end = stroke ? endOf(row) : undefined;
      return [x, y, ...(end === undefined ? [] : [random.uniform() < end ? 1 : 0])];
    },
  };
}

function build(g: Builder, output: NodeId, target: NodeId, { K, stroke }: { K: number; stroke: boolean }): NodeId {
  const part = (n: number): NodeId => g.slice(output, n * K, K);
  const one = (of: NodeId, n: number): NodeId => g.sum(g.slice(of, n, 1));
  const logWeights = g.sub(part(0), g.reduce("logsumexp", part(0)));
  const [logX, logY, rho] = [logSigmaOf(g, part(3)), logSigmaOf(g, part(4)), rhoOf(g, part(5))];
  const scaled = (n: number, log: NodeId): NodeId =>
    g.mul(g.sub(one(target, n), part(1 + n)), g.unary("exp", g.unary("neg", log)));
  const [x, y] = [scaled(0, logX), scaled(1, logY)];
  const free = g.sub(g.constant(1), g.mul(rho, rho)); // 1 - rho^2
  // Equation 25; y - rho x keeps the sum of squares from cancelling: Z / (1 - rho^2) = x^2 + (y - rho x)^2 / (1 - rho^2).
  const across = g.sub(y, g.mul(rho, x));
  const squares = g.add(g.mul(x, x), g.div(g.mul(across, across), free));
  const half = g.constant(0.5);
  const logs = g.add(g.add(logX, logY), g.mul(half, g.unary("log", free)));
  const logDensity = g.sub(logWeights, g.add(g.add(logs, g.constant(Math.log(2 * Math.PI))), g.mul(half, squares)));
  const place = g.unary("neg", g.reduce("logsumexp", logDensity));
  if (!stroke) return place;
  const logit = one(output, 6 * K);
  return g.add(place, g.sub(g.unary("softplus", logit), g.mul(logit, one(target, 2))));
}
