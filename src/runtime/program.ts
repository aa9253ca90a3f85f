/**
 * A compiled plan with its memory: put inputs in, run, read values out. Knows nothing about cells, models or text.
 */
import { InputError } from "../graph/input-error.ts";
import { contentOf, type Kept, numberOf, remember } from "../graph/remember.ts";
import { flag, type Schema, wholeNumber } from "../graph/schema.ts";
import { multiplyAdds, type Plan, reservedBytes, type Slot } from "../schedule/plan.ts";
import { type EmitOptions, emit, memoryPages, pageBytes } from "../wasm/emit.ts";
import { relaxedSimd, sharedMemory } from "../wasm/features.ts";
import { Disposable } from "./disposable.ts";
import { checkMemory, refusedMemory } from "./memory-limit.ts";
import { availableThreads, dropFromPool, loadIntoPool, mayWait, type PoolProgram, weigh } from "./pool.ts";

export type LoadOptions = {
  /** Fused multiply-add where the host has it (default). Off: the same bits on every processor. */
  readonly fma?: boolean | undefined;
  /**
   * Threads that run it. Results are the same bits for any number. Without it: as many as there are cores for work that
   * is worth it, on shared memory; one where there is none (a page that is not cross-origin isolated).
   */
  readonly threads?: number | undefined;
};

export const hostRules: Schema<LoadOptions> = { fma: flag, threads: wholeNumber(1, 64) };

/** Multiply-adds of a run from which threads gain more than it costs to call them: by message, and from here. */
const worthThreads = 4e6;
const worthThreadsHere = 1e6;
const mostThreads = 8;

function threadsFor(plan: Plan, wanted: number | undefined, here: boolean): number {
  if (!sharedMemory() || (here && !mayWait())) return 1;
  const most = Math.min(mostThreads, availableThreads());
  const worth = multiplyAdds(plan) >= (here ? worthThreadsHere : worthThreads);
  const threads = wanted ?? (worth ? most : 1);
  return here ? Math.min(mostThreads, threads) : threads;
}

/**
 * Compile a plan and give it memory. Everything is zero at first. `here`: it is to run by `runHere`, one short step after
 * the other, not by `run`. `owner` is what an error calls it after its end.
 * @throws InputError for a plan that needs more memory than WebAssembly has, or than the machine gives
 */
export async function load(
  plan: Plan,
  { fma = true, threads: wanted }: LoadOptions = {},
  { here = false, owner = "program" }: { readonly here?: boolean; readonly owner?: string } = {},
): Promise<Program> {
  checkMemory(plan.bytes, "the program");
  const threads = threadsFor(plan, wanted, here);
  const options: EmitOptions = { fma: fma && relaxedSimd(), threads };
  const key = contentOf({ plan: numberOf(plan), ...options });
  const module = await remember(modules, key, async () => WebAssembly.compile(emit(plan, options)));
  let instance = takeIdle(key);
  if (instance === undefined) {
    const memory = allocate(memoryPages(plan, threads), threads > 1);
    const exports = (await WebAssembly.instantiate(module, { env: { memory } })).exports as Exports;
    const pool = threads > 1 ? await loadIntoPool(module, memory, threads, exports.run) : undefined;
    instance = { key, threads, memory, buffer: memory.buffer, exports, pool };
  }
  return new Program(plan, instance, owner);
}

/** Modules by the content of their plan: a plan is compiled once, whoever made it. */
const modules: Kept<Promise<WebAssembly.Module>> = new Map();

/** A module with its memory, which one program has at a time. */
type Instance = {
  readonly key: string;
  readonly threads: number;
  readonly memory: WebAssembly.Memory;
  /** Of the memory, which makes a new object each time it is asked. */
  readonly buffer: ArrayBuffer;
  readonly exports: Exports;
  readonly pool: PoolProgram | undefined;
};

/** Instances that no program has, the one given back last at the end: the next program of the same plan takes it. */
const idle: Instance[] = [];
const mostIdle = 16;
const mostIdleBytes = 2 ** 28;
const bytesOf = ({ buffer }: Instance): number => buffer.byteLength;

