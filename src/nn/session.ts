/** A model that reads one input at a time and keeps its state between them. Knows nothing about text or sampling. */

import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
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
import { aModel, checkReadsForward, type Model, modelGraph } from "./model.ts";
import { learnedState } from "./recurrent.ts";

export const sessionArguments: Arguments = { model: aModel, options: optionsOf<HostOptions>(hostRules) };

/**
 * A model with the values it has now, before its first step. Where a step is worth it, and this thread may wait (a
 * page's may not), all cores share it.
 * @throws InputError for a model of several inputs, or that needs the whole sequence
 * @example const session = await createSession(model); const logits = session.next(3);
 */
export async function createSession(model: Model, options: HostOptions = {}): Promise<Session> {
  checkArguments("createSession", { model, options }, sessionArguments);
  checkReadsForward(model, "session");
  return new Session(model, await bindStep(model, 1, options, { owner: "session" }));
}

/** One time step of so many examples, of a model that goes on. */
export const bindStep = (model: Model, batch: number, host: HostOptions, how: LoadOptions): Promise<Program> => {
  const graph = () => modelGraph(model, { training: false, goesOn: true }).graph;
  return bind(model, { purpose: ["step"], graph, steps: 1, batch, keep: ["output"] }, host, { sync: true, ...how });
};

/**
 * Owns the program and, in it, the state, until it is disposed of. Later changes of the model's values do not reach it. A step makes nothing on
 * the heap, so that a live stream is never kept waiting by the garbage collector.
 */
export class Session extends Disposable {
  private readonly program: Program;
  /** Tokens that there are; undefined for a model that reads vectors. */
  private readonly tokens: number | undefined;
  private readonly token = new Int32Array(1);
  private readonly vector: Float32Array;
  private readonly output: Float32Array<ArrayBuffer>;
  /** By state, what training learned that it starts from. */
  private readonly starts: Readonly<Record<string, Float32Array>>;

  constructor(model: Model, program: Program) {
    const { inputs, input, outputSize } = model;
    super();
    this.program = program;
    this.tokens = inputs[0]?.count;
    this.vector = new Float32Array(input === "tokens" ? 0 : input);
    this.output = new Float32Array(outputSize);
    this.starts = learnedStarts(model);
    this.reset();
  }

  /**
   * Read one token, or one vector (D). A model that gives its last output alone takes each input for the last.
   * @returns the output (V) of this step, always in the same array: `.slice()` what is to outlive the next step
   * @throws InputError for a token that the embedding does not have, and for what is not D finite numbers
   * @example const logits = session.next(3);
   */
  next(input: number | ArrayLike<number>): Float32Array<ArrayBuffer> {
    const { program } = this;
    if (this.tokens !== undefined) program.setIndex("tokens", this.readToken(input, this.tokens));
    else program.setInput("x", this.readVector(input));
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
  /** What is no number would become one when it is copied. */
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

  /** How many threads share a step, where all of them are there; else one does all. */
  get threads(): number {
    return this.program.threads;
  }
  /** Forget everything read so far. */
  reset(): void {
    this.program.resetStates();
    for (const [state, values] of Object.entries(this.starts)) this.program.setState(state, values);
  }
  /** What it remembers: the values (H) of each state by its name (`lstm.h`), copied. For `restore`, here or elsewhere. */
  state(): Record<string, Float32Array> {
    return Object.fromEntries(Object.keys(this.sizes()).map((name) => [name, this.program.start(name)]));
  }
  /**
   * Go on from a state of this model.
   * @throws InputError where a state is missing, unknown or of another length; then nothing has changed
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

/** Where the first is that is no number, or -1. Of lists alone: of arrays of many kinds a read makes a box on the heap. */
function firstOdd(list: ArrayLike<unknown>): number {
  for (let j = 0; j < list.length; j++) if (typeof list[j] !== "number") return j;
  return -1;
}

/** By state (`lstm.h`), the values (H) that training learned that it starts from: a copy. The others start from zero. */
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
