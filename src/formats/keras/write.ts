/** Write a tree of layers as Keras 3 does: `config.json`, and the weights' folders in HDF5. Knows nothing about our layers. */
import type { Hdf5Object } from "../containers/hdf5-write.ts";
import type { Config } from "./config.ts";
import { type Dialect, wholeConfig } from "./configs.ts";
import { foldersOf, snakeCase } from "./folders.ts";
import { type MaskedBy, namesBeside, type Shape, type Source, type Tree, type WrittenLayer } from "./tree.ts";

/** The version whose files these are like. */
export const kerasVersion = "3.16.0";

const dialect: Dialect = {
  dtype: { module: "keras", class_name: "DTypePolicy", config: { name: "float32" }, registered_name: null },
  initializer: (className, config) => ({
    ...{ module: "keras.initializers", class_name: className, config, registered_name: null },
  }),
  renamed: (_, config) => config,
};

/** An operation on arrays in a functional model, with what it is called with. */
type Operation = {
  readonly name: string;
  readonly className: "NotEqual" | "Any";
  readonly input: Source;
  readonly config: Config;
  readonly constants: readonly number[];
  readonly shapes: readonly Shape[];
};
type Entry = { readonly layer: WrittenLayer } | { readonly operation: Operation };
const nameOf = (entry: Entry): string => ("layer" in entry ? entry.layer.name : entry.operation.name);

/** The model as `config.json` has it, its layers in Keras's order. */
export function kerasConfig(tree: Tree): { readonly config: Config; readonly order: readonly WrittenLayer[] } {
  return tree.chain ? sequential(tree) : functional(tree);
}

function sequential({ layers }: Tree): ReturnType<typeof kerasConfig> {
  const [first] = layers as [WrittenLayer];
  const shapes = shapesIn(layers.map((layer) => ({ layer })));
  const [shape] = first.shapes as [Shape];
  const config = {
    ...{ name: "sequential", trainable: true, dtype: dialect.dtype },
    layers: layers.map((layer) => described(layer, shapes)),
    build_input_shape: shape,
  };
  return {
    config: {
      ...{ module: "keras", class_name: "Sequential", config, registered_name: null },
      ...{ build_config: { input_shape: shape }, compile_config: {} },
    },
    // The layer of the input has no folder here.
    order: layers.slice(1),
  };
}

function functional({ layers, inputs, output }: Tree): ReturnType<typeof kerasConfig> {
  const { operations, masks } = maskOperations(layers);
  const all: readonly Entry[] = [
    ...layers.map((layer) => ({ layer })),
    ...operations.map((operation) => ({ operation })),
  ];
  const maskOf = (mask: MaskedBy): Source => ({ layer: masks.get(keyOf(mask)) as string, output: 0 });
  const order = byDepth(all, output, inputs, maskOf);
  const shapes = shapesIn(all);
  const tokens = new Set(layers.filter(({ config }) => config.tokens === true).map(({ name }) => name));
  const tensor = (source: Source): Config => {
    const dtype = operations.some(({ name }) => name === source.layer)
      ? "bool"
      : tokens.has(source.layer)
        ? "int32"
        : "float32";
    const config = { shape: shapes(source), dtype, keras_history: [source.layer, 0, source.output] };
    return { class_name: "__keras_tensor__", config };
  };
  const entries = order.map((entry) => {
    if ("operation" in entry) {
      const { name, className, input, config, constants } = entry.operation;
      const node = { args: [tensor(input), ...constants], kwargs: {} };
      return {
        ...{ module: "keras.src.ops.numpy", class_name: className, config: { name, ...config } },
        ...{ registered_name: className, name, inbound_nodes: [node] },
      };
    }
    const { layer } = entry;
    const { name, className } = layer;
    const args = layer.inputs.map(tensor);
    const mask = layer.mask ? tensor(maskOf(layer.mask)) : layer.mask;
    const kwargs = {
      ...(layer.initial.length > 0 && { initial_state: layer.initial.map(tensor) }),
      ...(mask !== undefined && (mask !== null || layer.initial.length === 0) && { mask }),
    };
    const nodes = className === "InputLayer" ? [] : [{ args: mergers.has(className) ? [args] : args, kwargs }];
    return { ...described(layer, shapes), name, inbound_nodes: nodes };
  });
  const reference = ({ layer, output: k }: Source) => [layer, 0, k];
  const references = inputs.map(reference);
  const config = {
    ...{ name: "functional", trainable: true, layers: entries },
    input_layers: references.length === 1 ? references[0] : references,
    output_layers: reference(output),
  };
  return {
    config: {
      ...{ module: "keras.src.models.functional", class_name: "Functional", config, registered_name: "Functional" },
      ...{ build_config: { input_shape: null }, compile_config: {} },
    },
    order: order.flatMap((entry) => ("layer" in entry ? [entry.layer] : [])),
  };
}
const mergers = new Set(["Concatenate", "Add", "Multiply", "Average"]);

const shapesIn = (all: readonly Entry[]) => {
  const known = new Map(
    all.map((entry) => [nameOf(entry), "layer" in entry ? entry.layer.shapes : entry.operation.shapes]),
  );
  return ({ layer, output }: Source): Shape => known.get(layer)?.[output] as Shape;
};

