/**
 * Graph to graph: append the backward step by reverse mode through one time step. Backpropagation through time is
 * that step run from the last time step to the first: the adjoint of a state is itself a state, which the backward
 * step of t + 1 hands to that of t.
 */
import { type Builder, createBuilder, dependencies, type Graph, type Node, type NodeId } from "../graph/graph.ts";
import type { FinalName, OpName } from "../graph/operations.ts";

/** The time axis of a value: one for every so many time steps, or, if it is 0, one per sequence. */
type Axis = number;
const axisOf = (g: Builder, id: NodeId): Axis => (g.isPerSequence(id) ? 0 : g.strideOf(id));

type Differentiable = Exclude<OpName, FinalName>;

/** The arguments of a gradient rule: the node, its operands, its value and the adjoint of that value. */
type Step<K extends Differentiable> = {
  readonly node: Node<K>;
  /** Operands of the node, by position. */
  readonly a: NodeId;
  readonly b: NodeId;
  /** The node's own value. */
  readonly y: NodeId;
  /** The adjoint of the node's value. */
  readonly d: NodeId;
  readonly g: Builder;
  /** Add to the adjoint of an operand; `value` is a function so that unneeded ones are never built. */
  readonly to: (operand: NodeId, value: () => NodeId) => void;
  /** The axis of the adjoint, even if it is the same for all steps: see `axisOf`. */
  readonly axis: Axis;
  /** Keep a sink: the gradient of a parameter. */
  readonly sink: (id: NodeId) => void;
};

const half = (g: Builder): NodeId => g.constant(0.5);
const one = (g: Builder): NodeId => g.constant(1);

/** 1 where a > b, 1/2 where equal, 0 elsewhere: a tie shares the adjoint. */
function wins(g: Builder, a: NodeId, b: NodeId): NodeId {
  const [above, below] = [g.unary("step", g.sub(a, b)), g.unary("step", g.sub(b, a))];
  return g.mul(g.add(one(g), g.sub(above, below)), half(g));
}

