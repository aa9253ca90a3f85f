/**
 * The Graph: one time step as a DAG of typed operations; and the builder that makes one. The builder folds constants,
 * shares equal nodes and drops identities (a * 1, a + 0).
 */
import {
  type Attributes,
  type BinaryName,
  type OpName,
  opClass,
  type ParameterView,
  type ProductBlock,
  type ReductionName,
  type Shape,
  type UnaryName,
} from "./operations.ts";

export type NodeId = number;

/** One operation. Its id is its position in the graph; operands come before users. */
export type Node<K extends OpName = OpName> = {
  [Op in K]: {
    readonly op: Op;
    readonly inputs: readonly NodeId[];
    readonly shape: Shape;
    /** One value per sequence, not one per time step. */
    readonly perSequence?: true;
    /** The name of its equation, with the layer: `lstm.f`, `lstm.c'`. */
    readonly name?: string;
  } & Axis &
    Attributes[Op];
}[K];

/** A time axis. All values that are combined have one, but for those that are the same at all steps. */
export type Axis = {
  /** One value for every `stride` time steps: at steps 0, `stride`, 2 * `stride` and so on. 1 where absent. */
  readonly stride?: number;
  /** Whose time it is, where sequences differ in length: a number from 1 on, and 0, the first of them, where absent. */
  readonly time?: number;
};
/** How many time steps there are: of all sequences, or of those of each time, by its number. */
export type Steps = number | readonly number[];

/** A value that one step hands to the next: to step t + 1, or, where `reverse`, to step t - 1. */
export type State = Axis & {
  readonly name: string;
  readonly size: number;
  readonly next: NodeId;
  readonly reverse: boolean;
  /** A state of the backward step: it starts from zeros in each run and cannot be read or set from outside. */
  readonly adjoint?: true;
  /** The value that the first step reads, one per sequence; without it, the value set from outside, at first zeros. */
  readonly initial?: NodeId;
};

/** How a parameter starts: a Keras initialiser's name and its numbers. */
export type Initializer = { readonly name: string; readonly values: readonly number[] };

/** A vector [n] or, for `W @ x`, a matrix [rows, columns]: one row per output, one column per input. */
export type Parameter = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
};

export type Graph = {
  readonly nodes: readonly Node[];
  readonly states: readonly State[];
  readonly parameters: readonly Parameter[];
  /** The nodes that are read from outside, by name: "output", "loss". */
  readonly outputs: Readonly<Record<string, NodeId>>;
  /** Nodes before this position are the forward step, the others the backward step. */
  readonly forwardCount: number;
};

export type Builder = ReturnType<typeof createBuilder>;
type StateKind = Axis & { readonly reverse?: boolean; readonly adjoint?: boolean };
/** One value per sequence, or one for each step of an axis. */
type Times = Axis & { readonly perSequence?: boolean };

/** The time of the longest sequences. */
export const longestTime = (steps: Steps): number =>
  typeof steps === "number"
    ? 0
    : steps.reduce((best, count, time) => (count > (steps[best] as number) ? time : best), 0);
/** The length of a time. */
export const lengthOf = (steps: Steps, time = 0): number => (typeof steps === "number" ? steps : (steps[time] ?? 1));
/** How many values there are, of an example, where a model runs for `steps` time steps. */
export function stepsOf(of: Axis & Pick<Node, "perSequence">, steps: Steps): number {
  return of.perSequence ? 1 : Math.ceil(lengthOf(steps, of.time) / (of.stride ?? 1));
}
/** Whether two values have one axis, neither of them once a sequence. */
export const sameAxis = (a: Axis, b: Axis): boolean =>
  (a.stride ?? 1) === (b.stride ?? 1) && (a.time ?? 0) === (b.time ?? 0);
/** An axis in its one form: what is as usual is absent. */
const axisAs = ({ stride = 1, time = 0 }: Axis): Axis => ({ ...(stride > 1 && { stride }), ...(time > 0 && { time }) });

/** Number of features of a vector shape; a scalar has 1. */
export function features(shape: Shape): number {
  if (typeof shape === "number") return shape;
  if (shape === "scalar") return 1;
  throw new Error(`internal: a value of shape ${shape} has no features`);
}

