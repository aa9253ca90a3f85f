/**
 * Which patterns of a text a model has a unit for, after A. Karpathy, J. Johnson and L. Fei-Fei, "Visualizing and understanding
 * recurrent networks", 2015 (arXiv 1506.02078), with what chance gives beside each figure: the unit is chosen on the first half of
 * a text that the model was not trained on and judged on the second, among shifted copies of the pattern; then it is set to 0.
 * The search is the one that the studio's page makes, in `src/tasks`, which is no part of the package's surface.
 */

import { createRandom, InputError, readLanguageModel } from "unrolled";
import { encode } from "unrolled/text/tokenizer";
import { type Ablated, type Effect, effectsOf, lossesWithout, otherUnits } from "../src/tasks/ablation.ts";
import { correlate, type Following, followingOf, prepare } from "../src/tasks/following.ts";
import { inspectText, shownValues } from "../src/tasks/inspect-text.ts";
import { type Pattern, signalOf } from "../src/tasks/patterns.ts";
import { type Probe, probe } from "../src/tasks/probe.ts";
import { recipe, writeJson } from "./shared/command.ts";
import { readBytes, readText } from "./shared/files.ts";

/** What is looked for where nothing is asked for. */
const usual: readonly (readonly [name: string, pattern: Pattern])[] = [
  ["inside quotes", { kind: "quotes" }],
  ["inside parentheses", { kind: "parentheses" }],
  ["place in the line", { kind: "line" }],
  ["words with a capital", { kind: "expression", source: "\\b\\p{Lu}\\p{L}*" }],
  ["numbers", { kind: "expression", source: "\\d[\\d.,@ ]*\\d|\\d" }],
  ["the fifth letter of a word and all after it", { kind: "expression", source: "(?<=\\p{L}{4})\\p{L}+" }],
];

