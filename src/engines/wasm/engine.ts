/**
 * The engine "wasm": compiles plans to WASM, equal plans once. Knows nothing about cells, models or text.
 */
import { contentOf, type Kept, numberOf, remember } from "../../graph/remember.ts";
import { multiplyAdds } from "../../schedule/cost.ts";
import type { Plan } from "../../schedule/plan.ts";
import type { Engine } from "../engine.ts";
import { InstanceExecutable, takeIdle } from "../instance.ts";
import { allocateMemory, checkMemory } from "../memory-limit.ts";
import { availableThreads, loadIntoPool, mayWait } from "../threads/pool.ts";
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

/** The engine of pages, and of Node where machine code cannot run: vectors of 128 bits, threads on shared memory. */
export const wasm: Engine = {
  name: target.name,
  target,
  async load(plan, { fma = true, threads: wanted }, { sync }) {
    checkMemory(plan.bytes, "the program", target);
    const threads = threadsFor(plan, wanted, sync);
    const options: EmitOptions = { fma: fma && relaxedSimd(), threads };
    const key = contentOf({ wasm: numberOf(plan), ...options });
    const { pages, module } = await remember(modules, key, () => compile(plan, options));
    let instance = takeIdle(key);
    if (instance === undefined) {
      const memory = allocate(pages, threads > 1);
      const exports = (await WebAssembly.instantiate(module, { env: { memory } })).exports as Exports;
      const { buffer } = memory;
      const pool =
        threads > 1 ? await loadIntoPool({ module, memory }, new Int32Array(buffer), threads, exports.run) : undefined;
      const place = { start: 0, reserved: target.reservedBytes, bytes: buffer.byteLength };
      instance = { key, threads, buffer, pool, ...place, ...exports };
    }
    return new InstanceExecutable(instance);
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

type Exports = { readonly run: (thread: number, how: number) => void; readonly advance: () => void };

function allocate(pages: number, shared: boolean): WebAssembly.Memory {
  const bytes = pages * pageBytes;
  const size = shared ? { initial: pages, maximum: pages, shared } : { initial: pages };
  const memory = allocateMemory(bytes, () => new WebAssembly.Memory(size));
  if (shared) weigh(bytes);
  return memory;
}
