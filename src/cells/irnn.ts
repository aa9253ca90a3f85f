/**
 * The IRNN: Q. V. Le, N. Jaitly and G. E. Hinton, "A simple way to initialize recurrent networks of rectified linear
 * units", 2015, arXiv 1504.00941. The simple RNN with relu in place of tanh, its recurrent matrix the identity at
 * first.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). Starts by adding up what it reads. */
export const irnn = lazyCell(`
  h' = relu(W @ x + U @ h + b)  # the hidden state, and the output
  U ~ identity                  # starts by remembering
  W ~ random_normal(0, 0.001)   # so small that the input disturbs little at first
`);
