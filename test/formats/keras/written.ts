/** Models that are written for Keras, for TensorFlow.js, or for both, with data. */
import { cells } from "../../../src/cells/index.ts";
import { readHdf5 } from "../../../src/formats/containers/hdf5.ts";
import { affine } from "../../../src/formats/foreign-cells.ts";
import { activationsByName } from "../../../src/formats/keras/activations.ts";
import { activationCell, denseCell, recurrentCell } from "../../../src/formats/keras/cells.ts";
import {
  add,
  average,
  bidirectional,
  concatenate,
  conv1d,
  dense,
  dropout,
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  gru,
  input,
  type LayerSpec,
  layerNormalization,
  lstm,
  masking,
  multiply,
  recurrent,
  repeatVector,
  simpleRnn,
} from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { predict } from "../../../src/train/predict.ts";

/** A model whose values are random throughout: biases and gains too. */
export function random(layers: readonly LayerSpec[], features?: number): Model {
  const model = sequential(layers, features === undefined ? {} : { input: features });
  const numbers = createRandom(5);
  for (const values of Object.values(model.values)) {
    for (let k = 0; k < values.length; k++) values[k] = Math.fround(1.8 * numbers.uniform() - 0.9);
  }
  return model;
}
const all = { returnSequences: true };
const before = (units: number, options = {}): LayerSpec =>
  recurrent(cells.gru as never, { units, label: "gru", ...options });

/** A recurrent layer with the functions of these names, as a version of Keras has them. */
export function recurrentWith(
  kind: "lstm" | "gru" | "simple_rnn",
  [activation, gate]: readonly [string, string],
  major: 2 | 3,
  options = {},
): LayerSpec {
  const functions = activationsByName(major);
  const of = (name: string) => functions.get(name) as NonNullable<ReturnType<typeof functions.get>>;
  const form = { kind, activation: of(activation), recurrent: of(gate), bias: true, resetAfter: false } as const;
  return recurrent(recurrentCell({ ...form, states: ["h", "c"] }), { units: 3, label: kind, ...options });
}
const functionLayer = (name: string): LayerSpec =>
  recurrent(activationCell(activationsByName(3).get(name) as never), { label: "activation" });

