/** ONNX's recurrent operators, and the cells that they are: which parameters are their weights, in which order. */
import { gru, gruResetAfter, irnn, lstm, lstmCifg, peepholeLstm, simpleRnn } from "../../cells/index.ts";
import type { Cell } from "../../graph/cell.ts";
import type { OnnxAttribute } from "./proto.ts";

export type RecurrentOperator = {
  readonly cell: Cell;
  readonly op: "LSTM" | "GRU" | "RNN";
  /** The states, the output first. */
  readonly states: readonly string[];
  /** Parameters in the order of the operator's gates; "" stands for zeros. */
  readonly input: readonly string[];
  readonly recurrent: readonly string[];
  readonly bias: readonly string[];
  readonly recurrentBias?: readonly string[];
  readonly peepholes?: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
};

const named = (prefix: string, gates: readonly string[]): string[] => gates.map((gate) => gate && `${prefix}_${gate}`);
const [iofg, iofz, ioz] = [
  ["i", "o", "f", "g"],
  ["i", "o", "f", "z"],
  ["i", "o", "", "z"],
];
const zrg = ["z", "r", "g"];
const sigmoids = { activations: { texts: ["Sigmoid", "Tanh", "Tanh"] } };
const gates = { activations: { texts: ["Sigmoid", "Tanh"] } };

/** Which cells they are; of the activations all are written, for the defaults of runtimes differ. */
export const recurrentOperators: readonly RecurrentOperator[] = [
  {
    ...{ cell: lstm, op: "LSTM", states: ["h", "c"], attributes: sigmoids },
    ...{ input: named("W", iofg), recurrent: named("U", iofg), bias: named("b", iofg) },
  },
  {
    ...{ cell: peepholeLstm, op: "LSTM", states: ["y", "c"], attributes: sigmoids },
    ...{ input: named("W", iofz), recurrent: named("R", iofz), bias: named("b", iofz) },
    peepholes: ["p_i", "p_o", "p_f"],
  },
  {
    ...{ cell: lstmCifg, op: "LSTM", states: ["y", "c"], attributes: { ...sigmoids, input_forget: { int: 1 } } },
    ...{ input: named("W", ioz), recurrent: named("R", ioz), bias: named("b", ioz) },
    peepholes: ["p_i", "p_o", ""],
  },
  {
    ...{ cell: gruResetAfter, op: "GRU", states: ["h"], attributes: { ...gates, linear_before_reset: { int: 1 } } },
    ...{ input: named("W", zrg), recurrent: named("U", zrg), bias: named("b", zrg), recurrentBias: named("d", zrg) },
  },
  {
    ...{ cell: gru, op: "GRU", states: ["h"], attributes: { ...gates, linear_before_reset: { int: 0 } } },
    ...{ input: named("W", zrg), recurrent: named("U", zrg), bias: named("b", zrg) },
  },
  {
    ...{ cell: simpleRnn, op: "RNN", states: ["h"], attributes: { activations: { texts: ["Tanh"] } } },
    ...{ input: ["W"], recurrent: ["U"], bias: ["b"] },
  },
  {
    ...{ cell: irnn, op: "RNN", states: ["h"], attributes: { activations: { texts: ["Relu"] } } },
    ...{ input: ["W"], recurrent: ["U"], bias: ["b"] },
  },
];

/** Equations without comments, spaces and first values, which no operator knows. */
const bare = ({ source }: Cell): string =>
  source
    .split("\n")
    .map((line) => line.replace(/#.*/, "").replaceAll(/\s/g, ""))
    .filter((line) => line !== "" && !line.includes("~"))
    .join("\n");

/** The operator that a cell is, if it is one. */
export const operatorOf = (cell: Cell): RecurrentOperator | undefined =>
  recurrentOperators.find((one) => bare(one.cell) === bare(cell));
