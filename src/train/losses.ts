/** Losses as graphs: from the model's output and a target to one number an example and step. */
import type { Builder, NodeId } from "../graph/graph.ts";

export type LossName = "sparse_categorical_crossentropy" | "mean_squared_error";

type Loss = {
  /** What a target is: an index, or a vector like the output. */
  readonly target: "index" | "vector";
  readonly build: (g: Builder, output: NodeId, target: NodeId) => NodeId;
};

export const losses: { readonly [K in LossName]: Loss } = {
  /** Softmax cross-entropy of logits, in nats: logsumexp(z) - z[target]. */
  sparse_categorical_crossentropy: {
    target: "index",
    build: (g, z, target) => {
      const picked = g.sum(g.mul(g.oneHot(target, g.shapeOf(z) as number), z));
      return g.sub(g.reduce("logsumexp", z), picked);
    },
  },
  mean_squared_error: {
    target: "vector",
    build: (g, output, target) => {
      const difference = g.sub(output, target);
      return g.mean(g.mul(difference, difference));
    },
  },
};
