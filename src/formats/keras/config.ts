/**
 * The config of a Keras model, of any version, as one form: layers with today's names of classes and options, and the calls between them.
 * Knows nothing about our layers and about weights.
 */
import { excerpt } from "../../graph/excerpt.ts";

export type Config = Readonly<Record<string, unknown>>;
/** One output of a call of a layer: its name, which of its calls, which of the outputs. */
export type Reference = readonly [layer: string, call: number, output: number];
export type Argument = { readonly of: Reference } | { readonly constant: unknown };
/** One call of a layer. */
export type KerasCall = {
  readonly inputs: readonly Reference[];
  /** Its arguments in their order, lists taken apart: outputs of layers, and constants. */
  readonly arguments: readonly Argument[];
  /** Of a recurrent layer: what its states start from. */
  readonly initial: readonly Reference[];
  /** The mask that the call is given; undefined where it gets that of what it reads. */
  readonly mask: Reference | undefined;
  /** Arguments that are no outputs of layers. */
  readonly constants: readonly unknown[];
};
export type KerasLayer = {
  readonly name: string;
  readonly className: string;
  readonly config: Config;
  /** An operation on arrays, such as `ops.add`, not a layer. */
  readonly operation: boolean;
  readonly calls: readonly KerasCall[];
  /** Its folder in a `.weights.h5`; of a layer within a model, behind that model's. */
  readonly folder?: readonly string[];
  /** Of a layer within a model: the outermost model, under whose name a legacy file has its arrays. */
  readonly group?: string;
  /** Whether the models that it is within are trained, the outermost first, and itself last. */
  readonly trainable?: readonly boolean[];
};
export type KerasModel = {
  readonly layers: readonly KerasLayer[];
  readonly inputs: readonly Reference[];
  readonly outputs: readonly Reference[];
  /** Whether each layer reads the one before it. */
  readonly sequential: boolean;
};

/** A reason why a config cannot be read. */
export class ConfigError extends Error {}
const refuse = (reason: string): never => {
  throw new ConfigError(reason);
};

/** The most layers that are read; they are called twice as often at most. */
const mostLayers = 500;
/** How deep lists and objects of a config may lie in each other. Keras's go to about 20. */
const deepest = 100;

/** Classes of Keras 1 by their names since. */
const classes: Readonly<Record<string, string>> = {
  Convolution1D: "Conv1D",
  Convolution2D: "Conv2D",
  Model: "Functional",
  SpatialDropout1D: "SpatialDropout1D",
  BatchNormalizationV1: "BatchNormalization",
  BatchNormalizationV2: "BatchNormalization",
  LSTMV2: "LSTM",
  GRUV2: "GRU",
};
/** Options of Keras 1 by their names since. */
const options: Readonly<Record<string, string>> = {
  output_dim: "units",
  inner_activation: "recurrent_activation",
  dropout_W: "dropout",
  dropout_U: "recurrent_dropout",
  bias: "use_bias",
  p: "rate",
  nb_filter: "filters",
  filter_length: "kernel_size",
  border_mode: "padding",
  subsample_length: "strides",
  batch_input_shape: "batch_shape",
};
/** Classes whose option of this name means what it does today. */
const keeps: ReadonlyMap<string, readonly string[]> = new Map([["Embedding", ["output_dim"]]]);

const record = (value: unknown): Config | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Config) : undefined;

/** Options under today's names. */
export function optionsOf(className: string, given: Config): Config {
  const kept = keeps.get(className) ?? [];
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      Object.hasOwn(options, name) && !kept.includes(name) && !((options[name] as string) in given)
        ? (options[name] as string)
        : name,
      value,
    ]),
  );
}

/** Whether a layer or cell of these options is trained, as far as they say. */
export const isTrainable = ({ trainable }: Config): boolean => trainable !== false;

/** The class of a layer or cell that is data within another's options, and its options. */
export function nested(given: unknown): { readonly className: string; readonly config: Config } | undefined {
  const found = record(given);
  const config = record(found?.config);
  if (typeof found?.class_name !== "string" || config === undefined) return undefined;
  const className = Object.hasOwn(classes, found.class_name) ? (classes[found.class_name] as string) : found.class_name;
  return { className, config: optionsOf(className, config) };
}

/**
 * A model's config; models within it are layers.
 * @param given what `config.json`, `to_json()` or the attribute `model_config` holds
 * @throws ConfigError with the reason, for what is no config
 */
