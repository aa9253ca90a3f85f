/** A model file of another program is read as what its content is, whatever it is called. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { importModel } from "../../src/formats/imported.ts";
import { writeOnnx } from "../../src/formats/onnx/index.ts";
import { dense, sequential, simpleRnn } from "../../src/index.ts";
import { rejection } from "../helpers/refusal.ts";

const model = sequential([simpleRnn(3), dense(2)], { input: 2 });
const keras = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "../fixtures/keras", name)));
const files: readonly (readonly [what: string, bytes: Uint8Array, source: RegExp])[] = [
  ["a .keras", keras("masked-3.16.keras"), /^Keras 3/],
  ["a .h5 of Keras", keras("plain.h5"), /^Keras/],
  ["an ONNX file", writeOnnx(model), /^ONNX/],
];
const endings = [".onnx", ".keras", ".h5", ".pt", ".npz", ".json", ".bin", ""];

test.each(files)("%s", async (_, bytes, source) => {
  for (const ending of endings) expect((await importModel({ bytes, name: `m${ending}` })).source).toMatch(source);
});
test("a config of Keras that is called .onnx is told as a config", async () => {
  const message = await rejection(importModel({ bytes: keras("keras1.json"), name: "m.onnx" }));
  expect(message).toContain("m.onnx: ");
  expect(message).not.toContain("field");
});
test("what is of no format is told by its name", async () => {
  const bytes = new TextEncoder().encode("no model at all");
  expect(await rejection(importModel({ bytes, name: "m.onnx" }))).toMatch(/^m\.onnx: the model has a field/);
  expect(await rejection(importModel({ bytes, name: "m.keras" }))).toContain("no model file of a known format");
});
