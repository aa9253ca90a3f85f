/**
 * Write and read a model as one .safetensors file. The tensors are the model's parameters under their own names. The
 * metadata holds the layers, with cells as equations, and other data of the model (a tokenizer, the training state).
 * Loading a file runs no code from it.
 */
import { storedCell } from "../graph/cell.ts";
import type { Parameter } from "../graph/graph.ts";
import { InputError } from "../graph/input-error.ts";
import { joined } from "../graph/joined.ts";
import {
  type Arguments,
  anything,
  checkArguments,
  formatValue,
  oneOf,
  options as optionsOf,
  type Rule,
  recordOf,
  required,
} from "../graph/schema.ts";
import {
  bidirectional,
  type CellSpec,
  dropout,
  embedding,
  input,
  isLayerName,
  type LayerSpec,
  masking,
  maxStrides,
  mergeModes,
  type RecurrentOptions,
  recurrent,
  recurrentDefaults,
  repeatVector,
} from "../nn/layers.ts";
import { type Layer, type Model, modelOf } from "../nn/model.ts";
import { aModel } from "../nn/model-checks.ts";
import { cellsOf } from "../nn/model-states.ts";
import { inputsBetween } from "../nn/sequence-cells.ts";
import { quantizeWeights } from "../schedule/eight-bits.ts";
import { stateRules, type TrainerState } from "../train/trainer.ts";
import {
  FormatError,
  readSafetensors,
  readSafetensorsArguments,
  type Safetensors,
  safetensorsParts,
  type Tensor,
} from "./safetensors.ts";

/**
 * The element types: f32 takes 4 bytes a weight; f16 takes 2, with 3 decimal digits and values up to 65,504; bf16 takes
 * 2, with 2 digits and the range of f32; int8 takes 1 and a scale for each row of a matrix, as a program with
 * `quantize: "int8"` has them (vectors stay in f32).
 */
export const weightTypes = ["f32", "f16", "bf16", "int8"] as const;
/** The element type of the weights in a file. */
export type WeightType = (typeof weightTypes)[number];

/** The content of a model's file. */
export type ModelFile = {
  readonly model: Model;
  /** The state of training, from which training can continue. */
  readonly training?: TrainerState | undefined;
  /** More data by name, stored as JSON: the model's task, the options of its training. */
  readonly extra: Readonly<Record<string, unknown>>;
};

/**
 * The newest version of the format. Version 2 added the model's task, version 3 matrices in I8 with their scales, version 4 cells with
 * more inputs than one, version 5 layers with strides and times of inputs, version 6 inputs that are all steps of a layer, version 7 layers that end a mask. A file has the lowest version that it needs. Files of earlier versions can be read as well.
 */
const version = 7;
/** The largest number of layers: more would take the compiler too long. */
const maxLayers = 500;

/** Data by names other than those that the format itself uses. @internal */
export const extraRule: Rule = {
  ...recordOf(anything),
  expected: "plain data by name, as JSON can hold it",
  look(where, value) {
    for (const [name, one] of Object.entries(value as object)) {
      if (name === "format" || name === "unrolled") {
        throw new InputError(`${where}: the format itself uses the name "${name}". Choose another.`);
      }
      checkJson(`${where}: ${name}`, one);
    }
  },
};
type WriteOptions = { readonly dtype?: WeightType };
/** @internal */
export const writeModelArguments: Arguments = {
  content: optionsOf<ModelFile>({
    model: required(aModel),
    training: optionsOf<TrainerState>(stateRules),
    extra: required(extraRule),
  }),
  options: optionsOf<WriteOptions>({ dtype: oneOf(...weightTypes) }),
};

/**
 * Encode a model as the bytes of a file; the same model always gives the same bytes. `readModel` gives back exactly
 * what was written, except for weights that are rounded.
 * @param options.dtype the element type of the weights, which are rounded to the nearest value; the training state
 * stays in f32
 * @throws InputError for a model that `readModel` would refuse or read differently; for a weight beyond 65,504 in f16, with its
 * position; in int8, for a weight that is not finite and for a state of training, which has the weights with all digits
 */
