/** Files in which programs keep trained arrays in a form of their own. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importModel } from "../../src/formats/imported.ts";
import { createSession } from "../../src/nn/session.ts";
import { createPredictor } from "../../src/train/predict.ts";
import { expectClose } from "../helpers/models.ts";

const data = join(import.meta.dirname, "../../../shared/data/models");
const missing = existsSync(data) ? false : "the models that other people trained are not here";
const read = (folder: string, file: string) =>
  importModel({
    bytes: new Uint8Array(readFileSync(join(data, folder, file))),
    name: file,
    beside: (name) => {
      const path = join(data, folder, name);
      return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
    },
  });
const reference = (folder: string) => JSON.parse(readFileSync(join(data, folder, "reference.json"), "utf8"));

describe("a checkpoint of TensorFlow 1", () => {
  test.skipIf(missing)("ml5's character model gives its reference", async () => {
    const { model, source, vocabulary } = await read("ml5-bronte-raw", "manifest.json");
    expect(source).toBe("a checkpoint of TensorFlow 1");
    const { input_ids: ids, text, logits, h_last: last } = reference("ml5-bronte-raw");
    expect([...(text as string)].map((one) => vocabulary?.indexOf(one))).toEqual(ids);
    const session = await createSession(model, { engine: "reference" });
    let output = new Float32Array();
    for (const id of ids) output = session.next(id);
    expectClose(output, logits, { within: 1e-4 });
    const states = session.state();
    [0, 1].forEach((k) => {
      expectClose(states[`lstm_${k}.h`] as Float32Array, last[k], { within: 1e-4 });
    });
    session.dispose();
  });
});

describe("word breaks of ICU", () => {
  test.skipIf(missing)("the Thai model gives its reference", async () => {
    const { model, source } = await read("icu-thai-json", "weights.json");
    expect(source).toBe("a model of word breaks of ICU, Thai_codepoints_exclusive_model5_heavy");
    const { input_ids: ids, probabilities } = reference("icu-thai-json");
    const predictor = await createPredictor(model, { batch: 1, steps: ids.length });
    expectClose(await predictor.predict(Int32Array.from(ids)), probabilities.flat(), { within: 1e-5 });
    predictor.dispose();
  });
});
