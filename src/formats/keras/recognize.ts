/** Which of Keras's layers a cell is, by its equations: what `cells.ts` makes, read the other way. Knows nothing about models and files. */
import type { Cell } from "../../graph/cell.ts";
import { plainLines, sameEquations } from "../../graph/plain-lines.ts";
import { activations } from "../../nn/layers.ts";
import { convolution, maxPooling, meanPooling } from "../../nn/sequence-cells.ts";
import { affine } from "../foreign-cells.ts";
import { type Activation, activationOfLayer, activationsByName } from "./activations.ts";
import { activationCell, denseCell, normalizationCell, type RecurrentForm, recurrentLines, sameCell } from "./cells.ts";

/** The functions that a program has, by the names that it gives them. */
export type Functions = ReadonlyMap<string, Activation>;
/** The hard sigmoid of the other versions of Keras, and what its argument is times for the program's own. */
export type OtherGate = { readonly activation: Activation; readonly factor: number };

/** A recurrent layer's cell. */
export type RecognizedRecurrent = Pick<RecurrentForm, "kind" | "bias" | "resetAfter" | "output"> & {
  readonly activation: string;
  readonly recurrent: string;
  /** What the gates' weights are to be times. */
  readonly factor: number;
  /** The states in Keras's order: the hidden state, and the cell state of an LSTM. */
  readonly states: readonly string[];
};

const kinds = ["lstm", "gru", "simple_rnn"] as const;
const joinedLines = (lines: readonly string[]): string => plainLines(lines.join("\n")).join("\n");

/** @returns undefined where it is none of Keras's recurrent layers with these functions */
export function recognizeRecurrent(
  cell: Cell,
  functions: Functions,
  other: OtherGate,
): RecognizedRecurrent | undefined {
  const gatesOf = [
    ...[...functions].map(([name, activation]) => ({ name, activation, factor: 1 })),
    { name: "hard_sigmoid", ...other },
  ];
  const all = plainLines(cell.source);
  const has = new Set(all);
  const given = all.join("\n");
  const bias = cell.parameters.some(({ name }) => /^b(_|$)/.test(name));
  const output = cell.states.find((state) => has.has(`y=${state}'`));
  for (const kind of kinds) {
    if (cell.states.length !== (kind === "lstm" ? 2 : 1)) continue;
    for (const h of cell.states) {
      const states = kind === "lstm" ? [h, cell.states.find((state) => state !== h) as string] : [h];
      for (const resetAfter of kind === "gru" ? [true, false] : [false]) {
        const lines = (activation: Activation, recurrent: Activation) =>
          recurrentLines({
            ...{ kind, activation, recurrent, bias, resetAfter, output },
            states: [h, states[1] ?? ""],
          });
        const gate = gatesOf.find(({ activation: one }) =>
          plainLines(lines(one, one).gates.join("\n")).every((line) => has.has(line)),
        );
        if (gate === undefined) continue;
        for (const [activation, one] of functions) {
          const { gates, rest } = lines(one, gate.activation);
          if (joinedLines([...gates, ...rest]) !== given) continue;
          return {
            ...{ kind, activation, recurrent: gate.name, factor: gate.factor, bias, resetAfter, states },
            ...(output !== undefined && output !== h && { output }),
          };
        }
      }
    }
  }
  return undefined;
}

/** What a layer applies to each vector, or to all of them. */
export type RecognizedLayer =
  | { readonly kind: "same" }
  | { readonly kind: "affine" | "mean" | "max" }
  | { readonly kind: "dense"; readonly activation: string; readonly bias: boolean }
  | { readonly kind: "activation"; readonly activation: string }
  /** A layer that is a function with options of its own. */
  | { readonly kind: "function"; readonly className: string; readonly config: Readonly<Record<string, number>> }
  | { readonly kind: "normalization"; readonly epsilon: number; readonly scale: boolean; readonly center: boolean }
  | { readonly kind: "convolution"; readonly size: number; readonly activation: string };

