/** How a classifier makes one vector of a sequence. */
import { maxPooling, meanPooling } from "../../nn/sequence-cells.ts";

export const poolings = { mean: meanPooling, max: maxPooling } as const;
/** How a sequence becomes one vector: the mean or the largest over time, or the state after the last step. */
export type Pooling = keyof typeof poolings | "last";
