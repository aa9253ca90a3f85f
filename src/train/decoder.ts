/**
 * A decoder: of a model whose answer has a time of its own, everything else is read once, and the answer step by step, without
 * reading again what came before. The model's graph is cut where values go over from the other times, once per sequence.
 */
import type { InferenceOptions } from "../engines/engine.ts";
import { inferenceRules } from "../engines/registry.ts";
import { type Graph, type Node, type NodeId, predecessors } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { partOf } from "../graph/part.ts";
import {
  type Arguments,
  alias,
  anArray,
  checkArguments,
  checkValue,
  either,
  listOf,
  options as optionsOf,
  required,
  string,
} from "../graph/schema.ts";
import { yieldNow } from "../graph/yielding.ts";
import { bind } from "../nn/bind.ts";
import { size } from "../nn/layers.ts";
import type { Model } from "../nn/model.ts";
import { aModel } from "../nn/model-checks.ts";
import { modelGraph } from "../nn/model-graph.ts";
import { learnedStarts } from "../nn/session.ts";
import { Disposable } from "../runtime/disposable.ts";
import type { Program } from "../runtime/program.ts";
import { checkInputs, type Inputs, setInputs } from "./checks.ts";

/** Options of `createDecoder`; also the host's: `engine`, `threads`, `fma`, `precision`, `quantize`. */
export type DecoderOptions = InferenceOptions & {
  /** Answers that go on at the same time. */
  readonly batch: number;
  /** How many steps the other inputs have: a number, or one for each of the other times, in the model's order. */
  readonly steps: number | readonly number[];
  /** How many questions are read at once. Default: `batch`. */
  readonly questions?: number;
  /**
   * Names of values to be read at each step, such as the shares of attention: "look.attention"; of a state, its value after the step.
   * Default none.
   */
  readonly values?: readonly string[];
};

export const decoderArguments: Arguments = {
  model: aModel,
  options: optionsOf<DecoderOptions>({
    ...inferenceRules,
    batch: required(alias(size, "batchSize", "beams")),
    steps: required(either(size, listOf(size, 1))),
    questions: size,
    values: listOf(string),
  }),
};

/**
 * Create a decoder, for a model whose answer has a `time` of its own, such as an encoder and a decoder with attention.
 * @param model an output at every step of its last sequence, which runs forwards; its present values are copied
 * @param options `batch` and `steps`; see `DecoderOptions` for the others
 * @throws InputError for a model with one time, or whose answer cannot be read step by step; for a value that it has not
 * @example
 * const decoder = await createDecoder(model, { batch: 4, steps: 20, questions: 1 });
 * await decoder.read({ question: tokens }); // (20,1)
 * decoder.begin([0, 0, 0, 0]); // four answers to the one question
 * const logits = decoder.next([1, 1, 1, 1]); // (4,V)
 */
export async function createDecoder(model: Model, options: DecoderOptions): Promise<Decoder> {
  checkArguments("createDecoder", { model, options }, decoderArguments);
  const { batch, steps: given, questions = batch, values = [], ...host } = options;
  const others = typeof given === "number" ? [given] : [...given];
  const { time, times } = model;
  if (others.length !== times.length - 1) {
    const name = times[time] as string;
    throw new InputError(
      times.length === 1
        ? 'createDecoder: needs a model whose answer has a time of its own: input(..., { time: "answer" })'
        : `createDecoder: steps: needs a number for each time but ${name} (${times.filter((_, k) => k !== time).join(", ")}), got ${others.length}`,
    );
  }
  const steps = times.map((_, k) => (k === time ? 1 : (others.shift() as number)));
  const { graph, values: named } = modelGraph(model, { training: false, steps });
  const wanted = Object.fromEntries(
    values.map((name) => {
      const id = named[`${name}'`] ?? named[name];
      const node = id === undefined ? undefined : graph.nodes[id];
      if (node !== undefined && !node.perSequence && (node.time ?? 0) === time) return [name, id as NodeId];
      throw new InputError(`createDecoder: values: the model has no value "${name}" at each step of its answer`);
    }),
  );
  const { crossing, starts } = cutAt(graph, { ...graph.outputs, ...wanted });
  const nameOf = (id: NodeId): string => `%${id}`;
  const reads = [...new Set([...crossing, ...starts.values()])];
  const before = partOf(graph, { outputs: Object.fromEntries(reads.map((id) => [nameOf(id), id])) });
  checkReadBefore(before, time);
  const after = partOf(graph, {
    outputs: { ...graph.outputs, ...wanted },
    given: new Map(crossing.map((id) => [id, nameOf(id)])),
    open: () => true,
  });
  const reader = await bind(model, { graph: () => before, steps, batch: questions, keep: reads.map(nameOf) }, host, {
    owner: "decoder",
  });
  const one = times.map(() => 1);
  const keep = ["output", ...values];
  const writer = await bind(model, { graph: () => after, steps: one, batch, keep }, host, {
    sync: true,
    owner: "decoder",
  });
  const memory = crossing.map(nameOf).filter((name) => writer.plan.inputs[name] !== undefined);
  const from = new Map([...starts].map(([state, id]) => [state, nameOf(id)]));
  return new Decoder(model, { reader, writer }, { batch, questions, steps, memory, from });
}

