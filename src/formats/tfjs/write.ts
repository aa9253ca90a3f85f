/** Write a tree of layers as TensorFlow.js does: its topology, in the words of Keras 2. Knows nothing about our layers. */
import type { Config } from "../keras/config.ts";
import { type Dialect, wholeConfig } from "../keras/configs.ts";
import type { Shape, Source, Tree, WrittenArray, WrittenLayer } from "../keras/tree.ts";

/** Options of Keras 3 that there are not. */
const unknown = new Set(
  (
    "zero_output_for_mask quantization_config rms_scaling synchronized renorm renorm_clipping renorm_momentum keepdims groups " +
    "negative_slope threshold"
  ).split(" "),
);
const dialect: Dialect = {
  dtype: "float32",
  initializer: (className, { input_axes: _, output_axes: __, ...config }) => ({ class_name: className, config }),
  renamed: (className, config) => ({
    ...Object.fromEntries(Object.entries(config).filter(([name]) => !unknown.has(name))),
    ...(className === "Embedding" && { input_length: null }),
    ...((className === "LSTM" || className === "GRU") && { implementation: 1 }),
  }),
};

/** The functions that are layers have other options. */
function asTfjs(layer: WrittenLayer): WrittenLayer {
  const { className, config } = layer;
  if (className === "LeakyReLU") return { ...layer, config: { alpha: config.negative_slope } };
  if (className === "ReLU" && config.threshold !== undefined)
    return { ...layer, className: "ThresholdedReLU", config: { theta: config.threshold } };
  return layer;
}
/** What a layer is called before its wrapper puts the direction before it. */
const inner = (name: string): string => name.replace(/^(forward|backward)_/, "");

function described(given: WrittenLayer): Config {
  const layer = asTfjs(given);
  const { className, name, inner: directions } = layer;
  if (className === "InputLayer") {
    const dtype = layer.config.tokens === true ? "int32" : "float32";
    return {
      class_name: className,
      config: { batch_input_shape: layer.shapes[0] as Shape, dtype, sparse: false, name },
    };
  }
  const [forward] = directions ?? [];
  const config = wholeConfig(layer, dialect);
  if (forward === undefined) return { class_name: className, config };
  return { class_name: className, config: { ...config, layer: described({ ...forward, name: inner(forward.name) }) } };
}

/** The layers, and how they are wired. */
export function tfjsTopology({ layers, inputs, output, chain }: Tree): Config {
  const program = { keras_version: "tfjs-layers 4.22.0", backend: "tensor_flow.js" };
  if (chain) {
    return { class_name: "Sequential", config: { name: "sequential", layers: layers.map(described) }, ...program };
  }
  const reference = ({ layer, output: k }: Source) => [layer, 0, k];
  const entries = layers.map((layer) => {
    const read = [...layer.inputs, ...layer.initial].map((source) => [...reference(source), {}]);
    return { ...described(layer), name: layer.name, inbound_nodes: read.length === 0 ? [] : [read] };
  });
  const config = {
    ...{ name: "model", layers: entries },
    ...{ input_layers: inputs.map(reference), output_layers: [reference(output)] },
  };
  return { class_name: "Model", config, ...program };
}

/** The tree with names that tensors of TensorFlow.js can have: of letters and digits of ASCII and underscores, a letter or digit first. */
export function withTensorNames(tree: Tree): Tree {
  const names = new Set(tree.layers.map(({ name }) => name));
  const renamed = new Map<string, string>();
  for (const { name } of tree.layers) {
    if (/^[A-Za-z0-9][A-Za-z0-9_]*$/.test(name)) continue;
    const plain = name
      .normalize("NFD")
      .replace(/\p{M}/gu, "")
      .replace(/[^A-Za-z0-9_]/g, "_");
    const usable = /^[A-Za-z0-9]/.test(plain) ? plain : `layer${plain.startsWith("_") ? "" : "_"}${plain}`;
    let free = usable;
    for (let k = 2; names.has(free); k++) free = `${usable}_${k}`;
    names.add(free);
    renamed.set(name, free);
  }
  if (renamed.size === 0) return tree;
  const nameOf = (name: string): string => renamed.get(name) ?? name;
  const sourceOf = ({ layer, output }: Source): Source => ({ layer: nameOf(layer), output });
  const all = [...renamed].map(([name, free]) => `"${name}" is ${free}`).join(", ");
  return {
    ...tree,
    layers: tree.layers.map((layer) => ({
      ...{ ...layer, name: nameOf(layer.name) },
      ...{ inputs: layer.inputs.map(sourceOf), initial: layer.initial.map(sourceOf) },
    })),
    ...{ inputs: tree.inputs.map(sourceOf), output: sourceOf(tree.output) },
    notes: [...tree.notes, `Names in TensorFlow.js have letters and digits of ASCII and underscores: ${all}.`],
  };
}

/** All arrays, under the names that the layers' variables have. */
export const tfjsWeights = ({ layers }: Tree): readonly WrittenArray[] =>
  layers.flatMap(({ name, weights, inner: directions }) =>
    weights.flatMap(({ arrays }, k) => {
      const direction = directions?.[k];
      const of = direction === undefined ? name : `${name}/${direction.name}`;
      return arrays.map((array) => ({ ...array, name: `${of}/${array.name}` }));
    }),
  );
