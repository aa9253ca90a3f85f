/**
 * The layers of a Keras model as ours: data from data. What our layers cannot say is refused, with the layer's name and class and the
 * reason, before any weight is looked at. Knows nothing about files.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { InputError } from "../../graph/input-error.ts";
import { recurrent } from "../../nn/layers.ts";
import type { Layer, Model } from "../../nn/model.ts";
import { addAttention, isAttention } from "./attention.ts";
import { addBidirectional } from "./bidirectional.ts";
import { sameCell } from "./cells.ts";
import {
  type Argument,
  type Config,
  ConfigError,
  isTrainable,
  type KerasCall,
  type KerasLayer,
  type KerasModel,
  nested,
  type Reference,
} from "./config.ts";
import { windowLayers } from "./convolutions.ts";
import { foldersOf } from "./folders.ts";
import { addInput } from "./inputs.ts";
import { joinedLayers } from "./joined-steps.ts";
import { checkLeaks, unmasked } from "./masks.ts";
import { addMerge, mergeOf } from "./merges.ts";
import { addOperation } from "./operations.ts";
import { addRecurrent } from "./recurrent.ts";
import { sequenceLayers } from "./sequence-layers.ts";
import { type AddLayer, type SimpleCall, stepwiseLayers } from "./stepwise-layers.ts";
import {
  type Dialect,
  quote,
  refuse,
  type Translated,
  type Translation,
  timeOf,
  translationOf,
  type Value,
} from "./translation.ts";
import type { WeightGroup } from "./weights.ts";

export type { Dialect, Translated } from "./translation.ts";

/** Why classes that people do have cannot be said. */
const reasons: ReadonlyMap<string, string> = new Map([
  ["ConvLSTM1D", "its states have an axis of space"],
  ["ConvLSTM2D", "its states are images"],
  ["ConvLSTM3D", "its states have three axes of space"],
  ["Lambda", "it holds code, which is not run"],
  ["TextVectorization", "it reads texts; give the model what comes behind it"],
  ["StringLookup", "it reads texts; give the model what comes behind it"],
  ["Conv2D", "it reads images"],
  [
    "Reshape",
    "it gives an array another shape, and ours are sequences of vectors. Give the model arrays of that shape, and leave it out",
  ],
  ["Permute", "it exchanges time and features. Give the model arrays that are exchanged, and leave it out"],
]);

/** Outputs of calls, each by its layer and which of its calls it is. */
type Values = Map<string, readonly Value[]>;
const keyOf = (layer: string, call: number): string => `${call} ${layer}`;
const outputIn = (values: Values, [layer, call, output]: Reference): Value | undefined =>
  values.get(keyOf(layer, call))?.[output];

/**
 * Translate a model.
 * @throws ConfigError for the first layer that our layers cannot say; InputError where they do not fit together
 */
export function translate(model: KerasModel, dialect: Dialect): Translated {
  const translation = translationOf(model, dialect);
  const values: Values = new Map();
  for (const layer of model.layers) {
    if (!layer.operation && layer.className !== "InputLayer" && layer.calls.length > 0) checkClass(translation, layer);
  }
  for (const { layer, index, call } of inOrder(model)) {
    const add = () =>
      layer.className === "InputLayer"
        ? [addInput(translation, layer)]
        : addCall(translation, values, layer, index, call);
    values.set(keyOf(layer.name, index), saying(layer, add));
  }
  checkLeaks(translation);
  const { weights, copies, notes } = translation;
  return { outputs: outputsOf(translation, values), weights, copies, notes };
}

type Call = { readonly layer: KerasLayer; readonly index: number; readonly call: KerasCall };
/** The calls of a model, each behind what it reads. @throws ConfigError where there is no such order */
function inOrder({ layers }: KerasModel): readonly Call[] {
  const waiting: Call[] = layers.flatMap((layer) => layer.calls.map((call, index) => ({ layer, call, index })));
  const ordered: Call[] = [];
  const made = new Set<string>();
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ layer, call, index }) => {
      const needs = [...call.inputs, ...call.initial, ...(call.mask ? [call.mask] : [])];
      // A second call shares what the first has made.
      const first = index === 0 || made.has(keyOf(layer.name, index - 1));
      return first && needs.every(([of, which]) => made.has(keyOf(of, which)));
    });
    if (next < 0) {
      const [{ layer }] = waiting as [Call];
      throw new ConfigError(`the layer ${quote(layer.name)} reads a layer that there is not, or reads itself`);
    }
    const [one] = waiting.splice(next, 1) as [Call];
    made.add(keyOf(one.layer.name, one.index));
    ordered.push(one);
  }
  return ordered;
}

