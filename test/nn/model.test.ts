import { describe, expect, test } from "vitest";
import { cells, lstm as lstmCell } from "../../src/cells/index.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, dropout, embedding, gru, type LayerSpec, lstm, recurrent, simpleRnn } from "../../src/nn/layers.ts";
import { countParameters, sequential } from "../../src/nn/model.ts";

const all = { returnSequences: true };
const namesOf = (...layers: LayerSpec[]) => sequential(layers, { input: 3 }).layers.map(({ name }) => name);

describe("names", () => {
  test("are Keras's: the kind, with a number from the second on", () => {
    const layers = [
      lstm(2, all),
      lstm(2, all),
      gru(2, all),
      dropout(0.1),
      lstm(2, all),
      simpleRnn(2),
      dense(2),
      dense(2),
    ];
    expect(namesOf(...layers)).toEqual([
      "lstm",
      "lstm_1",
      "gru",
      "dropout",
      "lstm_2",
      "simple_rnn",
      "dense",
      "dense_1",
    ]);
    expect(sequential([embedding(4, 2), lstm(2)]).parameters.map(({ name }) => name)).toEqual([
      "embedding.weight",
      ..."figo".split("").flatMap((gate) => ["W", "U", "b"].map((p) => `lstm.${p}_${gate}`)),
    ]);
  });
  test("may be given, and one given already moves a number on", () => {
    expect(
      namesOf(lstm(2, { ...all, name: "reader" }), lstm(2, all), recurrent(lstmCell, { units: 2, name: "été" })),
    ).toEqual(["reader", "lstm", "été"]);
    expect(namesOf(dense(2, { name: "lstm" }), lstm(2))).toEqual(["lstm", "lstm_1"]);
  });
});

// As Keras's model.summary() gives them; an Embedding(v, d) has v d, a Dense(n) on d (d + 1) n,
// an LSTM(n) 4 n (n + d + 1), a SimpleRNN(n) n (n + d + 1), a GRU(n, reset_after=True) 3 n (n + d + 2).
test.each<[string, number, LayerSpec, number | undefined]>([
  ["LSTM(150) on 25", 105_600, lstm(150), 25],
  ["LSTM(128) on 64", 98_816, lstm(128), 64],
  ["GRU(128) on 64", 74_496, gru(128), 64],
  ["GRU(128, reset_after=False) on 64", 74_112, recurrent(cells.gru as Cell, { units: 128 }), 64],
  ["SimpleRNN(128) on 64", 24_704, simpleRnn(128), 64],
  ["Dense(2719) on 150", 410_569, dense(2719), 150],
  ["Dense(10, relu) on 784", 7_850, dense(10, { activation: "relu" }), 784],
  ["Embedding(2719, 25)", 67_975, embedding(2719, 25), undefined],
])("parameters of %s: %i", (_, count, layer, input) => {
  expect(countParameters(sequential([layer], input === undefined ? {} : { input }))).toBe(count);
});

test("parameters of a whole model: embedding, two LSTMs and two dense layers", () => {
  const layers = [embedding(2719, 25), lstm(150, all), lstm(150), dense(150, { activation: "relu" }), dense(2719)];
  expect(countParameters(sequential(layers))).toBe(67_975 + 105_600 + 180_600 + 22_650 + 410_569);
});

test("the forget gate's bias starts with ones, other biases with zeros; one seed makes the same values", () => {
  const make = (seed: number) => sequential([lstm(4)], { input: 3, seed }).values;
  expect([...(make(1)["lstm.b_f"] as Float32Array)]).toEqual([1, 1, 1, 1]);
  expect([...(make(1)["lstm.b_o"] as Float32Array)]).toEqual([0, 0, 0, 0]);
  expect(make(1)).toEqual(make(1));
  expect(make(1)).not.toEqual(make(2));
});

describe("a mistake is one line that says where and what", () => {
  test.each<[string, () => unknown, string | RegExp]>([
    [
      "no layers",
      () => sequential([]),
      "sequential: layers must be a list of at least 1, each a layer, as lstm(4) makes it, got a list of 0",
    ],
    ["no input", () => sequential([lstm(3)]), "the input's size is missing"],
    [
      "input for tokens",
      () => sequential([embedding(3, 2)], { input: 4 }),
      "the first layer (embedding) already defines the input. Leave `input` out",
    ],
    [
      "an embedding later",
      () => sequential([lstm(3), embedding(3, 2)], { input: 4 }),
      "embedding: an embedding reads tok",
    ],
    ["one name twice", () => namesOf(lstm(2, { name: "a" }), lstm(2, { name: "a" })), 'two layers are named "a"'],
    [
      "a name that is none",
      () => lstm(2, { name: "a.b" }),
      'a.b: name must be a name of letters, digits and underscores, and not a JavaScript word like constructor, got "a.b"',
    ],
    ["no units", () => lstm(0), "lstm: units must be a whole number of at least 1, got 0"],
    ["units that are no number", () => dense(Number.NaN), "dense: units must be a whole number of at least 1, got NaN"],
    ["a table of no rows", () => embedding(0, 3), "embedding: inputDim must be a whole number"],
    ["a rate of 1", () => dropout(1), "dropout: rate must be a number in [0, 1), got 1"],
    [
      "an activation that there is not",
      () => dense(2, { activation: "gelu" as "relu" }),
      'dense: activation must be one of "linear", "sigmoid", "hard_sigmoid", "tanh", "relu", "softplus", "softmax", "exp", got "gelu"',
    ],
    [
      "an input that nothing reads",
      () => sequential([lstm(2, all), recurrent(cell("h' = tanh(U @ h + b)"), { units: 2 })], { input: 3 }),
      "the model's output does not depend on its input: a cell does not read x",
    ],
    ["more than any memory", () => sequential([lstm(1e6)], { input: 3 }), /^the model needs [\d,]+ bytes of memory/],
  ])("%s", (_, act, message) => {
    expect(act).toThrow(InputError);
    expect(act).toThrow(message);
  });

  test("a cell that fixes another size names its layer", () => {
    const half = cell("k : units / 2\nk = tanh(W @ x)\ny = V @ k");
    expect(() => sequential([recurrent(half, { units: 3, name: "odd" })], { input: 2 })).toThrow(
      /^odd\.\w+, line 2, column 10: its size/,
    );
  });
});
