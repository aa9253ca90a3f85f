/** The outputs of a model for sequences that are there as a whole. Knows nothing about what they mean. */

import type { FlatArray } from "../data/arrays.ts";
import type { HostOptions } from "../engines/engine.ts";
import { hostOf, hostRules } from "../engines/registry.ts";
import { type Builder, createBuilder, type NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  anArray,
  checkArguments,
  checkOptions,
  isPlain,
  oneOf,
  options as optionsOf,
  recordOf,
} from "../graph/schema.ts";
import { createYielder } from "../graph/yielding.ts";
import { bind } from "../nn/bind.ts";
import { size } from "../nn/layers.ts";
import { addModel, aModel, checkSteps, type Model, statesOf } from "../nn/model.ts";
import { Disposable, disposing, type Own } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { type BatchSource, buffersOf, createReader, inputChunks, isSource, takeInputs, takeRows } from "./batches.ts";
import { type BySizes, bySizes } from "./by-sizes.ts";
import { checkFinite, checkInputs, checkLength, type Inputs, setInputs, sizesRules, timeFirst } from "./checks.ts";
import {
  checkWholeBatches,
  type ExampleArray,
  type InputArrays,
  type InputSet,
  readInputs,
  readStates,
  someData,
  statefulLayer,
  statesRule,
} from "./examples.ts";
import { fillingFor, type PaddingOptions, paddingRules } from "./padding.ts";

/** Examples side by side, and time steps of each. */
export type PredictorOptions = HostOptions & {
  readonly batch: number;
  readonly steps: number;
  /** What is made of the outputs: probabilities of logits, by the loss that they were trained with. */
  readonly activation?: OutputActivation | undefined;
};
/** Nothing, for what a model learned as it is; the probabilities of its classes; or one for each feature. */
export type OutputActivation = "linear" | "softmax" | "sigmoid";
const activations: { readonly [K in OutputActivation]: (g: Builder, output: NodeId) => NodeId } = {
  linear: (_, output) => output,
  softmax: (g, output) => g.softmax(output),
  sigmoid: (g, output) => g.unary("sigmoid", output),
};

const activationRule = oneOf(...Object.keys(activations));
export const predictorArguments: Arguments = {
  model: aModel,
  options: optionsOf<PredictorOptions>({ ...hostRules, ...sizesRules, activation: activationRule }),
};

/**
 * A program of one size for batches time first; `predict` takes whole data sets, examples first.
 * @throws InputError where a `repeatVector` wants another number of steps
 * @example const predictor = await createPredictor(model, { batch: 32, steps: 100 });
 */
export async function createPredictor(model: Model, options: PredictorOptions): Promise<Predictor> {
  checkArguments("createPredictor", { model, options }, predictorArguments);
  const { batch, steps, activation = "linear", ...host } = options;
  checkSteps(model, steps, "predict");
  const graph = () => {
    const g = createBuilder();
    return g.graph({ output: activations[activation](g, addModel(g, model, { training: false }).output) });
  };
  const purpose = ["predict", activation];
  const program = await bind(model, { purpose, graph, steps, batch, keep: ["output"] }, host, { owner: "predictor" });
  return new Predictor(model, program, { batch, steps });
}

/** The states that a caller may give: those that start from zeros otherwise. */
const open = (model: Model): readonly string[] => statesOf(model, ({ initialState }) => initialState === "zeros");

type StatesToStartFrom = { readonly initialState?: Readonly<Record<string, ArrayLike<number>>> };

/** Owns a program without gradients until it is disposed of; reads the model's values anew at each call. */
export class Predictor extends Disposable {
  private readonly model: Model;
  private readonly program: Program;
  private readonly sizes: { readonly batch: number; readonly steps: number };
  private readonly stateful: readonly string[];
  private readonly returned: readonly string[];
  private readonly open: readonly string[];

  constructor(model: Model, program: Program, sizes: { readonly batch: number; readonly steps: number }) {
    super();
    this.model = model;
    this.program = program;
    this.sizes = sizes;
    this.stateful = statesOf(model, ({ stateful }) => stateful);
    this.returned = statesOf(model, ({ returnState }) => returnState);
    this.open = open(model);
  }

