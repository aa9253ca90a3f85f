import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { type Graph, type Node, type NodeId, viewed } from "../../src/graph/graph.ts";
import { opClass } from "../../src/graph/operations.ts";
import { usesOf } from "../../src/schedule/tasks.ts";
import { trainingGraph } from "../helpers/networks.ts";
import { operationCases, operationGraph, stateCells } from "../helpers/operations.ts";
import { randomTrainingGraph } from "../helpers/random-cells.ts";
import { randomGraph } from "../helpers/random-graphs.ts";
import { type Staged, staged, walk } from "../helpers/stages.ts";

/** Loops that are not one, and items that cannot run as one. */
function shapeMistakes({ graph, fused, loops, live }: Staged): string[] {
  const found: string[] = [];
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const seen = new Set<number>();
  for (const { loop, reverse, items } of fused.stages) {
    if (loop > 0 && seen.has(loop)) found.push(`loop ${loop} is run twice`);
    seen.add(loop);
    if (items.length === 0) found.push("a stage of nothing");
    for (const { kind, tasks } of items) {
      for (const task of tasks) {
        if (task.loop !== loop) found.push(`a task of ${task.loop} in ${loop}`);
        if (task.state === undefined && loops[task.node] !== loop) found.push(`%${task.node} is not in its place`);
        const isPass = task.kind === "store" || task.kind === "reduce";
        if (isPass !== (kind === "pass")) found.push(`a ${task.kind} in a ${kind}`);
        const alike = task.size === tasks[0]?.size && task.columns === tasks[0]?.columns;
        if (isPass && !alike) found.push("a pass of two sizes");
        const state = graph.states.find(({ name }) => name === node(task.node).name && node(task.node).op === "state");
        if (loop > 0 && state !== undefined && state.reverse !== reverse) found.push("a loop against its state");
      }
    }
  }
  fused.stored.forEach((id) => {
    if (!live[id] || opClass[node(id).op] === "leaf") {
      if (node(id).op !== "constant" && node(id).op !== "runtime_scalar") found.push(`${node(id).op} %${id} is stored`);
    }
  });
  return found;
}

/** Values in memory that nobody reads there: no pass but their own, no product, no state and nobody outside. */
function unread(one: Staged): string[] {
  const read = new Set(walk(one).uses.flatMap(({ reads }) => [...reads]));
  // Of a single step there may be none to be moved.
  for (const { op, inputs } of one.graph.nodes) if (op === "downsample") read.add(inputs[0] as NodeId);
  return [...one.fused.stored].flatMap((id) => {
    const { op } = one.graph.nodes[id] as Node;
    return read.has(id) || one.keep.includes(id) || one.owners.has(id) ? [] : [`${op} %${id}`];
  });
}

/** What an item says that it uses, and does not, or the other way round: it keeps its loads, and nobody asks for them again. */
function forgotten(one: Staged): string[] {
  const { graph } = one;
  return walk(one).uses.flatMap(({ item, reads }) => {
    // No step is there to be moved.
    if (reads.size === 0 && item.tasks.some(({ node }) => graph.nodes[node]?.op === "downsample")) return [];
    // Of a view its operand is read, whether the view is in memory or not.
    const behind = (id: NodeId): NodeId => (viewed(graph, id) === id ? id : behind(viewed(graph, id)));
    const said = new Set(Array.from(usesOf(graph, item), behind));
    const found = new Set<NodeId>();
    const add = (id: NodeId): void => {
      const at = behind(id);
      found.add(at);
      if (graph.nodes[at]?.op === "slice") add(graph.nodes[at]?.inputs[0] as NodeId);
    };
    for (const id of reads) add(id);
    for (const { node, state } of item.tasks) if (state === undefined) add(node);
    const differing = [...said, ...found].filter((id) => !said.has(id) || !found.has(id));
    return differing.map((id) => `${item.kind}: ${graph.nodes[id]?.op} %${id}`);
  });
}

function check(graph: Graph, steps: number, seed: number | undefined, what = ""): Staged {
  const one = staged(graph, steps, seed);
  expect(walk(one).mistakes, what).toEqual([]);
  expect(shapeMistakes(one), what).toEqual([]);
  expect(forgotten(one), what).toEqual([]);
  return one;
}

describe("each value is computed before it is read, once, and is in memory exactly where it is read there", () => {
  test.each(Object.entries({ ...cells, ...stateCells }))("%s", (_, cell) => {
    const graph = trainingGraph(cell, { units: 3, input: 3 });
    for (const steps of [1, 2, 4]) expect(unread(check(graph, steps, undefined))).toEqual([]);
  });
  test.each(Object.entries(operationCases))("graphs with %s", (_, list) => {
    for (const [name, build] of Object.entries(list)) {
      for (const steps of [1, 3])
        expect(unread(check(operationGraph(build, steps), steps, undefined, name))).toEqual([]);
    }
  });
});

describe("each value is computed before it is read, once; of 100 in memory at most one is not read there", () => {
  // To keep a value moves passes, so that another, which was to be kept as well, may have its readers in one pass after all.
  const times = { steps: fc.constantFrom(1, 2, 3), seed: fc.nat() };
  test("random cells with their gradients, whichever states own their next value", () => {
    const drawn = fc.record({ ...times, depth: fc.integer({ min: 1, max: 3 }), matrices: fc.boolean() });
    const found = { stored: 0, unread: 0 };
    fc.assert(
      fc.property(drawn, ({ steps, ...shape }) => {
        const { source, graph } = randomTrainingGraph(shape, { units: 3, input: 2 });
        const one = check(graph, steps, shape.seed, source);
        found.stored += one.fused.stored.size;
        found.unread += unread(one).length;
      }),
      { seed: 1, numRuns: 40, verbose: true },
    );
    expect(found.unread / found.stored).toBeLessThan(0.01);
  });
  test("random graphs, whichever states own their next value", () => {
    const found = { stored: 0, unread: 0 };
    fc.assert(
      fc.property(fc.record(times), ({ steps, seed }) => {
        const one = check(randomGraph(seed), steps, seed);
        found.stored += one.fused.stored.size;
        found.unread += unread(one).length;
      }),
      { seed: 2, numRuns: 100, verbose: true },
    );
    expect(found.unread / found.stored).toBeLessThan(0.01);
  });
});
