/**
 * Layers as data: what a model is made of, with Keras's names. Every layer with parameters of its own but the
 * embedding is a cell. Knows nothing about training.
 */

import { gruResetAfter, lstm as lstmCell, simpleRnn as simpleRnnCell } from "../cells/index.ts";
import { type Cell, cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";

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
   * new are mixed in that proportion. D. Krueger et al., "Zoneout", 2016 (arXiv 1606.01305).
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

/** A layer reads the one before it, or the one whose name it `reads`. */
type Named = { readonly name?: string; readonly reads?: string };
type Recurrent = Named & Partial<RecurrentOptions>;

/**
 * Where data come in: tokens (T,B), or vectors (T,B,features); with `sequence: false` one token or vector an example. A
 * model of one input needs none: it begins with what reads it. With `mask`, another input `NAME.mask` (T,B) says which
 * steps count, 1, and which are padding, 0. Keras's Input.
 * @throws InputError for features that are no whole number of at least 1, and for a mask without a sequence
 * @example [input("tokens", { name: "question" }), embedding(50, 16), lstm(32, { name: "encoder" }), ...]
 */
export function input(
  features: "tokens" | number,
  { sequence = true, mask = false, ...names }: Named & { readonly sequence?: boolean; readonly mask?: boolean } = {},
): LayerSpec {
  if (features !== "tokens") positive("input", "features", features);
  if (mask && !sequence) throw new InputError("input: a mask is for steps, and without a sequence there are none");
  return named({ kind: "input", features, sequence, mask }, names);
}

/**
 * tokens (T,B) -> vectors (T,B,outputDim): the row of a table (inputDim, outputDim) for each token, at first uniform in
 * [-0.05, 0.05]. With `maskZero`, token 0 is padding: the layers behind skip its steps. Keras's Embedding.
 * @throws InputError for sizes that are no whole numbers of at least 1
 */
export function embedding(
  inputDim: number,
  outputDim: number,
  { maskZero = false, ...names }: Named & { readonly maskZero?: boolean } = {},
): LayerSpec {
  positive("embedding", "inputDim", inputDim);
  positive("embedding", "outputDim", outputDim);
  return named({ kind: "embedding", inputDim, outputDim, maskZero }, names);
}

/**
 * The layers behind skip the steps whose features all are `maskValue`; what is skipped becomes zeros. Keras's Masking.
 * @throws InputError for a `maskValue` that is not finite
 */
export function masking({ maskValue = 0, ...names }: Named & { readonly maskValue?: number } = {}): LayerSpec {
  if (!Number.isFinite(maskValue)) throw new InputError(`masking: maskValue must be a finite number, got ${maskValue}`);
  return named({ kind: "masking", maskValue }, names);
}

/**
 * Any cell over the time steps: x (T,B,D) -> its output after the last step (B,units), or with `returnSequences` after
 * each one (T,B,units). A masked step leaves the states as they are, and gives the output of the step before; layers behind
 * get the mask too, as in Keras up to 3.15 (3.16 hands none on). A cell without state works on each vector alone. `label`
 * names the layer where no `name` is given.
 * @throws InputError for an option that is none or that this cell cannot have, with the layer's name
 * @example recurrent(cell("h' = tanh(W @ x + U @ h + b)"), { units: 64, returnSequences: true })
 */
export function recurrent(
  of: Cell,
  {
    units,
    name,
    reads,
    label = "recurrent",
    shared,
    ...options
  }: Recurrent & Partial<Pick<CellSpec, "units" | "label" | "shared">> = {},
): CellSpec {
  const where = name ?? label;
  checkLayerCell(of, where);
  if (units !== undefined) positive(where, "units", units);
  const all = { ...recurrentDefaults, ...options };
  checkRecurrentOptions(of, all, where);
  const unknown = Object.keys(shared ?? {}).find((key) => !of.parameters.some((parameter) => parameter.name === key));
  if (unknown !== undefined) throw new InputError(`${where}: shared: its cell has no parameter ${unknown}`);
  return named(
    { kind: "cell", cell: of, label, ...all, ...(units !== undefined && { units }), ...(shared && { shared }) },
    { ...(name !== undefined && { name }), ...(reads !== undefined && { reads }) },
  );
}

/** @throws InputError for an option that is none, or that this cell cannot have */
function checkRecurrentOptions({ states }: Cell, options: RecurrentOptions, where: string): void {
  const { initialState, zoneout, stateful } = options;
  for (const [key, standard] of Object.entries(recurrentDefaults)) {
    const value: unknown = options[key as keyof RecurrentOptions];
    if (typeof standard === "boolean" && typeof value !== "boolean") {
      throw new InputError(`${where}: ${key} must be true or false, got ${JSON.stringify(value)}`);
    }
  }
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(recurrentDefaults, key)) throw new InputError(`${where}: there is no option ${key}`);
  }
  checkRate(`${where}: dropout`, options.dropout);
  checkRate(`${where}: recurrentDropout`, options.recurrentDropout);
  checkRate(`${where}: dropConnect`, options.dropConnect);
  if (typeof zoneout === "number") checkRate(`${where}: zoneout`, zoneout);
  else {
    if (typeof zoneout !== "object" || zoneout === null) {
      throw new InputError(`${where}: zoneout must be a rate, or rates by state, got ${JSON.stringify(zoneout)}`);
    }
    for (const [state, rate] of Object.entries(zoneout)) {
      if (!states.includes(state)) throw new InputError(`${where}: zoneout: its cell has no state ${state}`);
      checkRate(`${where}: zoneout of ${state}`, rate);
    }
  }
  if (initialState === "zeros") return;
  const from: unknown = initialState === "learned" ? [] : initialState?.from;
  if (typeof from !== "string" && !(Array.isArray(from) && from.every((one) => typeof one === "string"))) {
    throw new InputError(`${where}: initialState must be "zeros", "learned" or { from: the name of a layer }`);
  }
  if (stateful) throw new InputError(`${where}: stateful keeps its states; leave initialState out, or stateful`);
}
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

