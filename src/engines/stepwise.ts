/** What answers step by step, on engines that run whole batches. Loaded by who needs it. */
import { InputError } from "../graph/input-error.ts";
import type { Engine, HostOptions } from "./engine.ts";
import { engineFor } from "./registry.ts";

/**
 * Check that an engine runs programs of one step, which are answered at once.
 * @throws InputError if it does not
 */
export function checkAnswersAtOnce({ name, answersLater }: Engine): void {
  if (!answersLater) return;
  throw new InputError(
    `engine "${name}" runs whole batches, and does not answer step by step. Use the engine "auto" or "wasm".`,
  );
}

/** The same options for what answers step by step beside a training: the engine "auto", if theirs does not. */
export async function stepwise<Host extends HostOptions>(host: Host): Promise<Host> {
  const { answersLater } = await engineFor(host);
  return answersLater ? { ...host, engine: "auto" } : host;
}
