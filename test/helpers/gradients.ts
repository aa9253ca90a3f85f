/** Gradients against central differences. */

import { interpret } from "../../src/engines/reference/interpret.ts";
import type { Graph, Steps } from "../../src/graph/graph.ts";
import type { Values } from "./networks.ts";

export const gradientSteps = 7;

/** Largest difference between the gradient and central differences, as a share of the largest gradient. */
export function gradientError(
  graph: Graph,
  values: Values,
  { steps, batch, epsilon = 1e-5 }: { steps: Steps; batch: number; epsilon?: number },
): number {
  const run = () => interpret(graph, { steps, batch, ...values });
  const forwardOnly: Graph = { ...graph, nodes: graph.nodes.slice(0, graph.forwardCount) };
  const loss = () =>
    interpret(
      { ...forwardOnly, states: graph.states.filter((s) => s.next < graph.forwardCount) },
      { steps, batch, ...values },
    ).totals.loss as number;
  const { gradients } = run();
  let [largest, difference] = [1e-2, 0];
  for (const { name } of graph.parameters) {
    const parameter = values.parameters[name] as Float64Array;
    for (let k = 0; k < parameter.length; k++) {
      const start = parameter[k] as number;
      parameter[k] = start + epsilon;
      const above = loss();
      parameter[k] = start - epsilon;
      const below = loss();
      parameter[k] = start;
      const wanted = (above - below) / (2 * epsilon);
      const got = gradients[name]?.[k] ?? 0;
      largest = Math.max(largest, Math.abs(wanted));
      difference = Math.max(difference, Math.abs(got - wanted));
    }
  }
  return difference / largest;
}
