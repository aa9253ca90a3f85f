/** A cache over models: what depends on the layers alone is made once for equal layers. */

import { contentOf, type Kept, remember } from "../graph/remember.ts";
import type { Model } from "./model.ts";

const made: Kept<unknown> = new Map();

/**
 * The result of `make`, cached for equal layers: a plan, or anything else that does not depend on the parameters' values.
 * `purpose` is everything that it depends on besides the layers.
 */
export const onceForEqual = <T>({ layers, input }: Model, purpose: unknown, make: () => T): T =>
  remember(made as Kept<T>, contentOf([purpose, layers, input]), make);
