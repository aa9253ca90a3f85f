/** Decoupled weight decay: one number for all parameters, or one for each. */

import { cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { alias, callable, checkValue, either, type Rule, recordOf } from "../../graph/schema.ts";
import { amount } from "../number-rules.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * Weight decay: each step subtracts this share of a parameter, times the learning rate. One number for all parameters; an
 * object by layer (`{ lstm: 0.01 }`, 0 for the others); or a function of a parameter's name (`lstm.U_f`).
 */
export type WeightDecay = number | Readonly<Record<string, number>> | ((parameter: string) => number);

const byLayer = recordOf(amount);
const someByLayer: Rule = {
  ...byLayer,
  accepts: (value) => byLayer.accepts(value) && Object.keys(value as object).length > 0,
};
export const decayRule = alias(
  {
    ...either(amount, someByLayer, callable),
    expected: "a number in [0, Infinity), such numbers by layer, or a function of a parameter's name",
  },
  "decay",
  "wd",
);

/** The cell of an optimiser with weight decay: `decay` is one number for all parameters, or a vector. */
export function withDecay(
  where: string,
  weightDecay: WeightDecay,
  { source, names, settings }: { source: string; names: readonly string[]; settings: Optimizer["settings"] },
): Pick<Optimizer, "cell" | "settings" | "decayOf"> {
  if (typeof weightDecay === "number") {
    return {
      cell: cell(source, { inputs: ["g"], settings: [...names, "decay"] }),
      settings: (step, rate) => ({ ...settings(step, rate), decay: weightDecay }),
    };
  }
  const layerOf = (parameter: string): string => parameter.split(".")[0] as string;
  const decayOf = (parameter: string, all: readonly string[]): number => {
    const byName = typeof weightDecay === "function";
    const layers = byName ? [] : [...new Set(all.map(layerOf))];
    const unknown = byName ? undefined : Object.keys(weightDecay).find((name) => !layers.includes(name));
    if (unknown !== undefined) {
      throw new InputError(
        `${where}: weightDecay: the model has no layer "${unknown}" with parameters; it has ${layers.join(", ")}. ` +
          "For some parameters of a layer give a function of their names.",
      );
    }
    const decay = byName ? weightDecay(parameter) : (weightDecay[layerOf(parameter)] ?? 0);
    checkValue(`${where}: weightDecay of ${parameter}`, decay, amount);
    return decay;
  };
  return { cell: cell(source, { inputs: ["g", "decay"], settings: names }), settings, decayOf };
}
