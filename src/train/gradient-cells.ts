/** What a training step does to gradients before the optimiser, as equations: clipping and accumulation. */

import type { Cell } from "../graph/cell.ts";
import { lazyCell } from "../graph/lazy-cell.ts";

/** Scale gradients down to a global norm of at most `clip`. R. Pascanu et al., 2013 (arXiv 1211.5063). */
export const clipByGlobalNorm: Cell = lazyCell(
  `
  norm = sqrt(sum(g * g))
  y    = g * min(1, clip / norm)
`,
  { inputs: ["g"], settings: ["clip"] },
);

/** Clip each number of a gradient to [-limit, limit]. */
export const clipByValue: Cell = lazyCell("y = max(min(g, limit), -limit)", { inputs: ["g"], settings: ["limit"] });

/**
 * Gradient accumulation: the mean of the gradients since the last step. `part` is the share of the new gradient: its number
 * of outputs divided by all so far.
 */
export const accumulateGradients: Cell = lazyCell("gathered' = (1 - part) * gathered + part * g", {
  inputs: ["g"],
  settings: ["part"],
});
