/** The optimisers, one file each. A page that imports one of them loads no other. */

export { type AdamOptions, adam, adamRules } from "./optimizers/adam.ts";
export { type AdamWOptions, adamW, adamWRules } from "./optimizers/adam-w.ts";
export { type AsgdOptions, asgd, asgdRules } from "./optimizers/asgd.ts";
export { nadam } from "./optimizers/nadam.ts";
export { anOptimizer, type Optimizer } from "./optimizers/optimizer.ts";
export { type RmspropOptions, rmsprop, rmspropRules } from "./optimizers/rmsprop.ts";
export { type SgdOptions, sgd, sgdRules } from "./optimizers/sgd.ts";
export type { WeightDecay } from "./optimizers/weight-decay.ts";
