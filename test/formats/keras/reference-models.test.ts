/** Models that Keras itself wrote, beside what it computes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ImportedModel, importModel } from "../../../src/formats/imported.ts";
import { predict } from "../../../src/train/predict.ts";
import { sharedData, sourceOf } from "../../helpers/shared-data.ts";

type Numbers = { readonly shape: readonly number[]; readonly data: readonly number[] };
type Reference = {
  readonly expect: "import" | "refuse";
  readonly tolerance: number;
  readonly keras_version: string;
  readonly calls: readonly {
    readonly inputs: Readonly<Record<string, Numbers>>;
    readonly outputs: readonly Numbers[];
  }[];
};
const folder = join(sharedData, "keras3");
const names = existsSync(folder)
  ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  : [];

/** The outputs of a model for the inputs of a reference, named as there. */
async function outputsOf(imported: ImportedModel, inputs: Readonly<Record<string, Numbers>>) {
  const outputs = imported.outputs ?? [{ name: "output", model: imported.model }];
  return Promise.all(
    outputs.map(({ model }) => {
      const [only] = Object.values(inputs) as [Numbers];
      return predict(
        model,
        model.inputs.length === 1 && model.layers[0]?.kind !== "input"
          ? only
          : Object.fromEntries(model.inputs.map(({ name }) => [name, inputs[name] as Numbers])),
        { engine: "reference" },
      );
    }),
  );
}

describe.skipIf(names.length === 0)("what Keras 3.16 wrote (skipped without ../shared/data/keras3)", () => {
  test.each(names)("%s: each file gives Keras's outputs for every call", async (name) => {
    const reference = JSON.parse(readFileSync(join(folder, name, "reference.json"), "utf8")) as Reference;
    expect(reference.expect).toBe("import");
    const files = ["model.keras", "model.weights.h5", "legacy.h5"];
    const [first, ...others] = (await Promise.all(
      files.map((file) => importModel(sourceOf(join(folder, name, file)))),
    )) as [ImportedModel, ...ImportedModel[]];
    expect(first.source).toBe(`Keras ${reference.keras_version}`);
    for (const other of others) {
      expect(JSON.stringify(other.model.layers)).toBe(JSON.stringify(first.model.layers));
      expect(other.model.values).toEqual(first.model.values);
    }
    for (const { inputs, outputs } of reference.calls) {
      const found = await outputsOf(first, inputs);
      expect(found.map(({ shape }) => [...shape])).toEqual(outputs.map(({ shape }) => shape));
      const off = outputs.map(({ data }, k) =>
        data.reduce((most, value, i) => Math.max(most, Math.abs(value - (found[k]?.data[i] ?? Number.NaN))), 0),
      );
      expect(Math.max(...off)).toBeLessThan(reference.tolerance);
    }
  });
});

const models = join(sharedData, "models");
const given = (name: string): boolean => existsSync(join(models, name));
/** The largest difference, beside the largest number. */
function worst(found: ArrayLike<number>, wanted: readonly number[]): number {
  expect(found.length).toBe(wanted.length);
  const most = Math.max(...wanted.map(Math.abs));
  return wanted.reduce((worst, value, k) => Math.max(worst, Math.abs(value - (found[k] as number)) / most), 0);
}
const referenceOf = (name: string) => JSON.parse(readFileSync(join(models, name, "reference.json"), "utf8"));
const flat = (data: readonly number[], shape: readonly number[]) => ({ data, shape });

describe("models that others trained (each skipped where it is not in ../shared/data/models)", () => {
  test.skipIf(!given("charrnn-web-keras1"))(
    "Keras 1.1: characters by an LSTM, its architecture beside it",
    async () => {
      const name = "charrnn-web-keras1";
      const { input_ids: ids, output_probabilities: wanted } = referenceOf(name);
      const { model, source } = await importModel(sourceOf(join(models, name, "char_rnn_59.hdf5")));
      expect(source).toBe("Keras 1.1.1");
      const data = (ids as number[]).flatMap((id) => Array.from({ length: 57 }, (_, k) => Number(k === id)));
      // In f64: this model's states are chaotic, and f32 of numpy gives other probabilities as well.
      const found = await predict(model, flat(data, [1, ids.length, 57]), { engine: "reference" });
      expect(worst(found.data, wanted)).toBeLessThan(1e-4);
    },
  );
  test.skipIf(!given("ecg-bilstm-keras224"))("Keras 2.2.4: 905 steps of two bidirectional LSTMs", async () => {
    const { output } = referenceOf("ecg-bilstm-keras224");
    const { model, source } = await importModel(sourceOf(join(models, "ecg-bilstm-keras224", "bilstm.h5")));
    expect(source).toBe("Keras 2.2.4");
    const data = Array.from({ length: 905 }, (_, t) => Math.fround(0.5 * Math.sin(t / 20)));
    expect(worst((await predict(model, flat(data, [1, 905, 1]))).data, output)).toBeLessThan(1e-4);
  });
  test.skipIf(!given("traffic-keras21"))("Keras 2.1.4: GRUs that reset before the product", async () => {
    const reference = referenceOf("traffic-keras21");
    const { model } = await importModel(sourceOf(join(models, "traffic-keras21", "gru.h5")));
    const found = await predict(model, flat(reference.input.flat(), [1, 12, 1]));
    expect(worst(found.data, reference.gru.output)).toBeLessThan(1e-4);
  });
  test.skipIf(!given("textgenrnn"))("weights without a config are refused, and what would do is said", async () => {
    await expect(importModel(sourceOf(join(models, "textgenrnn", "textgenrnn_weights.hdf5")))).rejects.toThrow(
      "textgenrnn_weights.hdf5: it holds weights and no architecture. Put the model's to_json() beside it as textgenrnn_weights.json, or the model as textgenrnn.keras.",
    );
  });
  test.skipIf(!given("textgenrnn"))(
    "Keras 2.1.5: with the architecture that the guide has, it gives its reference",
    async () => {
      const guide = readFileSync(join(import.meta.dirname, "../../../docs/models-of-others.md"), "utf8");
      const [, architecture] = /As `textgenrnn\.json` .*?```json\n(.*?)```/s.exec(guide) as RegExpExecArray;
      const path = join(models, "textgenrnn", "textgenrnn_weights.hdf5");
      const { input_ids: ids, output_probabilities: wanted } = referenceOf("textgenrnn");
      const { model, steps } = await importModel({
        ...sourceOf(path),
        beside: (name) => (name === "textgenrnn.json" ? new TextEncoder().encode(architecture) : undefined),
      });
      expect(steps).toBe(40);
      expect(worst((await predict(model, { data: Int32Array.from(ids), shape: [1, 40] })).data, wanted)).toBeLessThan(
        1e-4,
      );
    },
  );
});
