/** Keras's layers that read one value and make or change a sequence, as ours. */
import { excerpt } from "../../graph/excerpt.ts";
import {
  activations,
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  masking,
  recurrent,
  repeatVector,
} from "../../nn/layers.ts";
import { convolution } from "../../nn/sequence-cells.ts";
import { attentionAverage } from "./cells.ts";
import { masked, maskName, unmasked } from "./masks.ts";
import { type AddLayer, emitted, emittedCell, sequenceOf, vectorsOf } from "./stepwise-layers.ts";
import { refuse, unitsOf } from "./translation.ts";

/** The widest convolution that is read, in steps: its equations have a matrix for each. */
const mostSteps = 99;

const embed: AddLayer = (given) => {
  const { translation, layer, config, path, index, x } = given;
  const { input_dim: count, units, output_dim: features = units, mask_zero: maskZero } = config;
  if (!x.tokens) return refuse(layer, "it reads what is no input of the model");
  const reads = x.flow();
  const make = (name: string): void => {
    translation.emit(embedding(count as number, features as number, { maskZero: maskZero === true, reads }), name);
    const own = translation.ours.get(layer.name) as string;
    if (index > 0) {
      translation.copies.set(`${name}.weight`, `${own}.weight`);
      translation.note(
        `${own} reads several inputs: ${name} has a copy of its table, so that training changes each on its own.`,
      );
      return;
    }
    translation.weights.set(layer.name, [{ form: { kind: "embedding" }, to: name, path }]);
  };
  return { ...emitted(given, make), mask: maskZero === true ? maskName(reads, 0) : undefined };
};

const mask: AddLayer = (given) => {
  const { translation, config } = given;
  const reads = vectorsOf(given).flow();
  const value = typeof config.mask_value === "number" ? config.mask_value : 0;
  const make = (name: string) => translation.emit(masking({ maskValue: value, reads }), name);
  return emitted(given, make, { mask: maskName(reads, value), ended: undefined });
};

const repeat: AddLayer = (given) => {
  const { translation, layer, config, x } = given;
  const { n } = config;
  if (x.sequence) return refuse(layer, "it reads a sequence");
  const [first] = translation.times.keys();
  const length = first === undefined ? undefined : translation.lengths.get(first);
  if (length !== undefined && length !== n) {
    return refuse(layer, `it makes ${n} steps of a sequence of ${length}, and ours are of one length`);
  }
  if (first !== undefined && length === undefined) {
    translation.note(`${translation.ours.get(layer.name)}: sequences have ${n} steps here, as many as it makes.`);
  }
  const make = (name: string) => translation.emit(repeatVector(n as number, { reads: x.flow() }), name);
  return emitted(given, make, { sequence: true, mask: undefined, ended: undefined, time: first });
};

const pool: AddLayer = (given) => {
  const { translation, layer, className, config, call } = given;
  const x = sequenceOf(given);
  if (config.keepdims === true) return refuse(layer, "it keeps the axis of time (keepdims)");
  if (config.data_format === "channels_first") return refuse(layer, "it pools features (channels_first)");
  const vector = { sequence: false, mask: undefined, ended: undefined, time: undefined };
  if (className === "GlobalMaxPooling1D") {
    return emittedCell(given, globalMaxPooling1d({ reads: unmasked(translation, x) }), undefined, vector);
  }
  const { reads } = masked(translation, layer, call, x);
  return emittedCell(given, globalAveragePooling1d({ reads }), undefined, vector);
};

const attend: AddLayer = (given) => {
  const { translation, layer, config, call } = given;
  if (config.return_attention === true) return refuse(layer, "it returns its weights, too (return_attention)");
  const { reads } = masked(translation, layer, call, sequenceOf(given));
  const spec = recurrent(attentionAverage, { label: "attention_weighted_average", reads });
  const vector = { sequence: false, mask: undefined, ended: undefined, time: undefined };
  return emittedCell(given, spec, { kind: "dense", bias: false }, vector);
};

const convolve: AddLayer = (given) => {
  const { translation, layer, config } = given;
  const filters = unitsOf(layer, config.filters);
  const [size, strides, dilation] = [config.kernel_size, config.strides, config.dilation_rate].map((one) =>
    Array.isArray(one) ? one[0] : (one ?? 1),
  );
  if (![size, strides].every((one) => Number.isInteger(one) && one >= 1)) {
    return refuse(layer, "its kernel_size and strides are no whole numbers from 1");
  }
  if (size > mostSteps || strides > mostSteps) return refuse(layer, `it is wider than ${mostSteps} steps`);
  const x = sequenceOf(given);
  const { padding, data_format: format, activation = "linear" } = config;
  if (padding !== "causal" && !(size === 1 && strides === 1)) {
    return refuse(layer, `its padding is ${excerpt(String(padding ?? "valid"))}; ours is causal`);
  }
  if (dilation !== 1 || (config.groups ?? 1) !== 1) return refuse(layer, "it has dilations or groups");
  if (format === "channels_first") return refuse(layer, "it has the features before the steps (channels_first)");
  const bias = config.use_bias !== false;
  const name = activation ?? "linear";
  const dialect = name === "hard_sigmoid" && translation.dialect.major < 3;
  if (!(activations as readonly unknown[]).includes(name) || dialect) {
    return refuse(layer, `its activation is ${excerpt(JSON.stringify(name))}`);
  }
  const spec = recurrent(convolution(size, name as string, strides), {
    ...{ units: filters, label: "conv1d", returnSequences: true, strides, reads: unmasked(translation, x) },
  });
  return emittedCell(given, spec, { kind: "convolution", size, bias }, { mask: undefined, ended: undefined });
};

const flatten: AddLayer = ({ layer, x }) =>
  x.sequence ? refuse(layer, "it joins all steps of a sequence, and ours are of any length") : x;

/** By class. */
export const sequenceLayers: ReadonlyMap<string, AddLayer> = new Map([
  ["Embedding", embed],
  ["Masking", mask],
  ["RepeatVector", repeat],
  ["GlobalAveragePooling1D", pool],
  ["GlobalMaxPooling1D", pool],
  ["AttentionWeightedAverage", attend],
  ["Conv1D", convolve],
  ["Flatten", flatten],
]);
