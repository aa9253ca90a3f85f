/** Random models: written and read again they give what they gave, or they are refused by a layer's name. */
import { expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { writeKeras } from "../../../src/formats/keras/index.ts";
import { writeTfjs } from "../../../src/formats/tfjs/index.ts";
import { InputError } from "../../../src/graph/input-error.ts";
import type { Model } from "../../../src/nn/model.ts";
import { expectClose } from "../../helpers/models.ts";
import { randomModel } from "./random-models.ts";
import { dataFor, outputFor, renamedFor } from "./written.ts";

const first = Number(process.env.FUZZ_SEED ?? 1);
const count = Number(process.env.FUZZ ?? 20);
const writers: Readonly<Record<string, (model: Model) => Promise<Model>>> = {
  writeKeras: async (model) => (await importModel({ bytes: (await writeKeras(model)).bytes, name: "m.keras" })).model,
  writeTfjs: async (model) => {
    const { json, weights } = writeTfjs(model);
    return (await importModel({ bytes: json, name: "model.json", beside: () => weights })).model;
  },
};

/** The layers without their equations, for messages. */
const shortly = ({ layers }: Model): string =>
  JSON.stringify(layers, (key, value) =>
    key === "cell" ? value.source.split("\n")[0] : value === false ? undefined : value,
  );

test.each(Object.keys(writers))("%s", { timeout: 600_000 }, async (call) => {
  const found = { written: 0, refused: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const model = randomModel(seed);
    if (model === undefined) continue;
    try {
      const back = await (writers[call] as (typeof writers)[string])(model).catch((error: Error) => {
        if (error instanceof InputError && /^write\w+: layer "\w+" [^\n]+\.$/.test(error.message)) return undefined;
        throw error;
      });
      found[back === undefined ? "refused" : "written"]++;
      if (back === undefined) continue;
      const inputs = dataFor(model);
      const [ours, again] = [await outputFor(model, inputs), await outputFor(back, renamedFor(back, inputs))];
      expect(again.shape).toEqual(ours.shape);
      expectClose(again.data, ours.data, { within: 1e-6 });
    } catch (error) {
      throw new Error(`seed ${seed}: ${shortly(model)}\n${(error as Error).stack}`);
    }
  }
  expect(found.written).toBeGreaterThan(count / 10);
  expect(found.refused).toBeGreaterThan(0);
});
