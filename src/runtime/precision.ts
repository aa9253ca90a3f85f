/** Programs whose products have fewer digits: who has them, and what they make of a model's values. */
import type { InferenceOptions } from "../engines/engine.ts";
import { InputError } from "../graph/input-error.ts";
import { roundWeights } from "../schedule/eight-bits.ts";
import type { Target } from "../schedule/target.ts";
import type { Round } from "./program.ts";

/**
 * What a program makes of its parameters. With `quantize`, matrices are rounded, those too that no product reads (a table of
 * embeddings), so that a model whose file has the rounded values gives the same bits.
 * @throws InputError if the engine of this target has no such products, or more than one kind is wanted
 */
export function roundingOf(
  { precision, quantize }: InferenceOptions,
  { name, bf16 = "has f32 alone", int8 }: Target,
): Round | undefined {
  if (precision === "bf16" && quantize)
    throw new InputError('quantize "int8" and precision "bf16": products have one of them. Leave one out.');
  if (precision === "bf16" && bf16 !== true)
    throw new InputError(`precision "bf16": the engine ${name} ${bf16}. Leave it out.`);
  if (!quantize) return undefined;
  if (int8) return roundWeights;
  throw new InputError(
    `the engine "${name}" has no products of ${quantize}. Use the engine "native", or leave out \`quantize\`.`,
  );
}
