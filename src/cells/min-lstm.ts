/**
 * The minLSTM: L. Feng, F. Tung, M. O. Ahmed, Y. Bengio and H. Hajimirsadeghi, "Were RNNs all we needed?", 2024,
 * arXiv 2410.01201. The LSTM whose gates and candidate read the input alone, so that no product is left in the time
 * loop; without output gate and tanh, its two gates scaled to add up to 1.
 */
import { cell } from "../graph/cell.ts";

/** x (D), h (H) -> h (H). */
export const minLstm = cell(`
  f  = sigmoid(W_f @ x + b_f)             # forget gate: what to keep of the old state
  i  = sigmoid(W_i @ x + b_i)             # input gate: how much of the candidate to take
  g  = W_h @ x + b_h                      # candidate values
  h' = f / (f + i) * h + i / (f + i) * g  # the new hidden state, and the output
  b_f ~ ones                              # starts by remembering
`);
