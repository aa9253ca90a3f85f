/** Small recurrent graphs, at least one for every operation that has a derivative, away from kinks. */
import { grad } from "../../src/grad/grad.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { type Builder, createBuilder, type Graph, type NodeId, type Steps } from "../../src/graph/graph.ts";
import type { BinaryName, FinalName, OpName, UnaryName } from "../../src/graph/operations.ts";
import { randomValues, type Values } from "./networks.ts";

type Differentiable = Exclude<OpName, FinalName>;

/** What a case may read: all of it depends on parameters, on the input and on the state. */
type Operands = {
  readonly g: Builder;
  /** Vectors of n features. `a` and `b` have opposite signs, at least 0.2 from zero; `regions` is in (-6, 6). */
  readonly n: number;
  readonly a: NodeId;
  readonly b: NodeId;
  readonly positive: NodeId;
  readonly regions: NodeId;
  /** Scalars above 2. */
  readonly scalar: NodeId;
  readonly other: NodeId;
  readonly h: NodeId;
  /** (3) */
  readonly x: NodeId;
  readonly token: NodeId;
  /** How many steps the graph is made for. */
  readonly steps: number;
};
type Case = (o: Operands) => NodeId;
type Cases = Readonly<Record<string, Case>>;

const unary = (op: UnaryName, operand: "a" | "positive" | "regions" = "a"): Cases => ({
  vector: (o) => o.g.unary(op, o[operand]),
  scalar: ({ g, scalar }) => g.unary(op, scalar),
  // So that its adjoint is a sum.
  "read twice": ({ g, ...o }) => {
    const y = g.unary(op, o[operand]);
    return g.add(g.mul(y, o.b), g.mul(y, y));
  },
});
const binary = (op: BinaryName): Cases => ({
  "vector, vector": ({ g, a, b }) => g.binary(op, a, b),
  "vector, scalar": ({ g, a, scalar }) => g.binary(op, a, scalar),
  "scalar, vector": ({ g, a, scalar }) => g.binary(op, scalar, a),
  "vector, number": ({ g, a }) => g.binary(op, a, g.constant(0.0625)),
  "number, vector": ({ g, a }) => g.binary(op, g.constant(0.0625), a),
  "vector, setting": ({ g, positive }) => g.binary(op, positive, g.mul(g.runtimeScalar("s"), g.constant(0.125))),
  "setting, vector": ({ g, a }) => g.binary(op, g.mul(g.runtimeScalar("s"), g.constant(8)), a),
  "scalar, scalar": ({ g, scalar, other }) => g.binary(op, scalar, other),
  "scalar, number": ({ g, scalar }) => g.binary(op, scalar, g.constant(1.5)),
  "number, scalar": ({ g, scalar }) => g.binary(op, g.constant(1.5), scalar),
  "itself twice": ({ g, a }) => g.binary(op, a, a),
});
const matrix = (g: Builder, name: string, rows: number, columns: number): string => {
  g.declare(name, [rows, columns], { name: "zeros", values: [] });
  return name;
};

