/** The vector operations as WASM code, on four lanes. Knows nothing about what they are used for. */
import type { Variable, VectorOps, WideSum } from "../vector/vector-ops.ts";
import type { Code, FunctionBuilder } from "./assembler.ts";
import { f32, f32x4, f64x2, forLoop, i32, i32x4, if_, v128 } from "./instructions.ts";

/** What the host's engine and the user's options allow. `fma`: relaxed multiply-add, rounded once on usual hosts. */
export type Host = { readonly fma: boolean };

/** `a * b + c`, rounded once with `fma`, else twice. */
export const madd = (a: Code, b: Code, c: Code, host: Host): Code =>
  host.fma ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);

const { and, xor, bitselect: select } = v128;
const { shuffle } = i32x4;
const lanes = [0, 1, 2, 3] as const;

/** See `VectorOps`. */
export const cut = (x: Code, count: number, behind = 0): Code => {
  const mask = i32x4.const(...(lanes.map((lane) => (lane < count ? -1 : 0)) as [number, number, number, number]));
  return behind === 0 ? and(x, mask) : select(x, f32x4.const(behind), mask);
};

/** The operations that need no local. */
const ops = {
  width: 4,
  loadSplat: v128.load32_splat,
  storeFirst: (at: Code, x: Code, count: number, offset: number): Code =>
    Array.from({ length: count }, (_, lane) => v128.store32_lane(at, x, lane, offset + 4 * lane)),
  storeZeros: (at: Code, count: number, offset: number): Code =>
    Array.from({ length: count }, (_, k) => f32.store(at, f32.const(0), offset + 4 * k)),
  both: and,
  keep: and,
  select,
  orNaN: v128.or,
  cut,
  int: { and, xor, lanes: i32x4.const(...lanes), toFloat: f32x4.convert_i32x4_s, ...i32x4 },
  whole: i32,
  after: (code: Code, x: Code): Code => [code, x],
  when: if_,
  choose: (condition: Code, x: Code, y: Code): Code => if_(condition, x, y, "i32"),
  ...v128,
  ...f32x4,
};

/** The operations in a function. All expressions are code: they differ by what it leaves on the stack. */
export function vectorOps(f: FunctionBuilder, host: Host): VectorOps<Code, Code, Code, Code> {
  const newVector = (): Variable<Code, Code> => f.local("v128");
  const allLanes =
    (op: (p: Code, q: Code) => Code) =>
    (x: Code): Code => {
      const [v, w] = [newVector(), newVector()];
      return [
        v.set(x),
        w.set(op(v.get, shuffle(v.get, v.get, [2, 3, 0, 1]))),
        op(w.get, shuffle(w.get, w.get, [1, 0, 3, 2])),
      ];
    };
  return {
    fused: host.fma,
    madd: (x, y, z) => madd(x, y, z, host),
    newVector,
    newMask: newVector,
    newWhole: () => f.local("i32"),
    newSum: (): WideSum<Code, Code> => {
      const [low, high] = [newVector(), newVector()];
      return {
        clear: [low.set(f64x2.const(0)), high.set(f64x2.const(0))],
        add: (x) => {
          const four = newVector();
          const add = (sum: Variable<Code, Code>, two: Code): Code =>
            sum.set(f64x2.add(sum.get, f64x2.promote_low_f32x4(two)));
          return [four.set(x), add(low, four.get), add(high, shuffle(four.get, four.get, [2, 3, 2, 3]))];
        },
        total: () => {
          const both = newVector();
          const swapped = shuffle(both.get, both.get, [2, 3, 0, 1]);
          return [both.set(f64x2.add(low.get, high.get)), f32x4.demote_f64x2_zero(f64x2.add(both.get, swapped))];
        },
      };
    },
    sumOfLanes: allLanes(f32x4.add),
    maxOfLanes: allLanes(f32x4.max),
    loop: (counter, from, to, step, body) => forLoop(f, counter, from, to, step, body as Code),
    ...ops,
  };
}
