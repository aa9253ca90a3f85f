/**
 * Four sets of polyphonic music, as N. Boulanger-Lewandowski, Y. Bengio and P. Vincent published them in 2012 (arXiv 1206.6392): Bach's
 * chorales, folk tunes of Nottingham, MuseData and Piano-midi.de. Recurrent layers read which of a piano's keys sound, and give for
 * each the probability that it sounds in the next step. Beside the tuned LSTM and GRU of S. Bai, J. Z. Kolter and V. Koltun,
 * 2018 (arXiv 1803.01271), and of the RRU's paper, 2021 (arXiv 2108.00527).
 */
import { basename } from "node:path";
import { type Cell, cells, InputError } from "unrolled";
import { readChorales, stepsOf } from "./chorales/pieces.ts";
import { mean } from "./chorales/statistics.ts";
import { type Outcome, type Settings, train } from "./chorales/train.ts";
import { readCell, recipe, seedRange, writeJson } from "./shared/command.ts";

/** What is published of a set, and how it is learnt here: chosen on its validation pieces. */
type Set = {
  readonly published: { readonly lstm: number; readonly gru: number; readonly rru: number };
  readonly cell: string;
  readonly settings: Omit<Settings, "cell" | "seed" | "engine">;
};
const usual = {
  layers: 1,
  window: 200,
  epochs: 400,
  dropout: 0,
  outputDropout: 0,
  units: 200,
  learningRate: 0.002,
  batch: 8,
} as const;
const sets: Readonly<Record<string, Set>> = {
  "jsb-chorales-quarter": {
    published: { lstm: 8.33, gru: 8.2, rru: 7.72 },
    cell: "rru",
    settings: { ...usual, patience: 20, recurrentDropout: 0.5, transpose: 5 },
  },
  nottingham: {
    published: { lstm: 3.25, gru: 3.22, rru: 2.92 },
    cell: "lstm",
    settings: {
      ...{ ...usual, units: 256, batch: 4, patience: 6, outputDropout: 0.3, recurrentDropout: 0.2 },
      transpose: 0,
    },
  },
  musedata: {
    published: { lstm: 7.24, gru: 7.31, rru: 7.03 },
    cell: "rru",
    settings: { ...usual, patience: 6, recurrentDropout: 0.5, transpose: 5 },
  },
  piano_midi: {
    published: { lstm: 7.54, gru: 7.58, rru: 7.38 },
    cell: "rru",
    settings: { ...usual, patience: 20, recurrentDropout: 0.5, transpose: 5 },
  },
};

const whole = { whole: true, min: 1, max: 100_000 } as const;
const rate = { min: 0, max: 0.95 } as const;

