/** Cells of layers that other programs have, and that our layers do not make. */
import { lazyCell } from "../graph/lazy-cell.ts";

/** x (D) -> the sum of all x so far (D). */
export const sumPooling = lazyCell(`
  s' = s + x   # the sum so far
  s : input
`);

/** x (D) -> x (D): what came last, where only the last output is returned. */
export const lastStep = lazyCell("h' = x  # what came last");

/** What the gain and the bias of `affine` are. */
export const affineSizes = "gain ~ ones\ngain : input\nb : input";
/** x (D) -> x times a gain, plus a bias (D): what batch normalisation is when nothing is trained. */
export const affine = lazyCell(`y = gain * x + b\n${affineSizes}`);
