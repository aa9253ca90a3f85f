/**
 * The LSTM without input activation function (NIAF): K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink and
 * J. Schmidhuber, "LSTM: a search space odyssey", 2015, arXiv 1503.04069. The peephole LSTM whose block input passes no
 * tanh.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), y (H), c (H) -> y (H), c (H). */
export const lstmNiaf = lazyCell(`
  z  = W_z @ x + R_z @ y + b_z                      # block input: candidate values
  i  = sigmoid(W_i @ x + R_i @ y + p_i * c + b_i)   # input gate: how much of the candidate to store
  f  = sigmoid(W_f @ x + R_f @ y + p_f * c + b_f)   # forget gate: what to keep of the old cell state
  c' = i * z + f * c                                # the new cell state
  o  = sigmoid(W_o @ x + R_o @ y + p_o * c' + b_o)  # output gate: what to show
  y' = o * tanh(c')                                 # block output: the new hidden state
  b_f ~ ones                                        # starts by remembering
`);
