/**
 * Splits items that cannot run as one, because what a product reads or writes must lie side by side in memory. Knows nothing
 * about addresses.
 */
import type { Graph, Node, NodeId } from "../graph/graph.ts";
import type { ProductBlock } from "../graph/operations.ts";
import type { Place } from "./layout.ts";
import { padded, type Target } from "./target.ts";
import type { Item, Task } from "./tasks.ts";

export type Group =
  | ({ readonly kind: "pass" } & Pick<Item, "tasks" | "compute" | "loads">)
  | {
      readonly kind: "product";
      readonly nodes: readonly NodeId[];
      /** Each an operand run; `of[output][operand]` is the parameter between them. */
      readonly blocks: readonly { readonly operands: readonly NodeId[]; readonly of: readonly ProductBlock[][] }[];
    }
  | {
      readonly kind: "outer";
      readonly rows: readonly NodeId[];
      readonly nodes: readonly NodeId[][];
      readonly columns: NodeId;
      readonly rowCount: number;
      readonly columnCount: number;
      readonly bytes: number;
    }
  | { readonly kind: "single"; readonly node: NodeId };

type Places = ReadonlyMap<NodeId, Place>;

/** Split an item into groups whose values lie side by side in memory; operands are in the order of memory. */
export function groupsOf(graph: Graph, item: Item, places: Places, target: Target): Group[] {
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const runs = (ids: readonly NodeId[]): NodeId[][] => runsOf(graph, ids, places, target);
  const blockOf = (id: NodeId): ProductBlock => blockAt(node(id));
  const first = item.tasks[0] as Task;
  const n = node(first.node);
  if (item.kind === "pass") return [{ ...item, kind: "pass" }];
  if (n.op === "matmul") {
    return runs(item.tasks.map((task) => task.node)).map((nodes) => ({
      kind: "product",
      nodes,
      blocks: [{ operands: [n.inputs[0] as NodeId], of: nodes.map((id) => [blockOf(id)]) }],
    }));
  }
  if (n.op === "matmul_transposed") {
    return [{ kind: "product", nodes: [first.node], blocks: [{ operands: n.inputs, of: [[blockOf(first.node)]] }] }];
  }
  if (n.op === "matmul_sum") {
    // An operand may meet several blocks: each is taken once.
    const rest = n.inputs.map((operand, k) => ({ operand, block: n.blocks[k] as ProductBlock }));
    const blockFor = (operand: NodeId): ProductBlock[] => {
      const at = rest.findIndex((one) => one.operand === operand);
      return rest.splice(at, 1).map(({ block }) => block);
    };
    const blocks = runs(n.inputs).map((operands) => ({ operands, of: [operands.flatMap(blockFor)] }));
    return [{ kind: "product", nodes: [first.node], blocks }];
  }
  if (n.op === "outer") {
    const byRows = new Map<NodeId, NodeId[]>();
    for (const { node: id } of item.tasks) {
      const rows = node(id).inputs[0] as NodeId;
      byRows.set(rows, [...(byRows.get(rows) ?? []), id]);
    }
    return runs([...byRows.keys()]).map((rows) => {
      const rowCount = rows.reduce((total, id) => total + padded(target, node(id).shape as number), 0);
      const columnCount = node(n.inputs[1] as NodeId).shape as number;
      const nodes = rows.map((id) => byRows.get(id) as NodeId[]);
      return {
        kind: "outer",
        rows,
        nodes,
        columns: n.inputs[1] as NodeId,
        rowCount,
        columnCount,
        bytes: 4 * rowCount * padded(target, columnCount),
      };
    });
  }
  return [{ kind: "single", node: first.node }];
}

/** The values as runs that are contiguous in memory, in the order of memory. */
function runsOf(graph: Graph, ids: readonly NodeId[], places: Places, target: Target): NodeId[][] {
  const sorted = [...ids].sort((a, b) => {
    const [p, q] = [places.get(a), places.get(b)];
    return (p?.buffer ?? -1) - (q?.buffer ?? -1) || (p?.column ?? 0) - (q?.column ?? 0);
  });
  const found: NodeId[][] = [];
  for (const id of sorted) {
    const run = found[found.length - 1];
    const before = run === undefined ? undefined : (run[run.length - 1] as NodeId);
    const [p, q] = [before === undefined ? undefined : places.get(before), places.get(id)];
    const adjacent =
      p !== undefined &&
      q !== undefined &&
      p.buffer === q.buffer &&
      p.slot === q.slot &&
      p.column + padded(target, graph.nodes[before as NodeId]?.shape as number) === q.column;
    if (adjacent) run?.push(id);
    else found.push([id]);
  }
  return found;
}

function blockAt(node: Node): ProductBlock {
  const { view, op } = node as Node<"matmul" | "matmul_transposed">;
  return { view, transposed: op === "matmul_transposed" };
}
