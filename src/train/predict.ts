/** The outputs of a model for sequences that are there as a whole. Knows nothing about what they mean. */
import { type Builder, createBuilder, type NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { addModel, checkSteps, type Model, statesOf } from "../nn/model.ts";
import { type LoadOptions, load, type Program } from "../runtime/program.ts";
import { schedule } from "../schedule/schedule.ts";
import { checkFinite, checkInputs, checkLength, checkWhole, type Inputs, setInputs, timeFirst } from "./checks.ts";
import {
  buffersOf,
  checkWholeBatches,
  type ExampleArray,
  type InputArrays,
  readInputs,
  readStates,
  rowsBetween,
  takeInputs,
  takeRows,
} from "./examples.ts";
import { createTurns } from "./turns.ts";

/** Examples side by side, and time steps of each. */
export type PredictorOptions = LoadOptions & {
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

/**
 * A program of one size for batches time first; `predict` takes whole data sets, examples first.
 * @throws InputError where a `repeatVector` wants another number of steps
 * @example const predictor = await createPredictor(model, { batch: 32, steps: 100 });
 */
export async function createPredictor(
  model: Model,
  { batch, steps, activation = "linear", ...options }: PredictorOptions,
): Promise<Predictor> {
  checkSteps(model, steps, "predict");
  if (!Object.hasOwn(activations, activation)) {
    const there = Object.keys(activations).join(", ");
    throw new InputError(`predict: activation "${activation}" is not known. There are ${there}.`);
  }
  const g = createBuilder();
  const output = activations[activation](g, addModel(g, model, { training: false }).output);
  const program = await load(schedule(g.graph({ output }), { steps, batch, keep: ["output"] }), options);
  return new Predictor(model, program, { batch, steps });
}

/** The states that a caller may give: those that start from zeros otherwise. */
const open = (model: Model): readonly string[] => statesOf(model, ({ initialState }) => initialState === "zeros");

/** Owns a program without gradients; reads the model's values anew at each call. */
export class Predictor {
  private readonly model: Model;
  private readonly program: Program;
  private readonly sizes: { readonly batch: number; readonly steps: number };
  private readonly stateful: readonly string[];
  private readonly returned: readonly string[];
  private readonly open: readonly string[];

  constructor(model: Model, program: Program, sizes: { readonly batch: number; readonly steps: number }) {
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
   * @throws InputError for numbers that do not fit; then nothing has changed
   */
  async predict(
    inputs: Inputs,
    { initialState = {} }: { readonly initialState?: Readonly<Record<string, ArrayLike<number>>> } = {},
  ): Promise<Float32Array> {
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
    for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
    setInputs(model, program, inputs, "predict");
    program.resetStates(this.stateful);
    for (const [name, values] of Object.entries(initialState)) program.setState(name, values);
    await program.run();
    if (this.stateful.length > 0) program.carry();
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
}

/** Numbers in one run, with their shape. */
export type FlatNumbers = { readonly data: Float32Array<ArrayBuffer>; readonly shape: readonly number[] };
/** The outputs (N,T,V), or (N,V) where the model gives one a sequence, and states that were asked for. */
export type Prediction = FlatNumbers & {
  /** The states (N,H), by name (`lstm.h`), of the layers with `returnState`, after their last step. */
  readonly states: Readonly<Record<string, FlatNumbers>>;
};
/** Defaults: 32 examples side by side, states from zeros. */
export type PredictOptions = LoadOptions & {
  /** What is made of the outputs: probabilities of logits, by the loss that they were trained with. */
  readonly activation?: OutputActivation;
  /** Examples that are computed side by side; it changes nothing in the result but rounding. */
  readonly batchSize?: number;
  /** What states start from (N,H), by name, instead of zeros. */
  readonly initialState?: Readonly<Record<string, ExampleArray>>;
};

/**
 * x: tokens (N,T) or vectors (N,T,D), examples first, nested lists or `{ data, shape }`, by name where the model has
 * several inputs -> outputs (N,T,V), or (N,V) where the model gives one a sequence: row k is that of example k. States of
 * `stateful` layers start from zero, and go on from batch to batch.
 * @throws InputError for data that does not fit the model, with the place
 * @example const { data, shape } = await predict(model, x);
 */
export async function predict(model: Model, x: InputArrays, options: PredictOptions = {}): Promise<Prediction> {
  const { batchSize = 32, activation, initialState = {}, ...host } = options;
  checkWhole("predict: batchSize", batchSize, 1);
  const { inputs, count, steps } = readInputs(model, x, "predict");
  const batch = Math.min(batchSize, count);
  checkWholeBatches(model, { count, batch }, "predict");
  const given = readStates(initialState, count, "predict");
  const predictor = await createPredictor(model, { batch, steps, activation, ...host });
  const { outputSize, returnsSequences } = model;
  const outputSteps = returnsSequences ? steps : 1;
  const data = new Float32Array(count * outputSteps * outputSize);
  const states: Record<string, FlatNumbers> = {};
  const [rows, order] = [new Int32Array(batch), rowsBetween(0, count)];
  const [buffers, starts] = [buffersOf(inputs, batch), buffersOf(given, batch)];
  const turns = createTurns();
  for (let from = 0; from < count; from += batch) {
    const examples = takeRows(order, from, rows);
    takeInputs(inputs, rows, buffers);
    takeInputs(given, rows, starts);
    const outputs = await predictor.predict(buffers, { initialState: starts });
    for (let b = 0; b < examples; b++) {
      for (let t = 0; t < outputSteps; t++) {
        const at = (t * batch + b) * outputSize;
        data.set(outputs.subarray(at, at + outputSize), ((from + b) * outputSteps + t) * outputSize);
      }
    }
    for (const [name, values] of Object.entries(predictor.states())) {
      const size = values.length / batch;
      states[name] ??= { data: new Float32Array(count * size), shape: [count, size] };
      states[name].data.set(values.subarray(0, examples * size), from * size);
    }
    await turns();
  }
  return { data, shape: [count, ...(returnsSequences ? [steps] : []), outputSize], states };
}
