/**
 * Graph to graph: merge products by transposed parameters whose sum is wanted (the adjoint of a value that several gates
 * read) into one product, whose operands lie side by side. Products that share their operand are merged later, when their
 * place is known. Knows nothing about memory.
 */
import type { Graph, Node, NodeId } from "../graph/graph.ts";
import type { ProductBlock } from "../graph/operations.ts";
import { atOnce } from "./hoist.ts";

/** A graph, and the place in time of each node: see `hoist`. */
export type Hoisted = { readonly graph: Graph; readonly loops: readonly number[] };

/**
 * Merge the products of a sum that have the same place in time. Returns the new graph with the place in time of each node, which
 * is the place that `hoist` would find; if nothing was merged, the given graph itself.
 */
export function mergeProducts({ graph, loops: placeOf }: Hoisted): Hoisted {
  const uses = graph.nodes.map(() => 0);
  const used = [
    ...graph.nodes.flatMap(({ inputs }) => inputs),
    ...graph.states.flatMap(({ next, initial }) => (initial === undefined ? [next] : [next, initial])),
    ...Object.values(graph.outputs),
  ];
  for (const id of used) (uses[id] as number)++;

  const nodes: Node[] = [];
  const moved: NodeId[] = [];
  let changed = false;
  const loops: number[] = [];
  const push = (node: Node, loop: number): NodeId => {
    loops.push(loop);
    return nodes.push(node) - 1;
  };
  const isSum = (id: NodeId): boolean => {
    const node = graph.nodes[id] as Node;
    return node.op === "add" && node.inputs.every((input) => graph.nodes[input]?.shape === node.shape);
  };
  const isInner = (id: NodeId): boolean => isSum(id) && uses[id] === 1;
  /** Addends of a sum, and of the inner sums in it, which are added to `inside`: nothing else reads them. */
  function addends(id: NodeId, inside: NodeId[]): NodeId[] {
    return (graph.nodes[id] as Node).inputs.flatMap((input) => {
      if (!isInner(input)) return [input];
      inside.push(input);
      return addends(input, inside);
    });
  }
  const mergeable = (id: NodeId): boolean => graph.nodes[id]?.op === "matmul_transposed" && uses[id] === 1;

  const inner = new Set(graph.nodes.flatMap(({ inputs }, id) => (isSum(id) ? inputs.filter(isInner) : [])));
  graph.nodes.forEach((node, id) => {
    const loop = placeOf[id] as number;
    const unread: NodeId[] = [];
    const parts = isSum(id) && !inner.has(id) ? addends(id, unread) : [];
    const groups = new Map<number, NodeId[]>();
    for (const part of parts.filter(mergeable)) {
      const at = placeOf[part] as number;
      groups.set(at, [...(groups.get(at) ?? []), part]);
    }
    const merged = [...groups].filter(([, group]) => group.length > 1);
    if (merged.length === 0) {
      moved[id] = push({ ...node, inputs: node.inputs.map((input) => moved[input] as NodeId) } as Node, loop);
      return;
    }
    changed = true;
    const taken = merged.flatMap(([, group]) => group);
    const terms = [
      ...parts.filter((part) => !taken.includes(part)).map((part) => moved[part] as NodeId),
      ...merged.map(([at, group]) => {
        const blocks = group.map((part): ProductBlock => {
          const product = graph.nodes[part] as Node<"matmul_transposed">;
          return { view: product.view, transposed: true };
        });
        const inputs = group.map((part) => moved[graph.nodes[part]?.inputs[0] as NodeId] as NodeId);
        const { shape, perSequence, stride, time } = node;
        return push(
          {
            op: "matmul_sum",
            inputs,
            shape,
            ...(perSequence && { perSequence }),
            ...(stride && { stride }),
            ...(time && { time }),
            blocks,
          },
          perSequence ? loop : at,
        );
      }),
    ];
    // Only the whole sum keeps the name, by which it can be read.
    const { name, ...unnamed } = node;
    const total = terms.reduce((sum, term) => {
      // A partial sum is on the cycle of the whole sum if one of its operands is.
      const inputs = [sum, term];
      const onIt = node.perSequence || inputs.some((one) => loops[one] === loop);
      return push({ ...unnamed, op: "add", inputs }, onIt ? loop : atOnce(node));
    });
    if (name !== undefined) nodes[total] = { ...(nodes[total] as Node), name } as Node;
    moved[id] = total;
    // Nothing reads these any more, so they are on no cycle.
    for (const gone of [...unread, ...taken]) {
      loops[moved[gone] as NodeId] = atOnce(graph.nodes[gone] as Node);
    }
  });
  if (!changed) return { graph, loops: placeOf };
  const at = (id: NodeId): NodeId => moved[id] as NodeId;
  const made: Graph = {
    nodes,
    states: graph.states.map(({ initial, ...state }) => ({
      ...{ ...state, next: at(state.next) },
      ...(initial !== undefined && { initial: at(initial) }),
    })),
    parameters: graph.parameters,
    outputs: Object.fromEntries(Object.entries(graph.outputs).map(([name, id]) => [name, at(id)])),
    forwardCount: graph.forwardCount < graph.nodes.length ? at(graph.forwardCount) : nodes.length,
  };
  return { graph: made, loops };
}