export function readConfig(given: unknown): KerasModel {
  if (!endsBy(given, deepest)) return refuse(`its config has lists in each other deeper than ${deepest}`);
  const model = record(given);
  const className = model?.class_name;
  if (className !== "Sequential" && className !== "Functional" && className !== "Model") {
    return refuse(
      typeof className === "string"
        ? `its model is of the class ${excerpt(className)}: only Sequential and Functional models have their layers in the file`
        : "its config names no class of a model",
    );
  }
  const own = (model as Config).config;
  const list = Array.isArray(own) ? own : record(own)?.layers;
  if (!Array.isArray(list) || list.length === 0) return refuse("its config has no list of layers");
  if (list.length > mostLayers) return refuse(`it has ${list.length} layers, and at most ${mostLayers} are read`);
  return className === "Sequential" ? readSequential(list, record(own) ?? {}) : readFunctional(list, own as Config);
}

const endsBy = (given: unknown, depth: number): boolean =>
  typeof given !== "object" ||
  given === null ||
  (depth > 0 && Object.values(given).every((one) => endsBy(one, depth - 1)));

function readLayer(given: unknown, k: number): Omit<KerasLayer, "calls"> & { readonly nodes: unknown } {
  const layer = record(given);
  const found = nested(given);
  if (layer === undefined || found === undefined)
    return refuse(`layer ${k + 1} of its config has no class and options`);
  const name = layer.name ?? found.config.name ?? `${found.className}_${k + 1}`;
  if (typeof name !== "string") return refuse(`layer ${k + 1} of its config has no name`);
  // Files of HDF5 do not say the module; there an operation has none of the options that every layer has.
  const today = Array.isArray(layer.inbound_nodes) && record(layer.inbound_nodes[0]) !== undefined;
  const operation =
    typeof layer.module === "string"
      ? /(^|\.)ops(\.|$)/.test(layer.module)
      : today && found.className !== "InputLayer" && !("trainable" in found.config);
  return { name, className: found.className, config: found.config, operation, nodes: layer.inbound_nodes };
}

function readSequential(list: readonly unknown[], own: Config): KerasModel {
  const read = list.map(readLayer);
  const [first] = read as [(typeof read)[number]];
  const rest = first.className === "InputLayer" ? read.slice(1) : read;
  const shape = inputShape(first, own);
  if (shape === undefined) return refuse("it does not say the shape of its input");
  const input: KerasLayer = {
    ...{ name: first.className === "InputLayer" ? first.name : `${first.name}_input`, className: "InputLayer" },
    ...{ config: { batch_shape: shape }, operation: false, calls: [callOf([])] },
  };
  if (rest.length === 0) return refuse("it has no layer but its input");
  if (rest.some(({ className }) => className === "InputLayer"))
    return refuse("it has two inputs in a Sequential model");
  const layers = [input];
  for (const { nodes: _, ...layer } of rest) {
    layers.push({ ...layer, calls: [callOf([[(layers.at(-1) as KerasLayer).name, 0, 0]])] });
  }
  checkNames(layers);
  const last = layers.at(-1) as KerasLayer;
  return { layers, inputs: [[input.name, 0, 0]], outputs: [[last.name, 0, 0]], sequential: true };
}
const callOf = (inputs: readonly Reference[]): KerasCall => ({
  ...{ inputs, arguments: inputs.map((of) => ({ of })), initial: [], mask: undefined, constants: [] },
});

/** The shape of the input, the batch first: of the first layer, or of the model. */
function inputShape({ className, config }: Pick<KerasLayer, "className" | "config">, own: Config): unknown {
  const { batch_shape: shape, input_dim: features, input_length: length } = config;
  if (Array.isArray(shape)) return shape;
  if (className === "Embedding") return [null, typeof length === "number" ? length : null];
  if (Array.isArray(own.build_input_shape)) return own.build_input_shape;
  if ((className === "Sequential" || className === "Functional") && Array.isArray(config.layers)) {
    const inner = nested(config.layers[0]);
    return inner === undefined ? undefined : inputShape(inner, config);
  }
  if (typeof features !== "number") return undefined;
  const recurrent = /^(LSTM|GRU|SimpleRNN|Conv1D|TimeDistributed|Bidirectional)/.test(className);
  return recurrent ? [null, typeof length === "number" ? length : null, features] : [null, features];
}

function checkNames(layers: readonly KerasLayer[]): void {
  const seen = new Set<string>();
  for (const { name } of layers) {
    if (seen.has(name)) refuse(`two of its layers are named ${excerpt(JSON.stringify(name))}`);
    seen.add(name);
  }
}

