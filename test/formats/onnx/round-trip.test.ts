/** What is written as ONNX is read back: the same outputs, and the same weights to the bit. */
import { describe, expect, test } from "vitest";
import * as library from "../../../src/cells/index.ts";
import { tapsCell } from "../../../src/formats/late-steps.ts";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { decodeOnnx } from "../../../src/formats/onnx/decode.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { writeOnnx } from "../../../src/formats/onnx/index.ts";
import type { Cell } from "../../../src/graph/cell.ts";
import {
  bidirectional,
  conv1d,
  dense,
  embedding,
  gru,
  input,
  lstm,
  masking,
  recurrent,
} from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { createPredictor } from "../../../src/train/predict.ts";
import { turned } from "../../helpers/axes.ts";
import { expectClose, redraw } from "../../helpers/models.ts";
import { type Fed, fedAndWanted } from "./models.ts";

const cells = Object.entries(library as never as Record<string, Cell>).filter(([, one]) => one.equations !== undefined);
const random = (
  layers: Parameters<typeof sequential>[0],
  seed: number,
  given: { input?: number } = { input: 4 },
): Model => redraw(sequential(layers, given), createRandom(seed), 0.6);

/** The model's output for data of its own, and what comes of the model that its file is read as. */
async function expectSame(model: Model, form: "sequences" | "steps", within = 1e-6): Promise<Model> {
  const bytes = writeOnnx(model, { form });
  const { model: back } = importOnnx(decodeOnnx(bytes, "m.onnx"), "m.onnx");
  // What is read can be written as a file of ours.
  expect(readModel(writeModel({ model: back, extra: {} }), "m").model.values).toEqual(back.values);
  const { fed, wanted } = await fedAndWanted(model);
  const arrays = back.inputs.map(({ name, features }, k) => {
    const { values, dims } = fed[name] ?? (Object.values(fed)[k] as Fed);
    const ours = turned([...values], dims);
    return [name, features === "tokens" ? Int32Array.from(ours) : Float32Array.from(ours)] as const;
  });
  const predictor = await createPredictor(back, { batch: 3, steps: back.times.map(() => 5) });
  const [first] = arrays as [(typeof arrays)[number]];
  const got = await predictor.predict((arrays.length === 1 ? first[1] : Object.fromEntries(arrays)) as never);
  const { outputSize, returnsSequences } = model;
  const ours = returnsSequences ? turned([...got], [got.length / (3 * outputSize), 3, outputSize]) : [...got];
  expectClose(ours, wanted, { within });
  return back;
}
/** All numbers of a model that are not 0, in order of size: names and layouts differ. */
const numbersOf = ({ values }: Model): number[] =>
  Object.values(values)
    .flatMap((one) => [...one])
    .filter((value) => value !== 0)
    .toSorted((a, b) => a - b);

const all = { returnSequences: true };
describe.each(cells)("%s", (name, of) => {
  const stateless = of.states.length === 0;
  const seed = 300 + cells.findIndex(([own]) => own === name);
  test("whole sequences, with the weights as they are", async () => {
    const model = random([recurrent(of, { units: 4, ...all })], seed);
    expect(numbersOf(await expectSame(model, "sequences"))).toEqual(numbersOf(model));
  });
  test.skipIf(stateless)("one step of streams, as the recurrent model", async () => {
    const model = random([recurrent(of, { units: 4, ...all })], seed);
    const back = await expectSame(model, "steps");
    expect(numbersOf(back)).toEqual(numbersOf(model));
    expect(back.returnsSequences).toBe(true);
  });
  test.skipIf(stateless)("from the last step to the first", async () => {
    await expectSame(random([recurrent(of, { units: 4, ...all, goBackwards: true })], seed), "sequences");
  });
  test.skipIf(stateless)("the last output, from learned states", async () => {
    const model = random([recurrent(of, { units: 4, initialState: "learned" }), dense(3)], seed);
    expect(numbersOf(await expectSame(model, "sequences"))).toEqual(numbersOf(model));
  });
  test.skipIf(stateless)("both directions", async () => {
    const model = random([bidirectional(recurrent(of, { units: 4, ...all })), dense(3)], seed);
    expect(numbersOf(await expectSame(model, "sequences"))).toEqual(numbersOf(model));
  });
  test.skipIf(stateless)("steps that are masked", async () => {
    const model = random([masking({ maskValue: 0 }), recurrent(of, { units: 4, ...all }), dense(3)], seed);
    await expectSame(model, "sequences");
    await expectSame(model, "steps");
  });
});

