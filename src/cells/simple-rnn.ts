/** The simple recurrent network: J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990. */
import { cell } from "../graph/cell.ts";

/** x (D), h (H) -> h (H). Keras's SimpleRNN. */
export const simpleRnn = cell(`
  h' = tanh(W @ x + U @ h + b)  # the hidden state, and the output
`);
