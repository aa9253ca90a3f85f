/**
 * A Program: a plan loaded into an engine. Inputs are set by name, outputs are read by name; every value read is a copy.
 */
import type { Executable, HostOptions, InferenceOptions, Numbers } from "../engines/engine.ts";
import { engineFor, engineOf } from "../engines/registry.ts";
import type { Graph } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import type { ParameterRun, Part, Plan, Slot } from "../schedule/plan.ts";
import { type ScheduleOptions, schedule } from "../schedule/schedule.ts";
import { Disposable } from "./disposable.ts";

/** `sync`: load it for `runSync`, for many short runs. `owner`: the name in the error "used after dispose()". */
export type LoadOptions = { readonly sync?: boolean; readonly owner?: string };
/** What `setParameters` makes of each parameter, by its shape. */
export type Round = (values: ArrayLike<number>, shape: readonly number[]) => ArrayLike<number>;

/**
 * Load a plan into the engine of its target: the engine compiles it and allocates its memory, all zeros.
 * @throws InputError if the plan needs more memory than the engine or the machine has, or the engine lacks the precision or `sync`
 */
export async function load(
  plan: Plan,
  host: InferenceOptions = {},
  { sync = false, owner = "program" }: LoadOptions = {},
): Promise<Program> {
  const { target } = plan;
  const isRounded = host.precision === "bf16" || host.quantize;
  // Loaded by who asks for it.
  const round = isRounded ? await (await import("./precision.ts")).roundingOf(host, target, engineOf) : undefined;
  const engine = await engineOf(target.name);
  return new Program(plan, await engine.load(plan, host, { sync }), owner, round);
}

/** Schedule a graph for the engine named by `host.engine`, and load it. */
export async function compile(
  graph: Graph,
  sizes: Omit<ScheduleOptions, "target">,
  host: HostOptions = {},
  how?: LoadOptions,
): Promise<Program> {
  const { target } = await engineFor(host);
  return load(schedule(graph, { target, precision: host.precision, ...sizes }), host, how);
}

/** A loaded plan. It owns the engine's memory and threads until `dispose()`. */
export class Program extends Disposable {
  readonly plan: Plan;
  readonly threads: number;
  private readonly owner: string;
  private readonly round: Round;
  private held: Executable | undefined;
  private readonly allViews: Views;
  /** Whether parameters may have changed since the last run. */
  private dirty = true;

  constructor(plan: Plan, executable: Executable, owner: string, round: Round = (values) => values) {
    super();
    this.plan = plan;
    this.threads = executable.threads;
    this.owner = owner;
    this.round = round;
    this.held = executable;
    this.allViews = viewsOf(plan, executable);
  }

  dispose(): void {
    const { held } = this;
    this.held = undefined;
    held?.dispose();
  }
  /**
   * What the engine has made of it.
   * @throws InputError once it is disposed of
   * @internal
   */
  get executable(): Executable {
    if (this.held === undefined) throw new InputError(`${this.owner}: used after dispose(). Create another one.`);
    return this.held;
  }
  private get views(): Views {
    return this.executable && this.allViews;
  }
  /** @throws InputError once it is disposed of */
  checkOpen(): void {
    void this.executable;
  }

  /**
   * Run the plan once, over all its time steps. Outputs, totals and states can be read afterwards.
   * @throws if a thread fails; the program's values are lost then, and it cannot run again
   */
  async run(): Promise<void> {
    await this.whileOpen(this.executable.run(this.consumeDirty()));
  }
  /** What the engine says of a program that was disposed of while it ran is not what is wrong. */
  private async whileOpen<T>(running: Promise<T>): Promise<T> {
    try {
      return await running;
    } catch (error) {
      this.checkOpen();
      throw error;
    }
  }
  /**
   * Run a plan in parts once, section by section.
   * @param before awaited before each section with its number
   * @param after called after each section
   * @throws as `run`
   */
  async runInParts(before: (section: number) => Promise<void>, after: (section: number) => void): Promise<void> {
    const changed = this.consumeDirty();
    for (let k = 0; k < this.plan.sections.length; k++) {
      await before(k);
      await this.whileOpen(this.executable.run(changed, k));
      await this.fetch();
      after(k);
    }
  }
  /** A view of the gradients of a part, in the program's memory. It is valid until `dispose`. */
  gradientsOf({ start, count }: Part["completes"][number]): Numbers {
    const { gradients } = this.views;
    if (gradients === undefined) throw new Error("internal: the plan has no gradients");
    return gradients.subarray(start, start + count);
  }
  /** `run`, synchronously, for a program loaded with `sync: true`. Throws where `run` rejects. */
  runSync(): void {
    this.executable.runSync(this.consumeDirty());
  }
  /** Let each state of the next run start from its last value of this run. Without this call the next run starts where this one did. */
  advanceStates(): void {
    this.executable.advanceStates();
  }
  /** Copy parameters, gradients and slots from the device to the host. Call it before they are read; it does nothing where the memory is the host's. */
  fetch(): Promise<void> {
    return this.whileOpen(this.executable.fetch());
  }
  private consumeDirty(): 0 | 1 {
    const { dirty } = this;
    this.dirty = this.plan.changesParameters;
    return dirty ? 1 : 0;
  }

