/** Code for rows of a table by index: reads them, and adds to their gradients. */
import type { Location } from "../../schedule/plan.ts";
import { type FunctionHandle, procedure } from "./assembler.ts";
import { f32, f32x4, forLoop, i32, v128 } from "./instructions.ts";
import { larger, smaller } from "./share.ts";
import { cut } from "./vector-ops.ts";

/** Copy the row of a table that each index names; the padding is zero. */
export function gatherFunction(g: { table: number; size: number; index: Location; out: Location }): FunctionHandle {
  // index, out, rows
  return procedure("gather", 3, (f) => {
    const [index, out, rows] = [f.param(0), f.param(1), f.param(2)];
    const [r, j, from, to] = f.locals("i32", 4);
    const tail = g.size % 4;
    const end = 4 * (g.size - tail);
    return forLoop(f, r, 0, rows.get, 1, [
      from.set(i32.mul(i32.load(index.get), i32.const(4 * g.size))),
      forLoop(f, j, 0, end, 16, [
        to.set(i32.add(out.get, j.get)),
        v128.store(to.get, v128.load(i32.add(from.get, j.get), g.table)),
      ]),
      tail > 0 ? v128.store(out.get, cut(v128.load(from.get, g.table + end), tail), end) : [],
      index.set(i32.add(index.get, i32.const(g.index.rowBytes))),
      out.set(i32.add(out.get, i32.const(g.out.rowBytes))),
    ]);
  });
}

/** Add each row to the row of the gradient that its index names, in order: one order, one result. */
export function scatterFunction(
  s: { gradient: number; size: number; index: Location; value: Location },
  rows: number,
): FunctionHandle {
  // The features from and to which it adds.
  return procedure("scatter", 2, (f) => {
    const [first, past] = [f.param(0), f.param(1)];
    const [r, j, to, from, index] = f.locals("i32", 5);
    const end = 4 * (s.size - (s.size % 4));
    const toHere = i32.add(to.get, j.get);
    const fromHere = i32.add(from.get, j.get);
    return [
      [first, past].map((features) => features.set(i32.shl(features.get, i32.const(2)))),
      index.set(i32.const(s.index.offset)),
      from.set(i32.const(s.value.offset)),
      forLoop(f, r, 0, rows, 1, [
        to.set(i32.add(i32.const(s.gradient), i32.mul(i32.load(index.get), i32.const(4 * s.size)))),
        forLoop(f, j, first.get, smaller(past.get, i32.const(end)), 16, [
          v128.store(toHere, f32x4.add(v128.load(toHere), v128.load(fromHere))),
        ]),
        forLoop(f, j, larger(first.get, i32.const(end)), past.get, 4, [
          f32.store(toHere, f32.add(f32.load(toHere), f32.load(fromHere))),
        ]),
        index.set(i32.add(index.get, i32.const(s.index.rowBytes))),
        from.set(i32.add(from.get, i32.const(s.value.rowBytes))),
      ]),
    ];
  });
}
