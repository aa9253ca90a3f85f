/** Bounds of what a density reads from a network, so that nothing overflows in 32-bit floats; as a graph and as a number. */
import type { Builder, NodeId } from "../../graph/graph.ts";

/** The largest |log sigma|: a deviation is between 1 / 1097 and 1097 units of the targets, which are to be scaled to about 1. */
const largestLog = 7;
/** The largest |rho|: below 1, so that 1 - rho^2 is no rounding error. */
const largestRho = 0.99;

/** log sigma = 7 tanh(s / 7): s where s is small, and at most 7. */
export const logSigmaOf = (g: Builder, s: NodeId): NodeId =>
  g.mul(g.constant(largestLog), g.unary("tanh", g.mul(s, g.constant(1 / largestLog))));
export const logSigmaAt = (s: number): number => largestLog * Math.tanh(s / largestLog);

/** rho = 0.99 tanh(r). */
export const rhoOf = (g: Builder, r: NodeId): NodeId => g.mul(g.constant(largestRho), g.unary("tanh", r));
export const rhoAt = (r: number): number => largestRho * Math.tanh(r);

/** The probabilities of a row's logits from `start` on, in f64; `sharpness` multiplies the logits. */
export function softmaxAt(row: ArrayLike<number>, start: number, count: number, sharpness = 1): Float64Array {
  const logits = Float64Array.from({ length: count }, (_, k) => sharpness * (row[start + k] as number));
  const most = logits.reduce((a, b) => Math.max(a, b));
  const parts = logits.map((logit) => Math.exp(logit - most));
  const total = parts.reduce((a, b) => a + b);
  return parts.map((part) => part / total);
}

/** An index, drawn with these probabilities by a number from 0 to 1. */
export function pick(probabilities: ArrayLike<number>, uniform: number): number {
  let rest = uniform;
  for (let k = 0; k < probabilities.length - 1; k++) {
    rest -= probabilities[k] as number;
    if (rest < 0) return k;
  }
  return probabilities.length - 1;
}
