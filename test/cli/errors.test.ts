/** Wrong usage and bad input: one plain line that says what to do, exit code 2, nothing written. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run, sampleText, tiny } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const root = process.platform !== "win32" && process.getuid?.() === 0;

beforeAll(async () => {
  writeFileSync(at("text.txt"), sampleText(100));
  writeFileSync(at("empty.txt"), "");
  writeFileSync(at("one.txt"), "a");
  writeFileSync(
    at("binary"),
    Uint8Array.from({ length: 256 }, (_, k) => 255 - k),
  );
  writeFileSync(at("latin1.txt"), Uint8Array.from([0x63, 0x61, 0x66, 0xe9, 0x0a]));
  writeFileSync(at("nothing.txt"), "\uFFFD".repeat(500));
  writeFileSync(at("greek.txt"), "the αβγ".repeat(100));
  writeFileSync(at("wrong-too.cell"), "h' = tanh(W @ x + U @ h)\n");
  writeFileSync(at("same.txt"), "a".repeat(500));
  writeFileSync(at("wrong.cell"), "f  = sigmoid(W @ x + )\nh' = f * h\n");
  writeFileSync(at("blind.cell"), "h' = tanh(U @ h + b)\n");
  mkdirSync(at("folder"));
  mkdirSync(at("locked"));
  chmodSync(at("locked"), 0o500);
  await json(folder, "train", "text.txt", "--out", "m.safetensors", "--epochs", "0.2", ...tiny);
  const bytes = readFileSync(at("m.safetensors"));
  writeFileSync(at("short.safetensors"), bytes.subarray(0, bytes.length - 100));
  writeFileSync(at("stub.safetensors"), bytes.subarray(0, 5));
  const { tensors, metadata } = readSafetensors(bytes);
  const { task: _, ...untokenized } = metadata;
  writeFileSync(at("silent.safetensors"), writeSafetensors({ tensors: { ...tensors }, metadata: untokenized }));
  writeFileSync(at("foreign.safetensors"), writeSafetensors({ tensors: { ...tensors }, metadata: {} }));
  const change = (text: string | undefined, from: RegExp, to: string) => (text as string).replace(from, to);
  const unrolled = {
    huge: change(metadata.unrolled, /"units":6/, '"units":1099511627776'),
    cells: change(metadata.unrolled, /sigmoid/, "sigmund"),
    versions: change(metadata.unrolled, /"version":\d+/, '"version":99'),
  };
  for (const [name, text] of Object.entries(unrolled)) {
    const hostile = { ...metadata, unrolled: text };
    writeFileSync(at(`${name}.safetensors`), writeSafetensors({ tensors: { ...tensors }, metadata: hostile }));
  }
  const lion = { ...metadata, optimizer: '"lion"' };
  writeFileSync(at("lion.safetensors"), writeSafetensors({ tensors: { ...tensors }, metadata: lion }));
  const options = { ...metadata, options: change(metadata.options, /"batch":4/, '"batch":"many"') };
  writeFileSync(at("options.safetensors"), writeSafetensors({ tensors: { ...tensors }, metadata: options }));
  const broken = Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { shape, data: new Float32Array(data.length).fill(Number.NaN) },
    ]),
  );
  writeFileSync(at("nan.safetensors"), writeSafetensors({ tensors: broken, metadata: { ...metadata } }));
});

const train = (file: string, ...args: string[]) => ["train", file, "--out", "o.safetensors", ...tiny, ...args];

describe("train", () => {
  test.concurrent.for<[string, string[], string | RegExp]>([
    ["an empty file", train("empty.txt"), "empty.txt: the file is empty. Give a text to train on."],
    ["a file of one character", train("one.txt"), /^the text has 1 token to train on, .* Give a longer text/],
    ["a binary file", train("binary"), /^binary: byte 0 \(0xff\) is not UTF-8|^binary: byte/],
    ["a text in another encoding", train("latin1.txt"), /^latin1\.txt: byte 3 \(0xe9\) is not UTF-8 text/],
    ["a file of unknown characters", train("nothing.txt"), /^the text has no character to learn/],
    ["a missing file", train("none.txt"), "none.txt: there is no such file. Check the name and the folder."],
    ["a folder without a text", train("folder"), "folder: it contains no text. Give a folder with text."],
    [
      "no --out",
      ["train", "text.txt"],
      "--out is missing. Give the file to save the model in: --out model.safetensors.",
    ],
    ["an --out without a name", ["train", "text.txt", "--out", ""], /name of the file to write is empty/],
    ["an --out that is a folder", train("text.txt", "--out", "folder"), /^folder: is a folder/],
    ["an --out in no folder", train("text.txt", "--out", "no/m"), "no/m: there is no folder no. Create it first."],
    ["an --out in a file", train("text.txt", "--out", "one.txt/m"), /one\.txt is not a folder/],
    ["an --out that is the text", train("text.txt", "--out", "text.txt"), /is the text to train on/],
    ["an --out that is no model", train("text.txt", "--out", "one.txt"), /^one\.txt: exists and is not a model/],
    [
      "two texts",
      train("text.txt", "one.txt"),
      /^wrong number of arguments \(2\)\. Usage: unrolled train \[FILE\|FOLDER\]/,
    ],
    ["units 0", train("text.txt", "--units", "0"), '--units: needs a whole number from 1 to 2,147,483,647, got "0".'],
    ["units abc", train("text.txt", "--units", "abc"), /^--units: needs a whole number .*, got "abc"\.$/],
    ["units of a fraction", train("text.txt", "--units", "1.5"), /^--units: needs a whole number/],
    ["units without a number", train("text.txt", "--units"), /^--units: the value is missing. Give --units N\. See/],
    [
      "a billion units",
      train("text.txt", "--units", "1e9"),
      /^the model needs [\d.e]+ bytes of memory, and the engine wasm/,
    ],
    [
      "20,000 units",
      train("text.txt", "--units", "20000"),
      /needs \d[\d,]{12,} bytes of memory, and the engine wasm has at/,
    ],
    [
      "8,000 units",
      train("text.txt", "--units", "8000", "--engine", "wasm"),
      /^training this model needs \d[\d,]{12} bytes of memory/,
    ],
    ["a billion features", train("text.txt", "--embedding", "1e9"), /^the model needs \d[\d,]{12,} bytes of memory/],
    ["a billion layers", train("text.txt", "--layers", "1e9"), /^--layers: needs a whole number from 1 to 100/],
    ["a batch larger than the text", train("text.txt", "--batch", "9999"), /a batch of 9,999 x 12 steps needs 129,987/],
    ["steps longer than the text", train("text.txt", "--steps", "2e9"), /Give a longer text, a smaller batch or fewer/],
    ["a rate of NaN", train("text.txt", "--rate", "NaN"), '--rate: needs a number above 0, got "NaN".'],
    ["endless epochs", train("text.txt", "--epochs", "Infinity"), /^--epochs: needs a number above 0/],
    [
      "a seed too large",
      train("text.txt", "--seed", "4294967296"),
      /^--seed: needs a whole number from 0 to 4,294,967,/,
    ],
    ["a negative seed", train("text.txt", "--seed", "-1"), /^--seed: needs a whole number from 0/],
    ["a dropout of 1", train("text.txt", "--dropout", "1"), '--dropout: needs a number from 0 to 0.99, got "1".'],
    [
      "tokens of a kind that there is not",
      train("text.txt", "--tokens", "bytes"),
      /^--tokens: needs one of char, word/,
    ],
    ["a vocabulary of characters", train("text.txt", "--vocabulary", "9"), /^--vocabulary: .* Add --tokens word\.$/],
    [
      "fewer byte pairs than bytes",
      train("text.txt", "--tokens", "bpe", "--vocabulary", "255"),
      "--vocabulary: needs at least 256 for byte pairs, because every byte is a token, got 255.",
    ],
    [
      "a share to validate on that is not enough for one prediction",
      train("text.txt", "--validation", "0.001"),
      "--validation: 0.001 of 1,749 tokens leaves 1 to validate on, and at least 2 are needed. Give a larger share, or 0 for no validation.",
    ],
    [
      "an optimiser that there is not",
      train("text.txt", "--optimizer", "adamax"),
      '--optimizer: needs one of sgd, rmsprop, adam, adamw, nadam, asgd, got "adamax".',
    ],
    [
      "another optimiser with --resume",
      ["train", "text.txt", "--out", "m.safetensors", "--resume", "--optimizer", "sgd"],
      "--optimizer: is adam in m.safetensors and cannot change with --resume, got sgd. Leave it out; or train again, with --overwrite.",
    ],
    [
      "a model to resume that an unknown optimiser trained",
      ["train", "text.txt", "--out", "lion.safetensors", "--resume"],
      'lion.safetensors: was trained by "lion", which is not known here. Train again, with --overwrite.',
    ],
    ["minutes and epochs", train("text.txt", "--minutes", "1", "--epochs", "1"), /Give one of the two\.$/],
    ["a cell that there is not", train("text.txt", "--cell", "lsmt"), /no built-in cell .* Did you mean lstm\?$/],
    ["a cell that leaves out x", train("text.txt", "--cell", "blind.cell"), /a cell does not read x/],
    ["an unknown option", train("text.txt", "--untis", "5"), /^unknown option --untis\. Did you mean --units\? See/],
    ["an unknown short option", train("text.txt", "-q"), "unknown option -q. See unrolled train --help."],
    [
      "a value for a flag",
      train("text.txt", "--resume=yes"),
      "--resume: does not take a value. See unrolled train --help.",
    ],
    ["nothing to resume", train("text.txt", "--resume"), /^o\.safetensors: there is no model to resume/],
    [
      "another size with --resume",
      ["train", "text.txt", "--out", "m.safetensors", "--resume", "--units", "7"],
      "--units: is 6 in m.safetensors and cannot change with --resume, got 7. Leave it out; or train again, with --overwrite.",
    ],
    [
      "a model that is there",
      ["train", "text.txt", "--out", "m.safetensors", ...tiny],
      "m.safetensors: a model exists here. Give --resume to continue with it, or --overwrite to train again.",
    ],
    [
      "to go on and to train anew",
      ["train", "text.txt", "--out", "m.safetensors", "--resume", "--overwrite"],
      "--overwrite: trains again, and --resume continues with the existing model. Give one of the two.",
    ],
    ...(
      [
        ["cell", "gru", "lstm"],
        ["cell", "wrong-too.cell", "lstm"],
        ["layers", "2", "1"],
        ["embedding", "5", "4"],
        ["dropout", "0.5", "0"],
        ["tokens", "word", "char"],
        ["vocabulary", "99", "its own"],
        ["batch", "5", "4"],
        ["steps", "8", "12"],
        ["seed", "1", "0"],
        ["validation", "0.1", "0.05"],
        ["validation-tokens", "50", "200000"],
        ["validation-file", "same.txt", "not"],
      ] as const
    ).map(([name, got, own]): [string, string[], string] => [
      `another --${name} with --resume`,
      ["train", "text.txt", "--out", "m.safetensors", "--resume", `--${name}`, got],
      `--${name}: is ${own} in m.safetensors and cannot change with --resume, got ${got}. Leave it out; or train again, with --overwrite.`,
    ]),
    [
      "minutes of a training that has epochs",
      ["train", "text.txt", "--out", "m.safetensors", "--resume", "--minutes", "1"],
      "--minutes: the training in m.safetensors is measured in epochs, 0.2 in all. To train longer, give --epochs.",
    ],
    [
      "Moby-Dick for what another text has trained",
      ["train", "--out", "m.safetensors", "--resume"],
      "m.safetensors: was trained on another text than Moby-Dick. Give that FILE, or another one to continue with.",
    ],
    [
      "a text of other characters to go on with",
      ["train", "greek.txt", "--out", "m.safetensors", "--resume"],
      'greek.txt: the model never saw "αβγ", 300 times in 700 tokens. Train a new model on it; or give --allow-unknown, which reads each as the unknown character.',
    ],
    [
      "a text of other characters to validate on",
      train("text.txt", "--validation-file", "greek.txt"),
      /^greek\.txt: the model never saw "αβγ", 300 times in 700 tokens\./,
    ],
    [
      "a text and a share to validate on",
      train("text.txt", "--validation-file", "same.txt", "--validation", "0.1"),
      "--validation: takes a share of the text, and --validation-file another text. Give one of them.",
    ],
    [
      "an empty text to validate on",
      train("text.txt", "--validation-file", "empty.txt"),
      /^empty\.txt: the file is empty/,
    ],
    ["one token to validate on", train("text.txt", "--validation-file", "one.txt"), /^one\.txt: has 1 token, and/],
    [
      "damaged options in a file to go on with",
      ["train", "text.txt", "--out", "options.safetensors", "--resume"],
      'options.safetensors: the options of its training are damaged: --batch: needs a whole number from 1 to 2,147,483,647, got "many". Train anew.',
    ],
    ["a damaged model to resume", ["train", "text.txt", "--out", "short.safetensors", "--resume"], /is cut short/],
  ])("%s", async ([, args, message]) => {
    expect(await refusal(folder, ...args)).toEqual(
      typeof message === "string" ? message : expect.stringMatching(message),
    );
  });

  test.skipIf(process.platform === "win32")("an --out that is a pipe", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    expect(await refusal(folder, ...train("text.txt", "--out", "pipe"))).toBe(
      "pipe: is a pipe, and training saves its model several times. Give a file.",
    );
  });
  test.skipIf(root || process.platform === "win32")("an --out in a folder that is not ours to write", async () => {
    expect(await refusal(folder, ...train("text.txt", "--out", "locked/m"))).toMatch(/no permission to write/);
  });

  test.skipIf(process.platform !== "linux")("an --out in a folder of the system", async () => {
    expect(await refusal(folder, ...train("text.txt", "--out", "/proc/m"))).toMatch(/^\/proc\/m: /);
  });

  test("equations with a mistake: the place, with a caret; as JSON in one line", async () => {
    const { code, out, err } = await run(folder, ...train("text.txt", "--cell", "wrong.cell"));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^unrolled: wrong\.cell: line 1, column \d+: .*\n {2}f {2}= sigmoid\(W @ x \+ \)\n +\^\n$/);
    const asJson = await run(folder, ...train("text.txt", "--cell", "wrong.cell"), "--json");
    expect(JSON.parse(asJson.err).error).toBe(err.slice("unrolled: ".length, -1));
    expect(asJson.err.split("\n")).toHaveLength(2);
  });

  test("a rate that destroys everything: the last line says so, and nothing is saved", async () => {
    const { code, out, err } = await run(folder, ...train("text.txt", "--rate", "3e38"));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(
      /\nunrolled: training: (lstm|dense)\.\w'? \(example \d+, step 0, update 2\) became (NaN|-?Infinity), expected a finite number\b.* Nothing was saved\.\n$/,
    );
    expect(readdirSync(folder)).not.toContain("o.safetensors");
  });

  test("no try to write has left a temporary file", () => {
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("a text of one repeated character trains, and the model writes it", async () => {
    await json(folder, ...train("same.txt", "--out", "same.safetensors", "--epochs", "3"));
    const [line] = await json(folder, "generate", "same.safetensors", "--length", "6", "--prompt", "a");
    expect(line?.text).toBe("aaaaaa");
  });
});

describe("an option by the name that it has elsewhere", () => {
  test.each([
    ["train", "--batch-size", "batch"],
    ["train", "--batch_size=8", "batch"],
    ["train", "--learning-rate", "rate"],
    ["train", "--lr", "rate"],
    ["train", "--validation_split", "validation"],
    ["train", "--validationTokens", "validation-tokens"],
    ["train", "--max-tokens", "vocabulary"],
    ["train", "--num_layers", "layers"],
    ["train", "--hidden-size", "units"],
    ["train", "--clipNorm", "clip"],
    ["train", "--output", "out"],
    ["generate", "--max-tokens", "length"],
    ["generate", "--max_new_tokens", "length"],
    ["generate", "--topK", "top-k"],
    ["generate", "--num-beams", "beams"],
    ["serve", "--max_tokens", "max-tokens"],
    ["explain", "--batch-size", "batch"],
  ])("%s %s: Did you mean --%s?", async (command, option, ours) => {
    expect(await refusal(folder, command, "text.txt", option, "8")).toBe(
      `unknown option ${option.split("=")[0]}. Did you mean --${ours}? See unrolled ${command} --help.`,
    );
  });
});

describe("sizes of a cell out of a file", () => {
  test.for(["explain", "train"])(
    "%s says the file, the line, what was meant, and an option that helps",
    async (command) => {
      writeFileSync(join(folder, "gate.txt"), "z = sigmoid(W_z * x + b_z)\nh' = z * h + tanh(W @ x)\n");
      const args =
        command === "train" ? ["train", "text.txt", "--cell", "gate.txt", "--out", "o"] : [command, "gate.txt"];
      const { code, err: said } = await run(folder, ...args);
      expect(code).toBe(2);
      expect(said).toMatch(
        /^unrolled: gate\.txt: (gate\.)?z, line 1, column 13: `W_z \* x` .*: did you mean `W_z @ x`\? .* Give --units 64\.\n/,
      );
      expect(said).toMatch(/\n {14}\^{7}\n$/);
    },
  );
});

describe("generate and evaluate", () => {
  test.concurrent.for<[string, string[], string | RegExp]>([
    ["a missing model", ["generate", "none"], "none: there is no such file. Check the name and the folder."],
    ["a folder", ["generate", "folder"], "folder: is a folder. Give the name of a file in it."],
    ["a text", ["generate", "text.txt"], /^text\.txt: it is no model file of a known format\. Give one of ours, or /],
    ["an empty file", ["generate", "empty.txt"], /^empty\.txt: it is no model file of a known format/],
    ["a file cut short", ["generate", "short.safetensors"], /^short\.safetensors: .* cut short\. Copy it again/],
    ["a stub", ["generate", "stub.safetensors"], /^stub\.safetensors: .* at least 8 bytes/],
    ["another program's file", ["generate", "foreign.safetensors"], /^foreign\.safetensors: dense has tensors? /],
    [
      "a model without a task",
      ["generate", "silent.safetensors"],
      /a model without a task: nothing says what it reads/,
    ],
    [
      "a model of 2^40 units",
      ["generate", "huge.safetensors"],
      /^huge\.safetensors: lstm: units must be a whole number/,
    ],
    ["a model with a mistake in its equations", ["evaluate", "cells.safetensors", "text.txt"], /sigmund/],
    ["a model of a later version", ["generate", "versions.safetensors"], /its version is 99, .* Update unrolled\.$/],
    [
      "a model of NaN",
      ["generate", "nan.safetensors"],
      /^nan\.safetensors: (\S+)\[\d.*\] is NaN, not a finite number\. The model's weights have diverged: train anew/,
    ],
    ["a model of NaN to look into", ["inspect", "nan.safetensors", "--text", "a"], /^nan\.safetensors: .* is NaN/],
    ["a model of NaN to serve", ["serve", "nan.safetensors", "--port", "0"], /^nan: \S+\[\d.*\] is NaN, not a finite/],
    ["a model of NaN to evaluate", ["evaluate", "nan.safetensors", "text.txt"], /^nan\.safetensors: .* is NaN/],
    ["no model", ["generate"], /^wrong number of arguments \(0\)\. Usage: unrolled generate MODEL/],
    [
      "a negative temperature",
      ["generate", "m.safetensors", "--temperature", "-1"],
      /^--temperature: needs a number of/,
    ],
    ["a temperature of NaN", ["generate", "m.safetensors", "--temperature", "nan"], /^--temperature: needs/],
    ["a length of a fraction", ["generate", "m.safetensors", "--length", "2.5"], /^--length: needs a whole number/],
    [
      "a top-p of 2",
      ["generate", "m.safetensors", "--top-p", "2"],
      '--top-p: needs a number above 0 and at most 1, got "2".',
    ],
    ["a top-k of 0", ["generate", "m.safetensors", "--top-k", "0"], /^--top-k: needs a whole number of at least 1/],
    ["a min-p of 2", ["generate", "m.safetensors", "--min-p", "2"], '--min-p: needs a number from 0 to 1, got "2".'],
    [
      "a repetition penalty of 0",
      ["generate", "m.safetensors", "--repetition-penalty", "0"],
      '--repetition-penalty: needs a number above 0, got "0".',
    ],
    [
      "a frequency penalty of 3",
      ["generate", "m.safetensors", "--frequency-penalty", "3"],
      '--frequency-penalty: needs a number from -2 to 2, got "3".',
    ],
    [
      "beams and a presence penalty",
      ["generate", "m.safetensors", "--beams", "4", "--presence-penalty", "-1"],
      "--presence-penalty: is for drawing tokens, and --beams does not draw. Give one of the two.",
    ],
    [
      "an empty --stop",
      ["generate", "m.safetensors", "--stop", ""],
      'generate: stop[0] must be a non-empty string, got ""',
    ],
    [
      "a --stop without text",
      ["generate", "m.safetensors", "--stop"],
      /^--stop: the value is missing. Give --stop TEXT\. See/,
    ],
    ["no beams", ["generate", "m.safetensors", "--beams", "0"], /^--beams: needs a whole number of at least 1/],
    [
      "a billion beams",
      ["generate", "m.safetensors", "--beams", "1e9"],
      /needs \d[\d,]+ bytes of memory, (and the engine wasm|more than this machine gives)/,
    ],
    [
      "beams and a temperature",
      ["generate", "m.safetensors", "--beams", "4", "--temperature", "1"],
      "--temperature: is for drawing tokens, and --beams does not draw. Give one of the two.",
    ],
    [
      "log-probabilities of text",
      ["generate", "m.safetensors", "--logprobs", "2"],
      "--logprobs: is part of the JSON output. Add --json.",
    ],
    [
      "a mistyped option",
      ["generate", "m.safetensors", "--promt", "a"],
      /unknown option --promt\. Did you mean --prompt\?/,
    ],
    ["no text to evaluate", ["evaluate", "m.safetensors"], /^wrong number of arguments \(1\)/],
    ["an empty text", ["evaluate", "m.safetensors", "empty.txt"], /the file is empty/],
    ["one character", ["evaluate", "m.safetensors", "one.txt"], /has 1 token; at least 2/],
    [
      "a binary text",
      ["evaluate", "m.safetensors", "m.safetensors"],
      /^m\.safetensors: byte \d+ .* Give a text file saved as UTF-8\.$/,
    ],
  ])("%s", async ([, args, message]) => {
    expect(await refusal(folder, ...args)).toEqual(
      typeof message === "string" ? message : expect.stringMatching(message),
    );
  });
});

describe("explain, and what is no command", () => {
  test.concurrent.for<[string, string[], string | RegExp]>([
    ["no command", [], "no command was given. See unrolled --help."],
    ["a mistyped command", ["trian"], 'unknown command "trian". Did you mean train?'],
    [
      "an unknown command",
      ["frobnicate"],
      /^unknown command "frobnicate"\. The commands are train, generate, evaluate/,
    ],
    ["an option first", ["--units", "5"], /^--units: give a command first\. The commands are train/],
    ["a name that would steer the terminal", ["\x1b[31mred"], /^unknown command "\\u\{1b\}\[31mred"/],
    ["a cell that there is not", ["explain", "gruu"], /Did you mean gru\?$/],
    ["an inherited name", ["explain", "constructor"], /no built-in cell/],
    [
      "a kind of instructions that there is not",
      ["explain", "gru", "--asm", "--instruction-set", "sse"],
      /one of avx512, avx2/,
    ],
    ["how machine code is printed, without it", ["explain", "gru", "--whole"], /--whole goes with --asm/],
    ["units beyond memory", ["explain", "lstm", "--units", "1e9"], /needs [\d.e]+ bytes of memory/],
  ])("%s", async ([, args, message]) => {
    expect(await refusal(folder, ...args)).toEqual(
      typeof message === "string" ? message : expect.stringMatching(message),
    );
  });

  test.for([
    ["trian", "--json"],
    ["train", "none.txt", "--out", "o", "--json"],
    ["generate", "m.safetensors", "--json", "--seed", "x"],
    ["train", "text.txt", "--out", "o", "--json", "--sample", "9"],
  ])("with --json the error is one line of JSON: %s", async (args) => {
    const { code, out, err } = await run(folder, ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^\{.*\}\n$/);
    expect(Object.keys(JSON.parse(err))).toEqual(["error"]);
  });
});

describe.skipIf(process.platform === "win32")("a name under which nothing can be: every command says so", () => {
  test.each([
    ["of a file in a file", "m.safetensors/x", /there is no such file|there is no built-in cell/],
    ["of a link to itself", "loop", /it cannot be read \(ELOOP\)|there is no built-in cell/],
    ["of 300 characters", "n".repeat(300), /it cannot be read \(ENAMETOOLONG\)|there is no built-in cell/],
  ])("%s", { timeout: 180_000 }, async (_, name, why) => {
    if (name === "loop") symlinkSync("loop", at("loop"));
    for (const args of [
      ["convert", name, "o.safetensors"],
      ["export", name, "o.safetensors"],
      ["evaluate", name, "text.txt"],
      ["evaluate", "m.safetensors", name],
      ["inspect", name],
      ["inspect", "m.safetensors", name],
      ["train", name, "--out", "o.safetensors"],
      ["train", "text.txt", "--cell", name, "--out", "o.safetensors"],
      ["classify", name, "--out", "o.safetensors"],
      ["tag", name, "--out", "o.safetensors"],
      ["translate", name, "--out", "o.safetensors"],
      ["forecast", name, "--horizon", "2"],
      ["trajectories", name, "--out", "o.safetensors"],
      ["studio", name],
    ]) {
      expect(`${args.join(" ")}: ${await refusal(folder, ...args)}`).toMatch(why);
    }
  });
});
