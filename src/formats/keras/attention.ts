/** Keras's attention layers over the steps of another layer, as ours. */
import { additiveAttention, attention } from "../../nn/layers.ts";
import { emittedCell, type SimpleCall } from "./stepwise-layers.ts";
import { prompt, refuse, type Value } from "./translation.ts";

export const isAttention = (className: string): boolean =>
  className === "Attention" || className === "AdditiveAttention";

/** Queries, values and, where they are others, keys. */
export function addAttention(given: SimpleCall, values: readonly Value[]): Value {
  const { layer, className, config } = given;
  const [query, value, key = value, ...more] = values;
  if (query === undefined || value === undefined || key === undefined || more.length > 0) {
    return refuse(layer, "it reads no query and values");
  }
  for (const one of [query, value, key]) {
    if (one.tokens || !one.sequence) refuse(layer, "it reads what is no sequence of vectors");
    if (one.mask !== undefined || one.ended !== undefined) {
      refuse(layer, "it reads what is masked. Leave the mask out, or take the layer away from behind it");
    }
    prompt(layer, one);
  }
  if ((config.score_mode ?? "dot") !== "dot")
    return refuse(layer, "its scores are of queries and keys side by side (score_mode)");
  if (config.causal === true) return refuse(layer, "it looks at no later steps (causal)");
  const additive = className === "AdditiveAttention";
  const useScale = additive ? config.use_scale !== false : config.use_scale === true;
  if (additive && !useScale) return refuse(layer, "its scores have no scale (use_scale=False)");
  const options = { key: key.flow(), reads: query.flow() };
  const spec = additive ? additiveAttention(value.flow(), options) : attention(value.flow(), { ...options, useScale });
  const form = { kind: "alone", array: "scale", to: "scale" } as const;
  return emittedCell({ ...given, x: query }, spec, useScale ? form : undefined, { mask: undefined, ended: undefined });
}
