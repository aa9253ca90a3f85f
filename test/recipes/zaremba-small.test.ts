import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasMpirun, mpirun, unlessMissing } from "../helpers/mpirun.ts";
import { root, runNode } from "../helpers/processes.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { recipe } from "./recipe.ts";

const folder = temporaryFolder();
/** The perplexity of the test set that one process ends with. */
let alone = Number.NaN;

test("the recipe trains on words, halves its rate after epoch 4 and ends with the test set", {
  timeout: 60_000,
}, async () => {
  const sentence = " the cat sat on the mat while the dog lay by the door of the house \n";
  writeFileSync(join(folder, "ptb.train.txt"), sentence.repeat(60));
  writeFileSync(join(folder, "ptb.valid.txt"), sentence.repeat(30));
  writeFileSync(join(folder, "ptb.test.txt"), sentence.repeat(3));
  const { code, out, err } = await recipe("zaremba-small", folder, "--epochs", "6", "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6, undefined]);
  expect(lines[5].loss).toBeLessThan(lines[0].loss);
  expect(lines[6].perplexity).toBeCloseTo(Math.exp(lines[6].testLoss), 6);
  alone = lines[6].perplexity;
});

test.skipIf(!hasMpirun)(`two processes: the perplexities of one ${unlessMissing}`, { timeout: 60_000 }, async () => {
  const program = ["scripts/program.mjs", "recipe", "zaremba-small", folder, "--epochs", "6", "--json"];
  const both = await mpirun(root, ["-n", "2", process.execPath, ...program]).ended;
  expect({ code: both.code, err: both.err }).toEqual({ code: 0, err: "" });
  const last = JSON.parse(both.out.trim().split("\n").at(-1) as string);
  expect(last.perplexity).toBeCloseTo(alone, 3);
});

test("a folder without the files, and a recipe that there is not, are one line and exit 2", async () => {
  expect(await recipe("zaremba-small", join(folder, "nothing"))).toEqual({
    code: 2,
    out: "",
    err: `unrolled: ${join(folder, "nothing/ptb.train.txt")}: there is no such file. Check the name and the folder.\n`,
  });
  expect(await runNode(["scripts/program.mjs", "recipe", "zaremba"])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^npm run recipe: there is no recipe "zaremba"\. There are /),
  });
});
