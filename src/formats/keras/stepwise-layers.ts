/** Keras's layers that read one value and do the same at each of its steps, as ours. TimeDistributed can hold them. */
import { cell } from "../../graph/cell.ts";
import { type CellSpec, dropout, recurrent } from "../../nn/layers.ts";
import { affine } from "../foreign-cells.ts";
import { type Activation, activationOfLayer } from "./activations.ts";
import { activationCell, denseCell, normalizationCell, rmsCell, slopesCell, unitCell } from "./cells.ts";
import { type Config, isTrainable, type KerasCall, type KerasLayer } from "./config.ts";
import { snakeCase } from "./folders.ts";
import { maskNow, unmasked } from "./masks.ts";
import {
  functionOf,
  nameOfCall,
  rateOf,
  refuse,
  sharedWith,
  stepsOf,
  type Translation,
  unitsOf,
  type Value,
} from "./translation.ts";
import type { WeightForm } from "./weights.ts";

/** A call of a layer that reads one value. */
export type SimpleCall = {
  readonly translation: Translation;
  readonly layer: KerasLayer;
  /** The class and the options, which are those of the layer that a TimeDistributed holds. */
  readonly className: string;
  readonly config: Config;
  /** Where its arrays are below the layer's folder. */
  readonly path: string;
  /** Which of the layer's calls it is. */
  readonly index: number;
  readonly call: KerasCall;
  readonly x: Value;
};
/** What makes layers of a call, and gives its output. */
export type AddLayer = (given: SimpleCall) => Value;

/** What a call reads, which is vectors. */
export function vectorsOf({ layer, x }: SimpleCall): Value {
  return x.tokens ? refuse(layer, "it reads tokens") : x;
}
/** What a call reads, which is a sequence of vectors. */
export function sequenceOf(given: SimpleCall): Value {
  const x = vectorsOf(given);
  return x.sequence ? x : refuse(given.layer, "it reads one vector");
}
/** A layer of ours that gives what it reads a new value; `changed` says what else is new. */
export function emitted(
  { translation, layer, index, x }: SimpleCall,
  make: (name: string) => void,
  changed: Partial<Value> = {},
): Value {
  const name = nameOfCall(translation, layer, index);
  make(name);
  return {
    flow: () => name,
    sequence: x.sequence,
    mask: x.mask,
    ended: x.ended,
    zeroed: x.zeroed,
    ...stepsOf(x),
    ...changed,
  };
}
/** A cell, with its arrays where it has some; later calls share the first one's. */
export function emittedCell(given: SimpleCall, spec: CellSpec, form?: WeightForm, changed: Partial<Value> = {}): Value {
  const { translation, layer, config, index, path } = given;
  const make = (name: string): void => {
    const shared = index > 0 &&
      form !== undefined && { shared: sharedWith(spec, translation.ours.get(layer.name) as string) };
    translation.emit({ ...spec, ...shared }, name);
    if (index > 0 || form === undefined) return;
    translation.weights.set(layer.name, [{ form, to: name, path, trainable: [isTrainable(config)] }]);
  };
  return emitted(given, make, changed);
}

/** Whether an axis of what a layer reads is that of the features. */
export function isLast(axis: unknown, { sequence }: Pick<Value, "sequence">): boolean {
  const [one, ...more] = Array.isArray(axis) ? axis : [axis ?? -1];
  return more.length === 0 && (one === -1 || one === (sequence ? 2 : 1));
}
function checkAxis({ layer, config, path, x }: SimpleCall): void {
  // In a TimeDistributed, it reads one step.
  if (!isLast(config.axis, { sequence: x.sequence && path === "" }))
    refuse(layer, "its axis is not that of the features");
}
function epsilonOf({ layer, config: { epsilon = 0.001 } }: SimpleCall): number {
  return typeof epsilon === "number" && epsilon > 0 ? epsilon : refuse(layer, "its epsilon is not above 0");
}
const hasNo = (option: unknown): boolean => option === false;

const dense: AddLayer = (given) => {
  const { translation, layer, config } = given;
  const reads = vectorsOf(given).flow();
  const units = unitsOf(layer, config.units);
  const bias = !hasNo(config.use_bias);
  const of = denseCell(functionOf(translation, layer, config.activation), bias);
  return emittedCell(given, recurrent(of, { units, label: "dense", reads }), { kind: "dense", bias });
};

const activation: AddLayer = (given) => {
  const { translation, layer, config } = given;
  const reads = vectorsOf(given).flow();
  const of = activationCell(functionOf(translation, layer, config.activation));
  return emittedCell(given, recurrent(of, { label: "activation", reads }));
};

const activationLayer: AddLayer = (given) => {
  const { translation, className, config } = given;
  const reads = vectorsOf(given).flow();
  if (className === "Softmax") checkAxis(given);
  if (
    className === "Softmax" &&
    maskNow(given.x) !== undefined &&
    (translation.dialect.major >= 3 || translation.dialect.tfjs)
  )
    refuse(given.layer, "it is masked, and adds the mask of steps to features. Use an Activation in its place");
  const of = activationOfLayer(className, config, translation.dialect.major) as Activation;
  return emittedCell(given, recurrent(activationCell(of), { label: snakeCase(className), reads }));
};

