/** What Keras and TensorFlow.js cannot say: refused before anything is written, with the layer and the reason. All cells of the library. */
import { describe, expect, test } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import { importModel } from "../../../src/formats/imported.ts";
import { activationsByName } from "../../../src/formats/keras/activations.ts";
import { activationCell } from "../../../src/formats/keras/cells.ts";
import { writeKeras } from "../../../src/formats/keras/index.ts";
import { writeTfjs } from "../../../src/formats/tfjs/index.ts";
import { type Cell, cell } from "../../../src/graph/cell.ts";
import {
  add,
  attending,
  attention,
  bidirectional,
  conv1d,
  dense,
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  gru,
  input,
  type LayerSpec,
  lstm,
  masking,
  recurrent,
  repeatVector,
  simpleRnn,
} from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { refusal, rejection } from "../../helpers/refusal.ts";
import { bitsOf, random, recurrentWith } from "./written.ts";

const all = { returnSequences: true };
const zoo = Object.entries(cells) as [string, Cell][];

/** Of each cell of the library: whether it comes back bit for bit, or what is said. */
async function walk(write: (model: Model) => Promise<Model>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, of] of zoo) {
    const model = random([recurrent(of, { units: 3, ...all, name: "one" })], 3);
    try {
      const back = await write(model);
      expect(bitsOf(back)).toEqual(bitsOf(model));
      found[name] = "written";
    } catch (error) {
      found[name] = (error as Error).message;
    }
  }
  return found;
}
const throughKeras = async (model: Model): Promise<Model> =>
  (await importModel({ bytes: (await writeKeras(model)).bytes, name: "m.keras" })).model;
const throughTfjs = async (model: Model): Promise<Model> => {
  const { json, weights } = writeTfjs(model);
  return (await importModel({ bytes: json, name: "model.json", beside: () => weights })).model;
};
const writtenOf = (found: Record<string, string>) => Object.keys(found).filter((name) => found[name] === "written");

test("every cell of the library comes back bit for bit from Keras's file, or is refused in one line", async () => {
  const found = await walk(throughKeras);
  expect(writtenOf(found)).toEqual(["dense", "simple-rnn", "irnn", "lstm", "gru", "gru-reset-after"]);
  for (const [name, said] of Object.entries(found)) {
    if (said !== "written") {
      expect(said, name).toMatch(
        /^writeKeras: layer "one" (has a cell that none of Keras's layers has|computes what none of Keras's layers does): [^\n]+\.$/,
      );
    }
  }
});

test("every cell of the library comes back bit for bit from TensorFlow.js's files, or is refused in one line", async () => {
  const found = await walk(throughTfjs);
  expect(writtenOf(found)).toEqual(["dense", "simple-rnn", "irnn", "lstm", "gru"]);
  for (const [name, said] of Object.entries(found))
    if (said !== "written") expect(said, name).toMatch(/^writeTfjs: layer "one" [^\n]+\.$/);
  expect(found["gru-reset-after"]).toBe(
    `writeTfjs: layer "one" resets its state after the product with U_g, and TensorFlow.js's GRU does before it.`,
  );
});

test.each(["lstm", "gru", "simple_rnn"] as const)(
  "%s: every function of Keras 3, and both hard sigmoids",
  async (kind) => {
    const names = [...activationsByName(3).keys()];
    for (const [k, name] of names.entries()) {
      const gate = names[(k + 5) % names.length] as string;
      const model = random([recurrentWith(kind, [name, gate], 3, all)], 2);
      const back = await throughKeras(model);
      expect(JSON.stringify(back.layers), name).toBe(JSON.stringify(model.layers));
      expect(bitsOf(back)).toEqual(bitsOf(model));
    }
  },
);