export function writeModel(content: ModelFile, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  checkArguments("writeModel", { content, options }, writeModelArguments);
  return joined(Uint8Array, modelParts(content, options)) as Uint8Array<ArrayBuffer>;
}

/** The same bytes in parts, of which weights that are not rounded are no copies. @internal */
export function modelParts(
  { model, training, extra }: ModelFile,
  { dtype = "f32" }: WriteOptions = {},
): readonly Uint8Array[] {
  const place = "writeModel";
  const tensors: Record<string, Tensor> = {};
  if (dtype === "int8" && training !== undefined) {
    throw new InputError(
      `${place}: weights in int8 are for inference, without a state of training. Leave out one of them.`,
    );
  }
  for (const { name, shape } of model.parameters) {
    if (dtype === "int8") {
      storeEightBits(tensors, { name, shape }, model.values[name] as Float32Array);
      continue;
    }
    const stored = dtype.toUpperCase() as Uppercase<Exclude<WeightType, "int8">>;
    tensors[name] = { shape, data: model.values[name] as Float32Array, dtype: stored };
  }
  for (const [slot, values] of Object.entries(training?.slots ?? {})) {
    for (const { name, shape } of model.parameters) {
      tensors[slotName(slot, name)] = { shape, data: values[name] as Float32Array };
    }
  }
  const { step, slots = {}, ...more } = training ?? {};
  const architecture = {
    version: versionOf(model, dtype),
    input: model.input,
    layers: model.layers.map(layerData),
    ...(training && {
      training: { step, slots: Object.keys(slots), ...(detach(more, "training", tensors) as object) },
    }),
  };
  checkJson(`${place}: the model`, architecture);
  const metadata: Record<string, string> = { format: "unrolled", unrolled: JSON.stringify(architecture) };
  for (const [name, value] of Object.entries(extra)) metadata[name] = JSON.stringify(value);
  const again = modelFrom({ tensors, metadata }, place);
  const { values: _, ...data } = model;
  const { values: __, ...read } = again.model;
  const odd = differs(read, data, "model") ?? differs(again.training, training, "training");
  if (odd !== undefined)
    throw new InputError(`${place}: ${odd} differs from what the layers give. Create the model again.`);
  return safetensorsParts({ tensors, metadata });
}

/** Where the scales of a matrix in I8 are: no parameter has such a name. */
const scaleName = (parameter: string): string => `${parameter}:scale`;

/** A matrix as whole numbers with a scale for each row, as tensors; anything else in f32. */
function storeEightBits(
  tensors: Record<string, Tensor>,
  { name, shape }: Pick<Parameter, "name" | "shape">,
  values: Float32Array,
): void {
  const [rows = 0, columns] = shape;
  if (columns === undefined) {
    tensors[name] = { shape, data: values };
    return;
  }
  const [data, scales, row] = [new Int8Array(values.length), new Float32Array(rows), new Int8Array(columns)];
  for (let r = 0; r < rows; r++) {
    const scale = quantizeWeights(values, r * columns, columns, row);
    if (Number.isNaN(scale)) {
      throw new InputError(`${name}, row ${r}: a weight is infinite or NaN, which int8 cannot hold. Store it as f32.`);
    }
    scales[r] = scale;
    data.set(row, r * columns);
  }
  tensors[name] = { shape, data };
  tensors[scaleName(name)] = { shape: [rows], data: scales };
}
/** The weights of such tensors; undefined where the scales do not fit. */
function readEightBits({ shape, data }: Tensor, scales: Tensor | undefined): Float32Array | undefined {
  const [rows = 0, columns = 0] = shape;
  const fits = scales?.data instanceof Float32Array && scales.shape.join() === `${rows}`;
  if (!fits || !(scales.data as Float32Array).every((scale) => scale >= 0 && scale < Infinity)) return undefined;
  return Float32Array.from(data as Int8Array, (value, k) => value * (scales.data[Math.floor(k / columns)] as number));
}

