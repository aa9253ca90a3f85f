import { describe, expect, test } from "vitest";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, embedding, gru, input, type LayerSpec, lstm, repeatVector, simpleRnn } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { modelGraph } from "../../src/nn/model-graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import { load } from "../../src/runtime/program.ts";
import { createPredictor } from "../../src/train/predict.ts";
import { collectGarbage } from "../helpers/garbage.ts";
import { expectClose } from "../helpers/models.ts";
import { schedule } from "../helpers/plans.ts";

const steps = 9;
const all = { returnSequences: true };
const layers: LayerSpec[] = [lstm(6, all), gru(5, all), simpleRnn(4, all), dense(3)];
/** Tokens to three numbers; rows of 3, 5 and 6 numbers have padding. */
const small = (): Model => sequential([embedding(7, 3), lstm(6, all), gru(5, all), dense(3)], { seed: 1 });

/** The whole sequence at once, by the engine and by the reference. */
async function whole(model: Model, inputs: Record<string, Float32Array | Int32Array>) {
  const { graph, output } = modelGraph(model, { training: false });
  const program = await load(schedule(graph, { steps, batch: 1, keep: ["output"] }));
  for (const { name } of model.parameters) program.setParameter(name, model.values[name] as Float32Array);
  if (inputs.tokens) program.setIndex("tokens", inputs.tokens);
  if (inputs.x) program.setInput("x", inputs.x);
  await program.run();
  const reference = interpret(graph, { steps, batch: 1, inputs, parameters: model.values });
  return { engine: program.output("output"), reference: reference.value(output) };
}

test("tokens one by one give what the whole sequence gives", async () => {
  const model = sequential([embedding(7, 3), ...layers], { seed: 1 });
  const tokens = Int32Array.from([1, 4, 0, 6, 6, 2, 3, 1, 5]);
  const { engine, reference } = await whole(model, { tokens });
  const session = await createSession(model);
  const got = [...tokens].flatMap((token) => [...session.next(token)]);
  expectClose(got, engine, { within: 1e-6 });
  expectClose(got, reference, { within: 2e-6 });
});

test("vectors one by one give what the whole sequence gives", async () => {
  const model = sequential(layers, { input: 2, seed: 2 });
  const x = Float32Array.from({ length: 2 * steps }, createRandom(3).normal);
  const { engine, reference } = await whole(model, { x });
  const session = await createSession(model);
  const got = Array.from({ length: steps }, (_, t) => [...session.next(x.subarray(2 * t, 2 * t + 2))]).flat();
  expectClose(got, engine, { within: 1e-6 });
  expectClose(got, reference, { within: 2e-6 });
});

test("a model that gives its last output alone: each input is taken for the last", async () => {
  const [each, last] = [all, {}].map((which) => sequential([embedding(7, 3), lstm(6, which), dense(3)], { seed: 1 }));
  const [one, other] = [await createSession(each as Model), await createSession(last as Model)];
  for (const token of [3, 0, 6, 6]) expect(other.next(token)).toEqual(one.next(token));
});

test("after a reset it reads as if for the first time; two sessions do not share a state", async () => {
  const [session, other] = [await createSession(small()), await createSession(small())];
  const first = session.next(3).slice();
  const second = session.next(3).slice();
  expect(second).not.toEqual(first);
  expect(other.next(3)).toEqual(first);
  session.reset();
  expect(session.next(3)).toEqual(first);
  expect(session.next(3)).toEqual(second);
});

test("the output is one array, that of the latest step; what is written into it, or into the model, changes nothing", async () => {
  // The output of the second model is its state as well.
  for (const of of [small(), sequential([embedding(7, 3), lstm(6, all)], { seed: 1 })]) {
    const [session, other] = [await createSession(of), await createSession(of)];
    const latest = session.next(3);
    expect(latest).toHaveLength(of.outputSize);
    expect(latest).toEqual(other.next(3));
    latest.fill(9);
    for (const values of Object.values(of.values)) values.fill(5);
    expect(session.next(4)).toBe(latest);
    expect(latest).toEqual(other.next(4));
  }
});

