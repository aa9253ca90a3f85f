/** The engines by name. Each is loaded when a program first asks for it. */
import { flag, oneOf, type Rule, type Schema, wholeNumber } from "../graph/schema.ts";
import type { Engine, HostOptions } from "./engine.ts";

type Entry = { readonly load: () => Promise<Engine>; engine?: Engine };
const engines = new Map<string, Entry>();

/**
 * Add an engine under a name that the option `engine` then accepts. `load` is called once, when a program first asks for it.
 */
export function registerEngine(name: string, load: () => Promise<Engine>): void {
  engines.set(name, { load });
}
registerEngine("wasm", async () => (await import("./wasm/engine.ts")).wasm);
registerEngine("reference", async () => (await import("./reference/engine.ts")).reference);
registerEngine("native", async () => await (await import("./native/engine.ts")).loadNative());

/** The engine of programs whose options name none, and its target. */
export const defaultEngine = "wasm";
export { target as defaultTarget } from "./wasm/target.ts";

/** Names of all engines, in the order in which they were registered. */
export const engineNames = (): string[] => [...engines.keys()];

/** Load the engine of this name. The caller has checked the name with `hostRules`. */
export async function engineOf(name: string = defaultEngine): Promise<Engine> {
  const entry = engines.get(name) as Entry;
  entry.engine ??= await entry.load();
  return entry.engine;
}

const anEngine: Rule = {
  get expected() {
    return oneOf(...engines.keys()).expected;
  },
  accepts: (value) => engines.has(value as string),
};
/** The rules of `HostOptions`. */
export const hostRules: Schema<HostOptions> = { engine: anEngine, fma: flag, threads: wholeNumber(1, 64) };

/** The host options among other options. */
export const hostOf = ({ engine, fma, threads }: HostOptions): HostOptions => ({ engine, fma, threads });