/** @throws InputError for a value that JSON would lose or change */
function checkJson(where: string, value: unknown): void {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // The value refers to itself, or has a BigInt.
  }
  if (text === undefined || differs(JSON.parse(text), value, "") !== undefined) {
    throw new InputError(`${where} must be plain data that JSON can hold, got ${formatValue(value)}`);
  }
}
/**
 * The path of the first difference between two values of plain data; absent equals undefined. Cells are compared by
 * their equations.
 */
function differs(a: unknown, b: unknown, place: string): string | undefined {
  if (a === b || (typeof a === "number" && Object.is(a, b))) return undefined;
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
  if (!isObject(a) || !isObject(b) || Array.isArray(a) !== Array.isArray(b)) return place;
  if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b)) return place;
  const [one, other] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
  if ("equations" in one && "source" in one) return one.source === other.source ? undefined : place;
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const own = (of: object) => (Object.hasOwn(of, key) ? (of as Record<string, unknown>)[key] : undefined);
    const odd = differs(own(one), own(other), place === "" ? key : `${place}.${key}`);
    if (odd !== undefined) return odd;
  }
  return undefined;
}
/**
 * Convert data that can contain arrays to JSON: each array becomes a tensor of its own, and the tensor's name replaces
 * it.
 */
function detach(value: unknown, place: string, tensors: Record<string, Tensor>): unknown {
  if (value instanceof Float32Array) {
    tensors[place] = { shape: [value.length], data: value };
    return { tensor: place };
  }
  if (Array.isArray(value)) return value.map((one, k) => detach(one, `${place}.${k}`, tensors));
  const fields = record(value);
  if (fields === undefined) return value;
  return Object.fromEntries(
    Object.entries(fields).map(([name, one]) => [name, detach(one, `${place}.${name}`, tensors)]),
  );
}
/**
 * The inverse of `detach`. Undefined if a tensor is missing, or the data is nested deeper than any data that was
 * written.
 */
function attach(value: unknown, tensors: Readonly<Record<string, Tensor>>, depth = 0): unknown {
  if (depth > 8) return undefined;
  if (Array.isArray(value)) return value.map((one) => attach(one, tensors, depth + 1));
  const fields = record(value);
  if (fields === undefined) return value;
  if (typeof fields.tensor === "string") return tensors[fields.tensor]?.data;
  return Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, attach(one, tensors, depth + 1)]));
}
/** The lowest version that has what a model needs. */
function versionOf({ layers }: Model, dtype: WeightType): number {
  const hasAxis = (layer: Layer): boolean =>
    (layer.kind === "cell" && layer.strides !== undefined) || (layer.kind === "input" && layer.time !== undefined);
  const cells = layers.flatMap(cellsOf);
  if (cells.some(([, { endsMask }]) => endsMask)) return 7;
  if (cells.some(([, { cell }]) => cell.sequences.length > 0)) return 6;
  if (layers.some(hasAxis)) return 5;
  return layers.some(readsMore) ? 4 : dtype === "int8" ? 3 : 2;
}
/** Whether its cell has more inputs than one. */
const readsMore = (layer: LayerSpec): boolean =>
  layer.kind === "cell"
    ? layer.inputs !== undefined
    : layer.kind === "bidirectional" && (layer.forward.inputs ?? layer.backward.inputs) !== undefined;
