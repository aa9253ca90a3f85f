/** What a model runs on, as options of every command that runs one. */
import type { EngineName, HostOptions } from "../engines/engine.ts";
import { defaultEngine, engineNames } from "../engines/registry.ts";
import type { Given, Options } from "./options.ts";

/** @param threads what more threads do, and how many there are without the option */
export const hostOptions = (threads: string): Options => ({
  threads: { value: "N", help: threads, number: { whole: true, min: 1, max: 64 } },
  engine: { value: "NAME", help: `engine [${defaultEngine}]`, choices: engineNames() },
});

export function hostOf(given: Given): HostOptions {
  // One of the choices.
  const engine = given.text("engine") as EngineName | undefined;
  const threads = given.number("threads");
  return { ...(engine !== undefined && { engine }), ...(threads !== undefined && { threads }) };
}
