/**
 * Layers as plain data, with Keras's names. Every layer with parameters of its own, except the embedding, is a cell.
 */

import { gruResetAfter, lstm as lstmCell, simpleRnn as simpleRnnCell } from "../cells/index.ts";
import { aCell, type Cell, cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkOptions,
  either,
  finiteNumber,
  flag,
  inRange,
  listOf,
  oneOf,
  options as optionsOf,
  type Rule,
  recordOf,
  required,
  type Schema,
  string,
  wholeNumber,
  withDefaults,
} from "../graph/schema.ts";
import {
  attendingCell,
  attentionOver,
  convolution,
  inputsBetween,
  type Look,
  looks,
  maxPooling,
  meanPooling,
  normalization,
  type Score,
} from "./sequence-cells.ts";

/** A layer as plain data: what `lstm(...)`, `dense(...)` and so on return, and what a model file holds. */
export type LayerSpec = Named &
  (
    | {
        readonly kind: "input";
        readonly features: "tokens" | number;
        readonly sequence: boolean;
        readonly mask: boolean;
        readonly time?: string;
      }
    | {
        readonly kind: "embedding";
        readonly inputDim: number;
        readonly outputDim: number;
        readonly maskZero: boolean;
      }
    | CellSpec
    | {
        readonly kind: "bidirectional";
        readonly forward: CellSpec;
        readonly backward: CellSpec;
        readonly mergeMode: MergeMode | "none";
      }
    | { readonly kind: "merge"; readonly of: readonly string[]; readonly mergeMode: MergeMode }
    | { readonly kind: "repeat_vector"; readonly n: number }
    | { readonly kind: "masking"; readonly maskValue: number }
    | { readonly kind: "dropout"; readonly rate: number; readonly locked: boolean }
  );

/** A layer that runs a cell over the time steps, as plain data: what `lstm(...)`, `dense(...)` and `recurrent(...)` return. */
export type CellSpec = Named & {
  readonly kind: "cell";
  readonly cell: Cell;
  /** Size of the state, unless the equations fix every size. */
  readonly units?: number;
  /** The type of layer, which is its name if it has no `name`. */
  readonly label: string;
  /** Parameters of other layers that it uses, by the names of its own: `{ W: "embedding.weight" }`. */
  readonly shared?: Readonly<Record<string, string>>;
  /** The layers that its cell's further inputs read, by the names of the inputs: `{ c: "context" }`. */
  readonly inputs?: Readonly<Record<string, string>>;
  /**
   * Above 1: the cell runs at steps 0, `strides`, 2 * `strides`, ... of what it reads, and its output has only these. The steps up to
   * the next of these are its inputs x_1, x_2, ... if it has them, zeros behind the last step. By default 1.
   */
  readonly strides?: number;
  /** Its output has no mask: later layers and losses count all of its steps, also those whose input is masked. */
  readonly endsMask?: true;
} & RecurrentOptions;

/** Options of recurrent layers: how a cell with states runs over a sequence. */
export type RecurrentOptions = {
  /** Whether it returns its output at every step (T,B,units), or only at the last one (B,units). Default false. */
  readonly returnSequences: boolean;
  /** Whether `predict` also returns its states (B,units) after the last step. Default false. */
  readonly returnState: boolean;
  /** Whether it runs from the last step to the first; with `returnSequences` its outputs are in that order too. Default false. */
  readonly goBackwards: boolean;
  /** Whether the states of one batch are the initial states of the next, until they are reset. Default false. */
  readonly stateful: boolean;
  /**
   * Whether the output of a masked step is zeros, not the output of the step before. Default false; always on in
   * `bidirectional` with `returnSequences`.
   */
  readonly zeroOutputForMask: boolean;
  /**
   * The initial states. "zeros" (default); "learned": parameters that are trained; `{ from }`: the final states of a
   * recurrent layer, matched by name (of a bidirectional layer, both directions concatenated), or the output vectors of
   * layers that are named like the states (for a cell with one state, any name).
   */
  readonly initialState: "zeros" | "learned" | { readonly from: string | readonly string[] };
  /** Dropout rate of the input in training, in [0, 1); one mask for all steps. Default 0. */
  readonly dropout: number;
  /**
   * Dropout rate, in training, of the output state that the cell reads, in [0, 1); one mask for all steps. In a cell whose equations call
   * `dropout`: of what stands there, another mask at each step. Default 0.
   */
  readonly recurrentDropout: number;
  /**
   * Zoneout: probability, in training, that a number of a state keeps its old value; one rate for all states, or one by
   * state's name. Outside training old and new values are mixed in that proportion. The cell's equations read the new
   * value. Default 0. D. Krueger et al., "Zoneout", 2016 (arXiv 1606.01305).
   */
  readonly zoneout: number | Readonly<Record<string, number>>;
  /**
   * Dropout rate, in training, of the recurrent weights (the matrices that multiply states): one mask for all steps and
   * examples. Default 0. S. Merity et al., "Regularizing and optimizing LSTM language models", 2017 (arXiv 1708.02182),
   * after L. Wan et al., DropConnect.
   */
  readonly dropConnect: number;
};
/** The defaults of recurrent layers: Keras's, where Keras has the option. */
export const recurrentDefaults: RecurrentOptions = {
  returnSequences: false,
  returnState: false,
  goBackwards: false,
  stateful: false,
  zeroOutputForMask: false,
  initialState: "zeros",
  dropout: 0,
  recurrentDropout: 0,
  zoneout: 0,
  dropConnect: 0,
};
export const mergeModes = ["concat", "sum", "mul", "ave"] as const;
/** How outputs are combined: joined ("concat"), or their sum, product or average. */
export type MergeMode = (typeof mergeModes)[number];

