/**
 * The minGRU: L. Feng, F. Tung, M. O. Ahmed, Y. Bengio and H. Hajimirsadeghi, "Were RNNs all we needed?", 2024,
 * arXiv 2410.01201. The GRU whose gate and candidate read the input alone, so that no product is left in the time loop;
 * without reset gate and tanh.
 */
import { cell } from "../graph/cell.ts";

/** x (D), h (H) -> h (H). */
export const minGru = cell(`
  z  = sigmoid(W_z @ x + b_z)  # update gate: how much of the candidate to take
  g  = W_h @ x + b_h           # candidate values
  h' = (1 - z) * h + z * g     # the new hidden state, and the output
`);
