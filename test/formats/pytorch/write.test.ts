/**
 * Models written for PyTorch. What PyTorch makes of the files is recorded: `UPDATE_FIXTURES=1` writes them anew, and then
 * `python3 scripts/record-pytorch-written.py` runs them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import { importModel } from "../../../src/formats/imported.ts";
import { linearCell, projectedLstm } from "../../../src/formats/pytorch/weights.ts";
import { writePytorch } from "../../../src/formats/pytorch/write.ts";
import { readSafetensors } from "../../../src/formats/safetensors.ts";
import { type Cell, cell } from "../../../src/graph/cell.ts";
import {
  add,
  bidirectional,
  dense,
  dropout,
  embedding,
  gru,
  input,
  type LayerSpec,
  layerNormalization,
  lstm,
  masking,
  recurrent,
  simpleRnn,
} from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { predict } from "../../../src/train/predict.ts";
import { refusal } from "../../helpers/refusal.ts";
import type { Numbers } from "./recorded.ts";

const every = { returnSequences: true };
const cellNamed = (name: string): Cell => cells[name] as Cell;

/** A model whose values are random throughout: biases and gains too. */
function random(layers: readonly LayerSpec[], options: { input?: number } = {}): Model {
  const model = sequential(layers, options);
  const numbers = createRandom(5);
  for (const values of Object.values(model.values)) {
    for (let k = 0; k < values.length; k++) values[k] = Math.fround(1.8 * numbers.uniform() - 0.9);
  }
  return model;
}

const models: Readonly<Record<string, () => Model>> = {
  "tokens, tied": () =>
    random([
      embedding(5, 3),
      lstm(4, { ...every, stateful: true, dropout: 0.1 }),
      dropout(0.2),
      gru(3, every),
      layerNormalization(),
      dense(5, { tied: "embedding" }),
    ]),
  "both directions": () =>
    random(
      [
        bidirectional(lstm(3, every)),
        bidirectional(gru(2)),
        dense(3, { activation: "relu" }),
        recurrent(linearCell("log_softmax", false), { units: 2 }),
      ],
      { input: 2 },
    ),
  "one output, odd names": () =>
    random([
      input(2, { name: "x_in" }),
      simpleRnn(3, { ...every, name: "train" }),
      recurrent(cellNamed("irnn"), { units: 4, ...every, name: "größe" }),
      bidirectional(recurrent(projectedLstm(5), { units: 2, ...every }), { name: "lambda" }),
      recurrent(cell("h' = x"), { name: "last" }),
      dense(2, { activation: "tanh" }),
    ]),
};

type Written = {
  readonly name: string;
  readonly module: string;
  readonly weights: string;
  readonly x: Numbers;
  readonly output?: Numbers;
};
const fixture = new URL("../../fixtures/pytorch-written.json", import.meta.url);
const written = (): Written[] =>
  Object.entries(models).map(([name, make]) => {
    const model = make();
    const { module, weights } = writePytorch(model);
    const numbers = createRandom(3);
    const shape = model.input === "tokens" ? [2, 4] : [2, 4, model.input];
    const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      model.input === "tokens" ? numbers.integer(5) : Math.fround(2 * numbers.uniform() - 1),
    );
    return { name, module, weights: Buffer.from(weights).toString("base64"), x: { shape, data } };
  });
if (process.env.UPDATE_FIXTURES) writeFileSync(fixture, `${JSON.stringify(written(), undefined, 1)}\n`);

const known = JSON.parse(readFileSync(fixture, "utf8")) as readonly Written[];
const outputOf = async (model: Model, { shape, data }: Numbers) =>
  await predict(model, { shape: [...shape], data: Float32Array.from(data) });

test("the files are those that PyTorch has run", () => {
  expect(written()).toEqual(known.map(({ output: _, ...rest }) => rest));
});

describe.each(known)("$name", ({ name, weights, module, x, output }) => {
  const model = (models[name] as () => Model)();
  const bytes = new Uint8Array(Buffer.from(weights, "base64"));

  test("PyTorch's module gives our outputs", async () => {
    const ours = await outputOf(model, x);
    expect(ours.shape).toEqual(output?.shape);
    const off = Array.from(ours.data, (value, k) => Math.abs(value - (output?.data[k] as number)));
    expect(Math.max(...off)).toBeLessThan(2e-6);
  });

  test("read back, the weights are the same bits, and so are the outputs", async () => {
    const back = (await importModel({ bytes, name: "m.safetensors" })).model;
    const bits = (values: Model["values"]) =>
      Object.values(values).map((one) => [...new Uint32Array(one.buffer, one.byteOffset, one.length)]);
    expect(Object.keys(back.values)).toEqual(Object.keys(model.values));
    expect(bits(back.values)).toEqual(bits(model.values));
    expect([...(await outputOf(back, x)).data]).toEqual([...(await outputOf(model, x)).data]);
  });

  test("the module names every tensor's owner", () => {
    for (const tensor of Object.keys(readSafetensors(bytes).tensors)) {
      expect(module).toContain(`self.${tensor.split(".")[0]} = nn.`);
    }
  });
});

