/** How a classifier makes one vector of a sequence. */
import { globalAveragePooling1d, globalMaxPooling1d } from "../../nn/layers.ts";

export const poolings = { mean: globalAveragePooling1d, max: globalMaxPooling1d } as const;
/** How a sequence becomes one vector: the mean or the largest over time, or the state after the last step. */
export type Pooling = keyof typeof poolings | "last";
