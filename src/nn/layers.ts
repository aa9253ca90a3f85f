/**
 * Layers as data: what a model is made of, with Keras's names. Every layer with parameters of its own but the
 * embedding is a cell. Knows nothing about training.
 */

import { gruResetAfter, lstm as lstmCell, simpleRnn as simpleRnnCell } from "../cells/index.ts";
import { type Cell, cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";

export type LayerSpec =
  | {
      readonly kind: "embedding";
      readonly name?: string;
      readonly inputDim: number;
      readonly outputDim: number;
      readonly maskZero: boolean;
    }
  | CellSpec
  | {
      readonly kind: "bidirectional";
      readonly name?: string;
      readonly forward: CellSpec;
      readonly backward: CellSpec;
      readonly mergeMode: MergeMode;
    }
  | { readonly kind: "masking"; readonly name?: string; readonly maskValue: number }
  | { readonly kind: "dropout"; readonly name?: string; readonly rate: number };

export type CellSpec = {
  readonly kind: "cell";
  readonly name?: string;
  readonly cell: Cell;
  readonly units?: number;
  readonly label: string;
} & RecurrentOptions;

/** How a cell with states goes over a sequence; a cell without has nothing to choose. */
export type RecurrentOptions = {
  /** Its output at every step, or at the last one alone. */
  readonly returnSequences: boolean;
  /** From the last step to the first. With `returnSequences` the outputs come in that order too. */
  readonly goBackwards: boolean;
  /** A masked step gives zeros, not the output of the step before. */
  readonly zeroOutputForMask: boolean;
  /** Rates, in training, of what the cell reads of its input and of its output state: one mask for all steps. */
  readonly dropout: number;
  readonly recurrentDropout: number;
};
/** Keras's defaults. */
export const recurrentDefaults: RecurrentOptions = {
  returnSequences: false,
  goBackwards: false,
  zeroOutputForMask: false,
  dropout: 0,
  recurrentDropout: 0,
};
export const mergeModes = ["concat", "sum", "mul", "ave"] as const;
export type MergeMode = (typeof mergeModes)[number];

type Named = { readonly name?: string };
type Recurrent = Named & Partial<RecurrentOptions>;

/**
 * tokens (T,B) -> vectors (T,B,outputDim): the row of a table (inputDim, outputDim) for each token. With `maskZero`,
 * token 0 is padding: the layers behind skip its steps.
 */
export function embedding(
  inputDim: number,
  outputDim: number,
  { name, maskZero = false }: Named & { readonly maskZero?: boolean } = {},
): LayerSpec {
  positive("embedding", "inputDim", inputDim);
  positive("embedding", "outputDim", outputDim);
  return named({ kind: "embedding", inputDim, outputDim, maskZero }, name);
}

/** The layers behind skip the steps whose features all are `maskValue`; what is skipped becomes zeros. */
export function masking({ maskValue = 0, name }: Named & { readonly maskValue?: number } = {}): LayerSpec {
  if (!Number.isFinite(maskValue)) throw new InputError(`masking: maskValue must be a finite number, got ${maskValue}`);
  return named({ kind: "masking", maskValue }, name);
}

/**
 * Any cell over the time steps: x (T,B,D) -> its output after the last step (B,units), or with `returnSequences` after
 * each one (T,B,units). A masked step leaves the states as they are, and gives the output of the step before. A cell
 * without state works on each vector alone. `label` names the layer where no `name` is given.
 */
export function recurrent(
  of: Cell,
  {
    units,
    name,
    label = "recurrent",
    ...options
  }: Recurrent & { readonly units?: number; readonly label?: string } = {},
): CellSpec {
  checkLayerCell(of, name ?? label);
  if (units !== undefined) positive(name ?? label, "units", units);
  const all = { ...recurrentDefaults, ...options };
  checkRate(`${name ?? label}: dropout`, all.dropout);
  checkRate(`${name ?? label}: recurrentDropout`, all.recurrentDropout);
  return named({ kind: "cell", cell: of, label, ...all, ...(units === undefined ? {} : { units }) }, name);
}

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
 * One layer from the first step to the last and one like it from the last to the first, side by side at each step:
 * M. Schuster and K. Paliwal, "Bidirectional recurrent neural networks", 1997. `backward` is a copy of the layer unless
 * another is given.
 * @example bidirectional(lstm(64, { returnSequences: true }))
 */
export function bidirectional(
  layer: CellSpec,
  {
    mergeMode = "concat",
    backward = layer,
    name,
  }: Named & { readonly mergeMode?: MergeMode; readonly backward?: CellSpec } = {},
): LayerSpec {
  if (!mergeModes.includes(mergeMode)) {
    throw new InputError(`bidirectional: mergeMode "${mergeMode}" is not known. There are ${mergeModes.join(", ")}.`);
  }
  for (const one of [layer, backward]) {
    if (one.kind !== "cell" || one.cell.states.length === 0) {
      throw new InputError("bidirectional: needs a recurrent layer, one whose cell has a state");
    }
    if (one.goBackwards) throw new InputError("bidirectional: gives the directions itself; leave goBackwards out");
  }
  if (layer.returnSequences !== backward.returnSequences) {
    throw new InputError("bidirectional: both layers must return sequences, or neither");
  }
  return named({ kind: "bidirectional", forward: layer, backward, mergeMode }, name);
}

export const lstm = (units: number, options: Recurrent = {}): CellSpec =>
  recurrent(lstmCell, { units, label: "lstm", ...options });
/** With `reset_after` as in Keras 3 and cuDNN. */
export const gru = (units: number, options: Recurrent = {}): CellSpec =>
  recurrent(gruResetAfter, { units, label: "gru", ...options });
export const simpleRnn = (units: number, options: Recurrent = {}): CellSpec =>
  recurrent(simpleRnnCell, { units, label: "simple_rnn", ...options });

const activations = ["linear", "sigmoid", "hard_sigmoid", "tanh", "relu", "softplus", "softmax", "exp"] as const;

/** x (T,B,D) or (B,D) -> activation(W @ x + b) (T,B,units) or (B,units). */
export function dense(
  units: number,
  { activation = "linear", name }: Named & { readonly activation?: (typeof activations)[number] } = {},
): LayerSpec {
  if (!activations.includes(activation)) {
    throw new InputError(`dense: activation "${activation}" is not known. There are ${activations.join(", ")}.`);
  }
  const product = "W @ x + b";
  const of = cell(`y = ${activation === "linear" ? product : `${activation}(${product})`}`);
  return recurrent(of, { units, label: "dense", ...(name === undefined ? {} : { name }) });
}

/**
 * In training, each number is 0 with probability `rate`, else divided by 1 - rate; a new mask at every step.
 * N. Srivastava et al., "Dropout", JMLR 15, 2014.
 */
export function dropout(rate: number, { name }: Named = {}): LayerSpec {
  checkRate("dropout: rate", rate);
  return named({ kind: "dropout", rate }, name);
}

/** Tensors in a model's file begin with it, and a dot. */
export const isLayerName = (name: string): boolean => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name);

function named<T extends LayerSpec>(layer: T, name: string | undefined): T {
  if (name === undefined) return layer;
  if (!isLayerName(name)) {
    throw new InputError(`layer name "${name}" is not a name. Use letters, digits and underscores.`);
  }
  return { ...layer, name };
}
function checkRate(where: string, rate: number): void {
  if (!(rate >= 0 && rate < 1)) throw new InputError(`${where} must be at least 0 and below 1, got ${rate}`);
}
function positive(where: string, what: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new InputError(`${where}: ${what} must be a whole number of at least 1, got ${value}`);
  }
}
