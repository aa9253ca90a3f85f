/**
 * The gated recurrent unit in the form of cuDNN and Keras 3: the reset gate of K. Cho et al., 2014, arXiv 1406.1078, acts
 * after the product with U_g, so that the products of all three gates can be one. It has a second, recurrent bias.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). Keras's GRU with `reset_after=True`, its default. */
export const gruResetAfter = lazyCell(`
  z  = sigmoid(W_z @ x + b_z + U_z @ h + d_z)      # update gate: what to keep of the old state
  r  = sigmoid(W_r @ x + b_r + U_r @ h + d_r)      # reset gate: what the candidate sees of the old state
  g  = tanh(W_g @ x + b_g + r * (U_g @ h + d_g))   # candidate values
  h' = z * h + (1 - z) * g                         # the new hidden state, and the output
`);
