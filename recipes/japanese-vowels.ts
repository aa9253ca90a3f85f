/**
 * Nine men say two Japanese vowels; which of them is it? M. Kudo, J. Toyama and M. Shimbo, "Multidimensional curve classification using
 * passing-through regions", 1999: 270 utterances to train on, 370 to test on, 12 LPC cepstrum coefficients a frame. Published: 98.86 %
 * by an ensemble of 11 LSTMs.
 */
import { InputError, type LabelledSequence } from "unrolled";
import { recipe, seedRange, writeJson } from "./shared/command.ts";
import { readText } from "./shared/files.ts";
import { type SeedsOptions, share, summary, trainSeeds } from "./speech/seeds.ts";

/** Utterances by speaker, as the data's description has them. */
const counts = { train: Array<number>(9).fill(30), test: [31, 35, 88, 44, 29, 24, 40, 50, 29] } as const;
const whole = { whole: true, min: 1, max: 100_000 } as const;

await recipe({
  name: "japanese-vowels",
  usage: "japanese-vowels ae.train ae.test [options]",
  summary: "a GRU tells nine speakers by two vowels",
  details:
    "The files are those of the UCI archive: a line a frame, 12 numbers; a row of ones ends an utterance.\n" +
    "With --folds the test is not touched: each run of a speaker's training utterances is told by the others.",
  examples: ["japanese-vowels ae.train ae.test --seeds 3", "japanese-vowels ae.train ae.test --folds 5"],
  arguments: [2, 2],
  options: {
    units: { value: "N", help: "of each direction [128]", number: whole },
    epochs: { value: "N", help: "passes over the training utterances [60]", number: whole },
    folds: { value: "N", help: "cross-validation on the training utterances", number: { ...whole, min: 2, max: 30 } },
    seed: { value: "N", help: "of values, order, changes [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: whole },
  },
  async run(given) {
    const [trainFile, testFile] = given.positionals as readonly [string, string];
    const json = given.flag("json");
    const training = utterances(trainFile, counts.train);
    const test = utterances(testFile, counts.test);
    const options: Omit<SeedsOptions, "what"> = {
      seeds: Array.from({ length: given.number("seeds") ?? 1 }, (_, k) => (given.number("seed") ?? 0) + k),
      model: { units: given.number("units") ?? 128 },
      train: {
        epochs: given.number("epochs") ?? 60,
        labelSmoothing: 0.1,
        augment: { featureNoise: 0.6, featureShift: 0.3 },
      },
      json,
    };
    const folds = given.number("folds");
    if (folds === undefined) {
      const result = await trainSeeds({ training, test }, { ...options, what: "test" });
      if (json) writeJson({ ...result, of: test.length });
      else process.stdout.write(`${summary(result, test.length)}\n`);
      return;
    }
    // Utterances that were said one after the other are alike: a fold is a run of each speaker's 30.
    const foldOf = (k: number): number => Math.floor(((k % 30) * folds) / 30);
    let right = options.seeds.map(() => 0);
    for (let fold = 0; fold < folds; fold++) {
      const parts = {
        training: training.filter((_, k) => foldOf(k) !== fold),
        test: training.filter((_, k) => foldOf(k) === fold),
      };
      const result = await trainSeeds(parts, { ...options, what: `part ${fold + 1} of ${folds}` });
      right = right.map((sum, k) => sum + (result.right[k] as number));
    }
    if (json) writeJson({ folds, right, of: training.length });
    else process.stdout.write(`\ncross-validation: ${right.map((one) => share(one, training.length)).join(", ")}\n`);
  },
});

/** @throws InputError for a file that has not these utterances */
function utterances(file: string, speakers: readonly number[]): LabelledSequence[] {
  const blocks: number[][][] = [[]];
  readText(file)
    .split("\n")
    .forEach((line, k) => {
      const row = line.trim() === "" ? [] : line.trim().split(/\s+/).map(Number);
      if (row.length === 0) return;
      if (row.length !== 12 || !row.every(Number.isFinite)) {
        throw new InputError(
          `${file}: line ${k + 1}: needs 12 numbers, got ${row.length === 12 ? line.trim() : row.length}. Give the UCI archive's file.`,
        );
      }
      if (row.every((one) => one === 1)) blocks.push([]);
      else blocks.at(-1)?.push(row);
    });
  const rows = blocks.filter(({ length }) => length > 0);
  const wanted = speakers.reduce((a, b) => a + b);
  if (rows.length !== wanted)
    throw new InputError(`${file}: has ${rows.length} utterances, expected ${wanted}. Give the UCI archive's file.`);
  const labels = speakers.flatMap((count, k) => Array<string>(count).fill(`${k + 1}`));
  return rows.map((one, k) => ({ rows: one, label: labels[k] as string, name: `utterance ${k + 1}` }));
}
