/**
 * The engine "wasm": compiles plans to WASM, equal plans once, and hands the memory of a program on to the next one of an
 * equal plan. Knows nothing about cells, models or text.
 */
import { contentOf, type Kept, numberOf, remember } from "../../graph/remember.ts";
import { multiplyAdds } from "../../schedule/cost.ts";
import type { Plan } from "../../schedule/plan.ts";
import type { Engine, Executable } from "../engine.ts";
import { allocateMemory, checkMemory } from "../memory-limit.ts";
import { availableThreads, dropFromPool, loadIntoPool, mayWait, type PoolProgram } from "../threads/pool.ts";
import { weigh } from "../threads/weigh.ts";
import { type EmitOptions, emit, layOutModule, pageBytes } from "./emit.ts";
import { relaxedSimd, sharedMemory } from "./features.ts";
import { target } from "./target.ts";

/** Multiply-adds of a run from which on threads are worth their cost: called by a message, and by `runSync`. */
const worthThreads = 4e6;
const worthThreadsSync = 1e6;
const maxThreads = 8;

function threadsFor(plan: Plan, wanted: number | undefined, sync: boolean): number {
  if (!sharedMemory() || (sync && !mayWait())) return 1;
  const most = Math.min(maxThreads, availableThreads());
  const worth = multiplyAdds(plan) >= (sync ? worthThreadsSync : worthThreads);
  const threads = wanted ?? (worth ? most : 1);
  return sync ? Math.min(maxThreads, threads) : threads;
}

/** The engine of pages and of Node: vectors of 128 bits, threads on shared memory. */
export const wasm: Engine = {
  name: target.name,
  target,
  async load(plan, { fma = true, threads: wanted }, { sync }) {
    checkMemory(plan.bytes, "the program", target);
    const threads = threadsFor(plan, wanted, sync);
    const options: EmitOptions = { fma: fma && relaxedSimd(), threads };
    const key = contentOf({ plan: numberOf(plan), ...options });
    const { pages, module } = await remember(modules, key, () => compile(plan, options));
    let instance = takeIdle(key);
    if (instance === undefined) {
      const memory = allocate(pages, threads > 1);
      const exports = (await WebAssembly.instantiate(module, { env: { memory } })).exports as Exports;
      const pool =
        threads > 1
          ? await loadIntoPool({ module, memory }, new Int32Array(memory.buffer), threads, exports.run)
          : undefined;
      instance = { key, threads, buffer: memory.buffer, exports, pool };
    }
    return new WasmExecutable(instance);
  },
};

type Compiled = { readonly module: WebAssembly.Module; readonly pages: number };

/** Modules by the content of their plan: a plan is compiled once, whoever made it. */
const modules: Kept<Promise<Compiled>> = new Map();

async function compile(plan: Plan, options: EmitOptions): Promise<Compiled> {
  const layout = layOutModule(plan, options.threads);
  checkMemory(layout.pages * pageBytes, "the program", target);
  return { module: await WebAssembly.compile(emit(plan, layout, options)), pages: layout.pages };
}

/** A module with its memory, which one program has at a time. */
type Instance = {
  readonly key: string;
  readonly threads: number;
  readonly buffer: ArrayBuffer;
  readonly exports: Exports;
  readonly pool: PoolProgram | undefined;
};
type Exports = { readonly run: (thread: number, changed: 0 | 1) => void; readonly advance: () => void };

/** Instances without a program, the one returned last at the end. The next program of an equal plan takes one. */
const idle: Instance[] = [];
const maxIdle = 16;
const maxIdleBytes = 2 ** 28;
const bytesOf = ({ buffer }: Instance): number => buffer.byteLength;

function takeIdle(key: string): Instance | undefined {
  const at = idle.findIndex((one) => one.key === key);
  if (at < 0) return undefined;
  const [found] = idle.splice(at, 1) as [Instance];
  // Zeros, as in a new one, but not in front of the plan: there threads synchronise.
  new Uint8Array(found.buffer, target.reservedBytes).fill(0);
  return found;
}
function keepIdle(instance: Instance): void {
  idle.push(instance);
  let bytes = idle.reduce((sum, one) => sum + bytesOf(one), 0);
  while (idle.length > maxIdle || bytes > maxIdleBytes) {
    const [dropped] = idle.splice(bytesOf(instance) > maxIdleBytes ? -1 : 0, 1) as [Instance];
    bytes -= bytesOf(dropped);
    if (dropped.pool !== undefined) dropFromPool(dropped.pool.id);
    // Shared or not, so that the collector hurries; when whoever gave it back is done with it.
    setTimeout(weigh, 0, bytesOf(dropped));
  }
}

/** If nobody disposes of a program, the workers hold its memory until the program is collected. */
const collected = new FinalizationRegistry<number>(dropFromPool);

function allocate(pages: number, shared: boolean): WebAssembly.Memory {
  const bytes = pages * pageBytes;
  const size = shared ? { initial: pages, maximum: pages, shared } : { initial: pages };
  const memory = allocateMemory(bytes, () => new WebAssembly.Memory(size));
  if (shared) weigh(bytes);
  return memory;
}

class WasmExecutable implements Executable {
  private readonly instance: Instance;
  /** The garbage collector watches this small object in place of the program, because what it watches is freed late. */
  private readonly lease = {};

  constructor(instance: Instance) {
    this.instance = instance;
    if (instance.pool !== undefined) collected.register(this.lease, instance.pool.id, this.lease);
  }
  get threads(): number {
    return this.instance.threads;
  }
  get bytes(): number {
    return bytesOf(this.instance);
  }
  numbers(address: number, count: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.instance.buffer, address, count);
  }
  integers(address: number, count: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.instance.buffer, address, count);
  }
  /** With several threads, in workers: this one stays free. */
  async run(changed: 0 | 1): Promise<void> {
    const { pool, exports } = this.instance;
    if (pool === undefined) exports.run(0, changed);
    else await pool.run(changed);
  }
  runSync(changed: 0 | 1): void {
    const { pool, exports } = this.instance;
    if (pool === undefined) exports.run(0, changed);
    else pool.lead(changed);
  }
  advanceStates(): void {
    this.instance.exports.advance();
  }
  async fetch(): Promise<void> {}
  dispose(): void {
    const { instance } = this;
    collected.unregister(this.lease);
    if (instance.pool === undefined) keepIdle(instance);
    else instance.pool.whenFree(() => keepIdle(instance));
  }
}
