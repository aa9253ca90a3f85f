import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { createBuilder, type Graph, type Node, type NodeId } from "../../src/graph/graph.ts";
import { hoist, needed } from "../../src/schedule/hoist.ts";
import { mergeProducts } from "../../src/schedule/merge.ts";
import { cellGraph, randomValues, relativeError, trainingGraph } from "../helpers/networks.ts";
import { operationCases, operationGraph, stateCells } from "../helpers/operations.ts";
import { randomTrainingGraph } from "../helpers/random-cells.ts";
import { randomGraph } from "../helpers/random-graphs.ts";

const steps = 3;
const batch = 2;

function packed(graph: Graph): Graph {
  return mergeProducts({ graph, loops: hoist(graph, steps) }).graph;
}
const liveOf = (graph: Graph): readonly boolean[] => needed(graph, Object.values(graph.outputs));

test("a graph in which nothing is merged is given back itself", () => {
  const graph = cellGraph(cells.lstm as Cell, { units: 3, input: 2 });
  expect(packed(graph)).toBe(graph);
  const training = trainingGraph(cells.lstm as Cell, { units: 3, input: 2 });
  expect(packed(training).nodes.some(({ op }) => op === "matmul_sum")).toBe(true);
});

/** Products by transposes of all nodes that matter: of which parameter, and of how many features. */
function transposedOf(graph: Graph): string[] {
  const live = liveOf(graph);
  return graph.nodes
    .flatMap((node, id) => {
      if (!live[id]) return [];
      if (node.op === "matmul_transposed") return [JSON.stringify(node.view)];
      return node.op === "matmul_sum" ? node.blocks.map(({ view }) => JSON.stringify(view)) : [];
    })
    .sort();
}

/** The graph without what does not matter: a product that such a node reads as well is not merged. */
function pruned(graph: Graph): Graph {
  const live = liveOf(graph);
  const moved = new Map<NodeId, NodeId>();
  const at = (id: NodeId): NodeId => moved.get(id) as NodeId;
  const nodes: Node[] = [];
  graph.nodes.forEach((node, id) => {
    if (live[id]) moved.set(id, nodes.push({ ...node, inputs: node.inputs.map(at) }) - 1);
  });
  return {
    ...{ ...graph, nodes },
    states: graph.states.flatMap(({ initial, ...state }) => {
      if (!live[state.next]) return [];
      return [
        { ...state, next: at(state.next), ...(initial !== undefined && live[initial] && { initial: at(initial) }) },
      ];
    }),
    outputs: Object.fromEntries(Object.entries(graph.outputs).map(([name, id]) => [name, at(id)])),
    forwardCount: live.slice(0, graph.forwardCount).filter(Boolean).length,
  };
}

/** Sums of which two addends could have been one product, and products whose operands are not of one place in time. */
function mistakes(graph: Graph): string[] {
  const found: string[] = [];
  const loops = hoist(graph, steps);
  const live = liveOf(graph);
  const uses = graph.nodes.map(() => 0);
  const use = (id: NodeId): number => uses.splice(id, 1, (uses[id] as number) + 1)[0] as number;
  graph.nodes.forEach((node, id) => {
    if (live[id]) node.inputs.forEach(use);
  });
  for (const { next, initial } of graph.states) for (const id of initial ? [next, initial] : [next]) use(id);
  Object.values(graph.outputs).forEach(use);
  const node = (id: NodeId): Node => graph.nodes[id] as Node;
  const isSum = (id: NodeId): boolean =>
    node(id).op === "add" && node(id).inputs.every((input) => node(input).shape === node(id).shape);
  const addends = (id: NodeId): NodeId[] =>
    node(id).inputs.flatMap((input) => (isSum(input) && uses[input] === 1 ? addends(input) : [input]));
  graph.nodes.forEach((one, id) => {
    if (!live[id]) return;
    if (isSum(id)) {
      const alone = addends(id).filter((part) => node(part).op === "matmul_transposed" && uses[part] === 1);
      const places = alone.map((part) => loops[part]);
      if (new Set(places).size < places.length) found.push(`%${id} is a sum of ${alone} in ${places}`);
    }
    if (one.op !== "matmul_sum") return;
    const apart = one.inputs.filter((operand) => (loops[id] as number) > 0 && loops[operand] !== loops[id]);
    if (apart.length > 0) found.push(`%${id} keeps ${apart} in its loop`);
    if (one.blocks.length < 2 || one.blocks.length !== one.inputs.length) found.push(`%${id} is no sum`);
  });
  return found;
}

