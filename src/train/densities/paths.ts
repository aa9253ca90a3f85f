/**
 * A mixture of whole futures: K modes, each a path of T points with one deviation a point, and one weight for the whole path.
 * So the points of a draw belong together, and the K means are K different futures. Knows nothing of where paths come from.
 */
import type { NodeId } from "../../graph/graph.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkOptions,
  having,
  inRange,
  numbers,
  options as optionsOf,
  required,
  type Schema,
  wholeNumber,
} from "../../graph/schema.ts";
import type { Random } from "../../nn/random.ts";
import type { Loss } from "../losses.ts";
import { logSigmaAt, logSigmaOf, pick, softmaxAt } from "./bounds.ts";

/** Options of `pathMixture`. */
export type PathMixtureOptions = {
  /** K, the number of paths. Default 1. */
  readonly modes?: number;
  /** T, the number of points of a path. */
  readonly steps: number;
};
/** A path: x and y of its points. */
export type Path = { readonly x: Float64Array; readonly y: Float64Array };
/** A path with its probability. */
export type LikelyPath = Path & { readonly probability: number };
/** A loss for `fit`, and what reads the outputs of a model that was trained with it. */
export type PathMixture = Loss & {
  /** The numbers that it reads of each output: K (1 + 3 T). */
  readonly outputSize: number;
  /** The means of the K modes, the likeliest first. */
  readonly paths: (row: ArrayLike<number>) => LikelyPath[];
  /** The deviations (K, T), flat, in the order of the outputs. */
  readonly sigmas: (row: ArrayLike<number>) => Float64Array;
  /** The mean of the mixture: the path of the least expected squared distance. */
  readonly mean: (row: ArrayLike<number>) => Path;
  /** The geometric median of the modes at each point: the path of the least expected distance from the modes. */
  readonly median: (row: ArrayLike<number>) => Path;
  /**
   * A draw: a mode by its probability, and in it a normal deviation at each point, of which the share
   * `correlation` (default 0.9) carries over from the point before, so that a drawn path is smooth.
   */
  readonly sample: (row: ArrayLike<number>, random: Random, options?: PathSampleOptions) => Path;
};
/** Options of `sample`. */
export type PathSampleOptions = {
  /** The correlation of the deviations of successive points, from 0 to below 1. Default 0.9. */
  readonly correlation?: number;
};

export const pathMixtureRules: Schema<PathMixtureOptions> = {
  modes: alias(wholeNumber(1), "components", "k"),
  steps: required(wholeNumber(1)),
};
const sampleArguments: Arguments = {
  row: numbers,
  random: having("a generator, as createRandom(1) makes it", "uniform", "normal"),
  options: optionsOf<PathSampleOptions>({ correlation: inRange(0, 1) }),
};

/**
 * A mixture of K paths as a loss: -logsumexp over the modes k of log w_k + sum over the points t of log N(target_t; mean_kt,
 * sigma_kt^2 I), in nats. Targets are (2 T): x of every point, then y of every point. A model for it ends with
 * `dense(K * (1 + 3 * T))`: K logits of the weights, then (T) for each mode of x, of y and of log sigma; log sigma is
 * 7 tanh(s / 7) of its output s, so that nothing overflows.
 * @param options `modes` K (default 1), `steps` T
 * @throws InputError unless both are whole numbers of at least 1
 * @example
 * const density = pathMixture({ modes: 20, steps: 12 });
 * const model = sequential([gru(64), dense(density.outputSize)], { input: 2 });
 * await fit(model, x, y, { loss: density });
 */
