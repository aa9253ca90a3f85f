/**
 * A translation of a Keras model that is under way: our layers so far, the names that they have, and what the outputs of Keras's calls are
 * among them. Knows nothing about what a class of Keras's does.
 */
import { excerpt } from "../../graph/excerpt.ts";
import { isLayerName, type LayerSpec } from "../../nn/layers.ts";
import type { Layer, Model } from "../../nn/model.ts";
import { type Activation, activationOf } from "./activations.ts";
import { ConfigError, type KerasLayer, type KerasModel } from "./config.ts";
import type { WeightGroup } from "./weights.ts";

/** What of a version of Keras matters to its configs. */
export type Dialect = {
  /** 1, 2 or 3. */
  readonly major: number;
  /** Whether recurrent layers hand masks on: up to 3.15. */
  readonly handsMasksOn: boolean;
  /** Whether it is TensorFlow.js, whose layers are those of Keras 2 but for what they make of masks. */
  readonly tfjs: boolean;
};

/** A Keras model in our layers, without its values. */
export type Translated = {
  /** For each output of the model, in its order. */
  readonly outputs: readonly {
    readonly name: string;
    readonly layers: readonly Layer[];
    readonly input: Model["input"];
  }[];
  /** The parts of each layer that has arrays, by its name, in the order of the config. */
  readonly weights: ReadonlyMap<string, readonly WeightGroup[]>;
  /** Parameters that have the values of another, by their names. */
  readonly copies: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
};

/** An output of a call of a layer. */
export type Value = {
  /** The name that our layers read. Makes the layer, where only few models need it. */
  readonly flow: () => string;
  readonly sequence: boolean;
  readonly tokens?: true;
  /** Which steps count: a text for each mask; undefined where all do. */
  readonly mask: string | undefined;
  /** The mask that it would have, had a recurrent layer before it handed that on. */
  readonly ended?: Ended | undefined;
  /** Of what is zeros at masked steps, and in TensorFlow.js not: the layer that made it so. */
  readonly zeroed?: string | undefined;
  /** The input whose steps it has. */
  readonly time: string | undefined;
  /** How many steps late it begins: steps that it has here and not in Keras, and that nothing may look at. Undefined for none. */
  readonly late?: number | undefined;
  /** How many steps it has in Keras, where that is known. */
  readonly steps?: number | undefined;
  /** Of a final state: whose it is, which, and of how many. */
  readonly state?: {
    readonly of: string;
    readonly name: string;
    readonly half?: "forward" | "backward";
    readonly all: number;
  };
  /** Of steps side by side: the sequence that they are of. */
  readonly joined?: Value;
  /** Of a concatenation: what it joins. */
  readonly parts?: readonly Value[];
};
/** A mask that a recurrent layer has ended, unless a layer behind it is called with it. */
export type Ended = {
  readonly mask: string;
  /** Have the layer hand it on after all. */
  readonly undo: () => void;
  undone?: true;
  /** Whether a layer has read what is without the mask. */
  looked?: true | undefined;
  /** Where Keras hands the mask on, and ours cannot: refuses the model. */
  readonly lost?: () => never;
};
/** One of our layers; it may change until all are there. */
export type Entry = { spec: LayerSpec & { readonly name: string } };

/** What a translation has made, and what makes more of it. */
export type Translation = {
  readonly model: KerasModel;
  readonly dialect: Dialect;
  readonly entries: readonly Entry[];
  readonly weights: Map<string, readonly WeightGroup[]>;
  readonly copies: Map<string, string>;
  readonly notes: readonly string[];
  /** Our names of Keras's layers. */
  readonly ours: ReadonlyMap<string, string>;
  /** The number of steps of inputs that have one. */
  readonly lengths: Map<string, number>;
  /** Inputs of steps, each by one whose steps are as many, at last by itself. */
  readonly times: Map<string, string>;
  /** The operations whose values are read, not only as masks. */
  readonly computed: ReadonlySet<string>;
  /** The layers that end the masks of others, by the names of these. */
  readonly unmaskedOf: Map<string, string>;
  /** The layers so far that make masks. */
  readonly maskMakers: KerasLayer[];
  /** The layers so far that heed masks, and how many made some before each. */
  readonly heeding: { readonly layer: KerasLayer; readonly masked: boolean; readonly makers: number }[];
  readonly note: (text: string) => void;
  /** Whether a layer has this name, or will have it. */
  readonly isTaken: (name: string) => boolean;
  /** A name like this that no other layer has. */
  readonly free: (wanted: string) => string;
  /** Add a layer. */
  readonly emit: (spec: LayerSpec, name: string) => Entry;
};

