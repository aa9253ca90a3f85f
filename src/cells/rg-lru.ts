/**
 * The real-gated linear recurrent unit: S. De et al., "Griffin: mixing gated linear recurrences with local attention
 * for efficient language models", 2024, arXiv 2402.19427. A linear recurrence of each unit with itself, whose decay the
 * input gates; what is stored is scaled so that the state keeps its variance.
 */
import { cell } from "../graph/cell.ts";

/**
 * x (D), h (H) -> h (H). v is the linear layer that stands before the unit in the paper's block; W_a and W_x are whole,
 * not block-diagonal. Λ starts where a lies between 0.9 and 0.999 for an open gate; 1e-6 keeps the slope of the root
 * finite.
 */
export const rgLru = cell(`
  v     = W @ x                                                  # the input, brought to the size of the state
  r     = sigmoid(W_a @ v + b_a)                                 # recurrence gate: how much to forget
  i     = sigmoid(W_x @ v + b_x)                                 # input gate: how much to store
  log_a = -8 * softplus(-Λ) * r                                  # the logarithm of sigmoid(Λ) to the power of 8 r
  a     = exp(log_a)                                             # decay: what to keep of the old state
  h'    = a * h + sqrt(max(1 - exp(2 * log_a), 1e-6)) * (i * v)  # the new hidden state, and the output
  Λ ~ random_uniform(4.32, 8.99)                                 # starts by remembering
`);
