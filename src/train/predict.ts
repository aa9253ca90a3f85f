/** `predict` and `createPredictor`: the outputs of a model for whole sequences. */

import type { FlatArray } from "../data/arrays.ts";
import type { InferenceOptions } from "../engines/engine.ts";
import { hostOf, inferenceRules } from "../engines/registry.ts";
import { type Builder, createBuilder, type NodeId, type Steps } from "../graph/graph.ts";
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
import { yieldNow } from "../graph/yielding.ts";
import { bind } from "../nn/bind.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { aModel, checkSteps } from "../nn/model-checks.ts";
import { addModel } from "../nn/model-graph.ts";
import { statesOf } from "../nn/model-states.ts";
import { Disposable, disposing, type Own } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { buffersOf, takeInputs, takeRows } from "./batch-buffers.ts";
import type { BatchSource, Sizes } from "./batches.ts";
import { type BySizes, bySizes } from "./by-sizes.ts";
import {
  checkFinite,
  checkInputs,
  checkLength,
  type Inputs,
  outputStepsOf,
  setInputs,
  sizesRules,
  timeFirst,
} from "./checks.ts";
import { inputChunks } from "./chunks.ts";
import { isSource } from "./data-arguments.ts";
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
import { createReader } from "./source-reader.ts";

/** Options of `createPredictor`; also the host's: `engine`, `threads`, `fma`, `precision`, `quantize`. */
export type PredictorOptions = InferenceOptions & {
  /** Examples per call. */
  readonly batch: number;
  /** Time steps of each example: of all sequences, or of each time of the model. */
  readonly steps: Steps;
  /** Applied to the outputs: "softmax" or "sigmoid" turn logits into probabilities. Default "linear". */
  readonly activation?: OutputActivation | undefined;
};
/** "linear": the outputs as they are; "softmax": probabilities of classes; "sigmoid": a probability per feature. */
export type OutputActivation = "linear" | "softmax" | "sigmoid";
const activations: { readonly [K in OutputActivation]: (g: Builder, output: NodeId) => NodeId } = {
  linear: (_, output) => output,
  softmax: (g, output) => g.softmax(output),
  sigmoid: (g, output) => g.unary("sigmoid", output),
};

const activationRule = oneOf(...Object.keys(activations));
export const predictorArguments: Arguments = {
  model: aModel,
  options: optionsOf<PredictorOptions>({ ...inferenceRules, ...sizesRules, activation: activationRule }),
};

/**
 * Create a predictor for batches of one size, time first, for repeated calls. For whole data sets, examples first, use
 * `predict`.
 * @param model the model; its present values are read at each call
 * @param options `batch`, `steps`; `activation`; the host's options
 * @throws InputError for wrong options, and if a `repeatVector` fixes another number of steps
 * @example const predictor = await createPredictor(model, { batch: 32, steps: 100 });
 */
export async function createPredictor(model: Model, options: PredictorOptions): Promise<Predictor> {
  checkArguments("createPredictor", { model, options }, predictorArguments);
  const { batch, steps, activation = "linear", ...host } = options;
  checkSteps(model, steps, "predict");
  const graph = () => {
    const g = createBuilder();
    return g.graph({ output: activations[activation](g, addModel(g, model, { training: false, steps }).output) });
  };
  const purpose = ["predict", activation];
  const program = await bind(model, { purpose, graph, steps, batch, keep: ["output"] }, host, { owner: "predictor" });
  return new Predictor(model, program, { batch, steps });
}

/** The states that a caller may set: those that start from zeros. */
const open = (model: Model): readonly string[] => statesOf(model, ({ initialState }) => initialState === "zeros");

type StatesToStartFrom = { readonly initialState?: Readonly<Record<string, ArrayLike<number>>> };

/** Computes outputs; made by `createPredictor`. It owns its memory until `dispose()`, and reads the model's present values at each call. */
export class Predictor extends Disposable {
  private readonly model: Model;
  private readonly program: Program;
  private readonly sizes: Sizes;
  private readonly stateful: readonly string[];
  private readonly returned: readonly string[];
  private readonly open: readonly string[];

  constructor(model: Model, program: Program, sizes: Sizes) {
    super();
    this.model = model;
    this.program = program;
    this.sizes = sizes;
    this.stateful = statesOf(model, ({ stateful }) => stateful);
    this.returned = statesOf(model, ({ returnState }) => returnState);
    this.open = open(model);
  }

  /**
   * Compute the outputs of one batch. States start from zeros; those of `stateful` layers from their last values.
   * @param inputs tokens (T,B) or vectors (T,B,D), flat, time first; by name if the model has several inputs
   * @param options `initialState`: states (B,H) to start from, by name (`lstm.h`)
   * @returns outputs (T,B,V), or (B,V) for one output per sequence, flat; in reverse order for a model that goes backwards
   * @throws InputError for numbers that do not fit, and while an earlier call is still running; then nothing changes
   */
  predict(inputs: Inputs, options: StatesToStartFrom = {}): Promise<Float32Array> {
    return this.alone("predict", () => this.predictAlone(inputs, options));
  }
  private async predictAlone(inputs: Inputs, options: StatesToStartFrom): Promise<Float32Array> {
    checkOptions("predict", options, { initialState: recordOf(anArray) });
    const { initialState = {} } = options;
    const { model, program } = this;
    const { batch } = this.sizes;
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
    await yieldNow();
    if (this.stateful.length > 0) program.advanceStates();
    const outputs = program.output("output");
    if (!model.backwards) return outputs;
    const perStep = batch * model.outputSize;
    const last = outputs.length - perStep;
    const turned = new Float32Array(outputs.length);
    for (let at = 0; at <= last; at += perStep) turned.set(outputs.subarray(at, at + perStep), last - at);
    return turned;
  }