/** Both graphs with the same numbers: everything that has a name is the same, but for the order of sums. */
function compare(given: Graph, what = ""): Graph {
  // What reads all steps at once is made for so many.
  const fixed = given.nodes.some(({ op }) => op === "stack");
  for (const many of fixed ? [steps] : [1, steps]) {
    const { graph, loops } = mergeProducts({ graph: given, loops: hoist(given, many) });
    expect(loops, `places in ${many} steps of ${what}`).toEqual(hoist(graph, many));
  }
  const merged = packed(given);
  const values = randomValues(given, steps, batch, 5);
  const [before, after] = [given, merged].map((graph) => interpret(graph, { steps, batch, ...values })) as [
    ReturnType<typeof interpret>,
    ReturnType<typeof interpret>,
  ];
  const same = (name: string, got: ArrayLike<number>, wanted: ArrayLike<number>): void => {
    expect(relativeError(got, wanted), `${name} ${what}`).toBeLessThan(1e-12);
  };
  expect(Object.keys(merged.outputs)).toEqual(Object.keys(given.outputs));
  for (const [name, id] of Object.entries(given.outputs)) {
    same(name, after.value(merged.outputs[name] as NodeId), before.value(id));
  }
  for (const [name, total] of Object.entries(before.totals)) same(name, [after.totals[name] as number], [total]);
  for (const [name, state] of Object.entries(before.states)) same(name, after.states[name] ?? [], state);
  expect(Object.keys(after.gradients)).toEqual(Object.keys(before.gradients));
  for (const [name, sum] of Object.entries(before.gradients)) same(name, after.gradients[name] ?? [], sum);
  // A name is asked for by the first node that has it.
  given.nodes.forEach(({ name, shape }, id) => {
    if (name === undefined || shape === "none" || given.nodes.findIndex((one) => one.name === name) !== id) return;
    same(name, after.value(merged.nodes.findIndex((one) => one.name === name)), before.value(id));
  });
  expect(mistakes(packed(pruned(given))), what).toEqual([]);
  expect(transposedOf(merged), what).toEqual(transposedOf(given));
  // Operands still come before those who read them, and the graph that was given is as it was.
  merged.nodes.forEach(({ inputs }, id) => {
    for (const input of inputs) expect(input).toBeLessThan(id);
  });
  return merged;
}

describe("the merged graph computes what the graph did, each node where `hoist` puts it, and no two products of one sum and place are apart", () => {
  test.each(Object.entries({ ...cells, ...stateCells }))("%s", (_, cell) => {
    compare(trainingGraph(cell, { units: 3, input: 3 }));
  });
  test.each(Object.entries(operationCases))("graphs with %s", (_, list) => {
    for (const [name, build] of Object.entries(list)) compare(operationGraph(build), name);
  });
  test("random cells with their gradients", () => {
    const drawn = fc.record({ seed: fc.nat(), depth: fc.integer({ min: 1, max: 3 }), matrices: fc.boolean() });
    let inLoops = 0;
    fc.assert(
      fc.property(drawn, (shape) => {
        const { source, graph } = randomTrainingGraph({ ...shape, smooth: true }, { units: 3, input: 2 });
        const found = compare(graph, source);
        const loops = hoist(found, steps);
        inLoops += found.nodes.filter(({ op }, id) => op === "matmul_sum" && (loops[id] as number) > 0).length;
      }),
      { seed: 1, numRuns: 40, verbose: true },
    );
    expect(inLoops).toBeGreaterThan(0);
  });
  test("random graphs", () => {
    const places = new Set<number>();
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const merged = compare(randomGraph(seed));
        const loops = hoist(merged, steps);
        merged.nodes.forEach(({ op }, id) => {
          if (op === "matmul_sum") places.add(loops[id] as number);
        });
      }),
      { seed: 2, numRuns: 80, verbose: true },
    );
    // For all steps at once, and once a sequence.
    expect([...places]).toEqual(expect.arrayContaining([0, -1]));
  });
});

