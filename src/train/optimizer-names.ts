/** Optimisers by Keras's names. In a file of its own, so that a page that uses one optimiser does not load the others. */
import { lookUp, type Rule } from "../graph/schema.ts";
import { adam, adamW, anOptimizer, asgd, nadam, type Optimizer, rmsprop, sgd } from "./optimizers.ts";

/** The optimisers by name, each with Keras's defaults. */
export const optimizers = { sgd, rmsprop, adam, adamw: adamW, nadam, asgd } as const;
/** Keras's names of optimisers, each with its defaults. */
export type OptimizerName = keyof typeof optimizers;

/** An optimiser, or the name of one with its defaults. */
export const optimizerOrName: Rule = {
  expected: `${anOptimizer.expected}, or the name of one ("adam")`,
  accepts: (value) => typeof value === "string" || anOptimizer.accepts(value),
  look(where, value) {
    if (typeof value === "string") lookUp(where, value, optimizers);
  },
};

/** @throws InputError for an unknown name */
export const optimizerOf = (given: OptimizerName | Optimizer = "adam"): Optimizer =>
  typeof given === "string" ? lookUp("training: optimizer", given, optimizers)() : given;
