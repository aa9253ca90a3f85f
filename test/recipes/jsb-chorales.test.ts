import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cells, createPredictor, dense, type Model, masking, recurrent, sequential } from "unrolled";
import { expect, test } from "vitest";
import {
  apartIn,
  keys,
  longestOf,
  type Piece,
  padding,
  readChorales,
  rollsOf,
  transposed,
  type Window,
  windowsOf,
} from "../../recipes/chorales/pieces.ts";
import { createJudge } from "../../recipes/chorales/train.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { recipe, recipeLines } from "./recipe.ts";

const folder = temporaryFolder();

/** A file with these contents. */
function file(name: string, contents: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof contents === "string" ? contents : JSON.stringify(contents));
  return path;
}
/** The same two chords in turn. */
const turns = (length: number): Piece => Array.from({ length }, (_, t) => (t % 2 === 0 ? [48, 60] : [55]));
const small = {
  train: [turns(5), turns(8), turns(6), turns(7), turns(8)],
  valid: [turns(6), turns(4)],
  test: [turns(9), turns(5), turns(4)],
};
const model = (seed: number): Model => {
  const layers = [
    masking({ maskValue: padding }),
    recurrent(cells.lstm as Cell, { units: 5, returnSequences: true, stateful: true }),
    dense(keys),
  ];
  return sequential(layers, { input: keys, seed });
};

test("a step's target is what sounds in it, its input what sounded before: silence at first, -1 after the end", () => {
  const { inputs, targets } = rollsOf(
    [
      { steps: [[21, 108], [60]], before: [] },
      { steps: [[22]], before: [] },
    ],
    3,
  );
  const rows = (values: Float32Array): number[][] =>
    Array.from({ length: 6 }, (_, row) => Array.from(values.subarray(row * keys, (row + 1) * keys)));
  const roll = (...on: number[]): number[] => Array.from({ length: keys }, (_, key) => (on.includes(key) ? 1 : 0));
  const nothing = roll().fill(padding);
  // (T,B): step 0 of both pieces, step 1 of both, step 2 of both.
  expect(rows(inputs)).toEqual([roll(), roll(), roll(0, 87), nothing, nothing, nothing]);
  expect(rows(targets)).toEqual([roll(0, 87), roll(1), roll(39), roll(), roll(), roll()]);
});

test("long pieces are cut into windows that know the step before them; transposed, all of a window moves, within the piano", () => {
  const piece = Array.from({ length: 7 }, (_, t) => [30 + t]);
  const windows = windowsOf([piece, [[60]]], 3);
  expect(windows).toEqual([
    { steps: [[30], [31]], before: [] },
    { steps: [[32], [33], [34]], before: [31] },
    { steps: [[35], [36]], before: [34] },
    { steps: [[60]], before: [] },
  ]);
  const [, second] = windows as [Window, Window];
  expect(transposed(second, 2)).toEqual({ steps: [[34], [35], [36]], before: [33] });
  expect(transposed(second, -12)).toEqual({ steps: [[22], [23], [24]], before: [21] });
  expect(transposed({ steps: [[], [107]], before: [] }, 5)).toEqual({ steps: [[], [108]], before: [] });
  const { inputs } = rollsOf([second], 3);
  expect(Array.from({ length: 3 }, (_, t) => inputs.indexOf(1, t * keys) - t * keys)).toEqual([10, 11, 12]);
});

test("a piece that is longer than what is read at once is judged as a whole", async () => {
  const long = Array.from({ length: 600 }, (_, t) => [40 + (t % 7)]);
  const one = model(4);
  const { all } = await (await createJudge(one, [long]))();
  const { inputs, targets } = rollsOf([{ steps: long, before: [] }], 600);
  const predictor = await createPredictor(one, { batch: 1, steps: 600 });
  const logits = await predictor.predict(inputs);
  const loss = logits.reduce((sum, z, k) => sum + Math.log1p(Math.exp(z)) - z * (targets[k] as number), 0) / 600;
  expect(all).toBeCloseTo(loss, 3);
});

test("the loss of a model that knows one probability for every key is that of 88 coins", async () => {
  const coins = model(0);
  for (const values of Object.values(coins.values)) values.fill(0);
  // Each key sounds with probability 1/4: log(4 / 3) where it is silent, log(4) where it sounds.
  coins.values["dense.b"]?.fill(Math.log(1 / 3));
  const judge = await createJudge(coins, [
    [[60], [60, 64]],
    [[21, 22, 23, 24], [], [50, 51]],
  ]);
  const silence = keys * Math.log(4 / 3);
  const { all, fromSecond, ofPieces } = await judge();
  expect(all).toBeCloseTo(silence + (9 / 5) * Math.log(3), 4);
  expect(fromSecond).toBeCloseTo(silence + (4 / 3) * Math.log(3), 4);
  // Two keys in the one step of the first that counts, two in the two of the second.
  expect(ofPieces).toBeCloseTo(silence + ((2 + 1) / 2) * Math.log(3), 4);
});

test("parts of pieces that are judged apart: every sounding step but the first once, from the one before it", () => {
  const piece = [[1], [], [2], [3], [], [4], [5]];
  expect(apartIn([piece, [[]], [[7]]], 2)).toEqual([
    [[1], [2], [3]],
    [[3], [4], [5]],
  ]);
  expect(apartIn([piece], 3)).toEqual([
    [[1], [2], [3], [4]],
    [[4], [5]],
  ]);
  expect(apartIn([piece], 200)).toEqual([[[1], [2], [3], [4], [5]]]);
});

