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
 * is still to come are added up in states (the transposed form of such a filter): all products are with inputs, so that they
 * leave the loop over time as one. With `strides` it runs at every `strides`-th step, and the steps up to the next of these are
 * its inputs x_1, x_2, ...: step j * strides - k, which W_k multiplies, is one of these of an earlier j.
 */
export function convolution(size: number, activation: string, strides = 1): Cell {
  const states = Math.ceil((size - 1) / strides);
  const sum = `W_0 @ x${states > 0 ? " + q_1" : ""} + b`;
  // x_u is step j * strides + u: with a short kernel no later output reads the first of these.
  const inputs = ["x", ...inputsBetween(strides)];
  const lines = Array.from({ length: states }, (_, before) => {
    const m = before + 1;
    const products = inputs.map((x, u) => [m * strides - u, x] as const).filter(([k]) => k < size);
    const more = m < states ? [`q_${m + 1}`] : [];
    return `q_${m}' = ${[...products.map(([k, x]) => `W_${k} @ ${x}`), ...more].join(" + ")}`;
  });
  return cell(
    // Each state is read before its own line: it is what was said one step before.
    [`y = ${activation === "linear" ? sum : `${activation}(${sum})`}`, ...lines, "y : units"].join("\n"),
    { inputs: inputs.filter((_, u) => u === 0 || strides - u < size) },
  );
}

/** The inputs of a cell that runs at every n-th step for the steps up to the next of these: x_1 to x_{n-1}. */
export const inputsBetween = (strides: number): string[] => Array.from({ length: strides - 1 }, (_, u) => `x_${u + 1}`);