/** The name of a merging layer, by its mode. */
export const mergeLabels = { concat: "concatenate", sum: "add", mul: "multiply", ave: "average" } as const;

type Named = {
  /** The layer's name. By default its type, with a number from the second of its type on. */
  readonly name?: string;
  /** The name of the layer that it reads. By default the layer before it. */
  readonly reads?: string;
};
type Recurrent = Named & Partial<RecurrentOptions>;

/** Names of tensors begin with the layer's name and a dot. Properties of every object (`constructor`) are not allowed: a look-up in any table would find them. */
export const isLayerName = (name: unknown): boolean =>
  typeof name === "string" && /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !(name in {});

export const layerName: Rule = {
  expected: "a name of letters, digits and underscores, and not a JavaScript word like constructor",
  accepts: isLayerName,
};
const names: Schema<Named> = {
  name: layerName,
  reads: alias(string, "input", "inputs"),
};
/** A number of units, features or steps. */
export const size = wholeNumber(1);
const rate = inRange(0, 1);
const isCellLayer = (value: unknown): boolean => {
  const { kind, cell } = (value ?? {}) as Partial<CellSpec>;
  return kind === "cell" && aCell.accepts(cell);
};
const kinds: readonly unknown[] = ["input", "embedding", "merge", "repeat_vector", "masking", "dropout"];
/** A layer made by one of these functions. */
export const aLayer: Rule = {
  expected: "a layer, as lstm(4) makes it",
  accepts(value) {
    const { kind, forward, backward } = (value ?? {}) as { kind?: unknown; forward?: unknown; backward?: unknown };
    return kinds.includes(kind) || isCellLayer(kind === "bidirectional" && isCellLayer(forward) ? backward : value);
  },
};
const aCellLayer: Rule = { expected: "a recurrent layer, as lstm(4) makes it", accepts: isCellLayer };

type InputOptions = Named & {
  /** Whether there is one token or vector at every step, or one per example. Default true. */
  readonly sequence?: boolean;
  /** Whether to add an input `NAME.mask` (T,B): 1 for steps that count, 0 for padding. Default false. */
  readonly mask?: boolean;
  /** A name for the time of its steps: inputs of one name, or without one, have equally many; those of another may have more or fewer. */
  readonly time?: string;
};
export const inputArguments: Arguments = {
  features: either(oneOf("tokens"), size),
  options: optionsOf<InputOptions>({ sequence: flag, mask: flag, time: layerName, ...names }),
};

/**
 * An input of the model. A model with one input does not need it: it can begin with the layer that reads the input.
 * Keras's Input.
 * @param features "tokens" for token ids (T,B), or the number of features of vectors (T,B,features)
 * @param options `sequence` (default true): false for one token or vector per example, (B) or (B,features); `mask`
 *   (default false): adds an input `NAME.mask` (T,B), 1 for steps that count and 0 for padding; `time`: a name for the time of its
 *   steps, where the sequences of a model differ in length; layers of different times meet only in one vector per example; `name`
 * @throws InputError unless `features` is "tokens" or a whole number of at least 1, and for `mask` or `time` without a sequence
 * @example [input("tokens", { name: "question", time: "asked" }), embedding(50, 16), lstm(32, { name: "encoder" }), ...]
 */
export function input(features: "tokens" | number, options: InputOptions = {}): LayerSpec {
  checkArguments("input", { features, options }, inputArguments);
  const { sequence = true, mask = false, time } = options;
  const odd = mask ? "mask" : time === undefined ? undefined : "time";
  if (odd && !sequence) throw new InputError(`input: ${odd} needs a sequence. Leave out ${odd} or sequence: false.`);
  return named({ kind: "input", features, sequence, mask, ...(time !== undefined && { time }) }, options);
}

