/**
 * The gated recurrent unit: K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical
 * machine translation", 2014, arXiv 1406.1078. The reset gate acts before the product with U_g.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). Keras's GRU with `reset_after=False`: z keeps the old state, 1 - z takes the candidate. */
export const gru = lazyCell(`
  z  = sigmoid(W_z @ x + U_z @ h + b_z)     # update gate: what to keep of the old state
  r  = sigmoid(W_r @ x + U_r @ h + b_r)     # reset gate: what the candidate sees of the old state
  g  = tanh(W_g @ x + U_g @ (r * h) + b_g)  # candidate values
  h' = z * h + (1 - z) * g                  # the new hidden state, and the output
`);