/**
 * The values once per sequence that the steps of a time read (`crossing`), and those that its states start from, by their names.
 * @throws InputError for an answer that cannot be read one step at a time
 */
function cutAt(graph: Graph, outputs: Readonly<Record<string, NodeId>>) {
  const states = new Map(graph.states.map((state) => [state.name, state]));
  const crossing = new Set<NodeId>();
  const starts = new Map<string, NodeId>();
  const seen = new Set<NodeId>();
  const queue = Object.values(outputs);
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const node = graph.nodes[id] as Node;
    if (node.perSequence) {
      crossing.add(id);
      continue;
    }
    if (node.op !== "state") {
      queue.push(...predecessors(node, states));
      continue;
    }
    const state = states.get(node.name);
    if (state === undefined) continue;
    if (state.reverse || state.stride !== undefined) throw notByStep(state.name);
    if (state.initial !== undefined && graph.nodes[state.initial]?.perSequence) starts.set(state.name, state.initial);
    queue.push(state.next);
  }
  return { crossing: [...crossing], starts };
}
const notByStep = (name: string): InputError =>
  new InputError(
    `createDecoder: the answer is read one step at a time, but ${name.split(".")[0]} needs all of it. Leave goBackwards, bidirectional, strides and what reads all its steps to other inputs.`,
  );
/** What is read before must not wait for a step of the answer. */
function checkReadBefore({ nodes }: Graph, time: number): void {
  const late = nodes.find(
    (node) => !node.perSequence && (node.time ?? 0) === time && (node.op === "input" || node.op === "index"),
  );
  if (late !== undefined) throw notByStep(late.name as string);
}

type Cut = {
  readonly batch: number;
  readonly questions: number;
  readonly steps: readonly number[];
  /** What each step reads of the questions, and what states start from. */
  readonly memory: readonly string[];
  readonly from: ReadonlyMap<string, string>;
};

/** Reads questions whole and answers step by step; made by `createDecoder`. It owns its memory until `dispose()`. */
export class Decoder extends Disposable {
  private readonly reader: Program;
  private readonly writer: Program;
  private readonly cut: Cut;
  private readonly before: Model;
  private readonly own: Model;
  private readonly learned: Readonly<Record<string, Float32Array>>;
  private known: Readonly<Record<string, Float32Array>> | undefined;
  private begun = false;

  constructor(model: Model, { reader, writer }: Readonly<Record<"reader" | "writer", Program>>, cut: Cut) {
    super();
    this.reader = reader;
    this.writer = writer;
    this.cut = cut;
    const isOwn = (one: Model["inputs"][number]): boolean => one.sequence && (one.time ?? 0) === model.time;
    this.before = { ...model, inputs: model.inputs.filter((one) => !isOwn(one)) };
    this.own = { ...model, inputs: model.inputs.filter(isOwn) };
    this.learned = learnedStarts(model);
  }