describe.each(["gru", "lstm", "simpleRnn", "mgu"] as const)("both directions of %s with masks", (name) => {
  const of = new Map(cells).get(name) as Cell;
  const tokens = embedding(5, 4, { maskZero: true });
  const layer = (more = {}, size = 3) => recurrent(of, { units: size, ...more });
  test("a last dense layer with an activation is in order", async () => {
    const layers = [tokens, bidirectional(layer(all)), dense(2, { activation: "tanh" })];
    const bytes = writeOnnx(random(layers, 510, {}));
    expect(importOnnx(decodeOnnx(bytes, "m.onnx"), "m.onnx").notes).toEqual([]);
  });
  test("of tokens, each step", async () => {
    const model = random([tokens, bidirectional(layer(all)), dense(2)], 500, {});
    const back = await expectSame(model, "sequences");
    expect(back.layers.map(({ kind }) => kind)).toContain("bidirectional");
  });
  test("of tokens, the last output", async () => {
    await expectSame(random([tokens, bidirectional(layer()), dense(2)], 501, {}), "sequences");
  });
  test("of features, each step and the last output", async () => {
    const first = masking({ maskValue: 0 });
    await expectSame(random([first, bidirectional(layer(all)), dense(2)], 502), "sequences");
    await expectSame(random([first, bidirectional(layer()), dense(2)], 503), "sequences");
  });
  test("one after the other", async () => {
    const two = [tokens, bidirectional(layer(all)), bidirectional(layer(all, 2)), dense(2)];
    await expectSame(random(two, 504, {}), "sequences");
    await expectSame(
      random([tokens, bidirectional(layer(all)), bidirectional(layer({}, 2)), dense(2)], 505, {}),
      "sequences",
    );
    await expectSame(random([tokens, bidirectional(layer(all)), layer(all, 2), dense(2)], 506, {}), "sequences");
  });
  test("with a dense layer between", async () => {
    const layers = [tokens, bidirectional(layer(all)), dense(3, { activation: "tanh" }), layer(all, 2), dense(2)];
    await expectSame(random(layers, 511, {}), "sequences");
  });
  test.each(["sum", "mul", "ave"] as const)("merged: %s", async (mergeMode) => {
    await expectSame(random([tokens, bidirectional(layer(all), { mergeMode }), dense(2)], 507, {}), "sequences");
    await expectSame(random([tokens, bidirectional(layer(), { mergeMode }), dense(2)], 508, {}), "sequences");
  });
  test("learned states, and without a dense layer behind", async () => {
    const learned = { ...all, initialState: "learned" as const };
    await expectSame(random([tokens, bidirectional(layer(learned))], 509, {}), "sequences");
  });
});

