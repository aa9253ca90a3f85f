/**
 * Layers as data: what a model is made of, with Keras's names. Every layer with parameters of its own but the
 * embedding is a cell. Knows nothing about training.
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

/** A layer as plain data: what the functions of this file give, and what a model's file holds. */
export type LayerSpec = Named &
  (
    | {
        readonly kind: "input";
        readonly features: "tokens" | number;
        readonly sequence: boolean;
        readonly mask: boolean;
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

export type CellSpec = Named & {
  readonly kind: "cell";
  readonly cell: Cell;
  readonly units?: number;
  readonly label: string;
  /** The parameters that it has in common with others, by its own name for them: `{ W: "embedding.weight" }`. */
  readonly shared?: Readonly<Record<string, string>>;
} & RecurrentOptions;

/** How a cell with states goes over a sequence; a cell without has nothing to choose. */
export type RecurrentOptions = {
  /** Its output at every step, or at the last one alone. */
  readonly returnSequences: boolean;
  /** A predictor gives its states after the last step too. */
  readonly returnState: boolean;
  /** From the last step to the first. With `returnSequences` the outputs come in that order too. */
  readonly goBackwards: boolean;
  /** Each batch goes on from where the one before left the states, until they are reset. */
  readonly stateful: boolean;
  /** A masked step gives zeros, not the output of the step before; both directions of `bidirectional` do with sequences. */
  readonly zeroOutputForMask: boolean;
  /**
   * What the states start from: zeros; parameters that training learns; or what other layers give: the states of a
   * recurrent one after its last step (both directions of a bidirectional one side by side), each to the state of its
   * name; or the vectors of others, whose layers have the names of the states (a single one may have any).
   */
  readonly initialState: "zeros" | "learned" | { readonly from: string | readonly string[] };
  /** Rates, in training, of what the cell reads of its input and of its output state: one mask for all steps. */
  readonly dropout: number;
  readonly recurrentDropout: number;
  /**
   * Rate at which, in training, each number of a state stays as it was, for all states or by state; afterwards old and
   * new are mixed in that proportion. The equations read the new one. D. Krueger et al., "Zoneout", 2016 (arXiv 1606.01305).
   */
  readonly zoneout: number | Readonly<Record<string, number>>;
  /**
   * Rate of dropout, in training, on the matrices that meet states: one mask for all steps and examples. S. Merity et
   * al., "Regularizing and optimizing LSTM language models", 2017 (arXiv 1708.02182), after L. Wan et al., DropConnect.
   */
  readonly dropConnect: number;
};
/** Keras's defaults, where Keras has the thing. */
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
export type MergeMode = (typeof mergeModes)[number];

/** What a merging layer is called. */
export const mergeLabels = { concat: "concatenate", sum: "add", mul: "multiply", ave: "average" } as const;

/** A layer reads the one before it, or the one whose name it `reads`. */
type Named = { readonly name?: string; readonly reads?: string };
type Recurrent = Named & Partial<RecurrentOptions>;

/** Tensors in a model's file begin with it, and a dot. What every object has (`constructor`) would be found in every table. */
export const isLayerName = (name: unknown): boolean =>
  typeof name === "string" && /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !(name in {});

const names: Schema<Named> = {
  name: {
    expected: "a name of letters, digits and underscores, and no JavaScript word like constructor",
    accepts: isLayerName,
  },
  reads: alias(string, "input", "inputs"),
};
/** So many units, features, steps. */
export const size = wholeNumber(1);
const rate = inRange(0, 1);
const isCellLayer = (value: unknown): boolean => {
  const { kind, cell } = (value ?? {}) as Partial<CellSpec>;
  return kind === "cell" && aCell.accepts(cell);
};
const kinds: readonly unknown[] = ["input", "embedding", "merge", "repeat_vector", "masking", "dropout"];
/** A layer that one of these functions made. */
export const aLayer: Rule = {
  expected: "a layer, as lstm(4) makes it",
  accepts(value) {
    const { kind, forward, backward } = (value ?? {}) as { kind?: unknown; forward?: unknown; backward?: unknown };
    return kinds.includes(kind) || isCellLayer(kind === "bidirectional" && isCellLayer(forward) ? backward : value);
  },
};
const aCellLayer: Rule = { expected: "a recurrent layer, as lstm(4) makes it", accepts: isCellLayer };

type InputOptions = Named & { readonly sequence?: boolean; readonly mask?: boolean };
export const inputArguments: Arguments = {
  features: either(oneOf("tokens"), size),
  options: optionsOf<InputOptions>({ sequence: flag, mask: flag, ...names }),
};

/**
 * Where data come in: tokens (T,B), or vectors (T,B,features); with `sequence: false` one token or vector an example. A
 * model of one input needs none: it begins with what reads it. With `mask`, another input `NAME.mask` (T,B) says which
 * steps count, 1, and which are padding, 0. Keras's Input.
 * @throws InputError for features that are no whole number of at least 1, and for a mask without a sequence
 * @example [input("tokens", { name: "question" }), embedding(50, 16), lstm(32, { name: "encoder" }), ...]
 */
export function input(features: "tokens" | number, options: InputOptions = {}): LayerSpec {
  checkArguments("input", { features, options }, inputArguments);
  const { sequence = true, mask = false } = options;
  if (mask && !sequence) throw new InputError("input: a mask is for steps, and without a sequence there are none");
  return named({ kind: "input", features, sequence, mask }, options);
}

type EmbeddingOptions = Named & { readonly maskZero?: boolean };
export const embeddingArguments: Arguments = {
  inputDim: size,
  outputDim: size,
  options: optionsOf<EmbeddingOptions>({ maskZero: alias(flag, "paddingIdx"), ...names }),
};

/**
 * tokens (T,B) -> vectors (T,B,outputDim): the row of a table (inputDim, outputDim) for each token, at first uniform in
 * [-0.05, 0.05]. With `maskZero`, token 0 is padding: the layers behind skip its steps. Keras's Embedding.
 * @throws InputError for sizes that are no whole numbers of at least 1
 */
export function embedding(inputDim: number, outputDim: number, options: EmbeddingOptions = {}): LayerSpec {
  checkArguments("embedding", { inputDim, outputDim, options }, embeddingArguments);
  return named({ kind: "embedding", inputDim, outputDim, maskZero: options.maskZero ?? false }, options);
}

type MaskingOptions = Named & { readonly maskValue?: number };
export const maskingRules: Schema<MaskingOptions> = { maskValue: finiteNumber, ...names };

/**
 * The layers behind skip the steps whose features all are `maskValue`; what is skipped becomes zeros. Keras's Masking.
 * @throws InputError for a `maskValue` that is not finite
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
/** `lstm`, `gru`, `simpleRnn`. */
export const layerArguments: Arguments = { units: size, options: optionsOf<Recurrent>(layerRules) };
type AnyRecurrent = Recurrent & Partial<Pick<CellSpec, "units" | "label" | "shared">>;
const anyRules: Schema<AnyRecurrent> = {
  ...layerRules,
  units: alias(size, "hiddenSize"),
  label: string,
  shared: recordOf(string),
};
export const recurrentArguments: Arguments = { cell: aCell, options: optionsOf<AnyRecurrent>(anyRules) };

/**
 * Any cell over the time steps: x (T,B,D) -> its output after the last step (B,units), or with `returnSequences` after
 * each one (T,B,units). A masked step leaves the states as they are, and gives the output of the step before; layers behind
 * get the mask too, as in Keras up to 3.15 (3.16 hands none on). A cell without state works on each vector alone. `label`
 * names the layer where no `name` is given.
 * @throws InputError for an option that is none or that this cell cannot have, with the layer's name
 * @example recurrent(cell("h' = tanh(W @ x + U @ h + b)"), { units: 64, returnSequences: true })
 */
export function recurrent(of: Cell, options: AnyRecurrent = {}): CellSpec {
  const where = layerPlace(options, "recurrent");
  checkArguments(where, { cell: of, options }, recurrentArguments);
  const { units, name, reads, label = "recurrent", shared, ...given } = options;
  checkLayerCell(of, where);
  const all: RecurrentOptions = withDefaults(recurrentDefaults, given);
  const { initialState, zoneout, stateful } = all;
  const state = typeof zoneout === "object" && Object.keys(zoneout).find((one) => !of.states.includes(one));
  if (typeof state === "string") throw new InputError(`${where}: zoneout: its cell has no state ${state}`);
  if (initialState !== "zeros" && stateful) {
    throw new InputError(`${where}: stateful keeps its states; leave initialState out, or stateful`);
  }
  const unknown = Object.keys(shared ?? {}).find((key) => !of.parameters.some((parameter) => parameter.name === key));
  if (unknown !== undefined) throw new InputError(`${where}: shared: its cell has no parameter ${unknown}`);
  return named(
    { kind: "cell", cell: of, label, ...all, ...(units !== undefined && { units }), ...(shared && { shared }) },
    { ...(name !== undefined && { name }), ...(reads !== undefined && { reads }) },
  );
}
/** A layer's own name, where it has one, tells it from others of its kind. */
const layerPlace = (options: Named & { readonly label?: string }, kind: string): string =>
  [options?.name, options?.label].find((one) => typeof one === "string") ?? kind;

export const namesOf = (from: string | readonly string[]): readonly string[] =>
  typeof from === "string" ? [from] : from;

/**
 * A layer hands its cell one vector a step and no numbers, and its file holds the equations alone.
 * @throws InputError for a cell made with other `inputs`, or with `settings`
 */
export function checkLayerCell({ inputs, settings }: Cell, where: string): void {
  if (inputs.length === 1 && inputs[0] === "x" && settings.length === 0) return;
  const given = [
    inputs.length === 1 && inputs[0] === "x" ? "" : `inputs ${inputs.join(", ") || "none"}`,
    settings.length === 0 ? "" : `settings ${settings.join(", ")}`,
  ].filter((part) => part !== "");
  throw new InputError(
    `${where}: a layer's cell reads one input, x, and has no settings; this one was made with ${given.join(" and ")}. ` +
      "Make it from its equations alone.",
  );
}

type BidirectionalOptions = Named & { readonly mergeMode?: MergeMode | "none"; readonly backward?: CellSpec };
export const bidirectionalArguments: Arguments = {
  layer: aCellLayer,
  options: optionsOf<BidirectionalOptions>({
    mergeMode: oneOf(...mergeModes, "none"),
    backward: alias(aCellLayer, "backwardLayer"),
    ...names,
  }),
};

/**
 * One layer from the first step to the last and one like it from the last to the first, side by side at each step: M.
 * Schuster and K. Paliwal, "Bidirectional recurrent neural networks", 1997. `backward` is a copy of the layer unless
 * another is given; it goes the other way than the layer does. Where the layer goes backwards, so do the outputs, in
 * both halves (Keras's rule). With `mergeMode: "none"` the layers behind read `NAME.forward` and `NAME.backward`.
 * @throws InputError for layers that are not recurrent, or do not go together
 * @example bidirectional(lstm(64, { returnSequences: true }))
 */
export function bidirectional(layer: CellSpec, options: BidirectionalOptions = {}): LayerSpec {
  checkArguments("bidirectional", { layer, options }, bidirectionalArguments);
  const { mergeMode = "concat", backward = layer } = options;
  for (const one of [layer, backward]) {
    if (one.cell.states.length === 0) {
      throw new InputError("bidirectional: needs a recurrent layer, one whose cell has a state");
    }
  }
  if (backward !== layer && layer.goBackwards && backward.goBackwards) {
    throw new InputError("bidirectional: one layer goes forwards, and both say goBackwards");
  }
  if (layer.returnSequences !== backward.returnSequences) {
    throw new InputError("bidirectional: both layers must return sequences, or neither");
  }
  return named({ kind: "bidirectional", forward: layer, backward, mergeMode }, options);
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
 * The outputs of layers, by their names, side by side: (T,B,D1), (T,B,D2) ... -> (T,B,D1 + D2 ...).
 * @throws InputError for less than two; `sequential` throws where one gives a sequence and another does not
 * @example concatenate(["words", "features"])
 */
export const concatenate = merge("concat");
/**
 * Sum of the outputs of layers of equal width, by their names: (T,B,D), (T,B,D) ... -> (T,B,D). Throws as
 * `concatenate`.
 */
export const add = merge("sum");
/** Product of the outputs of layers of equal width, by their names, as `add`. */
export const multiply = merge("mul");
/** Mean of the outputs of layers of equal width, by their names, as `add`. */
export const average = merge("ave");

export const repeatVectorArguments: Arguments = { n: size, options: optionsOf<Named>(names) };

/**
 * One vector an example (B,D) at each of `n` steps (n,B,D): what a decoder reads. All of a model has `n` steps then.
 * Keras's RepeatVector.
 * @throws InputError for an `n` that is no whole number of at least 1
 */
export function repeatVector(n: number, options: Named = {}): LayerSpec {
  checkArguments("repeatVector", { n, options }, repeatVectorArguments);
  return named({ kind: "repeat_vector", n }, options);
}

export const timeDistributedArguments: Arguments = { layer: aLayer };

/**
 * A layer that reads one vector, at every step: what such a layer does here anyway, so it is given back as it is. For
 * those who look for Keras's name.
 * @throws InputError for a layer that reads a sequence
 */
export function timeDistributed(layer: LayerSpec): LayerSpec {
  checkArguments("timeDistributed", { layer }, timeDistributedArguments);
  const one = layer.kind === "dropout" || (layer.kind === "cell" && layer.cell.states.length === 0);
  if (!one) throw new InputError("timeDistributed: needs a layer that reads one vector at a time, such as dense");
  return layer;
}

/**
 * x (T,B,D) -> h after the last step (B,units), or with `returnSequences` after each (T,B,units), by the cell `lstm`.
 * Keras's LSTM; its gates start each with a matrix of its own, where Keras has one initialiser for all four side by
 * side.
 * @throws InputError as `recurrent`
 * @example lstm(128, { returnSequences: true, dropout: 0.2 })
 */
export const lstm = (units: number, options: Recurrent = {}): CellSpec => layerOf("lstm", lstmCell, units, options);
/** As `lstm`, by the cell `gruResetAfter`: Keras's GRU with `reset_after=True`, its default and cuDNN's. */
export const gru = (units: number, options: Recurrent = {}): CellSpec => layerOf("gru", gruResetAfter, units, options);
/** As `lstm`, by the cell `simpleRnn`: h' = tanh(W @ x + U @ h + b). Keras's SimpleRNN. */
export const simpleRnn = (units: number, options: Recurrent = {}): CellSpec =>
  layerOf("simple_rnn", simpleRnnCell, units, options);

function layerOf(label: string, of: Cell, units: number, options: Recurrent): CellSpec {
  checkArguments(layerPlace(options, label), { units, options }, layerArguments);
  return recurrent(of, { units, label, ...options });
}

const activations = ["linear", "sigmoid", "hard_sigmoid", "tanh", "relu", "softplus", "softmax", "exp"] as const;

type DenseOptions = Named & { readonly activation?: (typeof activations)[number]; readonly tied?: string };
export const denseArguments: Arguments = {
  units: size,
  options: optionsOf<DenseOptions>({ activation: oneOf(...activations), tied: string, ...names }),
};

/**
 * x (T,B,D) or (B,D) -> activation(W @ x + b) (T,B,units) or (B,units); linear unless said otherwise, as the losses
 * read logits. `hard_sigmoid` is Keras 3's, x / 6 + 0.5 between 0 and 1 (Keras 2 has 0.2 x + 0.5). `tied`: W is the table of the embedding of that name, which has `units` rows of D numbers (O. Press and
 * L. Wolf, 2016, arXiv 1608.05859). Keras's Dense.
 * @throws InputError for an activation that is not known, and for units that are no whole number of at least 1
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

type DropoutOptions = Named & { readonly locked?: boolean };
export const dropoutArguments: Arguments = { rate, options: optionsOf<DropoutOptions>({ locked: flag, ...names }) };

/**
 * In training, each number is 0 with probability `rate`, else divided by 1 - rate; a new mask at every step. N.
 * Srivastava et al., "Dropout", JMLR 15, 2014. `locked`: one mask for all steps (Keras's SpatialDropout1D); Y. Gal and
 * Z. Ghahramani, 2015 (arXiv 1512.05287).
 * @throws InputError unless 0 <= rate < 1
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
