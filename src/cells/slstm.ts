/**
 * The sLSTM: M. Beck et al., "xLSTM: extended long short-term memory", 2024, arXiv 2405.04517. The LSTM whose input
 * gate is exponential, so that it can outweigh all that was stored before; n adds up the gates, for the output to be a
 * weighted mean, and m keeps the exponentials in range without a change to the output. Before the first step nothing
 * has any weight: m is then the input gate's alone, so that n is never below 1. That and the first values are those of
 * https://github.com/NX-AI/xlstm, for a single block; its normal numbers are not cut off at two deviations.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H), c (H), n (H), m (H) -> h (H). With the paper's sigmoid forget gate; with one head: its recurrent
 * matrices are whole, not block-diagonal.
 */
export const sLstm = lazyCell(`
  z     = tanh(W_z @ x + R_z @ h + b_z)          # candidate values
  o     = sigmoid(W_o @ x + R_o @ h + b_o)       # output gate: what to show
  log_i = W_i @ x + R_i @ h + b_i                # input gate: how much of the candidate to store; its logarithm
  log_f = -softplus(-(W_f @ x + R_f @ h + b_f))  # forget gate, a sigmoid: what to keep of the old; its logarithm
  log_w = log_f + m - 1e30 * (1 - step(n))       # weight of all that is kept, none before the first step; its logarithm
  m'    = max(log_w, log_i)                      # stabiliser: the logarithm of the largest weight
  i     = exp(log_i - m')                        # the gates, as shares of that weight
  f     = exp(log_w - m')                        # what is left of the old
  c'    = f * c + i * z                          # the new cell state: a weighted sum
  n'    = f * n + i                              # normaliser: the sum of its weights
  h'    = o * (c' / n')                          # the new hidden state, and the output
  b_f ~ power_law(5, -7, 0.3)                    # from units that remember to units that forget
  W_z ~ lecun_normal(0.4)
  W_o ~ lecun_normal(0.4)
  W_i ~ lecun_normal(0.4)
  W_f ~ lecun_normal(0.4)
  R_z ~ zeros                                    # starts by reading the input alone
  R_o ~ zeros
  R_i ~ zeros
  R_f ~ zeros
`);
