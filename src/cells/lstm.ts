/**
 * Long short-term memory: S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997, with
 * the forget gate of F. Gers, J. Schmidhuber and F. Cummins, "Learning to forget", Neural Computation 12, 2000.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H), c (H) -> h (H), c (H). Keras's LSTM, with its `unit_forget_bias`. */
export const lstm = lazyCell(`
  f  = sigmoid(W_f @ x + U_f @ h + b_f)   # forget gate: what to keep of the old cell state
  i  = sigmoid(W_i @ x + U_i @ h + b_i)   # input gate: how much of the candidate to store
  g  = tanh(W_g @ x + U_g @ h + b_g)      # candidate values
  o  = sigmoid(W_o @ x + U_o @ h + b_o)   # output gate: what to show
  c' = f * c + i * g                      # the new cell state
  h' = o * tanh(c')                       # the new hidden state, and the output
  b_f ~ ones                              # starts by remembering
`);
