/**
 * Addition as translation: "123+45" becomes "168". Keras's example of sequence to sequence (F. Chollet et al., 2015): two numbers of
 * up to three digits, 50,000 different questions, of which a tenth is held out; "99 % in 100 epochs" is its accuracy by character.
 */
import {
  createRandom,
  evaluateTranslator,
  InputError,
  type TextPair,
  trainTranslator,
  translate,
  translator,
} from "unrolled";
import { recipe, seedRange, writeJson } from "./shared/command.ts";
import { shuffled } from "./shared/shuffled.ts";

const whole = { whole: true, min: 1, max: 100_000 } as const;
const attentions = ["additive", "dot", "none"] as const;
const defaults = { digits: 3, questions: 50_000, units: 128, epochs: 15, batch: 64, rate: 0.003 } as const;

await recipe({
  name: "addition",
  usage: "addition [options]",
  summary: "sums as translation, with attention and without",
  details:
    "Makes its questions itself. Prints how many characters, and how many whole sums, are right of those held out.",
  examples: ["addition --seeds 3", "addition --attention none"],
  arguments: [0, 0],
  options: {
    attention: { value: "HOW", help: "additive, dot or none [additive]", choices: attentions },
    digits: { value: "N", help: `of a number, at most [${defaults.digits}]`, number: { whole: true, min: 1, max: 9 } },
    questions: {
      value: "N",
      help: `of which a tenth is held out [${defaults.questions}]`,
      number: { ...whole, min: 20 },
    },
    units: { value: "N", help: `of the LSTMs [${defaults.units}]`, number: whole },
    epochs: { value: "N", help: `passes [${defaults.epochs}]`, number: whole },
    batch: { value: "N", help: `questions at a time [${defaults.batch}]`, number: whole },
    rate: { value: "X", help: `of Adam at the start [${defaults.rate}]`, number: { above: 0 } },
    seed: { value: "N", help: "of questions, values and order [0]", number: seedRange },
    seeds: { value: "N", help: "so many trainings, from that seed on [1]", number: { ...whole, max: 100 } },
    threads: { value: "N", help: "that train [cores]", number: { ...whole, max: 64 } },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const number = <Name extends keyof typeof defaults>(name: Name): number => given.number(name) ?? defaults[name];
    const attention = (given.text("attention") ?? "additive") as (typeof attentions)[number];
    const threads = given.number("threads");
    const host = threads === undefined ? {} : { threads };
    const first = given.number("seed") ?? 0;
    const most = (10 ** number("digits") * (10 ** number("digits") + 1)) / 2;
    if (number("questions") > most) {
      throw new InputError(
        `--questions ${number("questions")}: numbers of up to --digits ${number("digits")} have ${most} different ones. Give fewer.`,
      );
    }
    const found: { accuracy: number; exact: number }[] = [];
    for (let seed = first; seed < first + (given.number("seeds") ?? 1); seed++) {
      const startMs = performance.now();
      const pairs = questions(number("questions"), number("digits"), seed);
      const held = pairs.slice(0, Math.round(pairs.length / 10));
      const training = pairs.slice(held.length);
      const of = translator(pairs, { attention, units: number("units"), seed });
      await trainTranslator(of, training, {
        ...host,
        ...{
          epochs: number("epochs"),
          batchSize: number("batch"),
          learningRate: number("rate"),
          validation: 0.05,
          seed,
        },
        patience: number("epochs"),
        onEpoch({ epoch, loss, validationLoss = Number.NaN, validationAccuracy = Number.NaN }) {
          const elapsedMs = performance.now() - startMs;
          if (json) writeJson({ seed, epoch, loss, validationLoss, validationAccuracy, elapsedMs });
          else {
            const validation = `validation ${validationLoss.toFixed(4)}, ${(100 * validationAccuracy).toFixed(2)} %`;
            say(`  epoch ${epoch}  loss ${loss.toFixed(4)}  ${validation}  ${(elapsedMs / 1000).toFixed(0)} s`);
          }
        },
      });
      const { accuracy, exact } = await evaluateTranslator(of, held, host);
      const elapsedMs = performance.now() - startMs;
      found.push({ accuracy, exact });
      const shown = held.slice(0, 3).map(({ source }) => source);
      const said = await translate(of, shown, host);
      if (json) writeJson({ seed, accuracy, exact, elapsedMs });
      say(
        `seed ${seed}: ${(100 * accuracy).toFixed(2)} % of the characters and ${(100 * exact).toFixed(2)} % of ${held.length} sums right, ` +
          `${(elapsedMs / 1000).toFixed(0)} s; ${shown.map((source, k) => `${source}=${said[k]?.text}`).join(" ")}`,
      );
    }
    const range = (name: "accuracy" | "exact"): string => {
      const all = found.map((one) => 100 * one[name]);
      const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
      return `${mean.toFixed(2)} % (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)})`;
    };
    say(
      `attention ${attention}, mean of ${found.length}: characters ${range("accuracy")}, whole sums ${range("exact")}`,
    );
  },
});

/**
 * Different questions with their answers, as in Keras's example: both orders of two numbers are one question, and, as later ones have
 * longer numbers, all are shuffled.
 */
function questions(count: number, digits: number, seed: number): TextPair[] {
  const random = createRandom(seed);
  const draw = (): number => {
    const length = 1 + Math.floor(random.uniform() * digits);
    return Math.floor(random.uniform() * 10 ** length);
  };
  const seen = new Set<string>();
  const pairs: TextPair[] = [];
  while (pairs.length < count) {
    const [a, b] = [draw(), draw()];
    const key = `${Math.min(a, b)}+${Math.max(a, b)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    pairs.push({ source: `${a}+${b}`, target: `${a + b}` });
  }
  return shuffled(pairs, random);
}
