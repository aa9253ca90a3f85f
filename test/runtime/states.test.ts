import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { grad } from "../../src/grad/grad.ts";
import { addCell, type Cell, cell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { trace } from "../../src/nn/trace.ts";
import { load } from "../../src/runtime/program.ts";
import { setValues } from "../helpers/engines.ts";
import { cellGraph, randomValues, relativeError } from "../helpers/networks.ts";
import { stateCells } from "../helpers/operations.ts";
import { schedule } from "../helpers/plans.ts";

const [units, input, batch, steps] = [5, 5, 3, 6];

describe("six steps at once, and one by one with the state carried on, give the same", () => {
  test.each(Object.entries({ ...cells, ...stateCells }))("%s", async (_, made) => {
    const graph = cellGraph(made, { units, input });
    const values = randomValues(graph, steps, batch, 2);
    const whole = await load(schedule(graph, { steps, batch, keep: ["output"] }));
    const single = await load(schedule(graph, { steps: 1, batch, keep: ["output"] }));
    setValues(whole, values);
    await whole.run();
    const rowOf = (name: string, t: number): Float64Array => {
      const all = values.inputs[name] as Float64Array;
      return all.subarray((t * all.length) / steps, ((t + 1) * all.length) / steps);
    };
    const first = Object.fromEntries(Object.keys(values.inputs).map((name) => [name, rowOf(name, 0)]));
    setValues(single, { ...values, inputs: first });
    const outputs: number[] = [];
    for (let t = 0; t < steps; t++) {
      for (const name of Object.keys(values.inputs)) single.setInput(name, rowOf(name, t));
      await single.run();
      outputs.push(...single.output("output"));
      if (t < steps - 1) single.advanceStates();
    }
    expect(relativeError(outputs, whole.output("output"))).toBeLessThan(1e-6);
    for (const { name } of graph.states) {
      expect(relativeError(single.state(name), whole.state(name)), name).toBeLessThan(1e-6);
    }
    // Without carry the next run starts where the last one did; with it, where the last one ended.
    const before = whole.output("output");
    await whole.run();
    expect(whole.output("output")).toEqual(before);
    const ended = graph.states.map(({ name }) => whole.state(name));
    whole.advanceStates();
    const start = Object.fromEntries(graph.states.map(({ name }, k) => [name, ended[k] as Float32Array]));
    await whole.run();
    const wanted = interpret(graph, { steps, batch, ...values, states: start });
    expect(relativeError(whole.output("output"), wanted.value(graph.outputs.output as number))).toBeLessThan(1e-5);
  });
});

test("the gradient of a vector output starts from its adjoint, an input", async () => {
  const made = cells.lstm as Cell;
  const g = createBuilder();
  const { output } = addCell(g, made, { layer: "cell", units, inputs: { x: g.input("x", input) } });
  const graph = grad(g.graph({ output }), "output");
  const values = randomValues(graph, steps, batch, 3);
  const program = await load(schedule(graph, { steps, batch }));
  setValues(program, values);
  await program.run();
  // The same as that of the sum of the output times r, where r is that adjoint.
  const summed = grad(cellGraph(made, { units, input }));
  const r = values.inputs["d output"] as Float64Array;
  const { gradients } = interpret(summed, { steps, batch, ...values, inputs: { ...values.inputs, r } });
  for (const { name } of graph.parameters) {
    expect(relativeError(program.gradient(name), gradients[name] as Float64Array, 1e-2), name).toBeLessThan(1e-5);
  }
});

test("a line that is only another name for an input, a state, a parameter or a number can be kept", async () => {
  const made = cell(`
    a = x
    p = h
    q = b
    k = 0.5
    h' = k * p + tanh(W @ a) * q
  `);
  const sequence = [
    [1, 2],
    [3, 4],
  ];
  const { a, p, q, k, h } = await trace(made, sequence, { units: 3, parameters: { b: [1, 2, 3] } });
  expect(a.map((v) => Array.from(v))).toEqual(sequence);
  expect(p.map((v) => Array.from(v))).toEqual([[0, 0, 0], Array.from(h[0] as Float32Array)]);
  expect(q.map((v) => Array.from(v))).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(k.map((v) => Array.from(v))).toEqual([[0.5], [0.5]]);
});

test("a setting, and a number made of one, can be kept", async () => {
  const g = createBuilder();
  const rate = g.runtimeScalar("rate");
  const [x, twice] = [g.input("x", 2), g.add(rate, rate)];
  const graph = g.graph({ rate, twice, y: g.mul(x, twice) });
  const program = await load(schedule(graph, { steps: 2, batch: 1, keep: ["rate", "twice", "y"] }));
  program.setSetting("rate", 0.25);
  program.setInput("x", [1, 2, 3, 4]);
  await program.run();
  expect(["rate", "twice", "y"].map((name) => Array.from(program.output(name)))).toEqual([
    [0.25, 0.25],
    [0.5, 0.5],
    [0.5, 1, 1.5, 2],
  ]);
});
