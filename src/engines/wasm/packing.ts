/** The panels of weights of this engine's matrix product. */
import type { Plan } from "../../schedule/plan.ts";
import * as packing from "../vector/packing.ts";

export type { Pack, Packing } from "../vector/packing.ts";

/** Outputs side by side in a panel. */
export const panelWidth = 8;

/** Give each product a place for its panels: see `packWeights` of `../vector/packing.ts`. */
export const packWeights = (plan: Plan): packing.Packing => packing.packWeights(plan, panelWidth);
