/**
 * A model: a list of layers, each of which reads the one before it or one that it names, and the values of their
 * parameters.
 */

import { checkMemory } from "../engines/memory-limit.ts";
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
import { contentOf, type Kept, remember } from "../graph/remember.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkValue,
  isPlain,
  listOf,
  options as optionsOf,
  type Rule,
} from "../graph/schema.ts";
import { initialize } from "./initializers.ts";
import { aLayer, type CellSpec, type LayerSpec, mergeLabels, namesOf, size } from "./layers.ts";
import { aSeed, createRandom } from "./random.ts";
import {
  addBidirectional,
  addMerge,
  addRecurrent,
  type Flow,
  type Padding,
  type Start,
  streamsEach,
} from "./recurrent.ts";

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
  /** Whether there is an output at every step (T,B,outputSize), or one per sequence (B,outputSize). */
  readonly returnsSequences: boolean;
  /** Whether the outputs are in reverse order: the first one belongs to the last step. */
  readonly backwards: boolean;
  /** The paddings that mask steps of the output; empty if every step counts. */
  readonly maskedBy: readonly Padding[];
  /** The paddings that mask steps of any layer. */
  readonly paddings: readonly Padding[];
  /** The number of steps, if a `repeatVector` layer fixes it. */
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
};

/** Options of `sequential`. */
export type SequentialOptions = {
  /** Number of features of the input vectors. Not for a model whose first layer is an `embedding` or an `input`. */
  readonly input?: number;
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
};

export const sequentialArguments: Arguments = {
  layers: listOf(aLayer, 1),
  options: optionsOf<SequentialOptions>({ input: alias(size, "inputDim", "inputShape"), seed: aSeed }),
};

/** Whether a value has the layers of a model. */
const someLayers = (value: unknown): boolean =>
  isPlain(value) &&
  Array.isArray(value.layers) &&
  value.layers.length > 0 &&
  Array.from(value.layers).every(aLayer.accepts);
export const layersOfModel: Rule = { expected: "a model, as sequential makes it", accepts: someLayers };
/** Whether a value has the parameters of a model. */
const someParameters = (value: unknown): boolean =>
  isPlain(value) &&
  Array.isArray(value.parameters) &&
  Array.from(value.parameters).every((one) => isPlain(one) && Array.isArray(one.shape));
