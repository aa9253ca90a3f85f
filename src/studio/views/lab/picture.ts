/**
 * Convert the graph of one time step to boxes to draw: leaves that belong to an operation are merged into its box, and
 * nested sums become one sum.
 */
import type { Graph, Node, NodeId } from "../../../graph/graph.ts";
import { type OpName, opClass } from "../../../graph/operations.ts";
import { fill, texts } from "../../texts/texts.ts";

const own = texts.lab.cell.graph;

export type BoxKind = "input" | "state" | "parameter" | "product" | "pointwise" | "other" | "output";

/** `operands` and `next` are indices of boxes. */
export type Box = {
  readonly label: string;
  readonly kind: BoxKind;
  /** The name of the equation that defines it. */
  readonly name?: string;
  readonly operands: readonly number[];
  /** Whether its product runs for all time steps at once. */
  readonly hoisted: boolean;
  /** Features. */
  readonly size: string;
};

export type Picture = {
  readonly boxes: readonly Box[];
  /** A link from the box with a state's new value to the box with its previous value. */
  readonly loops: readonly { readonly state: string; readonly from: number; readonly to: number }[];
};

/** The labels of operations whose operands are not in the label. */
const words: { readonly [K in OpName]: string } = {
  constant: "",
  runtime_scalar: "",
  input: "",
  index: "",
  state: "",
  final: "",
  parameter: "",
  mask: own.operations.mask,
  neg: "−",
  sigmoid: "σ",
  hard_sigmoid: own.operations.hardSigmoid,
  tanh: "tanh",
  relu: "relu",
  softplus: "softplus",
  exp: "exp",
  log: "log",
  sqrt: "√",
  abs: "abs",
  step: own.operations.step,
  broadcast: own.operations.broadcast,
  one_hot: "one-hot",
  add: "+",
  sub: "−",
  mul: "×",
  div: "÷",
  min: "min",
  max: "max",
  where: "where",
  sum: own.operations.sum,
  max_of: "max",
  logsumexp: "log-sum-exp",
  concat: own.operations.concat,
  slice: own.operations.slice,
  downsample: own.operations.downsample,
  upsample: own.operations.upsample,
  stack: own.operations.stack,
  unstack: own.operations.unstack,
  spread: own.operations.spread,
  repeat_interleave: own.operations.repeatInterleave,
  tile: own.operations.tile,
  sum_rows: own.operations.sumRows,
  sum_columns: own.operations.sumColumns,
  matmul: "@",
  matmul_transposed: "ᵀ@",
  gather: own.operations.gather,
  outer: own.operations.outer,
  accumulate: own.operations.sum,
  scatter: own.operations.scatter,
  sum_all: own.operations.sumAll,
  matmul_sum: "@",
};
const binary: ReadonlySet<OpName> = new Set<OpName>(["add", "sub", "mul", "div", "min", "max", "where"]);
const leaves: ReadonlySet<OpName> = new Set<OpName>(["constant", "parameter", "runtime_scalar"]);

/** @param hoisted the parameters whose products leave the time loop */
export function pictureOf(graph: Graph, hoisted: readonly string[]): Picture {
  const { nodes } = graph;
  const users = nodes.map(() => 0);
  for (const node of nodes) for (const input of node.inputs) users[input] = (users[input] as number) + 1;
  for (const { next } of graph.states) users[next] = (users[next] as number) + 1;
  for (const id of Object.values(graph.outputs)) users[id] = (users[id] as number) + 1;
  const at = (id: NodeId): Node => nodes[id] as Node;
  const isLeaf = (id: NodeId): boolean => leaves.has(at(id).op);
  /** A leaf that is merged into the one operation that reads it. */
  const joins = (id: NodeId, { op, inputs }: Node): boolean =>
    isLeaf(id) && binary.has(op) && inputs.some((other) => !isLeaf(other));
  const leafText = (id: NodeId): string => {
    const node = at(id);
    if (node.op === "constant") return `${Number(node.value.toPrecision(4))}`;
    return node.op === "parameter" ? node.parameter : (node.name ?? "");
  };
  /** The terms of a sum, through nested sums without a name and without another reader. */
  const addends = (id: NodeId, node: Node): NodeId[] =>
    node.inputs.flatMap((input) => {
      const inner = at(input);
      const merged = inner.op === "add" && inner.name === undefined && users[input] === 1;
      return merged && input !== id ? addends(input, inner) : [input];
    });

  // Go from the outputs backwards: a value that was merged into another box is not an operand.
  const wanted = new Set<NodeId>();
  const operandsOf = new Map<NodeId, { readonly drawn: NodeId[]; readonly label: string }>();
  const want = (id: NodeId): void => {
    if (wanted.has(id)) return;
    wanted.add(id);
    const node = at(id);
    const all = node.op === "add" ? addends(id, node) : [...node.inputs];
    const drawn = all.filter((input) => !joins(input, node));
    const joined = all.filter((input) => joins(input, node)).map(leafText);
    operandsOf.set(id, { drawn, label: labelOf(node, joined, all[0] !== undefined && joins(all[0], node)) });
    drawn.forEach(want);
  };
  for (const { next } of graph.states) want(next);
  for (const id of Object.values(graph.outputs)) want(id);

  const ids = [...wanted].sort((a, b) => a - b);
  const position = new Map(ids.map((id, k) => [id, k]));
  const boxes: Box[] = ids.map((id) => {
    const node = at(id);
    const { drawn, label } = operandsOf.get(id) as { drawn: NodeId[]; label: string };
    const leaf = opClass[node.op] === "leaf";
    const named = !leaf && node.name !== undefined;
    return {
      label: leaf ? leafText(id) || (node.name ?? "") : named ? `${node.name} = ${label}` : label,
      kind: kindOf(node.op),
      ...(node.name !== undefined && { name: node.name }),
      operands: drawn.map((input) => position.get(input) as number),
      hoisted: "view" in node && hoisted.includes(node.view.parameter),
      size: typeof node.shape === "number" ? fill(own.features, { n: node.shape }) : own.oneNumber,
    };
  });
  for (const [name, id] of Object.entries(graph.outputs)) {
    boxes.push({ label: name, kind: "output", operands: [position.get(id) as number], hoisted: false, size: "" });
  }
  const loops = graph.states.flatMap(({ name, next }) => {
    const to = ids.findIndex((id) => at(id).op === "state" && at(id).name === name);
    return to < 0 ? [] : [{ state: name, from: position.get(next) as number, to }];
  });
  return { boxes, loops };
}

function labelOf(node: Node, joined: readonly string[], first: boolean): string {
  if ("view" in node) return `${node.view.parameter} ${words[node.op]}`;
  const word = words[node.op];
  if (joined.length === 0) return word;
  return first && node.op !== "add" && node.op !== "mul"
    ? `${joined[0]} ${word}`
    : `${word} ${joined.join(` ${word} `)}`;
}

function kindOf(op: OpName): BoxKind {
  if (op === "input" || op === "index") return "input";
  if (op === "state") return "state";
  if (leaves.has(op)) return "parameter";
  const group = opClass[op];
  return group === "product" ? "product" : group === "pointwise" ? "pointwise" : "other";
}
