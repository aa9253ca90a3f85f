/**
 * MUT2: R. Jozefowicz, W. Zaremba and I. Sutskever, "An empirical exploration of recurrent network architectures",
 * 2015, ICML 37. One of three cells that a search among ten thousand found: the GRU whose reset gate adds the input
 * without a matrix.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). The paper adds x itself; v brings an input of any size to that of the state. */
export const mut2 = lazyCell(`
  v  = W @ x                                  # the input, brought to the size of the state
  z  = sigmoid(W_xz @ v + W_hz @ h + b_z)     # update gate: how much of the candidate to take
  r  = sigmoid(v + W_hr @ h + b_r)            # reset gate: what the candidate sees of the old state
  g  = tanh(W_hh @ (r * h) + W_xh @ v + b_h)  # candidate values
  h' = g * z + h * (1 - z)                    # the new hidden state, and the output
`);
