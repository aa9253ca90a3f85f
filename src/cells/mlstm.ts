/**
 * The mLSTM: M. Beck et al., "xLSTM: extended long short-term memory", 2024, arXiv 2405.04517, section 2.3. A memory of
 * values under keys: a step adds the outer product of one value and its key, and reads what lies near the query. Nothing
 * but the memory is recurrent. m keeps the exponential gates in range without a change to the output; where the
 * denominator of the plain form is at least 1, here it is at least exp(-m), and 1e-6 more: as in the paper's appendix on
 * it and in https://github.com/NX-AI/xlstm, whose first values these are, but for normal numbers that are cut off at two
 * deviations. exp(-m) stops at exp(80), where nothing is left of the output, before it is no f32.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), C (H,H), n (H), m (1) -> y (H). With one head, and the paper's sigmoid forget gate. */
export const mLstm = lazyCell(`
  q     = W_q @ x + b_q                    # query: what to look for
  k     = W_k @ x / sqrt(size(q)) + b_k    # key: what to store the value under
  v     = W_v @ x + b_v                    # value: what to store
  o     = sigmoid(W_o @ x + b_o)           # output gate: what to show
  log_i = W_i @ x + b_i                    # input gate: how much of the value to store; its logarithm
  log_f = -softplus(-(W_f @ x + b_f))      # forget gate, a sigmoid: what to keep of the old; its logarithm
  m'    = max(log_f + m, log_i)            # stabiliser: the logarithm of the largest weight
  i     = sum(exp(log_i - m'))             # the gates, as shares of that weight; the sum of one feature is a number
  f     = sum(exp(log_f + m - m'))         # what is left of the old
  C'    = f * C + i * outer(v, k)          # the new cell state: values by their keys, a matrix
  n'    = f * n + i * k                    # normaliser: the weighted sum of the keys
  s     = max(abs(sum(n' * q)), exp(min(-sum(m'), 80))) + 1e-6  # how much of it lies near the query
  y     = o * (C' @ q) / s                 # what lies under the query; the output
  m : 1
  b_f ~ constant(3)                        # starts by remembering
  b_i ~ random_normal(0, 0.1)
  W_i ~ zeros                              # the gates start by reading nothing
  W_f ~ zeros
  W_q ~ lecun_normal(0.4)
  W_k ~ lecun_normal(0.4)
  W_v ~ lecun_normal(0.4)
  W_o ~ lecun_normal(0.4)
`);
