/**
 * What an optimiser is: equations in which the parameter is a state and the gradient the input. The compiler makes their
 * kernels as it does for cells.
 */

import type { Cell } from "../../graph/cell.ts";
import { alias, having, type Rule } from "../../graph/schema.ts";
import { amount } from "../number-rules.ts";

/** An optimiser: the equations of its step, which are compiled with the model, and their numbers. */
export type Optimizer = {
  readonly name: string;
  /** The equations: they read the gradient `g` and set the state `w`; with `decayOf`, they also read a vector `decay`. */
  readonly cell: Cell;
  /** The names of the states besides `w`, such as Adam's "m" and "v"; and "w" itself, if `saved` names another slot. */
  readonly slots: readonly string[];
  /** The slot that holds the trained values if that is not `w`, such as an average. */
  readonly saved?: string;
  /** The weight decay of a parameter, by its name; `all` are the names of the model's parameters. */
  readonly decayOf?: (parameter: string, all: readonly string[]) => number;
  /** The learning rate. */
  readonly learningRate: number;
  /** The settings of the equations, for a step (from 1) and a learning rate. */
  readonly settings: (step: number, learningRate: number) => Readonly<Record<string, number>>;
};

export const learningRateRule = alias(amount, "lr", "eta");
export const epsilonRule = alias(amount, "eps");
export const anOptimizer: Rule = having(
  "an optimiser, as in optimizer: adam()",
  "cell",
  "slots",
  "settings",
  "learningRate",
);
