/** `unrolled convert`: what it writes and says, what it refuses, and that `inspect` shows it. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { writeKeras } from "../../src/formats/keras/index.ts";
import { readModel } from "../../src/formats/model-file.ts";
import { dense, embedding, input, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import {
  languageModel,
  languageModelFrom,
  readLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";
import { translate, translatorFrom } from "../../src/tasks/translate.ts";
import { readVocabulary } from "../../src/tasks/vocabulary.ts";
import { Tokenizer } from "../../src/text/keras-tokenizer.ts";
import { trainTokenizer, type VocabularyTokenizer } from "../../src/text/tokenizer.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run, start } from "./run.ts";

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
    [
      ["keras2.h5", "new.h5"],
      /new\.h5: its ending says what is written: \.safetensors, \.onnx, \.keras, \.json \(TensorFlow\.js\), \.c, \.js or \.ts\. Give a name with one of them\./,
    ],
    [["text.txt", "new.safetensors"], /text\.txt: it is no model file of a known format/],
    [["keras2.h5", "new.safetensors", "--output", "a"], /--output: keras2\.h5 has one output/],
  ] as const;
  for (const [args, message] of refused) expect(await refusal(folder, "convert", ...args)).toMatch(message);
  expect(readFileSync(at("there.safetensors"), "utf8")).toBe("kept");
  expect(["new.h5", "new.safetensors"].map((name) => existsSync(at(name)))).toEqual([false, false]);
  await json(folder, "convert", "keras2.h5", "there.safetensors", "--overwrite");
  expect(readModel(readFileSync(at("there.safetensors"))).model.inputs[0]?.name).toBe("words");
});

test("writes what the ending says: ONNX, PyTorch's safetensors with a module, source", {
  timeout: 60_000,
}, async () => {
  await run(folder, "convert", "masked-3.16.keras", "own.safetensors");
  for (const [out, ...options] of [
    ["m.onnx"],
    ["step.onnx", "--steps"],
    ["plain.onnx", "--plain"],
    ["small.onnx", "--dtype", "int8"],
    ["half.safetensors", "--dtype", "f16"],
    ["m.c"],
    ["int.c"],
    ["m.js"],
    ["m.ts"],
  ] as const) {
    const { code, err } = await run(folder, "convert", "own.safetensors", out, ...options);
    expect([code, err]).toEqual([0, `Saved ${out}: ${readFileSync(at(out)).length.toLocaleString("en-US")} bytes.\n`]);
  }
  const sizeOf = (name: string): number => readFileSync(at(name)).length;
  expect(sizeOf("small.onnx")).not.toBe(sizeOf("m.onnx"));
  expect(sizeOf("half.safetensors")).toBeLessThan(sizeOf("own.safetensors"));
  expect(readFileSync(at("m.c"), "utf8")).toContain("const float *m_next(m *stream, int x)");
  expect(readFileSync(at("int.c"), "utf8")).toContain("const float *model_int_next(model_int *stream, int x)");
  expect(readFileSync(at("m.ts"), "utf8")).toContain("function next(x: number): Float32Array");

  writeFileSync(at("book.txt"), "a ship on the sea, ".repeat(40));
  const size = ["--units", "4", "--batch", "2", "--steps", "8", "--epochs", "1"];
  expect((await run(folder, "train", "book.txt", "--out", "book.safetensors", ...size)).code).toBe(0);
  await run(folder, "convert", "book.safetensors", "book.js");
  expect(readFileSync(at("book.js"), "utf8")).toMatch(/^export const symbols = \[.*"p".*\];$/m);
  const { code, err } = await run(folder, "convert", "book.safetensors", "torch.safetensors", "--pytorch");
  expect([code, err]).toEqual([
    0,
    expect.stringMatching(/^Saved torch\.safetensors: .*\nSaved torch\.py: .*\nSaved torch\.vocabulary\.json: .*\n$/),
  ]);
  expect(readFileSync(at("torch.py"), "utf8")).toContain("nn.LSTM");
  const [back] = await json(folder, "convert", "torch.safetensors", "back.safetensors");
  expect(back).toMatchObject({ source: "safetensors", notes: expect.any(Array) });
});

test("a model of another program writes, is measured, inspected and served like one of ours, its tokens beside it", {
  timeout: 60_000,
}, async () => {
  writeFileSync(at("sea.txt"), "a ship on the sea, ".repeat(40));
  const size = ["--units", "4", "--batch", "2", "--steps", "8", "--epochs", "1"];
  expect((await run(folder, "train", "sea.txt", "--out", "sea.safetensors", ...size)).code).toBe(0);
  await run(folder, "convert", "sea.safetensors", "sea.onnx");
  copyFileSync(at("sea.safetensors"), at("ours.safetensors"));
  const { tokenizer } = readLanguageModel(readFileSync(at("sea.safetensors")));
  writeFileSync(at("sea.json"), JSON.stringify((tokenizer as VocabularyTokenizer).vocabulary));
  const tokens = ["--vocabulary", "sea.json"];
  for (const command of [
    ["generate", "--prompt", "a sh", "--length", "30", "--seed", "2"],
    ["evaluate", "sea.txt"],
    ["inspect", "--text", "a ship"],
  ]) {
    const [name, ...rest] = command as [string, ...string[]];
    const wanted = await run(folder, name, "sea.safetensors", ...rest);
    expect(wanted.code).toBe(0);
    const found = await run(folder, name, "sea.onnx", ...rest, ...tokens);
    expect(found.code).toBe(0);
    // Layers have other names, and numbers differ in their last digits.
    if (name === "generate") expect(found.out).toBe(wanted.out);
    else expect(found.out.split("\n")).toHaveLength(wanted.out.split("\n").length);
  }
  // A file of ours beside it is served as it is.
  const server = start(folder, ["serve", "sea.onnx", "ours.safetensors", ...tokens, "--port", "0", "--json"]);
  const { url, models } = JSON.parse(await new Promise<string>((resolve) => server.stdout?.once("data", resolve)));
  expect(models).toEqual(["sea", "ours"]);
  const asked = { model: "sea", prompt: "a sh", max_tokens: 3, temperature: 0 };
  const answer = await fetch(`${url}/v1/completions`, {
    ...{ method: "POST", body: JSON.stringify(asked), headers: { "Content-Type": "application/json" } },
  });
  expect(await answer.json()).toMatchObject({ choices: [{ text: expect.stringMatching(/^.{3}$/) }] });
  server.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
  await run(folder, "convert", "sea.onnx", "text.safetensors", ...tokens);
  expect(readLanguageModel(readFileSync(at("text.safetensors"))).tokenizer).toEqual(tokenizer);
  expect(await refusal(folder, "generate", "sea.onnx")).toMatch(
    /^sea\.onnx: it is a model of .*, and nothing says what it reads\. Of a model of text, give its tokens: --vocabulary FILE; of/,
  );
  expect(await refusal(folder, "generate", "sea.safetensors", ...tokens)).toBe(
    "--vocabulary: is for a file of another program, and sea.safetensors is one of ours. Leave it out.",
  );
  expect(await refusal(folder, "generate", "sea.onnx", ...tokens, "--window", "3")).toMatch(
    /^--window: the model predicts at every step/,
  );
  writeFileSync(at("words.json"), JSON.stringify(["two words", ..."abcdefghij"]));
  expect(await refusal(folder, "generate", "sea.onnx", "--vocabulary", "words.json")).toMatch(
    /^--vocabulary: "two words" has a blank in it/,
  );
});

test("writes Keras's files and TensorFlow.js's, which are read again; what they cannot say is refused before", {
  timeout: 60_000,
}, async () => {
  await run(folder, "convert", "masked-3.16.keras", "whole.safetensors");
  const whole = readModel(readFileSync(at("whole.safetensors"))).model;
  const written = await run(folder, "convert", "whole.safetensors", "again.keras");
  expect([written.code, written.err]).toEqual([0, expect.stringMatching(/^Saved again\.keras: .* bytes\.\n$/)]);
  expect(written.out).toContain(
    "Masks end at recurrent layers, as in Keras since 3.16; earlier versions hand them on.",
  );
  await run(folder, "convert", "again.keras", "back.safetensors", "--overwrite");
  expect(readModel(readFileSync(at("back.safetensors"))).model.values).toEqual(whole.values);

  expect(await refusal(folder, "convert", "whole.safetensors", "web.json")).toMatch(
    /^writeTfjs: layer "constructor_" takes no notice of the mask/,
  );
  expect(["web.json", "web.weights.bin"].map((name) => existsSync(at(name)))).toEqual([false, false]);
  const web = await run(folder, "convert", "keras1.hdf5", "web.json");
  expect([web.code, web.err]).toEqual([
    0,
    expect.stringMatching(/^Saved web\.json: .*\nSaved web\.weights\.bin: .*\n$/),
  ]);
  expect(await refusal(folder, "convert", "keras1.hdf5", "web.json")).toMatch(/^web\.json: exists already/);
  await run(folder, "convert", "keras1.hdf5", "one.safetensors");
  await run(folder, "convert", "web.json", "two.safetensors");
  const [one, two] = ["one", "two"].map((name) => readModel(readFileSync(at(`${name}.safetensors`))).model);
  expect(two?.values).toEqual(one?.values);
});

test("a vocabulary goes out beside the file, and another program's numbers stay as they are", {
  timeout: 60_000,
}, async () => {
  writeFileSync(at("cab.txt"), "cab abc bca ".repeat(60));
  const size = ["--units", "4", "--batch", "2", "--steps", "8", "--epochs", "1"];
  expect((await run(folder, "train", "cab.txt", "--out", "cab.safetensors", ...size)).code).toBe(0);
  const lossOf = async (...args: string[]) => (await json(folder, "evaluate", ...args))[0]?.loss as number;
  const wanted = await lossOf("cab.safetensors", "cab.txt");
  for (const out of ["cab.onnx", "cab.keras", "cab.json", "cab-torch.safetensors"]) {
    const made = await run(
      folder,
      "convert",
      "cab.safetensors",
      out,
      ...(out.includes("torch") ? ["--pytorch"] : []),
      "--overwrite",
    );
    const vocabulary = out.replace(/\.\w+$/, ".vocabulary.json");
    expect(made.err).toContain(`Saved ${vocabulary}: `);
    expect(JSON.parse(readFileSync(at(vocabulary), "utf8"))).toEqual(["\uFFFD", " ", "a", "b", "c"]);
    expect(await lossOf(out, "cab.txt", "--vocabulary", vocabulary)).toBeCloseTo(wanted, 5);
    // From there to another program: the same numbers.
    await run(folder, "convert", out, "again.onnx", "--overwrite");
    expect(existsSync(at("again.vocabulary.json"))).toBe(false);
    expect(await lossOf("again.onnx", "cab.txt", "--vocabulary", vocabulary)).toBeCloseTo(wanted, 5);
  }
  // Words and byte pairs go out with the way that they are cut.
  for (const tokens of ["word", "bpe"] as const) {
    const tokenizer = trainTokenizer(
      tokens,
      "cab abc, bca. ".repeat(9),
      tokens === "bpe" ? { maxVocabulary: 262 } : {},
    );
    writeFileSync(at("parts.safetensors"), writeLanguageModel(languageModel(tokenizer, { units: 4 })));
    await run(folder, "convert", "parts.safetensors", "parts.onnx", "--overwrite");
    const again = await lossOf("parts.onnx", "cab.txt", "--vocabulary", "parts.vocabulary.json");
    expect(again).toBeCloseTo(await lossOf("parts.safetensors", "cab.txt"), 5);
  }
  const last = sequential([embedding(5, 3), lstm(4), dense(5)], { seed: 1 });
  const keras = new Tokenizer();
  keras.fitOnTexts(["The cat, the mat", "sat"]);
  writeFileSync(at("tokenizer.json"), JSON.stringify(keras.toJson()));
  const words = languageModelFrom(last, { vocabulary: readVocabulary(keras.toJson()), window: 3 });
  writeFileSync(at("words.safetensors"), writeLanguageModel(words));
  await run(folder, "convert", "words.safetensors", "words.keras");
  const options = ["--prompt", "The ZEBRA sat! ", "--length", "4", "--seed", "1"];
  const written = await run(folder, "generate", "words.safetensors", ...options);
  expect(written.err).toContain('the model never saw "zebra"; it leaves them out.');
  expect(written.out).toMatch(/^The ZEBRA sat! \w+( \w+){3}\n$/);
  for (const vocabulary of ["words.vocabulary.json", "tokenizer.json"]) {
    const more = ["--vocabulary", vocabulary, "--window", "3"];
    expect((await run(folder, "generate", "words.keras", ...options, ...more)).out).toBe(written.out);
  }
  const windowed = languageModelFrom(last, { vocabulary: ["\uFFFD", ..." abc"], window: 7 });
  writeFileSync(at("window.safetensors"), writeLanguageModel(windowed));
  expect((await json(folder, "convert", "window.safetensors", "window.onnx"))[0]?.notes).toContain(
    "It predicts from the last 7 tokens, which its file does not say: --window 7.",
  );
  expect(
    await refusal(folder, "convert", "cab.onnx", "again.onnx", "--overwrite", "--vocabulary", "cab.vocabulary.json"),
  ).toMatch(/^--vocabulary: a file of another program keeps the model's numbers as they are/);
});

test("a translator of another program, with the vocabularies of both sides", { timeout: 60_000 }, async () => {
  const model = sequential(
    [
      input("tokens", { name: "question", time: "question" }),
      embedding(4, 3),
      lstm(4, { name: "encoder" }),
      input("tokens", { name: "answer", time: "answer" }),
      embedding(5, 3),
      lstm(4, { returnSequences: true, initialState: { from: "encoder" } }),
      dense(5),
    ],
    { seed: 3 },
  );
  writeFileSync(at("pairs.keras"), (await writeKeras(model)).bytes);
  const [source, target] = [
    ["</s>", ..."abc"],
    ["<s>", "</s>", "AA", "B", "K"],
  ];
  writeFileSync(at("source.json"), JSON.stringify(source));
  writeFileSync(at("target.json"), JSON.stringify(target));
  const sides = ["--source-vocabulary", "source.json", "--target-vocabulary", "target.json"];
  const [wanted] = await translate(translatorFrom(model, { source, target }), ["cab"]);
  const found = await run(folder, "translate", "--model", "pairs.keras", ...sides, "--text", "cab");
  expect(found).toMatchObject({ code: 0, out: `${wanted?.text}\n` });
  await run(folder, "convert", "pairs.keras", "pairs.safetensors", ...sides);
  expect((await run(folder, "translate", "--model", "pairs.safetensors", "--text", "cab")).out).toBe(found.out);
  const [out] = await json(folder, "convert", "pairs.safetensors", "out.keras");
  expect(out?.notes).toContain(
    "The numbers of its inputs are those of these vocabularies plus 1, for 0 is padding; its output has them as they are.",
  );
  expect(JSON.parse(readFileSync(at("out.source.json"), "utf8"))).toMatchObject({ kind: "char", lower: true });
  expect(JSON.parse(readFileSync(at("out.target.json"), "utf8"))).toMatchObject({ kind: "whitespace" });
  expect(await refusal(folder, "translate", "--model", "pairs.keras", ...sides.slice(0, 2), "--text", "cab")).toBe(
    "--source-vocabulary: is one side of a translator. Give that of its target, too.",
  );
  expect(await refusal(folder, "translate", "--model", "pairs.keras", "--text", "cab")).toMatch(
    /nothing says what it reads\. .* of a translator --source-vocabulary and --target-vocabulary\.$/,
  );
});

test("options of other endings, and a mapping that is none, are refused", async () => {
  expect(await refusal(folder, "convert", "keras2.h5", "n.c", "--steps")).toBe(
    "--steps: is for .onnx, and OUT is n.c. Leave it out.",
  );
  expect(await refusal(folder, "convert", "keras2.h5", "n.c", "--dtype", "f16")).toBe(
    "--dtype: is for .onnx and .safetensors of ours, and OUT is n.c. Leave it out.",
  );
  expect(await refusal(folder, "convert", "keras2.h5", "n.onnx", "--dtype", "bf16")).toBe(
    "--dtype bf16: .onnx takes f32, f16 or int8. Give one of them.",
  );
  expect(await refusal(folder, "convert", "keras2.h5", "n.onnx", "--pytorch")).toBe(
    "--pytorch: is for .safetensors, and OUT is n.onnx. Leave it out.",
  );
  expect(await refusal(folder, "convert", "keras2.h5", "n.safetensors", "--mapping", "text.txt")).toMatch(
    /^text\.txt: it is no JSON: .* Give a file as the guide on PyTorch shows\.$/,
  );
});
