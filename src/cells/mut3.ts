/**
 * MUT3: R. Jozefowicz, W. Zaremba and I. Sutskever, "An empirical exploration of recurrent network architectures",
 * 2015, ICML 37. One of three cells that a search among ten thousand found: the GRU whose update gate reads the old
 * state through a tanh.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). */
export const mut3 = lazyCell(`
  z  = sigmoid(W_xz @ x + W_hz @ tanh(h) + b_z)  # update gate: how much of the candidate to take
  r  = sigmoid(W_xr @ x + W_hr @ h + b_r)        # reset gate: what the candidate sees of the old state
  g  = tanh(W_hh @ (r * h) + W_xh @ x + b_h)     # candidate values
  h' = g * z + h * (1 - z)                       # the new hidden state, and the output
`);
