/** A text that is read from disk in parts is trained on and measured like one in memory. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeSource, isLarge, openingOf, openTexts } from "../../src/cli/tokens.ts";
import {
  evaluateLanguageModel,
  languageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";
import { type TrainedTokenizer, trainTokenizer, vocabularySize } from "../../src/text/tokenizer.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
const path = join(folder, "text.txt");
const text = Array.from({ length: 400 }, (_, k) => `L'été ${k % 7}: the cat's ${k % 3 ? "hat" : "mat"}… 😀\n`).join("");
writeFileSync(path, text);
const inMemory = openTexts(path, "to train on");
const onDisk = openTexts(path, "to train on", undefined, { wholeBytes: 0, partBytes: 100 });

describe.each(["char", "word", "bpe"] as const)("tokens of kind %s", (kind) => {
  const options = kind === "char" ? {} : { maxVocabulary: 300 };
  const tokenizer = trainTokenizer(kind as TrainedTokenizer["kind"], inMemory, options);

  test("from parts on the disk the same file of a model comes out, byte for byte", async () => {
    expect(trainTokenizer(kind as TrainedTokenizer["kind"], onDisk, options)).toEqual(tokenizer);
    const train = async (file: typeof onDisk) => {
      const lm = languageModel(tokenizer, { units: 8, seed: 4 });
      const { tokens } = encodeSource(tokenizer, file);
      const { state } = await trainLanguageModel(lm, tokens, { batch: 4, steps: 8, epochs: 1.5, seed: 2 });
      return Buffer.from(writeLanguageModel({ ...lm, training: state, optimizer: "adam" }));
    };
    const [memory, disk] = [await train(inMemory), await train(onDisk)];
    expect(disk.equals(memory)).toBe(true);
    // And the same as from the text itself.
    const lm = languageModel(text, { units: 8, seed: 4, tokens: kind, ...options });
    const { state } = await trainLanguageModel(lm, text, { batch: 4, steps: 8, epochs: 1.5, seed: 2 });
    expect(memory.equals(writeLanguageModel({ ...lm, training: state, optimizer: "adam" }))).toBe(true);
  });

  test("a model's loss, bits per character and unknown characters are the same in each way", async () => {
    const other = trainTokenizer(kind as TrainedTokenizer["kind"], "L'a cat's hat: the mat 😀\n", options);
    const lm = languageModel(other, { units: 8 });
    const whole = await evaluateLanguageModel(lm, text);
    expect(await evaluateLanguageModel(lm, encodeSource(other, inMemory))).toEqual(whole);
    expect(await evaluateLanguageModel(lm, encodeSource(other, onDisk))).toEqual(whole);
    expect(whole.unknown > 0).toBe(kind !== "bpe");
    expect(vocabularySize(other)).toBeGreaterThan(8);
  });
});

test("line ends become LF in parts as in memory, wherever they are cut", () => {
  const windows = join(folder, "windows.txt");
  writeFileSync(windows, text.replaceAll("\n", "\r\n"));
  for (const partBytes of [16, 17, 41, 100]) {
    const file = openTexts(windows, "to train on", undefined, { wholeBytes: 0, partBytes });
    expect([...(file as { parts: Iterable<string> }).parts].join("")).toBe(text);
  }
});

test("a text's opening is its first characters, in memory and in parts", () => {
  expect([isLarge(inMemory), isLarge(onDisk)]).toEqual([false, true]);
  for (const file of [inMemory, onDisk]) expect(openingOf(file, 20)).toBe(text.slice(0, 20));
});

test("an empty text is refused, one with nothing but a byte order mark as well", () => {
  for (const content of ["", "\uFEFF"]) {
    writeFileSync(join(folder, "empty.txt"), content);
    for (const wholeBytes of [3, 100]) {
      const open = () => openTexts(join(folder, "empty.txt"), "to train on", undefined, { wholeBytes });
      expect(open).toThrow("the file is empty. Give a text to train on.");
    }
  }
});
