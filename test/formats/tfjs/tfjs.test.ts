/** TensorFlow.js layers models, as it saves them, and damaged ones. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import type { Model } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { createPredictor } from "../../../src/train/predict.ts";
import { turned } from "../../helpers/axes.ts";
import { expectClose } from "../../helpers/models.ts";
import { rejection } from "../../helpers/refusal.ts";

type Json = {
  weightsManifest: {
    paths: string[];
    weights: { name: string; shape: number[]; dtype: string; quantization?: object }[];
  }[];
};
type Numbers = { readonly shape: readonly number[]; readonly values: readonly number[] };
type Recorded = {
  readonly name: string;
  readonly json: Json;
  readonly weights: string;
  readonly input: Numbers;
  readonly output: Numbers;
};
const { models }: { models: readonly Recorded[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../fixtures/tfjs.json"), "utf8"),
);

const read = (json: unknown, files: Readonly<Record<string, Uint8Array>>) =>
  importModel({
    bytes: new TextEncoder().encode(JSON.stringify(json)),
    name: "model.json",
    beside: (file) => files[file],
  });
const bytesOf = ({ weights }: Recorded): Uint8Array => new Uint8Array(Buffer.from(weights, "base64"));

async function outputOf(model: Model, { shape, values }: Numbers): Promise<Float32Array> {
  const [batch, steps] = shape as [number, number];
  const predictor = await createPredictor(model, { batch, steps });
  const given = turned(values, shape);
  return predictor.predict(model.input === "tokens" ? Int32Array.from(given) : Float32Array.from(given));
}

/** What is refused, by what the message says behind the layer's name. */
const refused: Readonly<Record<string, string>> = {
  "masked tokens, convolved, then an LSTM":
    '(LSTM) cannot be said: it has no mask, and TensorFlow.js gives it that of "embedding_Embedding7".',
  "masked tokens, an autoencoder":
    '(GRU) cannot be said: it has no mask, and TensorFlow.js gives it that of "embedding_Embedding8".',
  "masked tokens, both ways, pooled":
    "(Bidirectional) cannot be said: a layer behind it reads its masked steps, where one direction repeats its output in TensorFlow.js, and both are zeros here.",
  "a mask of a model within the model":
    '(GRU) cannot be said: it is outside of the model that makes its mask, "sequential_3", and has none in TensorFlow.js.',
};

test.each(Object.entries(refused))("%s: refused", async (name, message) => {
  const one = models.find((recorded) => recorded.name === name) as Recorded;
  const text = await rejection(read(one.json, { "weights.bin": bytesOf(one) }));
  expect(text.slice(text.indexOf(" (") + 1)).toBe(message);
});

test("a note says what masked steps of both directions are", async () => {
  const one = models.find(({ name }) => name === "masked tokens, both ways, then one") as Recorded;
  const { notes } = await read(one.json, { "weights.bin": bytesOf(one) });
  expect(notes.join()).toMatch(
    /^bidirectional_\w+: masked steps of a Bidirectional are zeros here; in TensorFlow.js one direction repeats its output there\.$/,
  );
});

describe.each(models.filter(({ name }) => !(name in refused)))("$name", (one) => {
  const { json, input, output } = one;
  const wanted = output.shape.length === 3 ? turned(output.values, output.shape) : output.values;

  test("gives what TensorFlow.js gives", async () => {
    const { model, source } = await read(json, { "weights.bin": bytesOf(one) });
    expect(source).toBe("TensorFlow.js (TensorFlow.js tfjs-layers v4.22.0)");
    expectClose(await outputOf(model, input), wanted, { within: 2e-6 });
  });

  test("weights in several files are the same", async () => {
    const [all] = [bytesOf(one)];
    const third = Math.floor(all.length / 3);
    const paths = ["a.bin", "b.bin"];
    const files = { "a.bin": all.slice(0, third), "b.bin": all.slice(third) };
    const { model } = await read({ ...json, weightsManifest: [{ ...json.weightsManifest[0], paths }] }, files);
    expectClose(await outputOf(model, input), wanted, { within: 2e-6 });
  });
});

