/**
 * Layer normalisation that an exporter wrote as nine single nodes, as the one operator that it is from opset 17 on. Knows nothing else of
 * graphs.
 */
import type { ReadGraph, ReadNode } from "./decode.ts";
import { nodesOf, replaced } from "./nodes.ts";

/**
 * The nodes of a graph, where (x - mean) / sqrt(variance + epsilon), and the gain and the bias that follow, are one node
 * `LayerNormalization`.
 */
export function normalizations(graph: ReadGraph): readonly ReadNode[] {
  const { nodes } = graph;
  const { used, constantOf, only, isOverLast } = nodesOf(graph);
  const gone = new Set<ReadNode>();
  const inPlace = new Map<ReadNode, ReadNode>();
  for (const divided of nodes) {
    if (divided.op !== "Div") continue;
    const centred = only(divided.inputs[0], "Sub");
    const root = only(divided.inputs[1], "Sqrt");
    const sum = only(root?.inputs[0], "Add");
    const variance = only(sum?.inputs[0], "ReduceMean");
    const square = only(variance?.inputs[0], "Pow");
    const mean = only(centred?.inputs[1], "ReduceMean");
    const epsilon = constantOf(sum?.inputs[1]);
    const two = constantOf(square?.inputs[1]);
    if (!centred || !root || !sum || !variance || !square || !mean || epsilon?.data.length !== 1) continue;
    const [x, d] = [centred.inputs[0] as string, centred.outputs[0] as string];
    if (mean.inputs[0] !== x || square.inputs[0] !== d || Number(two?.data[0]) !== 2) continue;
    if (!isOverLast(mean) || !isOverLast(variance)) continue;
    if (used(centred) > 2 || [root, sum, variance, square, mean].some((node) => used(node) !== 1)) continue;
    /** The node that alone reads the last one and adds or multiplies numbers of its own. */
    const follower = (last: ReadNode, op: string): { node: ReadNode; constant: string } | undefined => {
      const [made] = last.outputs as [string];
      const node = nodes.find((one) => one.op === op && one.inputs.includes(made));
      const constant = node?.inputs.find((name) => name !== made);
      const own = constantOf(constant);
      return node && used(last) === 1 && own?.dims.length === 1 ? { node, constant: constant as string } : undefined;
    };
    const scaled = follower(divided, "Mul");
    const shifted = scaled && follower(scaled.node, "Add");
    if (scaled === undefined) continue;
    for (const node of [centred, root, sum, variance, square, mean, divided, scaled.node]) gone.add(node);
    const last = shifted?.node ?? scaled.node;
    inPlace.set(last, {
      ...{ op: "LayerNormalization", domain: "", name: divided.name, outputs: last.outputs },
      inputs: [x, scaled.constant, ...(shifted === undefined ? [] : [shifted.constant])],
      attributes: new Map([["epsilon", { number: Number(epsilon.data[0]) }]]),
    });
  }
  return replaced(nodes, gone, inPlace);
}
