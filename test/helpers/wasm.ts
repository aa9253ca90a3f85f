/** Functions of the emitter alone, called from here on a memory of their own. */
import { assembleModule, type FunctionHandle, func } from "../../src/engines/wasm/assembler.ts";
import { relaxedSimd } from "../../src/engines/wasm/features.ts";
import { call } from "../../src/engines/wasm/instructions.ts";
import type { Host } from "../../src/engines/wasm/vector-ops.ts";

/** What an untouched number in memory is: no computation gives these bits, as a NaN that is computed is another one. */
export const untouched = 0x7fa5_5a5a;

export type Callable<Name extends string> = {
  /** The whole memory, `untouched` at first. */
  readonly floats: Float32Array;
  readonly words: Int32Array;
  readonly call: Readonly<Record<Name, (...operands: number[]) => void>>;
};

/** A module of these functions, of which `entries` can be called. */
export function callable<Name extends string>(
  functions: readonly FunctionHandle[],
  entries: Readonly<Record<Name, FunctionHandle>>,
  bytes: number,
): Callable<Name> {
  const pages = Math.ceil(bytes / 65536);
  const memory = new WebAssembly.Memory({ initial: pages });
  const exported = Object.entries<FunctionHandle>(entries).map(([name, entry]) =>
    func({ export: name, params: entry.params, results: [] }, (f) =>
      call(entry, ...entry.params.map((_, k) => f.param(k).get)),
    ),
  );
  const module = assembleModule({ memory: { minPages: pages }, functions: [...functions, ...exported] });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } });
  const words = new Int32Array(memory.buffer).fill(untouched);
  const floats = new Float32Array(memory.buffer);
  return { floats, words, call: instance.exports as Callable<Name>["call"] };
}

/** With multiply and add apart; and fused, where this machine has it. */
export const hosts: readonly (readonly [string, Host])[] = [
  ["multiply and add", { fma: false }],
  ...(relaxedSimd() ? [["fused multiply-add", { fma: true }] as const] : []),
];
