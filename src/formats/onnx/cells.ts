/** ONNX's recurrent operators as cells: their equations, and which of an operator's numbers are which parameter. */
import { type Cell, cell } from "../../graph/cell.ts";
import { operatorOf } from "./operators.ts";

/** One direction of an operator, its numbers in the order of ONNX's gates. */
export type Direction = {
  readonly op: "LSTM" | "GRU" | "RNN";
  readonly units: number;
  readonly features: number;
  readonly activations: readonly Activation[];
  /** Sums of gates are kept between -clip and clip. */
  readonly clip: number | undefined;
  /** Of a GRU: whether the product with the state comes before the reset gate. Of an LSTM: whether f is 1 - i. */
  readonly flag: boolean;
  readonly W: ArrayLike<number | bigint>;
  readonly R: ArrayLike<number | bigint>;
  readonly B: ArrayLike<number> | undefined;
  readonly P: ArrayLike<number> | undefined;
};
export type Activation = {
  readonly name: string;
  readonly alpha: number | undefined;
  readonly beta: number | undefined;
};

/** What each activation is of `a`, whether that is a sum, and its defaults by the operators' specification. */
const functions: Readonly<
  Record<string, { of: (a: string, alpha: string, beta: string) => string; sum?: true; alpha?: number; beta?: number }>
> = {
  sigmoid: { of: (a) => `sigmoid(${a})` },
  tanh: { of: (a) => `tanh(${a})` },
  relu: { of: (a) => `relu(${a})` },
  softplus: { of: (a) => `softplus(${a})` },
  hardsigmoid: { of: (a, alpha, beta) => `max(0, min(1, ${alpha} * (${a}) + ${beta}))`, alpha: 0.2, beta: 0.5 },
  leakyrelu: { of: (a, alpha) => `relu(${a}) - ${alpha} * relu(-(${a}))`, sum: true, alpha: 0.01 },
  softsign: { of: (a) => `(${a}) / (1 + abs(${a}))` },
  elu: { of: (a, alpha) => `relu(${a}) + ${alpha} * (exp(-relu(-(${a}))) - 1)`, sum: true, alpha: 1 },
  // Runtimes count with 0 where these have no numbers, whatever the specification says: only files that write them are read.
  affine: { of: (a, alpha, beta) => `${alpha} * (${a}) + ${beta}`, sum: true },
  scaledtanh: { of: (a, alpha, beta) => `${alpha} * tanh(${beta} * (${a}))` },
};
const needsBoth = ["affine", "scaledtanh"];

/** A number in equations. */
export const literal = (value: number): string => (value < 0 ? `(-${-value})` : `${value}`);

/** @returns what is wrong with an activation, or nothing */
export function problemOf({ name, alpha, beta }: Activation): string | undefined {
  const key = name.toLowerCase();
  if (!Object.hasOwn(functions, key)) return `the activation ${name} is not read`;
  if (needsBoth.includes(key) && (alpha === undefined || beta === undefined)) {
    return `the activation ${name} has no alpha and beta, and runtimes differ in what that means`;
  }
  return undefined;
}
function applied({ name, alpha, beta }: Activation, sum: string): string {
  const { of, ...defaults } = functions[name.toLowerCase()] as (typeof functions)[string];
  return of(sum, literal(alpha ?? defaults.alpha ?? 0), literal(beta ?? defaults.beta ?? 0));
}
/** The same where a factor stands. */
function factor(activation: Activation, sum: string): string {
  const text = applied(activation, sum);
  return functions[activation.name.toLowerCase()]?.sum ? `(${text})` : text;
}

/** The cell of a direction, and its parameters' values by their names. */
export function cellOf(direction: Direction): {
  readonly cell: Cell;
  readonly values: Readonly<Record<string, Float32Array>>;
} {
  const lines =
    direction.op === "LSTM" ? lstmLines(direction) : direction.op === "GRU" ? gruLines(direction) : rnnLines(direction);
  const made = cell(lines.join("\n"));
  // The library's own where it is the same: it has comments.
  return { cell: operatorOf(made)?.cell ?? made, values: valuesOf(direction) };
}

