/** `unrolled convert`: what it writes and says, what it refuses, and that `inspect` shows it. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readModel } from "../../src/formats/model-file.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

beforeAll(() => {
  for (const name of ["keras1.hdf5", "keras1.json", "keras2.h5", "masked-3.16.keras"]) {
    copyFileSync(join(import.meta.dirname, "../fixtures/keras", name), at(name));
  }
});

test("writes a model, and says what it found", async () => {
  const { code, out, err } = await run(folder, "convert", "masked-3.16.keras", "m.safetensors");
  expect(code).toBe(0);
  expect(out).toBe(`masked-3.16.keras: Keras 3.16.0

Layer                Output shape  Parameters
---------------------------------------------
words (embedding)    (B, T, 2)             10
first_layer (lstm)   (B, T, 3)             72
constructor_ (lstm)  (B, T, 3)             84
---------------------------------------------
Total parameters: 166

Names of layers have letters, digits and underscores here: "first layer" is first_layer, "constructor" is constructor_.
`);
  const bytes = readFileSync(at("m.safetensors"));
  expect(err).toBe(`Saved m.safetensors: ${bytes.length.toLocaleString("en-US")} bytes.\n`);
  const { model, extra } = readModel(bytes);
  expect([model.layers.map(({ name }) => name), extra]).toEqual([["words", "first_layer", "constructor_"], {}]);

  const shown = await run(folder, "inspect", "m.safetensors");
  expect(shown).toMatchObject({ code: 0, err: "" });
  expect(shown.out).toContain("first_layer (lstm)");
  expect(await json(folder, "inspect", "m.safetensors")).toMatchObject([{ parameters: 166 }]);
  expect(await refusal(folder, "inspect", "m.safetensors", "--text", "a")).toMatch(
    /--text: m\.safetensors is a model without a task/,
  );
});

test("an architecture beside the weights, and a model of ours, which is written as it is", async () => {
  const [line] = await json(folder, "convert", "keras1.hdf5", "old.safetensors");
  expect(line).toMatchObject({ file: "old.safetensors", source: "Keras 1.1.1", notes: [] });
  const [again] = await json(folder, "convert", "old.safetensors", "copy.safetensors");
  expect(again).toMatchObject({ source: "Unrolled" });
  expect(readFileSync(at("copy.safetensors")).equals(readFileSync(at("old.safetensors")))).toBe(true);
});

test("refuses before anything is written: what is there, other names, files that are none, outputs that there are not", async () => {
  writeFileSync(at("there.safetensors"), "kept");
  writeFileSync(at("text.txt"), "no model");
  const refused = [
    [["keras2.h5", "there.safetensors"], /there\.safetensors: exists already/],
    [["keras2.h5", "new.h5"], /new\.h5: the name of what is written ends in \.safetensors/],
    [["text.txt", "new.safetensors"], /text\.txt: it is no model file of a known format/],
    [["keras2.h5", "new.safetensors", "--output", "a"], /--output: keras2\.h5 has one output/],
  ] as const;
  for (const [args, message] of refused) expect(await refusal(folder, "convert", ...args)).toMatch(message);
  expect(readFileSync(at("there.safetensors"), "utf8")).toBe("kept");
  expect(["new.h5", "new.safetensors"].map((name) => existsSync(at(name)))).toEqual([false, false]);
  await json(folder, "convert", "keras2.h5", "there.safetensors", "--overwrite");
  expect(readModel(readFileSync(at("there.safetensors"))).model.inputs[0]?.name).toBe("words");
});
