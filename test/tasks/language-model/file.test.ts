/** The file of a language model: what `readLanguageModel` needs, and what it says of what is no such file. */
import { beforeAll, expect, test } from "vitest";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { FormatError, readSafetensors } from "../../../src/formats/safetensors.ts";
import { dense, embedding, simpleRnn } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import {
  type LanguageModel,
  languageModel,
  readLanguageModel,
  writeLanguageModel,
} from "../../../src/tasks/language-model.ts";
import { refusal } from "../../helpers/refusal.ts";

let lm: LanguageModel;
let bytes: Uint8Array;
beforeAll(() => {
  lm = languageModel("abcabc", { units: 4, embedding: 2, seed: 1 });
  bytes = writeLanguageModel(lm);
});

test("a file is read without its name", () => {
  expect(readLanguageModel(bytes).model.values).toEqual(lm.model.values);
  expect(readModel(bytes).model.values).toEqual(lm.model.values);
});

test.each([
  ["readLanguageModel", readLanguageModel],
  ["readModel", readModel],
  ["readSafetensors", readSafetensors],
])("%s: errors name it, and call a file without a name model.safetensors", (name, read) => {
  const damaged = new Uint8Array(9);
  expect(refusal(() => read(damaged), FormatError)).toMatch(/^model\.safetensors: its first 8 bytes/);
  expect(refusal(() => read(damaged, "mine"), FormatError)).toMatch(/^mine: its first 8 bytes/);
  expect(refusal(() => read("a.safetensors" as never))).toBe(
    `${name}: bytes must be a Uint8Array, got "a.safetensors"`,
  );
  expect(refusal(() => read(damaged, 3 as never))).toBe(`${name}: file must be a string, got 3`);
});

test("a model that is not of text is refused by its name", () => {
  const model = sequential([embedding(3, 2), simpleRnn(2), dense(3)]);
  const music = writeModel({ model, extra: { task: { kind: "music" } } });
  expect(refusal(() => readLanguageModel(music, "tune"), FormatError)).toBe(
    'tune: its task is "music", and a language model\'s is "text".',
  );
});
