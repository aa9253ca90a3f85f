/**
 * The sLSTM: M. Beck et al., "xLSTM: extended long short-term memory", 2024, arXiv 2405.04517. The LSTM whose input
 * gate is exponential, so that it can outweigh all that was stored before; n adds up the gates, for the output to be a
 * weighted mean, and m keeps the exponentials in range without a change to the output.
 */
import { cell } from "../graph/cell.ts";

/**
 * x (D), h (H), c (H), n (H), m (H) -> h (H). With the paper's sigmoid forget gate; with one head: its recurrent
 * matrices are whole, not block-diagonal.
 */
export const sLstm = cell(`
  z     = tanh(W_z @ x + R_z @ h + b_z)          # candidate values
  o     = sigmoid(W_o @ x + R_o @ h + b_o)       # output gate: what to show
  log_i = W_i @ x + R_i @ h + b_i                # input gate: how much of the candidate to store; its logarithm
  log_f = -softplus(-(W_f @ x + R_f @ h + b_f))  # forget gate, a sigmoid: what to keep of the old; its logarithm
  m'    = max(log_f + m, log_i)                  # stabiliser: the logarithm of the largest weight
  i     = exp(log_i - m')                        # the gates, as shares of that weight
  f     = exp(log_f + m - m')                    # what is left of the old
  c'    = f * c + i * z                          # the new cell state: a weighted sum
  n'    = f * n + i                              # normaliser: the sum of its weights
  h'    = o * (c' / n')                          # the new hidden state, and the output
  b_f ~ ones                                     # starts by remembering
`);
