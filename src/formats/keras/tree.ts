/**
 * A model as layers of Keras, as plain data, between our layers (`from-model.ts`) and files; and which of its layers an output needs. Knows
 * nothing about either.
 */
import type { Padding } from "../../nn/recurrent.ts";
import type { Functions, OtherGate } from "./recognize.ts";

/** What a program's layers can say. */
export type Program = {
  /** For messages: "Keras". */
  readonly name: string;
  readonly call: string;
  readonly functions: Functions;
  readonly otherGate: OtherGate;
  /** Whether recurrent layers hand masks on. */
  readonly handsMasksOn: boolean;
  /** Whether a layer's mask is said where it is called, so that it may have another than its input carries. */
  readonly saysMasks: boolean;
  /** Whether a layer that has no mask gets that of another one. */
  readonly leaksMasks: boolean;
  /** Classes of functions with an option of their own. */
  readonly functionLayers: readonly string[];
  /** Whether a GRU may reset after the product. */
  readonly resetAfter: boolean;
  /** Whether masked steps may be zeros; whether layers in both directions, and averages, heed masks. */
  readonly heedsMasks: boolean;
  /** Whether the directions of a bidirectional layer may differ in more than their weights. */
  readonly differentDirections: boolean;
  /** Whether convolutions may be causal. */
  readonly causal: boolean;
};

export type Shape = readonly (number | null)[];
/** One output of a layer. */
export type Source = { readonly layer: string; readonly output: number };
/** One array of a layer, by what Keras calls it. */
export type WrittenArray = { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array };
/** Arrays that lie together: below the layer's folder in HDF5, "" where they are its own. */
export type WrittenGroup = { readonly path: string; readonly arrays: readonly WrittenArray[] };
/** A layer with what it is called with. */
export type WrittenLayer = {
  readonly name: string;
  readonly className: string;
  /** The options that the model says; all others are as by default. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly Source[];
  /** Of a recurrent layer: what its states start from. */
  readonly initial: readonly Source[];
  /** Of a layer that heeds masks: the one that it gets, null where it gets none. */
  readonly mask?: MaskedBy | null;
  readonly weights: readonly WrittenGroup[];
  /** Of each output. */
  readonly shapes: readonly Shape[];
  /** Of the layers within a bidirectional one. */
  readonly inner?: readonly WrittenLayer[];
};
/** Which steps count: those of an input, `of`, that are not this value; of `vectors` those where any feature is not. */
export type MaskedBy = Padding & { readonly of: Source; readonly vectors: boolean };
export type Tree = {
  /** Each after those that it reads. */
  readonly layers: readonly WrittenLayer[];
  readonly inputs: readonly Source[];
  readonly output: Source;
  /** Whether each layer reads the one before it, and masks are those that go with the values. */
  readonly chain: boolean;
  readonly notes: readonly string[];
};

/** For layers that are added: names as Keras makes them, that none of these has. */
export function namesBeside(layers: readonly { readonly name: string }[]): (wanted: string) => string {
  const taken = new Set(layers.map(({ name }) => name));
  return (wanted) => {
    let name = wanted;
    for (let k = 1; taken.has(name); k++) name = `${wanted}_${k}`;
    taken.add(name);
    return name;
  };
}

/** The tree of what its output needs; layers give their states where something reads them, or the model's user did. */
export function finishedTree(made: {
  readonly written: readonly { readonly layer: WrittenLayer; readonly returnState?: true }[];
  readonly inputs: readonly Source[];
  readonly output: Source;
  /** Whether it may not be a chain: its input has a name of its own, or masks are to be said. */
  readonly graph: boolean;
  readonly notes: readonly string[];
}): Tree {
  const { written, inputs, output, graph, notes } = made;
  const needed = new Set([output.layer, ...inputs.map(({ layer }) => layer)]);
  for (const { layer } of [...written].reverse()) {
    if (!needed.has(layer.name)) continue;
    for (const one of [...layer.inputs, ...layer.initial]) needed.add(one.layer);
  }
  const kept = written.filter(({ layer }) => needed.has(layer.name));
  const left = written.filter(({ layer }) => !needed.has(layer.name)).map(({ layer }) => layer.name);
  const all = left.length === 0 ? notes : [...notes, `Left out, as no output needs them: ${left.join(", ")}.`];
  const chain =
    !graph &&
    inputs.length === 1 &&
    output.output === 0 &&
    kept.length > 1 &&
    kept.every(({ layer, returnState }, k) => {
      const [one, ...more] = layer.inputs;
      const follows = k === 0 || (one?.layer === kept[k - 1]?.layer.name && one?.output === 0 && more.length === 0);
      return follows && layer.initial.length === 0 && returnState === undefined;
    });
  const stated = kept.map(({ layer, returnState }) => stating(layer, returnState, chain));
  return { layers: stated, inputs, output, chain, notes: all };
}
const stating = (layer: WrittenLayer, read: true | undefined, chain: boolean): WrittenLayer => {
  const states = read === true || (!chain && (layer.inner?.[0] ?? layer).config.return_state === true);
  const said = (one: WrittenLayer): WrittenLayer => ({ ...one, config: { ...one.config, return_state: states } });
  if (layer.inner !== undefined) return { ...layer, inner: layer.inner.map(said) };
  return layer.config.return_state === undefined ? layer : said(layer);
};
