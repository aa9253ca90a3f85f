/**
 * The peak that products are held against: the most f32 multiply-adds a second that this machine does on registers alone, in
 * the vectors of an engine, with one thread and with all at once. Knows nothing about plans.
 */
import { Assembler, type Isa, rax, rdi } from "../engines/native/assembler.ts";
import { barrier, meetingAt } from "../engines/native/barrier.ts";
import { type NativeHost, nativeHost } from "../engines/native/executable-memory.ts";
import { memoryBase } from "../engines/native/function.ts";
import { availableThreads, dropFromPool, loadIntoPool } from "../engines/threads/pool.ts";
import { assembleModule, func } from "../engines/wasm/assembler.ts";
import { relaxedSimd } from "../engines/wasm/features.ts";
import { call, f32x4, forLoop, i32, v128 } from "../engines/wasm/instructions.ts";
import { barrierFunction } from "../engines/wasm/share.ts";
import { madd } from "../engines/wasm/vector-ops.ts";
import type { OwnEngine } from "./engines.ts";

export type Peak = {
  readonly engine: OwnEngine;
  /** Threads that ran at once, and what they did together, in GFLOP/s. */
  readonly threads: number;
  readonly gflops: number;
  /** What one did alone. */
  readonly oneThread: number;
};

/** So many multiply-adds, whose sums do not wait for each other, make a round. */
type Loop = { readonly operations: number; readonly run: () => void | Promise<void>; readonly end: () => void };
const rounds = 4e6;

/** The best of a few repetitions, each of some 10 ms. Threads wait for each other before the loop and after it. */
export async function measurePeak(
  engine: OwnEngine,
  { threads = Math.min(availableThreads(), 64), repetitions = 25 } = {},
): Promise<Peak> {
  const start = engine.name === "native" ? await nativeLoop(engine.isa as Isa) : wasmLoop;
  const measured = async (count: number): Promise<number> => {
    const { operations, run, end } = await start(count);
    await run();
    let least = Number.POSITIVE_INFINITY;
    for (let k = 0; k < repetitions; k++) {
      const begin = performance.now();
      await run();
      least = Math.min(least, performance.now() - begin);
    }
    end();
    return (count * 2 * operations * rounds) / least / 1e6;
  };
  const oneThread = await measured(1);
  const together = threads === 1 ? oneThread : await measured(threads);
  return { engine, threads, gflops: Math.max(oneThread, together), oneThread };
}

/** Memory in which threads meet. */
const sharedNumbers = (): Int32Array => new Int32Array(new SharedArrayBuffer(64));

/** What threads know by its address alone, and read until they are on their way out of a run. */
const read: unknown[] = [];

async function nativeLoop(isa: Isa): Promise<(threads: number) => Promise<Loop>> {
  const host = await nativeHost();
  const sums = isa === "avx512" ? 28 : 12;
  return async (threads) => {
    const operations = sums * (isa === "avx512" ? 16 : 8);
    const { address, free } = host.place(multiplyAdds(isa, sums, threads));
    if (threads === 1) return { operations, run: () => host.callable(address, 1)(0), end: free };
    const numbers = sharedNumbers();
    const memory = new BigInt64Array(8);
    memory[meetingAt / 8] = host.addressOf(numbers);
    const base = host.addressOf(memory);
    read.push(numbers, memory);
    const pool = await loadIntoPool(workerCode(host, address, base), numbers, threads, () => {
      throw new Error("the threads did not start");
    });
    // The first thread says that a run has ended; another may still be on its way out, so the code stays.
    return { operations, run: () => pool.run(0), end: () => dropFromPool(pool.id) };
  };
}

/** A function of the address of memory that says where so many threads meet: before the loop and after it. */
function multiplyAdds(isa: Isa, sums: number, threads: number): Uint8Array {
  const a = new Assembler(isa);
  const [x, y] = [sums, sums + 1];
  const [wait, top] = [a.label(), a.label()];
  const meet = (): void => {
    if (threads > 1) a.call(wait);
  };
  a.push(memoryBase);
  a.move(memoryBase, rdi);
  // 0.5: sums grow until they are so large that nothing is added to them any more.
  for (const one of [x, y]) a.broadcast(one, a.constants([0x3f000000]));
  for (let k = 0; k < sums; k++) a.binary("pxor", k, k, k);
  meet();
  a.moveConstant(rax, rounds);
  a.align(32);
  a.place(top);
  for (let k = 0; k < sums; k++) a.binary("fmadd231ps", k, x, y);
  a.arithmeticWith("sub", rax, 1);
  a.jumpIf("ne", top);
  meet();
  a.pop(memoryBase);
  a.zeroUpper();
  a.ret();
  if (threads > 1) barrier(a, wait, threads);
  return a.finish();
}

const workerCode = (host: NativeHost, address: bigint, base: bigint): { readonly make: string } & object => ({
  make: `(({ koffi, address, base }) => {
    const { decode, load, proto } = require(koffi);
    load(null); // Without it, this thread has no memory for calls.
    const run = decode(address, proto("void (int64_t)"));
    return { run: () => run(base) };
  })`,
  ...{ koffi: host.koffi, address, base },
});

async function wasmLoop(threads: number): Promise<Loop> {
  const host = { fma: relaxedSimd() };
  const sums = 12;
  const meet = barrierFunction();
  const run = func({ export: "run", params: ["i32", "i32"], results: [] }, (f) => {
    const all = Array.from({ length: sums }, () => f.local("v128"));
    const [x, y, i] = [f.local("v128"), f.local("v128"), f.local("i32")];
    const together = threads > 1 ? call(meet) : [];
    return [
      x.set(v128.load(i32.const(64))),
      y.set(v128.load(i32.const(80))),
      together,
      forLoop(f, i, 0, i32.const(rounds), 1, [all.map((sum) => sum.set(madd(x.get, y.get, sum.get, host)))]),
      v128.store(
        i32.const(96),
        all.slice(1).reduce((total, sum) => f32x4.add(total, sum.get), (all[0] as (typeof all)[number]).get),
      ),
      together,
    ];
  });
  const shared = threads > 1;
  const limits = shared ? { maxPages: 1, shared } : {};
  const bytes = assembleModule({ memory: { minPages: 1, ...limits }, functions: [run, ...(shared ? [meet] : [])] });
  const memory = new WebAssembly.Memory(shared ? { initial: 1, maximum: 1, shared } : { initial: 1 });
  new Float32Array(memory.buffer, 64, 8).fill(0.5);
  const module = await WebAssembly.compile(bytes);
  const exports = (await WebAssembly.instantiate(module, { env: { memory } })).exports as Exports;
  const operations = 4 * sums;
  if (!shared) return { operations, run: () => exports.run(0, 0), end: () => {} };
  const pool = await loadIntoPool({ module, memory }, new Int32Array(memory.buffer), threads, exports.run);
  return { operations, run: () => pool.run(0), end: () => dropFromPool(pool.id) };
}
type Exports = { readonly run: (thread: number, changed: number) => void };
