/** Loops over the steps that an exporter wrote out, step by step, as tracing does: they hold for one number of steps. */
import { type Constant, numbersOf } from "./constants.ts";
import type { ReadGraph, ReadNode } from "./decode.ts";

/** Operators with states of their own. */
const loops = ["LSTM", "GRU", "RNN", "Scan", "Loop"];

/**
 * How many steps of one value a graph without loops takes one by one, where it multiplies as often by the same weights; undefined where it
 * does not.
 */
export function unrolledSteps({ nodes, tensors }: ReadGraph): number | undefined {
  if (nodes.some(({ op }) => loops.includes(op))) return undefined;
  const constants = new Map<string, Constant>();
  for (const [key, { dims, data }] of tensors) constants.set(key, { kind: "constant", dims, data });
  for (const { op, attributes, outputs } of nodes) {
    const tensor = op === "Constant" ? attributes.get("value")?.tensor : undefined;
    if (tensor !== undefined)
      constants.set(outputs[0] ?? "", { kind: "constant", dims: tensor.dims, data: tensor.data });
  }
  /** Of each value the places that are taken from it, one by one. */
  const places = new Map<string, Set<number>>();
  const uses = new Map<string, number>();
  for (const node of nodes) {
    const place = placeOf(node, constants);
    const [from = ""] = node.inputs;
    if (place !== undefined && !constants.has(from)) places.set(from, (places.get(from) ?? new Set()).add(place));
    const weights = ["MatMul", "Gemm"].includes(node.op) ? (node.inputs[1] ?? "") : "";
    if (constants.has(weights)) uses.set(weights, (uses.get(weights) ?? 0) + 1);
  }
  const steps = Math.max(0, ...[...places.values()].map(({ size }) => size));
  return steps > 1 && [...uses.values()].some((count) => count >= steps) ? steps : undefined;
}
/** The place of a `Gather` of one number. */
function placeOf({ op, inputs }: ReadNode, constants: ReadonlyMap<string, Constant>): number | undefined {
  const index = op === "Gather" ? constants.get(inputs[1] ?? "") : undefined;
  return index?.dims.length === 0 ? numbersOf(index)[0] : undefined;
}