/** A layer as plain data, with its fields in a fixed order, so that the same model gives the same bytes. */
function layerData(layer: Layer): object {
  const { kind, name, reads } = layer;
  return { kind, name, reads, ...layerFields(layer) };
}
function layerFields(layer: LayerSpec): object {
  switch (layer.kind) {
    case "input":
      return { features: layer.features, sequence: layer.sequence, mask: layer.mask, time: layer.time };
    case "embedding":
      return { inputDim: layer.inputDim, outputDim: layer.outputDim, maskZero: layer.maskZero };
    case "cell":
      return cellData(layer);
    case "bidirectional": {
      const [forward, backward] = [cellData(layer.forward), cellData(layer.backward)];
      return { mergeMode: layer.mergeMode, forward, backward };
    }
    case "merge":
      return { mergeMode: layer.mergeMode, of: layer.of };
    case "repeat_vector":
      return { n: layer.n };
    case "masking":
      return { maskValue: layer.maskValue };
    case "dropout":
      return { rate: layer.rate, locked: layer.locked };
  }
}
function cellData(layer: CellSpec): object {
  const { label, units, cell: of, shared, inputs, strides, endsMask } = layer;
  const options = Object.keys(recurrentDefaults).map((key) => [key, layer[key as keyof RecurrentOptions]]);
  // In the order of the cell's inputs, which the reader makes of them.
  const others =
    inputs && Object.fromEntries(of.inputs.filter((name) => name in inputs).map((name) => [name, inputs[name]]));
  const more = {
    ...(others && { inputs: others }),
    ...(strides !== undefined && { strides }),
    ...(endsMask && { endsMask }),
  };
  return { label, units, shared, ...more, ...Object.fromEntries(options), cell: of.source };
}
const slotName = (slot: string, parameter: string): string => `optimizer.${slot}.${parameter}`;

/**
 * Read a model from the bytes of a file; weights in f16, bf16 or int8 become f32.
 * @param bytes the content of a .safetensors file
 * @param file the file's name, for error messages. Default "model.safetensors"
 * @throws FormatError of one line if the file is damaged or was written by another program
 */
export function readModel(bytes: Uint8Array, file = "model.safetensors"): ModelFile {
  checkArguments("readModel", { bytes, file }, readSafetensorsArguments);
  return modelFrom(readSafetensors(bytes, file), file);
}

/** Whether it is a model file of ours, by what its metadata begin with; other programs write the same container. @internal */
export function isModelFile(bytes: Uint8Array): boolean {
  if (bytes.length < 9 || bytes[8] !== 0x7b) return false;
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  return new TextDecoder().decode(bytes.subarray(8, 8 + length)).includes('"unrolled"');
}