/** The derivative of every operation. A missing rule is a compile error. */
const derive: { readonly [K in Differentiable]: (s: Step<K>) => void } = {
  constant: () => {},
  runtime_scalar: () => {},
  input: () => {},
  index: () => {},
  mask: () => {},
  one_hot: () => {},
  // The adjoint of a state is a state too, which starts from the adjoint of the final value: see `grad`.
  state: () => {},
  final: () => {},
  parameter: ({ node, d, g, axis, sink }) =>
    sink(g.accumulate(node.parameter, d, axis === 0 ? { perSequence: true } : { stride: axis })),

  neg: ({ a, d, g, to }) => to(a, () => g.unary("neg", d)),
  sigmoid: ({ a, y, d, g, to }) => to(a, () => g.mul(d, g.mul(y, g.sub(one(g), y)))),
  hard_sigmoid: ({ a, d, g, to }) =>
    to(a, () => {
      const inside = g.mul(g.unary("step", g.add(a, g.constant(3))), g.unary("step", g.sub(g.constant(3), a)));
      return g.mul(d, g.mul(inside, g.constant(1 / 6)));
    }),
  tanh: ({ a, y, d, g, to }) => to(a, () => g.mul(d, g.sub(one(g), g.mul(y, y)))),
  relu: ({ a, d, g, to }) => to(a, () => g.mul(d, g.unary("step", a))),
  softplus: ({ a, d, g, to }) => to(a, () => g.mul(d, g.unary("sigmoid", a))),
  exp: ({ a, y, d, g, to }) => to(a, () => g.mul(d, y)),
  log: ({ a, d, g, to }) => to(a, () => g.div(d, a)),
  // 2^62 is more than any normal f32 needs: it only makes the derivative at 0 a number.
  sqrt: ({ node, a, y, d, g, to }) =>
    to(a, () => g.div(g.mul(d, half(g)), g.binary("max", y, g.constant(0.5 / (node.steepest ?? 2 ** 62))))),
  abs: ({ a, d, g, to }) => to(a, () => g.mul(d, g.sub(g.unary("step", a), g.unary("step", g.unary("neg", a))))),
  // Zero wherever it has a derivative.
  step: () => {},
  broadcast: ({ a, d, g, to }) => to(a, () => g.sum(d)),

  add: ({ a, b, d, to }) => {
    to(a, () => d);
    to(b, () => d);
  },
  sub: ({ a, b, d, g, to }) => {
    to(a, () => d);
    to(b, () => g.unary("neg", d));
  },
  mul: ({ a, b, d, g, to }) => {
    to(a, () => g.mul(d, b));
    to(b, () => g.mul(d, a));
  },
  div: ({ a, b, y, d, g, to }) => {
    to(a, () => g.div(d, b));
    to(b, () => g.unary("neg", g.div(g.mul(d, y), b)));
  },
  min: ({ a, b, d, g, to }) => {
    to(a, () => g.mul(d, wins(g, b, a)));
    to(b, () => g.mul(d, wins(g, a, b)));
  },
  max: ({ a, b, d, g, to }) => {
    to(a, () => g.mul(d, wins(g, a, b)));
    to(b, () => g.mul(d, wins(g, b, a)));
  },
  // The first operand only selects: it has no gradient.
  where: ({ a, b, d, g, to }) => to(b, () => g.where(a, d)),

  sum: ({ a, d, to }) => to(a, () => d),
  // The largest features share the adjoint.
  max_of: ({ a, y, d, g, to }) =>
    to(a, () => {
      const largest = g.sub(one(g), g.unary("step", g.sub(y, a)));
      return g.mul(g.div(d, g.sum(largest)), largest);
    }),
  logsumexp: ({ a, y, d, g, to }) => to(a, () => g.mul(d, g.unary("exp", g.sub(a, y)))),

  concat: ({ node, d, g, to }) => {
    let start = 0;
    for (const part of node.inputs) {
      const [from, size] = [start, g.shapeOf(part) as number];
      to(part, () => g.slice(d, from, size));
      start += size;
    }
  },
  slice: ({ node, a, d, g, to }) =>
    to(a, () => {
      const size = node.shape as number;
      const rest = (g.shapeOf(a) as number) - node.start - size;
      const zeros = (n: number): NodeId[] => (n > 0 ? [g.broadcast(g.constant(0), n)] : []);
      return g.concat([...zeros(node.start), d, ...zeros(rest)]);
    }),

  downsample: ({ node, a, d, g, to }) => to(a, () => g.upsample([d], g.strideOf(a), node.by, [node.offset])),
  upsample: ({ node, d, g, to }) =>
    node.inputs.forEach((part, k) => {
      to(part, () => g.downsample(d, node.by, node.offsets[k] as number));
    }),

  repeat_interleave: ({ node, a, d, g, to }) => to(a, () => g.sumRows(d, node.times)),
  tile: ({ a, d, g, to }) => to(a, () => g.sumColumns(d, g.shapeOf(a) as number)),
  sum_rows: ({ node, a, d, g, to }) => to(a, () => g.repeatInterleave(d, node.columns)),
  sum_columns: ({ node, a, d, g, to }) => to(a, () => g.tile(d, (g.shapeOf(a) as number) / node.columns)),

  matmul: ({ node, a, d, g, to, sink }) => {
    to(a, () => g.matmulTransposed(node.view, d));
    sink(g.outer(node.view, d, a));
  },
  matmul_transposed: ({ node, a, d, g, to, sink }) => {
    to(a, () => g.matmulView(node.view, d));
    sink(g.outer(node.view, a, d));
  },
  gather: ({ node, a, d, g, sink }) => sink(g.scatter(node.parameter, d, a)),
};

/** Nodes whose value depends on a parameter, or on one of these nodes, through any number of time steps. */
function varyingNodes(graph: Graph, wanted: readonly NodeId[]): readonly boolean[] {
  const found = graph.nodes.map(() => false);
  const varying = new Set<string>();
  for (let changed = true; changed; ) {
    changed = false;
    graph.nodes.forEach((node, id) => {
      const own = wanted.includes(id) || ["parameter", "matmul", "matmul_transposed", "gather"].includes(node.op);
      const through = (node.op === "state" || node.op === "final") && varying.has(node.name as string);
      found[id] = own || through || node.inputs.some((input) => found[input]);
    });
    for (const state of graph.states) {
      const starts = state.initial !== undefined && found[state.initial];
      if ((found[state.next] || starts) && !varying.has(state.name)) {
        varying.add(state.name);
        changed = true;
      }
    }
  }
  return found;
}

/**
 * The graph with its backward step: the gradient of the sum over examples and time steps of the output `of`, where it
 * is one number an example; where it is a vector, its adjoint is the input `d ${of}`. Each parameter's gradient is the
 * sum of the sinks that name it. The adjoint of state `s` is the state `d s`. The adjoints of the nodes `wanted` are the
 * outputs `d NAME`.
 */
