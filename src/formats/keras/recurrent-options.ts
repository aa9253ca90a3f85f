/** The options of Keras's recurrent layers and cells, of all versions, as what our layers and their arrays need. */
import { excerpt } from "../../graph/excerpt.ts";
import type { RecurrentForm } from "./cells.ts";
import { type Config, type KerasLayer, nested } from "./config.ts";
import { functionOf, rateOf, refuse, type Translation, unitsOf } from "./translation.ts";
import type { WeightForm } from "./weights.ts";

/** A recurrent layer, read. */
export type RecurrentOptions = {
  readonly form: Omit<RecurrentForm, "states" | "output">;
  readonly weightForm: WeightForm;
  readonly units: number;
  /** The type of layer. */
  readonly label: RecurrentForm["kind"];
  readonly options: {
    readonly returnSequences: boolean;
    readonly goBackwards: boolean;
    readonly stateful: boolean;
    readonly zeroOutputForMask: boolean;
  };
  readonly rates: { readonly dropout: number; readonly recurrentDropout: number };
  /** The names of its states in the equations. */
  readonly states: readonly string[];
  readonly returnState: boolean;
};

/** Keras's layers and their cells. */
const kinds: ReadonlyMap<string, RecurrentForm["kind"]> = new Map([
  ["LSTM", "lstm"],
  ["GRU", "gru"],
  ["SimpleRNN", "simple_rnn"],
]);

/** A layer's class and options; of an RNN those of its cell, with its own. */
export function cellOf(
  layer: KerasLayer,
  className: string,
  config: Config,
): { readonly className: string; readonly config: Config } {
  if (className !== "RNN") return { className, config };
  const cell = nested(config.cell);
  if (cell === undefined) {
    return refuse(layer, `it runs over ${Array.isArray(config.cell) ? "a list of cells" : "no cell of Keras"}`);
  }
  return { className: cell.className, config: { ...config, ...cell.config } };
}

/** The options of a layer or a cell. */
export function readRecurrent(
  translation: Translation,
  layer: KerasLayer,
  className: string,
  config: Config,
): RecurrentOptions {
  const kind = kinds.get(className.replace(/^CuDNN/, "").replace(/Cell$/, ""));
  if (kind === undefined) return refuse(layer, `its cell is of the class ${excerpt(className)}`);
  const cudnn = className.startsWith("CuDNN");
  const { major } = translation.dialect;
  const units = unitsOf(layer, config.units);
  if (config.time_major === true) return refuse(layer, "it reads arrays with the time first (time_major)");
  const usual = cudnn || major >= 3 ? "sigmoid" : "hard_sigmoid";
  const activation = functionOf(translation, layer, cudnn ? "tanh" : (config.activation ?? "tanh"));
  const recurrent = functionOf(translation, layer, cudnn ? "sigmoid" : (config.recurrent_activation ?? usual));
  const bias = config.use_bias !== false;
  const resetAfter = kind === "gru" && (cudnn || (config.reset_after ?? major >= 3) === true);
  return {
    ...{ form: { kind, activation, recurrent, bias, resetAfter }, units, label: kind },
    weightForm: { kind: "recurrent", cell: kind, units, bias, resetAfter, cudnn },
    options: {
      returnSequences: config.return_sequences === true,
      goBackwards: config.go_backwards === true,
      stateful: config.stateful === true,
      zeroOutputForMask: config.zero_output_for_mask === true,
    },
    rates: { dropout: rateOf(config.dropout), recurrentDropout: rateOf(config.recurrent_dropout) },
    states: kind === "lstm" ? ["h", "c"] : ["h"],
    returnState: config.return_state === true,
  };
}

/** @throws ConfigError where Keras gives a sequence the other way round with a mask that is not */
export function checkReversed(
  { dialect }: Translation,
  layer: KerasLayer,
  mask: string | undefined,
  { goBackwards, returnSequences }: RecurrentOptions["options"],
): void {
  if (mask !== undefined && goBackwards && returnSequences && dialect.handsMasksOn) {
    refuse(layer, "it reverses a masked sequence, and Keras hands the mask on as it was");
  }
}