test("pieces of unequal length count by their steps, and change nothing in each other", async () => {
  const pieces: Piece[] = [turns(7), [[60], [62], [64]], [[30]]];
  const one = model(3);
  const together = await (await createJudge(one, pieces))();
  let sum = 0;
  for (const piece of pieces) sum += piece.length * (await (await createJudge(one, [piece]))()).all;
  expect(longestOf(pieces)).toBe(7);
  expect(together.all).toBeCloseTo(sum / 11, 4);
});

test("the cell learns what follows; its best epoch on the validation set is judged, each step counted once", {
  timeout: 120_000,
}, async () => {
  const path = file("small.json", small);
  const settings = ["--learning-rate", "0.02", "--epochs", "300", "--patience", "300", "--dropout", "0"];
  const options = ["--cell", "mgu", "--units", "12", "--seed", "1", ...settings];
  const lines = await recipeLines("jsb-chorales", path, ...options);
  const result = lines.at(-1) as Record<string, number>;
  const epochs = lines.slice(0, -1) as Record<string, number>[];
  expect(epochs.map(({ epoch }) => epoch)).toEqual(epochs.map((_, k) => k + 1));
  expect(epochs[0]?.loss).toBeGreaterThan(50);
  expect(result).toMatchObject({ cell: "mgu", seed: 1, units: 12, testSteps: 18, testStepsFromSecond: 15 });
  // 2 gates of 12 x (88 + 12 + 1), and 88 keys of 12 + 1.
  expect(result.parameters).toBe(2 * 12 * 101 + 88 * 13);
  expect(result.testLoss).toBeLessThan(1);
  expect(result.testLossFromSecond).toBeLessThan(1);
  const best = Math.min(...epochs.map(({ validationLoss }) => validationLoss as number));
  expect(result.validationLoss).toBe(best);
  expect(epochs[(result.bestEpoch as number) - 1]?.validationLoss).toBe(best);
});

test("training stops when so many epochs brought no better validation loss", { timeout: 60_000 }, async () => {
  // What is to be foreseen is never what was learnt.
  const path = file("other.json", { ...small, valid: [[[80], [21, 22, 23], [90]]] });
  const options = ["--cell", "lstm", "--units", "4", "--learning-rate", "0.1", "--patience", "3"];
  const lines = await recipeLines("jsb-chorales", path, ...options);
  const result = lines.at(-1) as Record<string, number>;
  expect(result.epochs).toBe((result.bestEpoch as number) + 3);
  expect(lines).toHaveLength((result.epochs as number) + 1);
});

test("without --cell three cells learn with every seed and stand beside the published figures", {
  timeout: 60_000,
}, async () => {
  const { code, out, err } = await recipe("jsb-chorales", file("small.json", small), "--epochs", "1", "--seeds", "2");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const rows = out
    .trim()
    .split("\n")
    .slice(-3)
    .map((row) => row.split("|").map((part) => part.trim()));
  expect(rows.map((row) => [row[1], row[2], row[3], row[6]])).toEqual([
    ["simple-rnn", "100", "27788", "9.10"],
    ["gru", "46", "22766", "8.54"],
    ["lstm", "36", "21256", "8.67"],
  ]);
  for (const row of rows) expect(row[4]).toMatch(/^\d+\.\d{3} \(\d+\.\d{3} to \d+\.\d{3}\)$/);
});

test("what is no file of pieces is refused with its place", () => {
  const cases: [contents: unknown, problem: string][] = [
    [{ valid: [], test: [] }, ': has no list of pieces "train"; it needs train, valid, test.'],
    [{ ...small, test: [] }, ': has no list of pieces "test"; it needs train, valid, test.'],
    [{ ...small, valid: [[]] }, ": valid, piece 1: is not a list of time steps."],
    [{ ...small, train: [turns(3), [[60], 61]] }, ": train, piece 2, step 2: is not a list of pitches."],
    [
      { ...small, test: [[[60], [60, 20]]] },
      ": test, piece 1, step 2: 20 is no pitch; a piano's are the MIDI numbers 21 to 108.",
    ],
    [
      { ...small, train: [[[109]]] },
      ": train, piece 1, step 1: 109 is no pitch; a piano's are the MIDI numbers 21 to 108.",
    ],
    [
      { ...small, train: [[["c"]]] },
      ': train, piece 1, step 1: "c" is no pitch; a piano\'s are the MIDI numbers 21 to 108.',
    ],
  ];
  for (const [contents, problem] of cases) {
    const path = file("bad.json", contents);
    expect(() => readChorales(path)).toThrow(new InputError(path + problem));
  }
  expect(readChorales(file("silence.json", { ...small, test: [[[], [21, 108]]] })).test).toEqual([[[], [21, 108]]]);
});

test("what cannot be trained is one line and exit 2", { timeout: 60_000 }, async () => {
  const notJson = file("half.json", '{"train": [');
  const { code, out, err } = await recipe("jsb-chorales", notJson, "--json");
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(JSON.parse(err).error).toMatch(
    /half\.json: is not JSON \(.+\)\. Give the file with the pieces as lists of pitches\.$/,
  );
  const path = file("small.json", small);
  expect(await recipe("jsb-chorales", path, "--cell", "lstm", "--batch", "6")).toMatchObject({
    code: 2,
    err: "unrolled: 5 pieces to train on; a batch needs 6. Choose a smaller batch.\n",
  });
  expect(await recipe("jsb-chorales", path, "--cell", "lstn")).toMatchObject({
    code: 2,
    err: expect.stringContaining("Did you mean lstm?"),
  });
});
