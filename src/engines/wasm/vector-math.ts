/**
 * Elementary functions on four f32 lanes, as inline code, and random bits on four lanes. Knows nothing about graphs
 * or memory.
 *
 * The error bounds in the docstrings hold over the whole range of f32, against f64, with fused multiply-add and
 * without; the tests measure them. NaN gives NaN unless said otherwise.
 *
 * Coefficients: minimax fits made for this file (weighted least squares with Lawson's reweighting, in f64).
 */

import { KEY_STEP, MIX_FIRST, MIX_SECOND } from "../../graph/random-bits.ts";
import type { Code, FunctionBuilder } from "./assembler.ts";
import { f32x4, i32, i32x4, local, v128 } from "./assembler.ts";

/** What the host's engine and the user's options allow. `fma`: relaxed multiply-add, rounded once on usual hosts. */
export type Host = { readonly fma: boolean };

/** Inline code for a function of one vector; `x` is evaluated once. */
export type VectorFunction = (f: FunctionBuilder, x: Code, host: Host) => Code;

/** `a * b + c`, rounded once with `fma`, else twice. */
export const madd = (a: Code, b: Code, c: Code, host: Host): Code =>
  host.fma ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);

/** Horner's scheme; coefficients from the constant up. */
function polynomial(x: Local128, coefficients: readonly number[], host: Host): Code {
  const [highest, ...rest] = coefficients.toReversed() as [number, ...number[]];
  return rest.reduce<Code>((sum, c) => madd(sum, x.get, f32x4.const(c), host), f32x4.const(highest));
}

type Local128 = { readonly get: Code; readonly set: (value: Code) => Code; readonly tee: (value: Code) => Code };
function temporary(f: FunctionBuilder): Local128 {
  const variable = f.local("v128");
  return {
    get: local.get(variable),
    set: (value) => local.set(variable, value),
    tee: (value) => local.tee(variable, value),
  };
}

/** `pmin(x, c)` and `pmax(x, c)` in this order let a NaN in `x` through. */
const clamp = (x: Code, low: number, high: number): Code =>
  f32x4.pmax(f32x4.pmin(x, f32x4.const(high)), f32x4.const(low));

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

/** exp(sign * x) as two factors: 2 exp(r) and 2^(n - 1). `exact`: in two steps of reduction also with `fma`. */
function expFactors(f: FunctionBuilder, x: Code, sign: 1 | -1, exact: boolean, host: Host): readonly [Code, Code] {
  const [clamped, rounded, n, r] = [temporary(f), temporary(f), temporary(f), temporary(f)];
  // With sign -1, n ln 2 = -x - r: here r stands for x + n ln 2, and the polynomial's odd coefficients change sign.
  const [low, high] = sign > 0 ? [EXP_LOW, EXP_HIGH] : [-EXP_HIGH, -EXP_LOW];
  const reduce = (by: number, rest: Code): Code => madd(n.get, f32x4.const(-sign * by), rest, host);
  const factor = [
    clamped.set(clamp(x, low, high)),
    rounded.set(madd(clamped.get, f32x4.const(sign * Math.LOG2E), f32x4.const(ROUND), host)),
    n.set(f32x4.sub(rounded.get, f32x4.const(ROUND))),
    r.set(
      exact || !host.fma
        ? reduce(LN2_LOW, reduce(LN2_HIGH, clamped.get))
        : // n times the f32 nearest to ln 2, rounded once: |n| <= 128 makes it wrong by 2.5e-7 at most.
          reduce(Math.LN2, clamped.get),
    ),
    polynomial(
      r,
      TWICE_EXP.map((c, i) => (i % 2 === 1 ? sign * c : c)),
      host,
    ),
  ];
  return [factor, i32x4.shl(rounded.get, i32.const(23))];
}

/**
 * e^x. Relative error at most 1.9e-7 where the result is 2^-125.5 (1.67e-38) or more; below, x < -86.98, it is 0.
 * Infinity from x = 88.723 on. exp(0) is exactly 1.
 */
export const exp: VectorFunction = (f, x, host) => f32x4.mul(...expFactors(f, x, 1, true, host));

/**
 * 1 / (1 + e^-x). Absolute error at most 9.5e-8; relative error at most 5e-7 for x >= -87.3, where the result is
 * normal. Between 0 and 1; 0 from x = -88.73 down; sigmoid(0) is exactly 0.5.
 */
export const sigmoid: VectorFunction = (f, x, host) =>
  f32x4.div(f32x4.const(1), madd(...expFactors(f, x, -1, false, host), f32x4.const(1), host));

// tanh(x) = 2 t / (1 + t^2) with t = tanh(x / 2) = x P(x^2) / (2 Q(x^2)): one division for both, and the errors of P
// and Q count 1 / cosh(x) times, so low degrees do. Constant terms 1 make it exact near 0.
/** Here the formula gives exactly 1, fused or not. */
const TANH_CLAMP = 9.1875;
const TANH_P = [1, 0.029764940082880945, 1.14060087983756e-4];
const TANH_Q = [1, 0.11309823671055846, 1.2056181447923327e-3, 1.2248609289840884e-6];

/**
 * tanh(x). Absolute error at most 2e-7 with `fma`, 2.1e-7 without; relative error at most 4e-7. Exactly x where
 * |x| <= 1e-4, -0 and subnormals too; exactly 1 from 9.1875 on. Without `fma` it passes 1 by 1.2e-7 at rare points.
 */
