/**
 * The update gate RNN: J. Collins, J. Sohl-Dickstein and D. Sussillo, "Capacity and trainability in recurrent neural
 * networks", 2017, arXiv 1611.09913. The simple RNN with one gate, which chooses between the old state and the new; the
 * GRU without its reset gate.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). b_g starts as the forget bias of the authors' TensorFlow cell. */
export const ugRnn = lazyCell(`
  c  = tanh(W_cx @ x + W_ch @ h + b_c)     # candidate values: a simple RNN
  g  = sigmoid(W_gx @ x + W_gh @ h + b_g)  # update gate: what to keep of the old state
  h' = g * h + (1 - g) * c                 # the new hidden state, and the output
  b_g ~ ones                               # starts by remembering
`);
