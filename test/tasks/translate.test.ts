/** Translators: trained, measured, written and read; beams; where they look. */
import { beforeAll, describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { cell } from "../../src/graph/cell.ts";
import { createRandom } from "../../src/nn/random.ts";
import { bleu } from "../../src/tasks/translate/bleu.ts";
import { examplesOf } from "../../src/tasks/translate/examples.ts";
import { type TranslateStepsOptions, translateSteps } from "../../src/tasks/translate/predict.ts";
import {
  evaluateTranslator,
  readTranslator,
  type TextPair,
  type Translator,
  trainTranslator,
  translate,
  translator,
  writeTranslator,
} from "../../src/tasks/translate.ts";
import { predict } from "../../src/train/predict.ts";
import { enginesAndThreads } from "../helpers/native.ts";
import { serving } from "../server/serving.ts";

/** Words of a to f of 2 to 5 letters, and the same backwards. */
function words(count: number, seed: number): TextPair[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const source = Array.from(
      { length: 2 + Math.floor(4 * random.uniform()) },
      () => "abcdef"[Math.floor(6 * random.uniform())],
    );
    return { source: source.join(""), target: source.reverse().join("") };
  });
}
/** All but the places where equations stand. */
const dataOf = ({ model, ...others }: Translator) => ({ values: model.values, ...others });
const sizes = { units: 32, embedding: 16 } as const;

