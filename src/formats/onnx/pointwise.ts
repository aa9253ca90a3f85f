/** Operators that combine numbers one by one, or go over features: merging layers, activations of dense ones, or equations. */
import { add, embedding, multiply, repeatVector } from "../../nn/layers.ts";
import { activations } from "./activations.ts";
import { type Axis, integersOf, listOf, numbersOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import { vectorOf } from "./dense.ts";
import {
  axisAt,
  type Draft,
  type Flow,
  features,
  featuresOf,
  flowOf,
  isSingle,
  joined,
  laidOut,
  layer,
  numberOf,
  numbersAt,
  type Operands,
  type Reading,
  refused,
  role,
  type Stack,
  same,
  there,
  type Value,
} from "./flows.ts";
import { asDirections, termFlow, termOf } from "./loops.ts";
import { sharesOf } from "./shares.ts";
import { call, hintOf, numberTerm, pointwise, sumsTerm } from "./terms.ts";

/** Operators of one operand, number by number or over the features. */
const functions = [
  ...["Sigmoid", "Tanh", "Relu", "Softplus", "Exp", "Log", "Sqrt", "Abs", "Neg", "Softsign", "Reciprocal", "Not"],
];
/** Operators of several operands, number by number. */
const combining = [
  ...["Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"],
  ...["And", "Or", "Where"],
];
export const isFunction = (op: string): boolean => functions.includes(op);
export const isCombining = (op: string): boolean => combining.includes(op);

const hintAt = ({ outputs }: ReadNode) => hintOf(outputs[0]);

/** A softmax, or its logarithm. */
export function softmax(node: ReadNode, value: Flow | Stack, { opset }: Reading): Flow {
  // Before opset 13 it goes over all axes from the given one on, of which only the last may have more than one number.
  const axis = axisAt(numberOf(node, "axis") ?? (opset < 13 ? 1 : -1), value.axes.length);
  const shares = value.kind === "flow" ? sharesOf(value, axis) : undefined;
  if (shares !== undefined && node.op === "Softmax") return shares;
  const flow = flowOf(value);
  if (axis !== flow.axes.length - 1) throw refused("it is not over the features.");
  const size = featuresOf(flow);
  return merged(node, flow) ?? termFlow(node, call(node.op, [termOf(flow)], size, false, hintAt(node)), flow.axes);
}
export const activated = (node: ReadNode, flow: Flow): Flow =>
  merged(node, flow) ?? termFlow(node, pointwise(node.op, [termOf(flow)], hintAt(node)), flow.axes);
/** As the activation of a dense layer that nothing else reads. */
function merged(node: ReadNode, flow: Flow): Flow | undefined {
  const { open } = flow.draft;
  const activation = activations[node.op];
  if (activation === undefined || open === undefined || open.activation !== undefined) return undefined;
  open.activation = activation;
  open.hint = hintAt(node);
  return flow;
}
/** Operators of several operands, of which one at least depends on the inputs. */
export function combined(node: ReadNode, given: Operands): Flow {
  const operands = asDirections(given.map(there));
  const [a, b] = operands as [Value, Value?];
  const plain = b !== undefined && operands.length === 2;
  if (plain && node.op === "Add") {
    const [flow, other] = a.kind === "flow" ? [a, b] : [b, a];
    const biased =
      flow.kind === "flow" &&
      other.kind !== "flow" &&
      other.kind !== "stack" &&
      withBias(flow, other, node.inputs[flow === a ? 1 : 0]);
    if (biased) return biased;
  }
  const flows = operands.filter((one) => one.kind === "flow" || one.kind === "stack").map(flowOf);
  const ranks = operands.map((one) =>
    one.kind === "flow" ? one.axes.length : one.kind === "constant" ? one.dims.length : 0,
  );
  // A constant with more axes gives them to what comes out.
  const more = Array.from({ length: Math.max(...ranks) - Math.max(...flows.map(({ axes }) => axes.length)) }, () => ({
    size: 1,
  }));
  const axes: readonly Axis[] = [...more, ...flows.map((flow) => flow.axes).reduce(joined)];
  const merge = node.op === "Add" ? add : node.op === "Mul" ? multiply : undefined;
  if (
    plain &&
    merge !== undefined &&
    flows.length === 2 &&
    flows.every(isPlain) &&
    new Set(flows.map(featuresOf)).size === 1
  ) {
    const [first, second] = flows as [Flow, Flow];
    const timed = new Set(
      [first, second].map((flow) => flow.axes.length === axes.length && !flow.axes.some((axis) => axis.size === 1)),
    );
    if (timed.size === 1) {
      const draft = {
        make: (own: string, from: readonly string[]) => [merge(from, { name: own })],
        values: () => ({}),
      };
      return layer(node.op === "Add" ? "add" : "multiply", [first, second], draft, axes);
    }
  }
  const terms = operands.map((one, k) => termOf(one, node.inputs[k]));
  const many = ["Min", "Max", "Sum"].includes(node.op);
  const op = node.op === "Sum" ? "Add" : node.op;
  const term = many ? terms.reduce((x, y) => pointwise(op, [x, y], hintAt(node))) : pointwise(op, terms, hintAt(node));
  const wide = term.width > 1 && axes.length > 0 ? [...axes.slice(0, -1), features(term.width)] : axes;
  return termFlow(node, term, wide);
}
/** Whether it is a layer's output that nothing takes in. */
const isPlain = ({ draft }: Flow): boolean => draft.term === undefined;
/** A dense layer with what is added to it, as long as nothing else reads it. */
function withBias(flow: Flow, other: Value, name: string | undefined): Flow | undefined {
  const { open } = flow.draft;
  if (open === undefined || open.activation !== undefined || open.bias !== undefined) return undefined;
  open.bias = vectorOf(other, featuresOf(flow));
  open.biasName = name;
  const more = other.kind === "constant" ? Math.max(0, other.dims.length - flow.axes.length) : 0;
  return { ...flow, axes: [...Array.from({ length: more }, () => ({ size: 1 })), ...flow.axes] };
}

const reductions: Readonly<Record<string, string>> = {
  ...{ ReduceSum: "Sum", ReduceMean: "Mean", ReduceMax: "Largest", ReduceMin: "Smallest" },
  ...{ ReduceL1: "Sum", ReduceL2: "Sum", ReduceSumSquare: "Sum" },
};
/** A sum, mean, maximum or minimum over the features, or over the rows or columns of a matrix; undefined where it is over something else. */
export function reduced(node: ReadNode, given: Operands): Flow | undefined {
  const from = laidOut(given[0]);
  if (from.kind === "stack" || reductions[node.op] === undefined) return undefined;
  const rank = from.axes.length;
  const axes = (numbersAt(node, "axes") ?? integersOf(given[1]) ?? []).map((axis) => axisAt(axis, rank));
  const keeps = (numberOf(node, "keepdims") ?? 1) === 1;
  const [axis] = axes;
  if (typeof from.partial === "object" && "columns" in from.partial) {
    const { partial, ...whole } = from;
    const rows = axis === rank - 1;
    if (axes.length !== 1 || keeps || node.op !== "ReduceSum" || !(rows || axis === rank - 2))
      throw refused("it is no sum of a matrix's rows or columns.");
    const term = termOf(whole);
    const made = sumsTerm(term, rows ? "rows" : "columns", partial.columns, hintAt(node));
    return termFlow(node, made, [...from.axes.slice(0, -2), features(made.width)]);
  }
  if (axes.length !== 1 || axis !== rank - 1 || rootOf(from.axes[axis] as Axis).role === "time") return undefined;
  featuresOf(from);
  const each = termOf(from);
  const one =
    node.op === "ReduceL1"
      ? pointwise("Abs", [each])
      : /L2|SumSquare/.test(node.op)
        ? pointwise("Square", [each])
        : each;
  const all = call(reductions[node.op] as string, [one], 1, true, hintAt(node));
  const term = node.op === "ReduceL2" ? call("Sqrt", [all], 1, true, hintAt(node)) : all;
  return termFlow(node, term, [...from.axes.slice(0, -1), ...(keeps ? [features(1)] : [])]);
}

/** One number for each of many: where it is combined it is repeated anyway. Or what has no steps, at each step of an input. */
export function expanded(node: ReadNode, given: Operands, { inputs }: Reading): Flow {
  const flow = flowOf(given[0]);
  const target = listOf(given[1]);
  const size = target?.at(-1);
  const term = termOf(flow);
  const time = target?.length === flow.axes.length + 1 ? target[0] : undefined;
  if (typeof time === "object") {
    const of = [...inputs.values()].find((one) => one.flow.axes.some((axis) => same(axis, time)));
    if (of === undefined || of.flow.draft.label === "tokens")
      throw refused("it repeats a vector at the steps of tokens.");
    role(time, "time");
    const nothing = pointwise("Mul", [numberTerm(0), call("Sum", [termOf(of.flow)], 1, true)]);
    return termFlow(node, pointwise("Add", [term, nothing]), [time, ...flow.axes]);
  }
  if (typeof time === "number" && flow.axes.length === 2) {
    const draft: Pick<Draft, "make" | "values"> = {
      make: (own, [reads]) => [repeatVector(time, { name: own, reads: reads as string })],
      values: () => ({}),
    };
    return layer("repeat_vector", [flow], draft, [{ size: time, role: "time" }, ...flow.axes]);
  }
  if (typeof size !== "number" || size === 1 || size === term.width) return flow;
  if (term.width !== 1) throw refused("it repeats features.");
  return termFlow(node, term, [...flow.axes.slice(0, -1), features(size)]);
}

/** Which tokens each step has, of some: 1 or 0 for each of these. */
export function oneHot(node: ReadNode, given: Operands, { vocabulary }: Reading): Flow | undefined {
  const [first, second] = given;
  const [flow, classes] = first?.kind === "flow" ? [first, second] : [second, first];
  if (node.op !== "Equal" || flow?.kind !== "flow" || flow.draft.label !== "tokens" || classes?.kind !== "constant")
    return undefined;
  // An input of a single number says how the model runs, as a sampling rate does: only an If may ask for it.
  if (flow.axes.length === 0) return { ...flow, partial: "setting" };
  const list = numbersOf(classes);
  if (!isSingle(flow.axes.at(-1) ?? {}) || list.some((one) => !(one >= 0 && one < 2 ** 24)))
    throw refused("it compares tokens in another way than one by one.");
  const count = (): number => vocabulary.get(flow.draft) ?? Math.max(...list) + 1;
  const draft: Pick<Draft, "make" | "values"> = {
    make: (own, [reads]) => [embedding(count(), list.length, { name: own, reads: reads as string })],
    values: (own) => ({
      [`${own}.weight`]: Float32Array.from({ length: count() * list.length }, (_, k) =>
        Math.floor(k / list.length) === list[k % list.length] ? 1 : 0,
      ),
    }),
  };
  return layer("one_hot", [flow], draft, [...flow.axes.slice(0, -1), features(list.length)]);
}
