/**
 * Losses as graphs: from the model's output and a target to one number an example and step. Names and formulas are
 * Keras's; cross-entropies read logits (Keras's `from_logits=True`), so a model ends with a `dense` without activation.
 */
import type { Builder, NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { didYouMean } from "../graph/vocabulary.ts";
import { inside } from "./optimizers.ts";

/** The losses by their names, with Keras's defaults. `perceptron` is the perceptron's own learning rule. */
export type LossName =
  | "sparse_categorical_crossentropy"
  | "categorical_crossentropy"
  | "binary_crossentropy"
  | "mean_squared_error"
  | "mean_absolute_error"
  | "huber"
  | "perceptron";

/** A rule that builds one number an example and step from an output and a target. */
export type Loss = {
  /** What a target is: an index, or a vector like the output. */
  readonly target: "index" | "vector";
  readonly build: (g: Builder, output: NodeId, target: NodeId) => NodeId;
};

/**
 * Softmax cross-entropy of logits (V) and the index of a class, in nats: logsumexp(z) - z[target]. With label smoothing
 * s the target is 1 - s + s / V for its class, s / V for the others. Keras's SparseCategoricalCrossentropy.
 * @throws InputError unless 0 <= labelSmoothing < 1
 */
export function sparseCategoricalCrossentropy({ labelSmoothing = 0 } = {}): Loss {
  inside("sparseCategoricalCrossentropy: labelSmoothing", labelSmoothing, 0, 1);
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
 * Softmax cross-entropy of logits (V) and probabilities t (V), in nats: sum(t * (logsumexp(z) - z)). Label smoothing s
 * makes t into (1 - s) * t + s / V. Keras's CategoricalCrossentropy.
 * @throws InputError unless 0 <= labelSmoothing < 1
 */
export function categoricalCrossentropy({ labelSmoothing = 0 } = {}): Loss {
  inside("categoricalCrossentropy: labelSmoothing", labelSmoothing, 0, 1);
  return {
    target: "vector",
    build: (g, z, given) => {
      const target = smoothed(g, given, labelSmoothing, () => g.constant(1 / (g.shapeOf(z) as number)));
      return g.sum(g.mul(target, g.sub(g.reduce("logsumexp", z), z)));
    },
  };
}

/**
 * Logistic cross-entropy of logits (D) and targets t (D) from 0 to 1, in nats: softplus(z) - z * t, which is
 * max(z, 0) - z * t + log(1 + exp(-|z|)), finite for every z. `features`: "mean", as in Keras, or their "sum", as it is
 * reported for piano rolls. Label smoothing s makes t into (1 - s) * t + s / 2. Keras's BinaryCrossentropy.
 * @throws InputError unless 0 <= labelSmoothing < 1, and for `features` that are neither
 */
export function binaryCrossentropy({ labelSmoothing = 0, features = "mean" as "mean" | "sum" } = {}): Loss {
  inside("binaryCrossentropy: labelSmoothing", labelSmoothing, 0, 1);
  if (features !== "mean" && features !== "sum") {
    throw new InputError(`binaryCrossentropy: features must be "mean" or "sum", got ${JSON.stringify(features)}`);
  }
  return {
    target: "vector",
    build: (g, z, given) => {
      const target = smoothed(g, given, labelSmoothing, () => g.constant(0.5));
      return g[features](g.sub(g.unary("softplus", z), g.mul(z, target)));
    },
  };
}

/** (1 - s) * given + s * flat; what is given where s is 0. */
function smoothed(g: Builder, given: NodeId, s: number, flat: () => NodeId): NodeId {
  if (s === 0) return given;
  return g.add(g.mul(given, g.constant(1 - s)), g.mul(flat(), g.constant(s)));
}

/**
 * Mean over the features of d^2 / 2 where d = |y - t| is at most delta, else of delta * (d - delta / 2): P. Huber,
 * "Robust estimation of a location parameter", 1964. Keras's Huber.
 * @throws InputError unless delta is above 0 and finite
 */
export function huber({ delta = 1 } = {}): Loss {
  if (!(delta > 0 && delta < Number.POSITIVE_INFINITY)) {
    throw new InputError(`huber: delta must be in (0, Infinity), got ${delta}`);
  }
  return {
    target: "vector",
    build: (g, output, target) => {
      const distance = g.unary("abs", g.sub(output, target));
      const short = g.binary("min", distance, g.constant(delta));
      return g.mean(g.mul(short, g.sub(distance, g.mul(short, g.constant(0.5)))));
    },
  };
}

/** By Keras's names, with its defaults. */
export const losses: { readonly [K in LossName]: Loss } = {
  sparse_categorical_crossentropy: sparseCategoricalCrossentropy(),
  categorical_crossentropy: categoricalCrossentropy(),
  binary_crossentropy: binaryCrossentropy(),
  /** Mean over the features of (y - t)^2. */
  mean_squared_error: {
    target: "vector",
    build: (g, output, target) => {
      const difference = g.sub(output, target);
      return g.mean(g.mul(difference, difference));
    },
  },
  /** Mean over the features of |y - t|. */
  mean_absolute_error: {
    target: "vector",
    build: (g, output, target) => g.mean(g.unary("abs", g.sub(output, target))),
  },
  huber: huber(),
  /**
   * Perceptron criterion: sum over the features of (y - t) * z for targets t of 0 and 1, where z is the output and y is 1
   * where z > 0, else 0. Its gradient is y - t, so with `sgd` and one example at a time this is the perceptron's learning
   * rule, W += rate * (t - y) * x: F. Rosenblatt, 1958. A model that ends in a step, as the cell `perceptron` does, is
   * trained by what the step is taken of.
   */
  perceptron: {
    target: "vector",
    build: (g, output, target) => {
      const node = g.node(output);
      const z = node.op === "step" ? (node.inputs[0] as NodeId) : output;
      return g.sum(g.mul(g.sub(g.unary("step", z), target), z));
    },
  },
};

/** What training and evaluation take where nothing is said. */
export const defaultLoss: LossName = "sparse_categorical_crossentropy";

/** @throws InputError for a name that is none */
export function lossOf(loss: LossName | Loss): Loss {
  if (typeof loss !== "string") return loss;
  if (Object.hasOwn(losses, loss)) return losses[loss];
  throw new InputError(
    `training: loss "${loss}" is not known; there are ${Object.keys(losses).join(", ")}.${didYouMean(loss, Object.keys(losses))}`,
  );
}
