import { describe, expect, test } from "vitest";
import { lstm as lstmCell } from "../../src/cells/index.ts";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { cell } from "../../src/graph/cell.ts";
import { createBuilder } from "../../src/graph/graph.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { type InspectedStep, inspectModel, namedValues } from "../../src/nn/inspection.ts";
import { bidirectional, dense, embedding, gru, lstm, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { addModel } from "../../src/nn/model-graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import { trace } from "../../src/nn/trace.ts";
import { collect, redraw } from "../helpers/models.ts";

const random = createRandom(5);
const shaken = (model: Model): Model => redraw(model, random, 0.6);
const all = (...given: Parameters<typeof inspectModel>): Promise<InspectedStep[]> => collect(inspectModel(...given));
const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, k) => Math.abs(value - (b[k] as number))));
};

const [count, steps] = [7, 40];
const tokens = Int32Array.from({ length: steps }, () => random.integer(count));
const stack = shaken(
  sequential([
    embedding(count, 3),
    lstm(5, { returnSequences: true }),
    gru(4, { returnSequences: true }),
    lstm(6, { returnSequences: true }),
    dense(count),
  ]),
);

describe("inspectModel", () => {
  test("every named value of every layer at every step is the reference's, over a whole sequence at once", async () => {
    const g = createBuilder();
    const { output, values } = addModel(g, stack, { training: false });
    const graph = g.graph({ output });
    const wanted = interpret(graph, { steps, batch: 1, inputs: { tokens }, parameters: stack.values });
    const got = await all(stack, tokens);
    const keys = Object.keys(got[0]?.values ?? {});
    expect(keys.slice(0, 6)).toEqual(["lstm.f", "lstm.i", "lstm.g", "lstm.o", "lstm.c", "lstm.h"]);
    expect(keys).toEqual(expect.arrayContaining(["gru.z", "gru.h", "lstm_1.f", "lstm_1.c", "dense.y"]));
    expect(got).toHaveLength(steps);
    for (const key of keys) {
      const flat = wanted.value((values[`${key}'`] ?? values[key]) as number);
      const size = flat.length / steps;
      got.forEach((step, t) => {
        const own = flat.slice(t * size, (t + 1) * size);
        expect(largestDifference(step.values[key] as Float32Array, own), `${key} ${t}`).toBeLessThan(5e-6);
      });
    }
    for (const { values } of got) {
      for (const gate of values["lstm.f"] as Float32Array) expect(gate > 0 && gate < 1).toBe(true);
    }
  });

  test("the outputs are a session's to the bit, the probabilities their softmax, the losses its logarithm", async () => {
    const session = await createSession(stack);
    const got = await all(stack, tokens);
    got.forEach(({ output, probabilities = [], loss }, t) => {
      expect(output).toEqual(session.next(tokens[t] as number));
      const exponentials = Array.from(output, Math.exp);
      const sum = exponentials.reduce((a, b) => a + b);
      expect(
        largestDifference(
          probabilities,
          exponentials.map((e) => e / sum),
        ),
      ).toBeLessThan(1e-7);
      const before = got[t - 1]?.probabilities?.[tokens[t] as number];
      if (before === undefined) expect(loss).toBeUndefined();
      else expect(loss).toBeCloseTo(-Math.log(before), 5);
    });
  });

  test("one layer over vectors is what trace shows of its cell", async () => {
    const model = shaken(sequential([lstm(5, { returnSequences: true })], { input: 3 }));
    const sequence = Array.from({ length: 9 }, () => Float32Array.from({ length: 3 }, random.normal));
    const parameters = Object.fromEntries(
      Object.entries(model.values).map(([name, values]) => [name.replace("lstm.", ""), values]),
    );
    const wanted = await trace(lstmCell, sequence, { units: 5, parameters });
    const got = await all(model, sequence);
    for (const name of ["f", "i", "g", "o", "c", "h"] as const) {
      got.forEach(({ values }, t) => {
        expect(largestDifference(values[`lstm.${name}`] as Float32Array, wanted[name][t] as Float32Array)).toBeLessThan(
          1e-6,
        );
      });
    }
    expect(got[0]).not.toHaveProperty("probabilities");
    expect(got[1]).not.toHaveProperty("loss");
  });

  test("learned initial states, masked steps and a last output alone are as in a session", async () => {
    const model = shaken(sequential([embedding(count, 3, { maskZero: true }), gru(4, { initialState: "learned" })]));
    const session = await createSession(model);
    const got = await all(model, [3, 0, 0, 5]);
    got.forEach(({ output, values }, t) => {
      expect(output).toEqual(session.next([3, 0, 0, 5][t] as number));
      expect(values["gru.h"]).toEqual(session.state()["gru.h"]);
    });
    expect(got[2]?.values["gru.h"]).toEqual(got[0]?.values["gru.h"]);
    expect(got[3]?.values["gru.h"]).not.toEqual(got[0]?.values["gru.h"]);
  });

  test("numbers, constants, matrices and what is the input itself are values like others", async () => {
    const odd = cell(
      "n = sum(x * x)\n k = 0.5\n p' = x\n M' = M + outer(x, x)\n e = exp(b)\n h' = W @ x + n * k + e + p + M @ x",
    );
    const model = shaken(sequential([recurrent(odd, { units: 2, name: "odd", returnSequences: true })], { input: 2 }));
    const got = await all(model, [
      [1, 2],
      [3, -1],
    ]);
    expect(got[1]?.values["odd.n"]).toEqual(Float32Array.of(10));
    expect(got[1]?.values["odd.p"]).toEqual(Float32Array.of(3, -1));
    expect(got[1]?.values["odd.M"]).toEqual(Float32Array.of(10, -1, -1, 5));
    expect(got.map(({ values }) => [...(values["odd.k"] as Float32Array)])).toEqual([[0.5], [0.5]]);
    expect(got[0]?.values["odd.e"]?.[0]).toBeCloseTo(Math.exp(model.values["odd.b"]?.[0] as number), 5);
    expect(namedValues(model).map(({ name, size }) => [name, size])).toEqual([
      ["n", 1],
      ["k", 1],
      ["p", 2],
      ["M", 4],
      ["e", 2],
      ["h", 2],
    ]);
  });

  test("only what is asked for is kept; steps stay as they were; no input, no step", async () => {
    const got = await all(stack, tokens, { values: ["lstm_1.c", "gru.z"] });
    expect(Object.keys(got[0]?.values ?? {}).sort()).toEqual(["gru.z", "lstm_1.c"]);
    const whole = await all(stack, tokens);
    expect(got.map(({ values }) => values["gru.z"])).toEqual(whole.map(({ values }) => values["gru.z"]));
    expect(await all(stack, [])).toEqual([]);
  });

  test("what is cut off at 0 and 1 is a gate, too, as Keras's hard sigmoids are; what is cut off elsewhere is none", () => {
    const lines = [
      "a = hard_sigmoid(W @ x)",
      "b = max(0, min(1, 0.2 * x + 0.5))",
      "c = min(1, max(0, x))",
      "d = max(-1, min(1, x))",
      "h' = a * b * c * d * h",
    ];
    const model = sequential([recurrent(cell(lines.join("\n")), { units: 2 })], { input: 2, seed: 1 });
    expect(namedValues(model).map(({ name, gate }) => [name, gate])).toEqual([
      ["a", true],
      ["b", true],
      ["c", true],
      ["d", false],
      ["h", false],
    ]);
  });

  test("what a value is: layer, units, whether it is a gate, its line's comment", () => {
    const found = namedValues(stack);
    expect(found.find(({ key }) => key === "lstm_1.f")).toEqual({
      ...{ key: "lstm_1.f", layer: "lstm_1", name: "f", size: 6, recurrent: true, state: false, gate: true },
      description: "forget gate: what to keep of the old cell state",
    });
    expect(found.find(({ key }) => key === "lstm_1.c")).toMatchObject({ gate: false, state: true });
    expect(found.find(({ key }) => key === "dense.y")).toMatchObject({ size: count, recurrent: false });
  });

  test("a mistake is one line", async () => {
    const message = async (...given: Parameters<typeof inspectModel>) => {
      const error: unknown = await all(...given).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message;
    };
    expect(await message(stack, [7])).toMatch(/a whole number from 0 to 6, got 7/);
    expect(await message(stack, tokens, { values: ["lstm.q"] })).toMatch(/^inspect: the model has no value "lstm.q"/);
    const both = sequential([embedding(3, 2), bidirectional(lstm(2))]);
    expect(await message(both, [1])).toMatch(
      /^inspect: runs one step at a time, but bidirectional starts at the last step/,
    );
  });
});
