/**
 * A compiled plan with its memory: put inputs in, run, read values out. Knows nothing about cells, models or text.
 */
import type { Graph } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { multiplyAdds, type Plan, pad4, type Slot } from "../schedule/plan.ts";
import { emit, pageBytes } from "../wasm/emit.ts";
import { relaxedSimd, sharedMemory } from "../wasm/features.ts";
import { checkMemory, refusedMemory } from "./memory-limit.ts";
import { availableThreads, dropFromPool, loadIntoPool, type PoolProgram } from "./pool.ts";

export type LoadOptions = {
  /** Fused multiply-add where the host has it (default). Off: the same bits on every processor. */
  readonly fma?: boolean | undefined;
  /**
   * Threads that run it. Results are the same bits for any number. Without it: as many as there are cores for work that
   * is worth it, on shared memory; one where there is none (a page that is not cross-origin isolated).
   */
  readonly threads?: number | undefined;
};

/** Multiply-adds of a run from which threads gain more than it costs to call them. */
const worthThreads = 4e6;
const mostThreads = 8;

function threadsFor(plan: Plan, wanted: number | undefined): number {
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= 64)) {
    throw new InputError(`threads: needs a whole number from 1 to 64, got ${wanted}`);
  }
  if (!sharedMemory()) return 1;
  return wanted ?? (multiplyAdds(plan) < worthThreads ? 1 : Math.min(mostThreads, availableThreads()));
}

/**
 * Compile a plan and give it memory. Everything is zero at first.
 * @throws InputError for a plan that needs more memory than WebAssembly has, or than the machine gives
 */
export async function load(plan: Plan, { fma = true, threads: wanted }: LoadOptions = {}): Promise<Program> {
  checkMemory(plan.bytes, "the program");
  const threads = threadsFor(plan, wanted);
  const bytes = emit(plan, { fma: fma && relaxedSimd(), threads });
  const module = await WebAssembly.compile(bytes);
  const memory = allocate(plan.bytes, threads > 1);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const exports = instance.exports as Exports;
  const pool = threads > 1 ? loadIntoPool(module, memory, threads) : undefined;
  const program = new Program(plan, memory, exports, { threads, moduleBytes: bytes.length, pool });
  if (pool !== undefined) collected.register(program, pool.id);
  return program;
}

/** Workers hold a program's memory until the program itself is gone. */
const collected = new FinalizationRegistry<number>(dropFromPool);

function allocate(bytes: number, shared: boolean): WebAssembly.Memory {
  const pages = Math.ceil(bytes / pageBytes);
  try {
    return new WebAssembly.Memory(shared ? { initial: pages, maximum: pages, shared } : { initial: pages });
  } catch (error) {
    throw refusedMemory(bytes, "the program", error);
  }
}

type Exports = { readonly run: (thread: number, changed: 0 | 1) => void; readonly carry: () => void };

/** Owns its memory, which goes with the last reference to the program: there is nothing to free by hand. */
export class Program {
  readonly plan: Plan;
  readonly threads: number;
  readonly moduleBytes: number;
  /** Each state goes on from where the last run left it; without it the next run starts where the last one did. */
  readonly carry: () => void;
  private readonly memory: WebAssembly.Memory;
  private readonly exports: Exports;
  private readonly pool: PoolProgram | undefined;
  /** Whether parameters may have changed since they were last laid out for the products. */
  private changed = true;

  constructor(
    plan: Plan,
    memory: WebAssembly.Memory,
    exports: Exports,
    { threads, moduleBytes, pool }: { threads: number; moduleBytes: number; pool: PoolProgram | undefined },
  ) {
    this.plan = plan;
    this.memory = memory;
    this.exports = exports;
    this.carry = exports.carry;
    this.threads = threads;
    this.moduleBytes = moduleBytes;
    this.pool = pool;
  }

  /** The plan once: all its time steps. With several threads, in workers: this one stays free. */
  async run(): Promise<void> {
    if (this.pool === undefined) this.exports.run(0, this.takeChange());
    else await this.pool.run(this.takeChange());
  }
  /** The same at once and here; only for a program of one thread. */
  runHere(): void {
    if (this.pool !== undefined) throw new Error("internal: a program of several threads cannot run here");
    this.exports.run(0, this.takeChange());
  }
  private takeChange(): 0 | 1 {
    const { changed } = this;
    this.changed = this.plan.changesParameters;
    return changed ? 1 : 0;
  }