/** Classes that are never said, before anything else is looked at. */
function checkClass({ note }: Translation, layer: KerasLayer): void {
  const dtype = nested(layer.config.dtype);
  const quantized = (dtype !== undefined && /Quantized/.test(dtype.className)) || layer.config.quantization_config;
  if (quantized) refuse(layer, "its weights are quantized");
  const reason = reasons.get(layer.className);
  if (reason !== undefined) refuse(layer, reason);
  const policy = dtype?.config.name ?? layer.config.dtype;
  if (typeof policy === "string" && /float(16|64)/.test(policy)) {
    note(`Keras computed it in ${excerpt(policy)}; here it is computed in float32.`);
  }
}

/** The outputs of a call. */
function addCall(
  translation: Translation,
  values: Values,
  layer: KerasLayer,
  index: number,
  call: KerasCall,
): readonly Value[] {
  const { className, config, operation } = layer;
  const find = (reference: Reference): Value =>
    outputIn(values, reference) ??
    refuse(layer, `it reads output ${reference[2]} of ${excerpt(JSON.stringify(reference[0]))}, which there is not`);
  // Operations that make masks are looked at where a mask is.
  if (operation && !translation.computed.has(layer.name)) return [];
  const given = call.inputs.map(find);
  const recurrentLayer = !operation && /^(CuDNN)?(LSTM|GRU)$|^(SimpleRNN|RNN|Bidirectional)$/.test(className);
  const [odd] = call.constants;
  if (odd !== undefined && !operation) {
    return refuse(layer, `it is called with ${excerpt(JSON.stringify(odd))}, which is no output of a layer`);
  }
  const [x, ...more] = given;
  if (x === undefined) return refuse(layer, "it reads no layer");
  if (recurrentLayer) {
    if (x.tokens || !x.sequence) return refuse(layer, "it reads what is no sequence of vectors");
    // Keras 2 writes initial states as further inputs.
    const at = { index, call, x, starts: [...more, ...call.initial.map(find)] };
    return (className === "Bidirectional" ? addBidirectional : addRecurrent)(translation, layer, at);
  }
  const merge = mergeOf(layer);
  // Operations of several values that our merging layers are, too.
  const free = given.every((value) => value.mask === undefined && value.ended === undefined);
  const alike = merge !== undefined && "mode" in merge && odd === undefined && new Set(given).size > 1 && free;
  if (merge !== undefined && (!operation || (alike && className !== "Concatenate"))) {
    return [addMerge(translation, layer, merge, given, index)];
  }
  if (operation) {
    const findArgument = (one: Argument) => ("of" in one ? find(one.of) : undefined);
    return [addOperation(translation, layer, call, findArgument)];
  }
  const unknown =
    "there is no layer of ours for its class. Put layers in its place that are read, or end the model before it";
  const simple: SimpleCall = { translation, layer, className, config, path: "", index, call, x };
  if (isAttention(className)) return [addAttention(simple, given)];
  if (more.length > 0) return refuse(layer, unknown);
  if (className === "TimeDistributed") return [addTimeDistributed(simple)];
  const add =
    (x.joined === undefined ? undefined : joinedLayers.get(className)) ??
    stepwiseLayers.get(className) ??
    sequenceLayers.get(className) ??
    windowLayers.get(className);
  return add === undefined ? refuse(layer, unknown) : [add(simple)];
}

/** A layer at each step: what ours do anyway. */
function addTimeDistributed(given: SimpleCall): Value {
  const { translation, layer, config, x } = given;
  const inner = nested(config.layer);
  if (inner === undefined) return refuse(layer, "it has no layer");
  if (!x.sequence) return refuse(layer, "it reads one vector");
  if (inner.className === "Sequential") return addEachAtEachStep(given, inner.config);
  const add = stepwiseLayers.get(inner.className);
  if (add === undefined || inner.className === "SpatialDropout1D") {
    return refuse(layer, `it applies a ${excerpt(inner.className)} at each step`);
  }
  const value = add({ ...given, ...inner, path: "layer" });
  if (translation.dialect.handsMasksOn || value.mask === undefined) return value;
  const made = unmasked(translation, value);
  return { ...value, flow: () => made, mask: undefined };
}

