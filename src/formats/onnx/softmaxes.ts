/** A softmax, or its logarithm, written as single nodes, as this library does it, as the one operator that it is. Knows nothing else of graphs. */
import type { ReadGraph, ReadNode } from "./decode.ts";
import { nodesOf, replaced } from "./nodes.ts";

/** The nodes of a graph, where exp(x - m - log(sum(exp(x - m)))) of the largest number m is one node `Softmax`, without exp one `LogSoftmax`. */
export function softmaxes(graph: ReadGraph): readonly ReadNode[] {
  const { used, only, reader, isOverLast } = nodesOf(graph);
  const gone = new Set<ReadNode>();
  const inPlace = new Map<ReadNode, ReadNode>();
  for (const less of graph.nodes) {
    if (less.op !== "Sub") continue;
    const [x] = less.inputs;
    const all = only(less.inputs[1], "Add");
    const log = only(all?.inputs[1], "Log");
    const sum = only(log?.inputs[0], "ReduceSum");
    const exponents = only(sum?.inputs[0], "Exp");
    const centred = only(exponents?.inputs[0], "Sub");
    const most = only(centred?.inputs[1], "ReduceMax");
    if (!all || !log || !sum || !exponents || !centred || !most) continue;
    if (all.inputs[0] !== most.outputs[0] || centred.inputs[0] !== x || most.inputs[0] !== x) continue;
    if (!isOverLast(most) || !isOverLast(sum) || used(most) !== 2) continue;
    if ([all, log, sum, exponents, centred].some((node) => used(node) !== 1)) continue;
    const exp = reader(less, "Exp");
    const logarithm = exp && reader(exp, "Log");
    const last = logarithm ?? exp ?? less;
    for (const node of [most, centred, exponents, sum, log, all, less, ...(exp ? [exp] : [])]) gone.add(node);
    inPlace.set(last, {
      ...{ op: last === exp ? "Softmax" : "LogSoftmax", domain: "", name: last.name, outputs: last.outputs },
      ...{ inputs: [x as string], attributes: new Map([["axis", { number: -1 }]]) },
    });
  }
  return replaced(graph.nodes, gone, inPlace);
}
