/**
 * The oracle: runs a graph node by node, step by step, in f64. Slow and obvious; every other engine must agree with
 * it. Knows nothing about plans or memory.
 */
import { arithmetic, type Graph, type Node, type NodeId } from "../graph/graph.ts";
import type { BinaryName, OpName, UnaryName } from "../graph/operations.ts";
import { randomBits } from "../graph/random-bits.ts";

export type Run = {
  readonly steps: number;
  readonly batch: number;
  /** By name: vectors (T,B,D), scalars (T,B) and indices (T,B), flat. */
  readonly inputs?: Readonly<Record<string, ArrayLike<number>>>;
  /** By name: [n] or [rows, columns], flat. */
  readonly parameters?: Readonly<Record<string, ArrayLike<number>>>;
  /** By name: what a state starts from (B,H); zeros where absent. */
  readonly states?: Readonly<Record<string, ArrayLike<number>>>;
  readonly settings?: Readonly<Record<string, number>>;
  /** Keys of the dropout masks. */
  readonly keys?: readonly [number, number];
};

export type Result = {
  /** Value of a node over all steps (T,B,n), flat. */
  readonly value: (id: NodeId) => Float64Array;
  /** Value of a state after the last step (B,H); of an adjoint, after the first. */
  readonly states: Readonly<Record<string, Float64Array>>;
  /** Sums of the sinks, by parameter. */
  readonly gradients: Readonly<Record<string, Float64Array>>;
  /** Sums of the totals, by name. */
  readonly totals: Readonly<Record<string, number>>;
};

/** Where a node is being computed: one step of one example. */
type Place = {
  readonly node: Node;
  /** Operand k at feature j; numbers and scalars ignore j. */
  readonly get: (k: number, j: number) => number;
  /** Features of operand k. */
  readonly size: (k: number) => number;
  /** Position of the example among all steps and examples: t * B + b. */
  readonly row: number;
  readonly out: Float64Array;
  readonly run: Required<Run>;
  readonly state: (name: string) => Float64Array;
  readonly gradient: (name: string) => Float64Array;
  readonly columnsOf: (parameter: string) => number;
  readonly total: (name: string, value: number) => void;
};

type Rule<K extends OpName> = (node: Node<K>, at: Place) => void;

const pointwise =
  <K extends UnaryName | BinaryName>(op: K): Rule<K> =>
  (_, { get, out }) => {
    const compute = arithmetic[op] as (a: number, b?: number) => number;
    for (let j = 0; j < out.length; j++) out[j] = compute(get(0, j), op in binaries ? get(1, j) : undefined);
  };
const binaries = { add: 0, sub: 0, mul: 0, div: 0, min: 0, max: 0 };

function parameterOf(at: Place, name: string): ArrayLike<number> {
  const values = at.run.parameters[name];
  if (values === undefined) throw new Error(`internal: parameter ${name} was not given`);
  return values;
}
function operand(at: Place, k: number): Float64Array {
  return Float64Array.from({ length: at.size(k) }, (_, j) => at.get(k, j));
}

const rules: { readonly [K in OpName]: Rule<K> } = {
  constant: (node, { out }) => out.fill(node.value),
  setting: (node, { out, run }) => out.fill(run.settings[node.name as string] as number),
  input: (node, { out, run, row }) => {
    const values = run.inputs[node.name as string] as ArrayLike<number>;
    for (let j = 0; j < out.length; j++) out[j] = values[row * out.length + j] as number;
  },
  index: (node, { out, run, row }) => out.fill((run.inputs[node.name as string] as ArrayLike<number>)[row] as number),
  state: (node, { out, state, row, run }) => {
    const b = row % run.batch;
    out.set(state(node.name as string).subarray(b * out.length, (b + 1) * out.length));
  },
  parameter: (node, at) => at.out.set(Float64Array.from(parameterOf(at, node.parameter))),
  mask: (node, { out, run, row }) => {
    const threshold = maskThreshold(node.rate);
    const key = maskKey(run.keys[0], node.stream);
    for (let j = 0; j < out.length; j++) {
      const bits = randomBits(row * out.length + j, key, run.keys[1]);
      out[j] = bits >= threshold ? 1 / (1 - node.rate) : 0;
    }
  },
  neg: pointwise("neg"),
  sigmoid: pointwise("sigmoid"),
  hard_sigmoid: pointwise("hard_sigmoid"),
  tanh: pointwise("tanh"),
  relu: pointwise("relu"),
  softplus: pointwise("softplus"),
  exp: pointwise("exp"),
  log: pointwise("log"),
  sqrt: pointwise("sqrt"),
  abs: pointwise("abs"),
  step: pointwise("step"),
  add: pointwise("add"),
  sub: pointwise("sub"),
  mul: pointwise("mul"),
  div: pointwise("div"),
  min: pointwise("min"),
  max: pointwise("max"),
  broadcast: (_, { out, get }) => out.fill(get(0, 0)),
  one_hot: (_, { out, get }) => {
    for (let j = 0; j < out.length; j++) out[j] = get(0, 0) === j ? 1 : 0;
  },
  sum: (_, at) => at.out.fill(operand(at, 0).reduce((total, value) => total + value, 0)),
  max_of: (_, at) => at.out.fill(Math.max(...operand(at, 0))),
  logsumexp: (_, at) => {
    const values = operand(at, 0);
    const largest = Math.max(...values);
    at.out.fill(largest + Math.log(values.reduce((total, value) => total + Math.exp(value - largest), 0)));
  },
  concat: (node, at) => {
    let start = 0;
    node.inputs.forEach((_, k) => {
      at.out.set(operand(at, k), start);
      start += at.size(k);
    });
  },
  slice: (node, { out, get }) => {
    for (let j = 0; j < out.length; j++) out[j] = get(0, node.start + j);
  },
  matmul: (node, at) => multiply(at, node.view, false, 0),
  matmul_transposed: (node, at) => multiply(at, node.view, true, 0),
  products: (node, at) => {
    at.out.fill(0);
    for (const [k, { view, transposed }] of node.blocks.entries()) multiply(at, view, transposed, k);
  },
  gather: (node, at) => {
    const [table, n] = [parameterOf(at, node.parameter), at.out.length];
    for (let j = 0; j < n; j++) at.out[j] = table[at.get(0, 0) * n + j] as number;
  },
  outer: ({ view }, at) => {
    const [gradient, columns] = [at.gradient(view.parameter), at.columnsOf(view.parameter)];
    for (let r = 0; r < view.rows; r++) {
      for (let c = 0; c < view.columns; c++) {
        const k = r * columns + view.column + c;
        gradient[k] = (gradient[k] as number) + at.get(0, r) * at.get(1, c);
      }
    }
  },
  accumulate: (node, at) => {
    const gradient = at.gradient(node.parameter);
    for (let j = 0; j < gradient.length; j++) gradient[j] = (gradient[j] as number) + at.get(0, j);
  },
  scatter: (node, at) => {
    const [gradient, n] = [at.gradient(node.parameter), at.size(0)];
    for (let j = 0; j < n; j++) {
      const k = at.get(1, 0) * n + j;
      gradient[k] = (gradient[k] as number) + at.get(0, j);
    }
  },
  total: (node, at) => at.total(node.name as string, at.get(0, 0)),
};