test("-0, and the smallest and largest numbers come back as they were", async () => {
  const model = sequential([lstm(2), dense(1)], { input: 1 });
  const odd = [-0, 0, (2 - 2 ** -23) * 2 ** 127, -(2 ** -126), 2 ** -149];
  for (const values of Object.values(model.values)) values.set(odd.slice(0, values.length));
  const back = (await importModel({ bytes: writePytorch(model).weights, name: "m.safetensors" })).model;
  for (const [name, values] of Object.entries(model.values)) {
    expect(
      [...(back.values[name] as Float32Array)].map((value) => (Object.is(value, -0) ? "-0" : value)),
      name,
    ).toEqual([...values].map((value) => (Object.is(value, -0) ? "-0" : value)));
  }
});

describe("refused, with layer and reason", () => {
  const said = (layers: readonly LayerSpec[], options: { input?: number } = { input: 2 }): string =>
    refusal(() => writePytorch(sequential(layers, options)));

  test("cells and layers that no module is", () => {
    expect(said([recurrent(cellNamed("gru"), { units: 2 })])).toMatchInlineSnapshot(
      `"writePytorch: layer "recurrent" resets its state before the product with U_g, and nn.GRU does after it."`,
    );
    expect(said([recurrent(cellNamed("rru"), { units: 2 })])).toMatchInlineSnapshot(
      `"writePytorch: layer "recurrent" has a cell that none of PyTorch's modules has: a  = W_x @ x + W_h @ h + b."`,
    );
    expect(said([recurrent(cell("y = abs(W @ x)"), { units: 2 })])).toMatchInlineSnapshot(
      `"writePytorch: layer "recurrent" computes what none of PyTorch's modules does: y = abs(W @ x)."`,
    );
    expect(said([masking(), lstm(2)])).toMatchInlineSnapshot(
      `"writePytorch: layer "masking" is a layer of kind "masking", which no module of PyTorch is."`,
    );
    expect(said([lstm(2, every), lstm(2, { ...every, name: "b" }), add(["lstm", "b"])])).toMatchInlineSnapshot(
      `"writePytorch: layer "add" is a layer of kind "merge", which no module of PyTorch is."`,
    );
  });

  test("options that change what comes out", () => {
    expect(said([embedding(5, 2, { maskZero: true }), lstm(2)], {})).toMatchInlineSnapshot(
      `"writePytorch: layer "embedding" masks token 0 (maskZero), and modules of PyTorch pass no masks on."`,
    );
    expect(said([lstm(2, { goBackwards: true })])).toMatchInlineSnapshot(
      `"writePytorch: layer "lstm" runs from the last step to the first (goBackwards) alone."`,
    );
    expect(said([lstm(2, { initialState: "learned" })])).toMatchInlineSnapshot(
      `"writePytorch: layer "lstm" starts from other states than zeros."`,
    );
    expect(said([lstm(2, { zoneout: 0.1 })])).toMatchInlineSnapshot(
      `"writePytorch: layer "lstm" has zoneout, which mixes states outside of training, too."`,
    );
    expect(said([bidirectional(lstm(2), { mergeMode: "sum" })])).toMatchInlineSnapshot(
      `"writePytorch: layer "bidirectional" combines its directions by "sum", and PyTorch puts them side by side."`,
    );
    expect(said([dropout(0.1, { locked: true }), lstm(2)])).toMatchInlineSnapshot(
      `"writePytorch: layer "dropout" has one mask for all steps (locked), and nn.Dropout has another at each."`,
    );
    expect(
      said([lstm(2, every), lstm(2, { ...every, name: "b", reads: "lstm" }), lstm(2, { reads: "lstm" })]),
    ).toMatchInlineSnapshot(
      `"writePytorch: layer "lstm_1" reads "lstm", and the layers of the module that is written follow each other."`,
    );
  });
});
