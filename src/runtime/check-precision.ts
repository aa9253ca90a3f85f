/** What an engine says of a precision that it does not have. */
import { InputError } from "../graph/input-error.ts";
import type { Target } from "../schedule/target.ts";

/** @throws InputError if the engine of this target has no products of bf16 */
export function checkPrecision({ name, bf16 = "has f32 alone" }: Target): void {
  if (bf16 === true) return;
  throw new InputError(`precision "bf16": the engine ${name} ${bf16}. Leave it out.`);
}
