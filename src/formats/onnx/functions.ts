/** Functions of one operand that have numbers of their own, or are made of several of ours. */
import { literal } from "./cells.ts";
import { numbersOf } from "./constants.ts";
import type { ReadNode } from "./decode.ts";
import { vectorOf } from "./dense.ts";
import { type Flow, flowOf, numberOf, type Operands, refused, type Value } from "./flows.ts";
import { termFlow, termOf } from "./loops.ts";
import { call, hintOf, numberTerm, pointwise, type Term, textTerm } from "./terms.ts";

/** Operators that `bent` reads. */
const bentOnes = [
  ...[
    "HardSigmoid",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Celu",
    "HardSwish",
    "Mish",
    "ThresholdedRelu",
    "Erf",
    "Gelu",
    "PRelu",
  ],
  ...["Clip", "Pow"],
];
export const isBent = (op: string): boolean => bentOnes.includes(op);

/**
 * The error function. M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 7.1.26: the error is below 1.5e-7.
 */
function erf(x: Term): Term {
  const t = textTerm("Erf", x, "1 / (1 + 0.3275911 * abs($0))", 2);
  const polynomial = textTerm(
    "Erf",
    t,
    "$0 * (0.254829592 + $0 * (-0.284496736 + $0 * (1.421413741 + $0 * (-1.453152027 + $0 * 1.061405429))))",
    2,
  );
  const size = pointwise("Sub", [
    numberTerm(1),
    pointwise("Mul", [polynomial, textTerm("Erf", x, "exp(-$0 * $0)", 0)]),
  ]);
  return pointwise("Mul", [textTerm("Erf", x, "2 * step(max($0, 0)) - 1", 3), size]);
}

/** A constant as one list: slopes have an axis of one for each axis behind that of the features. */
const flatConstant = (value: Value | undefined): Value => {
  if (value?.kind !== "constant") throw refused("its slopes are computed.");
  return { ...value, dims: [value.data.length] };
};

/** Those that have numbers of their own. */
export function bent(node: ReadNode, given: Operands): Flow {
  const flow = flowOf(given[0]);
  const number = (key: string, usual: number): string => literal(numberOf(node, key) ?? usual);
  const made = (text: string, binds: number): Flow =>
    termFlow(node, textTerm(node.op, termOf(flow), text, binds), flow.axes);
  switch (node.op) {
    case "HardSigmoid":
      return made(`max(0, min(1, ${number("alpha", 0.2)} * $0 + ${number("beta", 0.5)}))`, 0);
    case "LeakyRelu":
      return made(`relu($0) - ${number("alpha", 0.01)} * relu(-$0)`, 3);
    case "Elu":
      return made(`relu($0) + ${number("alpha", 1)} * (exp(-relu(-$0)) - 1)`, 3);
    case "Selu":
      return made(
        `${number("gamma", 1.0507010221481323)} * (relu($0) + ${number("alpha", 1.6732631921768188)} * (exp(-relu(-$0)) - 1))`,
        2,
      );
    case "Celu": {
      const alpha = number("alpha", 1);
      return made(`relu($0) + ${alpha} * (exp(-relu(-$0) / ${alpha}) - 1)`, 3);
    }
    case "HardSwish":
      return made("$0 * max(0, min(1, $0 / 6 + 0.5))", 2);
    case "Mish":
      return made("$0 * tanh(softplus($0))", 2);
    case "ThresholdedRelu":
      return made(`$0 * step(max($0 - ${number("alpha", 1)}, 0))`, 2);
    case "Erf":
      return termFlow(node, erf(termOf(flow)), flow.axes);
    case "Gelu": {
      const x = termOf(flow);
      const bent =
        node.attributes.get("approximate")?.text === "tanh"
          ? textTerm("Tanh", x, "tanh(0.7978845608028654 * ($0 + 0.044715 * $0 * $0 * $0))", 0)
          : erf(pointwise("Mul", [x, numberTerm(Math.SQRT1_2)]));
      const share = pointwise("Mul", [numberTerm(0.5), pointwise("Add", [bent, numberTerm(1)])]);
      return termFlow(node, pointwise("Mul", [x, share]), flow.axes);
    }
    case "PRelu": {
      const x = termOf(flow);
      const data = vectorOf(flatConstant(given[1]), x.width);
      const slope: Term = { kind: "vector", data, from: data, hint: hintOf(node.inputs[1]), width: x.width };
      const below = pointwise("Mul", [slope, pointwise("Relu", [pointwise("Neg", [x])])]);
      return termFlow(node, pointwise("Sub", [pointwise("Relu", [x]), below]), flow.axes);
    }
    case "Clip": {
      const at = (key: string, k: number): number | undefined => {
        const value = given[k];
        if (value?.kind === "constant" && value.data.length === 1) return Number(value.data[0]);
        if (value !== undefined && value.kind !== "fill") throw refused("its bounds are computed.");
        return value === undefined ? numberOf(node, key) : value.value;
      };
      const [low, high] = [at("min", 1), at("max", 2)];
      const upper = high === undefined ? termOf(flow) : pointwise("Min", [termOf(flow), numberTerm(high)]);
      return termFlow(node, low === undefined ? upper : pointwise("Max", [upper, numberTerm(low)]), flow.axes);
    }
    default: {
      const [power] = given[1]?.kind === "constant" ? numbersOf(given[1]) : [];
      if (power !== 2 && power !== 0.5) throw refused("its exponent is neither 2 nor 1/2.");
      const term = termOf(flow);
      return termFlow(
        node,
        call(power === 2 ? "Square" : "Sqrt", [term], term.width, false, hintOf(node.outputs[0])),
        flow.axes,
      );
    }
  }
}
