/**
 * The minLSTM: L. Feng, F. Tung, M. O. Ahmed, Y. Bengio and H. Hajimirsadeghi, "Were RNNs all we needed?", 2024,
 * arXiv 2410.01201. The LSTM whose gates and candidate read the input alone, so that no product is left in the time
 * loop; without output gate and tanh, its two gates scaled to add up to 1. As in the paper's appendix B the scaled gates
 * are made from logarithms, for both gates may vanish, and the candidate is above 0.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H) -> h (H). Weights start as Keras's; the paper's, PyTorch's, are uniform and smaller, for layers that are
 * normalised. The first state is 0, the paper's 1/2.
 */
export const minLstm = lazyCell(`
  log_f = -softplus(-(W_f @ x + b_f))         # forget gate, a sigmoid: what to keep of the old state; its logarithm
  log_i = -softplus(-(W_i @ x + b_i))         # input gate, a sigmoid: how much of the candidate to take; its logarithm
  f     = sigmoid(log_f - log_i)              # forget gate, as a share of both
  v     = W_h @ x + b_h                       # what the input says
  g     = max(v, 0) + min(sigmoid(v), 0.5)    # candidate values above 0: v + 1/2, below v = 0 its sigmoid
  h'    = f * h + (1 - f) * g                 # the new hidden state, and the output
  b_f ~ ones                                  # starts by remembering
`);