/**
 * One layer from the first step to the last and one like it from the last to the first, side by side at each step: M.
 * Schuster and K. Paliwal, "Bidirectional recurrent neural networks", 1997. `backward` is a copy of the layer unless
 * another is given; it goes the other way than the layer does. Where the layer goes backwards, so do the outputs, in
 * both halves (Keras's rule). With `mergeMode: "none"` the layers behind read `NAME.forward` and `NAME.backward`.
 * @throws InputError for layers that are not recurrent, or do not go together
 * @example bidirectional(lstm(64, { returnSequences: true }))
 */
export function bidirectional(
  layer: CellSpec,
  {
    mergeMode = "concat",
    backward = layer,
    ...names
  }: Named & { readonly mergeMode?: MergeMode | "none"; readonly backward?: CellSpec } = {},
): LayerSpec {
  if (mergeMode !== "none" && !mergeModes.includes(mergeMode)) {
    throw new InputError(
      `bidirectional: mergeMode "${mergeMode}" is not known. There are ${mergeModes.join(", ")} and none.`,
    );
  }
  for (const one of [layer, backward]) {
    if (one.kind !== "cell" || one.cell.states.length === 0) {
      throw new InputError("bidirectional: needs a recurrent layer, one whose cell has a state");
    }
  }
  if (backward !== layer && layer.goBackwards && backward.goBackwards) {
    throw new InputError("bidirectional: one layer goes forwards, and both say goBackwards");
  }
  if (layer.returnSequences !== backward.returnSequences) {
    throw new InputError("bidirectional: both layers must return sequences, or neither");
  }
  return named({ kind: "bidirectional", forward: layer, backward, mergeMode }, names);
}