test.each([
  [3, 1],
  [3, 2],
  [2, 3],
  [5, 2],
])("a convolution of %i steps, every %i", async (size, strides) => {
  const model = random([conv1d(4, size, { strides }), lstm(3, all), dense(2)], 410 + size);
  expect(numbersOf(await expectSame(model, "sequences"))).toEqual(numbersOf(model));
});
test("both directions of what runs from the last step", async () => {
  const layers = [bidirectional(lstm(3, { ...all, goBackwards: true })), dense(2)];
  const model = random(layers, 411);
  const { model: back, notes } = importOnnx(decodeOnnx(writeOnnx(model), "m.onnx"), "m.onnx");
  expect(notes).toEqual([]);
  const x = Float32Array.from({ length: 5 * 4 }, (_, k) => Math.sin(k));
  const outputs = async (of: Model): Promise<number[]> => [
    ...(await (await createPredictor(of, { batch: 1, steps: 5 })).predict(x)),
  ];
  const [wanted, found] = [await outputs(model), await outputs(back)];
  expectClose(found, wanted, { within: 1e-6 });
});
test.each([
  ["of other sizes", lstm(3, all), lstm(2, all)],
  ["of other kinds", gru(3, all), lstm(3, all)],
])("two directions %s come back as layers of their own", async (_, forward, backward) => {
  await expectSame(random([bidirectional(forward, { backward }), dense(2)], 412), "sequences");
});
test("a convolution that reads steps before and behind", async () => {
  const tap = (k: number, delay: number) => ({ weight: `W_${k}`, input: "x", delay });
  const units = { units: 4, ...all };
  const forward = recurrent(tapsCell([tap(1, 0), tap(0, 1)], true, true), units);
  const backward = recurrent(tapsCell([tap(2, 1)], false, true), units);
  await expectSame(random([bidirectional(forward, { backward, mergeMode: "sum" }), dense(2)], 414), "sequences");
});
test("an encoder and a decoder, of which each has an input, and the decoder may start from dense layers", async () => {
  const question = input(3, { name: "question" });
  const answer = input(3, { name: "answer" });
  const from = (names: string | string[]) => ({ ...all, initialState: { from: names } });
  const models = [
    [question, lstm(4, { name: "encoder" }), answer, lstm(4, from("encoder"))],
    [question, lstm(4, { name: "encoder", ...all }), answer, lstm(4, from("encoder"))],
    [question, bidirectional(gru(2), { name: "encoder" }), answer, gru(4, from("encoder"))],
    [question, gru(3, { name: "encoder" }), dense(4, { name: "p" }), answer, gru(4, from("p"))],
    [question, gru(3), dense(4, { name: "h" }), dense(4, { name: "c" }), answer, lstm(4, from(["h", "c"]))],
    [question, lstm(4, { name: "encoder", zoneout: 0.1 }), answer, lstm(4, { ...from("encoder"), zoneout: 0.1 })],
  ];
  for (const layers of models) {
    const model = random([...layers, dense(2)], 413, {});
    const back = await expectSame(model, "sequences");
    expect(back.inputs.map(({ name }) => name)).toEqual(["question", "answer"]);
  }
});
test("layers of equations one after the other stay layers", async () => {
  const of = library.mgu;
  const model = random([recurrent(of, { units: 4, ...all }), recurrent(of, { units: 3, ...all }), dense(2)], 400);
  for (const form of ["sequences", "steps"] as const) {
    const back = await expectSame(model, form);
    expect(back.layers.map(({ kind }) => kind)).toEqual(["cell", "cell", "cell"]);
  }
});
test("a layer of equations that starts from another's final state", async () => {
  const of = library.mgu;
  const model = random(
    [
      input(4, { name: "question" }),
      recurrent(of, { units: 4, name: "encoder" }),
      input("tokens", { name: "answer" }),
      embedding(5, 3),
      recurrent(of, { units: 4, ...all, initialState: { from: "encoder" } }),
      dense(5),
    ],
    401,
    {},
  );
  await expectSame(model, "sequences");
});
test("operators and equations in one stream", async () => {
  const model = random([lstm(4, all), recurrent(library.mgu, { units: 3, ...all }), lstm(3, all), dense(2)], 402);
  await expectSame(model, "steps");
  await expectSame(model, "sequences");
});

test.each(["janet", "lstmNog", "minGru", "ugRnn", "mogrifierLstm"])(
  "the equations of %s are the library's again",
  (name) => {
    const of = (library as never as Record<string, Cell>)[name] as Cell;
    const bytes = writeOnnx(random([recurrent(of, { units: 4, ...all })], 403));
    const [layer] = importOnnx(decodeOnnx(bytes, "m.onnx"), "m.onnx").model.layers;
    expect(layer?.kind === "cell" && layer.cell.source).toBe(of.source);
  },
);
