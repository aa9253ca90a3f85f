/**
 * Spoken digits, on the official test set of the Free Spoken Digit Dataset (Z. Jackson et al.): of each speaker and digit the recordings
 * 0 to 4 are the test, the others, as many as the folder has, are trained on. Log-mel energies, a GRU in both directions, the mean over
 * time. The README of the data has the rule; 98.4 % is published for a random split of all data.
 */
import { InputError } from "unrolled";
import { readLabelled } from "unrolled/formats/labelled-files";
import { recipe, seedRange, writeJson } from "./shared/command.ts";
import { summary, trainSeeds } from "./speech/seeds.ts";

const augment = {
  ...{ shiftMs: 40, gainDb: 6, noise: 0.05, speed: 0.1 },
  ...{ timeMasks: 1, timeMaskShare: 0.15, featureMasks: 1, featureMaskShare: 0.15 },
};
const whole = { whole: true, min: 1, max: 100_000 } as const;

await recipe({
  name: "fsdd",
  usage: "fsdd FOLDER [options]",
  summary: "a GRU tells spoken digits",
  details:
    "FOLDER has the recordings, as 7_jackson_32.wav: digit, speaker, index. Those of index 0 to 4 are the test.\n" +
    "With --hold the test is not touched: two indices of the training part are told by the others.",
  examples: ["fsdd recordings --seeds 3", "fsdd recordings --hold 5"],
  arguments: [1, 1],
  options: {
    units: { value: "N", help: "of each direction [96]", number: whole },
    epochs: { value: "N", help: "passes over the training files [40]", number: whole },
    hold: {
      value: "INDEX",
      help: "test on the training files of this index and the next",
      number: { ...whole, min: 5 },
    },
    seed: { value: "N", help: "of values, order, changes [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: whole },
  },
  async run(given) {
    const [folder] = given.positionals as readonly [string];
    const json = given.flag("json");
    const hold = given.number("hold");
    const all = readLabelled(folder).examples.map((one) => {
      const [, index] = /^\d_[^_]+_(\d+)\.wav$/i.exec((one.name ?? "").split(/[\\/]/).at(-1) as string) ?? [];
      if (index === undefined)
        throw new InputError(`${one.name}: is not named as 7_jackson_32.wav. Give the folder of recordings.`);
      return { ...one, index: Number(index) };
    });
    const isTest = (index: number): boolean => (hold === undefined ? index < 5 : index === hold || index === hold + 1);
    const part = (test: boolean) =>
      all.flatMap(({ index, ...one }) => (isTest(index) === test && (hold === undefined || index >= 5) ? [one] : []));
    const [training, test] = [part(false), part(true)];
    if (training.length === 0 || test.length === 0)
      throw new InputError(`${folder}: has ${training.length} recordings to train on and ${test.length} to test on.`);
    if (!json) process.stdout.write(`${training.length} recordings to train on, ${test.length} to test on\n`);
    const result = await trainSeeds(
      { training, test },
      {
        seeds: Array.from({ length: given.number("seeds") ?? 1 }, (_, k) => (given.number("seed") ?? 0) + k),
        model: { units: given.number("units") ?? 96 },
        train: { epochs: given.number("epochs") ?? 40, labelSmoothing: 0.1, augment },
        json,
        what: hold === undefined ? "test" : `held out, ${hold} and ${hold + 1}`,
      },
    );
    if (json) writeJson({ ...result, of: test.length });
    else process.stdout.write(`${summary(result, test.length)}\n`);
  },
});