  /**
   * Read the questions: all inputs but those of the answer. `begin` then starts answers to them.
   * @param inputs tokens (S,Q) or vectors (S,Q,D) of Q questions, flat, time first; by name if there are several
   * @throws InputError for numbers that do not fit
   */
  read(inputs: Inputs): Promise<void> {
    return this.alone("decoder.read", () => this.readAlone(inputs));
  }
  private async readAlone(inputs: Inputs): Promise<void> {
    const { reader, before } = this;
    const { questions, steps } = this.cut;
    checkInputs(before, inputs, { batch: questions, steps }, "decoder.read");
    setInputs(before, reader, inputs, "decoder.read");
    reader.resetStates();
    await reader.run();
    await yieldNow();
    this.known = Object.fromEntries(Object.keys(reader.plan.outputs).map((name) => [name, reader.output(name)]));
    this.begun = false;
  }

  /**
   * Begin an answer in each place of the batch.
   * @param questions for each place the number of its question, by default its own
   * @throws InputError before `read`, and for a question that is not there
   */
  begin(questions?: ArrayLike<number>): void {
    const { writer, known, learned } = this;
    const { batch, memory, from, questions: count } = this.cut;
    if (known === undefined) throw new InputError("decoder.begin: nothing has been read. Call read() first.");
    const of =
      questions === undefined ? Array.from({ length: batch }, (_, b) => b % count) : Array.from(questions ?? []);
    if (of.length !== batch || of.some((q) => !(Number.isInteger(q) && q >= 0 && q < count))) {
      throw new InputError(
        `decoder.begin: needs the number of a question, 0 to ${count - 1}, for each of ${batch} answers`,
      );
    }
    const rows = (name: string): Float32Array => rowsOf(known[name] as Float32Array, count, of);
    for (const name of memory) writer.setInput(name, rows(name));
    writer.resetStates();
    for (const name of Object.keys(writer.plan.states)) {
      const start = from.get(name);
      if (start !== undefined) writer.setState(name, rows(start));
      else if (learned[name] !== undefined) for (let b = 0; b < batch; b++) writer.setStateOf(b, name, learned[name]);
    }
    this.begun = true;
  }

  /**
   * Read the next step of every answer.
   * @param inputs a token (B) or a vector (B,D) for each answer, flat; by name if the answer has several inputs
   * @param into where to write the outputs; by default a new array
   * @returns the outputs (B,V) of this step
   * @throws InputError before `begin`, and for numbers that do not fit
   */
  next(inputs: Inputs, into?: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    const { writer, own } = this;
    const { batch, steps } = this.cut;
    if (!this.begun) throw new InputError("decoder.next: no answer has begun. Call begin() first.");
    checkInputs(own, inputs, { batch, steps }, "decoder.next");
    setInputs(own, writer, inputs, "decoder.next");
    writer.runSync();
    writer.advanceStates();
    return writer.output("output", into);
  }
  /** A value (B,n) of the last step, flat, of those that `values` names. */
  value(name: string): Float32Array<ArrayBuffer> {
    const all = Object.keys(this.writer.plan.outputs).filter((one) => one !== "output");
    if (!all.includes(name)) {
      throw new InputError(
        `decoder.value: "${name}" is not kept. createDecoder was given ${all.join(", ") || "none"}.`,
      );
    }
    return this.writer.output(name);
  }
  /**
   * Go on in each place of the batch from where another one is: its states are copied. Places keep their questions.
   * @param from for each place the place that it continues
   * @throws InputError for a place that is not there
   */
  continueFrom(from: ArrayLike<number>): void {
    const { writer } = this;
    const { batch } = this.cut;
    checkValue("decoder.continueFrom: from", from, anArray);
    const of = Array.from(from);
    if (of.length !== batch || of.some((b) => !(Number.isInteger(b) && b >= 0 && b < batch))) {
      throw new InputError(`decoder.continueFrom: needs a place, 0 to ${batch - 1}, for each of ${batch} answers`);
    }
    for (const name of Object.keys(writer.plan.states)) writer.setState(name, rowsOf(writer.start(name), batch, of));
  }
  dispose(): void {
    this.reader.dispose();
    this.writer.dispose();
  }
}

/** Some of `count` rows of equal length, in this order. */
function rowsOf(values: Float32Array, count: number, order: readonly number[]): Float32Array {
  const width = values.length / count;
  const rows = new Float32Array(order.length * width);
  order.forEach((row, k) => {
    rows.set(values.subarray(row * width, (row + 1) * width), k * width);
  });
  return rows;
}
