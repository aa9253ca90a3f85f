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
