/** Products of activations with packed weights: which tiles are computed, in which order, over which part of the depth. */
import type { Product } from "../../schedule/plan.ts";
import { amxRows, tileConfiguration } from "./amx.ts";
import { type Bf16Unit, bf16BlockDepth, bf16BlockRows, bf16RowBytes, wholeDepth } from "./bf16.ts";
import { depthOf } from "./eight-bits.ts";
import {
  blockDepth,
  callTile,
  heights,
  panelGroups,
  panelsAtOnce,
  panelVectors,
  type Tile,
  tileRows,
} from "./matmul.ts";
import { convert } from "./packing-code.ts";
import type { Range } from "./share.ts";
import { runCode, type Whole } from "./vector-ops.ts";
import { address, type Writer } from "./writer.ts";

/** Bytes of a panel of a product's weights. */
export const panelBytesOf = (width: number, p: Product): number =>
  p.precision === "bf16" ? 2 * panelVectors * width * wholeDepth(p.k) : 4 * panelVectors * width * depthOf(width, p);

/** Rows and outputs that ranges name. */
export function product(w: Writer, p: Product, t: Whole | undefined, rows: Range, outputs: Range): void {
  const { f, o, scratch } = w;
  const { width } = o;
  const panel = panelVectors * width;
  const panelBytes = panelBytesOf(width, p);
  const panels = (w.packing.panelsOf.get(p) as number) + (outputs.from / panel) * panelBytes;
  const m = rows.to - rows.from;
  const n = outputs.to - outputs.from;
  if (m <= 0 || n <= 0) return;
  if (p.precision === "bf16") {
    productBf16(w, p, t, rows, outputs, panels);
    return;
  }
  if (p.precision === "int8") {
    w.eightBits.product(f, o, p, {
      ...{ m, outputs: n, panel: panels, scratch },
      at: address(w, p.operand, t, rows.from * p.operand.rowBytes),
      to: address(w, p.out, t, rows.from * p.out.rowBytes + 4 * outputs.from),
    });
    return;
  }
  for (let depth = 0; depth === 0 || depth < p.k; depth += blockDepth) {
    const k = Math.min(blockDepth, p.k - depth);
    const tile = { depth: k, strideA: p.operand.rowBytes, stepA: 4, stepB: 4 * panel, panelBytes };
    tiled(w, m, n, {
      tile: { ...tile, strideC: p.out.rowBytes, accumulate: p.accumulate || depth > 0 },
      at: address(w, p.operand, t, rows.from * p.operand.rowBytes + 4 * depth),
      rowBytes: p.operand.rowBytes,
      panel: panels + 4 * panel * depth,
      to: address(w, p.out, t, rows.from * p.out.rowBytes + 4 * outputs.from),
      turn: t,
    });
  }
}

/** The same of bf16: some rows at a time are converted to the scratch of the thread, which then multiplies them. */
function productBf16(w: Writer, p: Product, t: Whole | undefined, rows: Range, outputs: Range, panels: number): void {
  const { o, scratch } = w;
  const { whole, width } = o;
  const some = (row: Whole, m: number): void => {
    for (let depth = 0; depth < p.k; depth += bf16BlockDepth) {
      const k = Math.min(bf16BlockDepth, p.k - depth);
      const from = whole.add(
        whole.mul(row, whole.const(p.operand.rowBytes)),
        address(w, p.operand, t, rows.from * p.operand.rowBytes + 4 * depth),
      );
      const sizes = { count: k, fromStride: p.operand.rowBytes, toStride: bf16RowBytes };
      convert(w, { kind: "rows", ...sizes }, from, whole.const(scratch), m);
      const tile = { ...bf16Tile(w, k), panelBytes: panelBytesOf(width, p), strideC: p.out.rowBytes };
      tiled(w, m, outputs.to - outputs.from, {
        tile: { ...tile, accumulate: p.accumulate || depth > 0 },
        at: whole.const(scratch),
        rowBytes: bf16RowBytes,
        panel: panels + 2 * panelVectors * width * depth,
        turn: t,
        to: whole.add(
          whole.mul(row, whole.const(p.out.rowBytes)),
          address(w, p.out, t, rows.from * p.out.rowBytes + 4 * outputs.from),
        ),
      });
    }
  };
  const total = rows.to - rows.from;
  const blocks = Math.floor(total / bf16BlockRows) * bf16BlockRows;
  const row = o.newWhole();
  if (blocks > 0) runCode(o.loop(row, 0, blocks, bf16BlockRows, () => some(row.get, bf16BlockRows)));
  if (blocks < total) some(whole.const(blocks), total - blocks);
}

