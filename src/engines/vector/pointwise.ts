/** The rule of each pointwise operation, on vectors of any width. Knows nothing about memory, passes or any engine. */
import type { Node } from "../../graph/graph.ts";
import type { BinaryName, OpName, PointwiseName, UnaryName } from "../../graph/operations.ts";
import { maskKey, maskThreshold } from "../../graph/random-bits.ts";
import * as maths from "./mathematics.ts";
import type { VectorOps } from "./vector-ops.ts";

/** The arguments of a rule: its operands in variables, and the position in the row. */
export type Place<Vector, Mask, Whole, Code> = {
  readonly o: VectorOps<Vector, Mask, Whole, Code>;
  readonly a: Vector;
  readonly b: Vector;
  /** Features before this vector, rows before this row, and examples before this one in its step. */
  readonly feature: Whole;
  readonly row: Whole;
  readonly example: Whole;
  readonly size: number;
  readonly keys: number;
};
type Rule<Op extends OpName> = <Vector, Mask, Whole, Code>(
  node: Node<Op>,
  at: Place<Vector, Mask, Whole, Code>,
) => Vector;

const by =
  (compute: maths.VectorFunction): Rule<OpName> =>
  (_, { o, a }) =>
    compute(o, a);
/** The vector operation of the same name, of one or two operands. */
const same =
  (name: Exclude<UnaryName | BinaryName, keyof typeof maths | "where">): Rule<OpName> =>
  (_, { o, a, b }) =>
    (o[name] as typeof o.add)(a, b);
const rules: { readonly [Op in PointwiseName]: Rule<Op> } = {
  mask: (node, { o, feature, row, example, size, keys }) => {
    const { int, whole } = o;
    const at = whole.mul(node.locked ? example : row, whole.const(size));
    const counter = int.add(int.splat(whole.add(at, feature)), int.lanes);
    const key0 = whole.add(whole.load(whole.const(0), keys), whole.const(maskKey(0, node.stream)));
    const bits = maths.hash(o, counter, int.splat(key0), int.splat(whole.load(whole.const(0), keys + 4)));
    return o.keep(int.ge_u(bits, int.const(maskThreshold(node.rate))), o.const(1 / (1 - node.rate)));
  },
  neg: same("neg"),
  sigmoid: by(maths.sigmoid),
  hard_sigmoid: by(maths.hard_sigmoid),
  tanh: by(maths.tanh),
  relu: by(maths.relu),
  softplus: by(maths.softplus),
  exp: by(maths.exp),
  log: by(maths.log),
  sqrt: same("sqrt"),
  abs: same("abs"),
  step: by(maths.step),
  broadcast: (_, { a }) => a,
  one_hot: (_, { o, a, feature }) => {
    const { int } = o;
    return o.keep(int.eq(int.add(int.splat(feature), int.lanes), a), o.const(1));
  },
  add: same("add"),
  sub: same("sub"),
  mul: same("mul"),
  div: same("div"),
  min: same("min"),
  max: same("max"),
  where: (_, { o, a, b }) => o.keep(o.ne(a, o.const(0)), b),
};

export function ruleOf(op: OpName): Rule<OpName> {
  const rule = rules[op as PointwiseName] as Rule<OpName> | undefined;
  if (rule === undefined) throw new Error(`internal: ${op} is not pointwise`);
  return rule;
}