/** Layers one behind the other at each step. */
function addEachAtEachStep(given: SimpleCall, model: Config): Value {
  const { translation, layer, index } = given;
  const list = (Array.isArray(model.layers) ? model.layers : []).flatMap((one) => nested(one) ?? []);
  const inner = list.filter(({ className }) => className !== "InputLayer");
  const odd = inner.find(({ className }) => !stepwiseLayers.has(className) || className === "SpatialDropout1D");
  if (odd !== undefined) return refuse(layer, `it applies a ${excerpt(odd.className)} at each step`);
  if (index > 0) return refuse(layer, "it applies a model at each step, and is called twice");
  const folders = foldersOf(inner.map(({ className }, k) => ({ name: `${k}`, className })));
  const groups: WeightGroup[] = [];
  const own = translation.ours.get(layer.name) as string;
  const last = inner.reduce((x, one, k): Value => {
    // Each under a name of its own; what arrays it has it leaves under the layer's name.
    const name = k === inner.length - 1 ? own : translation.free(`${own}_${k + 1}`);
    const named = { ...translation, ours: new Map(translation.ours).set(layer.name, name), weights: new Map() };
    const path = `layer/layers/${folders.get(`${k}`)}`;
    const add = stepwiseLayers.get(one.className) as AddLayer;
    const value = add({ ...given, ...one, translation: named, path, x });
    for (const group of [...named.weights.values()].flat()) {
      groups.push({ ...group, trainable: [isTrainable(model), ...(group.trainable ?? [])] });
    }
    return value;
  }, given.x);
  if (groups.length > 0) translation.weights.set(layer.name, groups);
  return last;
}

/** The model of each output, in the model's order. */
function outputsOf(translation: Translation, values: Values): Translated["outputs"] {
  const { model, entries, free, emit } = translation;
  const outputs = model.outputs.map((reference) => {
    const value = outputIn(values, reference);
    if (value === undefined) throw new ConfigError(`its output ${quote(reference[0])} is none of its layers`);
    if (value.late !== undefined) {
      translation.note(
        `Output ${outputName(value, reference)} has ${value.late} steps more here than in Keras: the first ${value.late} stand before those that it has there.`,
      );
    }
    return { value, name: outputName(value, reference) };
  });
  // Outputs that are no layers are given one; before the list is complete.
  const ends = outputs.map(({ value }) => {
    const flow = value.flow();
    const entry = entries.find(({ spec }) => spec.name === flow);
    if (entry !== undefined && entry.spec.kind !== "input") return flow;
    const made = free(`${flow.replace(".", "_")}_output`);
    emit(recurrent(sameCell, { label: "output", reads: flow }), made);
    return made;
  });
  const several = new Set([...translation.times.keys()].map((input) => timeOf(translation, input))).size > 1;
  const layers = entries.map(
    ({ spec }): Layer =>
      spec.kind === "input" && spec.sequence && several ? { ...spec, time: timeOf(translation, spec.name) } : spec,
  );
  return ends.map((end, k) => ({
    name: (outputs[k] as { name: string }).name,
    ...upTo(layers, end, model.sequential),
  }));
}
const outputName = ({ state }: Value, [layer, , output]: Reference): string => {
  if (state !== undefined) return [layer, state.half, state.name].filter((part) => part !== undefined).join(".");
  return output === 0 ? layer : `${layer} ${output + 1}`;
};

/** The layers that one of them needs, itself the last; a sequential model does without the layer of its input. */
function upTo(
  all: readonly Layer[],
  end: string,
  sequential: boolean,
): { readonly layers: readonly Layer[]; readonly input: Model["input"] } {
  const needed = new Set([end]);
  const layerOf = (name: string): string => name.split(".")[0] as string;
  for (const layer of [...all].reverse()) {
    if (needed.has(layer.name)) for (const one of readsOf(layer)) needed.add(layerOf(one));
  }
  const kept = all.filter(({ name }) => needed.has(name));
  const [first] = kept as [Layer];
  const features = (first as Extract<Layer, { kind: "input" }>).features;
  const alone = sequential && first.kind === "input" && first.sequence && kept.length > 1;
  const list = alone ? kept.slice(1) : kept;
  const before = alone ? (features === "tokens" ? "tokens" : "x") : undefined;
  const again = (name: string): string => (alone && name === first.name ? (before as string) : name);
  const layers = list.map((layer, k): Layer => {
    const { reads, ...rest } = layer;
    if (reads === undefined) return layer;
    const previous = k === 0 ? before : (list[k - 1] as Layer).name;
    return again(reads) === previous ? (rest as Layer) : { ...layer, reads: again(reads) };
  });
  return { layers, input: features };
}

function readsOf(layer: Layer): string[] {
  const cells = layer.kind === "cell" ? [layer] : layer.kind === "bidirectional" ? [layer.forward, layer.backward] : [];
  return [
    ...(layer.reads === undefined ? [] : [layer.reads]),
    ...(layer.kind === "merge" ? layer.of : []),
    ...cells.flatMap(({ shared, inputs, initialState }) => [
      ...Object.values(inputs ?? {}),
      ...Object.values(shared ?? {}),
      ...(typeof initialState === "object" ? [initialState.from].flat() : []),
    ]),
  ];
}

/** What our layers say against it is said with the layer's name. */
function saying<T>(layer: KerasLayer, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof InputError) return refuse(layer, error.message.replace(/\.$/, ""));
    throw error;
  }
}