const bounded = ({ clip }: Direction, sum: string): string =>
  clip === undefined ? sum : `max(${literal(-clip)}, min(${literal(clip)}, ${sum}))`;
const at = (activations: readonly Activation[], k: number): Activation => activations[k] as Activation;

function lstmLines(d: Direction): string[] {
  const [f, g, h] = [0, 1, 2].map((k) => at(d.activations, k)) as [Activation, Activation, Activation];
  const sum = (gate: string, state = "c"): string =>
    bounded(
      d,
      `W_${gate} @ x + U_${gate} @ h + b_${gate}${d.P === undefined || gate === "g" ? "" : ` + p_${gate} * ${state}`}`,
    );
  const forget = d.flag ? "(1 - i)" : "f";
  const output = `o = ${applied(f, sum("o", "c'"))}`;
  const c = `c' = ${forget} * c + i * g`;
  return [
    ...(d.flag ? [] : [`f = ${applied(f, sum("f"))}`]),
    `i = ${applied(f, sum("i"))}`,
    `g = ${applied(g, sum("g"))}`,
    ...(d.P === undefined ? [output, c] : [c, output]),
    `h' = o * ${factor(h, "c'")}`,
  ];
}

function gruLines(d: Direction): string[] {
  const [f, g] = [at(d.activations, 0), at(d.activations, 1)];
  const gate = (name: string): string =>
    `${name} = ${applied(f, bounded(d, d.flag ? `W_${name} @ x + b_${name} + U_${name} @ h + d_${name}` : `W_${name} @ x + U_${name} @ h + b_${name}`))}`;
  const candidate = d.flag ? "W_g @ x + b_g + r * (U_g @ h + d_g)" : "W_g @ x + U_g @ (r * h) + b_g";
  return [gate("z"), gate("r"), `g = ${applied(g, bounded(d, candidate))}`, "h' = z * h + (1 - z) * g"];
}

const rnnLines = (d: Direction): string[] => [`h' = ${applied(at(d.activations, 0), bounded(d, "W @ x + U @ h + b"))}`];

/** ONNX's gates. */
const gatesOf = { LSTM: ["i", "o", "f", "g"], GRU: ["z", "r", "g"], RNN: [""] } as const;
/** How many activations an operator has. */
export const activationsOf = {
  LSTM: ["Sigmoid", "Tanh", "Tanh"],
  GRU: ["Sigmoid", "Tanh"],
  RNN: ["Tanh"],
} as const;
export const gateCount = (op: Direction["op"]): number => gatesOf[op].length;

function valuesOf({ op, units, features, flag, W, R, B, P }: Direction): Record<string, Float32Array> {
  const values: Record<string, Float32Array> = {};
  const gates = gatesOf[op];
  const part = (of: ArrayLike<number | bigint>, start: number, count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, k) => Number(of[start + k]));
  const called = (letter: string, gate: string): string => (gate === "" ? letter : `${letter}_${gate}`);
  gates.forEach((gate, k) => {
    if (op === "LSTM" && flag && gate === "f") return;
    values[called("W", gate)] = part(W, k * units * features, units * features);
    values[called("U", gate)] = part(R, k * units * units, units * units);
    const own = B === undefined ? new Float32Array(units) : part(B, k * units, units);
    const recurrent = B === undefined ? new Float32Array(units) : part(B, (gates.length + k) * units, units);
    const apart = op === "GRU" && flag;
    values[called("b", gate)] = apart ? own : own.map((value, j) => value + (recurrent[j] as number));
    if (apart) values[called("d", gate)] = recurrent;
  });
  if (P !== undefined) {
    ["i", "o", "f"].forEach((gate, k) => {
      if (!(flag && gate === "f")) values[`p_${gate}`] = part(P, k * units, units);
    });
  }
  return values;
}
