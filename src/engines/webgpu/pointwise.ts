/** The rule of each pointwise operation as an expression of WGSL, one number at a time. Knows nothing about memory or passes. */
import type { Node } from "../../graph/graph.ts";
import type { OpName, PointwiseName } from "../../graph/operations.ts";
import { KEY_STEP, MIX_FIRST, MIX_SECOND, maskKey, maskThreshold } from "../../graph/random-bits.ts";
import { TANH_CLAMP, TANH_P, TANH_Q } from "../vector/tanh.ts";
import { literal } from "./kernel.ts";

/** The arguments of a rule: its operands, which are variables or literals, and the position in the pass, as expressions. */
export type Place = {
  readonly a: string;
  readonly b: string;
  /** The bits of the first operand, where it was loaded: an index. */
  readonly bits: string;
  readonly feature: string;
  readonly row: string;
  readonly example: string;
  readonly size: number;
  /** The index in memory of the keys of the dropout masks. */
  readonly keys: number;
};
type Rule<Op extends OpName> = (node: Node<Op>, place: Place) => string;

const call =
  (name: string): Rule<OpName> =>
  (_, { a, b }) =>
    b === "" ? `${name}(${a})` : `${name}(${a}, ${b})`;
const between =
  (sign: string): Rule<OpName> =>
  (_, { a, b }) =>
    `(${a} ${sign} ${b})`;

const rules: { readonly [Op in PointwiseName]: Rule<Op> } = {
  neg: (_, { a }) => `(-${a})`,
  sigmoid: call("sigmoid"),
  hard_sigmoid: (_, { a }) => `clamp(${a} * ${literal(1 / 6)} + 0.5f, 0f, 1f)`,
  tanh: call("tangent"),
  relu: (_, { a }) => `max(${a}, 0f)`,
  softplus: call("softplus"),
  exp: call("power"),
  log: call("logarithm"),
  sqrt: call("sqrt"),
  abs: call("abs"),
  step: (_, { a }) => `select(0f, 1f, ${a} > 0f)`,
  broadcast: (_, { a }) => a,
  one_hot: (_, { bits, feature }) => `select(0f, 1f, ${bits} == ${feature})`,
  add: between("+"),
  sub: between("-"),
  mul: between("*"),
  div: between("/"),
  min: call("min"),
  max: call("max"),
  where: (_, { a, b }) => `select(0f, ${b}, ${a} != 0f)`,
  mask: ({ rate, stream, locked }, { feature, row, example, size, keys }) => {
    const counter = `(${locked ? example : row}) * ${size}u + ${feature}`;
    const random = `randomBits(${counter}, memory[${keys}u] + ${maskKey(0, stream) >>> 0}u, memory[${keys + 1}u])`;
    return `select(0f, ${literal(1 / (1 - rate))}, ${random} >= ${maskThreshold(rate) >>> 0}u)`;
  },
};

/** @throws Error for an operation that is not pointwise */
export function expressionOf(node: Node, place: Place): string {
  const rule = rules[node.op as PointwiseName] as Rule<OpName> | undefined;
  if (rule === undefined) throw new Error(`internal: ${node.op} is not pointwise`);
  return rule(node, place);
}

const horner = (coefficients: readonly number[]): string =>
  coefficients
    .slice(0, -1)
    .reduceRight((sum, one) => `(${sum} * square + ${literal(one)})`, literal(coefficients.at(-1) as number));

/**
 * What the rules call. `exp` of devices is within some units of its last place, tanh is not: some give NaN from 89 on, or errors of
 * 1e-5, so it is the quotient that other engines have. Arguments are kept where no device's function overflows.
 */
export const functions = `
fn power(x: f32) -> f32 { return select(exp(max(x, -104f)), infinity(), x > 88.72284f); }
fn sigmoid(x: f32) -> f32 { return 1f / (1f + exp(clamp(-x, -87f, 88f))); }
fn tangent(x: f32) -> f32 {
  let y = clamp(x, ${literal(-TANH_CLAMP)}, ${literal(TANH_CLAMP)});
  let square = y * y;
  let p = y * ${horner(TANH_P)};
  let q = ${horner(TANH_Q)};
  return (p * q) / (p * 0.25f * p + q * q);
}
fn softplus(x: f32) -> f32 { return max(x, 0f) + log(1f + exp(-min(abs(x), 87f))); }
fn logarithm(x: f32) -> f32 {
  if (x > 0f) { return log(x); }
  return select(bitcast<f32>(given.z), -infinity(), x == 0f);
}
fn mixed(x: u32) -> u32 {
  let a = (x ^ (x >> 16u)) * ${MIX_FIRST >>> 0}u;
  let b = (a ^ (a >> 15u)) * ${MIX_SECOND >>> 0}u;
  return b ^ (b >> 16u);
}
fn randomBits(counter: u32, key0: u32, key1: u32) -> u32 {
  return mixed(mixed(counter + key0) + key1 + key0 * ${KEY_STEP >>> 0}u);
}`;