const keyOf = ({ of, value }: MaskedBy): string => `${value} ${of.layer}`;
/** What makes the masks: operations on the inputs, a pair for a mask of vectors. */
function maskOperations(layers: readonly WrittenLayer[]): {
  readonly operations: readonly Operation[];
  readonly masks: ReadonlyMap<string, string>;
} {
  const free = namesBeside(layers);
  const shapes = shapesIn(layers.map((layer) => ({ layer })));
  const operations: Operation[] = [];
  const masks = new Map<string, string>();
  for (const { mask } of layers) {
    if (!mask || masks.has(keyOf(mask))) continue;
    const { of: input, value, vectors } = mask;
    const shape = shapes(input);
    const name = free("not_equal");
    operations.push({ name, className: "NotEqual", input, config: {}, constants: [value], shapes: [shape] });
    if (vectors) {
      const any = free("any");
      operations.push({
        ...{ name: any, className: "Any", input: { layer: name, output: 0 }, constants: [] },
        ...{ config: { axis: -1, keepdims: false }, shapes: [shape.slice(0, -1)] },
      });
      masks.set(keyOf(mask), any);
    } else masks.set(keyOf(mask), name);
  }
  return { operations, masks };
}

/**
 * Keras's order of layers, which decides on the names of folders: by how far they are from the output, those that are equally far in the
 * order in which a search from the output meets them.
 */
function byDepth(
  all: readonly Entry[],
  output: Source,
  inputs: readonly Source[],
  maskOf: (mask: MaskedBy) => Source,
): readonly Entry[] {
  const byName = new Map(all.map((entry) => [nameOf(entry), entry]));
  const parents = (entry: Entry): readonly string[] =>
    "operation" in entry
      ? [entry.operation.input.layer]
      : [
          ...[...entry.layer.inputs, ...entry.layer.initial].map(({ layer }) => layer),
          ...(entry.layer.mask ? [maskOf(entry.layer.mask).layer] : []),
        ];
  const met = new Map<string, number>();
  const done: string[] = [];
  const visit = (name: string): void => {
    if (met.has(name)) return;
    met.set(name, met.size);
    for (const parent of parents(byName.get(name) as Entry)) visit(parent);
    done.push(name);
  };
  visit(output.layer);
  const depths = new Map<string, number>();
  for (const name of [...done].reverse()) {
    const depth = depths.get(name) ?? 0;
    depths.set(name, depth);
    for (const parent of parents(byName.get(name) as Entry))
      depths.set(parent, Math.max(depth + 1, depths.get(parent) ?? 0));
  }
  // An input that nothing reads comes last, before what it is as far from the output as.
  for (const { layer } of inputs) {
    if (!met.has(layer)) met.set(layer, -1);
    if (!depths.has(layer)) depths.set(layer, 0);
  }
  return [...depths]
    .sort(([a, far], [b, near]) => near - far || (met.get(a) as number) - (met.get(b) as number))
    .map(([name]) => byName.get(name) as Entry);
}

/** Layers whose config does not say what they were built for: they have nothing to build. */
const builtAtOnce = new Set(
  "Masking Activation Dropout SpatialDropout1D ReLU LeakyReLU ELU GlobalAveragePooling1D GlobalMaxPooling1D".split(" "),
);

/** A layer as Keras serialises objects; `shapes` of what it reads. */
function described(layer: WrittenLayer, shapes: (source: Source) => Shape): Config {
  const { className, name, inner, inputs, initial } = layer;
  const object = { module: "keras.layers", class_name: className };
  if (className === "InputLayer") {
    const [shape] = layer.shapes as [Shape];
    const dtype = layer.config.tokens === true ? "int32" : "float32";
    const config = { batch_shape: shape, dtype, sparse: false, ragged: false, name, optional: false };
    return { ...object, config, registered_name: null };
  }
  const read = inputs.map(shapes);
  const built =
    initial.length > 0
      ? { shapes_dict: { sequences_shape: read[0], initial_state_shape: initial.map(shapes) } }
      : { input_shape: mergers.has(className) ? read : read[0] };
  const directions = inner?.map((one) => described(one, shapes));
  const config = {
    ...wholeConfig(layer, dialect),
    ...(directions && { layer: directions[0], backward_layer: directions[1] }),
  };
  return { ...object, config, registered_name: null, ...(!builtAtOnce.has(className) && { build_config: built }) };
}

/** The groups and arrays of `model.weights.h5`. */
export function kerasWeights(tree: Tree, order: readonly WrittenLayer[]): readonly Hdf5Object[] {
  const folders = foldersOf(order);
  const group = (path: string, name: string): Hdf5Object => ({ path: `${path}/vars`, attributes: { name } });
  const cellOf = (className: string): string => `${snakeCase(className)}_cell`;
  const below = (folder: string, layer: WrittenLayer): readonly Hdf5Object[] => {
    const recurrent = layer.weights.some(({ path }) => path === "cell");
    return [
      group(folder, layer.name),
      ...(recurrent ? [group(`${folder}/cell`, cellOf(layer.className))] : []),
      ...(layer.inner ?? []).flatMap(({ name, className }, k) => {
        const direction = `${folder}/${k === 0 ? "forward_layer" : "backward_layer"}`;
        return [group(direction, name), group(`${direction}/cell`, cellOf(className))];
      }),
      ...layer.weights.flatMap(({ path, arrays }) =>
        arrays.map(({ shape, data }, k) => ({
          path: [folder, path, "vars", `${k}`].filter((part) => part !== "").join("/"),
          ...{ shape, data },
        })),
      ),
    ];
  };
  return [
    group("", tree.chain ? "sequential" : "functional"),
    { path: "/layers" },
    ...order.flatMap((layer) => below(`/layers/${folders.get(layer.name)}`, layer)),
  ];
}
