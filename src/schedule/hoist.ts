/**
 * Finds the values that lie on a cycle through a state, which must be computed step by step. Everything else leaves the
 * time loop and is computed for all steps at once. Knows nothing about memory or how a value is computed.
 */
import {
  type Axis,
  dependencies,
  fixedNodes,
  type Graph,
  isMoved,
  longestTime,
  type Node,
  type NodeId,
  predecessors,
  type Steps,
  stepsOf,
} from "../graph/graph.ts";

/** The place in time of values that are computed once per sequence. */
export const perSequence = -1;

/** More than any stride, so that one number is a time and a stride. */
const timeFactor = 2 ** 24;
/** The place in time of what is computed for all steps of its axis at once: 0, `perSequence`, or below that a number for each axis. */
export function atOnce({ perSequence: once, stride = 1, time = 0 }: Axis & Pick<Node, "perSequence">): number {
  if (once) return perSequence;
  return stride === 1 && time === 0 ? 0 : -(time * timeFactor + stride);
}
const axisAt = (place: number): Axis => ({ stride: -place % timeFactor || 1, time: Math.floor(-place / timeFactor) });

/**
 * The place in time of each node: that of `atOnce` if it is computed for all steps at once, else the number of its time loop, from 1
 * on. A single step needs no loop. What moves values to other steps goes through them in a loop of its own.
 */
export function hoist(graph: Graph, steps: Steps): readonly number[] {
  const same = fixedNodes(graph);
  // What is the same at all steps is computed for as many as the longest sequences have, whichever read it.
  const longest = atOnce({ time: longestTime(steps) });
  const apart = (node: Node, id: NodeId): number => (same[id] && !node.perSequence ? longest : atOnce(node));
  if ([steps].flat().every((count) => count === 1)) return moved(graph, steps, graph.nodes.map(apart));
  const states = new Map(graph.states.map((state) => [state.name, state]));
  const needs = graph.nodes.map((node) => predecessors(node, states));
  const component = stronglyConnected(needs);
  let loops = 0;
  const loop = new Map<number, number>();
  const places = component.map((c, id) => {
    // A node is on a cycle if one of its predecessors is in the same component.
    if (!loop.has(c)) loop.set(c, needs[id]?.some((on) => component[on] === c) ? ++loops : 0);
    const node = graph.nodes[id] as Node;
    return node.perSequence ? perSequence : loop.get(c) || apart(node, id);
  });
  return moved(graph, steps, places);
}

/** The places, with loops for the nodes that move values to other steps: one for those of the same operand and as many steps. */
function moved(graph: Graph, steps: Steps, places: readonly number[]): readonly number[] {
  const loops = new Map<string, number>();
  const first = Math.max(0, ...places) + 1;
  return graph.nodes.map((node, id) => {
    if (!isMoved(node)) return places[id] as number;
    const by = "by" in node ? node.by : 1;
    const key = `${node.op} ${node.inputs} ${by} ${atOnce(node)} ${movedSteps(graph, node, steps)}`;
    const known = loops.get(key) ?? first + loops.size;
    loops.set(key, known);
    return known;
  });
}
/** How many values of each operand are moved to another step: all those that are there. */
function movedSteps(graph: Graph, node: Node<"downsample" | "upsample" | "stack" | "unstack">, steps: Steps): number {
  if (node.op === "unstack") return stepsOf(node, steps);
  const given = stepsOf(graph.nodes[node.inputs[0] as NodeId] as Node, steps);
  if (node.op === "stack") {
    if (node.steps !== given) throw new Error(`internal: a graph for ${node.steps} steps that runs for ${given}`);
    return given;
  }
  return node.op === "upsample" ? given : Math.max(0, Math.ceil((given - node.offset) / node.by));
}

/** How many steps there are at each place in time. */
export function stepsAt(graph: Graph, loops: readonly number[], steps: Steps): (place: number) => number {
  const inLoop = new Map<number, number>();
  graph.nodes.forEach((node, id) => {
    const count = isMoved(node) ? movedSteps(graph, node, steps) : stepsOf(node, steps);
    inLoop.set(loops[id] as number, count);
  });
  return (place) => {
    if (place > 0) return inLoop.get(place) as number;
    return place === perSequence ? 1 : stepsOf(axisAt(place), steps);
  };
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
