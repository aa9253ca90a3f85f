/**
 * The mogrifier LSTM: G. Melis, T. Kočiský and P. Blunsom, "Mogrifier LSTM", 2020, arXiv 1909.01792. The LSTM before
 * which input and old state gate each other in turn, here in 5 rounds.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H), c (H) -> h (H), c (H). As the paper's equations say; in its authors' code, https://github.com/deepmind/lamb,
 * the rounds have biases, their matrices can be products of two of low rank, and i is at most 1 - f. First values are
 * that code's, every matrix normal of variance 1 / fan-in; but biases, drawn around the same means there, start at them.
 */
export const mogrifierLstm = lazyCell(`
  x1 = 2 * sigmoid(Q1 @ h) * x               # the input, gated by the old state
  h2 = 2 * sigmoid(R2 @ x1) * h              # the old state, gated by that input
  x3 = 2 * sigmoid(Q3 @ h2) * x1             # and so on in turn
  h4 = 2 * sigmoid(R4 @ x3) * h2             # the state that the gates read
  x5 = 2 * sigmoid(Q5 @ h4) * x3             # the input that the gates read
  f  = sigmoid(W_fx @ x5 + W_fh @ h4 + b_f)  # forget gate: what to keep of the old cell state
  i  = sigmoid(W_ix @ x5 + W_ih @ h4 + b_i)  # input gate: how much of the candidate to store
  j  = tanh(W_jx @ x5 + W_jh @ h4 + b_j)     # candidate values
  o  = sigmoid(W_ox @ x5 + W_oh @ h4 + b_o)  # output gate: what to show
  c' = f * c + i * j                         # the new cell state
  h' = o * tanh(c')                          # the new hidden state, and the output
  b_f ~ ones                                 # starts by remembering
  Q1 ~ lecun_normal                          # matrices of states and of inputs start alike
  Q3 ~ lecun_normal
  Q5 ~ lecun_normal
  R2 ~ lecun_normal
  R4 ~ lecun_normal
  W_fx ~ lecun_normal
  W_fh ~ lecun_normal
  W_ix ~ lecun_normal
  W_ih ~ lecun_normal
  W_jx ~ lecun_normal
  W_jh ~ lecun_normal
  W_ox ~ lecun_normal
  W_oh ~ lecun_normal
`);
