/**
 * Which steps of a sequence count where a layer reads it: Keras says it in the config, or by rules that changed with its versions; ours
 * goes with the values, up to a layer that ends it.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { recurrent } from "../../nn/layers.ts";
import { sameCell } from "./cells.ts";
import { ConfigError, type KerasCall, type KerasLayer, type KerasModel, nested, type Reference } from "./config.ts";
import { type Ended, type Entry, refuse, type Translation, type Value } from "./translation.ts";

/** The mask of the steps at which an input is not this value. */
export const maskName = (of: string, value: number): string => `${of} is not ${value}`;

/** The mask that a value has now. */
export const maskNow = ({ mask, ended }: Value): string | undefined => mask ?? (ended?.undone ? ended.mask : undefined);

/** What a layer reads that ignores masks, or has none. */
export function unmasked({ unmaskedOf, free, emit }: Translation, value: Value): string {
  if (maskNow(value) === undefined) {
    if (value.ended !== undefined) value.ended.looked = true;
    return value.flow();
  }
  if (value.zeroed !== undefined) {
    throw new ConfigError(
      `the layer ${excerpt(JSON.stringify(value.zeroed))} (Bidirectional) cannot be said: a layer behind it reads its masked steps, where one direction repeats its output in TensorFlow.js, and both are zeros here`,
    );
  }
  const from = value.flow();
  const there = unmaskedOf.get(from);
  if (there !== undefined) return there;
  const made = free(`${from.replace(".", "_")}_unmasked`);
  emit(recurrent(sameCell, { label: "unmasked", reads: from, endsMask: true }), made);
  unmaskedOf.set(from, made);
  return made;
}

/**
 * What a layer reads that looks at masks; and the mask that it has there: the one that it is given, or else that of what it reads. Keras 3
 * gives it the latter when it runs, whatever the config says, unless it reads initial states, too.
 */
export function masked(
  translation: Translation,
  layer: KerasLayer,
  call: KerasCall,
  value: Value,
): { readonly reads: string; readonly mask: string | undefined } {
  const given = maskNow(value);
  const alone = translation.dialect.major < 3 || call.inputs.length + call.initial.length === 1;
  if (call.mask === undefined && alone) value.ended?.lost?.();
  const own = alone ? given : undefined;
  const wanted = call.mask === undefined ? own : maskOf(translation, layer, call.mask);
  if (wanted !== undefined && wanted !== given) {
    const { ended } = value;
    if (ended?.mask !== wanted || ended.looked) return refuse(layer, "its mask is not that of what it reads");
    ended.undo();
    ended.undone = true;
  }
  translation.heeding.push({ layer, masked: wanted !== undefined, makers: translation.maskMakers.length });
  return { reads: wanted === undefined ? unmasked(translation, value) : value.flow(), mask: wanted };
}

/**
 * TensorFlow.js gives a layer without a mask the last one that there was, and none that a model within the model has made.
 * @throws ConfigError for the first layer that this gives another mask than it has here
 */
export function checkLeaks({ model, dialect, maskMakers, heeding }: Translation): void {
  if (!dialect.tfjs) return;
  for (const { layer, masked, makers } of heeding) {
    const [leaked] = model.sequential ? maskMakers.slice(0, makers) : maskMakers;
    if (!masked && leaked !== undefined) {
      refuse(layer, `it has no mask, and TensorFlow.js gives it that of ${excerpt(JSON.stringify(leaked.name))}`);
    }
    const inner = maskMakers.find(({ group }) => group !== undefined && group !== layer.group);
    if (masked && inner !== undefined) {
      refuse(
        layer,
        `it is outside of the model that makes its mask, ${excerpt(JSON.stringify(inner.group))}, and has none in TensorFlow.js`,
      );
    }
  }
}

/**
 * The mask that operations of the config make: which steps of an input are not a value, or those of several at once; undefined where all
 * steps count.
 */
function maskOf(translation: Translation, layer: KerasLayer, reference: Reference, depth = 0): string | undefined {
  const [name, call] = reference;
  const again = (one: Reference): string | undefined =>
    depth < mostOperations
      ? maskOf(translation, layer, one, depth + 1)
      : refuse(layer, "its mask is made by more operations than are read");
  const found = translation.model.layers.find((one) => one.operation && one.name === name);
  const given = found?.calls[call];
  const [from] = given?.inputs ?? [];
  if (found === undefined || given === undefined || from === undefined) {
    return refuse(layer, "its mask is an input of the model");
  }
  if (["Any", "All", "ExpandDims", "Squeeze"].includes(found.className)) return again(from);
  if (["LogicalOr", "LogicalAnd", "Concatenate"].includes(found.className)) {
    const isAnd = found.className === "LogicalAnd";
    // Zeros change nothing where one of several suffices, ones where all are needed.
    const [neutral, decisive] = isAnd ? (["Ones", "Zeros"] as const) : (["Zeros", "Ones"] as const);
    const others = given.inputs.filter((one) => !isFilled(translation, one, neutral));
    const filled = others.some((one) => isFilled(translation, one, decisive));
    if (filled && isAnd) return refuse(layer, "no step counts by its mask");
    const masks = filled ? [undefined] : [...new Set(others.map(again))];
    if (!isAnd && masks.includes(undefined)) return undefined;
    const there = masks.filter((one) => one !== undefined);
    if (there.length <= 1) return there[0];
    if (isAnd) return there.sort().join(" and ");
    return refuse(
      layer,
      "a step counts there where it does in one of several masks; ours count where it does in all. Give all inputs the same padding, or one mask",
    );
  }
  const [value] = given.constants;
  const input = translation.ours.get(from[0]);
  if (found.className !== "NotEqual" || given.inputs.length !== 1 || typeof value !== "number" || input === undefined) {
    return refuse(layer, `its mask is made by the operation ${excerpt(found.className)}`);
  }
  return maskName(input, value);
}