/** Make a model from the tensors and metadata of its file, without copying the tensors. */
function modelFrom({ tensors, metadata }: Safetensors, place: string): ModelFile {
  const refuse = (problem: string): never => {
    throw new FormatError(`${place}: ${problem}`);
  };
  const text = metadata.unrolled;
  if (text === undefined) {
    return refuse("it is a safetensors file, but not an Unrolled model. Give a file that `unrolled train` wrote.");
  }
  const json = (name: string, value: string): unknown => {
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return refuse(`its metadata "${name}" is not JSON: the file is damaged. Copy it again or train anew.`);
    }
  };
  const architecture = record(json("unrolled", text));
  const written = count(architecture?.version);
  if (!written || written > version) {
    refuse(
      `its version is ${formatFound(architecture?.version)}, this program reads 1 to ${version}. Update unrolled.`,
    );
  }
  const given = architecture as Record<string, unknown>;
  const value = (name: string, shape: readonly number[]): Float32Array => {
    const tensor = tensors[name];
    if (tensor === undefined) return refuse(`the values of ${name} are missing: the file is damaged. Train anew.`);
    if (tensor.data instanceof Int8Array && shape.length === 2 && tensor.shape.join() === shape.join()) {
      if (tensor.data.includes(-128))
        refuse(`${name} has -128, expected -127 to 127: it is damaged. Export the model again.`);
      const weights = readEightBits(tensor, tensors[scaleName(name)]);
      return weights ?? refuse(`the scales of ${name} are missing or damaged. Export the model again.`);
    }
    if (!(tensor.data instanceof Float32Array) || tensor.shape.join() !== shape.join()) {
      const kind = tensor.data instanceof Float32Array ? "" : `is ${tensor.dtype} and `;
      return refuse(
        `${name} ${kind}has shape (${tensor.shape.join(", ")}), its layer needs f32 (${shape.join(", ")}).`,
      );
    }
    return tensor.data;
  };
  const readTraining = (text: unknown, parameters: readonly Parameter[]): TrainerState => {
    const training = record(attach(text, tensors));
    const [step, slots] = [count(training?.step), training?.slots];
    const names = Array.isArray(slots) && slots.every((slot) => typeof slot === "string") ? slots : undefined;
    // No training can have reached a larger step.
    if (step === undefined || step > 2 ** 48 || names === undefined || new Set(names).size < names.length) {
      return refuse("its state of training is damaged. Train anew.");
    }
    const { runs, states, gathered, place } = training as Record<string, unknown>;
    const arrays = record(states ?? {});
    const both = record(gathered ?? { batches: 0, outputs: 0 });
    if (
      ![runs ?? 0, both?.batches, both?.outputs].every((one) => (count(one) ?? Infinity) <= 2 ** 48) ||
      !(arrays && Object.values(arrays).every((values) => values instanceof Float32Array))
    ) {
      return refuse("its state of training is damaged. Train anew.");
    }
    const valuesOf = (slot: string) =>
      Object.fromEntries(parameters.map((p) => [p.name, value(slotName(slot, p.name), p.shape)]));
    return {
      step,
      slots: Object.fromEntries(names.map((slot) => [slot, valuesOf(slot)])),
      ...(runs !== undefined && { runs: runs as number }),
      ...(states !== undefined && { states: arrays as NonNullable<TrainerState["states"]> }),
      ...(gathered !== undefined && { gathered: both as NonNullable<TrainerState["gathered"]> }),
      ...(place !== undefined && { place }),
    };
  };
  try {
    if (!Array.isArray(given.layers) || given.layers.length === 0) return refuse("it has no layers. Train anew.");
    if (given.layers.length > maxLayers) return refuse(`it has more than ${maxLayers} layers.`);
    const layers = given.layers.map((layer) => readLayer(layer, refuse));
    const width = given.input === "tokens" ? "tokens" : count(given.input);
    const [first] = layers;
    const own = first?.kind === "input" ? first.features : first?.kind === "embedding" ? "tokens" : undefined;
    if (width === undefined || (own === undefined ? width === "tokens" : width !== own)) {
      return refuse(`its input ${formatFound(given.input)} does not fit its first layer. Train anew.`);
    }
    const names = new Set<string>();
    const twice = layers.find(({ name }) => names.size === names.add(name).size);
    if (twice !== undefined) return refuse(`two of its layers are named "${twice.name}". Train anew.`);
    const model = modelOf(layers, width, ({ name, shape }) => value(name, shape));
    const state = given.training === undefined ? undefined : readTraining(given.training, model.parameters);
    const extra = Object.fromEntries(
      Object.entries(metadata).flatMap(([name, content]) =>
        name === "format" || name === "unrolled" ? [] : [[name, json(name, content)]],
      ),
    );
    return { model, training: state, extra };
  } catch (error) {
    if (error instanceof FormatError) throw error;
    // The layers do not fit together, or equations do not parse.
    if (error instanceof InputError) {
      return refuse(error.message.split("\n")[0] as string);
    }
    throw error;
  }
}

function readLayer(value: unknown, refuse: (problem: string) => never): Layer {
  const layer = record(value) ?? {};
  const { name } = layer;
  if (typeof name !== "string" || !isLayerName(name)) {
    return refuse(`a layer's name ${formatFound(name)} is not a name: the file is damaged. Train anew.`);
  }
  const reads = typeof layer.reads === "string" ? { reads: layer.reads } : {};
  const spec = readSpec(layer, { name, ...reads });
  if (spec === undefined) return refuse(`its layer "${name}" is not one that this program knows. Update unrolled.`);
  return { ...spec, name };
}