type EmbeddingOptions = Named & {
  /** Whether token 0 is padding, whose steps later layers skip. Default false. */
  readonly maskZero?: boolean;
};
export const embeddingArguments: Arguments = {
  inputDim: size,
  outputDim: size,
  options: optionsOf<EmbeddingOptions>({ maskZero: alias(flag, "paddingIdx"), ...names }),
};

/**
 * An embedding: tokens (T,B) -> vectors (T,B,outputDim). Each token selects a row of a trained table
 * (inputDim, outputDim), which starts uniform in [-0.05, 0.05]. Keras's Embedding, PyTorch's nn.Embedding.
 * @param inputDim the number of tokens: ids go from 0 to inputDim - 1
 * @param outputDim the number of features of each vector
 * @param options `maskZero` (default false): token 0 is padding, and later layers skip its steps; `name`, `reads`
 * @throws InputError for sizes that are not whole numbers of at least 1
 * @example embedding(65, 64)
 */
export function embedding(inputDim: number, outputDim: number, options: EmbeddingOptions = {}): LayerSpec {
  checkArguments("embedding", { inputDim, outputDim, options }, embeddingArguments);
  return named({ kind: "embedding", inputDim, outputDim, maskZero: options.maskZero ?? false }, options);
}

type MaskingOptions = Named & {
  /** The value that all features of a step have if it is padding. Default 0. */
  readonly maskValue?: number;
};
export const maskingRules: Schema<MaskingOptions> = { maskValue: finiteNumber, ...names };

/**
 * Mask padding: vectors (T,B,D) -> (T,B,D). Later layers skip the steps whose features all equal `maskValue`; the output of
 * such a step is zeros. Keras's Masking.
 * @param options `maskValue` (default 0); `name`, `reads`
 * @throws InputError for a `maskValue` that is not finite
 * @example sequential([masking(), lstm(32), dense(1)], { input: 3 })
 */
export function masking(options: MaskingOptions = {}): LayerSpec {
  checkOptions("masking", options, maskingRules);
  return named({ kind: "masking", maskValue: options.maskValue ?? 0 }, options);
}

const layerRules: Schema<Recurrent> = {
  ...names,
  returnSequences: flag,
  returnState: flag,
  goBackwards: flag,
  stateful: flag,
  zeroOutputForMask: flag,
  initialState: {
    expected: '"zeros", "learned" or { from: the name of a layer }',
    accepts: (value) => value === "zeros" || value === "learned" || typeof value === "object",
    look(where, value) {
      if (typeof value === "object") checkOptions(where, value, { from: required(either(string, listOf(string))) });
    },
  },
  dropout: rate,
  recurrentDropout: rate,
  zoneout: either(rate, recordOf(rate)),
  dropConnect: alias(rate, "weightDrop"),
};
/** The arguments of `lstm`, `gru` and `simpleRnn`. */
export const layerArguments: Arguments = { units: size, options: optionsOf<Recurrent>(layerRules) };
type AnyRecurrent = Recurrent &
  Partial<Pick<CellSpec, "units" | "label" | "shared" | "inputs" | "strides">> & {
    readonly endsMask?: boolean;
  };
/** The largest number of steps from one output to the next. */
export const maxStrides = 99;
const anyRules: Schema<AnyRecurrent> = {
  ...layerRules,
  units: alias(size, "hiddenSize"),
  label: string,
  shared: recordOf(string),
  inputs: recordOf(string),
  strides: alias(wholeNumber(1, maxStrides), "stride"),
  endsMask: flag,
};
export const recurrentArguments: Arguments = { cell: aCell, options: optionsOf<AnyRecurrent>(anyRules) };

/**
 * A layer that runs any cell over the time steps: x (T,B,D) -> the output after the last step (B,units) or, with
 * `returnSequences`, after every step (T,B,units). A masked step keeps the states and repeats the output of the step
 * before; later layers get the mask too, as in Keras up to 3.15, unless there is `endsMask`: 3.16 does not pass it on. A cell without
 * states is applied to each vector alone. Keras's RNN.
 * @param of the cell, from `cell(...)` or `cells`
 * @param options `units`: size of the state, needed unless the equations fix every size; `label`: the layer's name if no
 *   `name` is given; `shared`: parameters of other layers to use; `inputs`: of a cell with more inputs than x, the layer
 *   that each of the others reads, which may give one vector per example, (B,D), for all steps; `strides` (default 1): run at
 *   every so many-th step, (T,B,D) -> (ceil(T / strides),B,units), with the steps between as the inputs x_1, x_2, ... of a cell that
 *   has them; `endsMask` (default false): later layers see no mask; those of `RecurrentOptions`; `name`, `reads`
 * @throws InputError for an unknown option, or one that this cell cannot have, with the layer's name
 * @example recurrent(cell("h' = tanh(W @ x + U @ h + b)"), { units: 64, returnSequences: true })
 * @example recurrent(cell("h' = tanh(W @ x + U @ h + V @ c)", { inputs: ["x", "c"] }), { units: 64, inputs: { c: "context" } })
 */
