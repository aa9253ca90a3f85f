/**
 * The quasi-recurrent network: J. Bradbury, S. Merity, C. Xiong and R. Socher, "Quasi-recurrent neural networks", 2017,
 * arXiv 1611.01576, with a window of 2 and fo-pooling. The LSTM whose gates read the last two inputs in place of the
 * state, so that no product is left in the time loop.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), p (D), c (H) -> y (H). With biases, which the paper does not write. Weights start as in its authors' code,
 * https://github.com/salesforce/pytorch-qrnn: uniform up to 1 / sqrt(2 D), for both inputs alike. Biases, drawn from
 * there too in PyTorch, start at 0 here, and b_f at 1; in that code f and 1 - f have changed places.
 */
export const qrnn = lazyCell(`
  z  = tanh(V_z @ p + W_z @ x + b_z)     # candidate values, from the last two inputs
  f  = sigmoid(V_f @ p + W_f @ x + b_f)  # forget gate: what to keep of the old cell state
  o  = sigmoid(V_o @ p + W_o @ x + b_o)  # output gate: what to show
  p' = x                                 # this input, for the next step
  c' = f * c + (1 - f) * z               # the new cell state
  y  = o * c'                            # the output, h in the paper
  b_f ~ ones                             # starts by remembering
  V_z ~ lecun_uniform(0.16666667)        # a sixth: both inputs have 2 D features, a third of LeCun's variance
  W_z ~ lecun_uniform(0.16666667)
  V_f ~ lecun_uniform(0.16666667)
  W_f ~ lecun_uniform(0.16666667)
  V_o ~ lecun_uniform(0.16666667)
  W_o ~ lecun_uniform(0.16666667)
`);