  /**
   * Tokens (T,B) or vectors (T,B,D), flat, time first -> outputs (T,B,V), or (B,V) where the model gives one a sequence; from
   * the last step to the first where it goes backwards. The states start from zero; those of `stateful` layers where the
   * last call left them; any of them (B,H) from `initialState`, by its name: `lstm.h`.
   * @throws InputError for numbers that do not fit, and while an earlier call goes on; then nothing has changed
   */
  predict(inputs: Inputs, options: StatesToStartFrom = {}): Promise<Float32Array> {
    return this.alone("predict", () => this.predictAlone(inputs, options));
  }
  private async predictAlone(inputs: Inputs, options: StatesToStartFrom): Promise<Float32Array> {
    checkOptions("predict", options, { initialState: recordOf(anArray) });
    const { initialState = {} } = options;
    const { model, program } = this;
    const { batch, steps } = this.sizes;
    checkInputs(model, inputs, this.sizes, "predict");
    for (const [name, values] of Object.entries(initialState)) {
      if (!this.open.includes(name)) {
        throw new InputError(
          `predict: initialState: the model has no state "${name}" to set. It has ${this.open.join(", ") || "none"}`,
        );
      }
      const features = program.plan.states[name]?.size ?? 0;
      checkLength(`predict: initialState ${name}`, "numbers", values.length, { steps: 1, batch, features });
      checkFinite(`predict: initialState ${name}`, values, features, timeFirst(batch));
    }
    program.setParameters(model.values);
    setInputs(model, program, inputs, "predict");
    program.resetStates(this.stateful);
    for (const [name, values] of Object.entries(initialState)) program.setState(name, values);
    await program.run();
    if (this.stateful.length > 0) program.advanceStates();
    const outputs = program.output("output");
    if (!model.backwards) return outputs;
    const perStep = batch * model.outputSize;
    const turned = new Float32Array(outputs.length);
    for (let t = 0; t < steps; t++)
      turned.set(outputs.subarray(t * perStep, (t + 1) * perStep), (steps - 1 - t) * perStep);
    return turned;
  }

  /** The states (B,H), by name, of the layers with `returnState`, after their last step in the last call. */
  states(): Record<string, Float32Array<ArrayBuffer>> {
    return Object.fromEntries(this.returned.map((name) => [name, this.program.state(name)]));
  }
  /** Zeros for all states: what comes next is a new sequence, for `stateful` layers too. */
  resetStates(): void {
    this.program.resetStates();
  }
  dispose(): void {
    this.program.dispose();
  }
}

/** Numbers in one run, with their shape. */
export type FlatNumbers = FlatArray<Float32Array<ArrayBuffer>>;
/** The outputs (N,T,V), or (N,V) where the model gives one a sequence, and states that were asked for. */
export type Prediction = FlatNumbers & {
  /** The states (N,H), by name (`lstm.h`), of the layers with `returnState`, after their last step. */
  readonly states: Readonly<Record<string, FlatNumbers>>;
};
/** Defaults: 32 examples side by side, states from zeros. */
export type PredictOptions = HostOptions &
  PaddingOptions & {
    /** What is made of the outputs: probabilities of logits, by the loss that they were trained with. */
    readonly activation?: OutputActivation;
    /** Examples that are computed side by side; it changes nothing in the result but rounding. */
    readonly batchSize?: number;
    /** What states start from (N,H), by name, instead of zeros. */
    readonly initialState?: Readonly<Record<string, ExampleArray>>;
    /** How many batches are taken of something that yields them; all without it. */
    readonly steps?: number | undefined;
  };

/** What `predict` takes of a batch: its x, or all of it. */
export type InputBatch = ExampleArray | { readonly x: InputArrays };

export const predictArguments: Arguments = {
  model: aModel,
  x: someData,
  options: optionsOf<PredictOptions>({
    ...hostRules,
    ...paddingRules,
    activation: activationRule,
    batchSize: alias(size, "batch"),
    initialState: statesRule,
    steps: size,
  }),
};

/**
 * x: tokens (N,T) or vectors (N,T,D), examples first, nested lists or `{ data, shape }`, by name where the model has
 * several inputs -> outputs (N,T,V), or (N,V) where the model gives one a sequence: row k is that of example k. With `pad`,
 * sequences of any length, of which the longest has T steps: what a row has no step for is 0, at the end that was filled up.
 * Instead of x whatever yields batches, x or `{ x }` (what else is in it is not read); rows come in their order. States of
 * `stateful` layers start from zero, and go on from batch to batch.
 * @throws InputError for data that does not fit the model, with the place
 * @example const { data, shape } = await predict(model, x);
 */
export const predict = (
  model: Model,
  x: InputArrays | BatchSource<InputBatch>,
  options: PredictOptions = {},
): Promise<Prediction> => disposing((own) => predictWith(own, model, x, options));

