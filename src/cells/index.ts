/** The built-in cells, each by its own name and all by the names of their files. */
import type { Cell } from "../graph/cell.ts";
import { dense } from "./dense.ts";
import { gru } from "./gru.ts";
import { gruResetAfter } from "./gru-reset-after.ts";
import { lstm } from "./lstm.ts";
import { perceptron } from "./perceptron.ts";
import { simpleRnn } from "./simple-rnn.ts";

export { dense, gru, gruResetAfter, lstm, perceptron, simpleRnn };

export const cells: Readonly<Record<string, Cell>> = {
  perceptron,
  dense,
  "simple-rnn": simpleRnn,
  lstm,
  gru,
  "gru-reset-after": gruResetAfter,
};