/** What all tiles of converted rows have in common, for so many numbers of the depth. */
export function bf16Tile({ host, o }: Writer, k: number): Pick<Tile, "depth" | "strideA" | "stepA" | "stepB" | "bf16"> {
  const bf16 = host.bf16 as Bf16Unit;
  const depth = Math.ceil((bf16 === "amx" ? wholeDepth(k) : k) / 2);
  return { depth, strideA: bf16RowBytes, stepA: 4, stepB: 4 * panelVectors * o.width, bf16 };
}

/**
 * All tiles of m rows and n columns, panel after panel; at every other `turn` from the last panel to the first: what the second
 * cache holds is then what was read last.
 */
export function tiled(
  { o, f, a, tiles }: Writer,
  m: number,
  n: number,
  how: {
    readonly tile: Omit<Tile, "rows" | "vectors">;
    readonly at: Whole;
    readonly rowBytes: number;
    readonly panel: number;
    readonly to: Whole;
    readonly turn: Whole | undefined;
  },
): void {
  const { whole, width } = o;
  const { tile, panel } = how;
  const [start, to, out] = [o.newWhole(), o.newWhole(), o.newWhole()];
  runCode([start.set(how.at), to.set(how.to)]);
  const amx = tile.bf16 === "amx";
  const list = heights(m, amx ? amxRows : tileRows(a));
  const most = !amx && list.length === 1 && list[0]?.[1] === 1 ? panelsAtOnce(a, m) : 1;
  const configure = (height: number): void => {
    if (amx) f.step([], [], () => a.configureTiles(tileConfiguration(a, height)));
  };
  if (list.length === 1) configure(list[0]?.[0] as number);
  // The tiles of all rows beside some panels.
  const rowsAt = (count: number, b: Whole, c: Whole): void => {
    let row = 0;
    for (const [height, times] of list) {
      if (list.length > 1) configure(height);
      const label = tiles.of({ ...tile, rows: height, vectors: count });
      const [x, y, r] = [o.newWhole(), o.newWhole(), o.newWhole()];
      runCode([
        x.set(whole.add(start.get, whole.const(row * how.rowBytes))),
        y.set(whole.add(c, whole.const(row * tile.strideC))),
      ]);
      const once = (): void => callTile(f, label, x.get(), b(), y.get());
      if (times === 1) once();
      else {
        runCode(
          o.loop(r, 0, times, 1, () => {
            once();
            runCode([
              x.set(whole.add(x.get, whole.const(height * how.rowBytes))),
              y.set(whole.add(y.get, whole.const(height * tile.strideC))),
            ]);
          }),
        );
      }
      row += height * times;
    }
  };
  const [b, odd] = [o.newWhole(), o.newWhole()];
  const { turn } = how;
  if (turn !== undefined) runCode(odd.set(whole.rem_u(turn, whole.const(2))));
  let at = 0; // In panels.
  const { groups, left } = panelGroups(n / width, most);
  for (const [some, times] of groups) {
    const count = some * panelVectors;
    const [k, stepB, stepC] = [o.newWhole(), some * tile.panelBytes, 4 * width * count];
    const first = (start: Whole, step: number): Whole =>
      turn === undefined || times === 1 ? start : whole.add(start, whole.mul(odd.get, whole.const((times - 1) * step)));
    // From one to the next: forwards or, at an odd turn, backwards.
    const next = (step: number): Whole =>
      turn === undefined ? whole.const(step) : whole.add(whole.mul(odd.get, whole.const(-2 * step)), whole.const(step));
    runCode([
      b.set(first(whole.const(panel + at * tile.panelBytes), stepB)),
      out.set(first(whole.add(to.get, whole.const(at * 4 * width * panelVectors)), stepC)),
      o.loop(k, 0, times, 1, () => {
        rowsAt(count, b.get, out.get);
        runCode([b.set(whole.add(b.get, next(stepB))), out.set(whole.add(out.get, next(stepC)))]);
      }),
    ]);
    at += times * some;
  }
  if (left > 0)
    rowsAt(
      left,
      whole.const(panel + at * tile.panelBytes),
      whole.add(to.get, whole.const(at * 4 * width * panelVectors)),
    );
}
