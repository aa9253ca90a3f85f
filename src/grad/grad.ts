/**
 * Graph to graph: append the backward step by reverse mode through one time step. Backpropagation through time is
 * that step run from the last time step to the first: the adjoint of a state is itself a state, which the backward
 * step of t + 1 hands to that of t.
 */
import {
  type Axis,
  type Builder,
  createBuilder,
  dependencies,
  type Graph,
  type Node,
  type NodeId,
} from "../graph/graph.ts";
import type { FinalName, OpName } from "../graph/operations.ts";

/** When a value is: at each step of an axis, or once per sequence. */
type When = Axis & { readonly perSequence?: true };
const whenOf = (g: Builder, id: NodeId): When => (g.isPerSequence(id) ? { perSequence: true } : g.axisOf(id));

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
  /** When the adjoint is, even if it is the same at all steps. */
  readonly when: When;
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
  parameter: ({ node, d, g, when, sink }) => sink(g.accumulate(node.parameter, d, when)),

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

  downsample: ({ node, a, d, g, to }) => to(a, () => g.upsample([d], g.axisOf(a), node.by, [node.offset])),
  upsample: ({ node, d, g, to }) =>
    node.inputs.forEach((part, k) => {
      to(part, () => g.downsample(d, node.by, node.offsets[k] as number));
    }),

  stack: ({ a, d, g, to }) => to(a, () => g.unstack(d, g.shapeOf(a) as number, g.axisOf(a))),
  unstack: ({ node, a, d, g, to }) => to(a, () => g.stack(d, (g.shapeOf(a) as number) / (node.shape as number))),
  spread: ({ y, a, d, g, to }) => to(a, () => g.sumOfSteps(`d %${y}`, d, g.axisOf(y))),

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
   * The adjoints of values by when they are read. What is the same for all steps and examples, such as a parameter, may be read at
   * several axes, and then has one for each.
   */
  type Adjoints = Map<NodeId, NodeId>;
  const byWhen = new Map<string, { readonly when: When; readonly adjoints: Adjoints }>();
  const keyOf = ({ perSequence, stride = 1, time = 0 }: When): string => (perSequence ? "once" : `${stride} ${time}`);
  const once = { perSequence: true } as const;
  // All steps first, and once per sequence last.
  for (const { stride = 1, time = 0 } of [{}, ...graph.nodes] as readonly Axis[])
    byWhen.set(keyOf({ stride, time }), { when: { stride, time }, adjoints: new Map() });
  byWhen.set(keyOf(once), { when: once, adjoints: new Map() });
  const adjointsOf = (when: When): Adjoints => byWhen.get(keyOf(when))?.adjoints as Adjoints;

  function contribute(id: NodeId, value: NodeId, when = whenOf(g, id)): void {
    const adjoints = adjointsOf(when);
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
  contribute(output, typeof shape === "number" ? g.input(`d ${of}`, shape, whenOf(g, output)) : g.constant(1));
  for (const { adjoint, size, next, initial, reverse, stride = 1, time = 0 } of handed) {
    const axis = { stride, time };
    contribute(next, g.state(adjoint, size, { reverse: !reverse, adjoint: true, ...axis }), axis);
    if (initial === undefined) continue;
    contribute(initial, g.final(adjoint), once);
  }

  const sinks: NodeId[] = [];
  function derived(id: NodeId, d: NodeId, when: When): void {
    const node = graph.nodes[id] as Node;
    const rule = derive[node.op as Differentiable] as ((s: Step<Differentiable>) => void) | undefined;
    if (rule === undefined) throw new Error(`internal: ${node.op} has no derivative`);
    const [a, b] = node.inputs as [NodeId, NodeId];
    const to = (operand: NodeId, value: () => NodeId): void => {
      if (!varying[operand] || g.shapeOf(operand) === "number") return;
      contribute(operand, value(), g.isFixed(operand) ? when : whenOf(g, operand));
    };
    rule({ node: node as Node<Differentiable>, a, b, y: id, d, g, to, when, sink: (s) => sinks.push(s) });
    if (node.name !== undefined && d >= graph.forwardCount) g.label(d, `d ${node.name}`);
  }
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    for (const { when, adjoints } of byWhen.values()) {
      const d = adjoints.get(id);
      if (d !== undefined && varying[id]) derived(id, d, when);
    }
  }
  for (const { read, final, adjoint, size, stride = 1, time = 0 } of handed) {
    g.next(adjoint, adjointsOf({ stride, time }).get(read) ?? g.broadcast(g.constant(0), size));
    const last = adjointsOf(once).get(final);
    if (last !== undefined) g.initial(adjoint, last);
  }
  const found = Object.entries(wanted).map(([name, id]) => {
    const shape = g.shapeOf(id);
    const none = typeof shape === "number" ? g.broadcast(g.constant(0), shape) : g.constant(0);
    return [`d ${name}`, adjointsOf(whenOf(g, id)).get(id) ?? adjointsOf(once).get(id) ?? none] as const;
  });
  return g.graph({ ...graph.outputs, ...Object.fromEntries(found) }, graph.forwardCount);
}