/** A translation that has made nothing but names. */
export function translationOf(model: KerasModel, dialect: Dialect): Translation {
  const entries: Entry[] = [];
  const notes: string[] = [];
  const note = (text: string): void => {
    if (!notes.includes(text)) notes.push(text);
  };
  const taken = new Set<string>();
  const free = (wanted: string): string => {
    const cleaned = wanted.replace(/[^\p{L}\p{N}_]/gu, "_").replace(/^(?![\p{L}_])/u, "_");
    const usable = isLayerName(cleaned) ? cleaned : `${cleaned}_`;
    let name = usable;
    for (let k = 2; taken.has(name); k++) name = `${usable}_${k}`;
    taken.add(name);
    return name;
  };
  const ours = new Map<string, string>();
  const layers = model.layers.filter(({ operation }) => !operation);
  // Names that can stay do, whatever others become.
  for (const { name } of layers) if (isLayerName(name)) taken.add(name);
  for (const { name } of layers) ours.set(name, isLayerName(name) ? name : free(name));
  const within = [...ours].find(([theirs, name]) => theirs.includes("/") && theirs.replaceAll("/", "_") === name);
  if (within !== undefined) {
    note(
      `Layers of models within the model have that model's name before theirs: ${JSON.stringify(within[0])} is ${within[1]}.`,
    );
  }
  const changed = [...ours].filter(([theirs, name]) => theirs.replaceAll("/", "_") !== name);
  if (changed.length > 0) {
    const all = changed.map(([theirs, name]) => `${JSON.stringify(theirs)} is ${name}`);
    note(`Names of layers have letters, digits and underscores here: ${all.join(", ")}.`);
  }
  const emit = (spec: LayerSpec, name: string): Entry => {
    const entry = { spec: { ...spec, name } };
    entries.push(entry);
    return entry;
  };
  return {
    ...{
      model,
      dialect,
      entries,
      weights: new Map(),
      copies: new Map(),
      notes,
      ours,
      lengths: new Map(),
      times: new Map(),
    },
    ...{
      computed: computedIn(model),
      unmaskedOf: new Map(),
      maskMakers: [],
      heeding: [],
      note,
      isTaken: (name) => taken.has(name),
      free,
      emit,
    },
  };
}

/** The operations that layers, outputs or other such operations read, but as masks. */
function computedIn({ layers, outputs }: KerasModel): ReadonlySet<string> {
  const operations = new Map(layers.flatMap((layer) => (layer.operation ? [[layer.name, layer] as const] : [])));
  const found = new Set<string>();
  const waiting = [
    ...outputs,
    ...layers.flatMap(({ operation, calls }) =>
      operation ? [] : calls.flatMap(({ inputs, initial }) => [...inputs, ...initial]),
    ),
  ];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    const operation = operations.get(one[0]);
    if (operation === undefined || found.has(one[0])) continue;
    found.add(one[0]);
    waiting.push(...operation.calls.flatMap(({ inputs }) => inputs));
  }
  return found;
}

/** The name of a layer's call: the first is the layer that has its parameters. */
export const nameOfCall = ({ ours, free }: Translation, layer: KerasLayer, call: number): string =>
  call === 0 ? (ours.get(layer.name) as string) : free(`${ours.get(layer.name)}_call_${call + 1}`);

/** The parameters of the layer `of` for the cell of another. */
export const sharedWith = (
  { cell }: { readonly cell: { readonly parameters: readonly { readonly name: string }[] } },
  of: string,
): Record<string, string> => Object.fromEntries(cell.parameters.map(({ name }) => [name, `${of}.${name}`]));

/** The input that stands for all whose steps are as many as those of this one. */
export function timeOf(translation: Translation, input: string): string {
  const next = translation.times.get(input);
  return next === undefined || next === input ? input : timeOf(translation, next);
}
/** The steps of values that are merged, which are as many; undefined where none has steps. */
export function joinTimes(translation: Translation, all: readonly Value[]): string | undefined {
  const given = all.flatMap(({ time }) => (time === undefined ? [] : [timeOf(translation, time)]));
  for (const one of given.slice(1)) translation.times.set(timeOf(translation, one), given[0] as string);
  return given[0];
}

/** What of a sequence its steps are, for what has the same. */
export const stepsOf = ({ time, late, steps }: Value): Pick<Value, "time" | "late" | "steps"> => ({
  time,
  late,
  steps,
});
/** What is one vector for all steps. */
export const oneVector = {
  ...{ sequence: false, mask: undefined, ended: undefined, time: undefined, late: undefined, steps: undefined },
} as const;
/** What begins with its first step. @throws ConfigError for what begins late */
export function prompt(layer: KerasLayer, value: Value): Value {
  if (value.late === undefined) return value;
  return refuse(
    layer,
    `what it reads has ${value.late} steps fewer than the input, by a convolution without padding or a part that is cut off. Put it behind a recurrent layer or pooling, or pad with "same" or "causal"`,
  );
}

/** An activation of a layer's config. */
export function functionOf({ dialect }: Translation, layer: KerasLayer, given: unknown): Activation {
  const found = activationOf(given, dialect.major);
  if (typeof found !== "string") return found;
  return refuse(layer, `our equations cannot say the activation ${excerpt(found)}`);
}
/** A rate of a layer's config. */
export const rateOf = (value: unknown): number => (typeof value === "number" ? value : 0);
/** A number of units of a layer's config. */
export const unitsOf = (layer: KerasLayer, units: unknown): number =>
  typeof units === "number" && units >= 1 ? units : refuse(layer, "it has no number of units");

/** A name in a message. */
export const quote = (name: string): string => excerpt(JSON.stringify(name), 60);
/** @throws ConfigError with the layer's name and class */
export function refuse(layer: KerasLayer, reason: string): never {
  throw new ConfigError(`the layer ${quote(layer.name)} (${excerpt(layer.className)}) cannot be said: ${reason}`);
}