test.each(["lstm", "gru"] as const)(
  "%s: the hard sigmoid of the other versions is the same of other weights",
  async (kind) => {
    const [two, three] = ([2, 3] as const).map((major) =>
      random([recurrentWith(kind, ["hard_sigmoid", "hard_sigmoid"], major)], 2),
    ) as [Model, Model];
    const scaled = (model: Model, factor: number) =>
      Object.entries(model.values).map(([key, values]) => [
        key,
        key.endsWith("_g") ? [...values] : [...values.map((value) => factor * value)],
      ]);
    const valuesIn = (model: Model) => Object.entries(model.values).map(([key, values]) => [key, [...values]]);
    const other = random([recurrentWith(kind, ["tanh", "hard_sigmoid"], 2)], 2);
    expect((await writeKeras(other)).notes).toEqual([
      `${kind}: the weights of its gates are ours times 6/5, for Keras's hard_sigmoid.`,
    ]);
    expect(valuesIn(await throughKeras(other))).toEqual(scaled(other, 1.2));
    const again = random([recurrentWith(kind, ["tanh", "hard_sigmoid"], 3)], 2);
    expect(valuesIn(await throughTfjs(again))).toEqual(scaled(again, 1 / 1.2));
    // Values that are no gates cannot be scaled.
    const message = `layer "${kind}" has a cell that none of`;
    expect(await rejection(writeKeras(two))).toContain(message);
    expect(refusal(() => writeTfjs(three))).toContain(message);
    expect(bitsOf(await throughTfjs(two))).toEqual(bitsOf(two));
  },
);

test("-0, and the smallest and largest numbers come back as they were", async () => {
  const model = sequential([lstm(2), dense(1)], { input: 1 });
  const odd = [-0, 0, (2 - 2 ** -23) * 2 ** 127, -(2 ** -126), 2 ** -149];
  for (const values of Object.values(model.values)) values.set(odd.slice(0, values.length));
  expect(bitsOf(await throughKeras(model))).toEqual(bitsOf(model));
  expect(bitsOf(await throughTfjs(model))).toEqual(bitsOf(model));
});

const keras = (layers: readonly LayerSpec[], features: number | null = 2): Promise<string> =>
  rejection(writeKeras(sequential(layers, features === null ? {} : { input: features })));
const tfjs = (layers: readonly LayerSpec[], features: number | null = 2): string =>
  refusal(() => writeTfjs(sequential(layers, features === null ? {} : { input: features })));
const tokens = (layers: readonly LayerSpec[]): readonly LayerSpec[] => [embedding(5, 2, { maskZero: true }), ...layers];

describe("Keras refuses", () => {
  test("equations and options that it has not", async () => {
    expect(await keras([lstm(2, { initialState: "learned" })])).toMatchInlineSnapshot(
      `"writeKeras: layer "lstm" starts from learned states."`,
    );
    expect(await keras([lstm(2, { zoneout: 0.1 })])).toMatchInlineSnapshot(
      `"writeKeras: layer "lstm" has zoneout, which mixes states outside of training, too."`,
    );
    expect(await keras([recurrent(cell("y = abs(W @ x)"), { units: 2 })])).toMatchInlineSnapshot(
      `"writeKeras: layer "recurrent" computes what none of Keras's layers does: y = abs(W @ x)."`,
    );
    expect(await keras([lstm(2, all), attention("lstm")])).toMatchInlineSnapshot(
      `"writeKeras: layer "attention" reads more layers than one."`,
    );
    expect(await keras([recurrent(cells.lstm as never, { units: 2, strides: 2, ...all })])).toMatchInlineSnapshot(
      `"writeKeras: layer "recurrent" has strides."`,
    );
    expect(
      await keras([
        lstm(2, { ...all, name: "a" }),
        recurrent(attending(cells.gru as never), { units: 2, inputs: { K: "a", V: "a" } }),
      ]),
    ).toMatchInlineSnapshot(`"writeKeras: layer "recurrent" reads more layers than one."`);
    expect(await keras([recurrent(cell("y = W @ x + b"), { units: 2, strides: 2 }), lstm(2)])).toMatchInlineSnapshot(
      `"writeKeras: layer "recurrent" has strides."`,
    );
    expect(await keras([{ ...conv1d(2, 3), returnSequences: false }])).toMatchInlineSnapshot(
      `"writeKeras: layer "conv1d" gives its last output alone."`,
    );
    expect(await keras([{ ...globalMaxPooling1d(), zoneout: 0.1 }])).toMatchInlineSnapshot(
      `"writeKeras: layer "global_max_pooling1d" has an option that only recurrent layers have."`,
    );
    expect(await keras([bidirectional(lstm(4, all), { backward: gru(5, all) }), dense(2)])).toMatchInlineSnapshot(
      `"writeKeras: layer "bidirectional" has 4 units one way and 5 the other, and Keras's has as many both ways."`,
    );
    expect(
      await keras([bidirectional(lstm(2, all), { name: "both" }), lstm(2, { reads: "both.forward" })]),
    ).toMatchInlineSnapshot(
      `"writeKeras: layer "lstm" reads "both.forward", and Keras's gives its directions together."`,
    );
    expect(await keras([recurrent(globalMaxPooling1d().cell, { ...all })])).toMatchInlineSnapshot(
      `"writeKeras: layer "recurrent" pools up to each step, not over the whole sequence."`,
    );
  });
  test("masks that it would treat in another way", async () => {
    expect(await keras([input(2, { mask: true }), lstm(2)], null)).toMatchInlineSnapshot(
      `"writeKeras: layer "x" has a mask as a further input."`,
    );
    expect(await keras(tokens([globalMaxPooling1d()]), null)).toMatchInlineSnapshot(
      `"writeKeras: layer "global_max_pooling1d" passes over masked steps, and Keras's does not."`,
    );
    expect(await keras(tokens([conv1d(2, 3), lstm(2)]), null)).toMatchInlineSnapshot(
      `"writeKeras: layer "conv1d" passes over masked steps, and Keras's does not."`,
    );
    expect(await keras(tokens([lstm(2, { ...all, goBackwards: true }), gru(2)]), null)).toMatchInlineSnapshot(
      `"writeKeras: layer "gru" reads a masked sequence from its end, and Keras hands the mask on as it was."`,
    );
    expect(
      await keras(tokens([dense(2, { name: "d" }), add(["embedding", "d"]), lstm(2)]), null),
    ).toMatchInlineSnapshot(`"writeKeras: layer "add" merges what is masked, which Keras does in another way."`);
    expect(await keras(tokens([recurrent(cell("y = x"), { endsMask: true }), lstm(2)]), null)).toMatchInlineSnapshot(
      `"writeKeras: layer "lstm" takes no notice of the mask of what it reads, and Keras's would."`,
    );
  });
});

