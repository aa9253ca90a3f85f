/** The cells of layers that are no recurrent networks: pooling over time, convolution over time, normalisation of features. */
import { type Cell, cell } from "../graph/cell.ts";

/**
 * x (D) -> the mean of all x so far (D): after the last step, of the sequence. Masked steps change no state, so they do not count.
 */
export const meanPooling = cell(`
  n' = n + 1        # steps so far
  s' = s + x        # their sum
  y  = s' / sum(n') # their mean
  n : 1
  s : input
`);

/** x (D) -> the largest of all x so far (D), feature by feature. */
export const maxPooling = cell(`
  m' = max(x, m - 1e9 * sum(1 - n))   # before the first step there is nothing to exceed
  n' = max(n, 1)                      # 0 before it
  y  = m'                             # the largest so far
  n : 1
  m : input
`);

/** x (D) -> x with mean 0 and variance 1 over its features, times a gain, plus a bias (D). */
export const normalization = (epsilon: number): Cell =>
  cell(`
    d = x - mean(x)                                     # of mean 0
    y = gain * d / sqrt(mean(d * d) + ${epsilon}) + b   # of variance 1, then scaled and shifted
    gain ~ ones
  `);

/**
 * A convolution over this step and the `size - 1` before it, which are zeros before the first: x (D) -> (units). Products of what
 * is still to come are added up in states (the transposed form of such a filter): all products are with x, so that they leave
 * the loop over time as one.
 */
export function convolution(size: number, activation: string): Cell {
  const later = Array.from({ length: size - 1 }, (_, k) => size - 1 - k);
  const sum = `W_0 @ x${size > 1 ? " + q_1" : ""} + b`;
  return cell(
    [
      // Each state is read before its own line: it is what was said one step before.
      `y = ${activation === "linear" ? sum : `${activation}(${sum})`}`,
      ...later.reverse().map((k) => `q_${k}' = W_${k} @ x${k + 1 < size ? ` + q_${k + 1}` : ""}`),
      "y : units",
    ].join("\n"),
  );
}