await recipe({
  name: "polyphonic",
  usage: "polyphonic FILE [options]",
  summary: "recurrent layers predict the next step of four sets of music",
  details:
    "FILE is jsb-chorales-quarter.json, nottingham.json, musedata.json or\n" +
    "piano_midi.json. Negative log-likelihood on the test pieces in nats a step,\n" +
    "summed over the 88 keys, beside the published figures.",
  examples: ["polyphonic nottingham.json --cell gru --seeds 3", "polyphonic piano_midi.json"],
  arguments: [1, 1],
  options: {
    cell: { value: "CELL", help: "a built-in cell, or a file of equations [rru, nottingham lstm]" },
    units: { value: "N", help: "of each layer", number: whole },
    layers: { value: "N", help: "recurrent layers", number: whole },
    window: { value: "N", help: "steps that are learnt at once, at most", number: whole },
    epochs: { value: "N", help: "passes over the training pieces at most", number: whole },
    patience: { value: "N", help: "passes without a better validation loss", number: whole },
    batch: { value: "N", help: "windows side by side", number: whole },
    "learning-rate": { value: "X", help: "of Adam", number: { above: 0 } },
    dropout: { value: "X", help: "rate of the inputs left out", number: rate },
    "output-dropout": { value: "X", help: "rate of the layers' outputs left out", number: rate },
    "recurrent-dropout": { value: "X", help: "rate of the states left out", number: rate },
    transpose: {
      value: "N",
      help: "semitones that a window is moved at most",
      number: { whole: true, min: 0, max: 44 },
    },
    seed: { value: "N", help: "of the initial values and of all draws [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: whole },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const file = given.positionals[0] as string;
    const name = basename(file, ".json");
    const set = sets[name];
    if (set === undefined) {
      throw new InputError(`${file}: is none of the four sets; they are ${Object.keys(sets).join(", ")}, each .json.`);
    }
    const music = readChorales(file);
    const cellName = given.text("cell") ?? set.cell;
    const read = readCell(cellName);
    const number = (option: string, usually: number): number => given.number(option) ?? usually;
    const { settings: own } = set;
    const settings = {
      cell: typeof read === "string" ? (cells[read] as Cell) : read,
      engine: "native",
      units: number("units", own.units),
      layers: number("layers", own.layers as number),
      window: number("window", own.window as number),
      epochs: number("epochs", own.epochs),
      patience: number("patience", own.patience),
      batch: number("batch", own.batch),
      learningRate: number("learning-rate", own.learningRate),
      dropout: number("dropout", own.dropout),
      outputDropout: number("output-dropout", own.outputDropout as number),
      recurrentDropout: number("recurrent-dropout", own.recurrentDropout as number),
      transpose: number("transpose", own.transpose as number),
    } as const;
    const steps = [music.train, music.valid, music.test].map(stepsOf);
    say(`${name}: ${steps[0]} steps to train on, ${steps[1]} to stop by, ${steps[2]} to test on`);
    const outcomes: Outcome[] = [];
    for (let k = 0; k < number("seeds", 1); k++) {
      const seed = number("seed", 0) + k;
      const outcome = await train(music, { ...settings, seed }, (line) => {
        const { epoch, loss, validationLoss, elapsedMs } = line;
        if (json) writeJson({ cell: cellName, seed, ...line });
        else
          say(
            `  epoch ${epoch}  loss ${loss.toFixed(4)}  validation ${validationLoss.toFixed(4)}  ${(elapsedMs / 1000).toFixed(0)} s`,
          );
      });
      outcomes.push(outcome);
      const { parameters, epoch, epochs, validation, test, testInWindows, elapsedMs } = outcome;
      if (json) {
        const of = { set: name, cell: cellName, seed, units: settings.units, parameters, epochs, bestEpoch: epoch };
        const losses = {
          validationLoss: validation.all,
          testLoss: test.all,
          testLossFromSecond: test.fromSecond,
          testInWindows,
        };
        writeJson({ ...of, ...losses, testSteps: steps[2], elapsedMs });
      }
      say(
        `${cellName} of ${settings.units}, ${parameters} parameters, seed ${seed}: ${test.all.toFixed(3)} nats a step, ` +
          `${test.fromSecond.toFixed(3)} without first steps, ${testInWindows.toFixed(3)} in windows ` +
          `(epoch ${epoch}, validation ${validation.all.toFixed(3)})`,
      );
    }
    const range = (all: readonly number[]): string =>
      mean(all).toFixed(3) +
      (all.length === 1 ? "" : ` (${Math.min(...all).toFixed(3)} to ${Math.max(...all).toFixed(3)})`);
    const { lstm, gru, rru } = set.published;
    say(
      [
        "",
        "| set | cell | units | test, nats a step | without first steps | in windows | published: LSTM, GRU, RRU |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        `| ${name} | ${cellName} | ${settings.units} | ${range(outcomes.map(({ test }) => test.all))} | ` +
          `${range(outcomes.map(({ test }) => test.fromSecond))} | ${range(outcomes.map((one) => one.testInWindows))} | ${[lstm, gru, rru].map((one) => one.toFixed(2)).join(", ")} |`,
      ].join("\n"),
    );
  },
});
