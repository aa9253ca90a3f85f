/** The cells of Keras's layers as equations: ours where all is as by default, else written for the options. Knows nothing about files. */
import * as cells from "../../cells/index.ts";
import { type Cell, cell } from "../../graph/cell.ts";
import { lazyCell } from "../../graph/lazy-cell.ts";
import type { Activation } from "./activations.ts";

/** What the equations of a recurrent layer depend on. */
export type RecurrentForm = {
  readonly kind: "lstm" | "gru" | "simple_rnn";
  readonly activation: Activation;
  /** Of the gates. */
  readonly recurrent: Activation;
  readonly bias: boolean;
  /** Of a GRU: whether the reset gate acts after the product. */
  readonly resetAfter: boolean;
  /** Names of the hidden state and, of an LSTM, the cell state. */
  readonly states: readonly [string, string];
  /** The state that is the output, where it is not the hidden state. */
  readonly output?: string | undefined;
};

/** The gates in the order in which Keras has them along a kernel's last axis, by the letters of our cells. */
export const gates = { lstm: ["i", "f", "g", "o"], gru: ["z", "r", "g"], simple_rnn: [""] } as const;
/** The order in which Keras 1 wrote a matrix for each gate, where it is another. */
export const gatesOfKeras1 = { ...gates, lstm: ["i", "g", "f", "o"] } as const;

/** One line, or some where the function needs its value by name, or another. */
function line(name: string, activation: Activation, sum: string): string[] {
  const value = activation.twice ? `a_${name.replace("'", "")}` : sum;
  const { before, of } = applied(activation, value, name);
  return [...(activation.twice ? [`${value} = ${sum}`] : []), ...before, `${name} = ${of}`];
}
/** A function of a value, and the lines that it needs before. */
function applied({ of, helper }: Activation, value: string, name: string): { before: readonly string[]; of: string } {
  const own = `t_${name.replace("'", "")}`;
  return { before: helper === undefined ? [] : [`${own} = ${helper(value)}`], of: of(value, own) };
}

/** The equations of a recurrent layer: the lines that depend on the gates' activation alone, and the others. */
export function recurrentLines(form: RecurrentForm): {
  readonly gates: readonly string[];
  readonly rest: readonly string[];
} {
  const { kind, activation, recurrent, bias, resetAfter, states, output } = form;
  const [h, c] = states;
  const b = (gate: string, letter = "b"): string => (bias ? ` + ${letter}${gate === "" ? "" : `_${gate}`}` : "");
  const sum = (gate: string): string => `W_${gate} @ x + U_${gate} @ ${h}${b(gate)}`;
  const sumAfter = (gate: string): string => `W_${gate} @ x${b(gate)} + U_${gate} @ ${h}${b(gate, "d")}`;
  const shown = applied(activation, `${c}'`, c);
  const gates = { lstm: ["f", "i", "o"], gru: ["z", "r"], simple_rnn: [] }[kind];
  const rest = {
    lstm: () => [
      ...line("g", activation, sum("g")),
      `${c}' = f * ${c} + i * g`,
      ...shown.before,
      `${h}' = o * ${activation.twice ? `(${shown.of})` : shown.of}`,
      ...(bias ? ["b_f ~ ones"] : []),
    ],
    gru: () => [
      ...line(
        "g",
        activation,
        resetAfter ? `W_g @ x${b("g")} + r * (U_g @ ${h}${b("g", "d")})` : `W_g @ x + U_g @ (r * ${h})${b("g")}`,
      ),
      `${h}' = z * ${h} + (1 - z) * g`,
    ],
    simple_rnn: () => line(`${h}'`, activation, `W @ x + U @ ${h}${b("")}`),
  };
  return {
    gates: gates.flatMap((gate) => line(gate, recurrent, kind === "gru" && resetAfter ? sumAfter(gate) : sum(gate))),
    rest: [...rest[kind](), ...(output === undefined ? [] : [`y = ${output}'`])],
  };
}

/** The cell of a recurrent layer. */
export function recurrentCell(form: RecurrentForm): Cell {
  const { kind, resetAfter } = form;
  const { gates, rest } = recurrentLines(form);
  const source = [...gates, ...rest].join("\n");
  const usual = { lstm: cells.lstm, gru: resetAfter ? cells.gruResetAfter : cells.gru, simple_rnn: cells.simpleRnn }[
    kind
  ];
  // Ours say the same with comments.
  return sorted(usual.source) === sorted(source) ? usual : cell(source);
}
/** The lines without comments; those of gates may stand in any order. */
const sorted = (source: string): string =>
  source
    .split("\n")
    .map((one) => one.replace(/#.*/, "").replace(/\s+/g, " ").trim())
    .sort()
    .join("\n");

/** x -> activation(W @ x + b). */
export const denseCell = (activation: Activation, bias: boolean): Cell =>
  cell(line("y", activation, `W @ x${bias ? " + b" : ""}`).join("\n"));

/** x -> activation(x). */
export function activationCell(activation: Activation): Cell {
  const { before, of } = applied(activation, "x", "y");
  return cell([...before, `y = ${of}`].join("\n"));
}

/** x with mean 0 and variance 1 over its features; a gain and a bias where the layer has them. */
export const normalizationCell = (epsilon: number, scale: boolean, center: boolean): Cell =>
  cell(
    [
      "d = x - mean(x)",
      `y = ${scale ? "gain * " : ""}d / sqrt(mean(d * d) + ${epsilon})${center ? " + b" : ""}`,
      ...(scale ? ["gain ~ ones"] : []),
    ].join("\n"),
  );

/** x, with another slope where it is below 0, one for each feature: PReLU. */
export const slopesCell = cell("y = max(x, 0) + slope * min(x, 0)\nslope ~ zeros\nslope : input");

/** x with a mean of squares of 1 over its features, times a gain. */
export const rmsCell = (epsilon: number): Cell =>
  cell(`y = gain * x / sqrt(mean(x * x) + ${epsilon})\ngain ~ ones\ngain : input`);

/** x as a vector of length 1. */
export const unitCell = lazyCell("y = x / sqrt(max(sum(x * x), 1e-12))");

/** x as it is: for a layer that only ends a mask, or has another name. */
export const sameCell = cell("y = x");

/**
 * The mean of all steps so far, each by the softmax of a score of its own: the layer `AttentionWeightedAverage` that DeepMoji and
 * textgenrnn have. Scores are counted from the highest one, or from 0 where all are below it.
 */
export const attentionAverage = lazyCell(`
  a  = W @ x                     # the score of this step
  m' = max(m, a)                 # the highest one
  k  = exp(m - m')               # what sums so far become
  e  = exp(a - m')               # what this step weighs
  d' = d * k + e                 # all weights
  s' = s * sum(k) + sum(e) * x   # the weighted sum of the steps
  y  = s' / sum(d')
  d : 1
  m : 1
  s : input
`);