const layerNormalization: AddLayer = (given) => {
  const { layer, config } = given;
  const reads = vectorsOf(given).flow();
  checkAxis(given);
  if (config.rms_scaling === true) refuse(layer, "it scales by the root of the mean square (rms_scaling)");
  const [scale, center] = [!hasNo(config.scale), !hasNo(config.center)];
  const of = normalizationCell(epsilonOf(given), scale, center);
  const spec = recurrent(of, { label: "layer_normalization", reads });
  return emittedCell(given, spec, { kind: "normalization", scale, center });
};

const batchNormalization: AddLayer = (given) => {
  const { translation, layer, config } = given;
  const reads = vectorsOf(given).flow();
  checkAxis(given);
  if ((config.mode ?? 0) !== 0) refuse(layer, "its axis is not that of the features");
  const [scale, center] = [!hasNo(config.scale), !hasNo(config.center)];
  translation.note(
    `${translation.ours.get(layer.name)}: as it is at inference, a factor and a shift for each feature; training here leaves out what it does with batches.`,
  );
  const spec = recurrent(affine, { label: "batch_normalization", reads });
  return emittedCell(given, spec, { kind: "batch", scale, center, epsilon: epsilonOf(given) });
};

const rmsNormalization: AddLayer = (given) => {
  checkAxis(given);
  // Keras's hands no mask on.
  const reads = unmasked(given.translation, vectorsOf(given));
  const spec = recurrent(rmsCell(epsilonOf(given)), { label: "rms_normalization", reads });
  const form = { kind: "normalization", scale: true, center: false } as const;
  return emittedCell(given, spec, form, { mask: undefined, ended: undefined });
};

const unitNormalization: AddLayer = (given) => {
  const reads = vectorsOf(given).flow();
  checkAxis(given);
  return emittedCell(given, recurrent(unitCell, { label: "unit_normalization", reads }));
};

const slopes: AddLayer = (given) => {
  const { layer, config } = given;
  const { sequence } = vectorsOf(given);
  const shared = Array.isArray(config.shared_axes) ? config.shared_axes : [];
  if (sequence && !shared.includes(1) && given.path === "") {
    return refuse(layer, "it has slopes of its own for each step; ours are one for all (shared_axes=[1])");
  }
  if (shared.includes(sequence && given.path === "" ? 2 : 1)) return refuse(layer, "its features share a slope");
  const spec = recurrent(slopesCell, { label: "p_relu", reads: given.x.flow() });
  return emittedCell(given, spec, { kind: "alone", array: "alpha", to: "slope" });
};

const rescale: AddLayer = (given) => {
  const { layer, config } = given;
  const reads = vectorsOf(given).flow();
  const { scale = 1, offset = 0 } = config;
  if (typeof scale !== "number" || typeof offset !== "number") {
    return refuse(layer, "its scale and offset are not one number each. Scale the data before they go in");
  }
  return emittedCell(given, recurrent(cell(`y = ${scale} * x + ${offset}`), { label: "rescaling", reads }));
};

const drop: AddLayer = (given) => {
  const { translation, layer, className, config } = given;
  const reads = vectorsOf(given).flow();
  const shape = Array.isArray(config.noise_shape) ? config.noise_shape.slice(1) : undefined;
  const locked = className === "SpatialDropout1D" || (shape?.length === 2 && shape[0] === 1);
  // A size above 1 can only be that of what it reads.
  if (shape?.some((size, k) => size === 1 && !(locked && k === 0))) {
    refuse(layer, "its noise_shape has one number for several features");
  }
  return emitted(given, (name) => translation.emit(dropout(rateOf(config.rate), { locked, reads }), name));
};

const same: AddLayer = ({ x }) => x;

const inTrainingAlone: AddLayer = ({ translation, layer, className, x }) => {
  const name = translation.ours.get(layer.name);
  translation.note(`${name} (${className}) is left out: outside training it does nothing.`);
  return x;
};

/** By class. */
export const stepwiseLayers: ReadonlyMap<string, AddLayer> = new Map([
  ["Dense", dense],
  ["TimeDistributedDense", dense],
  ["Activation", activation],
  ["ReLU", activationLayer],
  ["LeakyReLU", activationLayer],
  ["ELU", activationLayer],
  ["ThresholdedReLU", activationLayer],
  ["Softmax", activationLayer],
  ["PReLU", slopes],
  ["Identity", same],
  ["Rescaling", rescale],
  ["RMSNormalization", rmsNormalization],
  ["UnitNormalization", unitNormalization],
  ["LayerNormalization", layerNormalization],
  ["BatchNormalization", batchNormalization],
  ["Dropout", drop],
  ["SpatialDropout1D", drop],
  ["GaussianNoise", inTrainingAlone],
  ["GaussianDropout", inTrainingAlone],
  ["AlphaDropout", inTrainingAlone],
  ["ActivityRegularization", inTrainingAlone],
]);
