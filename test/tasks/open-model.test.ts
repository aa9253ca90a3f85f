/** Model files of any kind, opened by their content. */
import { expect, test } from "vitest";
import { writeModel } from "../../src/formats/model-file.ts";
import { writeOnnx } from "../../src/formats/onnx/index.ts";
import { dense, gru, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { classifier, writeClassifier } from "../../src/tasks/classify.ts";
import { generate } from "../../src/tasks/generate.ts";
import { languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { openModel } from "../../src/tasks/open-model.ts";
import { collect } from "../helpers/models.ts";

const lm = languageModel("the cat sat here", { units: 6, embedding: 4, seed: 3 });
const { vocabulary } = lm.tokenizer as { readonly vocabulary: readonly string[] } & typeof lm.tokenizer;
const vectors = sequential([gru(3), dense(2)], { input: 3, seed: 1 });

test("one of ours: its task and its content", async () => {
  const opened = await openModel({ bytes: writeLanguageModel(lm), name: "a.safetensors" });
  expect(opened).toMatchObject({ source: "Unrolled", task: "text", notes: [] });
  expect(opened.task === "text" && opened.content.tokenizer).toEqual(lm.tokenizer);
  const series = Array.from({ length: 4 }, (_, k) => ({
    rows: [
      [k, 1],
      [1, k],
    ],
    label: String(k % 2),
    name: String(k),
  }));
  const sorts = await openModel({ bytes: writeClassifier(classifier(series, { units: 2 })), name: "b.safetensors" });
  expect(sorts.task).toBe("classify");
});

test("one of ours without a task, and one of another program, are models alone", async () => {
  const own = await openModel({ bytes: writeModel({ model: vectors, extra: {} }), name: "m.safetensors" });
  expect([own.source, own.task, own.model.outputSize]).toEqual(["Unrolled", undefined, 2]);
  const other = await openModel({ bytes: writeOnnx(vectors), name: "m.onnx" });
  expect([other.task, other.content, other.model.outputSize]).toEqual([undefined, undefined, 2]);
});

test("another program's with its vocabulary writes what ours does", async () => {
  const opened = await openModel({ bytes: writeOnnx(lm.model), name: "m.onnx", vocabulary });
  if (opened.task !== "text") throw new Error(`its task is ${opened.task}`);
  const options = { prompt: "the", length: 15, seed: 4 };
  expect(await collect(generate(opened.content, options))).toEqual(await collect(generate(lm, options)));
});

test("a vocabulary of fewer tokens than the model has is used, with a note", async () => {
  const bytes = writeOnnx(lm.model);
  const short = await openModel({ bytes, name: "m.onnx", vocabulary: vocabulary.slice(0, -1) });
  const size = vocabulary.length;
  expect(short.task).toBe("text");
  expect(short.notes).toEqual([
    `The vocabulary has ${size - 1} tokens, and the model ${size}: number ${size - 1} stands for no text. Where the first token is number 1, as behind a padding, begin the list with null.`,
  ]);
  const shorter = await openModel({ bytes, name: "m.onnx", vocabulary: vocabulary.slice(0, -3) });
  expect(shorter.notes.join()).toContain(`numbers ${size - 3} to ${size - 1} stand for no text.`);
  expect((await openModel({ bytes, name: "m.onnx", vocabulary })).notes).toEqual([]);
});

test.each([
  [
    "a vocabulary for one of ours",
    { bytes: writeLanguageModel(lm), name: "a", vocabulary },
    /^openModel: vocabulary: is for a file of another program, and a is one of ours/,
  ],
  [
    "an output that it has not",
    { bytes: writeOnnx(vectors), name: "m.onnx", output: "b" },
    /^openModel: output: m\.onnx has (one output|no output "b")/,
  ],
  [
    "a window without tokens",
    { bytes: writeOnnx(vectors), name: "m.onnx", window: 3 },
    /^openModel: window: is for a model of text\. Give its vocabulary, too\./,
  ],
  [
    "tokens for a model that predicts none",
    { bytes: writeOnnx(vectors), name: "m.onnx", vocabulary: ["a", "b"] },
    /^m\.onnx: the model reads 3 tokens or features and gives 2 numbers/,
  ],
  [
    "too many tokens",
    { bytes: writeOnnx(lm.model), name: "m.onnx", vocabulary: [...vocabulary, "x"] },
    /^openModel: vocabulary: it has \d+ numbers, the model \d+/,
  ],
  [
    "a mapping for what is wired",
    { bytes: writeOnnx(vectors), name: "m.onnx", mapping: { layers: [] } },
    /^m\.onnx: it is an ONNX model, which says how its layers are wired\. Leave the mapping out\./,
  ],
  ["no model", { bytes: new Uint8Array([1, 2, 3]), name: "x.bin" }, /^x\.bin: it is no model file of a known format/],
  [
    "a damaged one of ours, by its name",
    { bytes: new Uint8Array([1, 2, 3]), name: "x.safetensors" },
    /^x\.safetensors: a safetensors file has at least 8 bytes/,
  ],
])("%s is refused", async (_, source, message) => {
  await expect(openModel(source)).rejects.toThrow(message);
});

test("one of ours without a task is one of text with its vocabulary", async () => {
  const bytes = writeModel({ model: lm.model, extra: {} });
  const opened = await openModel({ bytes, name: "m.safetensors", vocabulary });
  expect(opened.task === "text" && opened.content.tokenizer).toEqual(lm.tokenizer);
});

test("a sequence's last output alone: as many tokens as are given, which are needed", async () => {
  const size = lm.model.outputSize;
  const last = writeOnnx(sequential([lstm(5), dense(size)], { input: size, seed: 2 }));
  const windowed = await openModel({ bytes: last, name: "m.onnx", vocabulary, window: 5 });
  expect(windowed.task === "text" && windowed.content.window).toBe(5);
  await expect(openModel({ bytes: last, name: "m.onnx", vocabulary })).rejects.toThrow(
    "openModel: window: the model gives one output for a sequence. Say how many tokens it reads to predict the next.",
  );
});
