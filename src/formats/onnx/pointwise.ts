/** Operators that combine numbers one by one: merging layers, activations of dense ones, or cells without states. */
import { add, multiply } from "../../nn/layers.ts";
import { literal } from "./cells.ts";
import { numbersOf, rootOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import { vectorOf } from "./dense.ts";
import {
  axisAt,
  equation,
  type Flow,
  features,
  featuresOf,
  flowOf,
  joined,
  layer,
  numberOf,
  type Operands,
  type Reading,
  refused,
  there,
} from "./flows.ts";

/** Pointwise operators of `x`, as equations. */
const functions: Readonly<Record<string, string>> = {
  ...{ Sigmoid: "sigmoid(x)", Tanh: "tanh(x)", Relu: "relu(x)", Softplus: "softplus(x)", Exp: "exp(x)", Log: "log(x)" },
  ...{ Sqrt: "sqrt(x)", Abs: "abs(x)", Neg: "-x", Softsign: "x / (1 + abs(x))", Softmax: "softmax(x)" },
  ...{ LogSoftmax: "log(softmax(x))", Reciprocal: "1 / x" },
};
/** Those that a dense layer has as its activation. */
const activations: Readonly<Record<string, string>> = {
  ...{ Sigmoid: "sigmoid", Tanh: "tanh", Relu: "relu", Softplus: "softplus", Softmax: "softmax", Exp: "exp" },
};
const operators: Readonly<Record<string, string>> = { Add: "+", Sub: "-", Mul: "*", Div: "/" };
export const isFunction = (op: string): boolean => Object.hasOwn(functions, op);

/** A softmax, or its logarithm. */
export function softmax(node: ReadNode, flow: Flow, { opset }: Reading): Flow {
  // Before opset 13 it goes over all axes from the given one on, of which only the last may have more than one number.
  const axis = axisAt(numberOf(node, "axis") ?? (opset < 13 ? 1 : -1), flow.axes.length);
  if (axis !== flow.axes.length - 1) throw refused("it is not over the features.");
  featuresOf(flow);
  return activated(node, flow);
}
export function activated({ op }: ReadNode, flow: Flow): Flow {
  const { open } = flow.draft;
  const activation = activations[op];
  if (activation !== undefined && open !== undefined && open.activation === undefined) {
    open.activation = activation;
    return flow;
  }
  return equation(op.toLowerCase(), functions[op] as string, [flow]);
}
/** Those that have numbers of their own. */
export function bent(node: ReadNode, given: Operands): Flow {
  const flow = flowOf(given[0]);
  const number = (key: string, usual: number): string => literal(numberOf(node, key) ?? usual);
  switch (node.op) {
    case "HardSigmoid": {
      const text = `max(0, min(1, ${number("alpha", 0.2)} * x + ${number("beta", 0.5)}))`;
      return equation("hard_sigmoid", text, [flow]);
    }
    case "LeakyRelu":
      return equation("leaky_relu", `relu(x) - ${number("alpha", 0.01)} * relu(-x)`, [flow]);
    case "Elu":
      return equation("elu", `relu(x) + ${number("alpha", 1)} * (exp(-relu(-x)) - 1)`, [flow]);
    default: {
      const [power] = given[1]?.kind === "constant" ? numbersOf(given[1]) : [];
      if (power !== 2 && power !== 0.5) throw refused("its exponent is neither 2 nor 1/2.");
      return equation("pow", power === 2 ? "x * x" : "sqrt(x)", [flow]);
    }
  }
}

/** `Add`, `Sub`, `Mul` and `Div`, of two flows, or of one and constants. */
export function combined(node: ReadNode, given: Operands): Flow {
  const [a, b] = [there(given[0]), there(given[1])];
  const sign = operators[node.op] as string;
  const label = node.op.toLowerCase();
  if (a.kind === "flow" && b.kind === "flow") return ofTwo(node.op, flowOf(a), flowOf(b));
  const [given1, other, first] = a.kind === "flow" ? [flowOf(a), b, true] : [flowOf(b), a, false];
  const { open } = given1.draft;
  const rank = other.kind === "constant" ? other.dims.length : 0;
  // A constant with more axes gives them to what comes out.
  const more = Array.from({ length: Math.max(0, rank - given1.axes.length) }, () => ({ size: 1 }));
  const flow: Flow = { ...given1, axes: [...more, ...given1.axes] };
  const number = other.kind === "constant" && other.data.length === 1 ? Number(other.data[0]) : undefined;
  if (node.op === "Add" && open !== undefined && open.activation === undefined && open.bias === undefined) {
    open.bias = vectorOf(other, featuresOf(flow));
    return flow;
  }
  const text = (value: string): string => (first ? `x ${sign} ${value}` : `${value} ${sign} x`);
  if (number !== undefined) return equation(label, text(literal(number)), [flow]);
  return equation(label, text("a"), [flow], { constants: { a: vectorOf(other, featuresOf(flow)) } });
}
function ofTwo(op: string, a: Flow, b: Flow): Flow {
  const sign = operators[op] as string;
  const label = op.toLowerCase();
  const [left, right] = [featuresOf(a), featuresOf(b)];
  const [more, most] = [Math.max(a.axes.length, b.axes.length), Math.max(left, right)];
  const axes = [...joined(a.axes, b.axes).slice(0, more - 1), features(most)];
  const isTimed = (flow: Flow): boolean => flow.axes.some((axis) => rootOf(axis).role === "time");
  // What has steps is x, and goes on at each of them with what has none.
  const [x, z, turned] = isTimed(b) && !isTimed(a) ? [b, a, true] : [a, b, false];
  if (left !== right) {
    if (left !== 1 && right !== 1) throw refused("its operands' sizes do not fit.");
    // One number for all features.
    const [one, other] = (turned ? right : left) === 1 ? ["sum(x)", "z"] : ["x", "sum(z)"];
    return equation(label, turned ? `${other} ${sign} ${one}` : `${one} ${sign} ${other}`, [x, z], { axes });
  }
  const merge = op === "Add" ? add : op === "Mul" ? multiply : undefined;
  if (merge === undefined || isTimed(a) !== isTimed(b))
    return equation(label, turned ? `z ${sign} x` : `x ${sign} z`, [x, z], { axes });
  const draft = {
    make: (own: string, from: readonly string[]) => [merge(from, { name: own })],
    values: () => ({}),
  };
  return layer(op === "Add" ? "add" : "multiply", [a, b], draft, axes);
}
