/**
 * Compute the positions of the boxes of a graph: layers from left to right by the longest path, the order within a
 * layer by the mean of the neighbours (K. Sugiyama et al., 1981), and heights as near to the neighbours as the distance
 * of boxes allows.
 */

/** The indices of the boxes that each box reads; all of them are in earlier layers. */
export type Edges = readonly (readonly number[])[];

export type Point = { readonly layer: number; readonly y: number };
export type Layout = {
  readonly layers: number;
  /** The position of each box; `y` is in boxes, from 0. */
  readonly boxes: readonly Point[];
  /** For each edge (`from`, `to`), its points in the layers between, including the ends. */
  readonly edges: readonly { readonly from: number; readonly to: number; readonly points: readonly Point[] }[];
  /** The largest y. */
  readonly height: number;
};

/** The number of ordering rounds; after a few, nothing changes any more. */
const rounds = 12;

/** @param late boxes that are placed right before their first reader, not at the left */
export function layOut(operands: Edges, late: readonly boolean[]): Layout {
  const layer = layersOf(operands, late);
  const layers = Math.max(-1, ...layer) + 1;
  // An edge over several layers has a point in each, which is ordered as boxes are.
  const at = [...layer];
  const before: number[][] = layer.map(() => []);
  const after: number[][] = layer.map(() => []);
  const add = (from: number, to: number): void => {
    before[to]?.push(from);
    after[from]?.push(to);
  };
  const edges = operands.flatMap((list, to) =>
    list.map((from) => {
      const way = [from];
      for (let l = (layer[from] as number) + 1; l < (layer[to] as number); l++) {
        const point = at.length;
        at.push(l);
        before.push([]);
        after.push([]);
        add(way.at(-1) as number, point);
        way.push(point);
      }
      add(way.at(-1) as number, to);
      return { from, to, way: [...way, to] };
    }),
  );
  const columns: number[][] = Array.from({ length: layers }, () => []);
  at.forEach((l, point) => {
    columns[l]?.push(point);
  });

  const place = at.map(() => 0);
  const number = (): void => {
    for (const column of columns) column.forEach((point, k) => (place[point] = k));
  };
  number();
  const sortBy = (column: number[], neighbours: readonly (readonly number[])[]): void => {
    const wish = new Map(column.map((point) => [point, mean(neighbours[point] ?? [], place) ?? place[point] ?? 0]));
    column.sort((a, b) => (wish.get(a) as number) - (wish.get(b) as number));
    column.forEach((point, k) => (place[point] = k));
  };
  let best = columns.map((column) => [...column]);
  let fewest = Infinity;
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) for (const column of columns.slice(1)) sortBy(column, before);
    else for (const column of columns.slice(0, -1).reverse()) sortBy(column, after);
    const count = crossings(columns, after, place);
    if (count < fewest) [fewest, best] = [count, columns.map((column) => [...column])];
  }

  // A point of an edge takes less space than a box.
  const room = (point: number): number => (point < layer.length ? 1 : 0.5);
  const y = at.map(() => 0);
  best.forEach((column) => settle(column, (point) => place[point] as number, room, y));
  for (let round = 0; round < rounds; round++) {
    const down = round % 2 === 0;
    const [order, neighbours] = down ? [best, before] : [[...best].reverse(), after];
    for (const column of order) {
      settle(column, (point) => mean(neighbours[point] ?? [], y) ?? (y[point] as number), room, y);
    }
  }
  // At the end, each box is between its neighbours on both sides.
  for (const column of best) {
    const both = (point: number): readonly number[] => [...(before[point] ?? []), ...(after[point] ?? [])];
    settle(column, (point) => mean(both(point), y) ?? (y[point] as number), room, y);
  }
  const top = Math.min(0, ...y);
  const pointOf = (point: number): Point => ({ layer: at[point] as number, y: (y[point] as number) - top });
  return {
    layers,
    boxes: layer.map((_, box) => pointOf(box)),
    edges: edges.map(({ from, to, way }) => ({ from, to, points: way.map(pointOf) })),
    height: Math.max(0, ...y) - top,
  };
}

function layersOf(operands: Edges, late: readonly boolean[]): number[] {
  const layer: number[] = [];
  operands.forEach((list, box) => {
    layer[box] = Math.max(-1, ...list.map((from) => layer[from] as number)) + 1;
  });
  late.forEach((isLate, box) => {
    if (!isLate) return;
    const readers = operands.flatMap((list, to) => (list.includes(box) ? [layer[to] as number] : []));
    if (readers.length > 0) layer[box] = Math.min(...readers) - 1;
  });
  return layer;
}

function mean(points: readonly number[], values: readonly number[]): number | undefined {
  if (points.length === 0) return undefined;
  return points.reduce((sum, point) => sum + (values[point] as number), 0) / points.length;
}

function crossings(
  columns: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
  place: readonly number[],
): number {
  let count = 0;
  for (const column of columns) {
    const ends = column.flatMap((point) =>
      [...(after[point] ?? [])].map((to) => place[to] as number).sort((a, b) => a - b),
    );
    for (let i = 0; i < ends.length; i++) {
      for (let j = i + 1; j < ends.length; j++) if ((ends[i] as number) > (ends[j] as number)) count++;
    }
  }
  return count;
}

/**
 * Heights of a column in its order, each as near to its wish as the distances allow, by least squares: neighbours that
 * want the same place become one block at the mean of their wishes (pool adjacent violators).
 */
function settle(
  column: readonly number[],
  wish: (point: number) => number,
  room: (point: number) => number,
  y: number[],
): void {
  const offsets: number[] = [];
  let offset = 0;
  column.forEach((point, k) => {
    if (k > 0) offset += (room(column[k - 1] as number) + room(point)) / 2;
    offsets.push(offset);
  });
  const blocks: { sum: number; count: number }[] = [];
  column.forEach((point, k) => {
    let block = { sum: wish(point) - (offsets[k] as number), count: 1 };
    for (;;) {
      const last = blocks.at(-1);
      if (last === undefined || last.sum / last.count < block.sum / block.count) break;
      block = { sum: last.sum + block.sum, count: last.count + block.count };
      blocks.pop();
    }
    blocks.push(block);
  });
  let k = 0;
  for (const { sum, count } of blocks) {
    for (let end = k + count; k < end; k++) y[column[k] as number] = sum / count + (offsets[k] as number);
  }
}
