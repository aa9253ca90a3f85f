/** Classifiers of texts: they learn made reviews, by words, characters and byte pairs, and say which words their answer is due to. */
import { describe, expect, test } from "vitest";
import { serving } from "../../../src/tasks/classify/serving.ts";
import { readText, textTokens, vocabularyFor } from "../../../src/tasks/classify/text.ts";
import {
  classifier,
  classify,
  evaluateClassifier,
  explainText,
  readClassifier,
  trainClassifier,
  writeClassifier,
} from "../../../src/tasks/classify.ts";
import { refusal } from "../../helpers/refusal.ts";
import { reviews } from "./made-reviews.ts";

const training = reviews(80, 1);
const held = reviews(40, 2);
const small = { units: 8, embedding: 8, minCount: 1, dropout: 0.1, seed: 1 } as const;
const quick = { epochs: 8, batchSize: 8, learningRate: 0.02, validation: 0, seed: 1, threads: 1 } as const;
const learned = async (options = {}) => {
  const of = classifier(training, { ...small, ...options });
  await trainClassifier(of, training, { ...quick, augment: { tokenDropout: 0.1 } });
  return of;
};

test.each(textTokens)("a classifier learns from %s", async (tokens) => {
  const { accuracy } = await evaluateClassifier(await learned({ tokens }), held, { threads: 1 });
  expect(accuracy).toBeGreaterThan(0.9);
});

test("its answer is due to the word that says it; its file and a server say the same", async () => {
  const of = await learned();
  const { label, probability, tokens } = await explainText(of, "The old film was simply awful");
  expect([label, tokens.map(({ token }) => token)]).toEqual(["bad", ["the", "old", "film", "was", "simply", "awful"]]);
  const strongest = tokens.reduce((a, b) => (b.saliency > a.saliency ? b : a));
  expect(strongest.token).toBe("awful");
  expect(strongest.saliency).toBeGreaterThan(0);
  const again = readClassifier(writeClassifier(of));
  const [said] = await classify(again, [{ text: "The old film was simply awful" }]);
  expect(said?.probability).toBeCloseTo(probability, 5);
  const served = await serving.start(of, {});
  expect(await served.answers.classification?.({ text: "a lovely plot" })).toMatchObject({ label: "good" });
  await expect(served.answers.classification?.({ text: "a", rows: [[1]] })).rejects.toThrow("give one of audio");
});

test("saliency is the gradient: a small step along it changes the log-probability by as much", async () => {
  const of = await learned({ dropout: 0 });
  const text = "the plot was lovely";
  const { label, tokens } = await explainText(of, text, { threads: 1 });
  const { vocabulary } = of.input as { vocabulary: Parameters<typeof readText>[0] };
  const { ids } = readText(vocabulary, text, "a");
  const table = of.model.values["embedding.weight"] as Float32Array;
  const row = table.subarray((ids[3] as number) * 8).subarray(0, 8);
  const own = row.slice();
  // The vector a little longer, and a little shorter.
  const at = async (scale: number): Promise<number> => {
    own.forEach((one, j) => {
      row[j] = scale * one;
    });
    return Math.log((await explainText(of, text, { threads: 1 })).probabilities[label] as number);
  };
  const slope = ((await at(1.05)) - (await at(0.95))) / 0.1;
  expect(tokens[3]?.saliency).toBeCloseTo(slope, 4);
  expect(Math.abs(slope)).toBeGreaterThan(0.001);
});

describe("tokens of texts", () => {
  test("words in lower case, signs for themselves; rare and new ones are token 1", () => {
    const vocabulary = vocabularyFor(["It's good, GOOD!", "co-star good"], "words", { minCount: 1, maxVocabulary: 3 });
    expect(vocabulary).toEqual({ kind: "words", words: ["good", "it's", ","] });
    expect(Array.from(readText(vocabulary, "Good , co-star", "a").ids)).toEqual([2, 4, 1]);
    expect(refusal(() => readText(vocabulary, " \n", "a.txt: line 3"))).toBe(
      "a.txt: line 3: is a text without words. Leave it out.",
    );
  });
  test("characters and byte pairs", () => {
    const characters = vocabularyFor(["ab"], "characters", { minCount: 1, maxVocabulary: 9 });
    expect(readText(characters, "abz", "a").tokens).toEqual(["a", "b", "\uFFFD"]);
    const pairs = vocabularyFor(["abab abab"], "byte-pairs", { minCount: 1, maxVocabulary: 258 });
    expect(readText(pairs, "abab", "a").tokens.join("")).toBe("abab");
  });
});

test("what cannot be", async () => {
  const of = classifier(training, small);
  await expect(classify(of, [{ rows: [[1]], name: "a" }])).rejects.toThrow(
    "a: it is rows of numbers, and the model reads texts",
  );
  expect(refusal(() => classifier(training, { columns: ["a"] }))).toBe(
    "classifier: columns is for rows of numbers; these examples are texts",
  );
  expect(refusal(() => classifier([{ rows: [[1]], label: "a" }], { tokens: "words", labels: ["a", "b"] }))).toBe(
    "classifier: tokens is for texts; these examples are rows of numbers",
  );
  await expect(classify(of, [{ text: "a b" }], { frames: true })).rejects.toThrow(
    "classify: frames: the model is bidirectional",
  );
});