describe("TensorFlow.js refuses", () => {
  test("layers and functions that it has not, or has in another way", () => {
    expect(tfjs([conv1d(2, 3), lstm(2)])).toMatchInlineSnapshot(
      `"writeTfjs: layer "conv1d" is a causal convolution, which TensorFlow.js does not compute."`,
    );
    expect(tfjs([bidirectional(lstm(2), { backward: lstm(3) })])).toMatchInlineSnapshot(
      `"writeTfjs: layer "bidirectional" has another layer in each direction, and TensorFlow.js's has one for both."`,
    );
    expect(tfjs([dense(2, { activation: "exp" })])).toMatchInlineSnapshot(
      `"writeTfjs: layer "dense" computes what none of TensorFlow.js's layers does: y = exp(W @ x + b)."`,
    );
    expect(
      tfjs([
        recurrent(activationCell({ of: (x) => `max(${x}, 0) + 0.5 * (exp(min(${x}, 0)) - 1)` }), { label: "elu" }),
      ]),
    ).toMatchInlineSnapshot(`"writeTfjs: layer "elu" has an option that TensorFlow.js's ELU has not."`);
  });
  test("masks that it would treat in another way", () => {
    expect(tfjs([masking(), bidirectional(lstm(2, all))])).toMatchInlineSnapshot(
      `"writeTfjs: layer "bidirectional" is masked, and the halves of TensorFlow.js's differ in what they make of that."`,
    );
    expect(tfjs([masking(), lstm(2, all), globalAveragePooling1d()])).toMatchInlineSnapshot(
      `"writeTfjs: layer "global_average_pooling1d" passes over masked steps, and TensorFlow.js's does not."`,
    );
    expect(tfjs([masking(), lstm(2, { ...all, zeroOutputForMask: true })])).toMatchInlineSnapshot(
      `"writeTfjs: layer "lstm" gives zeros at masked steps (zeroOutputForMask), and TensorFlow.js's repeats its output."`,
    );
    expect(
      tfjs([masking(), recurrent(cells.lstm as never, { units: 2, ...all, endsMask: true }), simpleRnn(2)]),
    ).toMatchInlineSnapshot(
      `"writeTfjs: layer "simple_rnn" takes no notice of the mask of what it reads, and TensorFlow.js's would."`,
    );
    expect(tfjs([masking(), lstm(2), repeatVector(3), lstm(2)])).toMatchInlineSnapshot(
      `"writeTfjs: layer "lstm_1" has no mask, and TensorFlow.js gives it that of "lstm"."`,
    );
  });
});