/** By operation. A new one without a case is a compile error. */
export const operationCases: { readonly [K in Differentiable]: Cases } = {
  constant: { "in a product": ({ g, a }) => g.mul(a, g.constant(-1.75)) },
  runtime_scalar: { "in a product": ({ g, a }) => g.mul(a, g.runtimeScalar("s")) },
  input: {
    vector: ({ g, a, n }) => g.mul(a, g.input("v", n)),
    scalar: ({ g, a }) => g.mul(a, g.input("v", "scalar")),
  },
  index: { "of a row": ({ g, token }) => g.gather(matrix(g, "E", 9, 5), token) },
  state: {
    "read twice": ({ g, h, a }) => g.add(g.mul(h, h), g.mul(h, a)),
    "set and never read": ({ g, a, n }) => {
      g.state("unread", n);
      g.next("unread", a);
      return a;
    },
  },
  final: {
    "of a recurrent state": ({ g }) => g.final("h"),
    "through a layer": ({ g }) => {
      g.declare("c", [5], { name: "zeros", values: [] });
      const y = g.unary("tanh", g.add(g.matmul(matrix(g, "M", 5, 6), g.final("h")), g.parameter("c")));
      return g.mul(y, g.reduce("logsumexp", y));
    },
    "meets parameters alone": ({ g }) => {
      g.declare("c", [6], { name: "zeros", values: [] });
      return g.add(g.final("h"), g.unary("tanh", g.parameter("c")));
    },
    "cross-entropy": ({ g }) => {
      const z = g.matmul(matrix(g, "M", 5, 6), g.final("h"));
      return g.sub(g.reduce("logsumexp", z), g.sum(g.mul(g.oneHot(g.index("class", { perSequence: true }), 5), z)));
    },
    "with dropout, and a row of a table": ({ g }) => {
      const row = g.gather(matrix(g, "E", 9, 6), g.index("class", { perSequence: true }));
      return g.add(g.mul(g.final("h"), g.mask(6, 0.4, 1, { perSequence: true })), row);
    },
    "of two states, one that only shifts": ({ g, a, n }) => {
      g.state("s", n);
      g.next("s", a);
      return g.mul(g.final("s"), g.final("h"));
    },
    "of a state that is read as well": ({ g, h, a, n }) => {
      g.state("s", n);
      g.next("s", g.mul(h, a));
      const [M, N] = [matrix(g, "M", n, n), matrix(g, "N", n, n)];
      return g.add(g.matmul(M, g.final("s")), g.matmul(N, g.final("s")));
    },
    "of a state that runs backwards": ({ g, a, n }) => {
      g.next("s", g.unary("tanh", g.add(a, g.mul(g.state("s", n, { reverse: true }), g.constant(0.5)))));
      return g.mul(g.final("s"), g.final("h"));
    },
    "where another state starts": ({ g, a, n }) => {
      const k = g.state("k", n);
      g.next("k", g.unary("tanh", g.sub(a, g.mul(k, k))));
      g.initial("k", g.unary("tanh", g.matmul(matrix(g, "M", n, n), g.final("h"))));
      return g.mul(k, a);
    },
    "where a state of another time starts": ({ g, a, n }) => {
      const k = g.state("k", n, { time: 1 });
      g.next("k", g.unary("tanh", g.add(g.input("u", n, { time: 1 }), g.mul(k, k))));
      g.initial("k", g.unary("tanh", g.matmul(matrix(g, "M", n, n), g.final("h"))));
      const more = g.unary("exp", g.mul(g.parameter("q"), g.constant(0.25)));
      g.state("s2", n);
      g.next("s2", g.mul(g.add(a, more), more));
      return g.add(g.mul(g.add(k, more), more), g.matmul("M", k));
    },
    "where a state that only shifts starts": ({ g, a, n }) => {
      const k = g.state("k", n);
      g.next("k", a);
      g.initial("k", g.final("h"));
      return g.mul(k, a);
    },
    "where a state starts that is never read": ({ g, a, n }) => {
      g.state("k", n);
      g.next("k", g.unary("tanh", a));
      g.initial("k", g.matmul(matrix(g, "M", n, n), g.final("h")));
      return g.mul(g.final("k"), g.final("h"));
    },
    "where a state starts that nothing but its end is read of": ({ g, a, n }) => {
      const k = g.state("k", n);
      g.next("k", g.unary("tanh", g.add(a, k)));
      g.initial("k", g.mul(g.final("h"), g.final("h")));
      return g.final("k");
    },
  },
  parameter: { "used twice": ({ g, a }) => g.mul(g.parameter("p"), g.add(g.parameter("p"), a)) },
  mask: {
    dropout: ({ g, a, n }) => g.mul(a, g.mask(n, 0.4, 3)),
    "the same at every step": ({ g, a, h, n }) =>
      g.add(g.mul(a, g.mask(n, 0.4, 3, { locked: true })), g.mul(h, g.mask(n, 0.4, 4, { locked: true }))),
    "two streams": ({ g, a, b, n }) => g.add(g.mul(a, g.mask(n, 0.25, 1)), g.mul(b, g.mask(n, 0.25, 2))),
  },
  neg: unary("neg"),
  sigmoid: unary("sigmoid"),
  hard_sigmoid: unary("hard_sigmoid", "regions"),
  tanh: unary("tanh"),
  relu: unary("relu"),
  softplus: unary("softplus", "regions"),
  exp: unary("exp"),
  log: unary("log", "positive"),
  sqrt: unary("sqrt", "positive"),
  abs: unary("abs"),
  step: unary("step"),
  broadcast: { "of a scalar": ({ g, scalar, n, a }) => g.mul(a, g.broadcast(scalar, n)) },
  one_hot: { "picks a feature": ({ g, token, n, a }) => g.mul(a, g.oneHot(token, n)) },
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  min: binary("min"),
  max: binary("max"),
  where: {
    ...binary("where"),
    "of what may be 0": ({ g, a, b, scalar }) =>
      g.add(g.where(g.unary("step", a), b), g.where(g.unary("step", scalar), a)),
  },
  sum: {
    "of a vector": ({ g, a }) => g.sum(a),
    "meets a vector": ({ g, a, b }) => g.mul(a, g.sum(g.mul(a, b))),
    mean: ({ g, a, b }) => g.sub(b, g.mean(g.mul(a, a))),
    "of one feature": ({ g, x }) => g.sum(g.matmul(matrix(g, "M", 1, 3), x)),
  },
  max_of: {
    "of a vector": ({ g, regions }) => g.reduce("max_of", regions),
    smallest: ({ g, regions, a }) => g.mul(a, g.unary("neg", g.reduce("max_of", g.unary("neg", regions)))),
  },
  logsumexp: {
    "of a vector": ({ g, a }) => g.reduce("logsumexp", a),
    softmax: ({ g, regions }) => g.softmax(regions),
    "cross-entropy": ({ g, a, token, n }) => g.sub(g.reduce("logsumexp", a), g.sum(g.mul(g.oneHot(token, n), a))),
  },
  concat: {
    "two vectors": ({ g, a, x }) => g.concat([a, g.matmul(matrix(g, "M", 3, 3), x)]),
    "odd sizes, one part twice": ({ g, a, x }) => {
      const y = g.matmul(matrix(g, "M", 5, 3), x);
      return g.unary("tanh", g.concat([y, a, y, g.matmul(matrix(g, "N", 1, 3), x)]));
    },
    "into a product": ({ g, a, x }) => {
      const parts = g.concat([a, g.matmul(matrix(g, "M", 3, 3), x)]);
      return g.matmul(matrix(g, "N", 5, 9), g.unary("tanh", parts));
    },
  },
  slice: {
    beginning: ({ g, a }) => g.slice(a, 0, 2),
    middle: ({ g, a }) => g.mul(g.slice(a, 1, 4), g.slice(a, 2, 4)),
    end: ({ g, a, b }) => g.mul(g.slice(a, 3, 3), g.sum(b)),
    "of a state": ({ g, h, a }) => g.add(g.concat([g.slice(h, 1, 5), g.slice(h, 0, 1)]), a),
    "between products": ({ g, x, a }) => {
      const y = g.slice(g.matmul(matrix(g, "M", 7, 3), x), 1, 5);
      return g.mul(g.matmul(matrix(g, "N", 6, 5), y), a);
    },
    // The adjoints of M @ x and of N @ x are what one product reads.
    "adjoints side by side": ({ g, a, h }) => {
      const [y, z] = [g.matmul(matrix(g, "M", 7, 6), h), g.matmul(matrix(g, "N", 5, 6), h)];
      return g.mul(g.sum(g.unary("tanh", g.add(g.slice(y, 1, 5), z))), a);
    },
  },
  repeat_interleave: {
    "to rows of 3": ({ g, a }) => g.repeatInterleave(a, 3),
    "to rows of 4": ({ g, h }) => g.repeatInterleave(g.slice(h, 1, 4), 4),
    "of a parameter": ({ g, a }) => g.mul(g.repeatInterleave(g.parameter("p"), 7), g.repeatInterleave(a, 7)),
    "of a view": ({ g, a }) => g.repeatInterleave(g.tile(a, 2), 5),
    "of one feature": ({ g, a }) => g.concat([g.repeatInterleave(g.slice(a, 2, 1), 5), g.repeatInterleave(a, 3)]),
    "that a matrix reads": ({ g, a }) => g.mul(g.matmul(matrix(g, "M", 6, 12), g.repeatInterleave(a, 2)), a),
    "set to a state": ({ g, a }) => {
      g.state("k", 18);
      g.next("k", g.repeatInterleave(a, 3));
      return g.final("k");
    },
  },
  tile: {
    "2 rows of 6": ({ g, a }) => g.tile(a, 2),
    "3 rows of 4": ({ g, h }) => g.tile(g.slice(h, 0, 4), 3),
    "of a parameter": ({ g, a }) => g.mul(g.tile(g.parameter("p"), 2), g.tile(a, 2)),
    "of a view": ({ g, a }) => g.tile(g.repeatInterleave(a, 2), 3),
    "of one feature": ({ g, a }) => g.concat([g.tile(g.slice(a, 2, 1), 5), g.tile(a, 3)]),
    "that a matrix reads": ({ g, a }) => g.mul(g.matmul(matrix(g, "M", 6, 12), g.tile(a, 2)), a),
  },
  sum_rows: {
    "6 rows of 3": ({ g, a, x }) => g.sumRows(g.unary("tanh", g.outerProduct(a, x)), 3),
    "4 rows of 6": ({ g, a, h }) => g.mul(g.sumRows(g.outerProduct(g.slice(h, 1, 4), a), 6), g.slice(a, 0, 4)),
    "of a view": ({ g, a }) => g.sumRows(g.tile(a, 5), 6),
    "of what is in memory": ({ g, a }) => g.sumRows(g.matmul(matrix(g, "M", 20, 6), a), 4),
    "of a recurrent matrix": ({ g, a, x, scalar }) => {
      const k = g.state("k", 18);
      g.next("k", g.unary("tanh", g.add(g.mul(k, g.unary("sigmoid", scalar)), g.outerProduct(a, x))));
      return g.matrixVector(k, x);
    },
    "of 1, 6 and 2 columns": ({ g, a }) => g.concat([1, 6, 2].map((columns) => g.sumRows(a, columns))),
  },
  sum_columns: {
    "6 columns": ({ g, a, x }) => g.sumColumns(g.unary("tanh", g.outerProduct(x, a)), 6),
    "4 columns": ({ g, a, h }) => g.mul(g.sumColumns(g.outerProduct(a, g.slice(h, 1, 4)), 4), g.slice(a, 0, 4)),
    "with sums of rows and of all": ({ g, a, x }) => {
      const m = g.unary("tanh", g.outerProduct(a, x));
      const sums = g.mul(g.sumRows(m, 3), g.add(g.sum(m), g.reduce("logsumexp", m)));
      return g.concat([g.sumColumns(g.mul(m, m), 3), sums]);
    },
    "side by side in memory": ({ g, a, x }) => g.concat([x, g.outerProduct(a, x), g.sumColumns(g.tile(a, 3), 6)]),
    "of 1, 6 and 2 columns": ({ g, a }) => g.concat([1, 6, 2].map((columns) => g.sumColumns(a, columns))),
  },
  matmul: {
    "by a vector": ({ g, a }) => g.matmul(matrix(g, "M", 5, 6), a),
    "one row": ({ g, a }) => g.matmul(matrix(g, "M", 1, 6), a),
    "one matrix twice": ({ g, a, b }) => {
      matrix(g, "M", 6, 6);
      return g.mul(g.matmul("M", a), g.matmul("M", g.unary("tanh", g.matmul("M", b))));
    },
    "by a concatenation": ({ g, a, x, h }) => g.matmul(matrix(g, "M", 5, 15), g.concat([a, x, h])),
    "by a parameter": ({ g, a }) => g.mul(g.matmul(matrix(g, "M", 6, 6), g.parameter("p")), a),
    "its adjoint a parameter": ({ g, a }) => g.mul(g.matmul(matrix(g, "M", 6, 6), a), g.parameter("q")),
    "by a state": ({ g, h, a }) => g.mul(g.matmul(matrix(g, "M", 6, 6), h), a),
  },
  matmul_transposed: {
    "a whole matrix": ({ g, a }) => {
      const view = { parameter: matrix(g, "M", 6, 5), rows: 6, column: 0, columns: 5 };
      return g.matmulTransposed(view, a);
    },
    "some of its columns": ({ g, a }) => {
      const view = { parameter: matrix(g, "M", 6, 9), rows: 6, column: 3, columns: 5 };
      return g.unary("tanh", g.matmulTransposed(view, a));
    },
  },
  downsample: {
    "every second step": ({ g, a, b }) => g.mul(g.downsample(a, 2, 0), g.downsample(b, 2, 0)),
    "every third but one": ({ g, a }) => g.unary("tanh", g.downsample(a, 3, 1)),
    "several steps in products, and one of them twice": ({ g, a, n }) => {
      const parts = [0, 1, 2].map((k) => g.matmul(matrix(g, `M${k}`, 5, n), g.downsample(a, 3, k)));
      return g.add(parts.reduce(g.add), g.matmul(matrix(g, "N", 5, n), g.downsample(a, 3, 2)));
    },
    "numbers, the step itself read as well": ({ g, scalar, a }) =>
      g.mul(g.downsample(scalar, 2, 0), g.downsample(g.mul(a, scalar), 2, 1)),
    "every second of every second": ({ g, a }) =>
      g.unary("tanh", g.downsample(g.unary("tanh", g.downsample(a, 2, 1)), 2, 0)),
    "a recurrent state, a parameter and dropout over fewer steps": ({ g, a, n }) => {
      const k = g.state("k", n, { stride: 2 });
      const more = g.add(g.downsample(a, 2, 1), g.matmul(matrix(g, "M", n, n), k));
      g.next("k", g.unary("tanh", g.add(g.mul(more, g.mask(n, 0.4, 1, { stride: 2 })), g.parameter("q"))));
      return g.mul(k, g.downsample(a, 2, 0));
    },
    "a state that runs backwards, and its end": ({ g, a, n }) => {
      const k = g.state("k", n, { stride: 2, reverse: true });
      g.next("k", g.unary("tanh", g.add(g.downsample(a, 2, 1), g.mul(k, g.constant(0.5)))));
      return g.mul(g.final("k"), g.final("h"));
    },
    "where a state of all steps starts": ({ g, a, n }) => {
      g.state("k", n, { stride: 3 });
      g.next("k", g.downsample(a, 3, 0));
      const m = g.state("m", n);
      g.next("m", g.unary("tanh", g.sub(a, g.mul(m, m))));
      g.initial("m", g.final("k"));
      return g.mul(m, a);
    },
    "a state as it was": ({ g, h, a }) => g.mul(g.downsample(h, 2, 1), g.downsample(a, 2, 0)),
    "part of a value": ({ g, a, b }) => g.downsample(g.slice(g.concat([a, b]), 4, 5), 2, 1),
  },
  upsample: {
    "one of two": ({ g, a, b }) => g.mul(g.upsample([g.unary("tanh", g.downsample(a, 2, 1))], {}, 2, [1]), b),
    "all of three": ({ g, a, b }) =>
      g.mul(
        g.upsample(
          [2, 0, 1].map((k) => g.unary("tanh", g.downsample(a, 3, k))),
          {},
          3,
          [0, 1, 2],
        ),
        b,
      ),
    numbers: ({ g, scalar, a }) => g.mul(g.upsample([g.downsample(scalar, 2, 0)], {}, 2, [0]), a),
  },
  stack: {
    "every step": ({ g, a, steps }) => g.unary("tanh", g.stack(a, steps)),
    "of 5 features, in a product, and its parts summed": ({ g, a, steps }) => {
      const all = g.stack(g.slice(a, 1, 5), steps);
      return g.add(g.matmul(matrix(g, "M", 5, 5 * steps), g.unary("tanh", all)), g.sumColumns(g.mul(all, all), 5));
    },
    "of a state, and of a row of a table": ({ g, h, a, token, n, steps }) => {
      const row = g.gather(matrix(g, "E", 9, 6), token);
      const all = g.stack(g.add(g.mul(h, a), row), steps);
      return g.sumRows(g.mul(all, g.tile(g.final("h"), steps)), n);
    },
    "of what is the same at all steps": ({ g, a, steps }) =>
      g.add(g.stack(g.parameter("p"), steps), g.stack(g.mul(a, g.unary("tanh", g.parameter("q"))), steps)),
    "where a state starts": ({ g, a, n, steps }) => {
      const k = g.state("k", n);
      g.next("k", g.unary("tanh", g.add(a, k)));
      g.initial("k", g.sumColumns(g.stack(a, steps), n));
      return g.mul(k, a);
    },
  },
  unstack: {
    "each step's own": ({ g, a, b, n, steps }) => g.mul(g.unstack(g.unary("tanh", g.stack(a, steps)), n, {}), b),
    "in a product, in a recurrent state": ({ g, a, steps }) => {
      const share = g.unstack(g.softmax(g.stack(g.slice(a, 0, 5), steps)), 5, {});
      const k = g.state("k", 4);
      g.next("k", g.unary("tanh", g.add(g.matmul(matrix(g, "M", 4, 5), share), k)));
      return g.concat([k, share]);
    },
  },
  spread: {
    "the end of a state": ({ g, a }) => g.mul(g.spread(g.final("h"), {}), a),
    "a number": ({ g, a }) => g.mul(a, g.spread(g.sum(g.final("h")), {})),
    "through operations that could come before": ({ g, a, x }) => {
      const end = g.spread(g.final("h"), {});
      const more = g.add(g.matmul(matrix(g, "M", 6, 9), g.concat([end, x])), g.parameter("p"));
      return g.mul(g.mul(g.add(more, g.unary("sigmoid", end)), g.sum(end)), a);
    },
    "twice as a matrix, not in a loop": ({ g, a, n, steps }) => {
      const all = g.spread(g.stack(g.unary("tanh", a), steps), {});
      const share = g.softmax(g.matrixVector(all, a));
      return g.sumColumns(g.mul(all, g.repeatInterleave(share, n)), n);
    },
    "in a recurrent state: it reads again what it needs of all steps": ({ g, a, n, steps }) => {
      const k = g.state("k", n);
      const all = g.spread(g.stack(g.unary("tanh", a), steps), {});
      const share = g.softmax(g.matrixVector(all, g.matmul(matrix(g, "M", n, n), k)));
      const read = g.sumColumns(g.mul(all, g.repeatInterleave(share, n)), n);
      g.next("k", g.unary("tanh", g.add(read, a)));
      return g.mul(k, read);
    },
    "on another axis, and added to each row": ({ g, a, n, steps }) => {
      const k = g.state("k", n, { stride: 2, reverse: true });
      const on = { stride: 2 };
      const all = g.spread(g.stack(a, steps), on);
      const row = g.tile(g.matmul(matrix(g, "M", n, n), k), steps);
      const score = g.sumRows(g.unary("tanh", g.add(all, row)), n);
      const read = g.sumColumns(g.mul(all, g.repeatInterleave(g.softmax(score), n)), n);
      g.next("k", g.unary("tanh", g.add(read, g.downsample(a, 2, 0))));
      return g.mul(k, read);
    },
  },
  gather: {
    embedding: ({ g, token }) => g.gather(matrix(g, "E", 9, 5), token),
    "a table used twice": ({ g, token, a }) => {
      matrix(g, "E", 9, 6);
      return g.mul(g.unary("tanh", g.gather("E", token)), g.add(g.gather("E", token), a));
    },
  },
};

