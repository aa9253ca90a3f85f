/** The activations that ONNX writes as operators behind a dense layer, and our layers have as options. */
import { call, type Hint, type Term } from "./terms.ts";

/** By operator. */
export const activations: Readonly<Record<string, string>> = {
  ...{ Sigmoid: "sigmoid", Tanh: "tanh", Relu: "relu", Softplus: "softplus", Softmax: "softmax", Exp: "exp" },
};
/** An activation as a term. */
export function activationTerm(name: string, of: Term, hint: Hint | undefined): Term {
  const [op = ""] = Object.entries(activations).find(([, own]) => own === name) ?? [];
  return call(op, [of], of.width, false, hint);
}
