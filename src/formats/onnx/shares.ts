/**
 * A softmax over the steps, by which these are weighed and added up: the attention that classifiers have behind a recurrent layer. One cell
 * is all of it, as it goes through the steps.
 */
import { lazyCell } from "../../graph/lazy-cell.ts";
import { recurrent } from "../../nn/layers.ts";
import { type Axis, integersOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import {
  axisAt,
  type Draft,
  type Flow,
  features,
  flowOf,
  layer,
  numberOf,
  numbersAt,
  type Operands,
  refused,
  role,
  type Value,
} from "./flows.ts";
import { termFlow, widthOf } from "./loops.ts";
import { call, type Term } from "./terms.ts";

/** The mean of all steps, each weighed by the softmax of its score s. Scores are counted from the highest so far. */
const weighedMean = lazyCell(
  `
  m' = max(s, m - 1e9 * sum(1 - n))   # the highest score so far
  n' = max(n, 1)                      # 0 before the first step
  k  = exp(min(m - m', 0))            # what sums so far become
  e  = exp(s - m')                    # what this step weighs
  d' = d * k + e                      # all weights
  v' = v * sum(k) + sum(e) * x        # the weighed sum of the steps
  y  = v' / sum(d')
  n : 1
  m : 1
  d : 1
  v : input
`,
  { inputs: ["x", "s"] },
);

/** The shares of steps, of one score a step; undefined where a softmax is over something else. */
export function sharesOf(value: Flow, axis: number): Flow | undefined {
  const alone = value.partial === "single";
  const { partial: _, ...flow } = value;
  const at = flow.axes[axis] as Axis;
  const { role: is } = rootOf(at);
  const last = rootOf(flow.axes.at(-1) as Axis);
  if (alone && is === "time") return { ...flow, partial: "shares" };
  if (value.partial !== undefined) return undefined;
  // Of three axes the one in the middle is time, unless a layer says otherwise.
  const isTime =
    is === "time" || (is === undefined && axis === 1 && flow.axes.length === 3 && last.role === "features");
  if (!isTime || widthOf(flow) !== 1) return undefined;
  role(at, "time");
  return { ...flow, partial: "shares" };
}
const isShares = (value: Value | undefined): value is Flow => value?.kind === "flow" && value.partial === "shares";

/** Steps times their shares; undefined where a node multiplies something else. */
export function weighed(node: ReadNode, given: Operands): Flow | undefined {
  if (node.op !== "Mul" || given.length !== 2 || !given.some(isShares)) return undefined;
  const [shares, values] = (isShares(given[0]) ? given : [...given].reverse()) as [Flow, Value | undefined];
  const flow = flowOf(values);
  if (flow.axes.length !== shares.axes.length) throw refused("it weighs what has other axes than the shares.");
  return { ...flow, partial: { scores: scoresOf(shares) } };
}
/** The sum of the steps that were weighed; undefined for other sums. */
export function weighedSum(node: ReadNode, given: Operands): Flow | undefined {
  const [from] = given;
  if (from?.kind !== "flow" || typeof from.partial !== "object" || !("scores" in from.partial)) return undefined;
  const { partial, ...values } = from;
  const axes = (numbersAt(node, "axes") ?? integersOf(given[1]) ?? []).map((one) => axisAt(one, values.axes.length));
  const [axis = 0] = axes;
  if (node.op !== "ReduceSum" || axes.length !== 1) throw refused("it reads weighed steps, and does not add them up.");
  role(values.axes[axis] as Axis, "time");
  const kept = (numberOf(node, "keepdims") ?? 1) === 1 ? [{ size: 1 }] : [];
  return meanOf(node, values, partial.scores, values.axes.toSpliced(axis, 1, ...kept));
}
/** The same as a product of matrices: shares (batch, 1, steps) times values (batch, steps, features). */
export function weighedProduct(node: ReadNode, given: Operands): Flow | undefined {
  const [shares, values] = given;
  if (node.op !== "MatMul" || !isShares(shares)) return undefined;
  const flow = flowOf(values);
  const [batch, time, last] = flow.axes;
  if (flow.axes.length !== 3 || rootOf(shares.axes[2] ?? {}) !== rootOf(time as Axis)) {
    throw refused("it multiplies shares with something else than the steps.");
  }
  role(time as Axis, "time");
  role(last as Axis, "features");
  return meanOf(node, flow, scoresOf(shares), [batch as Axis, { size: 1 }, features(widthOf(flow))]);
}
const bias = (): Term => ({ kind: "vector", data: new Float32Array(1), from: {}, hint: undefined, width: 1 });
function scoresOf({ partial: _, ...flow }: Flow): Flow {
  return flow;
}
function meanOf(node: ReadNode, values: Flow, scores: Flow, axes: readonly Axis[]): Flow {
  const draft: Pick<Draft, "make" | "values" | "reverse" | "countsAll"> = {
    make: (name, [reads, of]) => [
      recurrent(weighedMean, { name, label: "attention", reads: reads as string, inputs: { s: of as string } }),
    ],
    values: () => ({}),
    reverse: false,
    countsAll: node.name,
  };
  const term = scores.part === undefined ? scores.draft.term?.() : undefined;
  // A sum of features is a number, and what a cell reads is a vector, if of one number: it gets a bias of 0, which changes no share.
  const vector =
    term?.kind === "call" && term.single ? termFlow(node, call("Add", [term, bias()], 1, false), scores.axes) : scores;
  return layer("attention", [values, vector], draft, axes);
}