export function recurrent(of: Cell, options: AnyRecurrent = {}): CellSpec {
  const where = layerPlace(options, "recurrent");
  checkArguments(where, { cell: of, options }, recurrentArguments);
  const { units, name, reads, label = "recurrent", shared, inputs, strides = 1, endsMask = false, ...given } = options;
  checkLayerCell(of, inputs, where, inputsBetween(strides));
  const all: RecurrentOptions = withDefaults(recurrentDefaults, given);
  const odd = strides > 1 && (["goBackwards", "stateful"] as const).find((key) => all[key]);
  if (odd) throw new InputError(`${where}: strides and ${odd} exclude each other. Leave one out.`);
  const { initialState, zoneout, stateful } = all;
  const state = typeof zoneout === "object" && Object.keys(zoneout).find((one) => !of.states.includes(one));
  if (typeof state === "string") throw new InputError(`${where}: zoneout: its cell has no state ${state}`);
  if (initialState !== "zeros" && stateful) {
    throw new InputError(`${where}: stateful and initialState exclude each other. Leave one out.`);
  }
  const unknown = Object.keys(shared ?? {}).find((key) => !of.parameters.some((parameter) => parameter.name === key));
  if (unknown !== undefined) throw new InputError(`${where}: shared: its cell has no parameter ${unknown}`);
  return named(
    {
      ...{ kind: "cell", cell: of, label, ...all },
      ...(units !== undefined && { units }),
      ...(shared && { shared }),
      ...(inputs && { inputs }),
      ...(strides > 1 && { strides }),
      ...(endsMask && { endsMask }),
    },
    { ...(name !== undefined && { name }), ...(reads !== undefined && { reads }) },
  );
}
/** How errors call a layer: by its own name, if it has one. */
const layerPlace = (options: Named & { readonly label?: string }, kind: string): string =>
  [options?.name, options?.label].find((one) => typeof one === "string") ?? kind;

export const namesOf = (from: string | readonly string[]): readonly string[] =>
  typeof from === "string" ? [from] : from;

/**
 * A layer reads one vector per step, and its cell's other inputs are named; a model file holds no settings of a cell.
 * @throws InputError unless the first input is x and `inputs` names a layer for each of the others; for `settings`
 */
export function checkLayerCell(of: Cell, given: CellSpec["inputs"], where: string, between: readonly string[]): void {
  const [first, ...all] = of.inputs;
  const others = all.filter((name) => !between.includes(name));
  const named = Object.keys(given ?? {});
  if (first !== "x" || of.settings.length > 0) {
    const found = [
      first === "x" ? "" : `inputs ${of.inputs.join(", ") || "none"}`,
      of.settings.length === 0 ? "" : `settings ${of.settings.join(", ")}`,
    ].filter((part) => part !== "");
    throw new InputError(
      `${where}: the cell of a layer has x as its first input, and no settings; this one has ${found.join(" and ")}. ` +
        "Make it from its equations alone.",
    );
  }
  const unknown = named.find((name) => !others.includes(name));
  if (unknown !== undefined) {
    throw new InputError(
      `${where}: inputs: its cell has no further input ${unknown}; it has ${others.join(", ") || "x alone"}`,
    );
  }
  const missing = others.find((name) => !named.includes(name));
  if (missing === undefined) return;
  throw new InputError(`${where}: its cell's input ${missing} reads no layer. Give inputs: { ${missing}: "NAME" }.`);
}

type BidirectionalOptions = Named & {
  /** How the outputs of both directions are combined. Default "concat"; "none": later layers read `NAME.forward` and `NAME.backward`. */
  readonly mergeMode?: MergeMode | "none";
  /** The layer of the other direction. By default a copy of the forward layer with weights of its own. */
  readonly backward?: CellSpec;
};
export const bidirectionalArguments: Arguments = {
  layer: aCellLayer,
  options: optionsOf<BidirectionalOptions>({
    mergeMode: oneOf(...mergeModes, "none"),
    backward: alias(aCellLayer, "backwardLayer"),
    ...names,
  }),
};

/**
 * A recurrent layer that runs in both directions: x (T,B,D) -> (T,B,2 units) with `returnSequences`, else (B,2 units).
 * Keras's Bidirectional. M. Schuster and K. Paliwal, "Bidirectional recurrent neural networks", 1997.
 * @param layer the forward layer, such as `lstm(64)`. If it has `goBackwards`, the outputs of both directions are in
 *   reverse order (Keras's rule)
 * @param options `mergeMode`: "concat" (default), "sum", "mul", "ave", or "none": later layers then read `NAME.forward`
 *   and `NAME.backward`; `backward`: the layer of the other direction, by default a copy with weights of its own; `name`; `reads`, by
 *   default that of the layer
 * @throws InputError for layers that are not recurrent, or that cannot be combined
 * @example bidirectional(lstm(64, { returnSequences: true }))
 */