export const parametersOfModel: Rule = { ...layersOfModel, accepts: someParameters };
/** A model. Of its parts only the number of values is checked. */
export const aModel: Rule = {
  ...layersOfModel,
  accepts: (value) =>
    someLayers(value) &&
    someParameters(value) &&
    isPlain(value) &&
    isPlain(value.values) &&
    [value.inputs, value.paddings, value.maskedBy].every(Array.isArray),
  look(where, value) {
    const { parameters, values } = value as Model;
    const fits = ({ name, shape }: Parameter): boolean =>
      values[name] instanceof Float32Array && values[name].length === shape.reduce((a, b) => a * b, 1);
    const wrong = parameters.find((one) => !fits(one));
    if (wrong)
      throw new InputError(`${where}: ${wrong.name} needs ${wrong.shape.join(" x ")} values in a Float32Array`);
  },
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
  const { graph, output, flow, inputs, paddings, steps } = modelGraph({ layers, input }, { training: false });
  checkInputMatters(graph, output);
  checkMemory(4 * countParameters(graph), "the model");
  const values = Object.fromEntries(graph.parameters.map((p) => [p.name, initial(p)]));
  const { shape, perSequence: once } = graph.nodes[output] as Node;
  const outputSize = typeof shape === "number" ? shape : 1;
  const { backwards, maskedBy } = flow;
  return {
    ...{ layers, input, inputs, outputSize, returnsSequences: once !== true, backwards, maskedBy, steps },
    ...{ paddings, parameters: graph.parameters, values },
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

/** @throws InputError for a model that does not have an output at every step */
export function checkReturnsSequences({ layers, returnsSequences }: Model, where: string): void {
  if (returnsSequences) return;
  const last = layers.findLast(
    (layer) => layer.kind === "cell" && !layer.returnSequences && layer.cell.states.length > 0,
  );
  throw new InputError(
    `${where}: needs an output at every step, but ${last?.name} returns only its last. ` +
      "Give it returnSequences: true.",
  );
}

/** The cells of a layer, each with the prefix of its parameters' and states' names. */
export function cellsOf(layer: Layer): readonly (readonly [name: string, spec: CellSpec])[] {
  const { name } = layer;
  if (layer.kind === "cell") return [[name, layer]];
  if (layer.kind !== "bidirectional") return [];
  return [
    [`${name}.forward`, layer.forward],
    [`${name}.backward`, layer.backward],
  ];
}

/** The names (`lstm.h`) of the states of the layers that meet a condition. */
export const statesOf = ({ layers }: Pick<Model, "layers">, wanted: (spec: CellSpec) => boolean): readonly string[] =>
  layers
    .flatMap(cellsOf)
    .flatMap(([name, spec]) => (wanted(spec) ? spec.cell.states.map((state) => `${name}.${state}`) : []));

/** @throws InputError for sequences of another length than `repeatVector` fixes */
export function checkSteps({ steps, layers }: Model, given: number, where: string): void {
  if (steps === undefined || steps === given) return;
  const layer = layers.find(({ kind }) => kind === "repeat_vector");
  throw new InputError(
    `${where}: ${layer?.name} repeats a vector ${steps} times, so sequences need ${steps} steps, got ${given}`,
  );
}

/** @throws InputError for a model that cannot run one step at a time: it needs whole sequences, or several inputs */
export function checkReadsForward({ layers, inputs }: Model, where: string): void {
  const [, second] = inputs;
  if (second !== undefined)
    throw new InputError(`${where}: needs a model with one input; this one also has ${second.name}`);
  for (const layer of layers) {
    if (layer.kind === "bidirectional" || (layer.kind === "cell" && layer.goBackwards)) {
      throw new InputError(`${where}: runs one step at a time, but ${layer.name} starts at the last step`);
    }
    if (layer.kind === "repeat_vector" || (layer.kind === "cell" && typeof layer.initialState === "object")) {
      throw new InputError(
        `${where}: runs one step at a time, but ${layer.name} starts after another sequence has ended`,
      );
    }
  }
}

/** @throws InputError for a model whose states start from `initialState` in each run */
export function checkCarriesStates({ layers }: Model, where: string): void {
  const found = layers.flatMap(cellsOf).find(([, { initialState }]) => initialState !== "zeros");
  if (found === undefined) return;
  throw new InputError(
    `${where}: keeps the states from batch to batch, but ${found[0]} has an initialState. Leave it out, or use fit.`,
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

export type ModelNodes = {
  readonly output: NodeId;
  /** The output with its mask and direction. */
  readonly flow: Flow;
  /** The output of each layer, by its name. */
  readonly flows: ReadonlyMap<string, Flow>;
  readonly inputs: readonly ModelInput[];
  readonly paddings: readonly Padding[];
  readonly steps: number | undefined;
  /** Named values, by layer and name. */
  readonly values: Readonly<Record<string, NodeId>>;
};

export type ModelGraphOptions = {
  /** Whether it is for training: dropout is left out otherwise. */
  readonly training: boolean;
  /** Whether a run may start in the middle of a sequence: then it does not start from the learned initial states. */
  readonly goesOn?: boolean;
};

const made: Kept<unknown> = new Map();

/**
 * The result of `make`, cached for equal layers: a plan, or anything else that does not depend on the parameters' values.
 * `purpose` is everything that it depends on besides the layers.
 */
export const onceForEqual = <T>({ layers, input }: Model, purpose: unknown, make: () => T): T =>
  remember(made as Kept<T>, contentOf([purpose, layers, input]), make);

/** The graph of one time step of the whole model, without a loss. */
export function modelGraph(
  model: Pick<Model, "layers" | "input">,
  options: ModelGraphOptions,
): ModelNodes & { readonly graph: Graph } {
  const g = createBuilder();
  const nodes = addModel(g, model, options);
  return { graph: g.graph({ output: nodes.output }), ...nodes };
}

/** Add one time step of the whole model to a graph under construction. */
export function addModel(
  g: Builder,
  { layers, input }: Pick<Model, "layers" | "input">,
  { training, goesOn = false }: ModelGraphOptions,
): ModelNodes {
  const values: Record<string, NodeId> = {};
  const flows = new Map<string, Flow>();
  const inputs: ModelInput[] = [];
  const paddings: Padding[] = [];
  let steps: number | undefined;
  /** States of recurrent layers after their last step, by layer. */
  const finals = new Map<string, () => readonly Start[]>();

  const addInput = (name: string, features: ModelInput["features"], sequence: boolean): NodeId => {
    const once = !sequence;
    inputs.push({ name, features, sequence });
    if (features === "tokens") return g.index(name, { perSequence: once });
    return g.input(name, features === "mask" ? "scalar" : features, { perSequence: once });
  };
  const find = (layer: Layer, name: string): Flow => {
    const found = flows.get(name);
    if (found !== undefined) return found;
    throw new InputError(
      `${layer.name}: reads "${name}", but no layer before it has that name. There are ${[...flows.keys()].join(", ")}.`,
    );
  };
  const keep = (name: string, made: ModelNodes["values"]): void => {
    for (const [key, id] of Object.entries(made)) values[`${name}.${key}`] = id;
  };
  /** Record what a layer tells about the input it reads: the number of tokens, or the value of padding. */
  const readAs = (layer: Layer, { value }: Flow, use: (input: ModelInput) => ModelInput): string => {
    const node = g.node(value);
    const k = inputs.findIndex((one) => (node.op === "input" || node.op === "index") && one.name === node.name);
    if (k < 0) throw new InputError(`${layer.name}: ${layer.kind} reads an input of the model, so it must come first`);
    inputs[k] = use(inputs[k] as ModelInput);
    return (inputs[k] as ModelInput).name;
  };

  const first = layers[0] as Layer;
  let flow: Flow | undefined;
  if (first.kind !== "input") {
    const name = input === "tokens" ? "tokens" : "x";
    flow = { value: addInput(name, input, true), maskedBy: [], backwards: false };
    flows.set(name, flow);
  }
  layers.forEach((layer, k) => {
    const { name } = layer;
    const context = {
      ...{ training, goesOn },
      stream: firstRecurrentStream + 2 * streamsEach * k,
      statesFrom: (from: string | readonly string[]): readonly Start[] =>
        namesOf(from).flatMap(
          (one) => finals.get(one)?.() ?? [{ name: one, value: find(layer, one).value, vector: true }],
        ),
    };
    const read = (): Flow => {
      const found = layer.reads === undefined ? flow : find(layer, layer.reads);
      if (found === undefined)
        throw new InputError(`${name}: the layer before it gives two sequences. Choose one: { reads: "NAME.forward" }`);
      return found;
    };
    const made = ((): Flow | undefined => {
      switch (layer.kind) {
        case "input": {
          const value = addInput(name, layer.features, layer.sequence);
          if (!layer.mask) return { value, maskedBy: [], backwards: false };
          const mask = addInput(`${name}.mask`, "mask", true);
          const unmasked: Flow = { value, maskedBy: [], backwards: false };
          return withMask(unmasked, mask, { input: `${name}.mask`, value: 0 });
        }
        case "embedding": {
          const from = read();
          if (g.shapeOf(from.value) !== "index")
            throw new InputError(
              `${name}: an embedding reads tokens, so it must be the first layer, or come after input("tokens")`,
            );
          const { inputDim, outputDim, maskZero } = layer;
          const source = readAs(layer, from, (one) => ({ ...one, count: Math.min(one.count ?? inputDim, inputDim) }));
          const parameter = `${name}.weight`;
          g.declare(parameter, [inputDim, outputDim], { name: "random_uniform", values: [-0.05, 0.05] });
          const value = g.gather(parameter, from.value);
          if (!maskZero) return { ...from, value };
          const mask = g.sub(g.constant(1), g.sum(g.oneHot(from.value, 1)));
          return withMask({ ...from, value }, mask, { input: source, value: 0 });
        }
        case "cell": {
          const added = addRecurrent(g, layer, read(), context);
          keep(name, added.values);
          if (layer.cell.states.length > 0)
            finals.set(name, () => layer.cell.states.map((s) => ({ name: s, value: g.final(`${name}.${s}`) })));
          return added.flow;
        }
        case "bidirectional": {
          const { mergeMode, forward, backward } = layer;
          const added = addBidirectional(g, layer, read(), context);
          keep(name, added.values);
          const both = (s: string): NodeId[] => [g.final(`${name}.forward.${s}`), g.final(`${name}.backward.${s}`)];
          const common = forward.cell.states.filter((s) => backward.cell.states.includes(s));
          finals.set(name, () => common.map((s) => ({ name: s, value: g.concat(both(s)) })));
          const [there, back] = added.flows;
          flows.set(`${name}.forward`, there).set(`${name}.backward`, back);
          return mergeMode === "none" ? undefined : addMerge(g, name, mergeMode, added.flows);
        }
        case "merge":
          return addMerge(
            g,
            name,
            layer.mergeMode,
            layer.of.map((of) => find(layer, of)),
          );
        case "repeat_vector": {
          const { value } = read();
          if (!g.isPerSequence(value))
            throw new InputError(
              `${name}: needs one vector per example, but the layer before gives one at every step. Leave returnSequences out there.`,
            );
          if (steps !== undefined && steps !== layer.n)
            throw new InputError(`${name}: a model has one number of steps, got ${steps} and ${layer.n}`);
          steps = layer.n;
          // A state that starts from the vector and never changes.
          const state = g.state(name, g.shapeOf(value) as number);
          g.initial(name, value);
          g.next(name, state);
          return { value: state, maskedBy: [], backwards: false };
        }
        case "masking": {
          const from = read();
          const source = readAs(layer, from, (one) => one);
          const differs = g.unary("step", g.unary("abs", g.sub(from.value, g.constant(layer.maskValue))));
          const mask = g.reduce("max_of", differs);
          const padding = { input: source, value: Math.fround(layer.maskValue) };
          return withMask({ ...from, value: g.mul(from.value, mask) }, mask, padding);
        }
        case "dropout": {
          const from = read();
          if (!training || layer.rate === 0) return from;
          const once = g.isPerSequence(from.value);
          const mask = g.mask(g.shapeOf(from.value) as number, layer.rate, k, {
            perSequence: once,
            ...(layer.locked && !once && { locked: true }),
          });
          return { ...from, value: g.mul(from.value, mask) };
        }
      }
    })();
    if (made !== undefined) flows.set(name, made);
    flow = made;
  });
  function withMask(from: Flow, mask: NodeId, padding: Padding): Flow {
    paddings.push(padding);
    return {
      ...from,
      mask: from.mask === undefined ? mask : g.mul(from.mask, mask),
      maskedBy: [...from.maskedBy, padding],
    };
  }
  if (flow === undefined)
    throw new InputError(`${layers.at(-1)?.name}: mergeMode "none" gives two sequences. Merge them in a later layer.`);
  return { output: flow.value, flow, flows, inputs, paddings, steps, values };
}

/** Streams of random bits below this belong to dropout layers, by position. */
const firstRecurrentStream = 2 ** 16;

/**
 * The number of trainable values of a model. Keras's `count_params`.
 * @throws InputError for what is not a model
 */
export function countParameters(model: Pick<Model, "parameters">): number {
  checkValue("countParameters: model", model, parametersOfModel);
  return model.parameters.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
}
