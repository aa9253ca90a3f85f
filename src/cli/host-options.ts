/** What a model runs on, as options of every command that runs one. */
import type { EngineName, InferenceOptions } from "../engines/engine.ts";
import { defaultEngine, engineFor, engineNames, engineOf } from "../engines/registry.ts";
import { checkAnswersAtOnce } from "../engines/stepwise.ts";
import { roundingOf } from "../runtime/precision.ts";
import type { Given, Options } from "./options.ts";

/** @param threads what more threads do, and how many there are without the option */
export const hostOptions = (threads: string): Options => ({
  threads: { value: "N", help: threads, number: { whole: true, min: 1, max: 64 } },
  engine: { value: "NAME", help: `engine [${defaultEngine}]`, choices: engineNames() },
});

/** The same, of commands that run a model and do not train it. */
export const inferenceOptions = (threads: string): Options => ({
  ...hostOptions(threads),
  quantize: { value: "TYPE", help: "weights of 8 bits, read faster", choices: ["int8"] },
});

export function hostOf(given: Given): InferenceOptions {
  // One of the choices.
  const engine = given.text("engine") as EngineName | undefined;
  const threads = given.number("threads");
  const quantize = given.text("quantize") as InferenceOptions["quantize"];
  return {
    ...(quantize !== undefined && { quantize }),
    ...(engine !== undefined && { engine }),
    ...(threads !== undefined && { threads }),
  };
}

/**
 * The same, where the engine runs here and has what is asked of it.
 * @param how `stepwise`: the command answers step by step
 * @throws InputError before anything is read or printed
 */
export async function usableHostOf(given: Given, how: { readonly stepwise?: true } = {}): Promise<InferenceOptions> {
  const host = hostOf(given);
  const engine = await engineFor(host);
  if (how.stepwise) checkAnswersAtOnce(engine);
  await roundingOf(host, engine.target, engineOf);
  return host;
}