/** Make a layer with its public function, which checks the arguments. */
function readSpec(layer: Record<string, unknown>, names: { name: string; reads?: string }): LayerSpec | undefined {
  switch (layer.kind) {
    case "input": {
      const { features, sequence, mask, time } = layer;
      const width = features === "tokens" ? features : count(features);
      if (width === undefined || typeof sequence !== "boolean" || typeof mask !== "boolean") return undefined;
      if (time !== undefined && !isLayerName(time)) return undefined;
      return input(width, { ...names, sequence, mask, ...(time !== undefined && { time: time as string }) });
    }
    case "embedding": {
      const [inputDim, outputDim] = [count(layer.inputDim), count(layer.outputDim)];
      const { maskZero = false } = layer;
      if (typeof maskZero !== "boolean" || !inputDim || !outputDim) return undefined;
      return embedding(inputDim, outputDim, { ...names, maskZero });
    }
    case "cell": {
      const spec = readCell(layer);
      return spec && { ...spec, ...names };
    }
    case "bidirectional": {
      const [forward, backward] = [readCell(record(layer.forward)), readCell(record(layer.backward))];
      const mergeMode = [...mergeModes, "none" as const].find((mode) => mode === layer.mergeMode);
      return forward && backward && mergeMode && bidirectional(forward, { ...names, backward, mergeMode });
    }
    case "merge": {
      const mergeMode = mergeModes.find((mode) => mode === layer.mergeMode);
      const of = strings(layer.of);
      return mergeMode && of && of.length > 1 ? { kind: "merge", mergeMode, of, ...names } : undefined;
    }
    case "repeat_vector": {
      const n = count(layer.n);
      return n === undefined ? undefined : repeatVector(n, names);
    }
    case "masking":
      return typeof layer.maskValue === "number" ? masking({ ...names, maskValue: layer.maskValue }) : undefined;
    case "dropout": {
      const { rate, locked = false } = layer;
      return typeof rate === "number" && typeof locked === "boolean" ? dropout(rate, { ...names, locked }) : undefined;
    }
    default:
      return undefined;
  }
}

/** Absent fields have their defaults; older files only have cells that return sequences. */
function readCell(layer: Record<string, unknown> | undefined): CellSpec | undefined {
  const { label, cell: source } = layer ?? {};
  if (layer === undefined || typeof source !== "string" || typeof label !== "string") return undefined;
  const units = layer.units === undefined ? undefined : count(layer.units);
  const [shared, inputs] = [layer.shared, layer.inputs].map((one) => (one === undefined ? undefined : record(one)));
  if ((layer.units !== undefined && !units) || (layer.shared !== undefined && !shared)) return undefined;
  if (layer.inputs !== undefined && !inputs) return undefined;
  const strides = layer.strides === undefined ? 1 : count(layer.strides);
  if (!strides || strides > maxStrides || ![undefined, true].includes(layer.endsMask as undefined)) return undefined;
  // Inputs that the equations do not name would not matter, but for masked steps.
  const between = inputsBetween(strides).filter((name) => new RegExp(`\\b${name}\\b`).test(source));
  const options: Record<string, unknown> = { returnSequences: true };
  for (const key of Object.keys(recurrentDefaults)) if (layer[key] !== undefined) options[key] = layer[key];
  return recurrent(storedCell(source, ["x", ...between, ...Object.keys(inputs ?? {})]), {
    ...{ label, strides, endsMask: layer.endsMask === true, ...(options as Partial<RecurrentOptions>) },
    ...(units !== undefined && { units }),
    ...(shared !== undefined && { shared: shared as Record<string, string> }),
    ...(inputs !== undefined && { inputs: inputs as Record<string, string> }),
  });
}

/** Format a value from a file for a message. */
const formatFound = (value: unknown): string => (value === undefined ? "missing" : formatValue(value));
const record = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
const strings = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