type Written = { readonly name: string; readonly make: () => Model; readonly programs: readonly ("keras" | "tfjs")[] };
const both = ["keras", "tfjs"] as const;
export const models: readonly Written[] = [
  {
    name: "one after the other",
    make: () =>
      random(
        [
          lstm(4, all),
          before(3, all),
          layerNormalization({ epsilon: 0.01 }),
          simpleRnn(4),
          layerNormalization(),
          dense(2, { activation: "softmax" }),
        ],
        3,
      ),
    programs: both,
  },
  {
    name: "both ways",
    make: () =>
      random([bidirectional(lstm(3, all)), bidirectional(before(2) as never, { mergeMode: "sum" }), dense(2)], 2),
    programs: both,
  },
  {
    name: "both ways, reset after the product, normalised",
    make: () =>
      random(
        [
          bidirectional(gru(2, all), { backward: lstm(2, all) }),
          layerNormalization({ epsilon: 1e-5 }),
          bidirectional(lstm(2, { ...all, goBackwards: true }), { mergeMode: "mul" }),
          dense(2, { activation: "relu" }),
        ],
        2,
      ),
    programs: ["keras"],
  },
  {
    name: "masked tokens, the mask handed on",
    make: () => random([embedding(5, 3, { maskZero: true }), lstm(3, all), dropout(0.2), before(4), dense(2)]),
    programs: both,
  },
  {
    name: "masked tokens, the mask ended",
    make: () =>
      random([
        embedding(5, 3, { maskZero: true }),
        recurrent(cells.lstm as never, { units: 3, label: "lstm", ...all, endsMask: true }),
        gru(4, all),
        dense(2),
      ]),
    programs: ["keras"],
  },
  {
    name: "masked vectors, zeros and averages",
    make: () =>
      random(
        [
          masking({ maskValue: 0 }),
          dense(3, { activation: "tanh" }),
          lstm(3, { ...all, zeroOutputForMask: true }),
          bidirectional(gru(2, all)),
          globalAveragePooling1d(),
          dense(2),
        ],
        2,
      ),
    programs: ["keras"],
  },
  {
    name: "an encoder and a decoder",
    make: () =>
      random([
        input("tokens", { name: "question", time: "asked" }),
        embedding(5, 3, { name: "asking" }),
        lstm(3, { name: "encoder" }),
        input("tokens", { name: "answer", time: "said" }),
        embedding(4, 2, { name: "saying" }),
        lstm(3, { ...all, name: "decoder", initialState: { from: "encoder" } }),
        dense(4),
      ]),
    programs: both,
  },
  {
    name: "an encoder both ways and a decoder, masked",
    make: () =>
      random([
        input("tokens", { name: "question" }),
        embedding(5, 3, { name: "asking", maskZero: true }),
        bidirectional(gru(2), { name: "encoder" }),
        input("tokens", { name: "answer" }),
        embedding(4, 2, { name: "saying" }),
        gru(4, { ...all, name: "decoder", initialState: { from: "encoder" } }),
        dense(4),
      ]),
    programs: ["keras"],
  },
  {
    name: "two inputs, merged",
    make: () =>
      random([
        input(2, { name: "series" }),
        lstm(3, { ...all, name: "first" }),
        lstm(3, { ...all, name: "second", reads: "series" }),
        add(["first", "second"]),
        multiply(["add", "first"]),
        average(["multiply", "second"]),
        simpleRnn(3, { name: "last" }),
        input(2, { name: "static", sequence: false }),
        dense(3, { name: "own" }),
        concatenate(["last", "own"]),
        dense(2),
      ]),
    programs: both,
  },
  {
    name: "from the end, functions",
    make: () =>
      random(
        [
          simpleRnn(4, { goBackwards: true, ...all }),
          recurrent(affine, { label: "batch_normalization" }),
          dropout(0.5, { locked: true }),
          recurrent(denseCell(activationsByName(3).get("elu") as never, false), { units: 3, label: "dense" }),
          functionLayer("softsign"),
          functionLayer("mish"),
          lstm(3, { goBackwards: true, dropout: 0.1, recurrentDropout: 0.2 }),
          repeatVector(4),
          before(2, all),
          globalMaxPooling1d(),
        ],
        2,
      ),
    programs: both,
  },
  {
    name: "functions with options",
    make: () =>
      random(
        [
          recurrent(activationCell({ of: (x) => `max(${x}, 0) + 0.1 * min(${x}, 0)` }), { label: "leaky_re_lu" }),
          recurrent(activationCell({ of: (x) => `max(0, min(0.7, ${x}))` }), { label: "re_lu" }),
          recurrent(activationCell({ of: (x) => `${x} * step(max(${x} - 0.3, 0))` }), { label: "re_lu" }),
          simpleRnn(3),
        ],
        2,
      ),
    programs: both,
  },
  {
    name: "an ELU's alpha",
    make: () =>
      random(
        [
          recurrent(activationCell({ of: (x) => `max(${x}, 0) + 0.5 * (exp(min(${x}, 0)) - 1)` }), { label: "elu" }),
          simpleRnn(3),
        ],
        2,
      ),
    programs: ["keras"],
  },
  {
    name: "Keras 3's hard sigmoid, and that of the versions before",
    make: () =>
      random(
        [
          recurrentWith("lstm", ["silu", "hard_sigmoid"], 3, all),
          bidirectional(recurrentWith("gru", ["relu6", "hard_sigmoid"], 2, all) as never),
          recurrentWith("lstm", ["tanh", "hard_sigmoid"], 2),
        ],
        2,
      ),
    programs: ["keras"],
  },
  {
    name: "Keras 2's hard sigmoid, and Keras 3's",
    make: () =>
      random(
        [recurrentWith("lstm", ["tanh", "hard_sigmoid"], 2, all), recurrentWith("gru", ["tanh", "hard_sigmoid"], 3)],
        2,
      ),
    programs: ["tfjs"],
  },
  {
    name: "Keras 3's hard sigmoid",
    make: () =>
      random(
        [recurrentWith("lstm", ["silu", "hard_sigmoid"], 3, all), recurrentWith("gru", ["relu6", "hard_sigmoid"], 3)],
        2,
      ),
    programs: ["keras"],
  },
  {
    name: "Keras 2's hard sigmoid",
    make: () =>
      random(
        [recurrentWith("lstm", ["silu", "hard_sigmoid"], 2, all), recurrentWith("gru", ["elu", "hard_sigmoid"], 2)],
        2,
      ),
    programs: ["tfjs"],
  },
  {
    name: "a mask of an embedding that is not read, and states of a layer that is",
    make: () =>
      random([
        input("tokens", { name: "words" }),
        embedding(5, 2, { name: "unread", maskZero: true }),
        embedding(5, 3, { name: "read", maskZero: true, reads: "words" }),
        bidirectional(lstm(2, all), { name: "both", mergeMode: "none" }),
        lstm(3, { ...all, name: "one", reads: "both.backward" }),
        simpleRnn(3, { name: "last" }),
      ]),
    programs: ["keras"],
  },
  {
    name: "convolutions",
    make: () => random([conv1d(3, 3, { activation: "relu", strides: 2 }), conv1d(2, 1), lstm(3, all)], 2),
    programs: ["keras"],
  },
  {
    name: "streams, weights used twice",
    make: () =>
      random([embedding(5, 4), lstm(4, { ...all, stateful: true, dropConnect: 0.1 }), dense(5, { tied: "embedding" })]),
    programs: both,
  },
];