/** For each node, whether one of the nodes `of` depends on it, through any number of time steps, or is it. */
export function dependencies(graph: Pick<Graph, "nodes" | "states">, of: readonly NodeId[]): readonly boolean[] {
  const found = graph.nodes.map(() => false);
  const states = new Map(graph.states.map((state) => [state.name, state]));
  const queue = [...of];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    if (found[id]) continue;
    found[id] = true;
    const node = graph.nodes[id] as Node;
    queue.push(...predecessors(node, states));
  }
  return found;
}

/** For each node, whether it is the same for all steps and examples: made of parameters and numbers alone. */
export function fixedNodes({ nodes }: Pick<Graph, "nodes">): readonly boolean[] {
  const found: boolean[] = [];
  for (const { op, inputs, shape } of nodes) {
    const leaf = op === "constant" || op === "runtime_scalar" || op === "parameter";
    found.push(leaf || (shape !== "none" && inputs.length > 0 && inputs.every((input) => found[input])));
  }
  return found;
}

/** The nodes that a node is computed from, in its own time step or another. */
export function predecessors(node: Node, states: ReadonlyMap<string, State>): readonly NodeId[] {
  if (node.op !== "state" && node.op !== "final") return node.inputs;
  const { next, initial } = states.get(node.name as string) as State;
  return node.op === "final" || initial === undefined ? [next] : [next, initial];
}

/** Whether a node reads no other: an input, a state, a parameter or the like. */
export function isLeaf(node: Node): boolean {
  return opClass[node.op] === "leaf";
}

/** Whether a node exists nowhere by itself: a pass reads its operand in its place, each feature as often as it stands there. */
export function isView(node: Node): boolean {
  return node.op === "repeat_interleave" || node.op === "tile" || node.op === "spread";
}

/** Whether a node's values are some of its operand's, or its operands', at other steps of time. */
export function isResampled(node: Node): node is Node<"downsample" | "upsample"> {
  return node.op === "downsample" || node.op === "upsample";
}

/** Whether a node's values are its operand's elsewhere in time, copied step by step. */
export function isMoved(node: Node): node is Node<"downsample" | "upsample" | "stack" | "unstack"> {
  return isResampled(node) || node.op === "stack" || node.op === "unstack";
}

/** What a pass loads for a node: the operand of a view, any other node itself. */
export function viewed(graph: Graph, id: NodeId): NodeId {
  const node = graph.nodes[id] as Node;
  return isView(node) ? (node.inputs[0] as NodeId) : id;
}

/** Whether an operation, of values that do not change from step to step, has a value that does not. */
function movesWithSpread({ op }: Node): boolean {
  if (op === "mask" || op === "spread" || op === "stack" || op === "unstack") return false;
  const kind = opClass[op];
  return (
    kind === "pointwise" || kind === "reduction" || kind === "layout" || op === "matmul" || op === "matmul_transposed"
  );
}

const foldUnary: { readonly [K in UnaryName]: (a: number) => number } = {
  neg: (a) => -a,
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  hard_sigmoid: (a) => Math.min(1, Math.max(0, a / 6 + 0.5)),
  tanh: Math.tanh,
  relu: (a) => (a > 0 || Number.isNaN(a) ? a : 0),
  softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  step: (a) => (a > 0 ? 1 : 0),
};
const foldBinary: { readonly [K in BinaryName]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
  where: (a, b) => (a === 0 ? 0 : b),
};
/** The pointwise operations on f64 numbers, used by constant folding and by the reference interpreter. */
export const arithmetic = { ...foldUnary, ...foldBinary };