describe("the state of a session", () => {
  test("is kept by name, handed to another session, and gone back to", async () => {
    const [session, other] = [await createSession(small()), await createSession(small())];
    session.next(3);
    const kept = session.state();
    expect(Object.entries(kept).map(([name, values]) => [name, values.length])).toEqual([
      ["lstm.c", 6],
      ["lstm.h", 6],
      ["gru.h", 5],
    ]);
    const wanted = [5, 0, 6].map((token) => session.next(token).slice());
    expect(session.state()).not.toEqual(kept);
    other.restore(kept);
    expect([5, 0, 6].map((token) => other.next(token).slice())).toEqual(wanted);
    session.restore(Object.fromEntries(Object.entries(kept).map(([name, values]) => [name, [...values]])));
    expect(session.state()).toEqual(kept);
  });
  test("is zero at first and after a reset; it is a copy", async () => {
    const session = await createSession(small());
    const zero = { "lstm.h": new Float32Array(6), "lstm.c": new Float32Array(6), "gru.h": new Float32Array(5) };
    expect(session.state()).toEqual(zero);
    session.next(1);
    const kept = session.state();
    const same = session.state();
    kept["lstm.h"]?.fill(9);
    expect(session.state()).toEqual(same);
    session.restore(kept);
    kept["lstm.h"]?.fill(8);
    expect(session.state()["lstm.h"]).toEqual(new Float32Array(6).fill(9));
    session.reset();
    expect(session.state()).toEqual(zero);
  });
  test("a state that does not fit is refused in one line, and nothing changes", async () => {
    const session = await createSession(small());
    session.next(1);
    const kept = session.state();
    const { "lstm.c": c, ...rest } = kept;
    const has = "it has lstm.c of 6, lstm.h of 6, gru.h of 5";
    const refused = (state: Record<string, ArrayLike<number>>, message: string): void => {
      expect(() => session.restore(state)).toThrow(new InputError(`session: ${message}`));
      expect(session.state()).toEqual(kept);
    };
    refused({ ...kept, "lstm.q": [1] }, `the model has no state lstm.q; ${has}`);
    refused({ ...kept, constructor: [1] } as never, `the model has no state constructor; ${has}`);
    refused({ ...kept, "gru.h": [1, 2] }, `state gru.h needs 5 numbers, got 2; ${has}`);
    refused({ ...rest, "lstm.h": new Float32Array(6) }, `state lstm.c needs 6 numbers, got none; ${has}`);
    refused({ ...kept, "lstm.c": 7 } as never, `state lstm.c needs 6 numbers, got none; ${has}`);
    const plain = await createSession(sequential([dense(2)], { input: 2 }));
    expect(plain.state()).toEqual({});
    plain.restore({});
    expect(() => plain.restore(kept)).toThrow("session: the model has no state lstm.c; it has no state");
    expect(c).toHaveLength(6);
  });
});

describe("an input that does not fit is refused in one line, and the state stays", () => {
  test.each([
    [7, "7"],
    [-1, "-1"],
    [1.5, "1.5"],
    [Number.NaN, "NaN"],
    ["3", '"3"'],
    [[3], "a list of 1"],
    [undefined, "undefined"],
    [null, "null"],
    [{}, "an object"],
  ])("token %j", async (token, got) => {
    const session = await createSession(small());
    session.next(1);
    const kept = session.state();
    const wanted = new InputError(`session: needs a token, a whole number from 0 to 6, got ${got}`);
    expect(() => session.next(token as number)).toThrow(wanted);
    expect(session.state()).toEqual(kept);
  });
  test.each([
    [[1], "needs a vector of 2 numbers, got a list of 1"],
    [new Float32Array(3), "needs a vector of 2 numbers, got a list of 3"],
    [5, "needs a vector of 2 numbers, got 5"],
    [undefined, "needs a vector of 2 numbers, got undefined"],
    [[1, Number.NaN], "a vector's numbers must be finite 32-bit floats; number 1 is NaN"],
    [[1e39, 0], "a vector's numbers must be finite 32-bit floats; number 0 is 1e+39"],
    ["ab", 'needs a vector of 2 numbers, got "ab"'],
    [["1", 2], 'a vector\'s numbers must be finite 32-bit floats; number 0 is "1"'],
    [[1, null], "a vector's numbers must be finite 32-bit floats; number 1 is null"],
    [[1n, 2], "a vector's numbers must be finite 32-bit floats; number 0 is 1n"],
    [BigInt64Array.of(1n, 2n), "a vector's numbers must be finite 32-bit floats; number 0 is 1n"],
    // biome-ignore lint/suspicious/noSparseArray: what is refused
    [[1, ,], "a vector's numbers must be finite 32-bit floats; number 1 is undefined"],
  ])("vector %#", async (vector, message) => {
    const session = await createSession(sequential(layers, { input: 2 }));
    session.next([1, 2]);
    const kept = session.state();
    expect(() => session.next(vector as number[])).toThrow(new InputError(`session: ${message}`));
    expect(session.state()).toEqual(kept);
  });
});

