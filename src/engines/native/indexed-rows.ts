/** Rows of a table by index: code that reads them, and adds to their gradients. */
import type { Gather, Scatter } from "../../schedule/plan.ts";
import type { Range } from "./share.ts";
import { runCode, type Vector, type Whole } from "./vector-ops.ts";
import { address, type Writer } from "./writer.ts";

/** Copy the row of a table that each index names; the padding is zero. */
export function gather(w: Writer, g: Gather, t: Whole | undefined, { from, to }: Range): void {
  const { o } = w;
  const { whole, width } = o;
  const [r, index, out, row, j] = [o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole()];
  const tail = g.size % width;
  const end = 4 * (g.size - tail);
  const at = whole.add(row.get, j.get);
  runCode([
    index.set(address(w, g.index, t, from * g.index.rowBytes)),
    out.set(address(w, g.out, t, from * g.out.rowBytes)),
    o.loop(r, from, to, 1, [
      row.set(whole.mul(whole.load(index.get, 0), whole.const(4 * g.size))),
      o.loop(j, 0, end, 4 * width, o.store(whole.add(out.get, j.get), o.load(at, g.table), 0)),
      tail > 0 ? o.store(out.get, o.cut(o.load(row.get, g.table + end), tail), end) : [],
      index.set(whole.add(index.get, whole.const(g.index.rowBytes))),
      out.set(whole.add(out.get, whole.const(g.out.rowBytes))),
    ]),
  ]);
}

/** Add each row to the row of the gradient that its index names, in order: one order, one result. */
export function scatter({ o }: Writer, s: Scatter, rows: number, { from, to }: Range): void {
  const { whole, width } = o;
  if (from >= to) return;
  const [r, index, value, row, j] = [o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole(), o.newWhole()];
  const tail = (to - from) % width;
  const end = 4 * (to - tail);
  const into = whole.add(row.get, j.get);
  const sum = (at: Whole, of: Whole, offset: number): Vector => o.add(o.load(at, offset), o.load(of, offset));
  runCode([
    index.set(whole.const(s.index.offset)),
    value.set(whole.const(s.value.offset)),
    o.loop(r, 0, rows, 1, [
      row.set(whole.add(whole.mul(whole.load(index.get, 0), whole.const(4 * s.size)), whole.const(s.gradient))),
      o.loop(j, 4 * from, end, 4 * width, o.store(into, sum(into, whole.add(value.get, j.get), 0), 0)),
      tail > 0 ? o.storeFirst(row.get, sum(row.get, value.get, end), tail, end) : [],
      index.set(whole.add(index.get, whole.const(s.index.rowBytes))),
      value.set(whole.add(value.get, whole.const(s.value.rowBytes))),
    ]),
  ]);
}
