/**
 * A compiled plan with its memory: put inputs in, run, read values out. Knows nothing about cells, models or text.
 */
import type { Graph } from "../graph/graph.ts";
import type { Plan, Slot } from "../schedule/plan.ts";
import { pad4 } from "../schedule/plan.ts";
import { emit, pageBytes } from "../wasm/emit.ts";
import { relaxedSimd } from "../wasm/features.ts";
import { checkMemory, refusedMemory } from "./memory-limit.ts";

export type LoadOptions = {
  /** Fused multiply-add where the host has it (default). Off: the same bits on every processor. */
  readonly fma?: boolean;
};

/**
 * Compile a plan and give it memory. Everything is zero at first.
 * @throws InputError for a plan that needs more memory than WebAssembly has, or than the machine gives
 */
export async function load(plan: Plan, { fma = true }: LoadOptions = {}): Promise<Program> {
  checkMemory(plan.bytes, "the program");
  const bytes = emit(plan, { fma: fma && relaxedSimd() });
  const module = await WebAssembly.compile(bytes);
  const memory = allocate(plan.bytes);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  return new Program(plan, memory, instance.exports as Exports, bytes.length);
}

function allocate(bytes: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: Math.ceil(bytes / pageBytes) });
  } catch (error) {
    throw refusedMemory(bytes, "the program", error);
  }
}

type Exports = { readonly run: () => void; readonly carry: () => void };

/** Owns its memory, which goes with the last reference to the program: there is nothing to free by hand. */
export class Program {
  readonly plan: Plan;
  readonly moduleBytes: number;
  /** The plan once: all its time steps. */
  readonly run: () => void;
  /** Each state goes on from where the last run left it; without it the next run starts where the last one did. */
  readonly carry: () => void;
  private readonly memory: WebAssembly.Memory;

  constructor(plan: Plan, memory: WebAssembly.Memory, exports: Exports, moduleBytes: number) {
    this.plan = plan;
    this.memory = memory;
    this.run = exports.run;
    this.carry = exports.carry;
    this.moduleBytes = moduleBytes;
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
    const offset = this.plan.settings[name];
    if (offset !== undefined) new Float32Array(this.memory.buffer, offset, 1)[0] = value;
  }
  /** Keys of the dropout masks. */
  setKeys(key0: number, key1: number): void {
    new Int32Array(this.memory.buffer, this.plan.keys, 2).set([key0 | 0, key1 | 0]);
  }
  /** [n] or [rows, columns], flat. */
  setParameter(name: string, values: ArrayLike<number>): void {
    this.parameter(name).set(values);
  }
  /** A view into the program's memory. */
  parameter(name: string): Float32Array {
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
