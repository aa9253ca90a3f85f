/**
 * A compiled plan with its memory: put inputs in, run, read values out. Knows nothing about cells, models or text.
 */
import { InputError } from "../graph/input-error.ts";
import { multiplyAdds, type Plan, type Slot } from "../schedule/plan.ts";
import { type EmitOptions, emit, memoryPages, pageBytes } from "../wasm/emit.ts";
import { relaxedSimd, sharedMemory } from "../wasm/features.ts";
import { checkMemory, refusedMemory } from "./memory-limit.ts";
import { availableThreads, dropFromPool, loadIntoPool, mayWait, type PoolProgram } from "./pool.ts";

export type LoadOptions = {
  /** Fused multiply-add where the host has it (default). Off: the same bits on every processor. */
  readonly fma?: boolean | undefined;
  /**
   * Threads that run it. Results are the same bits for any number. Without it: as many as there are cores for work that
   * is worth it, on shared memory; one where there is none (a page that is not cross-origin isolated).
   */
  readonly threads?: number | undefined;
};

/** Multiply-adds of a run from which threads gain more than it costs to call them: by message, and from here. */
const worthThreads = 4e6;
const worthThreadsHere = 1e6;
const mostThreads = 8;

function threadsFor(plan: Plan, wanted: number | undefined, here: boolean): number {
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= 64)) {
    throw new InputError(`threads: needs a whole number from 1 to 64, got ${wanted}`);
  }
  if (!sharedMemory() || (here && !mayWait())) return 1;
  const most = Math.min(mostThreads, availableThreads());
  const worth = multiplyAdds(plan) >= (here ? worthThreadsHere : worthThreads);
  return here ? Math.min(mostThreads, wanted ?? (worth ? most : 1)) : (wanted ?? (worth ? most : 1));
}

/**
 * Compile a plan and give it memory. Everything is zero at first. `here`: it is to run by `runHere`, one short step after
 * the other, not by `run`.
 * @throws InputError for a plan that needs more memory than WebAssembly has, or than the machine gives
 */
export async function load(
  plan: Plan,
  { fma = true, threads: wanted }: LoadOptions = {},
  { here = false }: { readonly here?: boolean } = {},
): Promise<Program> {
  checkMemory(plan.bytes, "the program");
  const threads = threadsFor(plan, wanted, here);
  const module = await compiled(plan, { fma: fma && relaxedSimd(), threads });
  const memory = allocate(memoryPages(plan, threads), threads > 1);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const exports = instance.exports as Exports;
  const pool = threads > 1 ? loadIntoPool(module, memory, threads) : undefined;
  const program = new Program(plan, memory, exports, { threads, pool });
  if (pool !== undefined) collected.register(program, pool.id);
  return program;
}

/** Modules by the content of their plan, the one used last at the end: a plan is compiled once, whoever made it. */
const modules = new Map<string, Promise<WebAssembly.Module>>();
const mostModules = 16;

function compiled(plan: Plan, options: EmitOptions): Promise<WebAssembly.Module> {
  const key = JSON.stringify([options, plan], exactly);
  let module = modules.get(key);
  if (module === undefined) {
    const compile = async (): Promise<WebAssembly.Module> => WebAssembly.compile(emit(plan, options));
    module = compile();
    // What failed may go well the next time.
    module.catch(() => modules.delete(key));
  }
  modules.delete(key);
  modules.set(key, module);
  for (const oldest of modules.keys()) if (modules.size > mostModules) modules.delete(oldest);
  return module;
}
/** What JSON would leave out, or write like something else. */
function exactly(_: string, value: unknown): unknown {
  if (value instanceof Map || value instanceof Set) return { all: [...value] };
  if (typeof value !== "number" || (Number.isFinite(value) && !Object.is(value, -0))) return value;
  return { number: Object.is(value, -0) ? "-0" : String(value) };
}

/** Workers hold a program's memory until the program itself is gone. */
const collected = new FinalizationRegistry<number>(dropFromPool);

