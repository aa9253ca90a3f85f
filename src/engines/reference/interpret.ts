/**
 * The reference: runs a graph node by node, step by step, in f64. Slow and obvious; every other engine must agree with
 * it. Knows nothing about plans or memory.
 */
import {
  arithmetic,
  fixedNodes,
  type Graph,
  lengthOf,
  longestTime,
  type Node,
  type NodeId,
  type State,
  type Steps,
  stepsOf,
} from "../../graph/graph.ts";
import type { BinaryName, OpName, ParameterView, UnaryName } from "../../graph/operations.ts";
import { maskKey, maskThreshold, randomBits } from "../../graph/random-bits.ts";

export type GraphValues = {
  readonly steps: Steps;
  readonly batch: number;
  /** By name: vectors (T,B,D), scalars (T,B) and indices (T,B), flat; without T where there is one value a sequence. */
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
  /** Value of a node over all steps (T,B,n), or (B,n) where it is one a sequence, flat. */
  readonly value: (id: NodeId) => Float64Array;
  /** Value of a state after the last step (B,H); of an adjoint, after the first. */
  readonly states: Readonly<Record<string, Float64Array>>;
  /** Gradients, by parameter: the sums of the sinks over all steps and examples. */
  readonly gradients: Readonly<Record<string, Float64Array>>;
  /** Totals over all steps and examples, by name. */
  readonly totals: Readonly<Record<string, number>>;
};

/** What rules read and write beside operands, by name. */
type Surroundings = {
  readonly run: Required<GraphValues>;
  /** A state (B,H) before a step, and after its last one. */
  readonly state: (name: string, t: number) => ArrayLike<number>;
  readonly final: (name: string) => ArrayLike<number>;
  readonly parameter: (name: string) => Float64Array;
  readonly gradient: (name: string) => Float64Array;
  readonly columnsOf: (parameter: string) => number;
  readonly total: (name: string, value: number) => void;
};

/** The arguments of a rule: a node at one step of one example. */
type Place = {
  /** By operand: its features, or its one number. */
  readonly operands: readonly Float64Array[];
  /** Position of the example among all steps and examples, t * B + b; b where there is one value a sequence. */
  readonly row: number;
  readonly out: Float64Array;
  readonly around: Surroundings;
};

type Rule<K extends OpName> = (node: Node<K>, at: Place) => void;

const unary =
  (compute: (a: number) => number): Rule<UnaryName> =>
  (_, { operands: [a], out }) => {
    for (let j = 0; j < out.length; j++) out[j] = compute(a?.[j] as number);
  };
const binary =
  (compute: (a: number, b: number) => number): Rule<BinaryName> =>
  (_, { operands, out }) => {
    const [a, b] = operands as [Float64Array, Float64Array];
    // A single number is combined with every feature.
    const [strideA, strideB] = [a.length === 1 ? 0 : 1, b.length === 1 ? 0 : 1];
    for (let j = 0; j < out.length; j++) out[j] = compute(a[j * strideA] as number, b[j * strideB] as number);
  };
const first = ({ operands }: Place): Float64Array => operands[0] as Float64Array;
const total = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);
const oneOf = (values: Float64Array | undefined): number => values?.[0] as number;

