/**
 * Read every named value (gates, states) of every layer while a model runs over a sequence, one step at a time: memory
 * does not grow with the sequence.
 */

import type { HostOptions, InferenceOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { createBuilder, type Graph, type NodeId } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  checkArguments,
  checkValue,
  iterable,
  listOf,
  options as optionsOf,
  string,
} from "../graph/schema.ts";
import { yieldNow } from "../graph/yielding.ts";
import { bind } from "./bind.ts";
import { logProbabilities } from "./log-probabilities.ts";
import type { Model } from "./model.ts";
import { aModel, checkReadsForward } from "./model-checks.ts";
import { addModel } from "./model-graph.ts";
import { cellsOf } from "./model-states.ts";
import { Session } from "./session.ts";

/** A value that one line of a layer's cell sets: a gate, a state, a candidate. */
export type NamedValue = {
  /** Layer and name, joined by a dot: `lstm.f`. */
  readonly key: string;
  readonly layer: string;
  readonly name: string;
  /** Numbers per step: 1 for a scalar, rows times columns for a matrix. */
  readonly size: number;
  /** Whether its layer has states. */
  readonly recurrent: boolean;
  /** Whether it is a state: `session.state()` has it under its key. */
  readonly state: boolean;
  /** Whether it is the output of a sigmoid, also of a hard one, so between 0 and 1. */
  readonly gate: boolean;
  /** The comment of its line, if there is one. */
  readonly description: string | undefined;
};

/** The values of one step. The arrays are copies: later steps do not change them. */
export type InspectedStep = {
  /** The values (n) of this step by layer and name (`lstm.f`); of a state, its value after the step. */
  readonly values: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
  /** The model's output (V). A model that returns only its last output is read as if each step were the last. */
  readonly output: Float32Array<ArrayBuffer>;
  /** If the output is one logit per token: the probabilities (V) of the next token. */
  readonly probabilities?: Float32Array<ArrayBuffer>;
  /** If the output is one logit per token: the cross-entropy of this token, in nats, given those before it. The first step has none. */
  readonly loss?: number;
};

/** Options of `inspectModel`; also the host's: `engine`, `threads`, `fma`, `precision`. */
export type InspectOptions = HostOptions & {
  /** The values to read, by layer and name (`lstm.f`); by default all. */
  readonly values?: readonly string[] | undefined;
};

/**
 * List the values that `inspectModel` can read of a model, in the order of its layers and of their equations.
 * @param model a model from `sequential`
 * @returns for each value its key, layer, name, size and kind
 * @throws InputError for what is not a model
 * @example namedValues(model).map(({ key }) => key) // ["lstm.f", "lstm.i", ...]
 */
export function namedValues(model: Model): readonly NamedValue[] {
  checkValue("namedValues: model", model, aModel);
  return named(model).values;
}

export const inspectArguments: Arguments = {
  model: aModel,
  inputs: iterable,
  options: optionsOf<InspectOptions>({ ...hostRules, values: listOf(string) }),
};

/**
 * Run a model over one sequence, from its beginning, and yield every step as soon as it is computed. The numbers are those
 * that a session gives.
 * @param model a model that reads one step at a time (not bidirectional, no several inputs)
 * @param inputs tokens, or vectors (D), in order
 * @param options `values`: the values to read, by default all of `namedValues(model)`; the host's options
 * @returns an async iterator of steps: values by name (n), output (V) and, where the model predicts tokens, probabilities
 *   (V) and the loss in nats
 * @throws InputError for a model that a session cannot run, an unknown value, and inputs that the model cannot read
 * @example for await (const { values } of inspectModel(model, tokens)) console.log(values["lstm.f"]);
 */
export async function* inspectModel(
  model: Model,
  inputs: Iterable<number | ArrayLike<number>>,
  options: InspectOptions = {},
): AsyncGenerator<InspectedStep, void, undefined> {
  checkArguments("inspect", { model, inputs, options }, inspectArguments);
  yield* inspectSteps(model, inputs, options);
}

/**
 * As `inspectModel`, of inputs that are checked.
 * @param before what the model reads from its initial states before an input, by the number of that input; by default all inputs before it
 * @internal
 */
export async function* inspectSteps(
  model: Model,
  inputs: Iterable<number | ArrayLike<number>>,
  { values, ...host }: InspectOptions,
  before?: (place: number) => ArrayLike<number>,
): AsyncGenerator<InspectedStep, void, undefined> {
  checkReadsForward(model, "inspect");
  const { session, valuesNow } = await inspectedSession("inspect", model, values, host);
  try {
    const predicts = model.input === "tokens" && model.inputs[0]?.count === model.outputSize;
    let expected: Float64Array | undefined;
    let place = 0;
    for (const input of inputs) {
      if (before !== undefined) {
        session.reset();
        for (const one of Array.from(before(place))) session.next(one);
      }
      place++;
      const output = session.next(input).slice();
      const step = { values: valuesNow(), output };
      const next = predicts ? logProbabilities(output) : undefined;
      const loss = expected === undefined ? {} : { loss: -(expected[input as number] as number) };
      yield next === undefined ? step : { ...step, ...loss, probabilities: Float32Array.from(next, Math.exp) };
      expected = next;
      await yieldNow(20);
    }
  } finally {
    session.dispose();
  }
}