function takeIdle(key: string): Instance | undefined {
  const at = idle.findIndex((one) => one.key === key);
  if (at < 0) return undefined;
  const [found] = idle.splice(at, 1) as [Instance];
  // As new; what threads meet by, in front of the plan, goes on.
  new Uint8Array(found.buffer, reservedBytes).fill(0);
  return found;
}
function keepIdle(instance: Instance): void {
  idle.push(instance);
  let bytes = idle.reduce((sum, one) => sum + bytesOf(one), 0);
  while (idle.length > mostIdle || bytes > mostIdleBytes) {
    const [dropped] = idle.splice(bytesOf(instance) > mostIdleBytes ? -1 : 0, 1) as [Instance];
    bytes -= bytesOf(dropped);
    if (dropped.pool !== undefined) dropFromPool(dropped.pool.id);
    // Shared or not, so that the collector hurries; when whoever gave it back is done with it.
    setTimeout(weigh, 0, bytesOf(dropped));
  }
}

/** Of a program that nobody disposed of workers hold the memory until it is collected. */
const collected = new FinalizationRegistry<number>(dropFromPool);

function allocate(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    const memory = new WebAssembly.Memory(shared ? { initial: pages, maximum: pages, shared } : { initial: pages });
    if (shared) weigh(pages * pageBytes);
    return memory;
  } catch (error) {
    throw refusedMemory(pages * pageBytes, "the program", error);
  }
}

type Exports = { readonly run: (thread: number, changed: 0 | 1) => void; readonly carry: () => void };

/** Owns its instance until it is disposed of; views of its memory end with it. */
export class Program extends Disposable {
  readonly plan: Plan;
  readonly threads: number;
  private readonly owner: string;
  private held: Instance | undefined;
  private readonly allViews: Views;
  /** Collected with the program: what is watched for that lives longer than other garbage, so it is small. */
  private readonly lease = {};
  /** Whether parameters may have changed since they were last laid out for the products. */
  private changed = true;

  constructor(plan: Plan, instance: Instance, owner: string) {
    super();
    this.plan = plan;
    this.threads = instance.threads;
    this.owner = owner;
    this.held = instance;
    this.allViews = viewsOf(plan, instance.buffer);
    if (instance.pool !== undefined) collected.register(this.lease, instance.pool.id, this.lease);
  }

  dispose(): void {
    const { held } = this;
    if (held === undefined) return;
    this.held = undefined;
    collected.unregister(this.lease);
    if (held.pool !== undefined) held.pool.whenFree(() => keepIdle(held));
    else {
      // Detaches the views that are out there; those of shared memory cannot be.
      held.memory.grow(0);
      keepIdle({ ...held, buffer: held.memory.buffer });
    }
  }
  /** @throws InputError once it is disposed of */
  get instance(): Instance {
    if (this.held === undefined) throw new InputError(`${this.owner}: used after dispose(). Create another one.`);
    return this.held;
  }
  private get views(): Views {
    return this.instance && this.allViews;
  }

  /**
   * The plan once: all its time steps. With several threads, in workers: this one stays free.
   * @throws where a thread fails; what the program holds is lost then, and it cannot run again
   */
  async run(): Promise<void> {
    const { pool, exports } = this.instance;
    if (pool === undefined) exports.run(0, this.takeChange());
    else await pool.run(this.takeChange());
  }
  /** The same at once, and in part here; for a program that was loaded for it. Throws as `run` rejects. */
  runHere(): void {
    const { pool, exports } = this.instance;
    if (pool === undefined) exports.run(0, this.takeChange());
    else pool.lead(this.takeChange());
  }
  /** Each state goes on from where the last run left it; without it the next run starts where the last one did. */
  carry(): void {
    this.instance.exports.carry();
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
    return new Float32Array(this.instance.buffer, offset, count);
  }
  get memoryBytes(): number {
    return this.instance.buffer.byteLength;
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
