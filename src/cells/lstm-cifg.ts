/**
 * The LSTM with coupled input and forget gate (CIFG): K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink and
 * J. Schmidhuber, "LSTM: a search space odyssey", 2015, arXiv 1503.04069. The peephole LSTM with f = 1 - i: what is
 * stored takes the place of what is forgotten, as in the GRU.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), y (H), c (H) -> y (H), c (H). */
export const lstmCifg = lazyCell(`
  z  = tanh(W_z @ x + R_z @ y + b_z)                # block input: candidate values
  i  = sigmoid(W_i @ x + R_i @ y + p_i * c + b_i)   # input gate: how much of the candidate to store
  c' = i * z + (1 - i) * c                          # the new cell state
  o  = sigmoid(W_o @ x + R_o @ y + p_o * c' + b_o)  # output gate: what to show
  y' = o * tanh(c')                                 # block output: the new hidden state
  b_i ~ constant(-1)                                # starts by remembering
`);
