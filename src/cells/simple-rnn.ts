/** The simple recurrent network: J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990. */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D), h (H) -> h (H). Keras's SimpleRNN. */
export const simpleRnn = lazyCell(`
  h' = tanh(W @ x + U @ h + b)  # the hidden state, and the output
`);
