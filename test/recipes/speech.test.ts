import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeWav } from "../../src/formats/wav.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { recipe, recipeLines } from "./recipe.ts";

const folder = temporaryFolder();

test("fsdd: indices 0 to 4 are the test, the others are trained on; with --hold two of the others are told, and the test is not read", {
  timeout: 120_000,
}, async () => {
  const sounds = join(folder, "digits");
  mkdirSync(sounds);
  for (const digit of [0, 1]) {
    for (let index = 0; index < 11; index++) {
      const samples = Float32Array.from(
        { length: 1200 + 40 * index },
        (_, n) => 0.3 * Math.sin(n * (digit === 0 ? 0.3 : 1.2)),
      );
      writeFileSync(join(sounds, `${digit}_anna_${index}.wav`), writeWav(samples, 8000));
    }
  }
  const small = ["--units", "12", "--epochs", "60"];
  const lines = await recipeLines("fsdd", sounds, "--seeds", "2", ...small);
  expect(lines.map(({ what, seed, of }) => [what, seed, of])).toEqual([
    ["test", 0, 10],
    ["test", 1, 10],
    [undefined, undefined, 10],
  ]);
  expect(lines.at(-1)).toMatchObject({ right: [10, 10], together: 10 });
  const { code, out } = await recipe("fsdd", sounds, "--hold", "5", ...small);
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/^8 recordings to train on, 4 to test on\nheld out, 5 and 6, seed 0: /),
  ]);
  writeFileSync(join(sounds, "zero_anna.wav"), writeWav([0, 1], 8000));
  const wrong = await recipe("fsdd", sounds);
  expect([wrong.code, wrong.err]).toEqual([
    2,
    expect.stringContaining("zero_anna.wav: is not named as 7_jackson_32.wav."),
  ]);
});

/** Utterances of nine speakers, whose first coefficient tells them. */
const vowels = (counts: readonly number[]): string =>
  counts
    .flatMap((count, speaker) =>
      Array.from({ length: count }, (_, k) =>
        [
          ...Array.from({ length: 7 + (k % 4) }, () => [speaker / 3 + 0.01 * k, ...Array<number>(11).fill(0.1)]),
          Array<string>(12).fill("1.0"),
        ]
          .map((row) => `${row.join(" ")} \n`)
          .join(""),
      ),
    )
    .join("\n");

test("japanese-vowels: 370 are told by 270; another number of them, or of coefficients, is refused with its place", {
  timeout: 120_000,
}, async () => {
  const [train, other] = [join(folder, "ae.train"), join(folder, "ae.test")];
  writeFileSync(train, vowels(Array<number>(9).fill(30)));
  writeFileSync(other, vowels([31, 35, 88, 44, 29, 24, 40, 50, 29]));
  const [line, total] = await recipeLines("japanese-vowels", train, other, "--units", "4", "--epochs", "2");
  expect([line, total]).toMatchObject([{ what: "test", seed: 0, of: 370 }, { of: 370 }]);
  const swapped = await recipe("japanese-vowels", other, train);
  expect([swapped.code, swapped.err]).toEqual([2, expect.stringContaining("has 370 utterances, expected 270.")]);
  writeFileSync(other, "1 2 3\n");
  const short = await recipe("japanese-vowels", train, other);
  expect([short.code, short.err]).toEqual([2, expect.stringContaining("ae.test: line 1: needs 12 numbers, got 3.")]);
});
