/** Programs whose products have fewer digits: who has them, and what they make of a model's values. */
import type { InferenceOptions } from "../engines/engine.ts";
import type { engineOf } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import { roundWeights } from "../schedule/eight-bits.ts";
import type { Target } from "../schedule/target.ts";
import type { Round } from "./program.ts";

/**
 * What a program makes of its parameters. With `quantize`, matrices are rounded, those too that no product reads (a table of
 * embeddings), so that a model whose file has the rounded values gives the same bits.
 * @param load of the registry, which is not imported: else a page would have it in one more file
 * @throws InputError if the engine of this target has no such products, or more than one kind is wanted
 */
export async function roundingOf(
  host: InferenceOptions,
  target: Target,
  load: typeof engineOf,
): Promise<Round | undefined> {
  const { precision, quantize } = host;
  if (precision === "bf16" && quantize)
    throw new InputError('quantize "int8" and precision "bf16": products have one of them. Leave one out.');
  const kind = quantize ? int8 : precision === "bf16" ? bf16 : undefined;
  if (kind?.whyNot(target) !== undefined) throw await refusal(kind, host, target, load);
  return quantize && roundWeights;
}

/** Products of fewer digits: the option, why an engine does not have them (to follow its name), how the advice begins. */
type Kind = {
  readonly option: string;
  readonly whyNot: (target: Target) => string | undefined;
  readonly without: string;
};
const int8: Kind = {
  option: 'quantize "int8"',
  whyNot: (target) => (target.int8 ? undefined : "has no products of int8"),
  without: "Leave it out, or take",
};
const bf16: Kind = {
  option: 'precision "bf16"',
  whyNot: ({ bf16 = "has f32 alone" }) => (bf16 === true ? undefined : bf16),
  // It may come from a file.
  without: 'Take precision "f32", or',
};

/** What is said to who asks for it. It advises no engine that cannot run here or lacks the same. */
async function refusal(
  { option, whyNot, without }: Kind,
  { engine = "auto", fma }: InferenceOptions,
  target: Target,
  load: typeof engineOf,
): Promise<InputError> {
  const why = whyNot(target);
  const { name } = target;
  const isNative = name === "native";
  const native = isNative ? why : await load("native").then((one) => whyNot(one.target), causeOf);
  const neither = isNative || native === undefined ? "" : `, and "native" ${native}`;
  let found = `the engine "${name}" ${why}${neither}`;
  if (engine === "auto" && !isNative) {
    found =
      fma === false
        ? `with fma: false, the engine "auto" is "${name}", which ${why}${neither}`
        : `it needs the engine "native", which ${native}`;
  }
  const other = native === undefined ? "native" : "reference";
  return new InputError(`${option}: ${found}. ${without} the engine "${other}".`);
}

/** Why the engine native does not load, to follow its name. */
function causeOf(error: unknown): string {
  if (error instanceof InputError && typeof error.cause === "string") return error.cause;
  throw error;
}