describe("a step makes nothing on the heap", () => {
  const heap = (): number => process.memoryUsage().heapUsed;
  const sessions = async (): Promise<[string, (k: number) => void][]> => {
    const [tokens, vectors] = [await createSession(small()), await createSession(sequential(layers, { input: 2 }))];
    const x = Array.from({ length: 8 }, (_, k) => Float32Array.of(k / 8, 1));
    const lists = Array.from({ length: 8 }, (_, k) => [k / 8, 1]);
    return [
      ["tokens", (k) => tokens.next(k % 7)],
      ["vectors", (k) => vectors.next(x[k % 8] as Float32Array)],
      ["lists", (k) => vectors.next(lists[k % 8] as number[])],
    ];
  };
  test("1,000 steps with no collection between: not a byte a step", async () => {
    for (const [name, step] of await sessions()) {
      const growth = (steps: number): number => {
        collectGarbage();
        const before = heap();
        for (let k = 0; k < steps; k++) step(k);
        return Math.abs(heap() - before);
      };
      // Before it is machine code a step makes boxes for numbers, and when it will be is the engine's affair.
      let bytes = growth(10_000);
      for (let round = 0; round < 100 && bytes >= 1000; round++) bytes = growth(1000);
      expect(bytes, name).toBeLessThan(1000);
    }
  });
  test("20,000 steps leave nothing", async () => {
    for (const [name, step] of await sessions()) {
      const run = (): void => {
        for (let k = 0; k < 20_000; k++) step(k);
        collectGarbage();
      };
      // The same before it counts, so that what the engine makes of the code itself is there.
      run();
      run();
      const [before, { arrayBuffers }] = [heap(), process.memoryUsage()];
      run();
      expect(heap() - before, name).toBeLessThan(20_000);
      expect(process.memoryUsage().arrayBuffers - arrayBuffers, name).toBeLessThan(20_000);
    }
  });
});

test("learned states start a session, again after a reset, and not each of its steps", async () => {
  const model = sequential([gru(3, { returnSequences: true, initialState: "learned" })], { input: 2, seed: 3 });
  (model.values["gru.initial_h"] as Float32Array).set([0.5, -0.5, 0.25]);
  const x = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
  const predictor = await createPredictor(model, { batch: 1, steps: 3 });
  const wanted = [...(await predictor.predict(x))];
  const session = await createSession(model);
  for (let again = 0; again < 2; again++) {
    const got = [0, 1, 2].flatMap((t) => [...session.next(x.slice(2 * t, 2 * t + 2))]);
    expect(got).toEqual(wanted);
    session.reset();
  }
});

test.each<[string, LayerSpec[], string]>([
  [
    "of two inputs",
    [input(2, { mask: true }), gru(3)],
    "session: needs a model with one input; this one also has x.mask. " +
      "Run the model on whole sequences, with createPredictor or as an ONNX file of these.",
  ],
  [
    "that repeats a vector",
    [gru(3), repeatVector(1)],
    "session: runs one step at a time, but repeat_vector starts after another sequence has ended",
  ],
])("a model %s is refused", async (_, layers, message) => {
  const options = layers[0]?.kind === "input" ? {} : { input: 2 };
  await expect(createSession(sequential(layers, options))).rejects.toThrow(message);
});