/** The most operations that a mask is made by. */
const mostOperations = 20;
/** Whether an operation gives an array of zeros, or of ones: masks are brought to the shape of values with these, or stand for none. */
const isFilled = ({ model }: Translation, [name]: Reference, value: "Zeros" | "Ones"): boolean =>
  model.layers.some((one) => one.operation && one.name === name && one.className === `${value}Like`);

/** Classes that get a mask where what they read has one, and those of one value that hand it on. */
const heeding = /^(LSTM|GRU|SimpleRNN|RNN|Bidirectional|TimeDistributed|GlobalAveragePooling1D)$/;
const passing = /^(Dense|Activation|Dropout|SpatialDropout1D|LayerNormalization|BatchNormalization|Identity)$/;
/**
 * Whether recurrent layers hand masks on in a model of a Keras 3 that nothing names: as its calls say, if they do. The config of a
 * functional model says the mask of a call where what it reads had one when the model was made, which is not so behind a model within it.
 */
export function handsMasksOnBy({ layers }: KerasModel): boolean | undefined {
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  const modelOf = ({ name }: KerasLayer): string => name.split("/").slice(0, -1).join("/");
  const isMasked = (layer: KerasLayer, [name, index]: Reference, depth = 0): boolean => {
    const before = byName.get(name);
    const call = before?.calls[index];
    if (before === undefined || call === undefined || before.operation || modelOf(before) !== modelOf(layer))
      return false;
    if (passing.test(before.className) && depth < mostOperations)
      return call.inputs.length === 1 && isMasked(layer, call.inputs[0] as Reference, depth + 1);
    const options = before.className === "Bidirectional" ? nested(before.config.layer)?.config : before.config;
    return (
      /^(LSTM|GRU|SimpleRNN|RNN|Bidirectional)$/.test(before.className) &&
      call.mask !== undefined &&
      options?.return_sequences === true
    );
  };
  for (const layer of layers) {
    if (layer.operation || !heeding.test(layer.className)) continue;
    const call = layer.calls.find(({ inputs }) => inputs.length === 1 && isMasked(layer, inputs[0] as Reference));
    if (call !== undefined && call.initial.length === 0) return call.mask !== undefined;
  }
  return undefined;
}

/** What becomes of a mask behind a recurrent layer. */
export type OutputMask = {
  /** The mask of its output. */
  readonly mask: string | undefined;
  /** The mask that it would have, where the layer ends it. */
  readonly ended: string | undefined;
};
/** What a recurrent layer hands on. */
export function outputMask({ dialect }: Translation, mask: string | undefined, returnSequences: boolean): OutputMask {
  const kept = returnSequences ? mask : undefined;
  return dialect.handsMasksOn ? { mask: kept, ended: undefined } : { mask: undefined, ended: kept };
}
/** Of a layer that looks at no mask and hands one on: what refuses a layer behind it that would look at that one. */
export function lostBy(layer: KerasLayer, mask: string): Pick<Value, "ended"> {
  const lost = (): never =>
    refuse(layer, "it starts from given states and so heeds no mask, and a layer behind it has that mask again");
  return { ended: { mask, undo: lost, lost } };
}

/** Of the output of a layer that ends a mask: what makes it hand it on after all. */
export function endedBy(entry: Entry, { ended }: OutputMask): Pick<Value, "ended"> {
  if (ended === undefined) return {};
  const undo = (): void => {
    const { spec } = entry;
    entry.spec =
      spec.kind === "bidirectional"
        ? { ...spec, forward: handingOn(spec.forward), backward: handingOn(spec.backward) }
        : handingOn(spec);
  };
  return { ended: { mask: ended, undo } };
}
function handingOn<T extends object>(spec: T): T {
  const { endsMask: _, ...rest } = spec as T & { readonly endsMask?: true };
  return rest as T;
}

/** The mask that one of several values has in Keras and not here. */
export const lostOf = (values: readonly Value[]): Ended | undefined =>
  values.find(({ ended }) => ended?.lost !== undefined)?.ended;

/** One mask that several layers have ended, for what is made of all of them; undefined where it is not one, or some have ended none. */
export function endedTogether(values: readonly Value[]): Ended | undefined {
  const all = values.flatMap(({ ended }) => (ended === undefined ? [] : [ended]));
  if (lostOf(values) !== undefined) return lostOf(values);
  const [first] = all;
  if (first === undefined || all.length < values.length || all.some(({ mask }) => mask !== first.mask))
    return undefined;
  return {
    mask: first.mask,
    undo: () => {
      for (const one of all) {
        if (!one.undone) one.undo();
        one.undone = true;
      }
    },
    get looked() {
      return all.some(({ looked }) => looked) || undefined;
    },
    set looked(value) {
      for (const one of all) one.looked = value;
    },
  };
}
