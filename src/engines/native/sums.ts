/** Sums over all steps and examples: the gradients of vectors, and totals. */
import type { Accumulate, Location } from "../../schedule/plan.ts";
import type { Range } from "./share.ts";
import { runCode } from "./vector-ops.ts";
import type { Writer } from "./writer.ts";

/** gradient = or += the sum over rows; up to 4 vectors at a time, so that cache lines are read whole. */
export function accumulate({ o }: Writer, one: Accumulate, rows: number, { from, to }: Range): void {
  const { whole, width } = o;
  for (let j = from; j < to; j += 4 * width) {
    const here = Math.min(4 * width, to - j);
    const sums = Array.from({ length: Math.ceil(here / width) }, () => o.newVector());
    const [r, at] = [o.newWhole(), o.newWhole()];
    runCode([
      sums.map((sum) => sum.set(o.const(0))),
      at.set(whole.const(one.value.offset + 4 * j)),
      o.loop(r, 0, rows, 1, [
        sums.map((sum, v) => sum.set(o.add(sum.get, o.load(at.get, 4 * width * v)))),
        at.set(whole.add(at.get, whole.const(one.value.rowBytes))),
      ]),
      sums.map((sum, v) => {
        const offset = 4 * (j + v * width);
        const count = Math.min(width, here - v * width);
        const to = whole.const(one.gradient);
        const all = one.first ? sum.get : o.add(o.load(to, offset), sum.get);
        return o.store(to, o.cut(all, count), offset);
      }),
    ]);
  }
}

/** The sum of a scalar over rows, in f64. */
export function total({ o }: Writer, value: Location, rows: number, at: number): void {
  const { whole } = o;
  const [r, from] = [o.newWhole(), o.newWhole()];
  const sum = o.newSum();
  runCode([
    sum.clear,
    from.set(whole.const(value.offset)),
    o.loop(r, 0, rows, 1, [
      sum.add(o.cut(o.loadSplat(from.get, 0), 1)),
      from.set(whole.add(from.get, whole.const(value.rowBytes))),
    ]),
    o.storeFirst(whole.const(at), sum.total(), 1, 0),
  ]);
}
