import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { createBuilder, type Graph, isMoved, type Node, type NodeId } from "../../src/graph/graph.ts";
import { atOnce, hoist, needed, perSequence } from "../../src/schedule/hoist.ts";
import { trainingGraph } from "../helpers/networks.ts";
import { operationCases, operationGraph, stateCells } from "../helpers/operations.ts";
import { randomTrainingGraph } from "../helpers/random-cells.ts";
import { randomGraph } from "../helpers/random-graphs.ts";

/** What each node is computed from, through any number of steps; itself only where it is. By the definition, slowly. */
function reached(graph: Graph): ReadonlySet<NodeId>[] {
  const next = graph.nodes.map((node): readonly NodeId[] => {
    const state = graph.states.find(({ name }) => name === node.name);
    if (node.op === "final") return [state?.next as NodeId];
    if (node.op === "state") return [state?.next as NodeId, ...(state?.initial === undefined ? [] : [state.initial])];
    return node.inputs;
  });
  return graph.nodes.map((_, start) => {
    const found = new Set<NodeId>();
    const queue = [...(next[start] as readonly NodeId[])];
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      queue.push(...(next[id] as readonly NodeId[]));
    }
    return found;
  });
}

/** What is wrong with the places in time of a graph's nodes. */
function mistakes(graph: Graph, loops: readonly number[]): string[] {
  const found: string[] = [];
  const reach = reached(graph);
  const reads = (a: NodeId, b: NodeId): boolean => (reach[a] as ReadonlySet<NodeId>).has(b);
  const states = new Map(graph.states.map((state) => [state.name, state]));
  const members = new Map<number, NodeId[]>();
  graph.nodes.forEach((node, id) => {
    const loop = loops[id] as number;
    if (isMoved(node)) {
      if (loop <= 0) found.push(`${node.op} %${id} is in no loop`);
      return;
    }
    if (loop <= 0 && loop !== atOnce(node)) found.push(`%${id} is at ${loop}`);
    if (loop > 0) members.set(loop, [...(members.get(loop) ?? []), id]);
    if (node.perSequence !== (loop === perSequence || undefined)) found.push(`%${id} is once, or not: ${loop}`);
    if (!node.perSequence && loop > 0 !== reads(id, id))
      found.push(`${node.op} %${id} is in ${loop}, and on a cycle or not`);
  });
  for (const [loop, ids] of members) {
    const own = ids.filter((id) => graph.nodes[id]?.op === "state");
    if (own.length === 0) found.push(`loop ${loop} has no state`);
    for (const id of ids) {
      if (!own.some((state) => reads(id, state))) found.push(`%${id} of loop ${loop} depends on none of its states`);
    }
    const directions = new Set(own.map((id) => states.get(graph.nodes[id]?.name as string)?.reverse));
    if (directions.size !== 1) found.push(`loop ${loop} runs in both directions`);
  }
  graph.nodes.forEach((_, a) => {
    for (let b = 0; b < a; b++) {
      if ([a, b].some((id) => graph.nodes[id]?.perSequence || isMoved(graph.nodes[id] as Node))) continue;
      const together = reads(a, b) && reads(b, a);
      const same = loops[a] === loops[b] && (loops[a] as number) > 0;
      if (together !== same) found.push(`%${a} and %${b} are ${together ? "" : "not "}one cycle`);
    }
  });
  const numbers = [...members.keys()].sort((a, b) => a - b);
  if (numbers.some((loop, k) => loop !== k + 1)) found.push(`loops are numbered ${numbers}`);
  return found;
}

