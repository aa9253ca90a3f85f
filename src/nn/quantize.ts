/** Programs whose products have fewer digits: what they make of a model's values. */
import type { HostOptions } from "../engines/engine.ts";
import { InputError } from "../graph/input-error.ts";
import type { LoadOptions } from "../runtime/program.ts";
import { roundWeights } from "../schedule/eight-bits.ts";
import type { Target } from "../schedule/target.ts";

/**
 * How a program with products of this precision is loaded: matrices are rounded, those too that no product reads (a table of
 * embeddings), so that a model whose file has the rounded values gives the same bits.
 * @throws InputError if the engine has no such products, or others are wanted too
 */
export function quantized(quantize: "int8", { precision }: HostOptions, { name, int8 }: Target): LoadOptions {
  if (precision === "bf16")
    throw new InputError('quantize "int8" and precision "bf16": products have one of them. Leave one out.');
  if (int8) return { round: roundWeights };
  throw new InputError(
    `the engine "${name}" has no products of ${quantize}. Use the engine "native", or leave out \`quantize\`.`,
  );
}