export function bidirectional(layer: CellSpec, options: BidirectionalOptions = {}): LayerSpec {
  checkArguments("bidirectional", { layer, options }, bidirectionalArguments);
  // Of a layer that runs backwards the other one runs forwards.
  const { mergeMode = "concat", backward = layer?.goBackwards ? { ...layer, goBackwards: false } : layer } = options;
  for (const one of [layer, backward]) {
    if (one.cell.states.length === 0) {
      throw new InputError("bidirectional: needs a recurrent layer, one whose cell has a state");
    }
    if (one.strides !== undefined) {
      throw new InputError(`bidirectional: ${one.label} has strides, which count from the first step. Leave them out.`);
    }
  }
  if (backward !== layer && layer.goBackwards && backward.goBackwards) {
    throw new InputError("bidirectional: both layers have goBackwards. Leave it out of one.");
  }
  if (layer.returnSequences !== backward.returnSequences) {
    throw new InputError("bidirectional: both layers must return sequences, or neither");
  }
  const reads = options.reads ?? layer.reads;
  const [other] = [layer.reads, backward.reads].filter((one) => one !== undefined && one !== reads);
  if (other !== undefined) {
    throw new InputError(`bidirectional: reads ${reads}, and one of its layers ${other}. Give reads once.`);
  }
  return named(
    { kind: "bidirectional", forward: layer, backward, mergeMode },
    { ...options, ...(reads !== undefined && { reads }) },
  );
}

export const mergeArguments: Arguments = {
  layers: { ...listOf(string, 2), expected: "the names of two layers or more" },
  options: optionsOf<Named>(names),
};
const merge =
  (mergeMode: MergeMode) =>
  (of: readonly string[], options: Named = {}): LayerSpec => {
    checkArguments(mergeLabels[mergeMode], { layers: of, options }, mergeArguments);
    return named({ kind: "merge", of, mergeMode }, options);
  };
/**
 * Concatenate the outputs of layers: (T,B,D1), (T,B,D2), ... -> (T,B,D1 + D2 + ...), or the same without T. Keras's
 * Concatenate.
 * @param of the names of two layers or more
 * @param options `name`
 * @throws InputError for fewer than two names; `sequential` throws if one layer gives a sequence and another does not
 * @example concatenate(["words", "features"])
 */
export const concatenate = merge("concat");
/**
 * Add the outputs of layers: (T,B,D), (T,B,D), ... -> (T,B,D), or the same without T. Keras's Add.
 * @param of the names of two layers or more, of equal units
 * @param options `name`
 * @throws InputError for fewer than two names; `sequential` throws if the outputs have different shapes
 * @example add(["embedding", "lstm"])
 */
export const add = merge("sum");
/**
 * Multiply the outputs of layers elementwise: (T,B,D), (T,B,D), ... -> (T,B,D), or the same without T. Keras's Multiply.
 * @param of the names of two layers or more, of equal units
 * @param options `name`
 * @throws InputError for fewer than two names; `sequential` throws if the outputs have different shapes
 */
export const multiply = merge("mul");
/**
 * Average the outputs of layers elementwise: (T,B,D), (T,B,D), ... -> (T,B,D), or the same without T. Keras's Average.
 * @param of the names of two layers or more, of equal units
 * @param options `name`
 * @throws InputError for fewer than two names; `sequential` throws if the outputs have different shapes
 */
export const average = merge("ave");

export const repeatVectorArguments: Arguments = { n: size, options: optionsOf<Named>(names) };

/**
 * Repeat a vector (B,D) at each of `n` steps: (n,B,D), as the input of a decoder. All sequences of the model then have `n`
 * steps, but for inputs of another `time` than the first. Keras's RepeatVector.
 * @param n number of steps
 * @param options `name`, `reads`
 * @throws InputError unless `n` is a whole number of at least 1
 * @example sequential([lstm(64), repeatVector(10), lstm(64, { returnSequences: true }), dense(3)], { input: 3 })
 */
export function repeatVector(n: number, options: Named = {}): LayerSpec {
  checkArguments("repeatVector", { n, options }, repeatVectorArguments);
  return named({ kind: "repeat_vector", n }, options);
}

export const activations = ["linear", "sigmoid", "hard_sigmoid", "tanh", "relu", "softplus", "softmax", "exp"] as const;

