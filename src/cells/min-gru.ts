/**
 * The minGRU: L. Feng, F. Tung, M. O. Ahmed, Y. Bengio and H. Hajimirsadeghi, "Were RNNs all we needed?", 2024,
 * arXiv 2410.01201. The GRU whose gate and candidate read the input alone, so that no product is left in the time loop;
 * without reset gate and tanh. The candidate is above 0, as in the paper's appendix B, which computes the recurrence in
 * logarithms so that it can run over all steps at once. Here it runs step by step, and needs none: a mean of two
 * numbers neither overflows nor vanishes.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H) -> h (H). Weights start as Keras's; the paper's, PyTorch's, are uniform and smaller, for layers that are
 * normalised. The first state is 0, the paper's 1/2.
 */
export const minGru = lazyCell(`
  z  = sigmoid(W_z @ x + b_z)                # update gate: how much of the candidate to take
  v  = W_h @ x + b_h                         # what the input says
  g  = max(v, 0) + min(sigmoid(v), 0.5)      # candidate values above 0: v + 1/2, below v = 0 its sigmoid
  h' = (1 - z) * h + z * g                   # the new hidden state, and the output
`);
