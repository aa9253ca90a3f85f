/**
 * The LSTM with full gate recurrence (FGR): K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink and
 * J. Schmidhuber, "LSTM: a search space odyssey", 2015, arXiv 1503.04069. The peephole LSTM whose gates read all gates
 * of the step before, through nine more matrices, as in the LSTM of 1997.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), y i f o (H), c (H) -> y i f o (H), c (H). */
export const lstmFgr = lazyCell(`
  z  = tanh(W_z @ x + R_z @ y + b_z)                                                 # block input: candidate values
  i' = sigmoid(W_i @ x + R_i @ y + p_i * c + b_i + R_ii @ i + R_fi @ f + R_oi @ o)   # input gate: how much to store
  f' = sigmoid(W_f @ x + R_f @ y + p_f * c + b_f + R_if @ i + R_ff @ f + R_of @ o)   # forget gate: what to keep
  c' = i' * z + f' * c                                                               # the new cell state
  o' = sigmoid(W_o @ x + R_o @ y + p_o * c' + b_o + R_io @ i + R_fo @ f + R_oo @ o)  # output gate: what to show
  y' = o' * tanh(c')                                                                 # block output: new hidden state
  b_f ~ ones                                                                         # starts by remembering
`);