export const poolingRules: Schema<Named> = names;
/**
 * The mean of each feature over time: x (T,B,D) -> (B,D). Masked steps do not count. Keras's GlobalAveragePooling1D.
 * @param options `name`, `reads`
 * @throws InputError for an unknown option
 * @example sequential([gru(32, { returnSequences: true }), globalAveragePooling1d(), dense(3)], { input: 12 })
 */
export function globalAveragePooling1d(options: Named = {}): CellSpec {
  checkOptions("globalAveragePooling1d", options, poolingRules);
  return recurrent(meanPooling, { label: "global_average_pooling1d", ...options });
}

/**
 * The largest value of each feature over time: x (T,B,D) -> (B,D). Masked steps do not count. Keras's GlobalMaxPooling1D.
 * @param options `name`, `reads`
 * @throws InputError for an unknown option
 */
export function globalMaxPooling1d(options: Named = {}): CellSpec {
  checkOptions("globalMaxPooling1d", options, poolingRules);
  return recurrent(maxPooling, { label: "global_max_pooling1d", ...options });
}

type NormalizationOptions = Named & {
  /** Added to the variance. Default 0.001, Keras's. */
  readonly epsilon?: number;
};
export const normalizationRules: Schema<NormalizationOptions> = { epsilon: inRange(0, Infinity, "()"), ...names };
/**
 * Normalise each vector over its features to mean 0 and variance 1, then multiply by a gain, which starts at 1, and add a bias:
 * (T,B,D) -> (T,B,D), or without T. Keras's LayerNormalization. J. L. Ba et al., 2016 (arXiv 1607.06450).
 * @param options `epsilon` (default 0.001); `name`, `reads`
 * @throws InputError unless `epsilon` is above 0 and finite
 */
export function layerNormalization(options: NormalizationOptions = {}): CellSpec {
  checkOptions("layerNormalization", options, normalizationRules);
  const { epsilon = 0.001, ...named } = options;
  return recurrent(normalization(epsilon), { label: "layer_normalization", ...named });
}

type AttentionOptions = Named & {
  /** The layer whose steps are scored. Default: the one of the values. */
  readonly key?: string;
};
type DotAttentionOptions = AttentionOptions & {
  /** Whether scores are multiplied by a trained number, which starts at 1. Default false. */
  readonly useScale?: boolean;
};
const attentionRules: Schema<AttentionOptions> = { key: string, ...names };
export const attentionArguments: Arguments = {
  value: string,
  options: optionsOf<DotAttentionOptions>({ useScale: flag, ...attentionRules }),
};
export const additiveAttentionArguments: Arguments = { value: string, options: optionsOf(attentionRules) };

/**
 * Attention over all steps of another layer: queries x (T,B,D) or (B,D), and values (S,B,V) of a layer that may have another `time`
 * -> (T,B,V) or (B,V), at each step the sum of all values, each in its share: the softmax of the products of the query with the keys.
 * Masked steps have no share. Keras's Attention. M.-T. Luong et al., 2015 (arXiv 1508.04025).
 * @param value the name of the layer that gives the values, at every step
 * @param options `key`: the layer that gives the keys (S,B,D) at the same steps, by default that of the values; `useScale` (default
 *   false); `name`, `reads`: the layer that gives the queries
 * @throws InputError for an unknown option; `sequential` throws where sizes or steps do not fit
 * @example attention("encoder", { reads: "decoder" })
 */
export function attention(value: string, options: DotAttentionOptions = {}): CellSpec {
  checkArguments("attention", { value, options }, attentionArguments);
  return attentionLayer("dot", "attention", value, options);
}

/**
 * Attention as `attention`, with scores that are the sum of scale * tanh(query + key), where `scale` (D) is trained. Keras's
 * AdditiveAttention. D. Bahdanau et al., 2014 (arXiv 1409.0473).
 * @param value the name of the layer that gives the values, at every step
 * @param options `key`: the layer that gives the keys (S,B,D) at the same steps, by default that of the values; `name`, `reads`: the
 *   layer that gives the queries
 * @throws InputError for an unknown option; `sequential` throws where sizes or steps do not fit
 */
export function additiveAttention(value: string, options: AttentionOptions = {}): CellSpec {
  checkArguments("additiveAttention", { value, options }, additiveAttentionArguments);
  return attentionLayer("additive", "additive_attention", value, options);
}

function attentionLayer(score: Score, label: string, value: string, options: DotAttentionOptions): CellSpec {
  const { key = value, useScale = false, ...named } = options;
  return recurrent(attentionOver(score, useScale), { label, ...named, inputs: { K: key, V: value } });
}