  /** Set an input: vectors (T,B,D) or scalars (T,B), flat; without T if there is one value per sequence. */
  setInput(name: string, values: ArrayLike<number>): void {
    write(find(this.views.inputs, "input", name), values);
  }
  /** Set an index input (T,B) or (B), flat: tokens, classes. The caller checks that they are in range. */
  setIndex(name: string, values: ArrayLike<number>): void {
    find(this.views.indices, "index", name).set(values);
  }
  setSetting(name: string, value: number): void {
    find(this.views.settings, "setting", name)[0] = value;
  }
  /** Set the keys of the dropout masks. */
  setKeys(key0: number, key1: number): void {
    this.views.keys[0] = key0;
    this.views.keys[1] = key1;
  }

  /** Set a parameter, [n] or [rows, columns], flat. */
  setParameter(name: string, values: ArrayLike<number>): void {
    this.inSlab(this.views.parameters, name).set(values);
    this.wrote(name);
  }
  /** Set all parameters of the plan, by name; further names are ignored. */
  setParameters(values: Readonly<Record<string, ArrayLike<number>>>): void {
    for (const [name, { shape }] of Object.entries(this.plan.parameters)) {
      this.setParameter(name, this.round(values[name] as ArrayLike<number>, shape));
    }
  }
  parameter(name: string, into?: Float32Array): Float32Array {
    return copy(this.inSlab(this.views.parameters, name), into);
  }
  /** All parameters in one array of `plan.slabs.numbers` numbers: in the plan's order, with the padding between them. */
  allParameters(into?: Float32Array): Float32Array {
    return copy(this.views.parameters, into);
  }
  setAllParameters(values: ArrayLike<number>): void {
    this.views.parameters.set(values);
    this.wrote();
  }
  /** Whether no parameter is infinite or NaN. */
  hasFiniteParameters(): boolean {
    return allFinite(this.views.parameters);
  }
  /** The gradient of the last run; zeros if the plan has no gradients, because all are zero. */
  gradient(name: string, into?: Float32Array): Float32Array {
    const { gradients } = this.views;
    if (gradients !== undefined) return copy(this.inSlab(gradients, name), into);
    return new Float32Array(find(this.plan.parameters, "parameter", name).size);
  }
  /** A slot of the optimiser (such as Adam's "m") for a parameter; the slot "w" is the parameter itself. */
  slot(slot: string, parameter: string, into?: Float32Array): Float32Array {
    return copy(this.inSlab(find(this.views.slots, "slot", slot), parameter), into);
  }
  setSlot(slot: string, parameter: string, values: ArrayLike<number>): void {
    this.inSlab(find(this.views.slots, "slot", slot), parameter).set(values);
    this.wrote(parameter, this.plan.slots[slot]);
  }
  /** A slab of parameters or slots is no longer what it was, or one parameter's part of it. */
  private wrote(name?: string, slab = this.plan.slabs.parameters): void {
    this.dirty = true;
    this.held?.wrote?.(slab, name);
  }
  private inSlab(slab: Numbers, name: string): Numbers {
    const { start, size } = find<ParameterRun>(this.plan.parameters, "parameter", name);
    return slab.subarray(start, start + size);
  }