describe("what is merged", () => {
  /** `build` makes a sum of what it is given: products by a transpose, by a number, and a vector. */
  type Given = { readonly p: (k: number) => NodeId; readonly x: NodeId; readonly g: ReturnType<typeof createBuilder> };
  function sumOf(build: (given: Given) => NodeId): { graph: Graph; blocks: number[] } {
    const g = createBuilder();
    const x = g.input("x", 4);
    const p = (k: number): NodeId => {
      if (g.declaredShape(`M${k}`) === undefined) g.declare(`M${k}`, [4, 4], { name: "zeros", values: [] });
      return g.matmulTransposed({ parameter: `M${k}`, rows: 4, column: 0, columns: 4 }, g.mul(x, g.constant(k)));
    };
    const output = build({ p, x, g });
    const graph = compare(g.graph({ output }));
    return { graph, blocks: graph.nodes.flatMap((node) => (node.op === "matmul_sum" ? [node.blocks.length] : [])) };
  }
  test("a sum of products, however it is bracketed, with other addends", () => {
    expect(sumOf(({ g, p, x }) => g.add(g.add(p(1), x), g.add(p(2), g.add(p(3), p(4))))).blocks).toEqual([4]);
  });
  test("not one product alone, nor a product that something else reads", () => {
    expect(sumOf(({ g, p, x }) => g.add(p(1), x)).blocks).toEqual([]);
    expect(sumOf(({ g, p, x }) => g.mul(g.add(g.add(p(1), p(2)), x), p(2))).blocks).toEqual([]);
  });
  test("an inner sum that something else reads is one by itself", () => {
    const { blocks } = sumOf(({ g, p }) => {
      const inner = g.add(p(1), p(2));
      return g.mul(inner, g.add(inner, g.add(p(3), p(4))));
    });
    expect(blocks).toEqual([2, 2]);
  });
  test("not through a number that is added to all features", () => {
    expect(sumOf(({ g, p }) => g.add(g.add(p(1), g.sum(p(3))), p(2))).blocks).toEqual([]);
    expect(sumOf(({ g, p }) => g.add(g.add(p(1), p(2)), g.sum(p(3)))).blocks).toEqual([2]);
  });
  test("a sum of two times in two: what needs no loop leaves it", () => {
    const g = createBuilder();
    for (const name of ["A", "B", "C", "D"]) g.declare(name, [4, 4], { name: "zeros", values: [] });
    const view = (parameter: string) => ({ parameter, rows: 4, column: 0, columns: 4 });
    const [x, h] = [g.input("x", 4), g.state("h", 4)];
    const [a, b] = [g.matmulTransposed(view("A"), x), g.matmulTransposed(view("B"), g.unary("neg", x))];
    const [c, d] = [g.matmulTransposed(view("C"), h), g.matmulTransposed(view("D"), g.unary("neg", h))];
    const sum = g.add(g.add(a, c), g.add(b, d));
    g.next("h", g.unary("tanh", sum));
    const merged = compare(g.graph({ sum }));
    const found = merged.nodes.flatMap((node) => {
      return node.op === "matmul_sum" ? [node.blocks.map(({ view }) => view.parameter).join("")] : [];
    });
    expect(found).toEqual(["AB", "CD"]);
  });
  test("a name stands on the whole sum, and on nothing else", () => {
    const { graph } = sumOf(({ g, p, x }) => {
      const sum = g.add(g.add(g.add(p(1), x), g.unary("tanh", x)), g.add(p(2), g.unary("abs", x)));
      g.label(sum, "sum");
      return g.unary("exp", sum);
    });
    const [output] = Object.values(graph.outputs) as [NodeId];
    const named = graph.nodes.flatMap(({ name }, id) => (name === "sum" ? [id] : []));
    expect(named).toEqual((graph.nodes[output] as Node).inputs);
  });
  test("a graph without such sums keeps its nodes, one by one", () => {
    const g = createBuilder();
    g.declare("M", [4, 4], { name: "zeros", values: [] });
    const h = g.state("h", 4);
    const next = g.unary("tanh", g.add(g.matmul("M", h), g.input("x", 4)));
    g.next("h", next);
    const loss = g.sum(g.mul(next, next));
    g.sumAll("loss", loss);
    const { nodes, states, outputs, forwardCount } = g.graph({ next, loss });
    const graph = { nodes, states, outputs, forwardCount, parameters: [] };
    expect({ ...packed(graph), parameters: [] }).toEqual(graph);
    const whole = grad(g.graph({ loss }));
    expect(packed(whole).nodes.slice(0, packed(whole).forwardCount)).toEqual(whole.nodes.slice(0, whole.forwardCount));
  });
});
