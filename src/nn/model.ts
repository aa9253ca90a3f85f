/**
 * A model: layers one after the other, and the values of their parameters. Knows nothing about losses, optimisers or
 * text.
 */
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
import { addBidirectional, addRecurrent, type Flow } from "./recurrent.ts";

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
  /** Whether the first output in order is that of the last step, and whether steps may be masked. */
  readonly backwards: boolean;
  readonly masked: boolean;
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
  const { graph, output, backwards, mask } = modelGraph({ layers, input }, { training: false });
  checkInputMatters(graph, output);
  checkMemory(4 * countParameters(graph), "the model");
  const values = Object.fromEntries(graph.parameters.map((p) => [p.name, initial(p)]));
  const { shape, once } = graph.nodes[output] as Node;
  const outputSize = typeof shape === "number" ? shape : 1;
  const order = { returnsSequences: once !== true, backwards, masked: mask !== undefined };
  return { layers, input, outputSize, ...order, parameters: graph.parameters, values };
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

/** @throws InputError for a model that needs a sequence as a whole: one that goes backwards */
export function checkReadsForward({ layers }: Model, where: string): void {
  const layer = layers.find((one) => one.kind === "bidirectional" || (one.kind === "cell" && one.goBackwards));
  if (layer === undefined) return;
  throw new InputError(`${where}: ${layer.name} reads from the last step on, and here one step comes after the other`);
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

export type ModelNodes = {
  readonly output: NodeId;
  /** Which steps count, where some may not: one number a step. */
  readonly mask: NodeId | undefined;
  /** Whether the first output in order is that of the last step. */
  readonly backwards: boolean;
  /** By layer and name. */
  readonly values: Readonly<Record<string, NodeId>>;
};

/** One time step of the whole model, without a loss. Dropout is there in training only. */
export function modelGraph(
  model: Pick<Model, "layers" | "input">,
  { training }: { readonly training: boolean },
): ModelNodes & { readonly graph: Graph } {
  const g = createBuilder();
  const nodes = addModel(g, model, { training });
  return { graph: g.graph({ output: nodes.output }), ...nodes };
}

/** The same into a graph under construction. Inputs are named "tokens" or "x". */
export function addModel(
  g: Builder,
  { layers, input }: Pick<Model, "layers" | "input">,
  { training }: { readonly training: boolean },
): ModelNodes {
  const values: Record<string, NodeId> = {};
  let flow: Flow = { value: input === "tokens" ? g.index("tokens") : g.input("x", input), backwards: false };
  const keep = (name: string, made: { readonly flow: Flow; readonly values: ModelNodes["values"] }): void => {
    for (const [key, id] of Object.entries(made.values)) values[`${name}.${key}`] = id;
    flow = made.flow;
  };
  layers.forEach((layer, k) => {
    const { name } = layer;
    const context = { training, stream: firstRecurrentStream + 4 * k };
    const { value } = flow;
    switch (layer.kind) {
      case "embedding": {
        if (k > 0) throw new InputError(`${name}: an embedding reads tokens, so it must be the first layer`);
        const parameter = `${name}.weight`;
        g.declare(parameter, [layer.inputDim, layer.outputDim], { name: "random_uniform", values: [-0.05, 0.05] });
        const mask = layer.maskZero ? g.sub(g.constant(1), g.sum(g.oneHot(value, 1))) : undefined;
        flow = { ...flow, value: g.gather(parameter, value), mask };
        break;
      }
      case "cell":
        keep(name, addRecurrent(g, layer, flow, context));
        break;
      case "bidirectional":
        keep(name, addBidirectional(g, layer, flow, context));
        break;
      case "masking": {
        if (k > 0) throw new InputError(`${name}: masking reads the model's input, so it must be the first layer`);
        const differs = g.unary("step", g.unary("abs", g.sub(value, g.constant(layer.maskValue))));
        const mask = g.reduce("max_of", differs);
        flow = { ...flow, value: g.mul(value, mask), mask };
        break;
      }
      case "dropout":
        if (!training || layer.rate === 0) break;
        flow = {
          ...flow,
          value: g.mul(value, g.mask(g.shapeOf(value) as number, layer.rate, k, { once: g.isOnce(value) })),
        };
        break;
    }
  });
  const { value: output, mask, backwards } = flow;
  return { output, mask, backwards, values };
}

/** Streams of random bits below this belong to dropout layers, by position. */
const firstRecurrentStream = 2 ** 16;

export const countParameters = ({ parameters }: Pick<Model, "parameters">): number =>
  parameters.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
