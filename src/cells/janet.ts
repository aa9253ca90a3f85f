/**
 * JANET, the LSTM with a forget gate alone: J. van der Westhuizen and J. Lasenby, "The unreasonable effectiveness of
 * the forget gate", 2018, arXiv 1804.04849. The LSTM without input and output gate, whose hidden state is its cell
 * state.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H) -> h (H). The paper starts b_f from the logarithm of uniform numbers up to the longest time to remember,
 * which is the task's; here from ones, as its authors' code where that time is not known.
 */
export const janet = lazyCell(`
  s  = W_f @ x + U_f @ h + b_f                    # what the forget gate adds up
  g  = tanh(W_c @ x + U_c @ h + b_c)              # candidate values
  h' = sigmoid(s) * h + (1 - sigmoid(s - 1)) * g  # the new hidden state: accumulates a little more than it forgets
  b_f ~ ones                                      # starts by remembering
`);
