/** The engines that there are, by name, each loaded when a program first asks for it. */
import { flag, oneOf, type Rule, type Schema, wholeNumber } from "../graph/schema.ts";
import type { Engine, HostOptions } from "./engine.ts";

type Entry = { readonly load: () => Promise<Engine>; engine?: Engine };
const engines = new Map<string, Entry>();

/** One more engine, which options then know by its name. */
export function registerEngine(name: string, load: () => Promise<Engine>): void {
  engines.set(name, { load });
}
registerEngine("wasm", async () => (await import("./wasm/engine.ts")).wasm);
registerEngine("reference", async () => (await import("./reference/engine.ts")).reference);

/** What programs run on that name no engine, and what its plans are like. */
export const defaultEngine = "wasm";
export { target as defaultTarget } from "./wasm/target.ts";

export const engineNames = (): string[] => [...engines.keys()];

/** The engine of this name, which `hostRules` have accepted. */
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
export const hostRules: Schema<HostOptions> = { engine: anEngine, fma: flag, threads: wholeNumber(1, 64) };

/** Those of some options that say on what it runs. */
export const hostOf = ({ engine, fma, threads }: HostOptions): HostOptions => ({ engine, fma, threads });
