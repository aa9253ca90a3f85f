/** The engines by name. Each is loaded when a program first asks for it. */
import { flag, oneOf, type Rule, type Schema, wholeNumber } from "../graph/schema.ts";
import type { Target } from "../schedule/target.ts";
import type { Engine, HostOptions, InferenceOptions } from "./engine.ts";
import { target as defaultTarget } from "./wasm/target.ts";

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
registerEngine("native", async () => (await import("./native/engine.ts")).loadNative());
registerEngine("webgpu", async () => (await import("./webgpu/engine.ts")).load());
registerEngine("auto", () => loadBest());

/** The engine of programs whose options name none. */
export const defaultEngine = "auto";
export { defaultTarget };

/** Whether it is worth a try: not in a page, which does not even load the engine. */
const mayBeNative = globalThis.process?.arch === "x64";

/** Machine code where it can run, else WASM. */
async function loadBest(): Promise<Engine> {
  try {
    if (mayBeNative) return await engineOf("native");
  } catch {}
  return engineOf("wasm");
}

/** Names of all engines, in the order in which they were registered. */
export const engineNames = (): string[] => [...engines.keys()];

/** Load the engine of this name. The caller has checked the name with `hostRules`. */
export async function engineOf(name: string): Promise<Engine> {
  const entry = engines.get(name) as Entry;
  entry.engine ??= await entry.load();
  return entry.engine;
}

/**
 * Load the engine for these options. "auto" without fused multiply-add is WASM: it has the same vectors on every processor, so the
 * same bits.
 */
export const engineFor = ({ engine = defaultEngine, fma }: HostOptions): Promise<Engine> =>
  engineOf(engine === "auto" && fma === false ? "wasm" : engine);

/** The target of the engine for these options, if it is known before the engine is loaded. */
export function knownTarget({ engine = defaultEngine }: HostOptions): Target | undefined {
  const isWasm = engine === "wasm" || (engine === "auto" && !mayBeNative);
  return isWasm ? defaultTarget : engines.get(engine)?.engine?.target;
}

const anEngine: Rule = {
  get expected() {
    return oneOf(...engines.keys()).expected;
  },
  accepts: (value) => engines.has(value as string),
};
/** The rules of `HostOptions`. */
export const hostRules: Schema<HostOptions> = {
  engine: anEngine,
  fma: flag,
  threads: wholeNumber(1, 64),
  precision: oneOf("f32", "bf16"),
};

/** The rules of `InferenceOptions`. */
export const inferenceRules: Schema<InferenceOptions> = { ...hostRules, quantize: oneOf("int8") };

/** The host options among other options. */
export const hostOf = ({ engine, fma, threads, precision, quantize }: InferenceOptions): InferenceOptions => ({
  ...{ engine, fma, threads, precision },
  ...(quantize && { quantize }),
});
