/** Taggers: they learn made sentences from words, characters and byte pairs, with and without a conditional random field. */
import { describe, expect, test } from "vitest";
import type { TaggedSentence } from "../../../src/formats/conll.ts";
import { classifier } from "../../../src/tasks/classify.ts";
import { openAnyModel, taskOf } from "../../../src/tasks/index.ts";
import { createTagReader, tagInputFor, tagReadings, tokensPerWord } from "../../../src/tasks/tag/input.ts";
import { serving } from "../../../src/tasks/tag/serving.ts";
import {
  evaluateTagger,
  explainTag,
  readTagger,
  tag,
  tagger,
  trainTagger,
  writeTagger,
} from "../../../src/tasks/tag.ts";
import { refusal } from "../../helpers/refusal.ts";
import { made } from "./made.ts";

const training = made(60, 1);
const held = made(40, 2);
const small = { units: 12, embedding: 10, filters: 8, seed: 1 } as const;
const quick = { epochs: 12, batchSize: 8, learningRate: 0.02, validation: 0, seed: 1, threads: 1 } as const;

describe("a tagger learns", () => {
  test.each([...tagReadings.map((input) => [input, true] as const), ["words+characters", false] as const])(
    "from %s, with a conditional random field: %s",
    async (input, crf) => {
      const of = tagger(training, { ...small, input, crf });
      await trainTagger(of, training, quick);
      const { entities, accuracy } = await evaluateTagger(of, held, { threads: 1 });
      expect(accuracy).toBeGreaterThan(0.97);
      expect(entities?.f1).toBeGreaterThan(0.95);
    },
  );
  test("the same seed gives the same values, another one others", async () => {
    const valuesOf = async (seed: number) => {
      const of = tagger(training, small);
      await trainTagger(of, training.slice(0, 20), { ...quick, epochs: 1, seed });
      return of.model.values["crf.T"];
    };
    expect(await valuesOf(1)).toEqual(await valuesOf(1));
    expect(await valuesOf(2)).not.toEqual(await valuesOf(1));
  });
  test("validation ends a training, and its values are those of the best epoch", async () => {
    const of = tagger(training, small);
    const told: number[] = [];
    const result = await trainTagger(of, training, {
      ...quick,
      validation: held,
      patience: 1,
      onEpoch: ({ validationLoss = 0 }) => told.push(validationLoss),
    });
    expect(told.indexOf(Math.min(...told)) + 1).toBe(result.bestEpoch);
    expect(result.validation?.accuracy).toBeCloseTo((await evaluateTagger(of, held)).accuracy, 9);
  });
});

describe("what is read of a word", () => {
  const of = (words: readonly string[], reading: (typeof tagReadings)[number], minCount = 1) =>
    tagInputFor([words], reading, { minCount, maxVocabulary: 300 });
  const read = (input: ReturnType<typeof of>, word: string) => Array.from(createTagReader(input)([word]));
  test("words: as they are, else in lower case, digits as 0; others by their shape", () => {
    const input = of(["The", "the", "cat", "1984"], "words");
    expect(read(input, "The")).not.toEqual(read(input, "the"));
    expect(read(input, "CAT")).toEqual(read(input, "cat"));
    expect(read(input, "2001")).toEqual(read(input, "1984"));
    const unknown = ["12.5", "NASA", "Dog", "dog", "B747", "--", "iPhone"].map((word) => read(input, word)[0]);
    expect(unknown).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(read(of(["a", "a", "b"], "words", 2), "b")).toEqual([4]);
  });
  test("characters: of a long word its beginning and its end", () => {
    const input = of(["abcdefghijklmnopqrstuvwxyz"], "characters");
    expect(tokensPerWord(input)).toBe(13);
    const [shape, ...all] = read(input, "abcdefghijklmnopqrstuvwxyz");
    expect(shape).toBe(4);
    expect(all).toEqual([..."abcdefuvwxyz"].map((letter) => read(input, letter)[1]));
    expect(read(input, "ab").slice(3)).toEqual(Array(10).fill(0));
  });
});

