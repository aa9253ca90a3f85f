/** Files as Keras wrote them, with random weights, and what numpy computes; what our layers cannot say; damaged files. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { importModel, type ModelSource } from "../../../src/formats/imported.ts";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { FormatError } from "../../../src/formats/safetensors.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { predict } from "../../../src/train/predict.ts";
import { sourceOf } from "../../helpers/shared-data.ts";

const folder = join(import.meta.dirname, "../../fixtures/keras");
const at = (name: string): ModelSource => sourceOf(join(folder, name));
const outputs = JSON.parse(readFileSync(join(folder, "outputs.json"), "utf8"));
const engine = "reference";

async function message(source: ModelSource): Promise<string> {
  const error = await importModel(source).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FormatError);
  const text = (error as FormatError).message;
  expect(text).toMatch(new RegExp(`^${source.name}: [^\n]*\\.$`));
  return text.slice(source.name.length + 2);
}

describe("what numpy computes", () => {
  test.each([
    ["keras1.hdf5", "keras1", "Keras 1.1.1"],
    ["keras2.h5", "keras2", "Keras 2.2.4"],
    ["masked-3.15.keras", "masked-3.15", "Keras 3.15.0"],
    ["masked-3.16.keras", "masked-3.16", "Keras 3.16.0"],
  ])("%s", async (file, name, wrote) => {
    const { x, y } = outputs[name];
    const { source, model } = await importModel(at(file));
    expect(source).toBe(wrote);
    const given = model.inputs[0]?.name === "words" ? { words: [x] } : [x];
    const { data } = await predict(model, given, { engine });
    const off = y.flat().map((value: number, k: number) => Math.abs(value - (data[k] as number)));
    expect(Math.max(...off)).toBeLessThan(1e-6);
    expect(off).toHaveLength(data.length);
    // Our file says the same, bit for bit.
    const again = readModel(writeModel({ model, extra: {} })).model;
    expect((await predict(again, given, { engine })).data).toEqual(data);
  });

  test("masks end at recurrent layers of Keras 3.16, and go on in files of earlier versions", async () => {
    const ends = async (file: string) =>
      (await importModel(at(file))).model.layers.map((layer) => layer.kind === "cell" && layer.endsMask === true);
    expect(await ends("masked-3.15.keras")).toEqual([false, false, false]);
    expect(await ends("masked-3.16.keras")).toEqual([false, true, false]);
    expect(outputs["masked-3.15"].y).not.toEqual(outputs["masked-3.16"].y);
  });

  test("layers of cuDNN have the values of the same layers in Keras's order", async () => {
    const [plain, cudnn] = await Promise.all([importModel(at("plain.h5")), importModel(at("cudnn.h5"))]);
    expect(Object.keys(cudnn.model.values)).toHaveLength(12 + 12);
    for (const [name, values] of Object.entries(plain.model.values)) {
      expect([...(cudnn.model.values[name] as Float32Array)], name).toEqual(
        [...values].map((value) => expect.closeTo(value, 6)),
      );
    }
    expect(cudnn.model.layers).toEqual(plain.model.layers);
  });

  test("names that are none here are changed, and said", async () => {
    const { model, notes } = await importModel(at("masked-3.16.keras"));
    expect(model.layers.map(({ name }) => name)).toEqual(["words", "first_layer", "constructor_"]);
    expect(notes).toEqual([
      'Names of layers have letters, digits and underscores here: "first layer" is first_layer, "constructor" is constructor_.',
    ]);
  });
});

/** Keras 1's weights with other architectures beside them. */
const described = (config: unknown): ModelSource => ({
  ...at("keras1.hdf5"),
  beside: (name) => (name === "keras1.json" ? new TextEncoder().encode(JSON.stringify(config)) : undefined),
});
const sequence = { name: "x", trainable: true, batch_input_shape: [null, 4, 2] };
const model = (...layers: readonly (readonly [string, object])[]) => ({
  class_name: "Sequential",
  keras_version: "2.4.0",
  config: {
    layers: layers.map(([class_name, config], k) => ({
      class_name,
      config: { name: `l${k}`, ...(k === 0 && sequence), ...config },
    })),
  },
});