export function pathMixture(options: PathMixtureOptions): PathMixture {
  checkOptions("pathMixture", options, pathMixtureRules);
  const { modes: K = 1, steps: T } = options;
  const outputSize = K * (1 + 3 * T);
  const [xs, ys, logs] = [K, K + K * T, K + 2 * K * T];

  const weightsOf = (row: ArrayLike<number>): Float64Array => {
    if (row.length === outputSize) return softmaxAt(row, 0, K);
    throw new InputError(`pathMixture: a row of outputs has ${outputSize} numbers, got ${row.length}`);
  };
  const part = (row: ArrayLike<number>, from: number, k: number): Float64Array =>
    Float64Array.from({ length: T }, (_, t) => row[from + k * T + t] as number);
  const meanOf = (row: ArrayLike<number>, k: number): Path => ({ x: part(row, xs, k), y: part(row, ys, k) });
  const sigmaAt = (row: ArrayLike<number>, k: number, t: number): number =>
    Math.exp(logSigmaAt(row[logs + k * T + t] as number));
  const check = (name: string, row: ArrayLike<number>): void =>
    checkArguments(`pathMixture.${name}`, { row }, { row: numbers });
  return {
    target: "vector",
    targetSize(given) {
      if (given === outputSize) return 2 * T;
      throw new InputError(
        `pathMixture: ${K} path${K === 1 ? "" : "s"} of ${T} points need outputs of ${outputSize} numbers, the model ` +
          `gives ${given}. End it with dense(${outputSize}).`,
      );
    },
    build(g, output, target) {
      const logits = g.slice(output, 0, K);
      const logSigma = logSigmaOf(g, g.slice(output, logs, K * T));
      const inverse = g.unary("exp", g.unary("neg", logSigma));
      const scaled = (axis: number, from: number): NodeId =>
        g.mul(g.sub(g.tile(g.slice(target, axis * T, T), K), g.slice(output, from, K * T)), inverse);
      const [x, y] = [scaled(0, xs), scaled(1, ys)];
      const squares = g.sumRows(g.add(g.mul(x, x), g.mul(y, y)), T);
      const spread = g.sumRows(logSigma, T);
      // The density's logarithm, without T log(2 pi), which is the same for all modes.
      const logDensity = g.sub(g.sub(logits, g.mul(g.constant(0.5), squares)), g.mul(g.constant(2), spread));
      const same = g.add(g.reduce("logsumexp", logits), g.constant(T * Math.log(2 * Math.PI)));
      return g.sub(same, g.reduce("logsumexp", logDensity));
    },
    outputSize,
    paths(row) {
      check("paths", row);
      const all = Array.from(weightsOf(row), (probability, k) => ({ ...meanOf(row, k), probability }));
      return all.sort((a, b) => b.probability - a.probability);
    },
    sigmas(row) {
      check("sigmas", row);
      weightsOf(row);
      return Float64Array.from({ length: K * T }, (_, j) => sigmaAt(row, Math.floor(j / T), j % T));
    },
    mean(row) {
      check("mean", row);
      const [x, y] = [new Float64Array(T), new Float64Array(T)];
      weightsOf(row).forEach((weight, k) => {
        const mode = meanOf(row, k);
        for (let t = 0; t < T; t++) {
          x[t] = (x[t] as number) + weight * (mode.x[t] as number);
          y[t] = (y[t] as number) + weight * (mode.y[t] as number);
        }
      });
      return { x, y };
    },
    median(row) {
      check("median", row);
      const weights = weightsOf(row);
      const modes = Array.from({ length: K }, (_, k) => meanOf(row, k));
      const path: Path = { x: new Float64Array(T), y: new Float64Array(T) };
      for (let t = 0; t < T; t++) {
        const points = modes.map(({ x, y }) => [x[t], y[t]] as [number, number]);
        [path.x[t], path.y[t]] = medianOf(points, weights);
      }
      return path;
    },
    sample(row, random, given = {}) {
      checkArguments("pathMixture.sample", { row, random, options: given }, sampleArguments);
      const { correlation = 0.9 } = given;
      const k = pick(weightsOf(row), random.uniform());
      const path = meanOf(row, k);
      const fresh = Math.sqrt(1 - correlation ** 2);
      for (const axis of [path.x, path.y]) {
        let deviation = random.normal();
        for (let t = 0; t < T; t++) {
          if (t > 0) deviation = correlation * deviation + fresh * random.normal();
          axis[t] = (axis[t] as number) + sigmaAt(row, k, t) * deviation;
        }
      }
      return path;
    },
  };
}

/** The point of the least weighted sum of distances, by Weiszfeld's iteration from the mean. */
function medianOf(points: readonly (readonly [number, number])[], weights: ArrayLike<number>): [number, number] {
  /** The mean, each point weighted by its own factor. */
  const meanBy = (factor: (k: number) => number): [number, number] => {
    let [x, y, total] = [0, 0, 0];
    points.forEach(([px, py], k) => {
      const weight = factor(k);
      [x, y, total] = [x + weight * px, y + weight * py, total + weight];
    });
    return [x / total, y / total];
  };
  let at = meanBy((k) => weights[k] as number);
  for (let n = 0; n < 12; n++) {
    const [ax, ay] = at;
    // A point that it has come to keeps a finite pull.
    at = meanBy((k) => {
      const [px, py] = points[k] as [number, number];
      return (weights[k] as number) / Math.max(1e-6, Math.sqrt((px - ax) ** 2 + (py - ay) ** 2));
    });
  }
  return at;
}