function multiply(
  at: Place,
  view: { parameter: string; rows: number; column: number; columns: number },
  transposed: boolean,
  k: number,
): void {
  const [values, stride] = [parameterOf(at, view.parameter), at.columnsOf(view.parameter)];
  if (at.node.op !== "products") at.out.fill(0);
  for (let r = 0; r < view.rows; r++) {
    for (let c = 0; c < view.columns; c++) {
      const weight = values[r * stride + view.column + c] as number;
      const [to, from] = transposed ? [c, r] : [r, c];
      at.out[to] = (at.out[to] as number) + weight * at.get(k, from);
    }
  }
}

/** A mask keeps where 32 random bits reach this. */
export function maskThreshold(rate: number): number {
  return Math.min(0xffffffff, Math.round(rate * 2 ** 32));
}
/** Each mask of a graph draws from its own stream. */
export function maskKey(key: number, stream: number): number {
  return (key + Math.imul(stream, 0x9e3779b9)) >>> 0;
}

/**
 * Run all steps: the forward nodes from the first step to the last, then the backward nodes from the last to the
 * first. Memory is T * B * features for each node.
 */
export function interpret(graph: Graph, given: Run): Result {
  const run: Required<Run> = { inputs: {}, parameters: {}, states: {}, settings: {}, keys: [0, 0], ...given };
  const { steps, batch } = run;
  const sizeOf = (id: NodeId): number => {
    const shape = (graph.nodes[id] as Node).shape;
    return typeof shape === "number" ? shape : shape === "none" ? 0 : 1;
  };
  const values = graph.nodes.map((_, id) => new Float64Array(steps * batch * sizeOf(id)));
  const states: Record<string, Float64Array> = {};
  for (const { name, size } of graph.states) {
    states[name] = Float64Array.from(run.states[name] ?? new Float64Array(batch * size));
  }
  const shapes = new Map(graph.parameters.map((p) => [p.name, p.shape]));
  const gradients: Record<string, Float64Array> = {};
  const totals: Record<string, number> = {};

  function compute(id: NodeId, t: number, b: number): void {
    const node = graph.nodes[id] as Node;
    const row = t * batch + b;
    const n = sizeOf(id);
    const sizes = node.inputs.map(sizeOf);
    const place: Place = {
      node,
      row,
      run,
      out: (values[id] as Float64Array).subarray(row * n, (row + 1) * n),
      size: (k) => sizes[k] as number,
      get: (k, j) => {
        const [source, size] = [values[node.inputs[k] as NodeId] as Float64Array, sizes[k] as number];
        return source[
          row * size + (typeof graph.nodes[node.inputs[k] as NodeId]?.shape === "number" ? j : 0)
        ] as number;
      },
      state: (name) => states[name] as Float64Array,
      columnsOf: (name) => shapes.get(name)?.[1] as number,
      gradient: (name) => {
        const shape = shapes.get(name) as readonly number[];
        gradients[name] ??= new Float64Array(shape.reduce((a, c) => a * c, 1));
        return gradients[name];
      },
      total: (name, value) => {
        totals[name] = (totals[name] ?? 0) + value;
      },
    };
    (rules[node.op] as Rule<OpName>)(node, place);
  }
  function runStep(t: number, from: NodeId, to: NodeId, reverse: boolean): void {
    for (let id = from; id < to; id++) for (let b = 0; b < batch; b++) compute(id, t, b);
    for (const state of graph.states) {
      if (state.reverse !== reverse) continue;
      const n = state.size;
      const value = values[state.next] as Float64Array;
      (states[state.name] as Float64Array).set(value.subarray(t * batch * n, (t + 1) * batch * n));
    }
  }
  for (let t = 0; t < steps; t++) runStep(t, 0, graph.forwardCount, false);
  for (let t = steps - 1; t >= 0; t--) runStep(t, graph.forwardCount, graph.nodes.length, true);

  return { value: (id) => values[id] as Float64Array, states, gradients, totals };
}
