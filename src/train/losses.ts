/**
 * Losses as graphs: from the model's output and a target to one number per example and step. Names and formulas are
 * Keras's; cross-entropies read logits (Keras's `from_logits=True`), so a model ends with a `dense` without activation.
 */
import type { Builder, NodeId } from "../graph/graph.ts";
import {
  alias,
  checkOptions,
  checkValue,
  having,
  inRange,
  lookUp,
  oneOf,
  type Rule,
  type Schema,
  wholeNumber,
} from "../graph/schema.ts";
import { share } from "./number-rules.ts";

/**
 * The names of losses: Keras's, also in camel case (`meanSquaredError`), with Keras's defaults; and `perceptron`, the
 * perceptron's learning rule.
 */
export type LossName = keyof typeof losses | CamelCase<keyof typeof losses>;
/** `mean_squared_error` to `meanSquaredError`. */
export type CamelCase<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name;

/** A loss: builds one number per example and step from an output and a target. */
export type Loss = {
  /** The kind of target: "index" of a class, or "vector" like the output. */
  readonly target: "index" | "vector";
  /**
   * The features of a target "vector" for outputs of this many features, where they are not the output's: a loss whose output
   * is the parameters of a density has fewer. It throws InputError for outputs that do not fit the loss.
   */
  readonly targetSize?: ((outputSize: number) => number) | undefined;
  readonly build: (g: Builder, output: NodeId, target: NodeId) => NodeId;
};

/** Options of the cross-entropies. */
export type CrossentropyOptions = {
  /** The share s of label smoothing, in [0, 1). Default 0. */
  readonly labelSmoothing?: number;
};
export const crossentropyRules: Schema<CrossentropyOptions> = { labelSmoothing: share };

/**
 * Softmax cross-entropy of logits (V) and the index of a class, in nats: logsumexp(z) - z[target]. Keras's
 * SparseCategoricalCrossentropy with `from_logits=True`, PyTorch's CrossEntropyLoss.
 * @param options `labelSmoothing` s (default 0): the target is 1 - s + s / V for its class, s / V for the others
 * @throws InputError unless 0 <= labelSmoothing < 1
 */
export function sparseCategoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  checkOptions("sparseCategoricalCrossentropy", options, crossentropyRules);
  const { labelSmoothing = 0 } = options;
  return {
    target: "index",
    build: (g, z, target) => {
      const picked = g.sum(g.mul(g.oneHot(target, g.shapeOf(z) as number), z));
      return g.sub(
        g.reduce("logsumexp", z),
        smoothed(g, picked, labelSmoothing, () => g.mean(z)),
      );
    },
  };
}

/**
 * Softmax cross-entropy of logits (V) and probabilities t (V), in nats: sum(t * (logsumexp(z) - z)). Keras's
 * CategoricalCrossentropy with `from_logits=True`.
 * @param options `labelSmoothing` s (default 0): t becomes (1 - s) * t + s / V
 * @throws InputError unless 0 <= labelSmoothing < 1
 */
export function categoricalCrossentropy(options: CrossentropyOptions = {}): Loss {
  checkOptions("categoricalCrossentropy", options, crossentropyRules);
  const { labelSmoothing = 0 } = options;
  return {
    target: "vector",
    build: (g, z, given) => {
      const target = smoothed(g, given, labelSmoothing, () => g.constant(1 / (g.shapeOf(z) as number)));
      return g.sum(g.mul(target, g.sub(g.reduce("logsumexp", z), z)));
    },
  };
}

/** Options of `binaryCrossentropy`. */
export type BinaryCrossentropyOptions = CrossentropyOptions & {
  /** Whether the loss is the mean over the features (default) or their sum. */
  readonly features?: "mean" | "sum";
};
export const binaryCrossentropyRules: Schema<BinaryCrossentropyOptions> = {
  ...crossentropyRules,
  features: alias(oneOf("mean", "sum"), "reduction"),
};

/**
 * Logistic cross-entropy of logits (D) and targets t (D) from 0 to 1, in nats: softplus(z) - z * t, which is
 * max(z, 0) - z * t + log(1 + exp(-|z|)), finite for every z. Keras's BinaryCrossentropy with `from_logits=True`, PyTorch's
 * BCEWithLogitsLoss.
 * @param options `features`: "mean" over the features (default, as in Keras) or "sum", as reported for piano rolls;
 *   `labelSmoothing` s (default 0): t becomes (1 - s) * t + s / 2
 * @throws InputError unless 0 <= labelSmoothing < 1, and for other `features`
 */
