/**
 * The simple recurrent unit: T. Lei, Y. Zhang, S. I. Wang, H. Dai and Y. Artzi, "Simple recurrent units for highly
 * parallelizable recurrence", 2018, arXiv 1709.02755. Gates read the input and their own unit's old state, so that no
 * product is left in the time loop; a highway connection mixes the state with the input.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), c (H) -> y (H). W_x brings the input of the highway to the size of the state, as in the authors' code,
 * https://github.com/asappresearch/sru, where D is not H; where it is, they add x itself. First values are theirs: of
 * variance 1 / D, gates half of it; the paper's α of the highway, the root of 3 for biases of 0, is in W_x.
 */
export const sru = lazyCell(`
  f  = sigmoid(W_f @ x + v_f * c + b_f)  # forget gate: what to keep of the old state
  r  = sigmoid(W_r @ x + v_r * c + b_r)  # reset gate: how much of the state to show
  c' = f * c + (1 - f) * (W @ x)         # the new state
  y  = r * c' + (1 - r) * (W_x @ x)      # highway: state and input mixed; the output, h in the paper
  v_f ~ random_uniform(-1.2247449, 1.2247449)
  v_r ~ random_uniform(-1.2247449, 1.2247449)
  W_f ~ lecun_uniform(0.5)
  W_r ~ lecun_uniform(0.5)
  W   ~ lecun_uniform
  W_x ~ lecun_uniform(3)                 # so that the highway's variance is the input's
`);