const r = (x: number): string => x.toFixed(3).replace("-", "−");
const signed = (x: number): string => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(4)}`;
const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;
const verdicts: Readonly<Record<Following["verdict"], string>> = {
  follows: "yes",
  weakly: "a little",
  none: "no",
  "too few": "too few to say",
};

type Row = {
  readonly name: string;
  readonly signal: Float32Array;
  readonly following: Following;
  readonly unit: Ablated;
  readonly label: string;
  readonly probe: Probe | undefined;
};

await recipe({
  name: "patterns",
  usage: "patterns MODEL FILE [options]",
  summary: "which patterns a language model has a unit for, beside what chance gives",
  details:
    "MODEL is a language model, FILE a text that it was not trained on. Each unit of its states is compared with each\n" +
    "pattern; the strongest in the first half of the text is judged on the second. Prints a table in Markdown.",
  examples: [
    "patterns models/moby-dick.safetensors end-of-the-book.txt",
    "patterns wikipedia.safetensors test.txt --expression 'headings=(?<=\\n) =[^\\n]*'",
  ],
  arguments: [2, 2],
  options: {
    tokens: {
      value: "N",
      help: "of the text, from its beginning [60000]",
      number: { whole: true, min: 100, max: 1_000_000 },
    },
    expression: { value: "NAME=RE", help: "one more pattern; for several, give it again", multiple: true },
    others: {
      value: "N",
      help: "other units to set to 0, to compare with [48]",
      number: { whole: true, min: 1, max: 500 },
    },
    random: {
      value: "N",
      help: "patterns made by chance, to see how often a unit is said to follow one [100]",
      number: { whole: true, min: 0, max: 10_000 },
    },
    threads: {
      value: "N",
      help: "that read the text without a unit [cores]",
      number: { whole: true, min: 1, max: 64 },
    },
  },
  async run(given) {
    const json = given.flag("json");
    const say = (text: string): unknown => json || process.stdout.write(`${text}\n`);
    const [file, textFile] = given.positionals as readonly [string, string];
    const lm = readLanguageModel(readBytes(file), file);
    const text = readText(textFile);
    const own = given.texts("expression").map((option): (typeof usual)[number] => {
      const at = option.indexOf("=");
      if (at < 1) throw new InputError(`--expression: needs NAME=RE, got "${option}".`);
      return [option.slice(0, at), { kind: "expression", source: option.slice(at + 1) }];
    });
    const ids = Int32Array.from(encode(lm.tokenizer, text)).slice(0, given.number("tokens") ?? 60_000);
    const values = shownValues(lm.model, [], file).filter(({ state }) => state);
    if (values.length === 0) throw new InputError(`${file}: the model remembers nothing.`);
    const units = values.map(({ size }) => ({ data: new Float32Array(ids.length * size), size }));
    const texts: string[] = [];
    let bits = 0;
    for await (const step of inspectText(lm, ids, file, { values: values.map(({ key }) => key), likeliest: 0 })) {
      values.forEach(({ key, size }, k) => units[k]?.data.set(step.values[key] as Float32Array, texts.length * size));
      texts.push(step.text);
      bits += (step.loss ?? 0) / Math.LN2;
    }
    const bitsPerToken = bits / (ids.length - 1);
    say(
      `${file}: ${ids.length.toLocaleString("en")} tokens of ${textFile}, ${bitsPerToken.toFixed(3)} bits a token.\n`,
    );

    const rows = [...usual, ...own].map(([name, pattern]): Row => {
      const signal = signalOf(texts, pattern);
      const prepared = prepare(signal);
      const following = followingOf(
        units.map(({ data, size }) => correlate(data, size, prepared)),
        prepared,
      );
      const best = following.best[0] ?? { value: 0, unit: 0 };
      const { key, label } = values[best.value] as (typeof values)[number];
      const told = following.verdict === "too few" ? undefined : probe(units, signal, prepared);
      const row = {
        name,
        signal,
        following,
        unit: { key, unit: best.unit },
        label: `${label}[${best.unit}]`,
        probe: told,
      };
      if (json) writeJson({ pattern: name, unit: row.label, following, probe: told ?? null });
      return row;
    });

    const trials = given.number("random") ?? 100;
    const followed = randomPatterns(trials, ids.length).filter((signal) => {
      const prepared = prepare(signal);
      const found = units.map(({ data, size }) => correlate(data, size, prepared));
      return ["follows", "weakly"].includes(followingOf(found, prepared, 1).verdict);
    }).length;
    if (json) writeJson({ random: trials, followed });

    // In the half that no unit was chosen by: each pattern's own unit, and others of the last state.
    const half = Math.floor(ids.length / 2);
    const last = values.at(-1) as (typeof values)[number];
    const chosen = rows.map(({ unit }) => unit);
    const others = otherUnits(last.size, -1, given.number("others") ?? 48)
      .map((unit): Ablated => ({ key: last.key, unit }))
      .filter(({ unit }) => !chosen.some((one) => one.unit === unit));
    const threads = given.number("threads");
    const reading = lossesWithout(
      lm.model,
      ids.slice(half),
      [...chosen, ...others],
      threads === undefined ? {} : { threads },
    );
    let losses: readonly Float32Array[] | undefined;
    while (losses === undefined) {
      const { done, value } = await reading.next();
      if (done) losses = value;
    }
    const found = losses;
    const effects = rows.map(({ signal, label }, k) => {
      const all = effectsOf(found, signal.subarray(half));
      const beside = all.slice(rows.length);
      const own = all[k] as Effect;
      if (json) writeJson({ pattern: rows[k]?.name, without: label, ...own, others: beside });
      return { own, beside };
    });
    const table = tables(rows, effects).join("\n");
    if (json) writeJson({ table });
    say(table);
    if (trials > 0)
      say(`\nOf ${trials} patterns made by chance ${followed} are said to be followed, closely or a little.`);
  },
});

/** Ones and zeros in turn, 80 and 160 tokens long on average: as much in turns as what is said in quotes. */
function randomPatterns(count: number, tokens: number): readonly Float32Array[] {
  const random = createRandom(3);
  return Array.from({ length: count }, () => {
    let now = 0;
    return Float32Array.from({ length: tokens }, () => {
      if (random.uniform() < (now === 1 ? 1 / 80 : 1 / 160)) now = 1 - now;
      return now;
    });
  });
}

function tables(
  rows: readonly Row[],
  effects: readonly { readonly own: Effect; readonly beside: readonly Effect[] }[],
): readonly string[] {
  const table = (heads: readonly string[], lines: readonly (readonly string[])[]): string[] =>
    [heads, heads.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  const isTold = ({ following }: Row): boolean => following.verdict !== "too few";
  return [
    ...table(
      ["pattern", "begins", "unit", "first half", "shifted", "second half", "shifted", "followed"],
      rows.map(({ name, following, label }) => {
        const { best, beginnings, first, second, verdict } = following;
        const start = [name, beginnings.join(" + ")];
        if (verdict === "too few") return [...start, "", "", "", "", "", verdicts[verdict]];
        return [
          ...start,
          `\`${label}\``,
          r(best[0]?.first ?? 0),
          `${r(first.usual)}, ${r(first.most)}`,
          r(best[0]?.second ?? 0),
          `${r(second.usual)}, ${r(second.most)}`,
          verdicts[verdict],
        ];
      }),
    ),
    "",
    ...table(
      ["pattern", "all units", "without", "shifted", "unit at 0", "all", "on", "off", "others, on", "more, on"],
      rows.flatMap((row, k) => {
        const { own, beside } = effects[k] as (typeof effects)[number];
        if (!isTold(row) || row.probe === undefined) return [];
        const told =
          row.probe.kind === "classes"
            ? [
                `${percent(row.probe.balanced)} (${percent(row.probe.accuracy)})`,
                `50 % (${percent(row.probe.majority)})`,
                percent(row.probe.shifted),
              ]
            : [`R² ${r(row.probe.explained)}`, `R² ${r(row.probe.baseline)}`, `R² ${r(row.probe.shifted)}`];
        const others = beside.map(({ on }) => on).sort((a, b) => a - b);
        const middle = others[Math.floor(others.length / 2)] ?? 0;
        const more = others.filter((on) => on >= own.on).length;
        return [
          [
            ...[row.name, ...told, `\`${row.label}\``, signed(own.all), signed(own.on), signed(own.off)],
            ...[`${signed(middle)}, ${signed(others.at(-1) ?? 0)}`, `${more} of ${others.length}`],
          ],
        ];
      }),
    ),
  ];
}
