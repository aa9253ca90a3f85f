/** What a page has in place of the native engine: package.json names this file to bundlers, under `browser`. */
import { InputError } from "../../graph/input-error.ts";
import type { Engine } from "../engine.ts";

/** @throws InputError */
export const loadNative = (): Promise<Engine> => {
  const cause = "cannot run in a page";
  throw new InputError(`engine "native" ${cause}. Use the engine "wasm".`, { cause });
};
