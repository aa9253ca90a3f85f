/**
 * Copying and reversing as translation: random letters, the same again or backwards. It is learnt on texts of 10 to 20 letters, and measured on
 * ones of 40, longer than any that has been seen: what is learnt has to be where to look next, not what stands at which place.
 */
import { createRandom, type TextPair, trainTranslator, translate, translator } from "unrolled";
import { recipe, writeJson } from "./shared/command.ts";
import { rangeOf, teller, trainingOf, trainingOptions } from "./shared/translating.ts";

const whole = { whole: true, min: 1, max: 100_000 } as const;
const attentions = ["location", "additive", "dot", "none"] as const;
const tasks = ["copy", "reverse"] as const;
const defaults = { texts: 20_000, units: 128, epochs: 6, batch: 64, rate: 0.003, letters: 26, tested: 500 } as const;
const lengths = { shortest: 10, longest: 20, tested: 40 } as const;

await recipe({
  name: "copy-reverse",
  usage: "copy-reverse [options]",
  summary: "texts of 40 letters, copied and reversed by what has learnt from 10 to 20",
  details:
    "Makes its texts itself. Prints how many letters, and how many whole texts, are right\nof texts of each length.",
  examples: ["copy-reverse --seeds 3", "copy-reverse --task reverse --attention additive"],
  arguments: [0, 0],
  options: {
    task: { value: "TASK", help: "copy or reverse [both]", choices: tasks },
    attention: { value: "HOW", help: "location, additive, dot or none [location]", choices: attentions },
    letters: { value: "N", help: `different ones [${defaults.letters}]`, number: { whole: true, min: 2, max: 26 } },
    texts: { value: "N", help: `to learn from [${defaults.texts}]`, number: whole },
    tested: { value: "N", help: `texts of each length [${defaults.tested}]`, number: whole },
    ...trainingOptions(defaults),
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const number = <Name extends keyof typeof defaults>(name: Name): number => given.number(name) ?? defaults[name];
    const attention = (given.text("attention") ?? "location") as (typeof attentions)[number];
    const training = trainingOf(given, defaults);
    const { threads } = training;
    const host = threads === undefined ? {} : { threads };
    const first = given.number("seed") ?? 0;
    const task = given.text("task") as (typeof tasks)[number] | undefined;
    for (const name of task === undefined ? tasks : [task]) {
      const found: { accuracy: number; exact: number }[] = [];
      for (let seed = first; seed < first + (given.number("seeds") ?? 1); seed++) {
        const random = createRandom(seed);
        const draw = (count: number, from: number, to: number): TextPair[] =>
          Array.from({ length: count }, () => {
            const length = from + random.integer(to - from + 1);
            const text = Array.from({ length }, () => String.fromCharCode(97 + random.integer(number("letters"))));
            return { source: text.join(""), target: (name === "copy" ? text : text.toReversed()).join("") };
          });
        const pairs = draw(number("texts"), lengths.shortest, lengths.longest);
        const of = translator(pairs, { attention, units: number("units"), seed });
        await trainTranslator(of, pairs, { ...training, seed, onEpoch: teller(json, { task: name, seed }) });
        for (const length of [lengths.longest, 30, lengths.tested]) {
          const tested = draw(number("tested"), length, length);
          const said = await translate(
            of,
            tested.map(({ source }) => source),
            { beams: 1, length: 2 * length, ...host },
          );
          const right = tested.map(({ target }, k) => [...target].filter((one, t) => said[k]?.text[t] === one).length);
          const accuracy = right.reduce((sum, one) => sum + one, 0) / (length * tested.length);
          const exact = tested.filter(({ target }, k) => said[k]?.text === target).length / tested.length;
          if (length === lengths.tested) found.push({ accuracy, exact });
          if (json) writeJson({ task: name, seed, length, accuracy, exact });
          say(
            `${name}, seed ${seed}: of ${length} letters ${(100 * accuracy).toFixed(2)} %, of whole texts ${(100 * exact).toFixed(2)} % right`,
          );
        }
      }
      const [letters, whole] = (["accuracy", "exact"] as const).map((what) => rangeOf(found.map((one) => one[what])));
      say(`${name}, attention ${attention}, mean of ${found.length}: letters ${letters}, whole texts ${whole}`);
    }
  },
});