/**
 * Backward graph of a case. Its output is also read by the state, so that every rule works through time; unless it is
 * itself made from the last value of a state, or from values of other steps.
 * @param steps how many steps it will run for, where it reads all of them at once
 */
export function operationGraph(build: Case, steps = 3): Graph {
  const g = createBuilder();
  const n = 6;
  for (const name of ["p", "q", "s", "w"]) g.declare(name, [n], { name: "zeros", values: [] });
  const [x, h] = [g.input("x", 3), g.state("h", n)];
  const change = g.mul(g.unary("tanh", g.add(g.matmul(matrix(g, "A", n, 3), x), h)), g.constant(0.2));
  const [a, b, positive, regions] = ["p", "q", "s", "w"].map((name) => g.add(g.parameter(name), change)) as [
    NodeId,
    NodeId,
    NodeId,
    NodeId,
  ];
  const [scalar, other] = [g.sum(positive), g.add(g.sum(g.mul(positive, positive)), g.constant(4))];
  const output = build({ g, n, a, b, positive, regions, scalar, other, h, x, token: g.index("token"), steps });
  const size = g.shapeOf(output);
  const whole = typeof size === "number" ? g.sum(output) : output;
  const all = Array.from({ length: g.count() }, (_, id) => g.node(id).op);
  const apart = (["final", "downsample", "upsample", "stack"] as const).some((op) => all.includes(op));
  g.next("h", g.unary("tanh", apart ? a : g.add(a, g.mul(whole, g.constant(0.015625)))));
  const r = g.input("r", typeof size === "number" ? size : "scalar", {
    perSequence: g.isPerSequence(output),
    ...g.axisOf(output),
  });
  const loss = typeof size === "number" ? g.sum(g.mul(output, r)) : g.mul(output, r);
  g.sumAll("loss", loss);
  return grad(g.graph({ output, loss }));
}

