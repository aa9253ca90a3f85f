/** What a page has in place of the native engine: package.json names this file to bundlers, under `browser`. */
import { InputError } from "../../graph/input-error.ts";
import type { Engine } from "../engine.ts";

/** @throws InputError */
export const loadNative = (): Promise<Engine> => {
  throw new InputError('engine "native" cannot run in a page. Use the engine "wasm".');
};