export const tanh: VectorFunction = (f, x, host) => {
  const [clamped, square, p, q] = [temporary(f), temporary(f), temporary(f), temporary(f)];
  return [
    clamped.set(clamp(x, -TANH_CLAMP, TANH_CLAMP)),
    square.set(f32x4.mul(clamped.get, clamped.get)),
    p.set(f32x4.mul(clamped.get, polynomial(square, TANH_P, host))),
    q.set(polynomial(square, TANH_Q, host)),
    f32x4.div(f32x4.mul(p.get, q.get), madd(f32x4.mul(p.get, f32x4.const(0.25)), p.get, f32x4.mul(q.get, q.get), host)),
  ];
};

/** max(x, 0), exact; -0 stays -0. */
export const relu: VectorFunction = (_f, x) => f32x4.pmax(x, f32x4.const(0));

/** x / 6 + 1/2 between 0 and 1. Absolute error at most 6e-8. */
export const hard_sigmoid: VectorFunction = (_f, x, host) =>
  clamp(madd(x, f32x4.const(1 / 6), f32x4.const(0.5), host), 0, 1);

/** 1 where x > 0, else 0: 0 for NaN. */
export const step: VectorFunction = (_f, x) => v128.and(f32x4.gt(x, f32x4.const(0)), f32x4.const(1));

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
export const log: VectorFunction = (f, x, host) => {
  const [input, small, normal, bits, e, m, square] = [
    temporary(f),
    temporary(f),
    temporary(f),
    temporary(f),
    temporary(f),
    temporary(f),
    temporary(f),
  ];
  const infinity = f32x4.const(Infinity);
  return [
    input.set(x),
    small.set(f32x4.lt(input.get, f32x4.const(SMALLEST_NORMAL))),
    normal.set(v128.bitselect(f32x4.mul(input.get, f32x4.const(2 ** 23)), input.get, small.get)),
    bits.set(i32x4.sub(normal.get, i32x4.const(SQRT_HALF_BITS))),
    e.set(f32x4.sub(f32x4.convert_i32x4_s(i32x4.shr_s(bits.get, i32.const(23))), v128.and(small.get, f32x4.const(23)))),
    m.set(f32x4.sub(i32x4.add(v128.and(bits.get, i32x4.const(0x7fffff)), i32x4.const(SQRT_HALF_BITS)), f32x4.const(1))),
    square.set(f32x4.mul(m.get, m.get)),
    v128.bitselect(
      madd(
        e.get,
        f32x4.const(LN2_HIGH),
        f32x4.add(
          m.get,
          madd(
            square.get,
            madd(m.get, polynomial(m, LOG_P, host), f32x4.const(-0.5), host),
            f32x4.mul(e.get, f32x4.const(LN2_LOW)),
            host,
          ),
        ),
        host,
      ),
      // 0: -infinity; below 0: all bits, a NaN; infinity and NaN: themselves.
      v128.or(
        f32x4.sub(input.get, v128.and(f32x4.eq(input.get, f32x4.const(0)), infinity)),
        f32x4.lt(input.get, f32x4.const(0)),
      ),
      v128.and(f32x4.gt(input.get, f32x4.const(0)), f32x4.lt(input.get, infinity)),
    ),
  ];
};

// softplus: max(x, 0) + log(1 + e), e = exp(-|x|); log(1 + e) = 2 atanh(s) with s = e / (2 + e) <= 1/3.
/** 2 atanh(s) / s in s^2: relative error 4.5e-9. */
const TWICE_ATANH = [2, 0.6666641628624095, 0.40021527201083085, 0.28001806054364936, 0.2801198230317142];

/** ln(1 + e^x). Relative error at most 4e-7 where x >= -86.98; below, it is 0. */
export const softplus: VectorFunction = (f, x, host) => {
  const [input, e, s, square] = [temporary(f), temporary(f), temporary(f), temporary(f)];
  return [
    input.set(x),
    e.set(f32x4.mul(...expFactors(f, f32x4.abs(input.get), -1, true, host))),
    s.set(f32x4.div(e.get, f32x4.add(e.get, f32x4.const(2)))),
    square.set(f32x4.mul(s.get, s.get)),
    madd(s.get, polynomial(square, TWICE_ATANH, host), f32x4.pmax(input.get, f32x4.const(0)), host),
  ];
};

/**
 * `randomBits` of src/graph/random-bits.ts on four lanes: u32 counters under two key words a lane.
 * `key0` is evaluated twice.
 */
export function hash(f: FunctionBuilder, counter: Code, key0: Code, key1: Code): Code {
  const bits = temporary(f);
  const xorShift = (value: Code, by: number): Code => v128.xor(bits.tee(value), i32x4.shr_u(bits.get, i32.const(by)));
  const mix = (value: Code): Code => {
    const first = i32x4.mul(xorShift(value, 16), i32x4.const(MIX_FIRST));
    return xorShift(i32x4.mul(xorShift(first, 15), i32x4.const(MIX_SECOND)), 16);
  };
  const secondKey = i32x4.add(key1, i32x4.mul(key0, i32x4.const(KEY_STEP)));
  return mix(i32x4.add(mix(i32x4.add(counter, key0)), secondKey));
}
