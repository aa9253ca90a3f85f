/** A linear layer: what other cells are followed by, and Keras's Dense without an activation. */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D) -> y (H). Has no state. */
export const dense = lazyCell(`
  y = W @ x + b  # weighted sums of the inputs
`);