const rules: { readonly [K in OpName]: Rule<K> } = {
  constant: (node, { out }) => out.fill(node.value),
  runtime_scalar: (node, { out, around }) => out.fill(around.run.settings[node.name as string] as number),
  input: (node, { out, around, row }) => {
    const values = around.run.inputs[node.name as string] as ArrayLike<number>;
    for (let j = 0; j < out.length; j++) out[j] = values[row * out.length + j] as number;
  },
  index: (node, { out, around, row }) => {
    out.fill((around.run.inputs[node.name as string] as ArrayLike<number>)[row] as number);
  },
  state: (node, { out, row, around }) => {
    const { batch } = around.run;
    const state = around.state(node.name as string, Math.floor(row / batch));
    for (let j = 0; j < out.length; j++) out[j] = state[(row % batch) * out.length + j] as number;
  },
  final: (node, { out, row, around }) => {
    const state = around.final(node.name as string);
    for (let j = 0; j < out.length; j++) out[j] = state[row * out.length + j] as number;
  },
  parameter: (node, at) => at.out.set(at.around.parameter(node.parameter)),
  mask: (node, { out, row, around: { run } }) => {
    const threshold = maskThreshold(node.rate);
    const key = maskKey(run.keys[0], node.stream);
    for (let j = 0; j < out.length; j++) {
      const bits = randomBits((node.locked ? row % run.batch : row) * out.length + j, key, run.keys[1]);
      out[j] = bits >= threshold ? 1 / (1 - node.rate) : 0;
    }
  },
  neg: unary(arithmetic.neg),
  sigmoid: unary(arithmetic.sigmoid),
  hard_sigmoid: unary(arithmetic.hard_sigmoid),
  tanh: unary(arithmetic.tanh),
  relu: unary(arithmetic.relu),
  softplus: unary(arithmetic.softplus),
  exp: unary(arithmetic.exp),
  log: unary(arithmetic.log),
  sqrt: unary(arithmetic.sqrt),
  abs: unary(arithmetic.abs),
  step: unary(arithmetic.step),
  add: binary(arithmetic.add),
  sub: binary(arithmetic.sub),
  mul: binary(arithmetic.mul),
  div: binary(arithmetic.div),
  min: binary(arithmetic.min),
  max: binary(arithmetic.max),
  where: binary(arithmetic.where),
  broadcast: (_, at) => at.out.fill(oneOf(first(at))),
  one_hot: (_, at) => {
    for (let j = 0; j < at.out.length; j++) at.out[j] = oneOf(first(at)) === j ? 1 : 0;
  },
  sum: (_, at) => at.out.fill(total(first(at))),
  max_of: (_, at) => at.out.fill(Math.max(...first(at))),
  logsumexp: (_, at) => {
    const values = first(at);
    const largest = Math.max(...values);
    at.out.fill(largest + Math.log(values.reduce((total, value) => total + Math.exp(value - largest), 0)));
  },
  concat: (_, { operands, out }) => {
    let start = 0;
    for (const part of operands) {
      out.set(part, start);
      start += part.length;
    }
  },
  slice: (node, at) => at.out.set(first(at).subarray(node.start, node.start + at.out.length)),
  // The operand is that of the step that is moved here; none, if none is.
  downsample: (_, { operands: [a], out }) => out.set(a ?? []),
  upsample: (_, { operands, out }) => out.set(operands.find((one) => one !== undefined) ?? []),
  stack: (_, { operands, out }) => {
    operands.forEach((one, t) => {
      out.set(one, t * one.length);
    });
  },
  unstack: (_, at) => {
    const start = Math.floor(at.row / at.around.run.batch) * at.out.length;
    at.out.set(first(at).subarray(start, start + at.out.length));
  },
  spread: (_, at) => at.out.set(first(at)),
  repeat_interleave: (node, at) => {
    for (let j = 0; j < at.out.length; j++) at.out[j] = first(at)[Math.floor(j / node.times)] as number;
  },
  tile: (_, at) => {
    for (let j = 0; j < at.out.length; j++) at.out[j] = first(at)[j % first(at).length] as number;
  },
  sum_rows: ({ columns }, at) => {
    for (let r = 0; r < at.out.length; r++) {
      at.out[r] = total(first(at).subarray(r * columns, (r + 1) * columns));
    }
  },
  sum_columns: ({ columns }, at) => {
    at.out.fill(0);
    for (let j = 0; j < first(at).length; j += columns) addTo(at.out, 0, first(at).subarray(j, j + columns));
  },
  matmul: (node, at) => {
    at.out.fill(0);
    addProduct(at, node.view, false, first(at));
  },
  matmul_transposed: (node, at) => {
    at.out.fill(0);
    addProduct(at, node.view, true, first(at));
  },
  matmul_sum: (node, at) => {
    at.out.fill(0);
    node.blocks.forEach(({ view, transposed }, k) => {
      addProduct(at, view, transposed, at.operands[k] as Float64Array);
    });
  },
  gather: (node, at) => {
    const [row, n] = [oneOf(first(at)), at.out.length];
    at.out.set(at.around.parameter(node.parameter).subarray(row * n, (row + 1) * n));
  },
  outer: ({ view }, at) => {
    const [gradient, columns] = [at.around.gradient(view.parameter), at.around.columnsOf(view.parameter)];
    const [left, right] = at.operands as [Float64Array, Float64Array];
    for (let r = 0; r < view.rows; r++) {
      const start = r * columns + view.column;
      for (let c = 0; c < view.columns; c++) {
        gradient[start + c] = (gradient[start + c] as number) + (left[r] as number) * (right[c] as number);
      }
    }
  },
  accumulate: (node, at) => addTo(at.around.gradient(node.parameter), 0, first(at)),
  scatter: (node, at) => {
    const row = oneOf(at.operands[1]);
    addTo(at.around.gradient(node.parameter), row * first(at).length, first(at));
  },
  sum_all: (node, at) => at.around.total(node.name as string, oneOf(first(at))),
};

