/** An LSTM and a simple recurrent network in f64, step by step from their formulas: what layers are compared with. */
import type { Random } from "../../src/nn/random.ts";

export type Weights = Readonly<Record<string, ArrayLike<number>>>;
type Vector = readonly number[];
/** Vectors, step by step. */
export type Rows = readonly Vector[];

/** W @ x, the rows of W one after the other. */
export const times = (W: ArrayLike<number>, x: Vector): number[] =>
  Array.from({ length: W.length / x.length }, (_, row) =>
    x.reduce((sum, value, k) => sum + (W[row * x.length + k] as number) * value, 0),
  );
const plus = (...vectors: ArrayLike<number>[]): number[] =>
  Array.from(vectors[0] as ArrayLike<number>, (_, k) => vectors.reduce((sum, v) => sum + (v[k] as number), 0));
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** What a layer has after each step, and where one is masked, which changes nothing. */
export type Steps<State> = { readonly after: readonly State[]; readonly last: State };
function over<State>(
  xs: readonly Vector[],
  counts: readonly boolean[],
  start: State,
  next: (x: Vector, s: State) => State,
) {
  let state = start;
  const after = xs.map((x, t) => {
    if (counts[t]) state = next(x, state);
    return state;
  });
  return { after, last: state };
}

export type LstmState = { readonly h: Vector; readonly c: Vector };
export function lstmSteps(
  weights: Weights,
  name: string,
  xs: readonly Vector[],
  counts: readonly boolean[] = xs.map(() => true),
  start?: LstmState,
): Steps<LstmState> {
  const units = (weights[`${name}.b_f`] as ArrayLike<number>).length;
  const zeros = new Array<number>(units).fill(0);
  const of = (key: string): ArrayLike<number> => weights[`${name}.${key}`] as ArrayLike<number>;
  return over(xs, counts, start ?? { h: zeros, c: zeros }, (x, { h, c }) => {
    const gate = (key: string): number[] => plus(times(of(`W_${key}`), x), times(of(`U_${key}`), h), of(`b_${key}`));
    const [f, i, o] = ["f", "i", "o"].map((key) => gate(key).map(sigmoid)) as [number[], number[], number[]];
    const g = gate("g").map(Math.tanh);
    const cell = c.map((value, k) => (f[k] as number) * value + (i[k] as number) * (g[k] as number));
    return { h: cell.map((value, k) => (o[k] as number) * Math.tanh(value)), c: cell };
  });
}

export function simpleRnnSteps(
  weights: Weights,
  name: string,
  xs: readonly Vector[],
  counts: readonly boolean[] = xs.map(() => true),
  start?: Vector,
): Steps<Vector> {
  const of = (key: string): ArrayLike<number> => weights[`${name}.${key}`] as ArrayLike<number>;
  const zeros = new Array<number>(of("b").length).fill(0);
  return over<Vector>(xs, counts, start ?? zeros, (x, h) =>
    plus(times(of("W"), x), times(of("U"), h), of("b")).map(Math.tanh),
  );
}

/** W @ x + b of a dense layer. */
export const denseOf = (weights: Weights, name: string, x: Vector): number[] =>
  plus(times(weights[`${name}.W`] as ArrayLike<number>, x), weights[`${name}.b`] as ArrayLike<number>);

/** Keras's Conv1D with padding="causal" and strides: matrices W_0, W_1, ... (filters, features), the newest step first. */
export function convolved(weights: Weights, name: string, xs: readonly Vector[], strides: number): number[][] {
  const kernel = Object.keys(weights).filter((key) => key.startsWith(`${name}.W_`)).length;
  const kept = Array.from({ length: Math.ceil(xs.length / strides) }, (_, j) => j * strides);
  return kept.map((t) => {
    const there = Array.from({ length: Math.min(kernel, t + 1) }, (_, k) => k);
    const products = there.map((k) => times(weights[`${name}.W_${k}`] as ArrayLike<number>, xs[t - k] as Vector));
    return plus(weights[`${name}.b`] as ArrayLike<number>, ...products);
  });
}

/** The rows of an embedding. */
export function rowsAt(weights: Weights, name: string, size: number, tokens: readonly number[]): number[][] {
  const table = Array.from(weights[`${name}.weight`] as ArrayLike<number>);
  return tokens.map((token) => table.slice(token * size, (token + 1) * size));
}

/** Softmax cross-entropy of a class, in nats. */
export function crossEntropy(logits: Vector, target: number): number {
  const most = Math.max(...logits);
  return most + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - most), 0)) - (logits[target] as number);
}

/** Vectors of normal numbers, in f32, one a step. */
export const normalRows = (random: Random, steps: number, features: number): number[][] =>
  Array.from({ length: steps }, () => Array.from({ length: features }, () => Math.fround(random.normal())));