async function predictWith(
  own: Own,
  model: Model,
  x: InputArrays | BatchSource<InputBatch>,
  options: PredictOptions,
): Promise<Prediction> {
  checkArguments("predict", { model, x, options }, predictArguments);
  const { batchSize = 32, activation, initialState = {}, steps: count } = options;
  const host = hostOf(options);
  const filling = fillingFor(model, options, "predict");
  const predictorOf = own(bySizes((sizes) => createPredictor(model, { activation, ...sizes, ...host })));
  const sourced = yieldsBatches(x);
  if (!sourced && count !== undefined) {
    throw new InputError("predict: steps is for batches; of arrays all examples are taken. Leave it out.");
  }
  const how: PartsOptions = { model, options, predictorOf, yieldNow: createYielder() };
  const late = (filling?.pre === true) !== model.backwards;
  if (!sourced) {
    const set = readInputs(model, x as InputArrays, "predict", filling);
    const batch = Math.min(batchSize, set.count);
    checkWholeBatches(model, { count: set.count, batch }, "predict");
    const given = readStates(initialState, set.count, "predict");
    const joined = join(model, set.count, set.steps, late);
    for await (const part of partsOf(set, { batch, from: 0, given }, how)) joined.add(part);
    return joined.prediction;
  }
  for (const name of ["batchSize", "initialState"] as const) {
    if (options[name] !== undefined) {
      throw new InputError(`predict: ${name} is for arrays; batches are taken as they come. Leave it out.`);
    }
  }
  const stateful = statefulLayer(model);
  const parts: Part[] = [];
  const reader = createReader(x as BatchSource<InputBatch>, "predict");
  let [examples, most] = [0, 0];
  try {
    for (let n = 0; n !== count; n++) {
      const place = `predict: batch ${n}`;
      const batch = await reader.next();
      if (batch === undefined && (n === 0 || count !== undefined)) {
        throw new InputError(`predict: the data ended after ${n}${count ? ` of ${count}` : ""} batches`);
      }
      if (batch === undefined) break;
      const set = readInputs(model, isPlain(batch) && "x" in batch ? batch.x : batch, place, filling);
      most = Math.max(most, set.count);
      for await (const part of partsOf(set, { batch: most, from: examples, given: {}, place }, how)) {
        const [first = part] = parts;
        if (stateful !== undefined && (part.places.length !== first.batch || part.steps !== first.steps)) {
          throw new InputError(`${place} has other sizes than batch 0, and ${stateful} goes on from batch to batch`);
        }
        parts.push(part);
      }
      examples += set.count;
    }
  } finally {
    await reader.close();
  }
  const joined = join(model, examples, Math.max(...parts.map(({ steps }) => steps)), late);
  for (const part of parts) joined.add(part);
  return joined.prediction;
}

type PartsOptions = {
  readonly model: Model;
  readonly options: PredictOptions;
  readonly predictorOf: BySizes<Predictor>;
  readonly yieldNow: () => Promise<void> | undefined;
};

/**
 * What comes of a set, batch by batch; its first example is row `from` of the result. `given`: what states start from;
 * `place`: what it is called where it came as one batch.
 */
async function* partsOf(
  set: InputSet,
  whole: {
    readonly batch: number;
    readonly from: number;
    readonly given: InputSet["inputs"];
    readonly place?: string;
  },
  { model, options, predictorOf, yieldNow }: PartsOptions,
): AsyncGenerator<Part> {
  const { inputs, lengths, outputLengths } = set;
  const { batch, from, given, place } = whole;
  for (const { rows, steps } of inputChunks(model, set, batch, { together: place, ...options })) {
    const all = new Int32Array(batch);
    takeRows(rows, all);
    const [buffers, starts] = [buffersOf(inputs, { batch, steps }), buffersOf(given, { batch, steps })];
    takeInputs(inputs, all, buffers, steps);
    takeInputs(given, all, starts, steps);
    const predictor = await predictorOf({ batch, steps });
    const outputs = await predictor.predict(buffers, { initialState: starts });
    const ends = lengths && outputLengths ? outputLengths : undefined;
    yield {
      outputs,
      batch,
      steps: model.returnsSequences ? steps : 1,
      states: predictor.states(),
      places: rows.map((n) => from + n),
      lengths: ends && rows.map((n) => ends[n] as number),
    };
    await yieldNow();
  }
}

/** A list of lists is an array. */
function yieldsBatches(x: unknown): boolean {
  if (Array.isArray(x)) return isPlain(x[0]);
  return isSource(x) && !ArrayBuffer.isView(x);
}

/** What came of a batch. */
type Part = {
  /** (T,B,V), and states (B,H) by name. */
  readonly outputs: Float32Array;
  readonly states: Readonly<Record<string, Float32Array>>;
  readonly batch: number;
  readonly steps: number;
  /** The rows of the result that its examples are, and how many steps each has, if not all. */
  readonly places: Int32Array;
  readonly lengths: Int32Array | undefined;
};

/** Parts, time first, as one array with the examples first. `late`: what a row has no step for is at its beginning. */
function join(
  { outputSize, returnsSequences }: Model,
  count: number,
  longest: number,
  late: boolean,
): { readonly prediction: Prediction; readonly add: (part: Part) => void } {
  const most = returnsSequences ? longest : 1;
  const data = new Float32Array(count * most * outputSize);
  const states: Record<string, FlatNumbers> = {};
  const add = ({ outputs, batch, steps, states: own, places, lengths }: Part): void => {
    places.forEach((n, b) => {
      const length = lengths?.[b] ?? steps;
      const [from, to] = late && lengths ? [steps - length, most - length] : [0, 0];
      for (let t = 0; t < length; t++) {
        const at = ((from + t) * batch + b) * outputSize;
        data.set(outputs.subarray(at, at + outputSize), (n * most + to + t) * outputSize);
      }
    });
    for (const [name, values] of Object.entries(own)) {
      const size = values.length / batch;
      states[name] ??= { data: new Float32Array(count * size), shape: [count, size] };
      const all = states[name].data;
      places.forEach((n, b) => {
        all.set(values.subarray(b * size, (b + 1) * size), n * size);
      });
    }
  };
  const shape = [count, ...(returnsSequences ? [most] : []), outputSize];
  return { prediction: { data, shape, states }, add };
}
