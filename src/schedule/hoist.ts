/**
 * Finds the values that lie on a cycle through a state, which must be computed step by step. Everything else leaves the
 * time loop and is computed for all steps at once. Knows nothing about memory or how a value is computed.
 */
import { dependencies, type Graph, type NodeId, predecessors } from "../graph/graph.ts";

/** The place in time of values that are computed once per sequence. */
export const perSequence = -1;

/**
 * The place in time of each node: 0 if it is computed for all steps at once, else the number of its time loop, from 1 on, or
 * `perSequence`. A single step needs no loop.
 */
export function hoist(graph: Graph, steps: number): readonly number[] {
  if (steps === 1) return graph.nodes.map(({ perSequence: once }) => (once ? perSequence : 0));
  const states = new Map(graph.states.map((state) => [state.name, state]));
  const needs = graph.nodes.map((node) => predecessors(node, states));
  const component = stronglyConnected(needs);
  let loops = 0;
  const loop = new Map<number, number>();
  return component.map((c, id) => {
    // A node is on a cycle if one of its predecessors is in the same component.
    if (!loop.has(c)) loop.set(c, needs[id]?.some((on) => component[on] === c) ? ++loops : 0);
    return graph.nodes[id]?.perSequence ? perSequence : (loop.get(c) as number);
  });
}

/**
 * For each node, whether it matters: whether an output, a sink or a state that the next run starts from (all but adjoints)
 * needs it.
 */
export function needed(graph: Graph, outputs: readonly NodeId[]): readonly boolean[] {
  const states = graph.states.filter((state) => !state.adjoint).map((state) => state.next);
  const sinks = graph.nodes.flatMap((node, id) => (node.shape === "none" ? [id] : []));
  return dependencies(graph, [...outputs, ...states, ...sinks]);
}

/** Tarjan's algorithm, without recursion: for each vertex the number of its strongly connected component. */
function stronglyConnected(edges: readonly (readonly number[])[]): number[] {
  const index = edges.map(() => -1);
  const low = edges.map(() => 0);
  const component = edges.map(() => -1);
  const stack: number[] = [];
  let [visited, count] = [0, 0];
  for (let start = 0; start < edges.length; start++) {
    if (index[start] !== -1) continue;
    const work: { vertex: number; edge: number }[] = [{ vertex: start, edge: 0 }];
    while (work.length > 0) {
      const frame = work[work.length - 1] as { vertex: number; edge: number };
      const { vertex } = frame;
      if (frame.edge === 0) {
        index[vertex] = low[vertex] = visited++;
        stack.push(vertex);
      }
      const target = edges[vertex]?.[frame.edge++];
      if (target !== undefined) {
        if (index[target] === -1) work.push({ vertex: target, edge: 0 });
        else if (component[target] === -1) low[vertex] = Math.min(low[vertex] as number, index[target] as number);
        continue;
      }
      if (low[vertex] === index[vertex]) {
        for (let member = -1; member !== vertex; ) {
          member = stack.pop() as number;
          component[member] = count;
        }
        count++;
      }
      work.pop();
      const parent = work[work.length - 1];
      if (parent) low[parent.vertex] = Math.min(low[parent.vertex] as number, low[vertex] as number);
    }
  }
  return component;
}
