/**
 * Pooling over time as cells: what is put out after each step is the pooled value so far, so after the last one it is that of the
 * sequence. Masked steps change no state, so they do not count. Keras's GlobalAveragePooling1D and GlobalMaxPooling1D.
 */
import { cell } from "../../graph/cell.ts";

/** x (D) -> the mean of all x so far (D). */
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

export const poolings = { mean: meanPooling, max: maxPooling } as const;
/** How a sequence becomes one vector: the mean or the largest over time, or the state after the last step. */
export type Pooling = keyof typeof poolings | "last";
