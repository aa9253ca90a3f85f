/**
 * The minimal gated unit: G.-B. Zhou, J. Wu, C.-L. Zhang and Z.-H. Zhou, "Minimal gated unit for recurrent neural
 * networks", 2016, arXiv 1603.09420. The GRU with one gate that is both its update and its reset gate.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). */
export const mgu = lazyCell(`
  f  = sigmoid(W_f @ [h, x] + b_f)   # the gate: how much of the candidate to take, and what that sees of the old state
  g  = tanh(W_h @ [f * h, x] + b_h)  # candidate values
  h' = (1 - f) * h + f * g           # the new hidden state, and the output
`);