const merge =
  (mergeMode: MergeMode) =>
  (of: readonly string[], names: Named = {}): LayerSpec => {
    if (of.length < 2) throw new InputError(`a merging layer needs the names of two layers or more, got ${of.length}`);
    return named({ kind: "merge", of, mergeMode }, names);
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

/**
 * One vector an example (B,D) at each of `n` steps (n,B,D): what a decoder reads. All of a model has `n` steps then.
 * Keras's RepeatVector.
 * @throws InputError for an `n` that is no whole number of at least 1
 */
export function repeatVector(n: number, names: Named = {}): LayerSpec {
  positive("repeatVector", "n", n);
  return named({ kind: "repeat_vector", n }, names);
}

/**
 * A layer that reads one vector, at every step: what such a layer does here anyway, so it is given back as it is. For
 * those who look for Keras's name.
 * @throws InputError for a layer that reads a sequence
 */
export function timeDistributed(layer: LayerSpec): LayerSpec {
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
export const lstm = (units: number, options: Recurrent = {}): CellSpec =>
  recurrent(lstmCell, { units, label: "lstm", ...options });
/** As `lstm`, by the cell `gruResetAfter`: Keras's GRU with `reset_after=True`, its default and cuDNN's. */
export const gru = (units: number, options: Recurrent = {}): CellSpec =>
  recurrent(gruResetAfter, { units, label: "gru", ...options });
/** As `lstm`, by the cell `simpleRnn`: h' = tanh(W @ x + U @ h + b). Keras's SimpleRNN. */
export const simpleRnn = (units: number, options: Recurrent = {}): CellSpec =>
  recurrent(simpleRnnCell, { units, label: "simple_rnn", ...options });

const activations = ["linear", "sigmoid", "hard_sigmoid", "tanh", "relu", "softplus", "softmax", "exp"] as const;

/**
 * x (T,B,D) or (B,D) -> activation(W @ x + b) (T,B,units) or (B,units); linear unless said otherwise, as the losses
 * read logits. `hard_sigmoid` is Keras 3's, x / 6 + 0.5 between 0 and 1 (Keras 2 has 0.2 x + 0.5). `tied`: W is the table of the embedding of that name, which has `units` rows of D numbers (O. Press and
 * L. Wolf, 2016, arXiv 1608.05859). Keras's Dense.
 * @throws InputError for an activation that is not known, and for units that are no whole number of at least 1
 */
export function dense(
  units: number,
  {
    activation = "linear",
    tied,
    ...names
  }: Named & { readonly activation?: (typeof activations)[number]; readonly tied?: string } = {},
): CellSpec {
  if (!activations.includes(activation)) {
    throw new InputError(`dense: activation "${activation}" is not known. There are ${activations.join(", ")}.`);
  }
  const product = "W @ x + b";
  const of = cell(`y = ${activation === "linear" ? product : `${activation}(${product})`}`);
  return recurrent(of, {
    ...{ units, label: "dense", ...names },
    ...(tied !== undefined && { shared: { W: `${tied}.weight` } }),
  });
}

/**
 * In training, each number is 0 with probability `rate`, else divided by 1 - rate; a new mask at every step. N.
 * Srivastava et al., "Dropout", JMLR 15, 2014. `locked`: one mask for all steps (Keras's SpatialDropout1D); Y. Gal and
 * Z. Ghahramani, 2015 (arXiv 1512.05287).
 * @throws InputError unless 0 <= rate < 1
 */
export function dropout(
  rate: number,
  { locked = false, ...names }: Named & { readonly locked?: boolean } = {},
): LayerSpec {
  checkRate("dropout: rate", rate);
  return named({ kind: "dropout", rate, locked }, names);
}

/** Tensors in a model's file begin with it, and a dot. What every object has (`constructor`) would be found in every table. */
export const isLayerName = (name: string): boolean => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !(name in {});

function named<T extends LayerSpec>(layer: T, { name, reads }: Named): T {
  if (name !== undefined && !isLayerName(name)) {
    throw new InputError(
      `layer name "${name}" is not a name. Use letters, digits and underscores, and no JavaScript word like "constructor".`,
    );
  }
  return { ...layer, ...(name !== undefined && { name }), ...(reads !== undefined && { reads }) };
}
function checkRate(where: string, rate: number): void {
  if (!(typeof rate === "number" && rate >= 0 && rate < 1))
    throw new InputError(`${where} must be at least 0 and below 1, got ${JSON.stringify(rate)}`);
}
function positive(where: string, what: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new InputError(`${where}: ${what} must be a whole number of at least 1, got ${value}`);
  }
}
