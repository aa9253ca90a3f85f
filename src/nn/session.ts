/** A session: a model that reads one input at a time and keeps its states between them. */

import type { InferenceOptions } from "../engines/engine.ts";
import { inferenceRules } from "../engines/registry.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  checkValue,
  formatValue,
  isIndex,
  isList,
  isPlain,
  numbers,
  options as optionsOf,
  recordOf,
} from "../graph/schema.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { LoadOptions, Program } from "../runtime/program.ts";
import { bind } from "./bind.ts";
import { inputOf, type Model } from "./model.ts";
import { aModel, checkReadsForward } from "./model-checks.ts";
import { modelGraph } from "./model-graph.ts";
import { learnedState } from "./recurrent.ts";

export const sessionArguments: Arguments = { model: aModel, options: optionsOf<InferenceOptions>(inferenceRules) };

/**
 * Create a session: it reads one token or vector at a time, returns the output at once, and keeps the states. It starts
 * from the model's initial states. A large step runs on all cores, if the calling thread may wait (a page's main thread may
 * not).
 * @param model a model with one input that runs forwards; its present values are copied
 * @param options the host's: `engine`, `threads`, `fma`, `precision`, `quantize`
 * @throws InputError for a model with several inputs, or one that needs the whole sequence (bidirectional, goBackwards)
 * @example const session = await createSession(model); const logits = session.next(3);
 */
export async function createSession(model: Model, options: InferenceOptions = {}): Promise<Session> {
  checkArguments("createSession", { model, options }, sessionArguments);
  checkReadsForward(model, "session");
  return new Session(model, await bindStep(model, 1, options, { owner: "session" }));
}

/** A program of one time step for `batch` examples, whose states carry over. */
export const bindStep = (model: Model, batch: number, host: InferenceOptions, how: LoadOptions): Promise<Program> => {
  const graph = () => modelGraph(model, { training: false, goesOn: true }).graph;
  return bind(model, { purpose: ["step"], graph, steps: 1, batch, keep: ["output"] }, host, { sync: true, ...how });
};

/**
 * A model that reads one input at a time, made by `createSession`. It owns its memory until `dispose()`. Later changes of
 * the model's values do not affect it. A step allocates nothing on the heap, so that the garbage collector never
 * interrupts a live stream.
 */
export class Session extends Disposable {
  private readonly program: Program;
  /** The name of what it reads. */
  private readonly input: string;
  /** The number of tokens; undefined for a model that reads vectors. */
  private readonly tokens: number | undefined;
  private readonly token = new Int32Array(1);
  private readonly vector: Float32Array;
  private readonly output: Float32Array<ArrayBuffer>;
  /** The learned initial states, by name. */
  private readonly starts: Readonly<Record<string, Float32Array>>;

  constructor(model: Model, program: Program) {
    const { inputs, input, outputSize } = model;
    super();
    this.program = program;
    this.input = inputOf(model);
    this.tokens = inputs[0]?.count;
    this.vector = new Float32Array(input === "tokens" ? 0 : input);
    this.output = new Float32Array(outputSize);
    this.starts = learnedStarts(model);
    this.reset();
  }

