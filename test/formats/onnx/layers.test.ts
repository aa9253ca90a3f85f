/** What stands around recurrent layers, as PyTorch exports and computes it; recorded by scripts/record-onnx-layers.py. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type ImportedModel, importModel } from "../../../src/formats/imported.ts";
import { predict } from "../../../src/train/predict.ts";
import { rejection } from "../../helpers/refusal.ts";

type Numbers = { readonly shape: readonly number[]; readonly data: readonly number[] };
type Recorded = {
  readonly name: string;
  readonly file: string;
  readonly inputs: readonly (Numbers & { readonly name: string })[];
  readonly outputs: readonly [Numbers];
};
const path = join(import.meta.dirname, "../../fixtures/onnx-layers.json");
const { torch, models } = JSON.parse(readFileSync(path, "utf8")) as {
  readonly torch: string;
  readonly models: readonly Recorded[];
};
const open = ({ file }: Recorded): Promise<ImportedModel> =>
  importModel({ bytes: new Uint8Array(gunzipSync(Buffer.from(file, "base64"))), name: "m.onnx" });

/** What is refused, of the newest opset, by the node and the reason. */
const refused: Readonly<Record<string, string>> = {
  "max pool, overlapping":
    '"/MaxPool" (MaxPool) cannot be said with layers: its windows overlap, or are not over the steps.',
  casts: '"/Cast" (Cast) cannot be said with layers: it rounds to whole numbers.',
  "standardised steps":
    '"/Mul_1" (Mul) cannot be said with layers: it reads a constant where numbers of the input were expected.',
  "both directions viewed":
    '"/Reshape" (Reshape) cannot be said with layers: the axes that it makes are none of time, batch and features.',
  "vector at each step": '"/Shape_1" (Shape) cannot be said with layers: it asks for the size of what has none.',
  "repeated for a decoder":
    '"/Tile" (Tile) cannot be said with layers: this operator is not read. Cut the file before or behind it, or export the model without it.',
};
const isRefused = ({ name }: Recorded): boolean => name.replace(/, opset \d+$/, "") in refused;

describe(`what PyTorch ${torch} computes`, () => {
  test.each(models.filter((one) => !isRefused(one)))("$name", async (recorded) => {
    const { model, notes } = await open(recorded);
    const { inputs, outputs } = recorded;
    const byName = Object.fromEntries(inputs.map((one) => [one.name, one]));
    const alone = model.inputs.length === 1 && model.layers[0]?.kind !== "input";
    const found = await predict(model, alone ? (inputs[0] as Numbers) : byName, { engine: "reference" });
    const [{ shape, data }] = outputs;
    // Where the file's steps begin late, as the notes say, those before are not looked at.
    const [, late] = /has (\d+) steps more here/.exec(notes.join()) ?? [];
    const [examples = 0, steps = 0, features = 1] = found.shape;
    expect([examples, ...(found.shape.length > 2 ? [steps - Number(late ?? 0), features] : [steps])]).toEqual(shape);
    const same = [...found.data].filter(
      (_, i) => late === undefined || Math.floor(i / features) % steps >= Number(late),
    );
    const off = data.map((value, i) => Math.abs(value - (same[i] as number)));
    expect(Math.max(...off)).toBeLessThan(2e-6);
  });
});

describe("refused, with the node and the reason", () => {
  test.each(Object.entries(refused))("%s", async (name, message) => {
    const recorded = models.find((one) => one.name === `${name}, opset 16`) as Recorded;
    expect(await rejection(open(recorded))).toBe(`m.onnx: the node ${message}`);
  });
});
