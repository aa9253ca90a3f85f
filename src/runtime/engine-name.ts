/** Which engine runs a program. */
import type { InferenceOptions } from "../engines/engine.ts";
import { engineFor, inferenceRules } from "../engines/registry.ts";
import { type Arguments, checkArguments, options as optionsOf } from "../graph/schema.ts";

export const engineNameArguments: Arguments = { options: optionsOf<InferenceOptions>(inferenceRules) };

/**
 * Name the engine that these options choose on this machine, "native", "wasm" or "reference": what "auto", the default, stands for. It
 * loads the engine, as the first program does.
 * @param options the host's, as `fit`, `predict` or `createSession` take them: `engine` and `fma` decide
 * @throws InputError for an engine that cannot run here, with the reason
 * @example const engine = await engineNameFor(); // "native" in Node on x86-64 with koffi, "wasm" in a page
 */
export async function engineNameFor(options: InferenceOptions = {}): Promise<string> {
  checkArguments("engineNameFor", { options }, engineNameArguments);
  return (await engineFor(options)).name;
}
