/**
 * The multiplicative LSTM: B. Krause, L. Lu, I. Murray and S. Renals, "Multiplicative LSTM for sequence modelling",
 * 2016, arXiv 1609.07959. The LSTM whose gates read, in place of the old state, a product of it with the input: each
 * input has a recurrent transition of its own.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H), c (H) -> h (H), c (H). The biases, which the paper does not write, and where they start are those of its
 * authors' code, https://github.com/benkrause/mLSTM. Matrices start as Keras's, whose spread follows the size; that code
 * draws normal numbers of deviation 0.1 for the input and 0.02 for the state at any size.
 */
export const multiplicativeLstm = lazyCell(`
  m  = (W_mx @ x) * (W_mh @ h)             # the old state, as this input sees it
  g  = tanh(W_hx @ x + W_hm @ m + b_h)     # candidate values
  i  = sigmoid(W_ix @ x + W_im @ m + b_i)  # input gate: how much of the candidate to store
  o  = sigmoid(W_ox @ x + W_om @ m + b_o)  # output gate: what to show
  f  = sigmoid(W_fx @ x + W_fm @ m + b_f)  # forget gate: what to keep of the old cell state
  c' = f * c + i * g                       # the new cell state
  h' = tanh(c') * o                        # the new hidden state, and the output
  b_f ~ constant(3)                        # starts by remembering
`);