  /**
   * Read one token, or one vector (D). A model that returns only its last output is read as if each step were the last.
   * @param input a token id, or a vector of D finite numbers
   * @returns the output (V) of this step. It is always the same array: `.slice()` it to keep it beyond the next step
   * @throws InputError for a token out of range, and for what is not a vector of D finite numbers
   * @example const logits = session.next(3);
   */
  next(input: number | ArrayLike<number>): Float32Array<ArrayBuffer> {
    const { program } = this;
    if (this.tokens !== undefined) program.setIndex(this.input, this.readToken(input, this.tokens));
    else program.setInput(this.input, this.readVector(input));
    program.runSync();
    program.advanceStates();
    return program.output("output", this.output);
  }
  private readToken(input: unknown, count: number): Int32Array {
    if (!isIndex(input, count)) {
      throw new InputError(`session: needs a token, a whole number from 0 to ${count - 1}, got ${formatValue(input)}`);
    }
    this.token[0] = input;
    return this.token;
  }
  private readVector(input: number | ArrayLike<number>): Float32Array {
    const { vector } = this;
    if (!(input instanceof Float32Array && input.length === vector.length)) this.checkList(input);
    vector.set(input);
    for (let j = 0; j < vector.length; j++) if (!Number.isFinite(vector[j])) throw this.odd(j, input[j]);
    return vector;
  }
  /** Check a list before it is copied: the copy would turn other values into numbers. */
  private checkList(input: unknown): asserts input is ArrayLike<number> {
    const { length } = this.vector;
    if (!isList(input) || input.length !== length) {
      throw new InputError(`session: needs a vector of ${length} numbers, got ${formatValue(input)}`);
    }
    const j = ArrayBuffer.isView(input) ? (typeof input[0] === "number" ? -1 : 0) : firstOdd(input);
    if (j >= 0) throw this.odd(j, input[j]);
  }
  private odd(j: number, value: unknown): InputError {
    return new InputError(
      `session: a vector's numbers must be finite 32-bit floats; number ${j} is ${formatValue(value)}`,
    );
  }

  /** The number of threads that share a step. */
  get threads(): number {
    return this.program.threads;
  }
  /** Set the states back to their initial values. */
  reset(): void {
    this.program.resetStates();
    for (const [state, values] of Object.entries(this.starts)) this.program.setState(state, values);
  }
  /** A copy of the states: the values (H) by name (`lstm.h`). `restore` takes it, in this session or another. */
  state(): Record<string, Float32Array> {
    return Object.fromEntries(Object.keys(this.sizes()).map((name) => [name, this.program.start(name)]));
  }
  /**
   * Continue from saved states.
   * @param state the states (H) by name (`lstm.h`), as `state()` returns them
   * @throws InputError if a state is missing, unknown or has another length; then nothing changes
   */
  restore(state: Readonly<Record<string, ArrayLike<number>>>): void {
    checkValue("session: the state", state, { expected: "an object of states", accepts: isPlain });
    const sizes = this.sizes();
    const there = Object.entries(sizes).map(([name, size]) => `${name} of ${size}`);
    const wanted = there.length === 0 ? "it has no state" : `it has ${there.join(", ")}`;
    for (const name of Object.keys(state)) {
      if (!Object.hasOwn(sizes, name)) throw new InputError(`session: the model has no state ${name}; ${wanted}`);
    }
    for (const [name, size] of Object.entries(sizes)) {
      const got = Object.hasOwn(state, name) && isList(state[name]) ? state[name].length : "none";
      if (got !== size) throw new InputError(`session: state ${name} needs ${size} numbers, got ${got}; ${wanted}`);
    }
    checkValue("session: state", state, recordOf(numbers));
    for (const name of Object.keys(sizes)) this.program.setState(name, state[name] as ArrayLike<number>);
  }
  dispose(): void {
    this.program.dispose();
  }
  private sizes(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.program.plan.states).map(([name, { size }]) => [name, size]));
  }
}

/** The index of the first value that is not a number, or -1. For plain lists only: reads of arrays of many types allocate. */
function firstOdd(list: ArrayLike<unknown>): number {
  for (let j = 0; j < list.length; j++) if (typeof list[j] !== "number") return j;
  return -1;
}

/** A copy of the learned initial states (H), by name (`lstm.h`). All other states start from zeros. */
export function learnedStarts({ layers, values }: Model): Readonly<Record<string, Float32Array>> {
  const learned = layers.flatMap((layer) => {
    if (layer.kind !== "cell" || layer.initialState !== "learned") return [];
    return layer.cell.states.map((state) => {
      const start = values[learnedState(layer.name, state)] as Float32Array;
      return [`${layer.name}.${state}`, start.slice()] as const;
    });
  });
  return Object.fromEntries(learned);
}