/** @returns undefined where it is none of Keras's layers with these functions */
export function recognizeLayer(cell: Cell, functions: Functions, strides: number): RecognizedLayer | undefined {
  const is = (other: Pick<Cell, "source">): boolean => sameEquations(cell, other);
  if (is(sameCell)) return { kind: "same" };
  if (is(affine)) return { kind: "affine" };
  if (is(meanPooling)) return { kind: "mean" };
  if (is(maxPooling)) return { kind: "max" };
  const parameters = cell.parameters.map(({ name }) => name);
  if (parameters.includes("W_0")) {
    const size = parameters.filter((name) => name.startsWith("W_")).length;
    const activation = activations.find((one) => is(convolution(size, one, strides)));
    if (activation === undefined) return undefined;
    // Ours and Keras 3's names are the same, but for the exponential.
    const named = activation === "exp" ? "exponential" : activation;
    const same = functions.get(named)?.of("x", "") === (activation === "linear" ? "x" : `${activation}(x)`);
    return same ? { kind: "convolution", size, activation: named } : undefined;
  }
  const named = (make: (activation: Activation) => Cell): string | undefined =>
    [...functions].find(([, one]) => is(make(one)))?.[0];
  if (parameters.includes("W") && cell.states.length === 0) {
    const bias = parameters.includes("b");
    const activation = named((one) => denseCell(one, bias));
    return activation === undefined ? undefined : { kind: "dense", activation, bias };
  }
  const normalized = cell.source.includes("sqrt") ? recognizeNormalization(cell) : undefined;
  if (normalized !== undefined || parameters.length > 0 || cell.states.length > 0) return normalized;
  const activation = named(activationCell);
  return activation === undefined ? recognizeFunction(cell) : { kind: "activation", activation };
}

const numbersIn = (source: string): readonly number[] => [
  ...new Set([...source.matchAll(/\d+(\.\d+)?(e[+-]?\d+)?/gi)].map(([text]) => Number(text))),
];

function recognizeNormalization(cell: Cell): RecognizedLayer | undefined {
  for (const epsilon of numbersIn(cell.source)) {
    for (const scale of [true, false]) {
      for (const center of [true, false]) {
        if (epsilon > 0 && sameEquations(cell, normalizationCell(epsilon, scale, center)))
          return { kind: "normalization", epsilon, scale, center };
      }
    }
  }
  return undefined;
}

/** A function whose option is one of the numbers in the equation. */
function recognizeFunction(cell: Cell): RecognizedLayer | undefined {
  const options = [
    ["LeakyReLU", "negative_slope"],
    ["ELU", "alpha"],
    ["ReLU", "max_value"],
    ["ReLU", "threshold"],
  ] as const;
  for (const number of numbersIn(cell.source)) {
    for (const [className, option] of options) {
      const config = { [option]: number };
      const activation = activationOfLayer(className, config, 3) as Activation;
      if (sameEquations(cell, activationCell(activation))) return { kind: "function", className, config };
    }
  }
  return undefined;
}

const hardSigmoid = (major: number): Activation => activationsByName(major).get("hard_sigmoid") as Activation;
/** 0.2 x + 0.5 is 1.2 x / 6 + 0.5, and the other way round. */
export const gateForKeras3 = (): OtherGate => ({ activation: hardSigmoid(2), factor: 1.2 });
export const gateForTfjs = (): OtherGate => ({ activation: hardSigmoid(3), factor: 1 / 1.2 });
/** The functions of Keras 3. */
export const functionsOfKeras3: () => Functions = () => activationsByName(3);
/** Those of TensorFlow.js by Keras 2's formulas. One of them has another name there. */
export const functionsOfTfjs: () => Functions = () => {
  const found = activationsByName(2);
  const names = "linear sigmoid tanh relu relu6 elu selu softplus softsign softmax hard_sigmoid log_softmax mish".split(
    " ",
  );
  const of = (name: string): Activation => found.get(name) as Activation;
  return new Map([...names.map((name) => [name, of(name)] as const), ["swish", of("silu")]]);
};
