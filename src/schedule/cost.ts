/** What a run of a plan costs, in multiply-adds. */
import type { Graph, NodeId } from "../graph/graph.ts";
import { bodyOf, type Pass, type Plan } from "./plan.ts";

/** Multiply-adds of a pass through matrices, of one example: one for each number of an outer product or a product's sum. */
function matrixWork({ nodes }: Graph, { size, columns, compute, reductions }: Pass): number {
  if (columns === undefined) return 0;
  const op = (id: NodeId): string | undefined => nodes[id]?.op;
  const outers = compute.filter((id) => {
    const operands = nodes[id]?.inputs.map(op) ?? [];
    return op(id) === "mul" && operands.includes("repeat_interleave") && operands.includes("tile");
  });
  return size * (outers.length + reductions.filter((r) => r.op === "sum_rows" || r.op === "sum_columns").length);
}

/** Multiply-adds of the products in one run of the plan, over all steps and examples. */
export function multiplyAdds(plan: Plan): number {
  let total = 0;
  for (const { graph, instructions, steps, batch } of plan.sections) {
    for (const item of instructions) {
      const times = item.kind === "at_once" || item.kind === "loop" ? item.steps : steps;
      for (const one of bodyOf(item)) {
        if (one.kind === "product" || one.kind === "outer") total += one.multiplyAdds * times * batch;
        if (one.kind === "pass") total += matrixWork(graph, one) * times * batch;
      }
    }
  }
  return total;
}