  /** Set the value (B,H), flat, that a state starts from. */
  setState(name: string, values: ArrayLike<number>): void {
    write(find(this.views.starts, "state", name), values);
  }
  /** Set the value (H) that a state of one example starts from. */
  setStateOf(example: number, name: string, values: ArrayLike<number>): void {
    const { view, stride, size } = find(this.views.starts, "state", name);
    for (let j = 0; j < size; j++) view[example * stride + j] = values[j] as number;
  }
  /** The value (B,H), flat, that a state starts from. */
  start(name: string, into?: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    return read(find(this.views.starts, "state", name), into);
  }
  /** The value (H) that a state of one example starts from. */
  startOf(example: number, name: string, into: Float32Array): void {
    const { view, stride, size } = find(this.views.starts, "state", name);
    for (let j = 0; j < size; j++) into[j] = view[example * stride + j] as number;
  }
  /** The value (B,H), flat, of a state after the last step. */
  state(name: string): Float32Array<ArrayBuffer> {
    return read(find(this.views.states, "state", name));
  }
  /** Set all states but these to zeros. */
  resetStates(kept: readonly string[] = []): void {
    for (const [name, { view }] of Object.entries(this.views.starts)) if (!kept.includes(name)) view.fill(0);
  }
  /** A kept value of all steps (T,B,n), or (B,n) if there is one per sequence, flat. */
  output(name: string, into?: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    return read(find(this.views.outputs, "output", name), into);
  }
  /** The sum of a scalar over all examples and steps. */
  total(name: string): number {
    return find(this.views.totals, "total", name)[0] as number;
  }
  get memoryBytes(): number {
    return this.executable.bytes;
  }
}

/** The rows of a value: `size` numbers each, `stride` numbers from one to the next, padding between them. */
type Rows = { readonly view: Numbers; readonly rows: number; readonly stride: number; readonly size: number };
type ByName<T> = Readonly<Record<string, T>>;

/** Views of the program's inputs and outputs. Made once, so that a run allocates nothing; the memory never grows. */
type Views = {
  readonly inputs: ByName<Rows>;
  readonly outputs: ByName<Rows>;
  /** The states' values before the first step (`starts`) and after the last step. */
  readonly starts: ByName<Rows>;
  readonly states: ByName<Rows>;
  readonly indices: ByName<ReturnType<Executable["integers"]>>;
  readonly settings: ByName<Numbers>;
  readonly totals: ByName<Numbers>;
  readonly keys: ReturnType<Executable["integers"]>;
  /** All parameters, and all gradients if the plan has them. */
  readonly parameters: Numbers;
  readonly gradients: Numbers | undefined;
  readonly slots: ByName<Numbers>;
};

function viewsOf(plan: Plan, executable: Executable): Views {
  const each = <T, U>(table: ByName<T>, make: (of: T) => U): ByName<U> =>
    Object.fromEntries(Object.entries(table).map(([name, of]) => [name, make(of)]));
  const rowsAt = ({ offset, rowBytes, size, rows }: Slot): Rows => {
    const stride = rowBytes / 4;
    const count = Math.max(0, (rows - 1) * stride + size);
    return { view: executable.numbers(offset, count), rows, stride, size };
  };
  const number = (offset: number): Numbers => executable.numbers(offset, 1);
  const slab = (offset: number): Numbers => executable.numbers(offset, plan.slabs.numbers);
  const { parameters, gradients } = plan.slabs;
  return {
    inputs: each(plan.inputs, rowsAt),
    outputs: each(plan.outputs, rowsAt),
    starts: each(plan.states, rowsAt),
    states: each(plan.states, (slot) => rowsAt({ ...slot, offset: slot.last })),
    indices: each(plan.indices, ({ offset, rows }) => executable.integers(offset, rows)),
    settings: each(plan.settings, number),
    totals: each(plan.totals, number),
    keys: executable.integers(plan.keys, 2),
    parameters: slab(parameters),
    gradients: gradients === undefined ? undefined : slab(gradients),
    slots: each(plan.slots, slab),
  };
}

function write({ view, rows, stride, size }: Rows, values: ArrayLike<number>): void {
  const count = rows * size;
  if (values.length !== count) throw new Error(`internal: ${count} numbers wanted, got ${values.length}`);
  // A single row, or rows without padding between them.
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
function copy(view: Numbers, into: Float32Array = new Float32Array(view.length)): Float32Array {
  into.set(view);
  return into;
}

/** The exponent bits that are all set only for infinities and NaN. */
const endless = 0x7f800000;

/** Whether all are finite. Tested on the bits: reading floats one by one may allocate an object for each. */
function allFinite(view: Numbers): boolean {
  if (view instanceof Float64Array) return view.every(Number.isFinite);
  const bits = new Int32Array(view.buffer, view.byteOffset, view.length);
  for (let k = 0; k < bits.length; k++) if (((bits[k] as number) & endless) === endless) return false;
  return true;
}

function find<T>(table: ByName<T>, kind: string, name: string): T {
  const found = table[name];
  if (found === undefined) throw new Error(`internal: the plan has no ${kind} ${name}`);
  return found;
}