/** Start a graph, or extend one (its nodes keep their ids). */
export function createBuilder(base?: Graph) {
  const nodes: Node[] = base ? [...base.nodes] : [];
  type Declared = Axis & { size: number; next: NodeId; reverse: boolean; adjoint?: true; initial?: NodeId };
  const states = new Map<string, Declared>(base?.states.map(({ name, ...state }) => [name, { ...state }]));
  const parameters = new Map<string, Parameter>(base?.parameters.map((p) => [p.name, p]));
  // Node ids by content, so that equal nodes are one. The backward step shares the nodes of the forward step too.
  const known = new Map<string, NodeId>();
  nodes.forEach((node, id) => {
    known.set(keyOf(node), id);
  });

  function keyOf({ name: _, ...content }: Node): string {
    // The name of a leaf is part of its content; the name of any other node is only a label.
    const label = ["runtime_scalar", "input", "index", "state", "final", "sum_all"].includes(content.op) ? _ : "";
    return JSON.stringify([label, content]);
  }
  /** Whether a value is the same for all steps and examples. */
  const fixed = (id: NodeId): boolean => {
    const { op, inputs } = nodes[id] as Node;
    return (
      op === "constant" || op === "runtime_scalar" || op === "parameter" || (inputs.length > 0 && inputs.every(fixed))
    );
  };
  /** `at`: its axis, unless it is that of its operands. */
  function push(made: Node, at?: Axis): NodeId {
    const before = spreadBefore(made);
    if (before !== undefined) return before;
    const crosses = isMoved(made) || made.op === "spread";
    const perSequence = made.perSequence ?? (!crosses && made.inputs.some(isPerSequence));
    const nodeOf = (id: NodeId): Node => nodes[id] as Node;
    const other = made.inputs.find((id) => nodeOf(id).stride !== undefined || nodeOf(id).time !== undefined);
    const axis = perSequence ? {} : axisAs(at ?? (other === undefined ? {} : nodeOf(other)));
    const fits = (id: NodeId): boolean => (perSequence ? isPerSequence(id) : sameAxis(nodeOf(id), axis));
    const wrong = crosses ? undefined : made.inputs.find((id) => !fits(id) && !fixed(id));
    if (wrong !== undefined) throw new Error(`internal: ${made.op} of %${wrong}, whose steps are others`);
    const node: Node = { ...made, ...(perSequence && { perSequence }), ...axis };
    const key = keyOf(node);
    const found = known.get(key);
    if (found !== undefined) return found;
    nodes.push(node);
    known.set(key, nodes.length - 1);
    return nodes.length - 1;
  }
  /** What is computed from nothing but values of the sequence is computed once, and then stands at each step. */
  function spreadBefore(made: Node): NodeId | undefined {
    if (!movesWithSpread(made)) return undefined;
    const operands = made.inputs.map((id) => nodes[id] as Node);
    const whole = operands.find(({ op }) => op === "spread");
    if (whole === undefined || operands.some(({ op }, k) => op !== "spread" && !fixed(made.inputs[k] as NodeId)))
      return undefined;
    const inputs = operands.map(({ op, inputs: [own] }, k) => (op === "spread" ? own : made.inputs[k]) as NodeId);
    return self.spread(push({ ...made, inputs }), axisAs(whole));
  }
  const shapeOf = (id: NodeId): Shape => (nodes[id] as Node).shape;
  const isPerSequence = (id: NodeId): boolean => (nodes[id] as Node).perSequence === true;
  const axisOf = (id: NodeId): Axis => axisAs(nodes[id] as Node);
  const numberOf = (id: NodeId): number | undefined => {
    const node = nodes[id] as Node;
    return node.op === "constant" ? node.value : undefined;
  };
  function vectorSize(id: NodeId, op: OpName): number {
    const shape = shapeOf(id);
    if (typeof shape !== "number") throw new Error(`internal: ${op} needs a vector, got ${shape}`);
    return shape;
  }

  const leaf = ({ perSequence = false }: Times): { inputs: []; perSequence?: true } => ({
    inputs: [],
    ...(perSequence && { perSequence }),
  });
  const self = {
    shapeOf,
    isPerSequence,
    axisOf,
    isFixed: fixed,
    constant: (value: number): NodeId => push({ op: "constant", inputs: [], shape: "number", value }),
    runtimeScalar: (name: string): NodeId => push({ op: "runtime_scalar", inputs: [], shape: "number", name }),
    input: (name: string, shape: number | "scalar", times: Times = {}): NodeId =>
      push({ op: "input", ...leaf(times), shape, name }, times),
    index: (name: string, times: Times = {}): NodeId =>
      push({ op: "index", ...leaf(times), shape: "index", name }, times),
    mask: (size: number, rate: number, stream: number, times: Times & { readonly locked?: boolean } = {}): NodeId =>
      push({ op: "mask", ...leaf(times), shape: size, rate, stream, ...(times.locked && { locked: true }) }, times),

    /** Declare a state; `next` must be called before the graph is made. */
    state(name: string, size: number, { reverse = false, adjoint = false, ...axis }: StateKind = {}): NodeId {
      if (states.has(name)) throw new Error(`internal: two states ${name}`);
      states.set(name, { size, next: -1, reverse, ...(adjoint && { adjoint }), ...axisAs(axis) });
      return push({ op: "state", inputs: [], shape: size, name }, axis);
    },
    next(name: string, value: NodeId): void {
      const state = states.get(name);
      if (state === undefined) throw new Error(`internal: no state ${name}`);
      if (shapeOf(value) !== state.size) {
        throw new Error(`internal: state ${name} has ${state.size} features, got ${shapeOf(value)}`);
      }
      if (!sameAxis(axisOf(value), state) && !fixed(value)) throw new Error(`internal: steps of state ${name}`);
      state.next = value;
    },
    /** Set what a declared state starts from: one value per sequence, or one for all sequences. */
    initial(name: string, value: NodeId): void {
      const state = states.get(name);
      if (state?.size !== shapeOf(value) || !(isPerSequence(value) || fixed(value))) {
        throw new Error(`internal: state ${name} from %${value}`);
      }
      state.initial = value;
    },
    /** The value of a declared state after its last step. */
    final(name: string): NodeId {
      const state = states.get(name);
      if (state === undefined) throw new Error(`internal: no state ${name}`);
      return push({ op: "final", inputs: [], shape: state.size, name, perSequence: true });
    },
    /** Declare a parameter: [n] or [rows, columns]. */
    declare(name: string, shape: readonly number[], initializer: Initializer): void {
      if (parameters.has(name)) throw new Error(`internal: two parameters ${name}`);
      parameters.set(name, { name, shape, initializer });
    },
    declaredShape: (name: string): readonly number[] | undefined => parameters.get(name)?.shape,
    /** A declared parameter as a value; of a matrix its numbers, row after row. */
    parameter(name: string): NodeId {
      const size = declared(name).shape.reduce((a, b) => a * b);
      return push({ op: "parameter", inputs: [], shape: size, parameter: name });
    },
    unary(op: UnaryName, a: NodeId, attributes: Attributes["sqrt"] = {}): NodeId {
      const value = numberOf(a);
      if (value !== undefined) return self.constant(arithmetic[op](value));
      const node = nodes[a] as Node;
      if (op === "neg" && node.op === "neg") return node.inputs[0] as NodeId;
      return push({ op, inputs: [a], shape: shapeOf(a), ...attributes } as Node);
    },
    binary(op: BinaryName, a: NodeId, b: NodeId): NodeId {
      const [x, y] = [numberOf(a), numberOf(b)];
      if (x !== undefined && y !== undefined) return self.constant(arithmetic[op](x, y));
      if ((op === "mul" || op === "where") && x === 1) return b;
      if ((op === "mul" || op === "div") && y === 1) return a;
      if (op === "mul" && x === -1) return self.unary("neg", b);
      if (op === "mul" && y === -1) return self.unary("neg", a);
      if (op === "add" && x === 0) return b;
      if ((op === "add" || op === "sub") && y === 0) return a;
      const both = op === "add" ? upsampledTogether(nodes[a] as Node, nodes[b] as Node) : undefined;
      if (both !== undefined) return both;
      const [s, t] = [shapeOf(a), shapeOf(b)];
      const shape = typeof s === "number" ? s : typeof t === "number" ? t : s === "scalar" ? s : t;
      if (typeof s === "number" && typeof t === "number" && s !== t) {
        throw new Error(`internal: ${op} of ${s} and ${t} features`);
      }
      return push({ op, inputs: [a, b], shape } as Node);
    },
    add: (a: NodeId, b: NodeId): NodeId => self.binary("add", a, b),
    sub: (a: NodeId, b: NodeId): NodeId => self.binary("sub", a, b),
    mul: (a: NodeId, b: NodeId): NodeId => self.binary("mul", a, b),
    div: (a: NodeId, b: NodeId): NodeId => self.binary("div", a, b),
    where: (a: NodeId, b: NodeId): NodeId => self.binary("where", a, b),
    /** A scalar repeated over `size` features. */
    broadcast: (a: NodeId, size: number): NodeId => push({ op: "broadcast", inputs: [a], shape: size }),
    oneHot: (index: NodeId, size: number): NodeId => push({ op: "one_hot", inputs: [index], shape: size }),
    reduce(op: ReductionName, a: NodeId): NodeId {
      vectorSize(a, op);
      return push({ op, inputs: [a], shape: "scalar" } as Node);
    },
    sum: (a: NodeId): NodeId => self.reduce("sum", a),
    mean: (a: NodeId): NodeId => self.mul(self.sum(a), self.constant(1 / vectorSize(a, "sum"))),
    softmax: (a: NodeId): NodeId => self.unary("exp", self.sub(a, self.reduce("logsumexp", a))),
    concat(parts: readonly NodeId[]): NodeId {
      if (parts.length === 1) return parts[0] as NodeId;
      const shape = parts.reduce((total, id) => total + vectorSize(id, "concat"), 0);
      return push({ op: "concat", inputs: parts, shape });
    },
    slice(a: NodeId, start: number, size: number): NodeId {
      if (start === 0 && size === vectorSize(a, "slice")) return a;
      return push({ op: "slice", inputs: [a], shape: size, start });
    },
    /** Of every `by` steps of a value the one at `offset`. */
    downsample(a: NodeId, by: number, offset: number): NodeId {
      if (by === 1 || fixed(a) || isPerSequence(a)) return a;
      const { stride = 1, ...axis } = axisOf(a);
      return push({ op: "downsample", inputs: [a], shape: shapeOf(a), by, offset }, { ...axis, stride: stride * by });
    },
    /** Values of every `by` steps of an axis, each back at its step. */
    upsample: (parts: readonly NodeId[], axis: Axis, by: number, offsets: readonly number[]): NodeId =>
      push({ op: "upsample", inputs: parts, shape: shapeOf(parts[0] as NodeId), by, offsets }, axis),
    /** All steps of a vector (n), `steps` of them: (steps x n), one row a step, once per sequence. */
    stack: (a: NodeId, steps: number): NodeId =>
      fixed(a)
        ? self.tile(a, steps)
        : push({ op: "stack", inputs: [a], shape: steps * vectorSize(a, "stack"), steps, perSequence: true }),
    /** Of a vector with all steps of an axis the `size` features of each step. */
    unstack: (a: NodeId, size: number, axis: Axis): NodeId => push({ op: "unstack", inputs: [a], shape: size }, axis),
    /** What is one value per sequence, at each step of an axis. */
    spread: (a: NodeId, axis: Axis): NodeId =>
      fixed(a) ? a : push({ op: "spread", inputs: [a], shape: shapeOf(a) }, axis),
    /** The sum of a value over all steps of an axis, once per sequence: an adjoint of this name. */
    sumOfSteps(name: string, a: NodeId, axis: Axis): NodeId {
      const shape = shapeOf(a);
      const [size, value] = typeof shape === "number" ? [shape, a] : [1, self.broadcast(a, 1)];
      const before = self.state(name, size, { reverse: true, adjoint: true, ...axis });
      self.initial(name, self.broadcast(self.constant(0), size));
      self.next(name, self.add(before, value));
      const all = self.final(name);
      return typeof shape === "number" ? all : self.sum(all);
    },
    /** Repeat a vector (n) as every column of a matrix (n x times). */
    repeatInterleave(a: NodeId, times: number): NodeId {
      const size = vectorSize(a, "repeat_interleave");
      if (times === 1) return a;
      if (size === 1) return self.broadcast(self.sum(a), times);
      return push({ op: "repeat_interleave", inputs: [a], shape: size * times, times });
    },
    /** Repeat a vector (m) as every row of a matrix (times x m). */
    tile(a: NodeId, times: number): NodeId {
      const size = vectorSize(a, "tile");
      if (times === 1) return a;
      if (size === 1) return self.broadcast(self.sum(a), times);
      return push({ op: "tile", inputs: [a], shape: size * times, times });
    },
    /** Sum of each row of a matrix (n x columns), to n numbers. */
    sumRows(a: NodeId, columns: number): NodeId {
      const rows = rowsOf(a, columns);
      if (columns === 1) return a;
      if (rows === 1) return self.broadcast(self.sum(a), 1);
      return push({ op: "sum_rows", inputs: [a], shape: rows, columns });
    },
    /** Sum of each column of a matrix (n x columns), to `columns` numbers. */
    sumColumns(a: NodeId, columns: number): NodeId {
      const rows = rowsOf(a, columns);
      if (rows === 1) return a;
      if (columns === 1) return self.broadcast(self.sum(a), 1);
      return push({ op: "sum_columns", inputs: [a], shape: columns, columns });
    },
    /** The outer product a bᵀ of vectors (n) and (m): a matrix (n x m). */
    outerProduct: (a: NodeId, b: NodeId): NodeId =>
      self.mul(self.repeatInterleave(a, vectorSize(b, "tile")), self.tile(b, vectorSize(a, "repeat_interleave"))),
    /** A matrix value (n x m) times a vector (m). */
    matrixVector: (matrix: NodeId, a: NodeId): NodeId => {
      const columns = vectorSize(a, "tile");
      return self.sumRows(self.mul(matrix, self.tile(a, rowsOf(matrix, columns))), columns);
    },
    /** A vector (n) times a matrix value (n x columns): the sum of its rows, each times its number of the vector. */
    vectorMatrix: (a: NodeId, matrix: NodeId, columns: number): NodeId =>
      self.sumColumns(self.mul(matrix, self.repeatInterleave(a, columns)), columns),
    /**
     * A declared matrix times a vector. A concatenated operand is split: each part multiplies its own columns, so that
     * the parts that are not states can be hoisted out of the time loop.
     */
    matmul(name: string, a: NodeId): NodeId {
      const [rows, columns] = declared(name).shape as [number, number];
      const node = nodes[a] as Node;
      const parts = node.op === "concat" ? node.inputs : [a];
      let column = 0;
      let result: NodeId | undefined;
      for (const part of parts) {
        const view = { parameter: name, rows, column, columns: vectorSize(part, "matmul") };
        const product = push({ op: "matmul", inputs: [part], shape: rows, view });
        result = result === undefined ? product : self.add(result, product);
        column += view.columns;
      }
      if (column !== columns) throw new Error(`internal: ${name} has ${columns} columns, its operand ${column}`);
      return result as NodeId;
    },
    matmulView: (view: ParameterView, a: NodeId): NodeId => push({ op: "matmul", inputs: [a], shape: view.rows, view }),
    matmulTransposed: (view: ParameterView, a: NodeId): NodeId =>
      push({ op: "matmul_transposed", inputs: [a], shape: view.columns, view }),
    /** The row of a declared matrix [count, size] that `index` names. */
    gather(name: string, index: NodeId): NodeId {
      return push({ op: "gather", inputs: [index], shape: declared(name).shape[1] as number, parameter: name });
    },
    outer: (view: ParameterView, rows: NodeId, columns: NodeId): NodeId =>
      push({ op: "outer", inputs: [rows, columns], shape: "none", view }),
    accumulate: (parameter: string, a: NodeId, times: Times = {}): NodeId =>
      push(
        {
          op: "accumulate",
          ...leaf({ perSequence: times.perSequence || isPerSequence(a) }),
          inputs: [a],
          shape: "none",
          parameter,
        },
        fixed(a) ? times : axisOf(a),
      ),
    scatter: (parameter: string, a: NodeId, index: NodeId): NodeId =>
      push({ op: "scatter", inputs: [a, index], shape: "none", parameter }),
    sumAll: (name: string, a: NodeId): NodeId => push({ op: "sum_all", inputs: [a], shape: "none", name }),
    matmulSum: (blocks: readonly ProductBlock[], operands: readonly NodeId[], size: number): NodeId =>
      push({ op: "matmul_sum", inputs: operands, shape: size, blocks }),

    /** Give a node the name of its equation; the first name stays. Leaves keep theirs. */
    label(id: NodeId, name: string): void {
      const node = nodes[id] as Node;
      if (node.name === undefined) nodes[id] = { ...node, name };
    },
    count: (): number => nodes.length,
    node: (id: NodeId): Node => nodes[id] as Node,

    /** The finished graph. By default all nodes so far are the forward step. */
    graph(outputs: Readonly<Record<string, NodeId>>, forwardCount = nodes.length): Graph {
      const list: State[] = [];
      for (const [name, state] of states) {
        if (state.next < 0) throw new Error(`internal: no next ${name}`);
        list.push({ name, ...state });
      }
      return { nodes: [...nodes], states: list, parameters: [...parameters.values()], outputs, forwardCount };
    },
  };
  /** A sum of values at different steps is no sum. */
  function upsampledTogether(a: Node, b: Node): NodeId | undefined {
    if (a.op !== "upsample" || b.op !== "upsample" || a.by !== b.by || !sameAxis(a, b)) return undefined;
    if (a.shape !== b.shape || a.offsets.some((offset) => b.offsets.includes(offset))) return undefined;
    return self.upsample([...a.inputs, ...b.inputs], axisAs(a), a.by, [...a.offsets, ...b.offsets]);
  }
  function rowsOf(matrix: NodeId, columns: number): number {
    const rows = vectorSize(matrix, "sum_rows") / columns;
    if (!Number.isInteger(rows)) throw new Error(`internal: rows of ${columns}`);
    return rows;
  }
  function declared(name: string): Parameter {
    const parameter = parameters.get(name);
    if (parameter === undefined) throw new Error(`internal: parameter ${name} is not declared`);
    return parameter;
  }
  return self;
}
