/** Rules of numbers that several options of training share. */

import { inRange } from "../graph/schema.ts";

/** A number of at least 0. */
export const amount = inRange(0);
/** A number in [0, 1). */
export const share = inRange(0, 1);
