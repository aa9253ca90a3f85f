/**
 * Elementary functions on vectors of f32, and random bits, as expressions of `VectorOps`. Knows nothing about engines, graphs
 * or memory.
 *
 * The error bounds in the docstrings hold over the whole range of f32, against f64, with fused multiply-add and
 * without; the tests measure them. NaN gives NaN unless said otherwise.
 *
 * Coefficients: minimax fits made for this file (weighted least squares with Lawson's reweighting, in f64).
 */
import { KEY_STEP, MIX_FIRST, MIX_SECOND } from "../../graph/random-bits.ts";
import { TANH_CLAMP, TANH_P, TANH_Q } from "./tanh.ts";
import type { VectorOps } from "./vector-ops.ts";

/** A function of one vector, each lane alone; `x` is evaluated once. */
export type VectorFunction = <Vector, Mask, Whole, Code>(o: VectorOps<Vector, Mask, Whole, Code>, x: Vector) => Vector;

/** Horner's scheme; coefficients from the constant up. `x` is evaluated once for each but the first. */
function polynomial<Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  x: Vector,
  coefficients: readonly number[],
): Vector {
  return coefficients
    .slice(0, -1)
    .reduceRight<Vector>((sum, c) => o.madd(sum, x, o.const(c)), o.const(coefficients.at(-1) as number));
}

/** `pmin(x, c)` and `pmax(x, c)` in this order let a NaN in `x` through. */
const clamp = <Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  x: Vector,
  low: number,
  high: number,
): Vector => o.pmax(o.pmin(x, o.const(high)), o.const(low));

// exp: x = n ln 2 + r with |r| <= ln 2 / 2; exp(x) = (2 exp(r)) 2^(n - 1).

/** 1.5 * 2^23: added to |v| < 2^22 it leaves round(v) in the low bits. Here also the exponent's bias, less 1. */
const ROUND = 12582912 + 126;
/** ln 2 in two parts, of which the first has 9 bits: n times it is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.12194440054690583e-4;
/** 2 exp(r) on |r| <= ln 2 / 2: relative error 9.2e-8. The 2 makes exp(0) exactly 1. */
const TWICE_EXP = [
  2, 1.9999994039535522, 0.999983012676239, 0.3333529829978943, 0.08379565179347992, 0.016579153016209602,
];
/** n = -126, whose 2^(n - 1) comes out as 0; and n = 128, whose product overflows. */
const EXP_LOW = -87.3;
const EXP_HIGH = 89;

/** exp(sign * x) as two factors: 2 exp(r) and 2^(n - 1). `exact`: in two steps of reduction also where `fused`. */
function expFactors<Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  x: Vector,
  sign: 1 | -1,
  exact: boolean,
): readonly [Vector, Vector] {
  const [clamped, rounded, n, r] = [o.newVector(), o.newVector(), o.newVector(), o.newVector()];
  // With sign -1, n ln 2 = -x - r: here r stands for x + n ln 2, and the polynomial's odd coefficients change sign.
  const [low, high] = sign > 0 ? [EXP_LOW, EXP_HIGH] : [-EXP_HIGH, -EXP_LOW];
  const reduce = (by: number, rest: Vector): Vector => o.madd(n.get, o.const(-sign * by), rest);
  const factor = o.after(
    [
      clamped.set(clamp(o, x, low, high)),
      rounded.set(o.madd(clamped.get, o.const(sign * Math.LOG2E), o.const(ROUND))),
      n.set(o.sub(rounded.get, o.const(ROUND))),
      r.set(
        exact || !o.fused
          ? reduce(LN2_LOW, reduce(LN2_HIGH, clamped.get))
          : // n times the f32 nearest to ln 2, rounded once: |n| <= 128 makes it wrong by 2.5e-7 at most.
            reduce(Math.LN2, clamped.get),
      ),
    ],
    polynomial(
      o,
      r.get,
      TWICE_EXP.map((c, i) => (i % 2 === 1 ? sign * c : c)),
    ),
  );
  return [factor, o.int.shl(rounded.get, 23)];
}

/**
 * e^x. Relative error at most 1.9e-7 where the result is 2^-125.5 (1.67e-38) or more; below, x < -86.98, it is 0.
 * Infinity from x = 88.723 on. exp(0) is exactly 1.
 */
export const exp: VectorFunction = (o, x) => o.mul(...expFactors(o, x, 1, true));

/**
 * 1 / (1 + e^-x). Absolute error at most 9.5e-8; relative error at most 5e-7 for x >= -87.3, where the result is
 * normal. Between 0 and 1; 0 from x = -88.73 down; sigmoid(0) is exactly 0.5.
 */
export const sigmoid: VectorFunction = (o, x) => {
  const one = o.const(1);
  return o.div(one, o.madd(...expFactors(o, x, -1, false), one));
};

/**
 * tanh(x). Absolute error at most 2e-7 where `fused`, 2.1e-7 elsewhere; relative error at most 4e-7. Exactly x where
 * |x| <= 1e-4, -0 and subnormals too; exactly 1 from 9.1875 on. Not `fused`, it passes 1 by 1.2e-7 at rare points.
 */