function allocate(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory(shared ? { initial: pages, maximum: pages, shared } : { initial: pages });
  } catch (error) {
    throw refusedMemory(pages * pageBytes, "the program", error);
  }
}

type Exports = { readonly run: (thread: number, changed: 0 | 1) => void; readonly carry: () => void };

/** Owns its memory, which goes with the last reference to the program: there is nothing to free by hand. */
export class Program {
  readonly plan: Plan;
  readonly threads: number;
  /** Each state goes on from where the last run left it; without it the next run starts where the last one did. */
  readonly carry: () => void;
  private readonly memory: WebAssembly.Memory;
  private readonly exports: Exports;
  private readonly pool: PoolProgram | undefined;
  private readonly views: Views;
  /** Whether parameters may have changed since they were last laid out for the products. */
  private changed = true;

  constructor(
    plan: Plan,
    memory: WebAssembly.Memory,
    exports: Exports,
    { threads, pool }: { threads: number; pool: PoolProgram | undefined },
  ) {
    this.plan = plan;
    this.memory = memory;
    this.exports = exports;
    this.carry = exports.carry;
    this.threads = threads;
    this.pool = pool;
    this.views = viewsOf(plan, memory.buffer);
  }

  /**
   * The plan once: all its time steps. With several threads, in workers: this one stays free.
   * @throws where a thread fails; what the program holds is lost then, and it cannot run again
   */
  async run(): Promise<void> {
    if (this.pool === undefined) this.exports.run(0, this.takeChange());
    else await this.pool.run(this.takeChange());
  }
  /** The same at once, and in part here; for a program that was loaded for it. */
  runHere(): void {
    const changed = this.takeChange();
    this.pool?.lead(changed);
    this.exports.run(0, changed);
  }
  private takeChange(): 0 | 1 {
    const { changed } = this;
    this.changed = this.plan.changesParameters;
    return changed ? 1 : 0;
  }

  /** Vectors (T,B,D) or scalars (T,B), flat; without T where there is one value a sequence. */
  setInput(name: string, values: ArrayLike<number>): void {
    write(find(this.views.inputs, "input", name), values);
  }
  /** Indices (T,B), or (B), flat: tokens, classes. They are trusted to lie in their table. */
  setIndex(name: string, values: ArrayLike<number>): void {
    find(this.views.indices, "index", name).set(values);
  }
  setSetting(name: string, value: number): void {
    find(this.views.settings, "setting", name)[0] = value;
  }
  /** Keys of the dropout masks. */
  setKeys(key0: number, key1: number): void {
    this.views.keys[0] = key0;
    this.views.keys[1] = key1;
  }
  /** [n] or [rows, columns], flat. */
  setParameter(name: string, values: ArrayLike<number>): void {
    this.parameter(name).set(values);
  }
  /** A view into the program's memory; to write into it later, ask for it anew. */
  parameter(name: string): Float32Array {
    this.changed = true;
    const { offset, shape } = find(this.plan.parameters, "parameter", name);
    return this.floats(offset, product(shape));
  }
  /** The gradient of the last run: a view; zeros where the plan has no gradients because all of them are zero. */
  gradient(name: string): Float32Array {
    const { offset, shape } = find(this.plan.parameters, "parameter", name);
    if (this.plan.gradientSlab.floats === 0) return new Float32Array(product(shape));
    return this.floats(offset - this.plan.parameterSlab.offset + this.plan.gradientSlab.offset, product(shape));
  }
  /** All parameters in one run of numbers, with the padding between them: a view. */
  parameterSlab(): Float32Array {
    this.changed = true;
    const { offset, floats } = this.plan.parameterSlab;
    return this.floats(offset, floats);
  }
  /** What a state starts from (B,H), flat. */
  setState(name: string, values: ArrayLike<number>): void {
    write(find(this.views.starts, "state", name), values);
  }
  /** What a state starts from (B,H), flat: a copy, in an array of the caller's where one is given. */
  start(name: string, into?: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    return read(find(this.views.starts, "state", name), into);
  }
  /** A state after the last step (B,H), flat: a copy. */
  state(name: string): Float32Array<ArrayBuffer> {
    return read(find(this.views.states, "state", name));
  }
  /** Zeros for all states but these. */
  resetStates(kept: readonly string[] = []): void {
    for (const [name, { view }] of Object.entries(this.views.starts)) if (!kept.includes(name)) view.fill(0);
  }
  /**
   * A kept value over all steps (T,B,n), or (B,n) where it is one a sequence, flat: a copy, in an array of the caller's
   * where one is given.
   */
  output(name: string, into?: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    return read(find(this.views.outputs, "output", name), into);
  }
  /** The sum of a scalar over all examples and steps. */
  total(name: string): number {
    return find(this.views.totals, "total", name)[0] as number;
  }
  /** A run of numbers anywhere in memory: a view. For optimiser states. */
  floats(offset: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, offset, count);
  }
  get memoryBytes(): number {
    return this.memory.buffer.byteLength;
  }
}

