/** Which features of WASM the host has. Loads in Node and in browsers; knows nothing about the code that asks. */

import { assembleModule, func } from "./assembler.ts";
import { f32x4 } from "./instructions.ts";

type NodeProcess = { getBuiltinModule?: (id: string) => { setFlagsFromString?: (flags: string) => void } | undefined };

let relaxedSimdKnown: boolean | undefined;

/**
 * Whether `f32x4.relaxed_madd` and the like compile. In Node 20 they sit behind an engine flag, which the first call
 * sets: call before compiling a module.
 */
export function relaxedSimd(): boolean {
  relaxedSimdKnown ??= detectRelaxedSimd();
  return relaxedSimdKnown;
}

function detectRelaxedSimd(): boolean {
  const multiplyAdd = func({ params: ["v128", "v128", "v128"], results: ["v128"] }, (f) =>
    f32x4.relaxed_madd(f.param(0).get, f.param(1).get, f.param(2).get),
  );
  const bytes = assembleModule({ functions: [multiplyAdd] });
  if (WebAssembly.validate(bytes)) return true;
  const { process } = globalThis as { process?: NodeProcess };
  process?.getBuiltinModule?.("node:v8")?.setFlagsFromString?.("--experimental-wasm-relaxed-simd");
  return WebAssembly.validate(bytes);
}

/** Whether memory can be shared with workers: a page has to be cross-origin isolated for it. */
export function sharedMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  // Undefined outside of pages and their workers.
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
  return crossOriginIsolated !== false;
}