function addTo(sums: Float64Array, start: number, values: Float64Array): void {
  for (let j = 0; j < values.length; j++) sums[start + j] = (sums[start + j] as number) + (values[j] as number);
}

/** out += the view times `values`, or its transpose times them. */
function addProduct(
  { out, around: { parameter, columnsOf } }: Place,
  view: ParameterView,
  transposed: boolean,
  values: Float64Array,
) {
  const [weights, stride] = [parameter(view.parameter), columnsOf(view.parameter)];
  for (let r = 0; r < view.rows; r++) {
    const start = r * stride + view.column;
    for (let c = 0; c < view.columns; c++) {
      const [to, from] = transposed ? [c, r] : [r, c];
      out[to] = (out[to] as number) + (weights[start + c] as number) * (values[from] as number);
    }
  }
}

/** The operands of a node; of a stack its operand for each step. */
const operandsOf = (node: Node): readonly NodeId[] =>
  node.op === "stack" ? Array.from({ length: node.steps }, () => node.inputs[0] as NodeId) : node.inputs;

/** The step of its operand k that a node reads at step t; there may be none, then it is not a step of the operand. */
function readAt(node: Node, k: number, t: number): number {
  if (node.op === "downsample") return t * node.by + node.offset;
  return node.op === "upsample" ? (t - (node.offsets[k] as number)) / node.by : t;
}

/**
 * Every node at every step, each after what it is computed from: a state's value from its next value one step before,
 * and at its first step from what it starts from. Memory is T * B * features for each node.
 */