function readFunctional(list: readonly unknown[], own: Config): KerasModel {
  const read = list.map(readLayer);
  const layers = read.map(({ nodes, ...layer }): KerasLayer => {
    if (layer.className === "InputLayer") return { ...layer, calls: [callOf([])] };
    if (!Array.isArray(nodes)) return refuse(`the layer ${excerpt(JSON.stringify(layer.name))} has no list of calls`);
    const calls = nodes.map((node) => {
      const today = record(node);
      return today !== undefined ? readNode(today) : readOldNode(node, layer.name);
    });
    return { ...layer, calls };
  });
  checkNames(layers);
  // Keras 3 counts what a functional model was made with as a call of it, here alone.
  const counted = new Set(
    read.flatMap(({ className, name, nodes }) =>
      className === "Functional" && Array.isArray(nodes) && nodes.every((node) => record(node) !== undefined)
        ? [name]
        : [],
    ),
  );
  const fromFirstCall = ([name, call, output]: Reference): Reference => [
    name,
    counted.has(name) ? Math.max(0, call - 1) : call,
    output,
  ];
  const calls = layers.reduce((sum, layer) => sum + layer.calls.length, 0);
  if (calls > 2 * mostLayers)
    return refuse(`its layers are called ${calls} times, and at most ${2 * mostLayers} are read`);
  return {
    layers,
    ...{
      inputs: references(own.input_layers, "input_layers"),
      outputs: references(own.output_layers, "output_layers").map(fromFirstCall),
    },
    sequential: false,
  };
}

const isReference = (value: unknown): value is Reference =>
  Array.isArray(value) && typeof value[0] === "string" && Number.isInteger(value[1]) && Number.isInteger(value[2]);

/** A list of references, one alone, or an object of them. */
function references(given: unknown, what: string): Reference[] {
  if (isReference(given)) return [given.slice(0, 3) as unknown as Reference];
  const parts = Array.isArray(given) ? given : Object.values(record(given) ?? {});
  const found = parts.flatMap((one) => (isReference(one) ? [one.slice(0, 3) as unknown as Reference] : []));
  if (found.length === 0 || found.length !== parts.length) return refuse(`its config has no list ${what}`);
  return found;
}

/** A value of a call in Keras 3: an output of a layer, or a constant; lists are walked. */
function collect(given: unknown, depth = 0): Argument[] {
  const data = record(given);
  const history = data?.class_name === "__keras_tensor__" ? record(data.config)?.keras_history : undefined;
  if (isReference(history)) return [{ of: history }];
  if (Array.isArray(given) && depth < 4) return given.flatMap((one) => collect(one, depth + 1));
  return [{ constant: given }];
}
const referencesIn = (all: readonly Argument[]): Reference[] => all.flatMap((one) => ("of" in one ? [one.of] : []));
const constantsIn = (all: readonly Argument[]): unknown[] =>
  all.flatMap((one) => ("constant" in one ? [one.constant] : []));

function readNode(node: Config): KerasCall {
  const found = collect(node.args ?? []);
  const { mask, initial_state: initial, ...others } = record(node.kwargs) ?? {};
  const states = collect(initial ?? []);
  const others_ = Object.entries(others).filter(([name, value]) => name !== "training" && value !== null);
  return {
    ...{ inputs: referencesIn(found), arguments: found, initial: referencesIn(states) },
    mask: referencesIn(collect(mask ?? []))[0],
    constants: [...constantsIn(found), ...constantsIn(states), ...others_.map(([name]) => `${name}=`)],
  };
}

/** A call in Keras 1 and 2: a list of [layer, call, output], with further arguments behind. */
function readOldNode(node: unknown, name: string): KerasCall {
  const parts = isReference(node) ? [node] : node;
  if (!Array.isArray(parts) || !parts.every(isReference)) {
    return refuse(`a call of the layer ${excerpt(JSON.stringify(name))} is not a list of the layers that it reads`);
  }
  const initial: Reference[] = [];
  const constants: unknown[] = [];
  for (const part of parts as unknown as (readonly unknown[])[]) {
    for (const [key, value] of Object.entries(record(part[3]) ?? {})) {
      const list = isReference(value) ? [value] : value;
      if (key === "initial_state" && Array.isArray(list) && list.every(isReference)) {
        initial.push(...list.map((one) => one.slice(0, 3) as unknown as Reference));
      } else if (key !== "training" && value !== null) constants.push(`${key}=`);
    }
  }
  const inputs = parts.map((part) => (part as readonly unknown[]).slice(0, 3) as unknown as Reference);
  return { inputs, arguments: inputs.map((of) => ({ of })), initial, mask: undefined, constants };
}