describe("what our layers cannot say is refused before weights are read, by the layer's name and class", () => {
  const lstm = { units: 3, return_sequences: true };
  test.each([
    [model(["ConvLSTM2D", {}]), 'the layer "x" (ConvLSTM2D) cannot be said: its states are images.'],
    [model(["LSTM", lstm], ["Lambda", {}]), 'the layer "l1" (Lambda) cannot be said: it holds code, which is not run.'],
    [
      model(["LSTM", lstm], ["Flatten", {}]),
      'the layer "l1" (Flatten) cannot be said: it puts all steps side by side, which ours do for a Dense behind it alone. Leave it out, or read the last step.',
    ],
    [
      model(["LSTM", { ...lstm, activation: "glu" }]),
      'the layer "x" (LSTM) cannot be said: our equations cannot say the activation glu.',
    ],
    [
      model(["LSTM", { ...lstm, time_major: true }]),
      'the layer "x" (LSTM) cannot be said: it reads arrays with the time first (time_major).',
    ],
    [
      model(["LSTM", lstm], ["MyLayer", {}]),
      'the layer "l1" (MyLayer) cannot be said: there is no layer of ours for its class. Put layers in its place that are read, or end the model before it.',
    ],
    [model(["LSTM", { ...lstm, units: -1 }]), 'the layer "x" (LSTM) cannot be said: it has no number of units.'],
    [
      model(["LSTM", { units: 3 }], ["RepeatVector", { n: 7 }]),
      'the layer "l1" (RepeatVector) cannot be said: it makes 7 steps of a sequence of 4, and ours are of one length. Give encoder and decoder inputs of their own, with a time each.',
    ],
    [
      model(["LSTM", lstm], ["TimeDistributed", { layer: { class_name: "LSTM", config: { units: 2 } } }]),
      'the layer "l1" (TimeDistributed) cannot be said: it applies a LSTM at each step.',
    ],
    [
      model(["LSTM", lstm], ["Conv1D", { filters: 2, kernel_size: [3], padding: "reflect" }]),
      'the layer "l1" (Conv1D) cannot be said: its padding is reflect.',
    ],
    [
      { class_name: "Transformer", config: {} },
      "its model is of the class Transformer: only Sequential and Functional models have their layers in the file.",
    ],
    [{ class_name: "Sequential", config: { layers: [] } }, "its config has no list of layers."],
    [7, "its config names no class of a model."],
    // Names that every object of JavaScript has.
    [
      model(["constructor", { units: 3 }]),
      'the layer "x" (constructor) cannot be said: there is no layer of ours for its class. Put layers in its place that are read, or end the model before it.',
    ],
    [
      model(["RNN", { cell: { class_name: "toString", config: { units: 3 } } }]),
      'the layer "x" (RNN) cannot be said: its cell is of the class toString.',
    ],
    [
      model(["LSTM", { ...lstm, activation: "constructor" }]),
      'the layer "x" (LSTM) cannot be said: our equations cannot say the activation constructor.',
    ],
    [
      model(["Conv1D", { filters: 2, kernel_size: [0.5], padding: "causal" }]),
      'the layer "x" (Conv1D) cannot be said: its kernel_size and strides are no whole numbers from 1.',
    ],
  ])("%#", async (config, reason) => {
    expect(await message(described(config))).toBe(`by keras1.json, ${reason}`);
  });

  test("a config whose lists lie in each other without end", async () => {
    const text = JSON.stringify(model(["LSTM", { ...lstm, activation: "deep" }]));
    const deep = text.replace('"deep"', `${"[".repeat(20_000)}${"]".repeat(20_000)}`);
    expect(
      await message({
        ...at("keras1.hdf5"),
        beside: (name) => (name.endsWith(".json") ? new TextEncoder().encode(deep) : undefined),
      }),
    ).toBe("by keras1.json, its config has lists in each other deeper than 100.");
  });

  test("weights of another model, and of other shapes", async () => {
    const own = JSON.parse(readFileSync(join(folder, "keras1.json"), "utf8"));
    own.config[0].config.output_dim = 4;
    expect(await message(described(own))).toBe("lstm_1: lstm_1_W_i:0 has the shape (2, 3), and its layer has (2, 4).");
    own.config[0].config.name = "lstm_2";
    expect(await message(described(own))).toBe(
      'it has no weights of the layer "lstm_2"; it has those of lstm_1, dense_1, activation_1.',
    );
    expect(await message({ ...at("keras1.hdf5"), beside: undefined })).toBe(
      "it holds weights and no architecture. Put the model's to_json() beside it as keras1.json, or the model as keras1.keras.",
    );
    expect(await message(at("keras1.json"))).toBe(
      "it holds an architecture and no weights. Give the file of its weights (.weights.h5, .h5) with this one beside it, of the same name.",
    );
    expect(await message(at("odd.h5"))).toBe(
      "it is an HDF5 file, but no Keras model: it has neither a model_config nor layer_names.",
    );
  });
});