describe("backwards", () => {
  let of: Translator;
  const others = words(60, 9);
  beforeAll(async () => {
    of = translator(words(10, 1), { ...sizes, seed: 1 });
    const losses: number[] = [];
    const { epochs, trainingPairs, validationPairs } = await trainTranslator(of, words(600, 2), {
      ...{ epochs: 12, batchSize: 20, learningRate: 0.01, seed: 1, validation: 0.1 },
      onEpoch: ({ loss }) => losses.push(loss),
    });
    expect([epochs, trainingPairs, validationPairs, losses.length]).toEqual([12, 540, 60, 12]);
  }, 60_000);
  test("new words are right", async () => {
    const { exact, accuracy, pairs, bleu: score } = await evaluateTranslator(of, others);
    expect(pairs).toBe(60);
    expect(exact).toBeGreaterThan(0.9);
    expect(accuracy).toBeGreaterThan(0.95);
    expect(score).toBeCloseTo(exact, 12); // Of single words: the share that is right.
  });
  test("the decoder looks from the last letter to the first; the shares of each token sum to 1", async () => {
    const [one] = await translate(of, ["abcde"], { attention: true, beams: 1 });
    const { source, target, shares } = (one as NonNullable<typeof one>).attention as NonNullable<
      NonNullable<typeof one>["attention"]
    >;
    expect([source.join(""), target.slice(0, 5).join("")]).toEqual(["abcde", "edcba"]);
    expect(shares.map((row) => row.length)).toEqual([5, 5, 5, 5, 5, 5]);
    for (const row of shares) expect(row.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 4);
  });
  test.each(enginesAndThreads)(
    "its log-probability is that of its tokens read at once; engine $engine, $threads threads",
    async (host) => {
      for (const beams of [1, 3]) {
        const said = await translate(of, ["fedca", "ba"], { beams, ...host });
        for (const [k, { text, logProbability, ended }] of said.entries()) {
          expect(ended).toBe(true);
          const { x, y } = examplesOf(of, [{ source: ["fedca", "ba"][k] as string, target: text }]);
          const { data } = await predict(of.model, x, host);
          const size = of.model.outputSize;
          const wanted = (y[0] as number[]).reduce((sum, id, t) => {
            const row = Array.from(data.subarray(t * size, (t + 1) * size));
            const largest = Math.max(...row);
            return (
              sum + (row[id] as number) - largest - Math.log(row.reduce((all, one) => all + Math.exp(one - largest), 0))
            );
          }, 0);
          expect(logProbability).toBeCloseTo(wanted, 3);
        }
      }
    },
  );
  test("more beams find nothing less likely; texts together are as each alone", async () => {
    const texts = others.slice(0, 12).map(({ source }) => source);
    const [greedy, four] = [await translate(of, texts, { beams: 1 }), await translate(of, texts, { beams: 4 })];
    four.forEach(({ logProbability }, k) => {
      expect(logProbability).toBeGreaterThanOrEqual((greedy[k]?.logProbability as number) - 1e-3);
    });
    for (const k of [0, 5]) {
      const [alone] = await translate(of, [texts[k] as string], { beams: 4 });
      expect(alone?.text).toBe(four[k]?.text);
      expect(alone?.logProbability).toBeCloseTo(four[k]?.logProbability as number, 4);
    }
  });
  describe("step by step", () => {
    async function steps(text: string, options: Partial<TranslateStepsOptions>) {
      const all: (readonly string[])[] = [];
      const searching = translateSteps(of, text, { values: [], likeliest: 3, ...options });
      for (;;) {
        const { done, value } = await searching.next();
        if (done) return { all, said: value };
        all.push(value.map((one) => `${one.text}${one.ended ? "." : ""}`));
      }
    }
    test.each([1, 2, 5])("with %i beams it says what translate says, and looks where it looks", async (beams) => {
      for (const source of ["abcde", "fa"]) {
        const [wanted] = await translate(of, [source], { beams, attention: true });
        const { all, said } = await steps(source, { beams, values: ["decoder.attention", "decoder.f", "decoder.h"] });
        expect(said).toMatchObject({ text: wanted?.text, logProbability: wanted?.logProbability, ended: true });
        expect([said.source, said.target]).toEqual([wanted?.attention?.source, wanted?.attention?.target]);
        const rows = said.values["decoder.attention"]?.map((row) => [...row].slice(0, source.length));
        expect(rows).toEqual(wanted?.attention?.shares);
        // A value a step, of each token and the end; gates are between 0 and 1.
        const gates = said.values["decoder.f"] ?? [];
        expect(gates.map((row) => row.length)).toEqual(said.target.map(() => sizes.units));
        expect(gates.every((row) => row.every((one) => one > 0 && one < 1))).toBe(true);
        expect(new Set(said.values["decoder.h"]?.map((row) => row.join())).size).toBe(said.target.length);
        // Probabilities are those of the tokens, and of the likeliest.
        const product = said.probabilities.reduce((sum, one) => sum + Math.log(one), 0);
        expect(product).toBeCloseTo(said.logProbability, 9);
        said.next.forEach((row, t) => {
          expect(row).toHaveLength(3);
          expect(row.find(({ text }) => text === said.target[t])?.probability).toBe(said.probabilities[t]);
        });
        expect(all.at(-1)?.[0]).toBe(`${said.text}.`);
        expect(all.every((kept) => kept.length <= 2 * beams)).toBe(true);
        if (beams === 1) expect(all).toEqual([...said.text, "."].map((_, t) => [`${said.text}.`.slice(0, t + 1)]));
      }
    });
    test("a value that is not the answer's, and an empty text", async () => {
      await expect(steps("ab", { values: ["keys.y"] })).rejects.toThrow('the model has no value "keys.y" at each step');
      await expect(steps("", {})).rejects.toThrow("The text is empty: there is nothing to translate.");
    });
  });
  test("an end that is not reached is told", async () => {
    const [one] = await translate(of, ["abcde"], { length: 2, beams: 1 });
    expect([one?.text, one?.ended]).toEqual(["ed", false]);
  });
  test("a server answers what it translates, and says what does not fit", async () => {
    const here = await serving({}, { backwards: of });
    const ask = async (body: object): Promise<[number, unknown]> => {
      const answer = await here.post("/v1/translations", { model: "backwards", ...body });
      return [answer.status, await answer.json()];
    };
    const [wanted] = await translate(of, ["face"], { beams: 2, attention: true });
    const { logProbability, ...others } = wanted as NonNullable<typeof wanted>;
    expect(await ask({ texts: ["face"], beams: 2, attention: true })).toEqual([
      200,
      { translations: [{ ...others, log_probability: logProbability }] },
    ]);
    const [status, told] = await ask({ texts: ["a", ""] });
    expect(status).toBe(400);
    expect(JSON.stringify(told)).toContain("texts");
  });
  test("its file holds it, to the bit", async () => {
    const bytes = writeTranslator({ ...of, options: { epochs: 12 } });
    const read = readTranslator(bytes, "m.safetensors");
    expect(dataOf(read)).toEqual(dataOf({ ...of, options: { epochs: 12 } }));
    expect(await translate(read, ["cab"])).toEqual(await translate(of, ["cab"]));
  });
});

test("by location it goes on through texts that are longer than any before", async () => {
  const random = createRandom(3);
  const draw = (count: number, from: number, to: number): TextPair[] =>
    Array.from({ length: count }, () => {
      const source = Array.from({ length: from + random.integer(to - from + 1) }, () => "abcdefgh"[random.integer(8)]);
      return { source: source.join(""), target: source.reverse().join("") };
    });
  const of = translator(draw(20, 4, 8), { units: 32, embedding: 16, attention: "location", seed: 1 });
  await trainTranslator(of, draw(2000, 4, 8), { epochs: 12, batchSize: 32, learningRate: 0.01, seed: 1 });
  const { accuracy } = await evaluateTranslator(of, draw(100, 20, 20));
  expect(accuracy).toBeGreaterThan(0.9);
  const [one] = await translate(of, ["abcdefghabcdefgh"], { attention: true, beams: 1 });
  const shares = (one as NonNullable<typeof one>).attention?.shares as number[][];
  expect(shares.slice(0, 16).map((row) => row.indexOf(Math.max(...row)))).toEqual(
    Array.from({ length: 16 }, (_, t) => 15 - t),
  );
});

