/**
 * Finds consecutive passes that may run together, row by row: a row then stays in the caches from one pass to the next, and
 * threads need not wait for each other in between. Knows nothing about code.
 */
import { type Graph, type Node, type NodeId, viewed } from "../../graph/graph.ts";
import type { Instruction, Location, Pass } from "../../schedule/plan.ts";
import { padded, type Target } from "../../schedule/target.ts";

import { divisionOf } from "./pass.ts";

/** Bytes of the rows that passes process together: a part of the second-level cache. */
const blockBytes = 64 * 1024;

/** The instructions in order; consecutive passes that may run row by row are one list. */
export function togetherByRows(
  target: Target,
  graph: Graph,
  instructions: readonly Instruction[],
  rows: number,
): (Instruction | readonly Pass[])[] {
  const found: (Instruction | Pass[])[] = [];
  for (const one of instructions) {
    const last = found[found.length - 1];
    const joins = one.kind === "pass" && divisionOf(one, rows) === "rows";
    if (!joins) found.push(one);
    else if (Array.isArray(last) && last.every((earlier) => independent(target, graph, earlier, one, rows)))
      last.push(one);
    else found.push([one]);
  }
  return found;
}

/** The number of rows of these passes that fit into `blockBytes`, at least 1. */
export function rowsAtOnce(target: Target, graph: Graph, passes: readonly Pass[]): number {
  const widths = new Map<number, number>();
  for (const pass of passes) for (const { at, bytes } of touched(target, graph, pass)) widths.set(at.offset, bytes);
  const row = [...widths.values()].reduce((sum, bytes) => sum + bytes, 0);
  return Math.max(1, Math.floor(blockBytes / Math.max(1, row)));
}

type Touched = { readonly at: Location; readonly bytes: number; readonly writes: boolean };

/** What a pass reads and writes in each row. */
function touched(target: Target, graph: Graph, pass: Pass): Touched[] {
  const bytesOf = (id: NodeId): number => {
    const { shape } = graph.nodes[id] as Node;
    return typeof shape === "number" ? 4 * padded(target, shape) : 4;
  };
  return [
    ...[...pass.loads].map(([id, at]) => ({ at, bytes: bytesOf(viewed(graph, id)), writes: false })),
    ...pass.stores.map(({ value, at, exact, padding }) => {
      const bytes = exact ? 4 * (pass.size + padding) : bytesOf(value);
      return { at, bytes, writes: true };
    }),
    ...pass.reductions.map(({ node, at }) => ({ at, bytes: bytesOf(node), writes: true })),
  ].filter(({ at }) => at.rowBytes > 0);
}

/** Whether no row of one pass overlaps a different row of the other, if one of the two writes. */
function independent(target: Target, graph: Graph, a: Pass, b: Pass, rows: number): boolean {
  const [first, second] = [touched(target, graph, a), touched(target, graph, b)];
  return first.every((x) => second.every((y) => !(x.writes || y.writes) || !meetAcrossRows(x, y, rows)));
}

function meetAcrossRows(x: Touched, y: Touched, rows: number): boolean {
  const distance = y.at.offset - x.at.offset;
  const end = (one: Touched): number => one.at.offset + (rows - 1) * one.at.rowBytes + one.bytes;
  if (end(x) <= y.at.offset || end(y) <= x.at.offset) return false;
  if (x.at.rowBytes !== y.at.rowBytes) return true;
  // Row r of x and row r + d of y, where d is not 0.
  const { rowBytes } = x.at;
  const near = Math.round(-distance / rowBytes);
  return [near - 1, near, near + 1].some((d) => {
    const start = distance + d * rowBytes;
    return d !== 0 && start < x.bytes && start + y.bytes > 0;
  });
}