export function binaryCrossentropy(options: BinaryCrossentropyOptions = {}): Loss {
  checkOptions("binaryCrossentropy", options, binaryCrossentropyRules);
  const { labelSmoothing = 0, features = "mean" } = options;
  return {
    target: "vector",
    build: (g, z, given) => {
      const target = smoothed(g, given, labelSmoothing, () => g.constant(0.5));
      return g[features](g.sub(g.unary("softplus", z), g.mul(z, target)));
    },
  };
}

/** (1 - s) * given + s * flat. */
function smoothed(g: Builder, given: NodeId, s: number, flat: () => NodeId): NodeId {
  if (s === 0) return given;
  return g.add(g.mul(given, g.constant(1 - s)), g.mul(flat(), g.constant(s)));
}

/** Options of `huber`. */
export type HuberOptions = {
  /** The distance from which on the loss grows linearly, above 0. Default 1. */
  readonly delta?: number;
};
export const huberRules: Schema<HuberOptions> = { delta: inRange(0, Infinity, "()") };

/**
 * Huber loss: the mean over the features of d^2 / 2 where d = |y - t| is at most delta, else of delta * (d - delta / 2).
 * Keras's Huber. P. Huber, "Robust estimation of a location parameter", 1964.
 * @param options `delta`, default 1
 * @throws InputError unless delta is above 0 and finite
 */
export function huber(options: HuberOptions = {}): Loss {
  checkOptions("huber", options, huberRules);
  const { delta = 1 } = options;
  return {
    target: "vector",
    build: (g, output, target) => {
      const distance = g.unary("abs", g.sub(output, target));
      const short = g.binary("min", distance, g.constant(delta));
      return g.mean(g.mul(short, g.sub(distance, g.mul(short, g.constant(0.5)))));
    },
  };
}

/** Mean over the features of (y - t)^2. */
const squaredError: Loss = {
  target: "vector",
  build: (g, output, target) => {
    const difference = g.sub(output, target);
    return g.mean(g.mul(difference, difference));
  },
};
/** Mean over the features of |y - t|. */
const absoluteError: Loss = {
  target: "vector",
  build: (g, output, target) => g.mean(g.unary("abs", g.sub(output, target))),
};

/** The losses by Keras's names, with its defaults. */
export const losses = {
  sparse_categorical_crossentropy: sparseCategoricalCrossentropy(),
  categorical_crossentropy: categoricalCrossentropy(),
  binary_crossentropy: binaryCrossentropy(),
  mean_squared_error: squaredError,
  mse: squaredError,
  mean_absolute_error: absoluteError,
  mae: absoluteError,
  huber: huber(),
  /** Output less target, summed over the features: for a model whose last layer computes a loss, as `crf` does, with targets of 0. */
  output: { target: "vector", build: (g, output, target) => g.sum(g.sub(output, target)) },
  /**
   * Perceptron criterion: sum over the features of (y - t) * z for targets t of 0 and 1, where z is the output and y is 1
   * where z > 0, else 0. Its gradient is y - t, so with `sgd` and one example at a time this is the perceptron's learning
   * rule, W += rate * (t - y) * x: F. Rosenblatt, 1958. For a model that ends in a step, as the cell `perceptron` does, z is
   * the operand of the step.
   */
  perceptron: {
    target: "vector",
    build: (g, output, target) => {
      const node = g.node(output);
      const z = node.op === "step" ? (node.inputs[0] as NodeId) : output;
      return g.sum(g.mul(g.sub(g.unary("step", z), target), z));
    },
  },
} as const satisfies Readonly<Record<string, Loss>>;

/** The default loss of training and evaluation. */
export const defaultLoss: LossName = "sparse_categorical_crossentropy";

/** A loss, or the name of one with its defaults. */
export const aLoss: Rule = {
  expected: 'a loss, as huber() makes it, or the name of one ("mse")',
  accepts: (value) => typeof value === "string" || having("", "target", "build").accepts(value),
  look(where, value) {
    if (typeof value === "string") lookUp(where, value, losses);
  },
};

/**
 * The features of a target of a loss, for outputs of `outputSize` features; 1 for a class.
 * @throws InputError where the loss does not take such outputs
 */
export function targetSizeOf(loss: LossName | Loss, outputSize: number): number {
  const { target, targetSize } = lossOf(loss);
  if (target === "index") return 1;
  if (targetSize === undefined) return outputSize;
  const size = targetSize(outputSize);
  checkValue(`training: loss: targetSize(${outputSize})`, size, wholeNumber(1));
  return size;
}

/** @throws InputError for an unknown name */
export const lossOf = (loss: LossName | Loss): Loss =>
  typeof loss === "string" ? lookUp<Loss>("training: loss", loss, losses) : loss;