test.each([
  ["any cell, without attention", { cell: "mgu", attention: "none" }],
  [
    "products, one way, two layers, dropout",
    { cell: "gru", attention: "dot", bidirectional: false, layers: 2, dropout: 0.1 },
  ],
  ["an own cell, whose output is no state", { cell: cell("h' = tanh(W @ x + U @ h)\ny = h' + V @ x") }],
  ["an own cell, by location", { cell: cell("h' = tanh(W @ x + U @ h)\ny = h' + V @ x"), attention: "location" }],
  ["words", { tokens: "word" }],
  ["byte pairs", { tokens: "bpe", maxVocabulary: 270 }],
] as const)("%s: trains, the same from the same seed, and translates", async (_, options) => {
  const pairs = words(40, 4).map(({ source, target }) => ({ source: `${source} x`, target: `${target} y z` }));
  const values = [0, 1].map(() => translator(pairs, { units: 8, embedding: 4, seed: 3, ...options }));
  for (const of of values) await trainTranslator(of, pairs, { epochs: 2, batchSize: 8 });
  const [one, other] = values as [Translator, Translator];
  expect(one.model.values).toEqual(other.model.values);
  expect(dataOf(readTranslator(writeTranslator(one)))).toEqual(dataOf(one));
  const said = await translate(one, ["abc x", "f x"], { beams: 2, length: 6 });
  expect(said.map(({ text }) => typeof text)).toEqual(["string", "string"]);
});

test("BLEU: by hand", () => {
  expect(bleu(["the cat sat on the mat"], ["the cat sat on the mat"])).toBeCloseTo(1, 12);
  // 5 of 6 words, 3 of 5 pairs, 2 of 4 threes, 1 of 3 fours; as long as the reference.
  expect(bleu(["the cat sat on a mat"], ["the cat sat on the mat"])).toBeCloseTo(
    ((5 / 6) * (3 / 5) * (2 / 4) * (1 / 3)) ** 0.25,
    12,
  );
  // All runs fit, and 4 words stand for 6.
  expect(bleu(["the cat sat on"], ["the cat sat on the mat"])).toBeCloseTo(Math.exp(1 - 6 / 4), 12);
  // A word counts as often as the reference has it: "the" 7 times, there twice.
  expect(bleu(["the the the the the the the"], ["the cat is on the mat"])).toBe(0);
  expect(bleu(["Ja."], ["Ja."])).toBeCloseTo(1, 12);
});

describe("what is refused, in a line", () => {
  const pairs = words(20, 3);
  test.each([
    ["no pairs", () => translator([]), "translator: pairs must be a list of pairs { source, target }, got a list of 0"],
    [
      "an empty source",
      () => translator([{ source: "", target: "a" }]),
      "translator: pairs[0]: its source is empty: there is nothing to translate.",
    ],
    ["a text alone", () => translator(["a"] as never), 'translator: pairs[0] must be { source, target }, got "a"'],
    [
      "odd units",
      () => translator(pairs, { units: 7 }),
      "translator: units must be even, as each direction of the encoder has half of them; got 7",
    ],
    ["an unknown cell", () => translator(pairs, { cell: "lstn" }), "Did you mean lstm?"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });
  test("what needs a trained one", async () => {
    const of = translator(pairs, { ...sizes, attention: "none", cell: cells.gru as never });
    await expect(translate(of, ["a", ""])).rejects.toThrow(
      "translate: texts[1] is empty: there is nothing to translate.",
    );
    await expect(translate(of, ["a"], { attention: true })).rejects.toThrow(
      "translate: attention: this translator has none.",
    );
    await expect(trainTranslator(of, pairs.slice(0, 1), { validation: 0.9 })).rejects.toThrow(
      "trainTranslator: of 1 example 1 would be kept for validation, and none is left to train on",
    );
    const bytes = writeTranslator(of);
    expect(() => readTranslator(bytes.slice(0, 400), "m.safetensors")).toThrow(/^m\.safetensors: /);
    expect(() => writeTranslator({ ...of, target: of.source })).not.toThrow();
    expect(() => writeTranslator({ ...of, source: { ...of.source, vocabulary: ["a"] } as never })).toThrow(
      "its model has 9 tokens of its source, and its vocabulary 3",
    );
  });
});