describe("what a label hangs on", () => {
  const sentence = ["Anna", "Berg", "visits", "Stein"];
  test.each([
    ["words+characters", true],
    ["words", true],
    ["words", false],
  ] as const)(
    "%s, with a conditional random field: %s: the gradient of the label's log-probability times what is read of each word",
    async (input, crf) => {
      const of = tagger(training, { ...small, input, crf, dropout: 0 });
      await trainTagger(of, training, { ...quick, epochs: 3 });
      const explained = await explainTag(of, sentence, 1, { threads: 1 });
      const [{ labels } = { labels: [] }] = await tag(of, [sentence], { threads: 1 });
      expect(explained.tokens.map(({ label }) => label)).toEqual(labels);
      expect(explained.probabilities[explained.label]).toBe(explained.probability);
      expect(explained.tokens[1]?.probability).toBe(explained.probability);
      const sum = Object.values(explained.probabilities).reduce((all, one) => all + one, 0);
      expect(sum).toBeCloseTo(1, 6);
      // All vectors a little longer, and a little shorter: what all words do together; and that of the third word alone.
      const table = of.model.values["embedding.weight"] as Float32Array;
      const third = createTagReader(of.input)([sentence[2] as string])[0] as number;
      const slopeOf = async (part: Float32Array): Promise<number> => {
        const own = part.slice();
        const at = async (scale: number): Promise<number> => {
          for (const [j, one] of own.entries()) part[j] = scale * one;
          const { probabilities } = await explainTag(of, sentence, 1, { threads: 1 });
          return Math.log(probabilities[explained.label] as number);
        };
        const slope = ((await at(1.02)) - (await at(0.98))) / 0.04;
        part.set(own);
        return slope;
      };
      const together = explained.tokens.reduce((all, { saliency }) => all + saliency, 0);
      expect(together).toBeCloseTo(await slopeOf(table), 3);
      expect(Math.abs(together)).toBeGreaterThan(0.01);
      if (input !== "words") return;
      const alone = table.subarray(third * small.embedding, (third + 1) * small.embedding);
      expect(explained.tokens[2]?.saliency).toBeCloseTo(await slopeOf(alone), 3);
    },
  );
  test("of a name that people and towns have it is the verb before it", async () => {
    const of = tagger(training, small);
    await trainTagger(of, training, quick);
    const { label, tokens } = await explainTag(of, sentence, 3, { threads: 1 });
    expect(label).toBe("B-LOC");
    const others = tokens.slice(0, 3);
    expect(others.reduce((a, b) => (b.norm > a.norm ? b : a)).token).toBe("visits");
  });
  test("a word that is not there", async () => {
    const of = tagger(training, small);
    await expect(explainTag(of, ["a", "b"], 2)).rejects.toThrow(
      "explainTag: word: there is none at 2, the sentence has 2, from 0 on",
    );
  });
});

test("a file holds all that there is", async () => {
  const of = tagger(training, { ...small, input: "words+byte-pairs" });
  const again = readTagger(writeTagger(of));
  expect([again.labels, again.input, again.model.values]).toEqual([of.labels, of.input, of.model.values]);
  const sentences = held.map(({ tokens }) => tokens);
  expect(await tag(again, sentences)).toEqual(await tag(of, sentences));
  expect(openAnyModel(writeTagger(of), "a").task.title).toBe("a tagger of words");
  // A server is given contents without a file; a classifier of texts has a model, labels and an input too.
  const texts = ["a b", "b c"].map((text, k) => ({ text, label: `${k}` }));
  expect([of, classifier(texts, { units: 2 })].map((one) => taskOf(one)?.kind)).toEqual(["tag", "classify"]);
});

test("a sentence gives the same labels alone and beside longer ones", async () => {
  const of = tagger(training, small);
  await trainTagger(of, training, { ...quick, epochs: 1 });
  const sentences = held.map(({ tokens }) => tokens);
  const together = await tag(of, sentences);
  for (const n of [0, 1, 2]) expect(await tag(of, [sentences[n] as string[]])).toEqual([together[n]]);
});

test("entities are given where labels mark such", async () => {
  const of = tagger(training, small);
  await trainTagger(of, training, quick);
  const [found] = await tag(of, [["Anna", "Berg", "visits", "Stein"]]);
  expect(found).toEqual({
    tokens: ["Anna", "Berg", "visits", "Stein"],
    labels: ["B-PER", "I-PER", "O", "B-LOC"],
    entities: [
      { type: "PER", start: 0, end: 2 },
      { type: "LOC", start: 3, end: 4 },
    ],
  });
  const served = await serving.start(of, {});
  expect(await served.answers.tags?.({ sentences: [["Anna", "Berg", "visits", "Stein"]] })).toEqual({
    sentences: [{ labels: found?.labels, entities: found?.entities }],
  });
  const parts: TaggedSentence[] = [{ tokens: ["a", "dog"], labels: ["DET", "NOUN"] }];
  expect((await tag(tagger(parts, small), [["a"]]))[0]?.entities).toEqual([]);
});

describe("what cannot be", () => {
  const of = tagger(training, small);
  test("labels that were never seen, with file and line", async () => {
    const odd = [{ ...(held[0] as TaggedSentence), labels: held[0]?.labels.with(1, "B-ORG") as string[] }];
    await expect(evaluateTagger(of, odd)).rejects.toThrow(
      'made.conll: line 1: the label "B-ORG" was never seen in training; the model knows B-LOC, B-PER, I-PER, O. Correct it, or train anew.',
    );
    await expect(trainTagger(of, odd, quick)).rejects.toThrow('made.conll: line 1: the label "B-ORG"');
  });
  test("sentences without words, or with another number of labels", async () => {
    expect(refusal(() => tagger([{ tokens: [], labels: [] }]))).toBe("sentence 0: has no words. Leave it out.");
    await expect(tag(of, [["a"], []])).rejects.toThrow("sentence 1: has no words. Leave it out.");
    expect(refusal(() => tagger([{ tokens: ["a"], labels: ["O", "O"], name: "x.conll: line 4" }]))).toBe(
      "x.conll: line 4: has 1 words and 2 labels; each word needs one.",
    );
  });
  test("one label alone, and one sentence to train on and to hold out", async () => {
    expect(refusal(() => tagger([{ tokens: ["a"], labels: ["O"] }]))).toBe(
      'tagger: all words have the label "O". Give sentences of at least 2 labels.',
    );
    await expect(trainTagger(of, training.slice(0, 1))).rejects.toThrow(
      "trainTagger: of 1 example 1 would be kept for validation, and none is left to train on. Give more, or validation: 0.",
    );
  });
});
