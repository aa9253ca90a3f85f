/** Configs of Keras as our layers: what is the same in other words becomes the same layers. */
import { expect, test } from "vitest";
import { readConfig } from "../../../src/formats/keras/config.ts";
import { translate } from "../../../src/formats/keras/translate.ts";

type Layer = readonly [className: string, config: object];
const input = { batch_shape: [null, 4, 2] };
const translated = (layers: readonly Layer[], { major = 3, handsMasksOn = false } = {}) =>
  translate(
    readConfig({
      class_name: "Sequential",
      config: {
        layers: layers.map(([class_name, config], k) => ({
          class_name,
          config: { name: `l${k}`, ...(k === 0 && input), ...config },
        })),
      },
    }),
    { major, handsMasksOn, tfjs: false },
  );
/** Layers, and where their arrays go, without where these lie in files. */
const plain = (layers: readonly Layer[], dialect?: object) => {
  const { outputs, weights } = translated(layers, dialect);
  const parts = [...weights].map(([name, groups]) => [name, groups.map(({ form, to }) => ({ form, to }))]);
  return JSON.parse(JSON.stringify({ outputs, parts }));
};
const inner = (class_name: string, config: object) => ({ class_name, config });
const options = { units: 3, return_sequences: true, activation: "relu" };

test("an RNN over a cell is the layer of that cell, also in two directions", () => {
  for (const [layer, cell] of [
    ["LSTM", "LSTMCell"],
    ["GRU", "GRUCell"],
    ["SimpleRNN", "SimpleRNNCell"],
  ] as const) {
    const { return_sequences, ...own } = options;
    const over = { return_sequences, cell: inner(cell, own) };
    expect(plain([["RNN", over]])).toEqual(plain([[layer, options]]));
    expect(plain([["Bidirectional", { layer: inner("RNN", over) }]])).toEqual(
      plain([["Bidirectional", { layer: inner(layer, options) }]]),
    );
  }
});

test("what does the same at each step anyway is the same without TimeDistributed", () => {
  const behind = (layer: Layer) => plain([["LSTM", options], layer]);
  for (const [name, config, each] of [
    ["Dense", { units: 5, activation: "tanh" }, undefined],
    ["Activation", { activation: "softmax" }, undefined],
    ["LayerNormalization", { axis: [2] }, { axis: [1] }],
    ["BatchNormalization", { axis: -1 }, { axis: [1] }],
    ["Dropout", { rate: 0.5 }, undefined],
    ["GaussianNoise", { stddev: 1 }, undefined],
  ] as const) {
    const there = inner(name, { name: "inner", ...config, ...each });
    expect(behind(["TimeDistributed", { layer: there }]), name).toEqual(behind([name, config]));
  }
});

test("cells one on the other are layers one on the other", () => {
  const cells = [inner("LSTMCell", { units: 3 }), inner("GRUCell", { units: 4 })];
  const { outputs } = plain([["RNN", { name: "both", cell: inner("StackedRNNCells", { cells }) }]]);
  const [one] = plain([
    ["LSTM", { name: "both_1", units: 3, return_sequences: true }],
    ["GRU", { name: "both", units: 4 }],
  ]).outputs;
  expect(outputs[0].layers).toEqual(one.layers);
});

test("options of Keras 1 are those of today", () => {
  const old = { output_dim: 3, inner_activation: "sigmoid", dropout_W: 0.1, dropout_U: 0.2, return_sequences: true };
  const now = {
    units: 3,
    recurrent_activation: "sigmoid",
    dropout: 0.1,
    recurrent_dropout: 0.2,
    return_sequences: true,
  };
  expect(
    plain(
      [
        ["LSTM", old],
        ["TimeDistributedDense", { output_dim: 2 }],
      ],
      { major: 1 },
    ),
  ).toEqual(
    plain(
      [
        ["LSTM", now],
        ["Dense", { units: 2 }],
      ],
      { major: 1 },
    ),
  );
});

test("reset_after and the gates' function are those of the version where the config does not say", () => {
  const formOf = (major: number) =>
    [...translated([["GRU", { units: 3 }]], { major }).weights.values()].flat()[0]?.form;
  expect(formOf(2)).toMatchObject({ cell: "gru", resetAfter: false });
  expect(formOf(3)).toMatchObject({ cell: "gru", resetAfter: true });
  const source = (major: number) => JSON.stringify(plain([["LSTM", { units: 3 }]], { major }).outputs);
  expect(source(2)).toContain("0.2 * (W_f");
  expect(source(3)).toContain("sigmoid(W_f");
});
