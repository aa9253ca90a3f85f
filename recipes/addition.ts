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
import { recipe, writeJson } from "./shared/command.ts";
import { shuffled } from "./shared/shuffled.ts";
import { rangeOf, teller, trainingOf, trainingOptions } from "./shared/translating.ts";

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
    ...trainingOptions(defaults),
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const number = <Name extends keyof typeof defaults>(name: Name): number => given.number(name) ?? defaults[name];
    const attention = (given.text("attention") ?? "additive") as (typeof attentions)[number];
    const training = trainingOf(given, defaults);
    const { threads } = training;
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
      const of = translator(pairs, { attention, units: given.number("units") ?? defaults.units, seed });
      await trainTranslator(of, pairs.slice(held.length), { ...training, seed, onEpoch: teller(json, { seed }) });
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
    const [characters, sums] = (["accuracy", "exact"] as const).map((name) => rangeOf(found.map((one) => one[name])));
    say(`attention ${attention}, mean of ${found.length}: characters ${characters}, whole sums ${sums}`);
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
