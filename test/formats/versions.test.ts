/** Files of earlier versions are read, and what is written says what it is for. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { FormatError, readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { cell } from "../../src/graph/cell.ts";
import { embedding, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { openByTask } from "../../src/tasks/index.ts";
import { generate, type LanguageModel, readLanguageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { predict } from "../../src/train/predict.ts";
import { collect } from "../helpers/models.ts";
import { refusal } from "../helpers/refusal.ts";

const earlier = readFileSync(join(import.meta.dirname, "../fixtures/model-version-1.safetensors"));
const open = (bytes: Uint8Array): LanguageModel => openByTask(bytes, "m.safetensors", "a test", { text: (lm) => lm });
const message = (bytes: Uint8Array): string =>
  refusal(() => readLanguageModel(bytes, "m.safetensors"), FormatError).replace("m.safetensors: ", "");

/** The file with other metadata. */
function altered(bytes: Uint8Array, alter: (metadata: Record<string, unknown>) => Record<string, unknown>): Uint8Array {
  const { tensors, metadata } = readSafetensors(bytes, "m");
  const data = Object.fromEntries(
    Object.entries(metadata).map(([name, text]) => [name, name === "format" ? text : JSON.parse(text)]),
  );
  const texts = Object.entries(alter(data)).map(([name, value]) => {
    return [name, name === "format" ? (value as string) : JSON.stringify(value)] as const;
  });
  return writeSafetensors({ tensors: { ...tensors }, metadata: Object.fromEntries(texts) });
}

test("a file of version 1 is read: its text, its tokenizer, its state of training and its options", async () => {
  expect(JSON.parse(readSafetensors(earlier, "m").metadata.unrolled as string)).toMatchObject({ version: 1 });
  const lm = open(earlier);
  expect(lm).toEqual(readLanguageModel(earlier, "m.safetensors"));
  expect((await collect(generate(lm, { prompt: "the ", length: 40, seed: 3 }))).join("")).toBe(
    "tldldha ,aldn.,s.,dal\na\n  alnhhadetaan\ns",
  );
  expect([lm.optimizer, lm.options, lm.training?.step]).toEqual(["adam", { epochs: 1, batch: 2 }, 54]);
  expect(Object.keys(lm.training?.slots ?? {})).toEqual(["m", "v"]);
});

test("written again it is of version 2, with a task, and holds the same", () => {
  const lm = readLanguageModel(earlier, "m.safetensors");
  const bytes = writeLanguageModel(lm);
  const { metadata } = readSafetensors(bytes, "m");
  expect(JSON.parse(metadata.unrolled as string)).toMatchObject({ version: 2 });
  expect(JSON.parse(metadata.task as string)).toEqual({ kind: "text", tokenizer: lm.tokenizer });
  expect(Object.keys(metadata).sort()).toEqual(["format", "optimizer", "options", "task", "unrolled"]);
  expect(readLanguageModel(bytes, "m.safetensors")).toEqual(lm);
  expect(writeLanguageModel(open(bytes))).toEqual(bytes);
});

test("what a later version wrote is refused with what to do: a version, a task", () => {
  const bytes = writeLanguageModel(readLanguageModel(earlier, "m.safetensors"));
  const later = altered(bytes, (data) => ({ ...data, unrolled: { ...(data.unrolled as object), version: 8 } }));
  expect(message(later)).toBe("its version is 8, this program reads 1 to 7. Update unrolled.");
  const other = altered(bytes, (data) => ({ ...data, task: { kind: "fortune", horizon: 12 } }));
  expect(refusal(() => open(other), FormatError)).toBe(
    'm.safetensors: its task is "fortune", this program knows text, forecast, classify, trajectories, translate, tag, music. A newer version may know it.',
  );
  expect(message(other)).toBe('its task is "fortune", and a language model\'s is "text".');
});

test("a task that is none, and one that a command does not take, are refused", () => {
  const bytes = writeLanguageModel(readLanguageModel(earlier, "m.safetensors"));
  for (const task of [null, 3, "text", {}, { kind: 3 }, ["text"]]) {
    expect(message(altered(bytes, (data) => ({ ...data, task })))).toMatch(/its task is .*, with no kind: the file is/);
  }
  const without = altered(bytes, ({ task: _, ...data }) => data);
  expect(message(without)).toBe(
    "it is a model without a task: nothing says what it reads. Give one that `train` wrote.",
  );
  expect(refusal(() => openByTask(bytes, "m.safetensors", "`draw`", {}), FormatError)).toBe(
    'm.safetensors: it is a language model (task "text"); `draw` needs a model of a task that this version knows.',
  );
});

test("a model without a task is a file all the same, with whatever else it was given", () => {
  const { model } = readModel(earlier, "m");
  const bytes = writeModel({ model, extra: { about: [1, 2] } });
  expect(readModel(bytes, "m").extra).toEqual({ about: [1, 2] });
});

test("a cell whose vector stands where a state would is read from a file, as it was made before such cells were refused", async () => {
  const equations = "y = tanh(W @ x + U @ g + b)";
  expect(() => cell(equations)).toThrow("no line sets g', so g is no state");
  const model = sequential([embedding(5, 3), recurrent(cell(`${equations}\ng ~ zeros`), { units: 4 })], { seed: 2 });
  const bytes = altered(writeModel({ model, extra: {} }), (data) =>
    JSON.parse(JSON.stringify(data).replace("\\ng ~ zeros", "")),
  );
  const read = readModel(bytes, "m.safetensors").model;
  expect(read.layers[1]).toMatchObject({ cell: { source: equations } });
  expect(read.values).toEqual(model.values);
  expect(readModel(writeModel({ model: read, extra: {} })).model).toEqual(read);
  const ids = [new Int32Array([1, 2, 3])];
  expect(await predict(read, ids)).toEqual(await predict(model, ids));
});