export type Numbers = { readonly shape: readonly number[]; readonly data: readonly number[] };
/** A model's output for inputs of these names. */
export const outputFor = (model: Model, inputs: Readonly<Record<string, Numbers>>) =>
  predict(model, model.inputs.length === 1 ? (Object.values(inputs)[0] as Numbers) : inputs, { engine: "reference" });
/** The same inputs under the names that a model has for them. */
export const renamedFor = (model: Model, inputs: Readonly<Record<string, Numbers>>): Record<string, Numbers> =>
  Object.fromEntries(model.inputs.map(({ name }, k) => [name, Object.values(inputs)[k] as Numbers]));
/** The values of a model as bits, by name. */
export const bitsOf = ({ values }: Model): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries(values).map(([name, one]) => [name, [...new Uint32Array(one.buffer, one.byteOffset, one.length)]]),
  );

/** Whether weights are written as others, as a note says. */
export const isScaled = (notes: readonly string[]): boolean => notes.some((note) => note.includes(" are ours times "));
/** The bits of those layers that are written: notes name the others. */
export function writtenBits(model: Model, notes: readonly string[]): Record<string, number[]> {
  const left = notes.flatMap(
    (note) => /^Left out, as no output needs them: (.*)\.$/.exec(note)?.[1]?.split(", ") ?? [],
  );
  return Object.fromEntries(
    Object.entries(bitsOf(model)).filter(([key]) => !left.includes(key.split(".")[0] as string)),
  );
}

/** All that a file of HDF5 has, in the order of its paths: groups with their names, arrays with their shapes and numbers. */
export const treeOf = (
  weights: Uint8Array,
): Promise<readonly (readonly [path: string, what: string, data: ArrayLike<number>])[]> =>
  readHdf5(weights, "weights", (file) => {
    const below = (path: string): [string, string, ArrayLike<number>][] =>
      file.names(path === "" ? "/" : path).flatMap((name) => {
        const own = `${path}/${name}`;
        if (file.kind(own) === "group") return [[own, file.attribute(own, "name")?.[0] ?? "", []], ...below(own)];
        const { shape, data } = file.numbers(own);
        return [[own, `(${shape.join(", ")})`, data]];
      });
    return below("");
  });

/** Numbers for a model's inputs, examples first, some steps of them padding. */
export function dataFor(model: Model): Record<string, { shape: number[]; data: number[] }> {
  const numbers = createRandom(3);
  const [examples, steps] = [2, model.steps ?? 5];
  return Object.fromEntries(
    model.inputs.map(({ name, features, count, sequence }, k) => {
      const shape = [examples, ...(sequence ? [k === 0 ? steps : model.times.length > 1 ? 3 : steps] : [])];
      const rows = shape.reduce((a, b) => a * b, 1);
      const padding = (row: number): boolean => row === 3 || row === 4 || row === 6;
      if (features === "tokens") {
        const data = Array.from({ length: rows }, (_, row) =>
          padding(row) ? 0 : 1 + numbers.integer((count ?? 2) - 1),
        );
        return [name, { shape, data }];
      }
      const width = features as number;
      const data = Array.from({ length: rows * width }, (_, at) =>
        padding(Math.floor(at / width)) && sequence ? 0 : Math.fround(2 * numbers.uniform() - 1),
      );
      return [name, { shape: [...shape, width], data }];
    }),
  );
}
