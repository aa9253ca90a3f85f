/**
 * Layers as data: what a model is made of, with Keras's names. Every layer with parameters of its own but the
 * embedding is a cell. Knows nothing about training.
 */

import { gruResetAfter, lstm as lstmCell, simpleRnn as simpleRnnCell } from "../cells/index.ts";
import { type Cell, cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";

export type LayerSpec =
  | { readonly kind: "embedding"; readonly name?: string; readonly inputDim: number; readonly outputDim: number }
  | {
      readonly kind: "cell";
      readonly name?: string;
      readonly cell: Cell;
      readonly units?: number;
      readonly label: string;
      /** Its output at every step, or at the last one alone. Where the cell has no state there is nothing to choose. */
      readonly returnSequences: boolean;
    }
  | { readonly kind: "dropout"; readonly name?: string; readonly rate: number };

type Named = { readonly name?: string };
type Recurrent = Named & {
  /** Give the output of every step (T,B,units), not of the last one alone (B,units). */
  readonly returnSequences?: boolean;
};

/** tokens (T,B) -> vectors (T,B,outputDim): the row of a table (inputDim, outputDim) for each token. */
export function embedding(inputDim: number, outputDim: number, { name }: Named = {}): LayerSpec {
  positive("embedding", "inputDim", inputDim);
  positive("embedding", "outputDim", outputDim);
  return named({ kind: "embedding", inputDim, outputDim }, name);
}

/**
 * Any cell over the time steps: x (T,B,D) -> its output after the last step (B,units), or with `returnSequences` after
 * each one (T,B,units). A cell without state works on each vector alone. `label` names the layer where no `name` is
 * given.
 */
export function recurrent(
  of: Cell,
  {
    units,
    name,
    label = "recurrent",
    returnSequences = false,
  }: Recurrent & { readonly units?: number; readonly label?: string } = {},
): LayerSpec {
  checkLayerCell(of, name ?? label);
  if (units !== undefined) positive(name ?? label, "units", units);
  return named({ kind: "cell", cell: of, label, returnSequences, ...(units === undefined ? {} : { units }) }, name);
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

export const lstm = (units: number, options: Recurrent = {}): LayerSpec =>
  recurrent(lstmCell, { units, label: "lstm", ...options });
/** With `reset_after` as in Keras 3 and cuDNN. */
export const gru = (units: number, options: Recurrent = {}): LayerSpec =>
  recurrent(gruResetAfter, { units, label: "gru", ...options });
export const simpleRnn = (units: number, options: Recurrent = {}): LayerSpec =>
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
  if (!(rate >= 0 && rate < 1)) throw new InputError(`dropout: rate must be at least 0 and below 1, got ${rate}`);
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
function positive(where: string, what: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new InputError(`${where}: ${what} must be a whole number of at least 1, got ${value}`);
  }
}
