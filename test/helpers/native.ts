/** Functions of machine code, called from here on a memory of their own. */
import { createRequire } from "node:module";
import type { EngineName } from "../../src/engines/engine.ts";
import { Assembler, type Isa, rax, rcx, rdi, rdx, rsi, rsp } from "../../src/engines/native/assembler.ts";
import { instructionSets } from "../../src/engines/native/cpu.ts";
import { type NativeHost, nativeHost } from "../../src/engines/native/executable-memory.ts";
import { memoryBase, NativeFunction } from "../../src/engines/native/function.ts";
import { type Host, runCode, vectorOps } from "../../src/engines/native/vector-ops.ts";
import type { LayerSpec } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import type { TrainerOptions } from "../../src/train/training-plan.ts";
import type { Body, Machine } from "./vector-machines.ts";
import { untouched } from "./wasm.ts";

/** What calls machine code here; undefined where nothing can, as without the optional package koffi. */
export const host = await nativeHost().catch(() => undefined);
export const isas: readonly Isa[] = host === undefined ? [] : instructionSets(host);

/**
 * Memory of so many bytes, a multiple of 64, that ends where a page begins that can be neither read nor written; another one lies before
 * it, at most a page away. What touches them ends the process.
 */
export function guardedMemory(bytes: number): { readonly words: Int32Array; readonly address: bigint; free(): void } {
  const page = 4096;
  const mprotect = createRequire(import.meta.url)("koffi")
    .load(null)
    .func("int mprotect(void *, size_t, int)");
  const buffer = new ArrayBuffer((Math.ceil(bytes / page) + 3) * page);
  const begin = (host as NativeHost).addressOf(new Uint8Array(buffer));
  const before = (BigInt(page) - (begin % BigInt(page))) % BigInt(page);
  const guards = [begin + before, begin + before + BigInt((Math.ceil(bytes / page) + 1) * page)] as const;
  const protect = (how: number): void => {
    for (const guard of guards) if (mprotect(guard, page, how) !== 0) throw new Error("mprotect");
  };
  protect(0);
  const address = guards[1] - BigInt(bytes);
  return { words: new Int32Array(buffer, Number(address - begin), bytes / 4), address, free: () => protect(3) };
}

const nativeMachine = (host: NativeHost, isa: Isa, how: Host): Machine => ({
  name: `${isa}, ${how.fma ? "fused" : "multiply and add"}`,
  width: isa === "avx512" ? 16 : 8,
  fused: how.fma,
  make(bodies, bytes) {
    const words = new Int32Array(Math.ceil(bytes / 65536) * 16384).fill(untouched);
    const floats = new Float32Array(words.buffer);
    const base = host.addressOf(floats);
    const a = new Assembler(isa);
    const entries = Object.entries<Body>(bodies).map(([name, body]) => {
      const f = new NativeFunction(3);
      const [x, y, z] = f.parameters.map((parameter) => () => parameter);
      runCode(body(vectorOps(f, a, how), x as never, y as never, z as never) as never);
      const inner = a.label();
      f.assemble(a, inner);
      a.align(16);
      const at = a.at;
      a.push(memoryBase);
      a.move(memoryBase, rdi);
      for (const one of [rcx, rdx, rsi]) {
        a.move(rax, one);
        a.push(rax);
      }
      a.call(inner);
      a.arithmeticWith("add", rsp, 24, true);
      a.pop(memoryBase);
      a.zeroUpper();
      a.ret();
      return [name, at] as const;
    });
    const code = a.finish();
    const { address } = host.place(code);
    const call = Object.fromEntries(
      entries.map(([name, at]) => {
        const f = host.callable(address + BigInt(at), 4);
        return [name, (...given: number[]) => f(base, ...[0, 1, 2].map((k) => (given[k] ?? 0) | 0))];
      }),
    );
    return { floats, words, call: call as never };
  },
});

export const nativeMachines: readonly Machine[] = isas.flatMap((isa) =>
  [true, false].map((fma) => nativeMachine(host as NativeHost, isa, { fma })),
);

/** Six updates of a model of 11 tokens, five steps each: their losses, and the parameters afterwards. */
export async function trainSix(layers: readonly LayerSpec[], seed: number, options: Omit<TrainerOptions, "steps">) {
  const model = sequential(layers, { seed });
  const trainer = await createTrainer(model, { ...options, steps: 5, clipNorm: 0.5 });
  const losses: number[] = [];
  for (let k = 0; k < 6; k++) {
    const tokens = Int32Array.from({ length: 5 * options.batch }, (_, i) => (i * i + 3 * i * k + k) % 11);
    const targets = tokens.map((id) => (id + 1) % 11);
    losses.push(await trainer.update({ tokens }, targets));
  }
  trainer.save();
  trainer.dispose();
  return { losses, values: model.values };
}

const engines: readonly EngineName[] = ["reference", "wasm", ...(host === undefined ? [] : (["native"] as const))];
/** Every engine that runs here, with each number of threads that is to be tried. */
export const enginesAndThreads = engines.flatMap((engine) =>
  (engine === "reference" ? [1] : [1, 2]).map((threads) => ({ engine, threads })),
);