/** Random values that keep the operands of `operationGraph` away from kinks. */
export function operationValues(graph: Graph, steps: Steps, batch: number, seed: number): Values {
  const values = randomValues(graph, steps, batch, seed);
  const numbers: Readonly<Record<string, readonly number[]>> = {
    p: [0.75, -1.5, 1.125, -0.625, 0.5, -0.875],
    q: [-0.625, 1.25, -0.5, 1.75, -1, 0.75],
    s: [0.75, 1.5, 1.125, 0.625, 0.5, 0.875],
    w: [-5, -4, -1.25, 1.5, 4, 5],
  };
  for (const [name, list] of Object.entries(numbers)) values.parameters[name]?.set(list);
  return values;
}

/** States in every company: cells whose plans differ in kind. */
export const stateCells: Readonly<Record<string, Cell>> = {
  "a state set to the input": cell(`p' = x
    y = tanh(W @ p + V @ x + b)`),
  "a state set to a parameter": cell(`p' = b
    y = tanh(W @ x + U @ p)`),
  "two states with the same next value": cell(`a = tanh(W @ x + U @ p + b)
    p' = a
    q' = a
    y = p * q + V @ q`),
  "two states with the same next value, one off the cycle": cell(`a = tanh(W @ x + U @ p + b)
    q' = a
    p' = a
    y = V @ q`),
  "a shift register": cell(`a' = W @ x
    b' = a
    c' = b
    y = tanh(U @ c + b * a)`),
  "a shift register behind a recurrent state": cell(`h' = tanh(W @ x + U @ h)
    a' = h
    b' = a
    y = h' + V @ b`),
  "two states that change places": cell(`a' = b
    b' = a
    y = W @ x * a + U @ b`),
  "two states that change places, one through a layer": cell(`a' = tanh(b + W @ x)
    b' = a
    y = a' * b`),
  "a state that reads another's value of now": cell(`a' = tanh(W @ x + U @ a)
    b' = tanh(V @ a' + R @ b)
    y = a' * b'`),
  "two loops, one after the other": cell(`a' = tanh(W @ x + U @ a)
    b' = tanh(V @ a + R @ b)
    y = a * b'`),
  "a state that nothing reads": cell(`h' = tanh(W @ x + b)
    y = h' * b`),
  "a state that only decays": cell(`h' = 0.5 * h
    y = h * (W @ x)`),
  "a matrix and a vector used twice": cell(`h' = tanh(W @ h + b)
    g' = sigmoid(W @ (h * g) + b)
    y = V @ x * (g' + h')`),
  "two matrices between the same values": cell(`h' = tanh(W @ x + U @ h + V @ h)
    y = P @ h' + Q @ h'`),
  "no state": cell(`y = softmax(W @ x + b) * sum(V @ x)`),
  "a matrix, read before its step and after": cell(`C' = sigmoid(sum(u * x)) * C + outer(V @ x, tanh(x))
    y = tanh(C' @ x) + U @ (C @ x) + W @ x`),
  "a matrix that is not square, of a state and a vector: the state's adjoint is the sums of its rows": cell(`
    M' = 0.5 * M + tanh(outer(h, b))
    h' = tanh(M @ b)
    y = V @ h' + W @ x
    h : units
    b : units * 2
    b ~ ones`),
  "the same of a state that is not read from it": cell(`
    M' = 0.5 * M + tanh(outer(h, b))
    h' = tanh(W @ x)
    y = V @ tanh(M @ b)
    h : units
    b : units * 2
    b ~ ones`),
  "a matrix that reads itself through a vector, in a loop of its own": cell(`e = V @ x - C @ x
    C' = C + 0.5 * outer(e, softmax(x))
    h' = tanh(C' @ h + W @ x)
    y = h' * mean(C)`),
  "a matrix by a column, one by a row, and one that is no state": cell(`a' = tanh(V @ x + U @ a)
    R' = 0.5 * R + outer(a', x)
    L' = tanh(L * sum(R) + outer(x, a))
    D = outer(R' @ x, x) - R
    y = P @ (R' @ (L' @ a') + D @ x)
    a : 1`),
  "two states set to one state": cell(`a' = tanh(W @ x + U @ a)
    b' = a
    c' = a
    y = V @ [b, c]
    a : units`),
};
