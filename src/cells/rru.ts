/**
 * The residual recurrent unit: R. Zakovskis, A. Draguns, E. Gaile, E. Ozolins and K. Freivalds, "Gates are not what you need in RNNs",
 * 2021, arXiv 2108.00527. No gates: a perceptron with one hidden layer reads input and state, and adds to what is left of the state.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H) -> y (H), h (H). Constants are those of its authors' code, https://github.com/LUMII-Syslab/RRU, where the hidden layer
 * is dropped out as with `recurrentDropout: 0.5` here. There it has twice as many numbers as input and state together, and the
 * state starts from a vector whose first number is sqrt(H) / 4; here it has four times as many as the state, which starts from zeros.
 */
export const rru = lazyCell(`
  a  = W_x @ x + W_h @ h + b                        # what the hidden layer sums up
  j  = dropout(relu(a / sqrt(mean(a * a) + 1e-6)))  # the hidden layer, of one size at every step
  c  = W_c @ j + b_c                                # candidate values
  h' = 1.5 * sigmoid(s) * h + z * c                 # the state: most of the old one, and some of the candidate
  y  = W_y @ j + b_y                                # the output
  a : units * 4
  s ~ constant(0.5465)                              # keeps 0.95 of the state
  z ~ zeros                                         # takes nothing of the candidate (ReZero)
`);
