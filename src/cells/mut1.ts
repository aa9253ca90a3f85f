/**
 * MUT1: R. Jozefowicz, W. Zaremba and I. Sutskever, "An empirical exploration of recurrent network architectures",
 * 2015, ICML 37. One of three cells that a search among ten thousand found: the GRU whose update gate reads the input
 * alone, and whose candidate adds tanh of the input without a matrix.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). The paper adds tanh(x) itself; v brings an input of any size to that of the state. */
export const mut1 = lazyCell(`
  v  = W @ x                                 # the input, brought to the size of the state
  z  = sigmoid(W_xz @ v + b_z)               # update gate: how much of the candidate to take
  r  = sigmoid(W_xr @ v + W_hr @ h + b_r)    # reset gate: what the candidate sees of the old state
  g  = tanh(W_hh @ (r * h) + tanh(v) + b_h)  # candidate values
  h' = g * z + h * (1 - z)                   # the new hidden state, and the output
`);
