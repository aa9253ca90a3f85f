/** Sums over all steps and examples, as code: the gradients of vectors, and totals. */
import type { Accumulate, Location } from "../../schedule/plan.ts";
import { type Code, type FunctionHandle, type Local, procedure } from "./assembler.ts";
import { f32, f32x4, f64, forLoop, i32, if_, v128 } from "./instructions.ts";
import { smaller } from "./share.ts";
import { cut } from "./vector-ops.ts";

/** gradient = or += the sum over rows; up to 4 vectors of features at a time, so that cache lines are read whole. */
export function accumulateFunction(a: Accumulate, rows: number): FunctionHandle {
  // The features from and to which it sums, in multiples of 16 but for the last.
  return procedure("accumulate", 2, (f) => {
    const [first, past] = [f.param(0), f.param(1)];
    const [r, j, from] = [f.local("i32"), f.local("i32"), f.local("i32")];
    const sums = [0, 1, 2, 3].map(() => f.local("v128"));
    const vectors = Math.ceil(a.size / 4);
    const whole = Math.floor(a.size / 16);
    const tail = a.size % 4;
    const bytes = (features: Local): Code => i32.shl(features.get, i32.const(2));
    /** `count` vectors of features from byte j on; `last` where the last one is cut. */
    const some = (count: number, last: boolean): Code => {
      const used = sums.slice(0, count);
      return [
        used.map((sum) => sum.set(f32x4.const(0))),
        from.set(j.get),
        forLoop(f, r, 0, rows, 1, [
          used.map((sum, v) => sum.set(f32x4.add(sum.get, v128.load(from.get, a.value.offset + 16 * v)))),
          from.set(i32.add(from.get, i32.const(a.value.rowBytes))),
        ]),
        used.map((sum, v) => {
          const at = a.gradient + 16 * v;
          const value = last && v === count - 1 && tail > 0 ? cut(sum.get, tail) : sum.get;
          return v128.store(j.get, a.first ? value : f32x4.add(v128.load(j.get, at), value), at);
        }),
      ];
    };
    return [
      forLoop(f, j, bytes(first), smaller(bytes(past), i32.const(64 * whole)), 64, some(4, false)),
      vectors > 4 * whole
        ? if_(i32.eq(past.get, i32.const(a.size)), [j.set(i32.const(64 * whole)), some(vectors - 4 * whole, true)])
        : [],
    ];
  });
}

/** The sum of a scalar over rows, in f64. */
export function totalFunction(value: Location, rows: number, at: number): FunctionHandle {
  return procedure("total", 0, (f) => {
    const [from, sum] = [f.local("i32"), f.local("f64")];
    return [
      forLoop(f, from, 0, rows * value.rowBytes, value.rowBytes, [
        sum.set(f64.add(sum.get, f64.promote_f32(f32.load(from.get, value.offset)))),
      ]),
      f32.store(i32.const(at), f32.demote_f64(sum.get)),
    ];
  });
}
