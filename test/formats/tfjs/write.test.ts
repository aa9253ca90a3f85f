/**
 * Models written for TensorFlow.js. What it makes of the files is recorded: `WRITTEN=FOLDER` writes them there, and then
 * `node scripts/record-tfjs-written.mjs FOLDER` runs them.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { type TfjsFiles, writeTfjs } from "../../../src/formats/tfjs/index.ts";
import { concatenate, dense, input, lstm } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { predict } from "../../../src/train/predict.ts";
import { expectClose } from "../../helpers/models.ts";
import { randomModels } from "../keras/random-models.ts";
import {
  bitsOf,
  dataFor,
  isScaled,
  models,
  type Numbers,
  outputFor,
  renamedFor,
  writtenBits,
} from "../keras/written.ts";

type Recorded = {
  readonly name: string;
  readonly digest: string;
  readonly inputs: Readonly<Record<string, Numbers>>;
  readonly output?: Numbers;
};
const written = [...models.filter(({ programs }) => programs.includes("tfjs")), ...randomModels("tfjs")];
const fixture = new URL("../../fixtures/tfjs-written.json", import.meta.url);
const digestOf = ({ json, weights }: TfjsFiles): string =>
  createHash("sha256").update(json).update(weights).digest("hex");

const folder = process.env.WRITTEN;
if (folder !== undefined) {
  const cases = written.map(({ name, make }, k): Recorded => {
    const model = make();
    const files = writeTfjs(model);
    mkdirSync(join(folder, `${k}`), { recursive: true });
    writeFileSync(join(folder, `${k}`, "model.json"), files.json);
    writeFileSync(join(folder, `${k}`, "model.weights.bin"), files.weights);
    return { name, digest: digestOf(files), inputs: dataFor(model) };
  });
  writeFileSync(fixture, `${JSON.stringify(cases)}\n`);
}
const known = JSON.parse(readFileSync(fixture, "utf8")) as readonly Recorded[];

test("each is recorded", () => {
  expect(known.map(({ name }) => name)).toEqual(written.map(({ name }) => name));
});

describe.each(known)("$name", ({ name, digest, inputs, output }) => {
  const model = (written.find((one) => one.name === name) as (typeof written)[number]).make();
  const files = writeTfjs(model);

  test("the files are those that TensorFlow.js has run, and give our outputs there", async () => {
    expect(digestOf(files)).toBe(digest);
    const ours = await outputFor(model, inputs);
    expect([...ours.shape]).toEqual(output?.shape);
    expectClose(ours.data, output?.data as number[], { within: 1e-5 });
  });

  test("read back, the weights are the same bits, and so are the outputs", async () => {
    const beside = (file: string) => (file === "model.weights.bin" ? files.weights : undefined);
    const back = (await importModel({ bytes: files.json, name: "model.json", beside })).model;
    if (!isScaled(files.notes)) expect(bitsOf(back)).toMatchObject(writtenBits(model, files.notes));
    const [ours, again] = [await outputFor(model, inputs), await outputFor(back, renamedFor(back, inputs))];
    if (isScaled(files.notes)) expectClose(again.data, ours.data, { within: 1e-6 });
    else expect([...again.data]).toEqual([...ours.data]);
  });
});

test("names that tensors of TensorFlow.js cannot have are others there, each once, with a note", async () => {
  const all = { returnSequences: true };
  const model = sequential([
    input(3, { name: "数" }),
    lstm(2, { ...all, name: "ünï" }),
    lstm(2, { ...all, name: "uni", reads: "数" }),
    lstm(2, { ...all, name: "_a", reads: "ünï" }),
    concatenate(["_a", "uni", "ünï"]),
    dense(2),
  ]);
  const { json, weights, notes } = writeTfjs(model);
  expect(notes).toEqual([
    'Names in TensorFlow.js have letters and digits of ASCII and underscores: "数" is layer_, "ünï" is uni_2, "_a" is layer_a.',
  ]);
  const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(json));
  const names: string[] = modelTopology.config.layers.map(({ name }: { readonly name: string }) => name);
  expect(names).toEqual(["layer_", "uni_2", "uni", "layer_a", "concatenate", "dense"]);
  // As TensorFlow.js looks at it.
  for (const { name } of weightsManifest[0].weights) expect(name).toMatch(/^[A-Za-z0-9][-A-Za-z0-9._/]*$/);
  const read = await importModel({ bytes: json, name: "model.json", beside: () => weights });
  const x = { shape: [1, 2, 3], data: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] };
  expect([...(await predict(read.model, { layer_: x })).data]).toEqual([...(await predict(model, { 数: x })).data]);
});