export const tanh: VectorFunction = (o, x) => {
  const [clamped, square, p, q] = [o.newVector(), o.newVector(), o.newVector(), o.newVector()];
  return o.after(
    [
      clamped.set(clamp(o, x, -TANH_CLAMP, TANH_CLAMP)),
      square.set(o.mul(clamped.get, clamped.get)),
      p.set(o.mul(clamped.get, polynomial(o, square.get, TANH_P))),
      q.set(polynomial(o, square.get, TANH_Q)),
    ],
    o.div(o.mul(p.get, q.get), o.madd(o.mul(p.get, o.const(0.25)), p.get, o.mul(q.get, q.get))),
  );
};

/** max(x, 0), exact; -0 stays -0. */
export const relu: VectorFunction = (o, x) => o.pmax(x, o.const(0));

/** x / 6 + 1/2 between 0 and 1. Absolute error at most 6e-8. */
export const hard_sigmoid: VectorFunction = (o, x) => clamp(o, o.madd(x, o.const(1 / 6), o.const(0.5)), 0, 1);

/** 1 where x > 0, else 0: 0 for NaN. */
export const step: VectorFunction = (o, x) => o.keep(o.gt(x, o.const(0)), o.const(1));

// log: x = 2^e (1 + m) with 1 + m in [sqrt(1/2), sqrt(2)); log(1 + m) = m - m^2 / 2 + m^3 P(m).
const SMALLEST_NORMAL = 2 ** -126;
/** Bits of the f32 nearest to sqrt(1/2). */
const SQRT_HALF_BITS = 0x3f3504f3;
const LOG_P = [
  0.33333331706672326, -0.2500082103495505, 0.20001226980338743, -0.16623357454008544, 0.14201756283726974,
  -0.13160179550832318, 0.12761584085782735, -0.07634510287987456,
];

/**
 * ln x. Relative error at most 1e-7, near 1 and for subnormal x too. -infinity for 0 and -0, NaN below 0.
 */
export const log: VectorFunction = (o, x) => {
  const [input, small] = [o.newVector(), o.newMask()];
  const [normal, bits, e, m, square] = [o.newVector(), o.newVector(), o.newVector(), o.newVector(), o.newVector()];
  const { int } = o;
  const [zero, infinity, rootHalf] = [o.const(0), o.const(Infinity), int.const(SQRT_HALF_BITS)];
  return o.after(
    [
      input.set(x),
      small.set(o.lt(input.get, o.const(SMALLEST_NORMAL))),
      normal.set(o.select(o.mul(input.get, o.const(2 ** 23)), input.get, small.get)),
      bits.set(int.sub(normal.get, rootHalf)),
      e.set(o.sub(int.toFloat(int.shr_s(bits.get, 23)), o.keep(small.get, o.const(23)))),
      m.set(o.sub(int.add(int.and(bits.get, int.const(0x7fffff)), rootHalf), o.const(1))),
      square.set(o.mul(m.get, m.get)),
    ],
    o.select(
      o.madd(
        e.get,
        o.const(LN2_HIGH),
        o.add(
          m.get,
          o.madd(square.get, o.madd(m.get, polynomial(o, m.get, LOG_P), o.const(-0.5)), o.mul(e.get, o.const(LN2_LOW))),
        ),
      ),
      // 0: -infinity; below 0: NaN; infinity and NaN: themselves.
      o.orNaN(o.sub(input.get, o.keep(o.eq(input.get, zero), infinity)), o.lt(input.get, zero)),
      o.both(o.gt(input.get, zero), o.lt(input.get, infinity)),
    ),
  );
};

// softplus: max(x, 0) + log(1 + e), e = exp(-|x|); log(1 + e) = 2 atanh(s) with s = e / (2 + e) <= 1/3.
/** 2 atanh(s) / s in s^2: relative error 4.5e-9. */
const TWICE_ATANH = [2, 0.6666641628624095, 0.40021527201083085, 0.28001806054364936, 0.2801198230317142];

/** ln(1 + e^x). Relative error at most 4e-7 where x >= -86.98; below, it is 0. */
export const softplus: VectorFunction = (o, x) => {
  const [input, e, s, square] = [o.newVector(), o.newVector(), o.newVector(), o.newVector()];
  return o.after(
    [
      input.set(x),
      e.set(o.mul(...expFactors(o, o.abs(input.get), -1, true))),
      s.set(o.div(e.get, o.add(e.get, o.const(2)))),
      square.set(o.mul(s.get, s.get)),
    ],
    o.madd(s.get, polynomial(o, square.get, TWICE_ATANH), o.pmax(input.get, o.const(0))),
  );
};

/**
 * `randomBits` of src/graph/random-bits.ts in each lane: u32 counters under two key words a lane.
 * `key0` is evaluated twice.
 */
export function hash<Vector, Mask, Whole, Code>(
  o: VectorOps<Vector, Mask, Whole, Code>,
  counter: Vector,
  key0: Vector,
  key1: Vector,
): Vector {
  const { int } = o;
  const bits = o.newVector();
  const xorShift = (value: Vector, by: number): Vector => int.xor(bits.tee(value), int.shr_u(bits.get, by));
  const mix = (value: Vector): Vector => {
    const first = int.mul(xorShift(value, 16), int.const(MIX_FIRST));
    return xorShift(int.mul(xorShift(first, 15), int.const(MIX_SECOND)), 16);
  };
  const secondKey = int.add(key1, int.mul(key0, int.const(KEY_STEP)));
  return mix(int.add(mix(int.add(counter, key0)), secondKey));
}
