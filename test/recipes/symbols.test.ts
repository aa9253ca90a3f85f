/** Recipes of texts and music, each on little that the test makes itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRandom } from "unrolled";
import { describe, expect, test } from "vitest";
import { countOf, createMetronome } from "../../recipes/tunes/metronome.ts";
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
  test.each([
    ["with a metronome", []],
    ["of characters alone", ["--characters"]],
  ])("how many of those that it writes add up, and are parsed: %s", { timeout: 120_000 }, async (_, alone) => {
    const file = join(folder, "tunes.abc");
    writeFileSync(file, tunes(40));
    const size = ["--units", "24", "--epochs", "3", "--dropout", "0", "--tunes", "5"];
    const lines = await recipeLines("irish-tunes", file, ...size, ...alone);
    const { tunes: written, addUp, withoutWarning, both, testLoss } = lines.at(-1) as Record<string, number>;
    expect([written, testLoss]).toEqual([5, expect.any(Number)]);
    for (const count of [addUp, withoutWarning, both]) share((count as number) / 5);
    expect(both).toBeLessThanOrEqual(Math.min(addUp as number, withoutWarning as number));
  });
  test("a metronome counts notes, rests, chords, tuplets and broken rhythms, beside words and grace notes", () => {
    // What is left of the bar and of the upbeat's other part, and the upbeat, in sixteenths, before the character that stands there.
    const told = (tune: string, at: string) => {
      const metronome = createMetronome();
      for (const character of tune.slice(0, tune.indexOf(at))) metronome.read(character);
      const numbers = new Float32Array(countOf);
      metronome.tell(numbers, 0);
      const of = (from: number): number => numbers.indexOf(1, from) - from;
      return [of(0) - 1, of(22) - 1, of(44)];
    };
    const header = "M:6/8\nL:1/8\nK:D\n";
    expect(told("M:6/8\n", "6")).toEqual([16, 16, 0]);
    expect(told(`${header}`, "none")).toEqual([12, 12, 0]);
    expect(told(`${header}A2 (3Bcd &`, "&")).toEqual([4, 4, 0]);
    expect(told(`${header}d|"Am"[FA]3 {/g}z A>&`, "&")).toEqual([2, 0, 2]);
    expect(told(`${header}d|A3 B2:|&`, "&")).toEqual([12, 10, 2]);
    // The second part begins without one.
    expect(told(`${header}d|A3 B2:|A3 B3|&`, "&")).toEqual([12, 12, 0]);
    expect(told(`${header}d|A3 [1 B2d:|[2 A6|A2&`, "&")).toEqual([8, 8, 0]);
    expect(told(`${header}A/B/ ^c'3/2 _D,&`, "&")).toEqual([5, 5, 0]);
    expect(told("M:C\nL:1/4\nK:D\nABcd e&", "&")).toEqual([-1, -1, 0]);
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