describe("in a time loop is what lies on a cycle through a state, one loop a cycle, and nothing else", () => {
  test.each(Object.entries({ ...cells, ...stateCells }))("%s", (_, cell) => {
    const graph = trainingGraph(cell, { units: 3, input: 3 });
    expect(mistakes(graph, hoist(graph, 2))).toEqual([]);
  });
  test.each(Object.entries(operationCases))("graphs with %s", (_, list) => {
    for (const build of Object.values(list)) {
      const graph = operationGraph(build, 5);
      expect(mistakes(graph, hoist(graph, 5))).toEqual([]);
    }
  });
  test("random cells with their gradients", () => {
    const drawn = fc.record({ seed: fc.nat(), depth: fc.integer({ min: 1, max: 3 }), matrices: fc.boolean() });
    fc.assert(
      fc.property(drawn, (shape) => {
        const { source, graph } = randomTrainingGraph(shape, { units: 3, input: 2 });
        expect(mistakes(graph, hoist(graph, 3)), source).toEqual([]);
      }),
      { seed: 1, numRuns: 50, verbose: true },
    );
  });
  test("random graphs, with states that run backwards and states that start from others' ends", () => {
    let loops = 0;
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const graph = randomGraph(seed);
        const places = hoist(graph, 3);
        loops = Math.max(loops, ...places);
        expect(mistakes(graph, places)).toEqual([]);
      }),
      { seed: 2, numRuns: 150, verbose: true },
    );
    expect(loops).toBeGreaterThan(2);
  });
});

test("a single step has no loop: only what is once a sequence, or of another axis, stands apart", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const graph = randomGraph(seed);
      const apart = graph.nodes.map((node) => (isMoved(node) ? expect.any(Number) : atOnce(node)));
      expect(hoist(graph, 1)).toEqual(apart);
    }),
    { seed: 3, numRuns: 50 },
  );
});

test("the number of steps changes nothing, from 2 on", () => {
  const graph = randomGraph(11);
  expect(hoist(graph, 1000)).toEqual(hoist(graph, 2));
});

test("20,000 operations one after the other, on a cycle and off it", () => {
  const g = createBuilder();
  const h = g.state("h", 4);
  let [on, off] = [h, g.input("x", 4)];
  for (let k = 0; k < 20_000; k++) {
    on = g.unary("abs", g.unary("neg", on));
    off = g.unary("abs", g.unary("neg", off));
  }
  g.next("h", on);
  const graph = g.graph({ on, off });
  const loops = hoist(graph, 2);
  expect([loops[h], loops[on], loops[on - 1], loops[off], loops[off - 1]]).toEqual([1, 1, loops[on], 0, 0]);
});

describe("what matters", () => {
  /** h is read, k never; the adjoints d of both, of which only one reaches a sink. */
  const g = createBuilder();
  const x = g.input("x", 4);
  const [h, k] = [g.state("h", 4), g.state("k", 4)];
  const [nextH, nextK] = [g.unary("tanh", g.add(h, x)), g.unary("sigmoid", x)];
  g.next("h", nextH);
  g.next("k", nextK);
  const adjoint = { reverse: true, adjoint: true };
  const [dh, dk] = [g.state("dh", 4, adjoint), g.state("dk", 4, adjoint)];
  const [nextDh, nextDk] = [g.mul(dh, nextH), g.mul(dk, nextK)];
  g.next("dh", nextDh);
  g.next("dk", nextDk);
  g.declare("b", [4], { name: "zeros", values: [] });
  const sink = g.accumulate("b", nextDh);
  const [output, unread] = [g.unary("exp", nextH), g.unary("log", g.unary("abs", x))];
  const graph = g.graph({ output, unread });
  const live = needed(graph, [output]);

  test("an output, a sink, and every state's next value", () => {
    expect([output, sink, nextH, nextK].map((id) => live[id])).toEqual([true, true, true, true]);
  });
  test("what they are computed from, through time", () => {
    expect([x, h, dh, nextDh].map((id) => live[id])).toEqual([true, true, true, true]);
  });
  test("no output that nobody asked for, no state's value that nobody reads, no adjoint that reaches no sink", () => {
    expect([unread, k, dk, nextDk].map((id) => live[id])).toEqual([false, false, false, false]);
  });
  test("random graphs: all that a needed node is computed from is needed", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = randomGraph(seed);
        const reach = reached(random);
        const wanted = Object.values(random.outputs).slice(0, 1 + (seed % 3));
        const found = needed(random, wanted);
        const roots = random.nodes.flatMap(({ shape }, id) => (shape === "none" ? [id] : []));
        roots.push(...wanted, ...random.states.flatMap(({ next, adjoint }) => (adjoint ? [] : [next])));
        const all = new Set(roots.flatMap((id) => [id, ...(reach[id] as ReadonlySet<NodeId>)]));
        expect(found).toEqual(random.nodes.map((_, id) => all.has(id)));
      }),
      { seed: 4, numRuns: 50 },
    );
  });
});
