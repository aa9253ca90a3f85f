import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { evaluate } from "../../src/cli/evaluate.ts";
import { helpOf } from "../../src/cli/options.ts";
import { tag } from "../../src/cli/tag.ts";
import { lines, written } from "../helpers/command-output.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { made } from "../tasks/tag/made.ts";

const folder = temporaryFolder();
const inFolder = join.bind(undefined, folder);
const columns = (count: number, seed: number): string =>
  made(count, seed)
    .map(({ tokens, labels }) => tokens.map((word, t) => `${word} X ${labels[t]}\n`).join(""))
    .join("\n");
writeFileSync(inFolder("train.conll"), `-DOCSTART- -X- O\n\n${columns(60, 1)}`);
writeFileSync(inFolder("test.conll"), columns(20, 2));
writeFileSync(inFolder("lines.txt"), "Anna Berg visits Stein\n\nEmil Bach knows Rome .\n");

const model = inFolder("names.safetensors");
const small = [
  "--units",
  "12",
  "--embedding",
  "10",
  "--epochs",
  "12",
  "--rate",
  "0.02",
  "--batch",
  "8",
  "--threads",
  "1",
];
const trained = await lines(tag, inFolder("train.conll"), "--test", inFolder("test.conll"), "--out", model, ...small);

describe("tag", () => {
  test("trains on sentences in columns: start, an epoch a line, done with measures", () => {
    expect(trained[0]).toMatchObject({ event: "start", sentences: 60, labels: ["B-LOC", "B-PER", "I-PER", "O"] });
    expect(trained.at(-1)).toMatchObject({ event: "done", file: model, test: { sentences: 20 } });
    const { test: measured } = trained.at(-1) as { test: { entities: { f1: number } } };
    expect(measured.entities.f1).toBeGreaterThan(0.95);
  });
  test("labels the words of lines, and of columns without labels", async () => {
    expect(await written(tag, inFolder("lines.txt"), "--lines", "--model", model)).toBe(
      "Anna\tB-PER\nBerg\tI-PER\nvisits\tO\nStein\tB-LOC\n\nEmil\tB-PER\nBach\tI-PER\nknows\tO\nRome\tB-LOC\n.\tO\n\n",
    );
    writeFileSync(inFolder("words.txt"), "Anna\nBerg\nvisits\nStein\n");
    expect(await lines(tag, inFolder("words.txt"), "--model", model)).toEqual([
      {
        file: inFolder("words.txt"),
        tokens: ["Anna", "Berg", "visits", "Stein"],
        labels: ["B-PER", "I-PER", "O", "B-LOC"],
        entities: [
          { type: "PER", start: 0, end: 2 },
          { type: "LOC", start: 3, end: 4 },
        ],
      },
    ]);
  });
  test("evaluate measures it", async () => {
    const [measured] = await lines(evaluate, model, inFolder("test.conll"));
    expect(measured).toEqual(trained.at(-1)?.test);
    expect(await written(evaluate, model, inFolder("test.conll"))).toMatch(
      /entity +there are +found +precision +recall +F1\nall /,
    );
  });
  test("what is wrong is one line, with file and line", async () => {
    const refused = (...args: string[]) => written(tag, ...args).catch(({ message }) => message);
    writeFileSync(inFolder("odd.conll"), "a X O\nb O\n");
    writeFileSync(inFolder("new.conll"), "Anna X B-ORG\n");
    expect(await refused(inFolder("odd.conll"), "--out", inFolder("a.safetensors"))).toBe(
      `${inFolder("odd.conll")}: line 2 has 2 columns, line 1 has 3. Correct the line.`,
    );
    expect(await written(evaluate, model, inFolder("new.conll")).catch(({ message }) => message)).toMatch(
      /new\.conll: line 1: the label "B-ORG" was never seen in training; the model knows B-LOC, B-PER, I-PER, O\./,
    );
    expect(await refused(inFolder("lines.txt"))).toBe(
      "give --out MODEL to train, or --model MODEL to label words with one.",
    );
    const toMeasure = ["--out", inFolder("a.safetensors"), "--test", inFolder("new.conll"), ...small];
    expect(await refused(inFolder("train.conll"), ...toMeasure)).toMatch(/new\.conll: line 1: the label "B-ORG"/);
    expect(existsSync(inFolder("a.safetensors"))).toBe(false);
    for (const unused of [["--epochs", "3"], ["--test", inFolder("test.conll")], ["--no-crf"]]) {
      expect(await refused(inFolder("lines.txt"), "--lines", "--model", model, ...unused)).toBe(
        `${unused[0]}: is for training; the model of --model has its own. Leave it out.`,
      );
    }
    expect(await refused(inFolder("lines.txt"), "--model", model)).toBe(
      `${inFolder("lines.txt")}: line 3 has 5 columns, line 1 has 4. Correct the line. If each line is a sentence, give --lines.`,
    );
    writeFileSync(inFolder("empty.txt"), "\n\n");
    expect(await refused(inFolder("empty.txt"), "--lines", "--model", model)).toBe(
      `${inFolder("empty.txt")}: has no sentences. Give one a line.`,
    );
  });
  test("help", () => {
    expect(
      helpOf(tag)
        .split("\n")
        .filter((line) => line.length > 79),
    ).toEqual([]);
  });
});
