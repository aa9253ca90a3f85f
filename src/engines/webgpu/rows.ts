/** Where the rows of numbers lie that an instruction touches, and whether rows of two can meet. Knows nothing about kernels. */
import type { Node, NodeId } from "../../graph/graph.ts";
import type { Location, Pass, Product, Section } from "../../schedule/plan.ts";

/** Bytes of so many rows from a step on. */
export type Range = { readonly from: number; readonly to: number };
export const rangeOf = ({ offset, stepBytes, rowBytes }: Location, rows: number, step: number, size: number): Range => {
  const from = offset + step * stepBytes;
  return { from, to: from + (rows - 1) * rowBytes + 4 * size };
};
export const overlap = (a: Range, b: Range): boolean => a.from < b.to && b.from < a.to;

/** So many numbers of each row that an instruction loads or stores, each at its own place unless it is a view. */
export type Touched = { readonly at: Location; readonly size: number; readonly isView?: boolean };
type Sizes = { readonly rows: number; readonly steps: number };

const wholeOf = ({ at, size }: Touched, { rows, steps }: Sizes): Range => ({
  from: at.offset,
  to: rangeOf(at, rows, steps - 1, size).to,
});

export function loadedBy({ graph }: Section, { size, columns = size, loads }: Pass): Touched[] {
  return [...loads].map(([id, at]) => {
    const { op, shape } = graph.nodes[id] as Node;
    if (op === "tile") return { at, size: columns, isView: true };
    if (op === "repeat_interleave") return { at, size: size / columns, isView: true };
    return { at, size: typeof shape === "number" ? size : 1 };
  });
}

export function storedBy({ graph }: Section, { size, columns = size, stores, reductions }: Pass): Touched[] {
  const widthOf = (id: NodeId): number => (typeof (graph.nodes[id] as Node).shape === "number" ? size : 1);
  const sums = { sum_rows: size / columns, sum_columns: columns } as const;
  return [
    ...stores.map(({ value, at }) => ({ at, size: widthOf(value) })),
    ...reductions.map(({ op, at }) => ({ at, size: op === "sum_rows" || op === "sum_columns" ? sums[op] : 1 })),
  ];
}

/** What a pass or a product touches, and what of it is written. */
export function touchedBy(section: Section, one: Pass | Product) {
  const written = one.kind === "pass" ? storedBy(section, one) : [{ at: one.out, size: one.n }];
  const read = one.kind === "pass" ? loadedBy(section, one) : [{ at: one.operand, size: one.k }];
  return { written, touched: [...written, ...read] };
}

/**
 * Whether no row of `b` has numbers of another row of `a`, at any two steps, or at the same one.
 * Steps and rows are of one loop; the order of its steps does not matter.
 */
export function areRowsApart(a: Touched, b: Touched, sizes: Sizes, steps: "any two" | "the same"): boolean {
  const { rows } = sizes;
  if (rows === 1 || !overlap(wholeOf(a, sizes), wholeOf(b, sizes))) return true;
  const { offset, stepBytes, rowBytes } = a.at;
  if (rowBytes !== b.at.rowBytes || rowBytes === 0) return false;
  /** @param distance from a row of `a` to the same row of `b`, in bytes */
  const isApart = (distance: number): boolean => {
    const first = Math.max(1 - rows, Math.floor((-4 * b.size - distance) / rowBytes) + 1);
    const last = Math.min(rows - 1, Math.ceil((4 * a.size - distance) / rowBytes) - 1);
    return first > last || (first === 0 && last === 0);
  };
  const ofSteps = (t: number, s: number): boolean => isApart(b.at.offset + s * b.at.stepBytes - offset - t * stepBytes);
  const isAlike = stepBytes === b.at.stepBytes;
  for (let t = 0; t < sizes.steps; t++) {
    if (!ofSteps(t, t)) return false;
    // Where both go on alike, only the steps between them count.
    if (steps === "the same" || (isAlike && t > 0)) continue;
    for (let s = 0; s < sizes.steps; s++) if (!ofSteps(t, s) || !ofSteps(s, t)) return false;
  }
  return true;
}

/** Whether no number of `b` is one that stands elsewhere in its row, or in another row, of `a`, at any two steps. */
export function arePlacesApart(a: Touched, b: Touched, sizes: Sizes): boolean {
  if (!overlap(wholeOf(a, sizes), wholeOf(b, sizes))) return true;
  const { offset, stepBytes, rowBytes } = a.at;
  if (b.isView || rowBytes !== b.at.rowBytes || stepBytes !== b.at.stepBytes) return false;
  const distance = b.at.offset - offset;
  if (a.size === b.size && (distance === 0 || (stepBytes > 0 && distance % stepBytes === 0))) return true;
  // Other columns of the same rows.
  if (rowBytes === 0 || stepBytes % rowBytes !== 0) return false;
  const column = ((distance % rowBytes) + rowBytes) % rowBytes;
  return column >= 4 * a.size && column + 4 * b.size <= rowBytes;
}