test("quantised weights are what they stand for", async () => {
  const [one] = models as [Recorded];
  const [group] = one.json.weightsManifest as [Json["weightsManifest"][number]];
  const whole = new Float32Array(bytesOf(one).buffer);
  const scale = 2 / 255;
  const weights = group.weights.map((entry) => ({ ...entry, quantization: { dtype: "uint8", scale, min: -1 } }));
  const json = { ...one.json, weightsManifest: [{ paths: group.paths, weights }] };
  const { model } = await read(json, {
    "weights.bin": Uint8Array.from(whole, (value) => Math.round((value + 1) / scale)),
  });
  const { model: exact } = await read(one.json, { "weights.bin": bytesOf(one) });
  for (const [name, values] of Object.entries(exact.values))
    expectClose(model.values[name] as Float32Array, values, { within: scale / 2 + 1e-6 });
});

test("a converted model of Keras 3: batch_shape, policies as objects, and directions by names of their own, in any order", async () => {
  const layer = (class_name: string, config: object) => ({
    ...{ module: "keras.layers", class_name, registered_name: null },
    config: {
      ...config,
      dtype: { module: "keras", class_name: "DTypePolicy", config: { name: "float32" }, registered_name: null },
    },
  });
  const both = (name: string, inner: string) => {
    const half = (way: string, go_backwards: boolean) =>
      layer("LSTM", { name: `${way}_${inner}`, units: 1, return_sequences: true, go_backwards });
    return layer("Bidirectional", {
      ...{ name, merge_mode: "concat", layer: half("forward", false), backward_layer: half("backward", true) },
    });
  };
  const layers = [
    layer("InputLayer", { name: "input", batch_shape: [null, 3, 2] }),
    both("bidirectional", "lstm"),
    layer("BatchNormalization", { name: "batch_normalization", axis: -1, epsilon: 0.001 }),
    both("bidirectional_1", "lstm_1"),
  ];
  const arrays = ["backward_lstm_1", "forward_lstm_1", "backward_lstm", "forward_lstm"].flatMap((name) => [
    { name: `${name}/lstm_cell/kernel`, shape: [2, 4], dtype: "float32" },
    { name: `${name}/lstm_cell/recurrent_kernel`, shape: [1, 4], dtype: "float32" },
    { name: `${name}/lstm_cell/bias`, shape: [4], dtype: "float32" },
  ]);
  const norm = ["gamma", "beta", "moving_mean", "moving_variance"].map((name) => ({
    ...{ name: `batch_normalization/${name}`, shape: [2], dtype: "float32" },
  }));
  const numbers = [...norm, ...arrays].flatMap(({ shape }, k) =>
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => k),
  );
  const json = {
    ...{ format: "layers-model", generatedBy: "keras v3.6.0", convertedBy: "TensorFlow.js Converter v4.22.0" },
    modelTopology: {
      keras_version: "3.6.0",
      model_config: { class_name: "Sequential", config: { name: "s", layers } },
    },
    weightsManifest: [{ paths: ["weights.bin"], weights: [...norm, ...arrays] }],
  };
  const { model, source } = await read(json, { "weights.bin": new Uint8Array(Float32Array.from(numbers).buffer) });
  expect(source).toBe("TensorFlow.js, converted from Keras 3.6.0 (keras v3.6.0)");
  const first = (parameter: string) => (model.values[parameter] as Float32Array)[0];
  expect(
    ["bidirectional_1.backward", "bidirectional_1.forward", "bidirectional.backward", "bidirectional.forward"].map(
      (part) => ["W_i", "U_i", "b_i"].map((own) => first(`${part}.${own}`)),
    ),
  ).toEqual([
    [4, 5, 6],
    [7, 8, 9],
    [10, 11, 12],
    [13, 14, 15],
  ]);
  expect(first("batch_normalization.gain")).toBeCloseTo(0, 6);
});