describe("archives", () => {
  const zip = (members: Record<string, string>): ModelSource => ({
    bytes: zipSync(
      Object.fromEntries(Object.entries(members).map(([name, text]) => [name, new TextEncoder().encode(text)])),
    ),
    name: "m.keras",
  });
  test("without their members, or with others in their place, are refused", async () => {
    expect(await message(zip({ "metadata.json": "{}" }))).toBe(
      "it holds no config.json: it is no Keras model, or not whole.",
    );
    expect(await message(zip({ "metadata.json": "[", "config.json": "{}" }))).toBe(
      "metadata.json is not JSON: the file is damaged.",
    );
    expect(await message(zip({ "metadata.json": "null", "config.json": "null" }))).toBe(
      "its config names no class of a model.",
    );
    const config = JSON.stringify(model(["Dense", { units: 2 }]));
    expect(await message(zip({ "metadata.json": "{}", "config.json": config }))).toBe(
      "it holds no model.weights.h5: the file is not whole.",
    );
    expect(await message(zip({ "metadata.json": "{}", "config.json": config, "model.weights.h5": "no" }))).toBe(
      "it is no HDF5 file.",
    );
  });
});

const [count, seed] = [Number(process.env.FUZZ ?? 60), Number(process.env.FUZZ_SEED ?? 1)];
test("mutated files give a model or one plain line", { timeout: 60_000 + 20 * count }, async () => {
  const random = createRandom(seed);
  const files = ["keras2.h5", "masked-3.16.keras", "keras1.hdf5", "cudnn.h5"].map(at);
  let refused = 0;
  for (let n = 0; n < count; n++) {
    const source = files[n % files.length] as ModelSource;
    let bytes = source.bytes.slice();
    const how = random.integer(4);
    if (how === 0) bytes = bytes.slice(0, random.integer(bytes.length));
    for (let k = how === 1 ? 3 : how * 10; k > 0; k--) {
      const place = random.integer(k % 2 === 0 ? bytes.length : Math.min(4096, bytes.length));
      bytes[place] = [0, 255, 128, random.integer(256)][random.integer(4)] as number;
    }
    try {
      await importModel({ ...source, bytes });
    } catch (error) {
      refused++;
      expect(error, `seed ${seed}, file ${n}`).toBeInstanceOf(FormatError);
      expect((error as Error).message, `seed ${seed}, file ${n}`).toMatch(/^[^\n]*\.$/);
    }
  }
  expect(refused).toBeGreaterThan(count / 4);
});

describe("functional models of Keras 2", () => {
  const call = (...names: readonly (readonly [string, number])[]) => [
    names.map(([name, output]) => [name, 0, output, {}]),
  ];
  const layer = (class_name: string, name: string, config: object, inbound_nodes: unknown[] = []) => ({
    class_name,
    name,
    config: { name, ...config },
    inbound_nodes,
  });
  /** Only the architecture matters: what the weights lack is what is told. */
  const refused = (layers: readonly object[], output: string): Promise<string> =>
    message(
      described({
        class_name: "Model",
        keras_version: "2.2.4",
        config: { layers, input_layers: [["x", 0, 0]], output_layers: [[output, 0, 0]] },
      }),
    );
  const input = layer("InputLayer", "x", { batch_input_shape: [null, null, 2] });

  test("states that start from further inputs of a call, and a GRU that starts from one state of an LSTM", async () => {
    const layers = [
      input,
      layer("LSTM", "lstm", { units: 3, return_state: true }, call(["x", 0])),
      layer("GRU", "gru", { units: 3 }, call(["x", 0], ["lstm", 2])),
    ];
    expect(await refused(layers, "gru")).toBe(
      'it has no weights of the layer "lstm"; it has those of lstm_1, dense_1, activation_1.',
    );
    layers[2] = layer("LSTM", "gru", { units: 3 }, call(["x", 0], ["lstm", 2]));
    expect(await refused(layers, "gru")).toBe(
      'by keras1.json, the layer "gru" (LSTM) cannot be said: it starts from 1 values and has 2 states.',
    );
  });

  test("layers that read each other, outputs that there are not, too many calls", async () => {
    const dense = (name: string, of: string) => layer("Dense", name, { units: 2 }, call([of, 0]));
    expect(await refused([input, dense("a", "b"), dense("b", "a")], "a")).toBe(
      'by keras1.json, the layer "a" reads a layer that there is not, or reads itself.',
    );
    expect(await refused([input, dense("a", "x")], "c")).toBe('by keras1.json, its output "c" is none of its layers.');
    // The input is one call more.
    const often = { ...dense("a", "x"), inbound_nodes: Array.from({ length: 1001 }, () => call(["x", 0])[0]) };
    expect(await refused([input, often], "a")).toBe(
      "by keras1.json, its layers are called 1002 times, and at most 1000 are read.",
    );
  });
});