/** A session, and the values of its last step by layer and name, as copies. */
type InspectedSession = { readonly session: Session; readonly valuesNow: () => InspectedStep["values"] };

/**
 * A session whose values can be read after each step; what it computes is what a session without them does.
 * @param where begins messages
 * @param values the values to read, by layer and name; undefined: all
 * @throws InputError for an unknown value
 * @internal
 */
export async function inspectedSession(
  where: string,
  model: Model,
  values: readonly string[] | undefined,
  host: InferenceOptions,
): Promise<InspectedSession> {
  const { graph, values: all } = named(model);
  const there = all.map(({ key }) => key);
  const unknown = values?.find((key) => !there.includes(key));
  if (unknown !== undefined) {
    throw new InputError(`${where}: the model has no value "${unknown}". It has ${there.join(", ") || "none"}`);
  }
  const keys = there.filter((key) => values?.includes(key) ?? true);
  const sizes = { steps: 1, batch: 1, keep: ["output", ...keys] };
  const program = await bind(model, { graph: () => graph, ...sizes }, host, { sync: true });
  const valuesNow = () => Object.fromEntries(keys.map((key) => [key, program.output(key)]));
  return { session: new Session(model, program), valuesNow };
}

/**
 * Run a model once over one whole sequence, with as many inputs as it has, and return its named values at each step.
 * @param inputs by name: T token ids or T vectors (D), flat; of an input that is given once for the sequence, that once
 * @param steps T
 * @param values the values to read, by layer and name
 * @returns by layer and name: the values (T,n), flat, or (n) of a layer that runs once, after the sequence; of a state, its values after each step
 * @internal
 */
export async function inspectSequence(
  model: Model,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  steps: number,
  values: readonly string[],
  host: InferenceOptions,
): Promise<Readonly<Record<string, Float32Array<ArrayBuffer>>>> {
  const { graph } = named(model, steps);
  const program = await bind(model, { graph: () => graph, steps, batch: 1, keep: values }, host);
  try {
    for (const [name, given] of Object.entries(inputs)) {
      // An input that no value depends on is not in the plan.
      if (program.plan.indices[name] !== undefined) program.setIndex(name, given);
      else if (program.plan.inputs[name] !== undefined) program.setInput(name, given);
    }
    await program.run();
    return Object.fromEntries(values.map((key) => [key, program.output(key)]));
  } finally {
    program.dispose();
  }
}

/** The graph of one time step, of a step alone or of one of a whole sequence, with the named values as outputs; and the list of those values. */
function named(model: Model, steps?: number) {
  const g = createBuilder();
  const made = addModel(g, model, { training: false, ...(steps === undefined ? { goesOn: true } : { steps }) });
  const outputs: Record<string, NodeId> = { output: made.output };
  const found = model.layers.flatMap(cellsOf).flatMap(([layer, { cell }]) =>
    [...new Set(cell.names)].map((name) => {
      const key = `${layer}.${name}`;
      // A state's value after the step.
      const id = made.values[cell.states.includes(name) ? `${key}'` : key] as NodeId;
      outputs[key] = id;
      const description = cell.descriptions[name];
      const [recurrent, state] = [cell.states.length > 0, cell.states.includes(name)];
      return { key, id, layer, name, recurrent, state, description };
    }),
  );
  const graph = g.graph(outputs);
  const values = found.map(({ id, ...value }): NamedValue => {
    const { shape } = graph.nodes[id] ?? { shape: "none" };
    return { ...value, size: typeof shape === "number" ? shape : 1, gate: isGate(graph, id) };
  });
  return { graph, values };
}

/** Whether a value is between 0 and 1: a sigmoid, Keras 3's hard sigmoid, or whatever is cut off there, such as that of Keras 1 and 2. */
function isGate({ nodes }: Graph, id: NodeId): boolean {
  const { op, inputs = [] } = nodes[id] ?? {};
  if (op === "sigmoid" || op === "hard_sigmoid") return true;
  const [outer, other, bound, otherBound] = op === "max" ? ["max", "min", 0, 1] : ["min", "max", 1, 0];
  const has = (ids: readonly NodeId[], number: number): boolean =>
    ids.some((one) => nodes[one]?.op === "constant" && nodes[one].value === number);
  const inner = inputs.find((one) => nodes[one]?.op === other);
  return op === outer && inner !== undefined && has(inputs, bound) && has(nodes[inner]?.inputs ?? [], otherBound);
}