export const attendingArguments: Arguments = {
  cell: aCell,
  options: optionsOf<{ readonly score?: Look }>({ score: oneOf(...looks) }),
};
/**
 * A cell that at each step also reads where it looks among all steps of another layer: its input is [x, context], where the context is
 * the sum of the values V (S,V), each in its share (the line `attention`). By content the shares are the softmax of the scores of the keys
 * K (S,D), and the query is a matrix times the output of the step before. D. Bahdanau et al., 2014 (arXiv 1409.0473). By location it goes
 * through the steps, which P (S,1) numbers from 1, at a pace that it learns, from the first on or from the last back; what it learns so
 * holds for longer sequences, too. After the window of A. Graves, 2013 (arXiv 1308.0850).
 * @param of any cell
 * @param options `score`: "additive" (default), scale @ tanh(key + query), "dot", key times query, or "location"
 * @returns a cell with the inputs K and V, or V and P, besides those that it has, and with the lines attention, context and read; where
 *   the cell has such a name, with an underscore behind it
 * @throws InputError for what is not a cell; EquationError where its equations say how large its input is
 * @example recurrent(attending(cells.gru), { units: 64, inputs: { K: "keys", V: "encoder" }, returnSequences: true })
 */
export function attending(of: Cell, options: { readonly score?: Look } = {}): Cell {
  checkArguments("attending", { cell: of, options }, attendingArguments);
  return attendingCell(of, options.score ?? "additive");
}

type ConvolutionOptions = Named & {
  /** Default "linear". */
  readonly activation?: (typeof activations)[number];
  /** Before the first step there are zeros, so that an output reads nothing later than its own step. Default, and the only one: "causal". */
  readonly padding?: "causal";
  /** Steps from one output to the next. Default 1. */
  readonly strides?: number;
};
export const conv1dArguments: Arguments = {
  filters: size,
  kernelSize: wholeNumber(1, 99),
  options: optionsOf<ConvolutionOptions>({
    activation: oneOf(...activations),
    padding: oneOf("causal"),
    strides: alias(wholeNumber(1, maxStrides), "stride"),
    ...names,
  }),
};
/**
 * A convolution over time: x (T,B,D) -> (ceil(T / strides),B,filters). Output j is a product with step j * strides and the
 * `kernelSize - 1` before it, zeros before the first; all products leave the loop over time, and only those of these outputs are
 * computed. Later layers run over the shorter sequence. Keras's Conv1D with `padding="causal"`, whose kernel (k, D, filters) is
 * `W_0` to `W_{k-1}`, each (filters, D), the newest step first. Masked steps are passed over; with strides, which count from the
 * first step of the array, they are zeros, so padding belongs behind a sequence: one of L steps then has ceil(L / strides) that count.
 * @param filters number of outputs
 * @param kernelSize number of steps, at most 99
 * @param options `activation` (default "linear"); `padding`: "causal"; `strides` (default 1): steps from one output to the next, at
 *   most 99; `name`, `reads`
 * @throws InputError for other paddings, and for sizes that are not whole numbers of at least 1
 * @example sequential([conv1d(32, 5, { activation: "relu", strides: 2 }), gru(64), dense(3)], { input: 12 })
 */
export function conv1d(filters: number, kernelSize: number, options: ConvolutionOptions = {}): CellSpec {
  checkArguments("conv1d", { filters, kernelSize, options }, conv1dArguments);
  const { activation = "linear", padding: _, strides = 1, ...named } = options;
  return recurrent(convolution(kernelSize, activation, strides), {
    ...{ units: filters, label: "conv1d", returnSequences: true, strides },
    ...named,
  });
}

export const timeDistributedArguments: Arguments = { layer: aLayer };

/**
 * Apply a layer to every step: (T,B,D) -> (T,B,units). Such layers do that anyway, so the layer is returned unchanged; the
 * function is here for those who look for Keras's TimeDistributed.
 * @param layer a layer that reads one vector at a time: `dense`, `dropout`, or a cell without states
 * @throws InputError for a layer that reads a sequence
 * @example timeDistributed(dense(10))
 */
export function timeDistributed(layer: LayerSpec): LayerSpec {
  checkArguments("timeDistributed", { layer }, timeDistributedArguments);
  const one = layer.kind === "dropout" || (layer.kind === "cell" && layer.cell.states.length === 0);
  if (!one) throw new InputError("timeDistributed: needs a layer that reads one vector at a time, such as dense");
  return layer;
}

/**
 * An LSTM layer: x (T,B,D) -> h after the last step (B,units) or, with `returnSequences`, after every step (T,B,units).
 * Keras's LSTM, PyTorch's nn.LSTM; the cell is `cells.lstm`. Each gate's matrix is initialised by itself, where Keras
 * initialises one matrix for all four gates.
 * @param units size of the hidden state and of the cell state
 * @param options those of `RecurrentOptions`, such as `returnSequences`, `dropout` and `stateful`; `name`, `reads`
 * @throws InputError unless `units` is a whole number of at least 1, and for an unknown option
 * @example lstm(128, { returnSequences: true, dropout: 0.2 })
 */
