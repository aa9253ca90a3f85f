/** Print a graph, one line per node: `%7 f = sigmoid %6 : 128`. For people and for snapshots. */
import type { Axis, Graph, Node, NodeId } from "./graph.ts";
import type { OpName, ParameterView } from "./operations.ts";

/**
 * States and parameters, then the nodes of the forward step, those of the backward step if there is one, then the outputs.
 * A state's line names the node of its next value. A shape follows the colon; `once` marks one value per sequence, and
 * `every 2` one for every second time step; `of time 1` is another time than the first.
 */
export function printGraph(graph: Graph): string {
  const lines: string[] = [];
  for (const { name, size, next, reverse, initial, ...axis } of graph.states) {
    const start = initial === undefined ? "" : ` from %${initial}`;
    lines.push(`state ${name} ${size} next %${next}${reverse ? " reverse" : ""}${start}${printAxis(axis)}`);
  }
  for (const { name, shape, initializer } of graph.parameters) {
    const values = initializer.values.length > 0 ? `(${initializer.values.join(", ")})` : "";
    lines.push(`parameter ${name} ${shape.join("x")} ${initializer.name}${values}`);
  }
  const nodes = graph.nodes.map((node, id) => `  ${printNode(graph, node, id)}`);
  lines.push("forward", ...nodes.slice(0, graph.forwardCount));
  if (nodes.length > graph.forwardCount) lines.push("backward", ...nodes.slice(graph.forwardCount));
  for (const [name, id] of Object.entries(graph.outputs)) lines.push(`output ${name} %${id}`);
  return lines.join("\n");
}

function printNode(graph: Graph, node: Node, id: NodeId): string {
  const detail = (attributes[node.op] as (node: Node, graph: Graph) => string)(node, graph);
  const own = namedByAttribute.has(node.op) || node.name === undefined ? "" : ` ${node.name}`;
  const words = [node.op, detail, ...node.inputs.map((input) => `%${input}`)].filter((word) => word !== "");
  const shape = node.shape === "none" ? "" : ` : ${node.shape}`;
  return `%${id}${own} = ${words.join(" ")}${shape}${node.perSequence ? " once" : ""}${printAxis(node)}`;
}

const printAxis = ({ stride, time }: Axis): string =>
  `${stride ? ` every ${stride}` : ""}${time ? ` of time ${time}` : ""}`;

/** A parameter, with the columns of the view if it does not take all. */
function printView({ parameter, column, columns }: ParameterView, graph: Graph): string {
  const all = graph.parameters.find((p) => p.name === parameter)?.shape[1];
  return column === 0 && columns === all ? parameter : `${parameter}[:,${column}:${column + columns}]`;
}

const nothing = (): string => "";
const viewed = (node: { readonly view: ParameterView }, graph: Graph): string => printView(node.view, graph);
const ofParameter = (node: { readonly parameter: string }): string => node.parameter;
const named = (node: { readonly name: string }): string => node.name;
const namedByAttribute: ReadonlySet<OpName> = new Set<OpName>([
  "runtime_scalar",
  "input",
  "index",
  "state",
  "final",
  "sum_all",
]);

/** The attributes of an operation, printed between its name and its operands. */
const attributes: { readonly [K in OpName]: (node: Node<K>, graph: Graph) => string } = {
  constant: (node) => `${node.value}`,
  runtime_scalar: named,
  input: named,
  index: named,
  state: named,
  final: named,
  parameter: ofParameter,
  mask: (node) => `rate ${node.rate} stream ${node.stream}${node.locked ? " locked" : ""}`,
  neg: nothing,
  sigmoid: nothing,
  hard_sigmoid: nothing,
  tanh: nothing,
  relu: nothing,
  softplus: nothing,
  exp: nothing,
  log: nothing,
  sqrt: (node) => (node.steepest === undefined ? "" : `at most ${node.steepest}`),
  abs: nothing,
  step: nothing,
  broadcast: nothing,
  one_hot: nothing,
  add: nothing,
  sub: nothing,
  mul: nothing,
  div: nothing,
  min: nothing,
  max: nothing,
  where: nothing,
  sum: nothing,
  max_of: nothing,
  logsumexp: nothing,
  concat: nothing,
  slice: (node) => `from ${node.start}`,
  downsample: (node) => `by ${node.by} at ${node.offset}`,
  upsample: (node) => `by ${node.by} at ${node.offsets.join(" ")}`,
  stack: (node) => `of ${node.steps} steps`,
  unstack: nothing,
  spread: nothing,
  repeat_interleave: (node) => `times ${node.times}`,
  tile: (node) => `times ${node.times}`,
  sum_rows: (node) => `of ${node.columns}`,
  sum_columns: (node) => `of ${node.columns}`,
  matmul: viewed,
  matmul_transposed: viewed,
  gather: ofParameter,
  outer: viewed,
  accumulate: ofParameter,
  scatter: ofParameter,
  sum_all: named,
  matmul_sum: (node, graph) =>
    node.blocks.map(({ view, transposed }) => printView(view, graph) + (transposed ? "^T" : "")).join(" + "),
};
