/**
 * The tasks of a schedule, the items in which they run together, and what these read and compute. Knows nothing about their
 * order.
 */
import { type Graph, isLeaf, isMoved, isView, type Node, type NodeId, viewed } from "../graph/graph.ts";
import { opClass } from "../graph/operations.ts";

/** One thing to do: it makes the value of a node, or copies one to the next value of a state. */
export type Task = {
  readonly kind: "store" | "reduce" | "product" | "gather" | "sink";
  /** The node whose value becomes available. */
  readonly node: NodeId;
  /** A copy into this state, instead of the value of a node: its next value, or what it starts from. */
  readonly state?: string;
  readonly initial?: true;
  /** What a store or reduction computes; its first feature inside the node (for a concatenation). */
  readonly value: NodeId;
  readonly start: number;
  /** Of values that are moved to another axis: the step there of the first one. */
  readonly step?: number;
  /** Features of the loop that computes it; 0 for one number per example. */
  readonly size: number;
  /** The columns of a matrix, if the loop goes through one row by row. */
  readonly columns?: number | undefined;
  /** Its place in time: see `hoist`. */
  readonly loop: number;
};

/** What a pass computes, operands first, and the values that it loads; `loads` of any other item are its operands. */
export type Inlined = { readonly compute: readonly NodeId[]; readonly loads: ReadonlySet<NodeId> };

/** Tasks that run together: one fused pass, or one task of another kind. */
export type Item = Inlined & {
  readonly kind: "pass" | "product" | "gather" | "sink";
  readonly tasks: readonly Task[];
};
/** The pointwise nodes that a pass of these tasks computes from values in memory, and the values that it loads. */
export function inline(graph: Graph, stored: ReadonlySet<NodeId>, tasks: readonly Task[]): Inlined {
  const own = ownValues(tasks);
  const compute: NodeId[] = [];
  const loads = new Set<NodeId>();
  const seen = new Set<NodeId>();
  function visit(id: NodeId, root: boolean): void {
    if (seen.has(id)) return;
    seen.add(id);
    const node = graph.nodes[id] as Node;
    if (node.op === "constant" || node.op === "runtime_scalar") return;
    const elsewhere = node.op === "slice" || isView(node) || isMoved(node);
    const fromMemory = isLeaf(node) || elsewhere || (stored.has(id) && !own.has(id));
    if (fromMemory || (opClass[node.op] !== "pointwise" && !root)) {
      loads.add(id);
      return;
    }
    for (const input of node.inputs) visit(input, false);
    compute.push(id);
  }
  for (const { value } of tasks) visit(value, true);
  return { compute, loads };
}

export const inPass = ({ kind }: Task): boolean => kind === "store" || kind === "reduce";

/** Nodes whose values a pass computes itself, rather than loading them. */
export function ownValues(tasks: readonly Task[]): Set<NodeId> {
  return new Set(
    tasks
      .filter((task) => task.kind === "store" && task.value === task.node && task.state === undefined)
      .map((task) => task.node),
  );
}

/** Whether the pass that copies a node's value from other steps reads these steps themselves, rather than writing to other ones. */
export const isReadElsewhere = ({ op }: Node): boolean => op === "downsample" || op === "unstack";

/** Nodes that an item reads or writes. */
export function usesOf(graph: Graph, { kind, tasks, loads }: Item): Set<NodeId> {
  const uses = new Set<NodeId>();
  const own = ownValues(tasks);
  const add = (id: NodeId): void => {
    let at = id;
    uses.add(at);
    while (graph.nodes[at]?.op === "slice" || (own.has(at) && isReadElsewhere(graph.nodes[at] as Node))) {
      at = graph.nodes[at]?.inputs[0] as NodeId;
      uses.add(at);
    }
  };
  for (const { node, state } of tasks) if (state === undefined) add(node);
  for (const id of loads) add(kind === "pass" ? viewed(graph, id) : id);
  return uses;
}
