/** Keras's layers that read one value and make or change a sequence, as ours. */
import {
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  masking,
  recurrent,
  repeatVector,
} from "../../nn/layers.ts";
import { poolingFrom } from "../late-steps.ts";
import { attentionAverage } from "./cells.ts";
import { flatten } from "./joined-steps.ts";
import { masked, maskName, unmasked } from "./masks.ts";
import { type AddLayer, emitted, emittedCell, sequenceOf, vectorsOf } from "./stepwise-layers.ts";
import { oneVector, prompt, refuse } from "./translation.ts";

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
  if (maskZero === true) translation.maskMakers.push(layer);
  return { ...emitted(given, make), mask: maskZero === true ? maskName(reads, 0) : undefined };
};

const mask: AddLayer = (given) => {
  const { translation, layer, config } = given;
  const reads = vectorsOf(given).flow();
  translation.maskMakers.push(layer);
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
    return refuse(
      layer,
      `it makes ${n} steps of a sequence of ${length}, and ours are of one length. Give encoder and decoder inputs of their own, with a time each`,
    );
  }
  if (first !== undefined && length === undefined) {
    translation.note(`${translation.ours.get(layer.name)}: sequences have ${n} steps here, as many as it makes.`);
  }
  const make = (name: string) => translation.emit(repeatVector(n as number, { reads: x.flow() }), name);
  return emitted(given, make, {
    ...oneVector,
    sequence: true,
    time: first,
    ...(typeof n === "number" && { steps: n }),
  });
};

const pool: AddLayer = (given) => {
  const { translation, layer, className, config, call } = given;
  const x = sequenceOf(given);
  if (config.keepdims === true) return refuse(layer, "it keeps the axis of time (keepdims)");
  if (config.data_format === "channels_first") return refuse(layer, "it pools features (channels_first)");
  const most = className === "GlobalMaxPooling1D";
  // That of TensorFlow.js takes the mean of padding, too.
  const ignores = most || translation.dialect.tfjs;
  const reads = ignores ? unmasked(translation, x) : masked(translation, layer, call, x).reads;
  const usual = most ? globalMaxPooling1d({ reads }) : globalAveragePooling1d({ reads });
  const spec = x.late === undefined ? usual : { ...usual, cell: poolingFrom(x.late, most ? "max" : "mean") };
  return emittedCell(given, spec, undefined, oneVector);
};

const attend: AddLayer = (given) => {
  const { translation, layer, config, call } = given;
  if (config.return_attention === true) return refuse(layer, "it returns its weights, too (return_attention)");
  const { reads } = masked(translation, layer, call, prompt(layer, sequenceOf(given)));
  const spec = recurrent(attentionAverage, { label: "attention_weighted_average", reads });
  return emittedCell(given, spec, { kind: "dense", bias: false }, oneVector);
};

/** By class. */
export const sequenceLayers: ReadonlyMap<string, AddLayer> = new Map([
  ["Embedding", embed],
  ["Masking", mask],
  ["RepeatVector", repeat],
  ["GlobalAveragePooling1D", pool],
  ["GlobalMaxPooling1D", pool],
  ["AttentionWeightedAverage", attend],
  ["Flatten", flatten],
]);
