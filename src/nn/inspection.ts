/**
 * Every named value of every layer while a model reads a sequence, one step after the other, so that no sequence is too
 * long. Knows nothing about text.
 */

import type { HostOptions } from "../engines/engine.ts";
import { hostRules } from "../engines/registry.ts";
import { createBuilder, type NodeId } from "../graph/graph.ts";
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
import { createYielder } from "../graph/yielding.ts";
import { bind } from "./bind.ts";
import { logProbabilities } from "./log-probabilities.ts";
import { addModel, aModel, cellsOf, checkReadsForward, type Model } from "./model.ts";
import { Session } from "./session.ts";

/** One line of a layer's cell: a gate, a state, or whatever else has a name. */
export type NamedValue = {
  /** By layer and name: `lstm.f`. */
  readonly key: string;
  readonly layer: string;
  readonly name: string;
  /** Numbers a step: one where it is a number, all of its rows where it is a matrix. */
  readonly size: number;
  /** Whether its layer remembers anything. */
  readonly recurrent: boolean;
  /** Whether it is what its layer remembers: a session's `state()` has it by its key. */
  readonly state: boolean;
  /** Whether its numbers lie between 0 and 1 because a sigmoid made them. */
  readonly gate: boolean;
  /** The comment of its line. */
  readonly description: string | undefined;
};

/** What happened in one step. The arrays are its own: later steps do not change them. */
export type InspectedStep = {
  /** By layer and name (`lstm.f`), the values (n) of this step; of a state, after it. */
  readonly values: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
  /** What the model gives (V). One that gives its last output alone takes each step for the last. */
  readonly output: Float32Array<ArrayBuffer>;
  /** Where the output is one logit for each token: the probabilities (V) of the next one. */
  readonly probabilities?: Float32Array<ArrayBuffer>;
  /** The same places: nats of this token, predicted from those before it. The first is predicted from nothing. */
  readonly loss?: number;
};

/** Without `values` all that have a name. */
export type InspectOptions = HostOptions & {
  /** The values to keep, by layer and name (`lstm.f`). */
  readonly values?: readonly string[] | undefined;
};

/**
 * What `inspectModel` can show of a model, in the order of its layers and their lines.
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
 * Run a model over one sequence from its start: tokens, or vectors (D). Each step is given as soon as it is done, with the
 * same numbers as a session's.
 * @throws InputError for a model that a session does not run, a value that it does not have, and inputs that it cannot read
 * @example for await (const { values } of inspectModel(model, tokens)) console.log(values["lstm.f"]);
 */
export async function* inspectModel(
  model: Model,
  inputs: Iterable<number | ArrayLike<number>>,
  options: InspectOptions = {},
): AsyncGenerator<InspectedStep, void, undefined> {
  checkArguments("inspect", { model, inputs, options }, inspectArguments);
  const { values, ...host } = options;
  checkReadsForward(model, "inspect");
  const { graph, values: all } = named(model);
  const there = all.map(({ key }) => key);
  const unknown = values?.find((key) => !there.includes(key));
  if (unknown !== undefined) {
    throw new InputError(`inspect: the model has no value "${unknown}". It has ${there.join(", ") || "none"}`);
  }
  const keys = there.filter((key) => values?.includes(key) ?? true);
  const sizes = { steps: 1, batch: 1, keep: ["output", ...keys] };
  const program = await bind(model, { graph: () => graph, ...sizes }, host, { sync: true });
  try {
    const session = new Session(model, program);
    const predicts = model.input === "tokens" && model.inputs[0]?.count === model.outputSize;
    let before: Float64Array | undefined;
    const yieldNow = createYielder(20);
    for (const input of inputs) {
      const output = session.next(input).slice();
      const step = { values: Object.fromEntries(keys.map((key) => [key, program.output(key)])), output };
      const next = predicts ? logProbabilities(output) : undefined;
      const loss = before === undefined ? {} : { loss: -(before[input as number] as number) };
      yield next === undefined ? step : { ...step, ...loss, probabilities: Float32Array.from(next, Math.exp) };
      before = next;
      await yieldNow();
    }
  } finally {
    program.dispose();
  }
}

/** One time step of the model with its named values as outputs, and what they are. */
function named(model: Model) {
  const g = createBuilder();
  const made = addModel(g, model, { training: false, goesOn: true });
  const outputs: Record<string, NodeId> = { output: made.output };
  const found = model.layers.flatMap(cellsOf).flatMap(([layer, { cell }]) =>
    [...new Set(cell.names)].map((name) => {
      const key = `${layer}.${name}`;
      // Of a state what it is after the step.
      const id = made.values[cell.states.includes(name) ? `${key}'` : key] as NodeId;
      outputs[key] = id;
      const description = cell.descriptions[name];
      const [recurrent, state] = [cell.states.length > 0, cell.states.includes(name)];
      return { key, id, layer, name, recurrent, state, description };
    }),
  );
  const graph = g.graph(outputs);
  const values = found.map(({ id, ...value }): NamedValue => {
    const { shape, op } = graph.nodes[id] ?? { shape: "none" };
    return { ...value, size: typeof shape === "number" ? shape : 1, gate: op === "sigmoid" };
  });
  return { graph, values };
}
