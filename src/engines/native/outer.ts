/**
 * The gradients of matrices: sums over all rows of an outer product each. Both sides are packed, some rows at a time, to the scratch of the
 * thread.
 */
import type { Outer } from "../../schedule/plan.ts";
import { padded } from "../../schedule/target.ts";
import { bf16BlockDepth, bf16BlockRows, bf16RowBytes } from "./bf16.ts";
import { blockDepth, callTile, heights, panelVectors, tileRows } from "./matmul.ts";
import { convert, eachVector, strip } from "./packing-code.ts";
import { bf16Tile, tiled } from "./products.ts";
import type { Range } from "./share.ts";
import { runCode, type Whole } from "./vector-ops.ts";
import type { Writer } from "./writer.ts";

/** Rows of the left matrix that are packed together, so that they stay in the second cache. */
const blockRows = 168;
/** What a thread needs to pack blocks of both matrices. */
export const outerScratchBytes = (width: number): number => 4 * blockDepth * (panelVectors * width + blockRows);

/** Rows of the gradients that the range names. */
export function outer(w: Writer, one: Outer, depth: number, { from, to }: Range): void {
  const n = padded(w.plan.target, one.columnCount);
  const { scratch } = one;
  const parts = one.blocks.flatMap((block) => {
    const first = Math.max(from, block.row);
    const count = Math.min(to, block.row + block.rows) - first;
    return count > 0
      ? [{ block, first, count, out: block.gradient + (first - block.row) * block.gradientRowBytes }]
      : [];
  });
  if (scratch === undefined) {
    for (const { block, first, count, out } of parts) {
      columns(w, one, n, depth, first, count, out, block.gradientRowBytes, !block.first);
    }
    return;
  }
  if (to > from) columns(w, one, n, depth, from, to - from, scratch + from * 4 * n, 4 * n, false);
  for (const { block, first, count, out } of parts) {
    addBlock(w, count, block.columns, scratch + first * 4 * n, 4 * n, out, block.gradientRowBytes);
  }
}
function columns(
  w: Writer,
  one: Outer,
  n: number,
  depth: number,
  first: number,
  m: number,
  out: number,
  outRowBytes: number,
  accumulate: boolean,
): void {
  const { o, f, a, tiles, scratch } = w;
  const { whole, width } = o;
  const panel = panelVectors * width;
  const bf16 = one.precision === "bf16";
  const deep = bf16 ? bf16BlockDepth : blockDepth;
  const packed = scratch + 4 * panel * blockDepth;
  /** The same as `rowsFrom`, of bf16. */
  const bf16RowsFrom = (row: Whole, rows: number, d: Whole, k: number, add: boolean): void => {
    const panelAt = scratch + bf16BlockRows * bf16RowBytes;
    const [from, r, c] = [o.newWhole(), o.newWhole(), o.newWhole()];
    const turn = (r: Whole, count: number): void => {
      const sizes = { count, depth: k, fromStride: one.rows.rowBytes, toStride: bf16RowBytes };
      const into = whole.add(whole.mul(r, whole.const(bf16RowBytes)), whole.const(scratch));
      const at = whole.add(from.get, whole.mul(r, whole.const(4)));
      convert(w, { kind: "turned", byRow: false, ...sizes }, at, into);
    };
    const columnsOf = (c: Whole, count: number): void => {
      const sizes = { count, depth: k, fromStride: one.columns.rowBytes, toStride: 4 * panel };
      const at = whole.add(whole.mul(d, whole.const(one.columns.rowBytes)), whole.const(one.columns.offset));
      convert(w, { kind: "pairs", fill: true, ...sizes }, whole.add(at, c), whole.const(panelAt));
      tiled(w, rows, count, {
        tile: { ...bf16Tile(w, k), panelBytes: 0, strideC: outRowBytes, accumulate: add },
        ...{ at: whole.const(scratch), rowBytes: bf16RowBytes, panel: panelAt, turn: undefined },
        to: whole.add(c, whole.add(whole.mul(row, whole.const(outRowBytes)), whole.const(out))),
      });
    };
    const start = whole.add(whole.mul(row, whole.const(4)), whole.const(one.rows.offset + 4 * first));
    runCode(from.set(whole.add(whole.mul(d, whole.const(one.rows.rowBytes)), start)));
    const strips = rows - (rows % 16);
    runCode(o.loop(r, 0, strips, 16, () => turn(r.get, 16)));
    if (strips < rows) turn(whole.const(strips), rows - strips);
    const most = n - (n % panel);
    runCode(o.loop(c, 0, 4 * most, 4 * panel, () => columnsOf(c.get, panel)));
    if (most < n) columnsOf(whole.const(4 * most), n - most);
  };
  /** Rows from `row` on of the block of the depth that begins at `d`. */
  const rowsFrom = (row: Whole, rows: number, d: Whole, k: number, add: boolean): void => {
    const from = o.newWhole();
    runCode(
      from.set(
        whole.add(
          whole.mul(d, whole.const(one.rows.rowBytes)),
          whole.add(whole.mul(row, whole.const(4)), whole.const(one.rows.offset + 4 * first)),
        ),
      ),
    );
    const list = heights(rows, tileRows(a));
    /** Each tile of the rows: where its rows begin among them. */
    const each = (tile: (height: number, r: Whole) => void): void => {
      let done = 0;
      for (const [height, times] of list) {
        const r = o.newWhole();
        const end = done + height * times;
        if (times === 1) tile(height, whole.const(done));
        else runCode(o.loop(r, done, end, height, () => tile(height, r.get)));
        done = end;
      }
    };
    const into = (r: Whole): Whole => whole.add(whole.mul(r, whole.const(4 * k)), whole.const(packed));
    each((height, r) =>
      strip(w, whole.add(from.get, whole.mul(r, whole.const(4))), one.rows.rowBytes, k, height, into(r)),
    );
    const columnsOf = (c: Whole, vectors: number): void => {
      const at = whole.add(
        whole.add(whole.mul(d, whole.const(one.columns.rowBytes)), c),
        whole.const(one.columns.offset),
      );
      strip(w, at, one.columns.rowBytes, k, vectors * width, whole.const(scratch), 4 * panel);
      each((height, r) => {
        const label = tiles.of({
          ...{ rows: height, vectors, depth: k, strideA: 4, stepA: 4 * height, stepB: 4 * panel },
          ...{ panelBytes: 0, strideC: outRowBytes, accumulate: add },
        });
        const below = whole.mul(whole.add(row, r), whole.const(outRowBytes));
        const to = whole.add(c, whole.add(below, whole.const(out)));
        callTile(f, label, into(r)(), whole.const(scratch)(), to());
      });
    };
    const c = o.newWhole();
    const whole2 = Math.floor(n / panel) * panel;
    runCode(o.loop(c, 0, 4 * whole2, 4 * panel, () => columnsOf(c.get, panelVectors)));
    if (whole2 < n) columnsOf(whole.const(4 * whole2), (n - whole2) / width);
  };
  const block = (d: Whole, k: number, add: boolean): void => {
    const row = o.newWhole();
    const [some, of] = bf16 ? [bf16BlockRows, bf16RowsFrom] : [blockRows, rowsFrom];
    const full = m - (m % some);
    runCode(o.loop(row, 0, full, some, () => of(row.get, some, d, k, add)));
    if (full < m) of(whole.const(full), m - full, d, k, add);
  };
  const blocks = Math.floor(depth / deep);
  block(whole.const(0), Math.min(depth, deep), accumulate);
  if (blocks > 1) {
    const d = o.newWhole();
    runCode(o.loop(d, deep, blocks * deep, deep, () => block(d.get, deep, true)));
  }
  const rest = depth - blocks * deep;
  if (blocks > 0 && rest > 0) block(whole.const(blocks * deep), rest, true);
}

/** to[r][c] += from[r][c]; every number of a row and no other. */
function addBlock(
  { o }: Writer,
  rows: number,
  columns: number,
  from: number,
  fromRowBytes: number,
  to: number,
  toRowBytes: number,
): void {
  const { whole } = o;
  const [r, x, y] = [o.newWhole(), o.newWhole(), o.newWhole()];
  const adds = eachVector(o, columns, (offset, lanes) =>
    o.storeFirst(y.get, o.add(o.load(y.get, offset), o.load(x.get, offset)), lanes, offset),
  );
  runCode([
    x.set(whole.const(from)),
    y.set(whole.const(to)),
    o.loop(r, 0, rows, 1, [
      ...adds,
      x.set(whole.add(x.get, whole.const(fromRowBytes))),
      y.set(whole.add(y.get, whole.const(toRowBytes))),
    ]),
  ]);
}
