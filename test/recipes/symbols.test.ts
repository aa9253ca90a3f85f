/** Recipes of texts and music, each on little that the test makes itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "unrolled";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { recipe, recipeLines } from "./recipe.ts";

const folder = temporaryFolder();
const share = (value: unknown): void => {
  expect(value).toBeGreaterThanOrEqual(0);
  expect(value).toBeLessThanOrEqual(1);
};

test("addition: sums of one digit, of which a tenth is held out", { timeout: 120_000 }, async () => {
  const small = ["--digits", "1", "--units", "16", "--epochs", "2", "--questions"];
  const lines = await recipeLines("addition", ...small, "55");
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatchObject({ seed: 0, epoch: 2, validationAccuracy: expect.any(Number) });
  share(lines[2]?.accuracy);
  share(lines[2]?.exact);
  const { code, err } = await recipe("addition", ...small, "56");
  expect([code, err]).toEqual([
    2,
    "unrolled: --questions 56: numbers of up to --digits 1 have 55 different ones. Give fewer.\n",
  ]);
});

test("copy and reverse: of three lengths, up to 40", { timeout: 120_000 }, async () => {
  const lines = await recipeLines("copy-reverse", "--texts", "64", "--units", "8", "--epochs", "1", "--tested", "4");
  const tested = lines.filter(({ length }) => length !== undefined);
  expect(tested.map(({ task, length }) => `${task} ${length}`)).toEqual(
    ["copy", "reverse"].flatMap((task) => [20, 30, 40].map((length) => `${task} ${length}`)),
  );
  for (const { accuracy, exact } of tested) for (const one of [accuracy, exact]) share(one);
});

describe("Irish tunes", () => {
  /** Tunes of 4 bars of 4 quarters, of two kinds of bars. */
  function tunes(count: number): string {
    const random = createRandom(1);
    const bar = (): string => ["ABcd efga", "a2g2 f2e2"][random.integer(2)] as string;
    return Array.from(
      { length: count },
      (_, k) => `X:${k + 1}\nT:Tune ${k + 1}\nM:C|\nL:1/8\nK:D Major\n${bar()}|${bar()}|${bar()}|${bar()}|\n`,
    ).join("\n");
  }
  test("how many of those that it writes add up, and are parsed", { timeout: 120_000 }, async () => {
    const file = join(folder, "tunes.abc");
    writeFileSync(file, tunes(40));
    const size = ["--units", "24", "--epochs", "3", "--dropout", "0", "--tunes", "5"];
    const lines = await recipeLines("irish-tunes", file, ...size);
    const { tunes: written, addUp, withoutWarning, both, testLoss } = lines.at(-1) as Record<string, number>;
    expect([written, testLoss]).toEqual([5, expect.any(Number)]);
    for (const count of [addUp, withoutWarning, both]) share((count as number) / 5);
    expect(both).toBeLessThanOrEqual(Math.min(addUp as number, withoutWarning as number));
  });
  test("too few of them", async () => {
    const file = join(folder, "few.abc");
    writeFileSync(file, tunes(3));
    const { code, err } = await recipe("irish-tunes", file);
    expect([code, err]).toEqual([2, `unrolled: ${file}: has 3 tunes, expected at least 20. Give irish.abc.\n`]);
  });
});

test("polyphonic music: nats a step on the test pieces", { timeout: 120_000 }, async () => {
  const file = join(folder, "nottingham.json");
  const turns = (length: number): number[][] => Array.from({ length }, (_, t) => (t % 2 === 0 ? [48, 60] : [55]));
  writeFileSync(
    file,
    JSON.stringify({ train: [turns(12), turns(16)], valid: [turns(9)], test: [turns(11), turns(4)] }),
  );
  const lines = await recipeLines("polyphonic", file, "--units", "8", "--epochs", "2", "--batch", "2", "--cell", "gru");
  expect(lines.at(-1)).toMatchObject({ set: "nottingham", cell: "gru", testSteps: 15, testLoss: expect.any(Number) });
  const { code, err } = await recipe("polyphonic", file.replace("nottingham", "other"));
  expect([code, err]).toEqual([2, expect.stringContaining("is none of the four sets")]);
});
