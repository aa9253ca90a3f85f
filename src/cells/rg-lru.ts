/**
 * The real-gated linear recurrent unit: S. De et al., "Griffin: mixing gated linear recurrences with local attention
 * for efficient language models", 2024, arXiv 2402.19427. A linear recurrence of each unit with itself, whose decay the
 * input gates; what is stored is scaled so that the state keeps its variance, but for the first input, which is the
 * state then: as in https://github.com/google-deepmind/recurrentgemma, which also bounds the root's derivative.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H), k (H) -> h (H). v is the linear layer that stands before the unit in the paper's block; W_a and W_x are
 * whole, not block-diagonal. Λ starts as the paper says: for an open gate a is uniform between 0.9 and 0.999. Its
 * authors' code draws sigmoid(Λ) there, uniform in its square, so that a can be as low as 0.43; and its normal numbers
 * are not cut off at two deviations.
 */
export const rgLru = lazyCell(`
  v     = W @ x                                # the input, brought to the size of the state
  r     = sigmoid(W_a @ v + b_a)               # recurrence gate: how much to forget
  i     = sigmoid(W_x @ v + b_x)               # input gate: how much to store
  log_a = -8 * softplus(-Λ) * r                # the logarithm of sigmoid(Λ) to the power of 8 r
  a     = exp(log_a)                           # decay: what to keep of the old state
  k'    = max(k, 1)                            # 0 before the first step, then 1
  s     = sqrt(1 - exp(2 * log_a), 1000)       # scale that keeps the variance; its derivative is at most 1000
  h'    = a * h + (1 - k + k * s) * (i * v)    # the new hidden state, and the output
  Λ ~ decay_uniform(0.9, 0.999, 8)             # starts by remembering
  W ~ lecun_normal
  W_a ~ lecun_normal
  W_x ~ lecun_normal
`);
