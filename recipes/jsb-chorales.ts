/**
 * Chorales by J. S. Bach, as J. Chung, C. Gulcehre, K. Cho and Y. Bengio predict them in "Empirical evaluation of gated
 * recurrent neural networks on sequence modeling", 2014 (arXiv 1412.3555): one layer of a cell reads which of a piano's
 * keys sound, and gives for each the probability that it sounds in the next step. Their LSTM has peepholes:
 * `--cell peephole-lstm`.
 */
import { type Cell, cells } from "unrolled";
import { readChorales, stepsOf } from "./chorales/pieces.ts";
import { mean } from "./chorales/statistics.ts";
import { defaults, type Outcome, train } from "./chorales/train.ts";
import { readCell, recipe, seedRange, writeJson } from "./shared/command.ts";

/**
 * What the paper's table has for the chorales: units, and nats a step on the test set. The learning rates are ours, chosen
 * on the validation set.
 */
const published = {
  "simple-rnn": { units: 100, loss: 9.1, learningRate: 0.003 },
  gru: { units: 46, loss: 8.54, learningRate: 0.003 },
  lstm: { units: 36, loss: 8.67, learningRate: 0.006 },
} as const;
/** Of any other cell. */
const usual = { units: 36, learningRate: 0.003 } as const;
const isPublished = (name: string): name is keyof typeof published => Object.hasOwn(published, name);

const whole = { whole: true, min: 1, max: 100_000 } as const;

await recipe({
  name: "jsb-chorales",
  usage: "jsb-chorales FILE [options]",
  summary: "tanh, GRU and LSTM predict the next step of Bach's chorales",
  details:
    "FILE is jsb-chorales-quarter.json. Without --cell all three learn, and are set beside the published figures:\n" +
    "negative log-likelihood on the test set in nats a step, summed over the 88 keys.",
  examples: ["jsb-chorales jsb-chorales-quarter.json --seeds 3", "jsb-chorales FILE --cell mgu --units 56"],
  arguments: [1, 1],
  options: {
    cell: { value: "CELL", help: "a built-in cell, or a file of equations" },
    units: { value: "N", help: "of the cell [36; gru 46, simple-rnn 100, as published]", number: whole },
    epochs: { value: "N", help: `passes over the training pieces at most [${defaults.epochs}]`, number: whole },
    patience: { value: "N", help: `passes without a better validation loss [${defaults.patience}]`, number: whole },
    batch: { value: "N", help: `pieces side by side [${defaults.batch}]`, number: whole },
    "learning-rate": { value: "X", help: "of Adam [0.003; lstm 0.006]", number: { above: 0 } },
    dropout: { value: "X", help: `rate of the inputs left out [${defaults.dropout}]`, number: { min: 0, max: 0.95 } },
    seed: { value: "N", help: "of the initial values and the order of the pieces [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings of each cell, from that seed on [1]", number: whole },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const chorales = readChorales(given.positionals[0] as string);
    const only = given.text("cell");
    const chosen = only === undefined ? Object.keys(published) : [only];
    const seeds = Array.from({ length: given.number("seeds") ?? 1 }, (_, k) => (given.number("seed") ?? 0) + k);
    const count = stepsOf(chorales.test);
    const later = count - chorales.test.length;
    say(`${stepsOf(chorales.train)} steps to train on, ${stepsOf(chorales.valid)} to stop by, ${count} to test on`);

    const rows: string[] = [];
    for (const name of chosen) {
      const read = readCell(name);
      const cell = typeof read === "string" ? (cells[read] as Cell) : read;
      const own = isPublished(name) ? published[name] : usual;
      const units = given.number("units") ?? own.units;
      const outcomes: Outcome[] = [];
      for (const seed of seeds) {
        const settings = {
          cell,
          units,
          seed,
          learningRate: given.number("learning-rate") ?? own.learningRate,
          batch: given.number("batch") ?? defaults.batch,
          epochs: given.number("epochs") ?? defaults.epochs,
          patience: given.number("patience") ?? defaults.patience,
          dropout: given.number("dropout") ?? defaults.dropout,
        };
        const outcome = await train(chorales, settings, (line) => {
          const { epoch, loss, validationLoss, elapsedMs } = line;
          if (json) writeJson({ cell: name, seed, ...line });
          else if (epoch % 10 === 0) {
            const seconds = (elapsedMs / 1000).toFixed(0);
            say(`  epoch ${epoch}  loss ${loss.toFixed(4)}  validation ${validationLoss.toFixed(4)}  ${seconds} s`);
          }
        });
        outcomes.push(outcome);
        const { parameters, epoch, epochs, validation, test, elapsedMs } = outcome;
        if (json) {
          writeJson({
            cell: name,
            seed,
            units,
            parameters,
            epochs,
            bestEpoch: epoch,
            validationLoss: validation.all,
            testLoss: test.all,
            testSteps: count,
            testLossFromSecond: test.fromSecond,
            testStepsFromSecond: later,
            elapsedMs,
          });
        }
        say(
          `${name} of ${units}, ${parameters} parameters, seed ${seed}: ${test.all.toFixed(3)} nats a step over all ${count}, ` +
            `${test.fromSecond.toFixed(3)} without the ${count - later} first ones (epoch ${epoch}, validation ${validation.all.toFixed(3)})`,
        );
      }
      const [all, fromSecond] = [outcomes.map(({ test }) => test.all), outcomes.map(({ test }) => test.fromSecond)];
      const range = seeds.length === 1 ? "" : ` (${Math.min(...all).toFixed(3)} to ${Math.max(...all).toFixed(3)})`;
      rows.push(
        `| ${name} | ${units} | ${outcomes[0]?.parameters} | ${mean(all).toFixed(3)}${range} | ` +
          `${mean(fromSecond).toFixed(3)} | ${isPublished(name) ? published[name].loss.toFixed(2) : ""} |`,
      );
    }
    say(
      [
        "",
        `| cell | units | parameters | all ${count} steps | all but the first of a piece | published |`,
        "| --- | --- | --- | --- | --- | --- |",
        ...rows,
      ].join("\n"),
    );
  },
});