export function grad(graph: Graph, of = "loss", wanted: Readonly<Record<string, NodeId>> = {}): Graph {
  const output = graph.outputs[of];
  if (output === undefined) throw new Error(`internal: no output ${of}`);
  const g = createBuilder(graph);
  const varying = varyingNodes(graph, Object.values(wanted));
  const needed = dependencies(graph, [output]);
  /**
   * The adjoints of values by the axis on which they are read. What is the same for all steps and examples, such as a parameter,
   * may be read on several, and then has one for each.
   */
  const strides = new Set(graph.nodes.map(({ stride = 1 }) => stride));
  const byAxis = new Map([...new Set([1, ...strides]), 0].map((axis) => [axis, new Map<NodeId, NodeId>()]));
  const adjointsOf = (axis: Axis): Map<NodeId, NodeId> => byAxis.get(axis) as Map<NodeId, NodeId>;

  function contribute(id: NodeId, value: NodeId, axis = axisOf(g, id)): void {
    const adjoints = adjointsOf(axis);
    const [shape, given] = [g.shapeOf(id), g.shapeOf(value)];
    let fitted = value;
    if (shape === "scalar" && typeof given === "number") fitted = g.sum(value);
    if (typeof shape === "number" && typeof given !== "number") fitted = g.broadcast(value, shape);
    const present = adjoints.get(id);
    adjoints.set(id, present === undefined ? fitted : g.add(present, fitted));
  }

  const handed = graph.states.flatMap((state) => {
    const [read, final] = (["state", "final"] as const).map((op) =>
      graph.nodes.findIndex((node, id) => node.op === op && node.name === state.name && needed[id]),
    ) as [NodeId, NodeId];
    const varies = varying[state.next] || (state.initial !== undefined && varying[state.initial]);
    return varies && Math.max(read, final) >= 0 ? [{ ...state, read, final, adjoint: `d ${state.name}` }] : [];
  });
  const shape = g.shapeOf(output);
  const times = g.isPerSequence(output) ? { perSequence: true } : { stride: g.strideOf(output) };
  contribute(output, typeof shape === "number" ? g.input(`d ${of}`, shape, times) : g.constant(1));
  for (const { adjoint, size, next, initial, reverse, stride = 1 } of handed) {
    contribute(next, g.state(adjoint, size, { reverse: !reverse, adjoint: true, stride }), stride);
    if (initial === undefined) continue;
    contribute(initial, g.final(adjoint), 0);
  }

  const sinks: NodeId[] = [];
  function derived(id: NodeId, d: NodeId, axis: Axis): void {
    const node = graph.nodes[id] as Node;
    const rule = derive[node.op as Differentiable] as ((s: Step<Differentiable>) => void) | undefined;
    if (rule === undefined) throw new Error(`internal: ${node.op} has no derivative`);
    const [a, b] = node.inputs as [NodeId, NodeId];
    const to = (operand: NodeId, value: () => NodeId): void => {
      if (!varying[operand] || g.shapeOf(operand) === "number") return;
      contribute(operand, value(), g.isFixed(operand) ? axis : axisOf(g, operand));
    };
    rule({ node: node as Node<Differentiable>, a, b, y: id, d, g, to, axis, sink: (s) => sinks.push(s) });
    if (node.name !== undefined && d >= graph.forwardCount) g.label(d, `d ${node.name}`);
  }
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    for (const [axis, adjoints] of byAxis) {
      const d = adjoints.get(id);
      if (d !== undefined && varying[id]) derived(id, d, axis);
    }
  }
  for (const { read, final, adjoint, size, stride = 1 } of handed) {
    g.next(adjoint, adjointsOf(stride).get(read) ?? g.broadcast(g.constant(0), size));
    const last = adjointsOf(0).get(final);
    if (last !== undefined) g.initial(adjoint, last);
  }
  const found = Object.entries(wanted).map(([name, id]) => {
    const shape = g.shapeOf(id);
    const none = typeof shape === "number" ? g.broadcast(g.constant(0), shape) : g.constant(0);
    return [`d ${name}`, adjointsOf(axisOf(g, id)).get(id) ?? adjointsOf(0).get(id) ?? none] as const;
  });
  return g.graph({ ...graph.outputs, ...Object.fromEntries(found) }, graph.forwardCount);
}