  /** Vectors (T,B,D) or scalars (T,B), flat. */
  setInput(name: string, values: ArrayLike<number>): void {
    this.write(find(this.plan.inputs, "input", name), values, this.rows);
  }
  /** Indices (T,B), flat: tokens, classes. They are trusted to lie in their table. */
  setIndex(name: string, values: ArrayLike<number>): void {
    const { offset } = find(this.plan.indices, "index", name);
    new Int32Array(this.memory.buffer, offset, this.rows).set(values);
  }
  setSetting(name: string, value: number): void {
    new Float32Array(this.memory.buffer, find(this.plan.settings, "setting", name), 1)[0] = value;
  }
  /** Keys of the dropout masks. */
  setKeys(key0: number, key1: number): void {
    new Int32Array(this.memory.buffer, this.plan.keys, 2).set([key0 | 0, key1 | 0]);
  }
  /** [n] or [rows, columns], flat. */
  setParameter(name: string, values: ArrayLike<number>): void {
    this.parameter(name).set(values);
  }
  /** A view into the program's memory; to write into it later, ask for it anew. */
  parameter(name: string): Float32Array {
    this.changed = true;
    const { offset, shape } = find(this.plan.parameters, "parameter", name);
    return new Float32Array(this.memory.buffer, offset, product(shape));
  }
  /** The gradient of the last run: a view; zeros where the plan has no gradients because all of them are zero. */
  gradient(name: string): Float32Array {
    const { offset, shape } = find(this.plan.parameters, "parameter", name);
    if (this.plan.gradientSlab.floats === 0) return new Float32Array(product(shape));
    const at = offset - this.plan.parameterSlab.offset + this.plan.gradientSlab.offset;
    return new Float32Array(this.memory.buffer, at, product(shape));
  }
  /** All parameters in one run of numbers, with the padding between them: a view. */
  parameterSlab(): Float32Array {
    this.changed = true;
    const { offset, floats } = this.plan.parameterSlab;
    return new Float32Array(this.memory.buffer, offset, floats);
  }
  /** What a state starts from (B,H), flat. */
  setState(name: string, values: ArrayLike<number>): void {
    this.write(find(this.plan.states, "state", name), values, this.batch);
  }
  /** A state after the last step (B,H), flat: a copy. */
  state(name: string): Float32Array {
    const state = find(this.plan.states, "state", name);
    return this.read({ ...state, offset: state.last }, this.batch);
  }
  resetStates(): void {
    for (const [name, { size }] of Object.entries(this.plan.states)) {
      this.setState(name, new Float32Array(this.batch * size));
    }
  }
  /** A kept value over all steps (T,B,n), flat: a copy. */
  output(name: string): Float32Array {
    return this.read(find(this.plan.outputs, "output", name), this.rows);
  }
  /** The sum of a scalar over all examples and steps. */
  total(name: string): number {
    const offset = this.plan.totals[name];
    if (offset === undefined) throw new Error(`internal: the plan has no total ${name}`);
    return new Float32Array(this.memory.buffer, offset, 1)[0] as number;
  }
  /** A run of numbers anywhere in memory: a view. For optimiser states. */
  floats(offset: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, offset, count);
  }
  get memoryBytes(): number {
    return this.memory.buffer.byteLength;
  }
  get graph(): Graph {
    return this.section.graph;
  }

  private get section() {
    const [section] = this.plan.sections;
    if (section === undefined) throw new Error("internal: a plan without sections");
    return section;
  }
  private get batch(): number {
    return this.section.batch;
  }
  private get rows(): number {
    return this.section.batch * this.section.steps;
  }
  private write({ offset, rowBytes, size }: Slot, values: ArrayLike<number>, rows: number): void {
    if (values.length !== rows * size) throw new Error(`internal: ${rows * size} numbers wanted, got ${values.length}`);
    const stride = rowBytes / 4;
    const view = new Float32Array(this.memory.buffer, offset, rows * stride);
    if (stride === size) view.set(values);
    else
      for (let r = 0; r < rows; r++)
        for (let j = 0; j < size; j++) view[r * stride + j] = values[r * size + j] as number;
  }
  private read({ offset, rowBytes, size }: Slot, rows: number): Float32Array {
    const stride = rowBytes / 4;
    const view = new Float32Array(
      this.memory.buffer,
      offset,
      (rows - 1) * stride + Math.max(size, Math.min(stride, pad4(size))),
    );
    if (stride === size) return view.slice(0, rows * size);
    const out = new Float32Array(rows * size);
    for (let r = 0; r < rows; r++) out.set(view.subarray(r * stride, r * stride + size), r * size);
    return out;
  }
}

function find<T>(table: Readonly<Record<string, T>>, kind: string, name: string): T {
  const found = table[name];
  if (found === undefined) throw new Error(`internal: the plan has no ${kind} ${name}`);
  return found;
}
const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
