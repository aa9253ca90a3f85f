/** The perceptron: F. Rosenblatt, "The perceptron: a probabilistic model", Psychological Review 65, 1958. */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D) -> y (H): 1 where the weighted sum of the inputs is above the threshold -b, else 0. Has no state. */
export const perceptron = lazyCell(`
  y = step(W @ x + b)  # fires or not
`);
