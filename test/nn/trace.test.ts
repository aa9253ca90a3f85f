import { describe, expect, test } from "vitest";
import { gruResetAfter, lstm } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { addCell, cell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { createRandom } from "../../src/nn/random.ts";
import { trace, traceGradients } from "../../src/nn/trace.ts";

const [units, input, steps] = [5, 3, 7];
const random = createRandom(11);
const sequence = Array.from({ length: steps }, () => Float32Array.from({ length: input }, random.normal));
const graph = (() => {
  const g = createBuilder();
  const { values } = addCell(g, lstm, { layer: "", units, inputs: { x: g.input("x", input) } });
  return g.graph({ f: values.f!, i: values.i!, g: values.g!, o: values.o!, c: values["c'"]!, h: values["h'"]! });
})();
const parameters = Object.fromEntries(
  graph.parameters.map(({ name, shape }) => [
    name,
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 0.5 * random.normal()),
  ]),
);

describe("trace", () => {
  test("every gate and state at every step is the reference's", async () => {
    const got = await trace(lstm, sequence, { units, parameters });
    const inputs = { x: sequence.flatMap((x) => [...x]) };
    const wanted = interpret(graph, { steps, batch: 1, inputs, parameters });
    expect(Object.keys(got)).toEqual(["f", "i", "g", "o", "c", "h"]);
    for (const name of ["f", "i", "g", "o", "c", "h"] as const) {
      const flat = wanted.value(graph.outputs[name] as number);
      expect(got[name]).toHaveLength(steps);
      got[name].forEach((vector, t) => {
        expect(vector).toHaveLength(units);
        vector.forEach((value, j) => {
          expect(Math.abs(value - (flat[t * units + j] as number)), `${name} ${t} ${j}`).toBeLessThan(2e-6);
        });
      });
    }
  });

  test("names are checked when it is compiled", async () => {
    const traced = await trace(gruResetAfter, sequence, { units });
    const z: readonly Float32Array[] = traced.z;
    expect(z).toHaveLength(steps);
    const { c } = await trace(lstm, sequence, { units });
    expect(c).toHaveLength(steps);
    // @ts-expect-error: the cell has no line q.
    expect(traced.q).toBeUndefined();
    // @ts-expect-error: nor has the GRU a cell state.
    expect(traced.c).toBeUndefined();
  });

  test("one seed makes the same parameters; a number is a vector of one", async () => {
    const norm = cell("n = sqrt(sum(x * x))\nh' = tanh(W @ x + n)");
    const first = await trace(norm, sequence, { units, seed: 4 });
    expect(await trace(norm, sequence, { units, seed: 4 })).toEqual(first);
    expect(first.n.map((n) => n.length)).toEqual(Array(steps).fill(1));
    expect(first.n[2]?.[0]).toBeCloseTo(Math.hypot(...(sequence[2] as Float32Array)), 5);
  });

  test("parameters with the names of Object's own methods are like others", async () => {
    const odd = cell("h' = constructor @ x + toString");
    const { h } = await trace(odd, [[2]], { units: 1, parameters: { constructor: [3] } });
    expect([...(h[0] as Float32Array)]).toEqual([6]);
  });

  test("a mistake is one line", async () => {
    const message = async (act: Promise<unknown>) => {
      const error: unknown = await act.then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message;
    };
    expect(await message(trace(lstm, [], { units }))).toMatch(/the sequence is empty/);
    expect(await message(trace(lstm, [[]], { units }))).toMatch(/the sequence is empty/);
    expect(await message(trace(lstm, [[1, 2], [1]], { units }))).toBe("trace: step 1 has 1 features, step 0 has 2");
    expect(await message(trace(lstm, [[1]], { units, parameters: { W_f: [1] } }))).toBe(
      "trace: W_f needs 5 numbers, got 1",
    );
    const two = cell("h' = W @ a + V @ b", { inputs: ["a", "b"] });
    expect(await message(trace(two, [[1]], { units }))).toMatch(/a cell of one input/);
  });
});

describe("traceGradients", () => {
  test("central differences of the last output by every value at every step", async () => {
    // A second input adds to a value at one step: the derivative by it is the derivative by the value.
    const nudged = cell("a = tanh(W @ x + U @ h + b + n)\n h' = a * h + (1 - a) * tanh(V @ x)", { inputs: ["x", "n"] });
    const plain = cell("a = tanh(W @ x + U @ h + b)\n h' = a * h + (1 - a) * tanh(V @ x)");
    const before = cell("s = W @ x + U @ h + b\n h' = tanh(s) * h + (1 - tanh(s)) * tanh(V @ x)");
    const g = createBuilder();
    const { output } = addCell(g, nudged, {
      layer: "",
      units,
      inputs: { x: g.input("x", input), n: g.input("n", units) },
    });
    const whole = g.graph({ output });
    const own = Object.fromEntries(
      whole.parameters.map(({ name, shape }) => [
        name,
        Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 0.5 * random.normal()),
      ]),
    );
    const x = sequence.flatMap((vector) => [...vector]);
    const last = (n: Float64Array): number =>
      interpret(whole, { steps, batch: 1, inputs: { x, n }, parameters: own })
        .value(output)
        .slice(-units)
        .reduce((a, b) => a + b);
    const { s } = await traceGradients(before, sequence, { units, parameters: own });
    for (let t = 0; t < steps; t++) {
      for (let j = 0; j < units; j++) {
        const [up, down] = [1e-5, -1e-5].map((by) => {
          const n = new Float64Array(steps * units);
          n[t * units + j] = by;
          return last(n);
        }) as [number, number];
        expect(s[t]?.[j], `${t} ${j}`).toBeCloseTo((up - down) / 2e-5, 5);
      }
    }
    const { h, a } = await traceGradients(plain, sequence, { units, parameters: own });
    expect([...(h.at(-1) as Float32Array)]).toEqual(Array(units).fill(1));
    expect(a).toHaveLength(steps);
  });
  test("through a linear neuron it is the weight to the power of the steps that follow", async () => {
    const linear = cell("h' = x + w * h");
    const { h } = await traceGradients(
      linear,
      Array.from({ length: 6 }, () => [1]),
      { units: 1, parameters: { w: [0.5] } },
    );
    expect(h.map(([d]) => d)).toEqual([1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]);
  });
  test("by what no parameter meets; and none by what the last output does not depend on", async () => {
    const squared = cell("k = x * x\n m = sum(k) * step(k)\n h' = w * k + m * step(h)");
    const { k, m } = await traceGradients(
      squared,
      [
        [1, 2],
        [3, 4],
      ],
      { units: 2, parameters: { w: [3, 5] } },
    );
    expect(k.map((d) => [...d])).toEqual([
      [0, 0],
      [5, 7],
    ]);
    expect(m.map((d) => [...d])).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });
});
