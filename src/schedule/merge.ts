/**
 * Graph to graph: where several products by transposed parameters are added up (the adjoint of what several gates
 * read), make them one product over the operands side by side. Products that share their operand are merged later,
 * when their place is known. Knows nothing about memory.
 */
import type { Graph, Node, NodeId } from "../graph/graph.ts";
import type { ProductBlock } from "../graph/operations.ts";

/** `region` tells which nodes may be computed together: those with equal numbers. Gives the graph itself where there are none. */
export function mergeProducts(graph: Graph, region: (id: NodeId) => number): Graph {
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
  const push = (node: Node): NodeId => nodes.push(node) - 1;
  const isSum = (id: NodeId): boolean => {
    const node = graph.nodes[id] as Node;
    return node.op === "add" && node.inputs.every((input) => graph.nodes[input]?.shape === node.shape);
  };
  const isInner = (id: NodeId): boolean => isSum(id) && uses[id] === 1;
  /** Addends of a sum; those of inner sums that nothing else reads included. */
  function addends(id: NodeId): NodeId[] {
    return (graph.nodes[id] as Node).inputs.flatMap((input) => (isInner(input) ? addends(input) : [input]));
  }
  const mergeable = (id: NodeId): boolean => graph.nodes[id]?.op === "matmul_transposed" && uses[id] === 1;

  const inner = new Set(graph.nodes.flatMap(({ inputs }, id) => (isSum(id) ? inputs.filter(isInner) : [])));
  graph.nodes.forEach((node, id) => {
    const keep = (): NodeId => push({ ...node, inputs: node.inputs.map((input) => moved[input] as NodeId) } as Node);
    if (!isSum(id) || inner.has(id)) {
      moved[id] = keep();
      return;
    }
    const parts = addends(id);
    const groups = new Map<number, NodeId[]>();
    for (const part of parts.filter(mergeable)) {
      groups.set(region(part), [...(groups.get(region(part)) ?? []), part]);
    }
    const merged = [...groups.values()].filter((group) => group.length > 1);
    if (merged.length === 0) {
      moved[id] = keep();
      return;
    }
    changed = true;
    const taken = new Set(merged.flat());
    const terms = [
      ...parts.filter((part) => !taken.has(part)).map((part) => moved[part] as NodeId),
      ...merged.map((group) => {
        const blocks = group.map((part): ProductBlock => {
          const product = graph.nodes[part] as Node<"matmul_transposed">;
          return { view: product.view, transposed: true };
        });
        const inputs = group.map((part) => moved[graph.nodes[part]?.inputs[0] as NodeId] as NodeId);
        return push({
          op: "matmul_sum",
          inputs,
          shape: node.shape,
          ...(node.perSequence && { perSequence: true }),
          blocks,
        });
      }),
    ];
    // The name stands on the whole sum alone: it is asked for by name.
    const { name, ...unnamed } = node;
    const total = terms.reduce((sum, term) => push({ ...unnamed, op: "add", inputs: [sum, term] }));
    if (name !== undefined) nodes[total] = { ...(nodes[total] as Node), name } as Node;
    moved[id] = total;
  });
  if (!changed) return graph;
  const at = (id: NodeId): NodeId => moved[id] as NodeId;
  return {
    nodes,
    states: graph.states.map(({ initial, ...state }) => ({
      ...{ ...state, next: at(state.next) },
      ...(initial !== undefined && { initial: at(initial) }),
    })),
    parameters: graph.parameters,
    outputs: Object.fromEntries(Object.entries(graph.outputs).map(([name, id]) => [name, at(id)])),
    forwardCount: graph.forwardCount < graph.nodes.length ? at(graph.forwardCount) : nodes.length,
  };
}
