import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import { type Builder, createBuilder, type NodeId } from "../../src/graph/graph.ts";
import { opClass } from "../../src/graph/operations.ts";
import { gradientError, gradientSteps as steps } from "../helpers/gradients.ts";
import { randomValues, trainingGraph } from "../helpers/networks.ts";
import { operationCases, operationGraph, operationValues, stateCells } from "../helpers/operations.ts";

const batch = 2;

describe("gradients through 7 time steps against central differences in f64: relative error below 1e-6", () => {
  for (const [name, cell] of Object.entries({ ...cells, ...stateCells })) {
    test(name, () => {
      const graph = trainingGraph(cell, { units: 3, input: 3 });
      expect(gradientError(graph, randomValues(graph, steps, batch, 1), { steps, batch })).toBeLessThan(1e-6);
    });
  }
});

test("every operation but those that gradient and packing make has a case below", () => {
  const final = ["outer", "accumulate", "scatter", "sum_all", "matmul_sum"];
  expect(Object.keys(operationCases).sort()).toEqual(
    Object.keys(opClass)
      .filter((op) => !final.includes(op))
      .sort(),
  );
});

describe.each(Object.entries(operationCases))(
  "the derivative of %s against central differences, 7 steps, 1e-6",
  (op, list) => {
    test.each(Object.entries(list))("%s", (_, build) => {
      const graph = operationGraph(build, steps);
      expect(graph.nodes.slice(0, graph.forwardCount).map((node) => node.op)).toContain(op);
      expect(gradientError(graph, operationValues(graph, steps, batch, 2), { steps, batch })).toBeLessThan(1e-6);
    });
  },
);

describe("the derivative at a kink", () => {
  /** Gradient of the sum of `build(p, q)` for one example. */
  function gradientAt(p: number[], q: number[], build: (g: Builder, p: NodeId, q: NodeId) => NodeId) {
    const g = createBuilder();
    for (const name of ["p", "q"]) g.declare(name, [p.length], { name: "zeros", values: [] });
    const value = build(g, g.parameter("p"), g.parameter("q"));
    const loss = typeof g.shapeOf(value) === "number" ? g.sum(value) : value;
    g.sumAll("loss", loss);
    const { gradients } = interpret(grad(g.graph({ loss })), { steps: 1, batch: 1, parameters: { p, q } });
    return [gradients.p, gradients.q].map((gradient) => Array.from(gradient ?? p.map(() => 0), (d) => d + 0));
  }
  test("min and max: operands that are equal share the adjoint", () => {
    expect(gradientAt([1, 2, 3], [1, 3, 2], (g, p, q) => g.binary("max", p, q))).toEqual([
      [0.5, 0, 1],
      [0.5, 1, 0],
    ]);
    expect(gradientAt([1, 2, 3], [1, 3, 2], (g, p, q) => g.binary("min", p, q))).toEqual([
      [0.5, 1, 0],
      [0.5, 0, 1],
    ]);
  });
  test("the maximum over features: those that are largest share the adjoint", () => {
    expect(gradientAt([4, 1, 4, 2], [0, 0, 0, 0], (g, p) => g.reduce("max_of", p))[0]).toEqual([0.5, 0, 0.5, 0]);
  });
  test("relu, abs, step and hard_sigmoid: zero", () => {
    for (const op of ["relu", "abs", "step"] as const) {
      expect(gradientAt([0], [0], (g, p) => g.unary(op, p))[0], op).toEqual([0]);
    }
    expect(gradientAt([-3, 3], [0, 0], (g, p) => g.unary("hard_sigmoid", p))[0]).toEqual([0, 0]);
  });
  test("sqrt: at 0 a number, so that nothing times it is nothing", () => {
    expect(gradientAt([0, 4], [0, 0], (g, p) => g.unary("sqrt", g.mul(p, p)))[0]).toEqual([0, 1]);
    const [at0, tiny] = gradientAt([0, 1e-30], [0, 0], (g, p) => g.unary("sqrt", p))[0] as [number, number];
    expect([Number.isFinite(at0), tiny]).toEqual([true, expect.closeTo(0.5e15, -1)]);
  });
  test("sqrt with a largest derivative: its value as ever, its derivative up to that number", () => {
    const numbers = [0, 1e-9, 2.5e-7, 1e-6, 0.25];
    const [found] = gradientAt(numbers, numbers, (g, p) => g.unary("sqrt", p, { steepest: 1000 }));
    [1000, 1000, 1000, 500, 1].forEach((wanted, k) => {
      expect(found?.[k]).toBeCloseTo(wanted, 6);
    });
  });
});
