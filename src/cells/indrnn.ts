/**
 * The independently recurrent network: S. Li, W. Li, C. Cook, C. Zhu and Y. Gao, "Independently recurrent neural
 * network (IndRNN): building a longer and deeper RNN", 2018, arXiv 1803.04831. The simple RNN with relu, where each
 * unit reads its own old state alone: a vector stands in place of the recurrent matrix.
 */
import { lazyCell } from "../graph/lazy-cell.ts";

/**
 * x (D), h (H) -> h (H). Units meet in the layers above. u starts as where its authors' code,
 * https://github.com/Sunnydreamrain/IndRNN_pytorch, knows no bound that the length of the sequences sets; W as Keras's,
 * there of He's variance, for stacks with batch normalisation.
 */
export const indRnn = lazyCell(`
  h' = relu(W @ x + u * h + b)  # the hidden state, and the output
  u ~ random_uniform(0, 1)      # from units that forget at once to units that keep
`);
