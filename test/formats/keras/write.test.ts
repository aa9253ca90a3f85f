/**
 * Models written for Keras. What Keras makes of the files is recorded: `WRITTEN=FOLDER` writes them there, and then
 * `python scripts/record-keras-written.py FOLDER` runs them.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readZip } from "../../../src/formats/containers/zip.ts";
import { importModel } from "../../../src/formats/imported.ts";
import { writeKeras } from "../../../src/formats/keras/index.ts";
import { expectClose } from "../../helpers/models.ts";
import { randomModels } from "./random-models.ts";
import {
  bitsOf,
  dataFor,
  isScaled,
  models,
  type Numbers,
  outputFor,
  renamedFor,
  treeOf,
  writtenBits,
} from "./written.ts";

type Recorded = {
  readonly name: string;
  readonly digest: string;
  readonly inputs: Readonly<Record<string, Numbers>>;
  /** By Keras's version. */
  readonly outputs?: Readonly<Record<string, Numbers>>;
  /** All that h5py finds in the file of weights. */
  readonly tree?: readonly (readonly [path: string, what: string])[];
};
const written = [...models.filter(({ programs }) => programs.includes("keras")), ...randomModels("keras")];
const fixture = new URL("../../fixtures/keras-written.json", import.meta.url);

/** What a file says, whatever wrote the container. */
async function digestOf(bytes: Uint8Array): Promise<string> {
  const members = readZip(bytes, "model.keras");
  const hash = createHash("sha256").update(members.get("config.json") as Uint8Array);
  for (const [path, what, data] of await treeOf(members.get("model.weights.h5") as Uint8Array)) {
    hash
      .update(path)
      .update(what)
      .update(new Uint8Array(Float32Array.from(data).buffer));
  }
  return hash.digest("hex");
}

const folder = process.env.WRITTEN;
if (folder !== undefined) {
  mkdirSync(folder, { recursive: true });
  const cases: Recorded[] = [];
  for (const [k, { name, make }] of written.entries()) {
    const model = make();
    const { bytes } = await writeKeras(model);
    writeFileSync(join(folder, `${k}.keras`), bytes);
    cases.push({ name, digest: await digestOf(bytes), inputs: dataFor(model) });
  }
  writeFileSync(fixture, `${JSON.stringify(cases)}\n`);
}
const known = JSON.parse(readFileSync(fixture, "utf8")) as readonly Recorded[];

test("each is recorded", () => {
  expect(known.map(({ name }) => name)).toEqual(written.map(({ name }) => name));
});

describe.each(known)("$name", ({ name, digest, inputs, outputs, tree }) => {
  const make = () => (written.find((one) => one.name === name) as (typeof written)[number]).make();

  test("the file is the one that Keras has run, and gives our outputs there", async () => {
    const model = make();
    const { bytes, weights, notes } = await writeKeras(model);
    expect(await digestOf(bytes)).toBe(digest);
    expect((await writeKeras(model)).bytes).toEqual(bytes);
    expect((await treeOf(weights)).map(([path, what]) => [path, what])).toEqual(tree);
    const ours = await outputFor(model, inputs);
    const versions = Object.entries(outputs ?? {});
    expect(versions.length).toBeGreaterThan(0);
    const ended = notes.some((note) => note.startsWith("Masks end at recurrent layers, as in Keras since 3.16"));
    for (const [version, { shape, data }] of versions) {
      expect([...ours.shape]).toEqual(shape);
      const earlier = Number(version.split(".")[1]) < 16;
      if (!ended || !earlier) expectClose(ours.data, data, { within: 1e-5 });
    }
  });

  test("read back, the weights are the same bits, and so are the outputs", async () => {
    const model = make();
    const { bytes, notes } = await writeKeras(model);
    const back = (await importModel({ bytes, name: "m.keras" })).model;
    // Weights that are used twice are copies there.
    if (!isScaled(notes)) expect(bitsOf(back)).toMatchObject(writtenBits(model, notes));
    const [ours, again] = [await outputFor(model, inputs), await outputFor(back, renamedFor(back, inputs))];
    if (isScaled(notes)) expectClose(again.data, ours.data, { within: 1e-6 });
    else expect([...again.data]).toEqual([...ours.data]);
  });
});

test("a mask that ends does not in Keras up to 3.15, as the note says", () => {
  const { outputs = {} } = known.find(({ name }) => name === "masked tokens, the mask ended") as Recorded;
  const [before, since] = ["3.15.1", "3.16.0"].map((version) => outputs[version]?.data as number[]);
  expect(() => expectClose(before as number[], since as number[], { within: 1e-3 })).toThrow();
});