  /** The final states (B,H) of the last call, by name, of the layers with `returnState`. */
  states(): Record<string, Float32Array<ArrayBuffer>> {
    return Object.fromEntries(this.returned.map((name) => [name, this.program.state(name)]));
  }
  /** Set all states to zeros, those of `stateful` layers too. */
  resetStates(): void {
    this.program.resetStates();
  }
  dispose(): void {
    this.program.dispose();
  }
}

/** A flat array with its shape. */
export type FlatNumbers = FlatArray<Float32Array<ArrayBuffer>>;
/** The outputs `{ data, shape }`: (N,T,V), or (N,V) for one output per sequence; and the final states. */
export type Prediction = FlatNumbers & {
  /** The final states (N,H), by name (`lstm.h`), of the layers with `returnState`. */
  readonly states: Readonly<Record<string, FlatNumbers>>;
};
/** Options of `predict`; also the host's: `engine`, `threads`, `fma`, `precision`, `quantize`. */
export type PredictOptions = InferenceOptions &
  PaddingOptions & {
    /** Applied to the outputs: "softmax" or "sigmoid" turn logits into probabilities. Default "linear". */
    readonly activation?: OutputActivation;
    /** Examples per batch, default 32. It changes only the rounding of the result. */
    readonly batchSize?: number;
    /** States (N,H) to start from, by name. By default zeros. */
    readonly initialState?: Readonly<Record<string, ExampleArray>>;
    /** For batches: how many to read. By default all. */
    readonly steps?: number | undefined;
  };

/** A batch for `predict`: x, or an object with x. */
export type InputBatch = ExampleArray | { readonly x: InputArrays };

export const predictArguments: Arguments = {
  model: aModel,
  x: someData,
  options: optionsOf<PredictOptions>({
    ...inferenceRules,
    ...paddingRules,
    activation: activationRule,
    batchSize: alias(size, "batch"),
    initialState: statesRule,
    steps: size,
  }),
};

/**
 * Compute the outputs of a model for a data set. Keras's `model.predict`. States start from zeros; those of `stateful`
 * layers carry over from batch to batch.
 * @param x tokens (N,T) or vectors (N,T,D), examples first: nested lists, typed arrays, or `{ data, shape }`; an object of
 *   them by name if the model has several inputs. Or an iterable of batches: x, or objects `{ x }`
 * @param options `activation`, `batchSize`, `initialState`; `pad` for sequences of unequal length; `steps` for batches; the
 *   host's options
 * @returns `{ data, shape, states }`: outputs (N,T,V), or (N,V) for one output per sequence, in the order of the examples.
 *   With `pad`, T is the longest length, and the outputs of padding are 0; after layers with strides it is T / strides, rounded up
 * @throws InputError for data that do not fit the model, with the place
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
    throw new InputError("predict: steps is for batches; of arrays all examples are used. Leave it out.");
  }
  const how: PartsOptions = { model, options, predictorOf };
  const late = (filling?.pre === true) !== model.backwards;
  if (!sourced) {
    const set = readInputs(model, x as InputArrays, "predict", filling);
    const batch = Math.min(batchSize, set.count);
    checkWholeBatches(model, { count: set.count, batch }, "predict");
    const given = readStates(initialState, set.count, "predict");
    const joined = join(model, set.count, outputStepsOf(model, set.steps), late);
    for await (const part of partsOf(set, { batch, from: 0, given }, how)) joined.add(part);
    return joined.prediction;
  }
  for (const name of ["batchSize", "initialState"] as const) {
    if (options[name] !== undefined) {
      throw new InputError(`predict: ${name} is for arrays; batches are used as they come. Leave it out.`);
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
          throw new InputError(
            `${place} differs in size from batch 0; ${stateful} is stateful, so all batches need the same size`,
          );
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
};

/**
 * The outputs of a set, batch by batch; its first example is row `from` of the result. `given`: initial states; `place`: its
 * name if it was given as one batch.
 */
async function* partsOf(
  set: InputSet,
  whole: {
    readonly batch: number;
    readonly from: number;
    readonly given: InputSet["inputs"];
    readonly place?: string;
  },
  { model, options, predictorOf }: PartsOptions,
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
      steps: outputStepsOf(model, steps),
      states: predictor.states(),
      places: rows.map((n) => from + n),
      lengths: ends && rows.map((n) => ends[n] as number),
    };
  }
}

/** Whether x is an iterable of batches; a list of lists is an array. */
function yieldsBatches(x: unknown): boolean {
  if (Array.isArray(x)) return isPlain(x[0]);
  return isSource(x) && !ArrayBuffer.isView(x);
}

/** The outputs of a batch. */
type Part = {
  /** (T,B,V), and states (B,H) by name. */
  readonly outputs: Float32Array;
  readonly states: Readonly<Record<string, Float32Array>>;
  readonly batch: number;
  readonly steps: number;
  /** The rows of its examples in the result, and the number of steps of each, if not all. */
  readonly places: Int32Array;
  readonly lengths: Int32Array | undefined;
};

/** Join parts, time first, into one array, examples first. `late`: the padding of a row is at its beginning. */
function join(
  { outputSize, returnsSequences }: Model,
  count: number,
  most: number,
  late: boolean,
): { readonly prediction: Prediction; readonly add: (part: Part) => void } {
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