export const lstm = (units: number, options: Recurrent = {}): CellSpec => layerOf("lstm", lstmCell, units, options);
/**
 * A GRU layer: x (T,B,D) -> h after the last step (B,units) or, with `returnSequences`, after every step (T,B,units).
 * Keras's GRU with `reset_after=True`, which is Keras's and cuDNN's default, and PyTorch's nn.GRU; the cell is
 * `cells.gruResetAfter`.
 * @param units size of the hidden state
 * @param options those of `RecurrentOptions`, such as `returnSequences`, `dropout` and `stateful`; `name`, `reads`
 * @throws InputError unless `units` is a whole number of at least 1, and for an unknown option
 * @example gru(128, { returnSequences: true })
 */
export const gru = (units: number, options: Recurrent = {}): CellSpec => layerOf("gru", gruResetAfter, units, options);
/**
 * A simple recurrent layer, h' = tanh(W @ x + U @ h + b): x (T,B,D) -> h after the last step (B,units) or, with
 * `returnSequences`, after every step (T,B,units). Keras's SimpleRNN, PyTorch's nn.RNN; the cell is `cells.simpleRnn`.
 * @param units size of the hidden state
 * @param options those of `RecurrentOptions`, such as `returnSequences`, `dropout` and `stateful`; `name`, `reads`
 * @throws InputError unless `units` is a whole number of at least 1, and for an unknown option
 * @example simpleRnn(64)
 */
export const simpleRnn = (units: number, options: Recurrent = {}): CellSpec =>
  layerOf("simple_rnn", simpleRnnCell, units, options);

function layerOf(label: string, of: Cell, units: number, options: Recurrent): CellSpec {
  checkArguments(layerPlace(options, label), { units, options }, layerArguments);
  return recurrent(of, { units, label, ...options });
}

type DenseOptions = Named & {
  /** The function that is applied to W @ x + b. Default "linear": none. */
  readonly activation?: (typeof activations)[number];
  /** The name of an embedding whose table (units, D) is used as W. By default W is a parameter of its own. */
  readonly tied?: string;
};
export const denseArguments: Arguments = {
  units: size,
  options: optionsOf<DenseOptions>({ activation: oneOf(...activations), tied: string, ...names }),
};

/**
 * A dense layer, activation(W @ x + b): x (T,B,D) or (B,D) -> (T,B,units) or (B,units). Keras's Dense, PyTorch's nn.Linear.
 * @param units number of outputs
 * @param options `activation`: "linear" (default; the losses read logits), "sigmoid", "hard_sigmoid" (Keras 3's,
 *   x / 6 + 0.5 between 0 and 1; Keras 2 has 0.2 x + 0.5), "tanh", "relu", "softplus", "softmax" or "exp"; `tied`: the name
 *   of an embedding whose table (units, D) is used as W (O. Press and L. Wolf, 2016, arXiv 1608.05859); `name`, `reads`
 * @throws InputError for an unknown activation, and unless `units` is a whole number of at least 1
 * @example dense(10, { activation: "relu" })
 */
export function dense(units: number, options: DenseOptions = {}): CellSpec {
  checkArguments("dense", { units, options }, denseArguments);
  const { activation = "linear", tied, ...named } = options;
  const product = "W @ x + b";
  const of = cell(`y = ${activation === "linear" ? product : `${activation}(${product})`}`);
  return recurrent(of, {
    ...{ units, label: "dense", ...named },
    ...(tied !== undefined && { shared: { W: `${tied}.weight` } }),
  });
}

type DropoutOptions = Named & {
  /** Whether one mask holds for all steps of a sequence, not a new one at every step. Default false. */
  readonly locked?: boolean;
};
export const dropoutArguments: Arguments = { rate, options: optionsOf<DropoutOptions>({ locked: flag, ...names }) };

/**
 * Dropout: in training, each number becomes 0 with probability `rate`, else it is divided by 1 - rate; the shape stays.
 * Keras's Dropout. N. Srivastava et al., "Dropout", JMLR 15, 2014.
 * @param rate probability in [0, 1)
 * @param options `locked` (default false): one mask for all steps, not a new one at every step (Keras's
 *   SpatialDropout1D; Y. Gal and Z. Ghahramani, 2015, arXiv 1512.05287); `name`, `reads`
 * @throws InputError unless 0 <= rate < 1
 * @example dropout(0.2)
 */
export function dropout(rate: number, options: DropoutOptions = {}): LayerSpec {
  checkArguments("dropout", { rate, options }, dropoutArguments);
  return named({ kind: "dropout", rate, locked: options.locked ?? false }, options);
}

const named = <T extends LayerSpec>(layer: T, { name, reads }: Named): T => ({
  ...layer,
  ...(name !== undefined && { name }),
  ...(reads !== undefined && { reads }),
});
