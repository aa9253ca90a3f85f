/**
 * A model: a list of layers, each of which reads the one before it or one that it names, and the values of their
 * parameters.
 */

import { checkMemory } from "../engines/memory-limit.ts";
import { dependencies, type Graph, type Node, type NodeId, type Parameter } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { type Arguments, alias, checkArguments, checkValue, listOf, options as optionsOf } from "../graph/schema.ts";
import { initialize } from "./initializers.ts";
import { aLayer, type LayerSpec, mergeLabels, size } from "./layers.ts";
import { parametersOfModel } from "./model-checks.ts";
import { modelGraph } from "./model-graph.ts";
import { aSeed, createRandom } from "./random.ts";
import type { Padding } from "./recurrent.ts";

/** A layer with its name: the given one, or its type, with a number from the second of its type on (Keras's rule). */
export type Layer = LayerSpec & { readonly name: string };

/** A model as plain data: layers, inputs, outputs, and the values of the parameters. Made by `sequential`. */
export type Model = {
  readonly layers: readonly Layer[];
  /** The first input: "tokens", or the number of features of its vectors. */
  readonly input: "tokens" | number;
  /** All inputs: "tokens" or "x", or the `input` layers by their names. */
  readonly inputs: readonly ModelInput[];
  /** Number of features of the output. */
  readonly outputSize: number;
  /** Whether there is an output at every step (T,B,outputSize), or at every one that layers with strides leave, or one per sequence (B,outputSize). */
  readonly returnsSequences: boolean;
  /** The times of its sequences, by name, in the order of their first inputs: "T" where an input gives none. */
  readonly times: readonly string[];
  /** Of outputs at steps: the number of their time among these. */
  readonly time: number;
  /** Of outputs at steps: there is one for every so many steps of the input, from the first on; 1 but for layers with strides. */
  readonly strides: number;
  /** Whether the outputs are in reverse order: the first one belongs to the last step. */
  readonly backwards: boolean;
  /** The paddings that mask steps of the output; empty if every step counts. */
  readonly maskedBy: readonly Padding[];
  /** The paddings that mask steps of any layer. */
  readonly paddings: readonly Padding[];
  /** The number of steps of the first time, if a `repeatVector` layer fixes it. */
  readonly steps: number | undefined;
  readonly parameters: readonly Parameter[];
  /** The parameters' values by name, [n] or [rows, columns], flat. Training writes into these arrays. */
  readonly values: Readonly<Record<string, Float32Array>>;
};

/** One input of a model. */
export type ModelInput = {
  readonly name: string;
  /** "tokens"; the number of features of vectors; or "mask": 1 for steps that count, 0 for padding. */
  readonly features: "tokens" | "mask" | number;
  /** Of tokens: how many there are. Ids go from 0 to count - 1. */
  readonly count?: number;
  /** Whether there is one value per step (T,B,...), or one per example (B,...). */
  readonly sequence: boolean;
  /** Of a sequence: the number of its time among those of the model; 0 where absent. */
  readonly time?: number;
};

/** Options of `sequential`. */
export type SequentialOptions = {
  /** Number of features of the input vectors. Not for a model whose first layer is an `embedding` or an `input`. */
  readonly input?: number;
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
};

/** The name of the only input of a model that has one. */
export const inputOf = ({ inputs }: Pick<Model, "inputs">): string => (inputs[0] as ModelInput).name;

export const sequentialArguments: Arguments = {
  layers: listOf(aLayer, 1),
  options: optionsOf<SequentialOptions>({ input: alias(size, "inputDim", "inputShape"), seed: aSeed }),
};

/**
 * Make a model from layers, with initial values for its parameters. Each layer reads the one before it, or the one that
 * its option `reads` names; so the list may also be a graph of layers. Keras's Sequential.
 * @param specs one layer or more
 * @param options `input`: number of features of the input vectors, unless the first layer is an `embedding` or an `input`;
 *   `seed` of the initial values, default 0
 * @throws InputError for a layer that does not fit the one it reads, with its name, and for a model too large for memory
 * @example sequential([embedding(65, 64), lstm(128, { returnSequences: true }), dense(65)])
 */
export function sequential(specs: readonly LayerSpec[], options: SequentialOptions = {}): Model {
  checkArguments("sequential", { layers: specs, options }, sequentialArguments);
  const { input, seed = 0 } = options;
  const [first] = specs as [LayerSpec];
  const own = first.kind === "embedding" ? "tokens" : first.kind === "input" ? first.features : undefined;
  if (own === undefined && input === undefined) {
    throw new InputError(
      "sequential: the input's size is missing. Give { input: features }, or begin with an embedding.",
    );
  }
  if (own !== undefined && input !== undefined) {
    throw new InputError(`sequential: the first layer (${first.kind}) already defines the input. Leave \`input\` out.`);
  }
  const random = createRandom(seed);
  return modelOf(nameLayers(specs), own ?? (input as number), (parameter) => initialize(parameter, random));
}

/**
 * A model of named layers, with the given initial values.
 * @throws InputError if its output does not depend on its input, or if it does not fit in memory, before any value is made
 */
export function modelOf(
  layers: readonly Layer[],
  input: Model["input"],
  initial: (parameter: Parameter) => Float32Array,
): Model {
  const { graph, output, flow, inputs, paddings, times, steps } = modelGraph({ layers, input }, { training: false });
  checkInputMatters(graph, output);
  checkMemory(4 * countParameters(graph), "the model");
  const values = Object.fromEntries(graph.parameters.map((p) => [p.name, initial(p)]));
  const { shape, perSequence: once } = graph.nodes[output] as Node;
  const outputSize = typeof shape === "number" ? shape : 1;
  const { backwards, maskedBy } = flow;
  const { time = 0, stride: strides = 1 } = once ? {} : flow.axis;
  return {
    ...{ layers, input, inputs, outputSize, returnsSequences: once !== true, times, time, strides },
    ...{ backwards, maskedBy, steps, paddings, parameters: graph.parameters, values },
  };
}

/** A cell need not read x. A model whose output does not depend on its input could learn nothing. */
function checkInputMatters(graph: Graph, output: NodeId): void {
  const needed = dependencies(graph, [output]);
  if (graph.nodes.some(({ op }, id) => needed[id] && (op === "input" || op === "index"))) return;
  throw new InputError(
    "the model's output does not depend on its input: a cell does not read x. Use x in its equations.",
  );
}

/** Name every layer that has no name by its type: lstm, lstm_1, lstm_2. */
export function nameLayers(specs: readonly LayerSpec[]): Layer[] {
  const taken = new Set<string>();
  return specs.map((spec) => {
    const wanted = spec.name ?? labelOf(spec);
    let name = wanted;
    for (let k = 1; taken.has(name); k++) {
      if (spec.name !== undefined) throw new InputError(`sequential: two layers are named "${name}"`);
      name = `${wanted}_${k}`;
    }
    taken.add(name);
    return { ...spec, name };
  });
}

/** The type of a layer, in one word. */
export function labelOf(spec: LayerSpec): string {
  if (spec.kind === "cell") return spec.label;
  if (spec.kind === "input") return spec.features === "tokens" ? "tokens" : "x";
  return spec.kind === "merge" ? mergeLabels[spec.mergeMode] : spec.kind;
}

/**
 * The number of trainable values of a model. Keras's `count_params`.
 * @param model a model from `sequential`
 * @throws InputError for what is not a model
 */
export function countParameters(model: Pick<Model, "parameters">): number {
  checkValue("countParameters: model", model, parametersOfModel);
  return model.parameters.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
}
