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
        { engine: "reference" as never },
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
