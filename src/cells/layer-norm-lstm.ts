/**
 * The LSTM with layer normalisation: J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016,
 * arXiv 1607.06450. The LSTM in which the input's part of all four gates together, the state's part, and the cell state
 * where it is shown, are each brought to mean 0 and variance 1 before a gain.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H), c (H) -> h (H), c (H). One bias stands for the sum of the paper's three, beta_1 + beta_2 + b; 1e-5
 * keeps the roots from 0. Gains and recurrent matrices start as in its authors' code, https://github.com/ryankiros/layer-norm;
 * there b_f starts at 0, which forgets half at each step, and W from normal numbers of deviation 0.01, a scale that the
 * normalisation takes out.
 */
export const layerNormLstm = lazyCell(`
  m_h = mean(U_f @ h + U_i @ h + U_o @ h + U_g @ h) / 4      # mean of the state's parts of all gates together
  f_h = U_f @ h - m_h                                        # the state's part of the forget gate, of mean 0
  i_h = U_i @ h - m_h                                        # of the input gate
  o_h = U_o @ h - m_h                                        # of the output gate
  g_h = U_g @ h - m_h                                        # of the candidate
  v_h = mean(f_h * f_h + i_h * i_h + o_h * o_h + g_h * g_h)  # four times their variance
  s_h = sqrt(v_h / 4 + 1e-5)                                 # their standard deviation
  m_x = mean(W_f @ x + W_i @ x + W_o @ x + W_g @ x) / 4      # mean of the input's parts of all gates together
  f_x = W_f @ x - m_x                                        # the input's part of the forget gate, of mean 0
  i_x = W_i @ x - m_x                                        # of the input gate
  o_x = W_o @ x - m_x                                        # of the output gate
  g_x = W_g @ x - m_x                                        # of the candidate
  v_x = mean(f_x * f_x + i_x * i_x + o_x * o_x + g_x * g_x)  # four times their variance
  s_x = sqrt(v_x / 4 + 1e-5)                                 # their standard deviation

  f  = sigmoid(a1_f * f_h / s_h + a2_f * f_x / s_x + b_f)    # forget gate: what to keep of the old cell state
  i  = sigmoid(a1_i * i_h / s_h + a2_i * i_x / s_x + b_i)    # input gate: how much of the candidate to store
  o  = sigmoid(a1_o * o_h / s_h + a2_o * o_x / s_x + b_o)    # output gate: what to show
  g  = tanh(a1_g * g_h / s_h + a2_g * g_x / s_x + b_g)       # candidate values
  c' = f * c + i * g                                         # the new cell state
  n  = c' - mean(c')                                         # the same, of mean 0
  h' = o * tanh(a3 * n / sqrt(mean(n * n) + 1e-5) + b3)      # the new hidden state, and the output

  b_f ~ ones                                                 # starts by remembering
  a1_f ~ ones                                                # gains of the state's parts
  a1_i ~ ones
  a1_o ~ ones
  a1_g ~ ones
  a2_f ~ ones                                                # gains of the input's parts
  a2_i ~ ones
  a2_o ~ ones
  a2_g ~ ones
  a3 ~ ones                                                  # gain of the cell state
`);
