import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { evaluate } from "../../src/cli/evaluate.ts";
import { helpOf } from "../../src/cli/options.ts";
import { translate } from "../../src/cli/translate.ts";
import { readTranslator } from "../../src/tasks/translate.ts";
import { lines, written } from "../helpers/command-output.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const folder = temporaryFolder();
const at = (name: string): string => `${folder}/${name}`;
const pairs = ["ab", "abc", "bcd", "dab", "cad", "bad", "dcba", "cab", "dad", "add"].map((source) => [
  source,
  [...source].reverse().join(""),
]);
writeFileSync(at("pairs.tsv"), pairs.map((pair) => `${pair.join("\t")}\r\n`).join(""));
writeFileSync(at("source.txt"), pairs.map(([source]) => `${source}\n`).join(""));
writeFileSync(at("target.txt"), pairs.map(([, target]) => `${target}\n`).join(""));

const small = [
  "--units",
  "32",
  "--epochs",
  "120",
  "--batch",
  "5",
  "--rate",
  "0.01",
  "--validation",
  "0",
  "--threads",
  "1",
];

describe("pairs to a model, and a model's translations", () => {
  test("trains, saves, translates files and texts, says where it looked, is measured", async () => {
    const told = await lines(translate, at("pairs.tsv"), "--out", at("m.safetensors"), ...small);
    expect(told[0]).toMatchObject({ event: "start", pairs: 10 });
    expect(told.filter(({ event }) => event === "progress")).toHaveLength(120);
    expect(told.at(-1)).toMatchObject({ event: "done", epochs: 120, validationPairs: 0, file: at("m.safetensors") });
    expect(readTranslator(readFileSync(at("m.safetensors"))).options).toMatchObject({ epochs: 120, batchSize: 5 });
    expect(
      (await written(translate, "--model", at("m.safetensors"), at("source.txt"))).split("\n").slice(0, 3),
    ).toEqual(["ba", "cba", "dcb"]);
    const [said] = await lines(translate, "--model", at("m.safetensors"), "--text", "cad", "--attention");
    expect(said).toMatchObject({
      line: 1,
      source: "cad",
      text: "dac",
      ended: true,
      attention: { source: ["c", "a", "d"] },
    });
    expect(await written(evaluate, at("m.safetensors"), at("pairs.tsv"))).toMatch(
      /whole texts right +100\.0 % of 10\nBLEU +100\.0/,
    );
    const [scores] = await lines(evaluate, at("m.safetensors"), at("pairs.tsv"));
    expect(scores).toMatchObject({ pairs: 10, exact: 1, accuracy: 1 });
  });
  test("two files whose lines belong together are the same pairs", async () => {
    await written(translate, at("source.txt"), at("target.txt"), "--out", at("two.safetensors"), ...small);
    await written(translate, at("pairs.tsv"), "--out", at("one.safetensors"), ...small);
    expect(readFileSync(at("two.safetensors"))).toEqual(readFileSync(at("one.safetensors")));
  });
});

test("evaluate measures what translate says: as many beams, and of two files as well as of pairs", async () => {
  const few = [...small, "--epochs", "25", "--overwrite"];
  await written(translate, at("pairs.tsv"), "--out", at("few.safetensors"), ...few);
  const measured = async (...args: string[]) => (await lines(evaluate, at("few.safetensors"), ...args))[0];
  for (const beams of [[], ["--beams", "1"], ["--beams", "7"]]) {
    const said = await written(translate, "--model", at("few.safetensors"), at("source.txt"), ...beams);
    const right = said.split("\n").filter((text, k) => text === pairs[k]?.[1]).length;
    expect(await measured(at("pairs.tsv"), ...beams)).toMatchObject({ pairs: 10, exact: right / 10 });
  }
  expect(await measured(at("source.txt"), at("target.txt"))).toEqual(await measured(at("pairs.tsv")));
});

describe("what is refused, in a line; nothing is written", () => {
  writeFileSync(at("no-tab.tsv"), "a\tb\nc\n");
  writeFileSync(at("two-tabs.tsv"), "a\tb\tc\n");
  writeFileSync(at("no-source.tsv"), "a\tb\n\tb\n");
  writeFileSync(at("short.txt"), "ba\n");
  writeFileSync(at("one.tsv"), "a\tb\n");
  writeFileSync(at("nothing.txt"), "");
  const out = ["--out", at("none.safetensors")];
  test.each([
    [
      "no tab",
      [at("no-tab.tsv"), ...out],
      `${at("no-tab.tsv")}: line 2 has no tab, expected a source, one tab and a target. Correct the line.`,
    ],
    [
      "two tabs",
      [at("two-tabs.tsv"), ...out],
      `${at("two-tabs.tsv")}: line 1 has 2 tabs, expected a source, one tab and a target. Correct the line.`,
    ],
    [
      "no source",
      [at("no-source.tsv"), ...out],
      `${at("no-source.tsv")}: line 2 has an empty source: there is nothing to translate. Leave the pair out.`,
    ],
    [
      "files of different lengths",
      [at("source.txt"), at("short.txt"), ...out],
      `${at("source.txt")}: line 2 belongs to no line of ${at("short.txt")}, which has 1. Give files whose lines belong together.`,
    ],
    ["an empty file", [at("nothing.txt"), ...out], `${at("nothing.txt")}: the file is empty. Give one text a line.`],
    ["nothing to do", [at("pairs.tsv")], "give --out MODEL to train, or --model MODEL to translate with one."],
    ["both", [...out, "--model", "m"], "--out trains a model and --model translates with one. Give one of the two."],
    [
      "odd units",
      [at("pairs.tsv"), ...out, "--units", "7"],
      `${at("pairs.tsv")}: units must be even, as each direction of the encoder has half of them; got 7`,
    ],
    [
      "a text in training",
      [at("pairs.tsv"), ...out, "--text", "a"],
      "--text: is for translating with --model. Leave it out.",
    ],
    [
      "too few tokens",
      [at("pairs.tsv"), ...out, "--tokens", "bpe", "--vocabulary", "60"],
      "--vocabulary: must be a whole number from 256 to 16777216, got 60",
    ],
    [
      "one pair",
      [at("one.tsv"), ...out, "--units", "4"],
      `${at("one.tsv")}: of 1 example 1 would be kept for validation, and none is left to train on. Give more, or --validation 0.`,
    ],
    [
      "attention in training",
      [at("pairs.tsv"), ...out, "--attention"],
      "--attention: is for translating with --model. Leave it out.",
    ],
    [
      "a direction of a trained one",
      ["--model", "m", "--one-way", "--text", "a"],
      "--one-way: is for training; the model of --model has its own. Leave it out.",
    ],
    [
      "units of a trained one",
      ["--model", "m", "--units", "8", "--text", "a"],
      "--units: is for training; the model of --model has its own. Leave it out.",
    ],
  ])("%s", async (_, args, message) => {
    await expect(written(translate, ...args)).rejects.toThrow(message);
    expect(existsSync(at("none.safetensors"))).toBe(false);
  });
});

test("its help is at most 79 columns wide", () => {
  for (const line of helpOf(translate).split("\n")) expect(line.length, line).toBeLessThanOrEqual(79);
});
