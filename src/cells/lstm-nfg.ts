/**
 * The LSTM without forget gate (NFG): K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink and J. Schmidhuber,
 * "LSTM: a search space odyssey", 2015, arXiv 1503.04069. The peephole LSTM with f = 1: the cell state only adds up, as
 * in the LSTM of 1997.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), y (H), c (H) -> y (H), c (H). */
export const lstmNfg = lazyCell(`
  z  = tanh(W_z @ x + R_z @ y + b_z)                # block input: candidate values
  i  = sigmoid(W_i @ x + R_i @ y + p_i * c + b_i)   # input gate: how much of the candidate to store
  c' = i * z + c                                    # the new cell state
  o  = sigmoid(W_o @ x + R_o @ y + p_o * c' + b_o)  # output gate: what to show
  y' = o * tanh(c')                                 # block output: the new hidden state
`);
