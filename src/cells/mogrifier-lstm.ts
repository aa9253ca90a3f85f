/**
 * The mogrifier LSTM: G. Melis, T. Kočiský and P. Blunsom, "Mogrifier LSTM", 2020, arXiv 1909.01792. The LSTM before
 * which input and old state gate each other in turn, here in 5 rounds.
 */
import { cell } from "../graph/cell.ts";

/** x (D), h (H), c (H) -> h (H), c (H). The matrices of the rounds are whole, not products of two of low rank. */
export const mogrifierLstm = cell(`
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
  W_fh ~ orthogonal                          # recurrent, though what they meet is no state itself
  W_ih ~ orthogonal
  W_jh ~ orthogonal
  W_oh ~ orthogonal
`);