export function interpret(graph: Graph, given: GraphValues): Result {
  const run: Required<GraphValues> = { inputs: {}, parameters: {}, states: {}, settings: {}, keys: [0, 0], ...given };
  const { steps, batch } = run;
  const sizeOf = (id: NodeId): number => {
    const shape = (graph.nodes[id] as Node).shape;
    return typeof shape === "number" ? shape : shape === "none" ? 0 : 1;
  };
  const same = fixedNodes(graph);
  const timesOf = (id: NodeId): number => {
    const node = graph.nodes[id] as Node;
    return stepsOf(same[id] && !node.perSequence ? { time: longestTime(steps) } : node, steps);
  };
  const values = graph.nodes.map((_, id) => new Float64Array(timesOf(id) * batch * sizeOf(id)));
  const rows = values.map((all, id) => {
    const n = sizeOf(id);
    return Array.from({ length: timesOf(id) * batch }, (_, row) => all.subarray(row * n, (row + 1) * n));
  });
  const shapes = new Map(graph.parameters.map((p) => [p.name, p.shape]));
  const gradients: Record<string, Float64Array> = {};
  const totals: Record<string, number> = {};

  const parameters = new Map<string, Float64Array>();
  const parameter = (name: string): Float64Array => {
    const given = parameters.get(name) ?? run.parameters[name];
    if (given === undefined) throw new Error(`internal: parameter ${name} was not given`);
    const values = given instanceof Float64Array ? given : Float64Array.from(given);
    parameters.set(name, values);
    return values;
  };

  const states = new Map(graph.states.map((state) => [state.name, state]));
  /** A state before step t, by the node that it is the value of: `next` one step before, or `initial`. */
  const source = (name: string, t: number): { id: NodeId; t: number } | undefined => {
    const state = states.get(name) as State;
    const { next, initial, reverse } = state;
    const before = reverse ? t + 1 : t - 1;
    if (before >= 0 && before < stepsOf(state, steps)) return { id: next, t: before };
    return initial === undefined ? undefined : { id: initial, t: 0 };
  };
  const start = (name: string): ArrayLike<number> =>
    run.states[name] ?? new Float64Array(batch * (states.get(name) as State).size);
  const stateAt = (name: string, t: number): ArrayLike<number> => {
    const from = source(name, t);
    return from === undefined ? start(name) : stepOf(from.id, from.t);
  };
  const stepOf = (id: NodeId, t: number): Float64Array =>
    (values[id] as Float64Array).subarray(t * batch * sizeOf(id), (t + 1) * batch * sizeOf(id));
  /** The step after a state's last one. */
  const end = (name: string): number => {
    const state = states.get(name) as State;
    return state.reverse ? -1 : stepsOf(state, steps);
  };
  const around: Surroundings = {
    run,
    parameter,
    state: stateAt,
    final: (name) => stateAt(name, end(name)),
    columnsOf: (name: string) => shapes.get(name)?.[1] as number,
    gradient: (name: string): Float64Array => {
      const shape = shapes.get(name) as readonly number[];
      gradients[name] ??= new Float64Array(shape.reduce((a, c) => a * c, 1));
      return gradients[name];
    },
    total: (name: string, value: number) => {
      totals[name] = (totals[name] ?? 0) + value;
    },
  };

  const done = graph.nodes.map((_, id) => new Uint8Array(timesOf(id)));
  /** A node at a step, for all examples, and before it all that it needs. */
  function compute(id: NodeId, t: number): void {
    const node = graph.nodes[id] as Node;
    const known = done[id] as Uint8Array;
    const at = node.perSequence ? 0 : t;
    if (known[at] === 1) return;
    known[at] = 1;
    if (node.op === "state" || node.op === "final") {
      const from = source(node.name, node.op === "final" ? end(node.name) : t);
      if (from !== undefined) compute(from.id, from.t);
    }
    const reads = operandsOf(node).map((input, k) => {
      const step = node.op === "stack" ? k : readAt(node, k, graph.nodes[input]?.perSequence ? 0 : t);
      return step in (done[input] as Uint8Array) ? { input, step } : undefined;
    });
    for (const one of reads) if (one !== undefined) compute(one.input, one.step);
    for (let b = 0; b < batch; b++) {
      const row = at * batch + b;
      const operands = reads.map((one) => one && rows[one.input]?.[one.step * batch + b]);
      const out = rows[id]?.[row] as Float64Array;
      (rules[node.op] as Rule<OpName>)(node, { operands: operands as Float64Array[], row, out, around });
    }
  }
  const all = (id: NodeId, t: number): void => {
    if (t < timesOf(id)) compute(id, t);
  };
  // In the order in which states mostly need it, so that the way back to the first step is short.
  const most = lengthOf(steps, longestTime(steps));
  for (let t = 0; t < most; t++) for (let id = 0; id < graph.forwardCount; id++) all(id, t);
  for (let t = most - 1; t >= 0; t--) for (let id = graph.forwardCount; id < graph.nodes.length; id++) all(id, t);

  return {
    value: (id) => values[id] as Float64Array,
    states: Object.fromEntries(graph.states.map(({ name }) => [name, Float64Array.from(stateAt(name, end(name)))])),
    gradients,
    totals,
  };
}