describe("refused, in one line", () => {
  const [one] = models as [Recorded];
  const weights = bytesOf(one);
  const [group] = one.json.weightsManifest as [Json["weightsManifest"][number]];
  const changed = (part: object) => ({ ...one.json, weightsManifest: [{ ...group, ...part }] });
  test.each([
    ["a file that is not there", one.json, {}, 'model.json: its weights lie in "weights.bin", which is not beside it.'],
    [
      "a file elsewhere",
      changed({ paths: ["../weights.bin"] }),
      {},
      'model.json: weights lie in "../weights.bin", which is no file\'s name in the same folder: it is not read.',
    ],
    [
      "weights that are cut off",
      one.json,
      { "weights.bin": weights.slice(0, 100) },
      /^model\.json: the array ".*" needs \d+ bytes, and its files have \d+ more\.$/,
    ],
    [
      "weights of another model",
      one.json,
      { "weights.bin": Uint8Array.from([...weights, 0]) },
      "model.json: its files of weights have 1 bytes more than it lists.",
    ],
    [
      "a graph model",
      { ...one.json, format: "graph-model" },
      {},
      "model.json: it is a graph model, which has operators in place of layers. Give a layers model.",
    ],
    [
      "an element type",
      changed({ weights: [{ name: "a", shape: [1], dtype: "complex64" }] }),
      { "weights.bin": weights },
      'model.json: the array "a" has the element type "complex64", which is not read.',
    ],
    [
      "an element type by a name that all objects have",
      changed({ weights: [{ name: "a", shape: [1], dtype: "constructor" }] }),
      { "weights.bin": weights },
      'model.json: the array "a" has the element type "constructor", which is not read.',
    ],
    [
      "a size beyond the file",
      changed({ weights: [{ name: "a", shape: [1e9], dtype: "float32" }] }),
      { "weights.bin": weights },
      /^model\.json: the array "a" needs 4000000000 bytes/,
    ],
    [
      "no manifest",
      { ...one.json, weightsManifest: "weightsManifest" },
      {},
      "model.json: its weightsManifest does not list files and arrays: the file is damaged.",
    ],
    [
      "an array that is not listed",
      changed({ weights: [] }),
      { "weights.bin": new Uint8Array() },
      /^model\.json: the layer .* has no array kernel in the manifest\.$/,
    ],
  ] as const)("%s", async (_, json, files, message) => {
    await expect(read(json, files as Record<string, Uint8Array>)).rejects.toThrow(message);
  });

  test("damaged files: a model or one line", { timeout: 300_000 }, async () => {
    const seed = Number(process.env.FUZZ_SEED ?? 1);
    const random = createRandom(seed);
    const below = (n: number): number => Math.floor(random.uniform() * n);
    for (let k = 0; k < Number(process.env.FUZZ ?? 300); k++) {
      const from = models[below(models.length)] as Recorded;
      const text = new TextEncoder().encode(JSON.stringify(from.json));
      const bytes = text.slice(0, random.uniform() < 0.1 ? below(text.length) : text.length);
      for (let j = 0; j <= below(4) && bytes.length > 0; j++) bytes[below(bytes.length)] = 0x20 + below(0x5f);
      try {
        await importModel({ bytes, name: "model.json", beside: () => bytesOf(from) });
      } catch (error) {
        const { message } = error as Error;
        if (!(error instanceof FormatError) || !message.startsWith("model.json: ") || message.includes("\n")) {
          throw new Error(`seed ${seed}, file ${k}: ${(error as Error).stack}`);
        }
      }
    }
  });
});

const shared = join(import.meta.dirname, "../../../../shared/data/models/fantasy-tfjs");
test.skipIf(!existsSync(shared))(
  "a model that others trained (skipped where ../shared/data/models is missing)",
  async () => {
    const beside = (file: string) => new Uint8Array(readFileSync(join(shared, file)));
    const { model } = await importModel({ bytes: beside("model.json"), name: "model.json", beside });
    const { input, output } = JSON.parse(readFileSync(join(shared, "reference.json"), "utf8"));
    expectClose(await outputOf(model, { shape: [1, 10, 25], values: input.flat() }), output, { within: 1e-5 });
  },
);
