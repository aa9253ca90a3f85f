/**
 * The LSTM with a recurrent projection: H. Sak, A. Senior and F. Beaufays, "Long short-term memory based recurrent
 * neural network architectures for large vocabulary speech recognition", 2014, arXiv 1402.1128. The peephole LSTM whose
 * output is a linear projection to fewer features, which the next step reads: the recurrent matrices get smaller.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), r (H), c (2H) -> r (H), c (2H). `units` are the features that come out; there are twice as many cells. Without
 * the paper's second projection, which is not recurrent. First values as the peephole LSTM's; the paper draws all
 * weights uniformly up to 0.02, for its thousands of cells.
 */
export const projectionLstm = lazyCell(`
  i  = sigmoid(W_ix @ x + W_ir @ r + w_ic * c + b_i)   # input gate: how much of the candidate to store
  f  = sigmoid(W_fx @ x + W_fr @ r + w_fc * c + b_f)   # forget gate: what to keep of the old cell state
  g  = tanh(W_cx @ x + W_cr @ r + b_c)                 # candidate values
  c' = f * c + i * g                                   # the new cell state
  o  = sigmoid(W_ox @ x + W_or @ r + w_oc * c' + b_o)  # output gate: what to show
  m  = o * tanh(c')                                    # cell output
  r' = W_rm @ m                                        # its projection: the new hidden state, and the output
  c  : units * 2                                       # cells
  b_f ~ ones                                           # starts by remembering
`);
