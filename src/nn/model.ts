/**
 * A model: layers one after the other, and the values of their parameters. Knows nothing about losses, optimisers or
 * text.
 */
import { addCell } from "../graph/cell.ts";
import {
  type Builder,
  createBuilder,
  dependencies,
  type Graph,
  type Node,
  type NodeId,
  type Parameter,
} from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { checkMemory } from "../runtime/memory-limit.ts";
import { initialize } from "./initializers.ts";
import type { LayerSpec } from "./layers.ts";
import { createRandom } from "./random.ts";

/** A layer with its name: given, or what it is with a number from the second of its kind on (Keras's rule). */
export type Layer = LayerSpec & { readonly name: string };

export type Model = {
  readonly layers: readonly Layer[];
  /** What goes in: tokens, where the first layer is an embedding, or vectors of so many features. */
  readonly input: "tokens" | number;
  /** Features that come out. */
  readonly outputSize: number;
  /** Whether they come out at every step (T,B,outputSize), or once a sequence (B,outputSize). */
  readonly returnsSequences: boolean;
  readonly parameters: readonly Parameter[];
  /** By name, [n] or [rows, columns] flat. Training writes into them. */
  readonly values: Readonly<Record<string, Float32Array>>;
};

export type SequentialOptions = {
  /** Features of the input vectors; not for a model that starts with an embedding. */
  readonly input?: number;
  /** Of the initial values. */
  readonly seed?: number;
};

/**
 * Layers one after the other.
 * @throws where a layer does not fit the one before, with its name
 * @example sequential([embedding(65, 64), lstm(128, { returnSequences: true }), dense(65)])
 */
export function sequential(specs: readonly LayerSpec[], { input, seed = 0 }: SequentialOptions = {}): Model {
  if (specs.length === 0) throw new InputError("sequential: needs at least one layer");
  const layers = nameLayers(specs);
  const tokens = specs[0]?.kind === "embedding";
  if (!tokens && input === undefined) {
    throw new InputError("sequential: say how many features go in, { input: n }, or begin with an embedding");
  }
  if (tokens && input !== undefined) throw new InputError("sequential: an embedding reads tokens; leave `input` out");
  const shape = tokens ? "tokens" : (input as number);
  const random = createRandom(seed);
  return modelOf(layers, shape, (parameter) => initialize(parameter, random));
}

/**
 * A model of named layers, with values from elsewhere.
 * @throws InputError where its input does not matter, or it is larger than memory can be, before any value is made
 */
export function modelOf(
  layers: readonly Layer[],
  input: Model["input"],
  initial: (parameter: Parameter) => Float32Array,
): Model {
  const { graph, output } = modelGraph({ layers, input }, { training: false });
  checkInputMatters(graph, output);
  checkMemory(4 * countParameters(graph), "the model");
  const values = Object.fromEntries(graph.parameters.map((p) => [p.name, initial(p)]));
  const { shape, once } = graph.nodes[output] as Node;
  const outputSize = typeof shape === "number" ? shape : 1;
  return { layers, input, outputSize, returnsSequences: once !== true, parameters: graph.parameters, values };
}

/** A cell may leave out x; a model all of whose ways from input to output are cut so could learn nothing. */
function checkInputMatters(graph: Graph, output: NodeId): void {
  const needed = dependencies(graph, [output]);
  if (graph.nodes.some(({ op }, id) => needed[id] && (op === "input" || op === "index"))) return;
  throw new InputError(
    "the model's output does not depend on its input: a cell leaves out x. Let its equations read x.",
  );
}

/** @throws InputError for a model whose outputs are not one a token */
export function checkReturnsSequences({ layers, returnsSequences }: Model, where: string): void {
  if (returnsSequences) return;
  const last = layers.findLast(
    (layer) => layer.kind === "cell" && !layer.returnSequences && layer.cell.states.length > 0,
  );
  throw new InputError(
    `${where}: needs an output at every step, and ${last?.name} gives its last one alone. ` +
      "Give it returnSequences: true.",
  );
}

/** Give every layer without a name that of its kind: lstm, lstm_1, lstm_2. */
export function nameLayers(specs: readonly LayerSpec[]): Layer[] {
  const taken = new Set<string>();
  return specs.map((spec) => {
    const wanted = spec.name ?? (spec.kind === "cell" ? spec.label : spec.kind);
    let name = wanted;
    for (let k = 1; taken.has(name); k++) {
      if (spec.name !== undefined) throw new InputError(`sequential: two layers are named "${name}"`);
      name = `${wanted}_${k}`;
    }
    taken.add(name);
    return { ...spec, name };
  });
}

/** One time step of the whole model, without a loss. Dropout is there in training only. */
export function modelGraph(
  { layers, input }: Pick<Model, "layers" | "input">,
  { training }: { readonly training: boolean },
): { graph: Graph; output: NodeId; values: Readonly<Record<string, NodeId>> } {
  const g = createBuilder();
  const { output, values } = addModel(g, { layers, input }, { training });
  return { graph: g.graph({ output }), output, values };
}

/** The same into a graph under construction. Inputs are named "tokens" or "x". */
export function addModel(
  g: Builder,
  { layers, input }: Pick<Model, "layers" | "input">,
  { training }: { readonly training: boolean },
): { output: NodeId; values: Readonly<Record<string, NodeId>> } {
  const values: Record<string, NodeId> = {};
  let at = input === "tokens" ? g.index("tokens") : g.input("x", input);
  layers.forEach((layer, k) => {
    switch (layer.kind) {
      case "embedding": {
        if (k > 0) throw new InputError(`${layer.name}: an embedding reads tokens, so it must be the first layer`);
        const parameter = `${layer.name}.weight`;
        g.declare(parameter, [layer.inputDim, layer.outputDim], { name: "random_uniform", values: [-0.05, 0.05] });
        at = g.gather(parameter, at);
        break;
      }
      case "cell": {
        const [x] = layer.cell.inputs as readonly [string];
        const hasState = layer.cell.states.length > 0;
        if (hasState && g.isOnce(at)) {
          throw new InputError(
            `${layer.name}: it reads a sequence, and the layer before gives one vector: its last. ` +
              "Give that layer returnSequences: true.",
          );
        }
        const units = layer.units === undefined ? {} : { units: layer.units };
        const made = addCell(g, layer.cell, { layer: layer.name, ...units, inputs: { [x]: at } });
        for (const [name, id] of Object.entries(made.values)) values[`${layer.name}.${name}`] = id;
        at = hasState && !layer.returnSequences ? lastOf(g, layer, made.output) : made.output;
        break;
      }
      case "dropout":
        if (training && layer.rate > 0)
          at = g.mul(at, g.mask(g.shapeOf(at) as number, layer.rate, k, { once: g.isOnce(at) }));
        break;
    }
  });
  return { output: at, values };
}

/** A layer's output after the last step. Where it is no state, one is made that does nothing but keep it. */
function lastOf(g: Builder, { name, cell }: Layer & { kind: "cell" }, output: NodeId): NodeId {
  if (cell.output.endsWith("'")) return g.final(`${name}.${cell.output.slice(0, -1)}`);
  const state = `${name}.${cell.output}`;
  const shape = g.shapeOf(output);
  g.state(state, typeof shape === "number" ? shape : 1);
  g.next(state, typeof shape === "number" ? output : g.broadcast(output, 1));
  return g.final(state);
}

export const countParameters = ({ parameters }: Pick<Model, "parameters">): number =>
  parameters.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