/** The rows of a value: `size` numbers each, `stride` numbers from one to the next, padding between them. */
type Rows = { readonly view: Float32Array; readonly rows: number; readonly stride: number; readonly size: number };
type ByName<T> = Readonly<Record<string, T>>;

/** Where what goes in and out lies. Made once, so that a run makes nothing: a program's memory never grows. */
type Views = {
  readonly inputs: ByName<Rows>;
  readonly outputs: ByName<Rows>;
  /** What states start from, and what they are after the last step. */
  readonly starts: ByName<Rows>;
  readonly states: ByName<Rows>;
  readonly indices: ByName<Int32Array>;
  readonly settings: ByName<Float32Array>;
  readonly totals: ByName<Float32Array>;
  readonly keys: Int32Array;
};

function viewsOf(plan: Plan, buffer: ArrayBuffer): Views {
  const each = <T, U>(table: ByName<T>, make: (of: T) => U): ByName<U> =>
    Object.fromEntries(Object.entries(table).map(([name, of]) => [name, make(of)]));
  const rowsAt = ({ offset, rowBytes, size, rows }: Slot): Rows => {
    const stride = rowBytes / 4;
    const count = Math.max(0, (rows - 1) * stride + size);
    return { view: new Float32Array(buffer, offset, count), rows, stride, size };
  };
  const number = (offset: number): Float32Array => new Float32Array(buffer, offset, 1);
  return {
    inputs: each(plan.inputs, rowsAt),
    outputs: each(plan.outputs, rowsAt),
    starts: each(plan.states, rowsAt),
    states: each(plan.states, (slot) => rowsAt({ ...slot, offset: slot.last })),
    indices: each(plan.indices, ({ offset, rows }) => new Int32Array(buffer, offset, rows)),
    settings: each(plan.settings, number),
    totals: each(plan.totals, number),
    keys: new Int32Array(buffer, plan.keys, 2),
  };
}

function write({ view, rows, stride, size }: Rows, values: ArrayLike<number>): void {
  const count = rows * size;
  if (values.length !== count) throw new Error(`internal: ${count} numbers wanted, got ${values.length}`);
  // Without padding between them, or a single row.
  if (view.length === count) view.set(values);
  else
    for (let r = 0; r < rows; r++) for (let j = 0; j < size; j++) view[r * stride + j] = values[r * size + j] as number;
}
function read({ view, rows, stride, size }: Rows, into = new Float32Array(rows * size)): Float32Array<ArrayBuffer> {
  if (view.length === rows * size) into.set(view);
  else
    for (let r = 0; r < rows; r++) for (let j = 0; j < size; j++) into[r * size + j] = view[r * stride + j] as number;
  return into;
}

function find<T>(table: ByName<T>, kind: string, name: string): T {
  const found = table[name];
  if (found === undefined) throw new Error(`internal: the plan has no ${kind} ${name}`);
  return found;
}
const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
