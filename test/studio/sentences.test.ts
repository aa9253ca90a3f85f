/** The engine's side of the Sentences view: translations step by step, labels and classes with what they hang on, small trainings. */
import { beforeAll, describe, expect, test } from "vitest";
import { cell } from "../../src/graph/cell.ts";
import { jobs } from "../../src/studio/engine/jobs.ts";
import type { ModelHandle } from "../../src/studio/engine/open-models.ts";
import type { Job } from "../../src/studio/engine/remote.ts";
import type { Done, Trained } from "../../src/studio/engine/sentences.ts";
import { viewOfTask } from "../../src/studio/models/task-views.ts";
import { dates, partsOfSpeech, reviews } from "../../src/studio/views/sentences/examples.ts";
import { classifier } from "../../src/tasks/classify/create.ts";
import { explainText } from "../../src/tasks/classify/explain.ts";
import { readClassifier, writeClassifier } from "../../src/tasks/classify/file.ts";
import { evaluateClassifier } from "../../src/tasks/classify.ts";
import { explainTag } from "../../src/tasks/tag/explain.ts";
import { evaluateTagger, readTagger } from "../../src/tasks/tag.ts";
import { readTranslator, translate, translator, writeTranslator } from "../../src/tasks/translate.ts";

/** Of no built-in cell. */
const own = cell(`
  keep = sigmoid(W_k @ x + U_k @ h)  # how much of the past stays
  h'   = keep * h + (1 - keep) * tanh(W @ x)
`);
const looking = translator(dates(60, 1), { units: 8, embedding: 4, cell: own });
const blind = translator(dates(60, 1), { units: 8, embedding: 4, attention: "none" });
const [lookingHandle, blindHandle]: ModelHandle[] = [911, 912];
beforeAll(async () => {
  await jobs.openModel(lookingHandle as ModelHandle, writeTranslator(looking), "looking");
  await jobs.openModel(blindHandle as ModelHandle, writeTranslator(blind), "blind");
});

async function resultOf<Value, Result>(job: Job<Value, Result>) {
  const yielded: Value[] = [];
  for (;;) {
    const { done, value } = await job.next();
    if (done) return { yielded, result: value };
    yielded.push(value);
  }
}

describe("a translation", () => {
  test.each([1, 4])(
    "with %i beams is the library's, with where it looked and every line of the decoder",
    async (beams) => {
      const text = "7 March 1985";
      const { yielded, result } = await resultOf(jobs.translateText(lookingHandle as ModelHandle, text, beams));
      const [wanted] = await translate(looking, [text], { beams, attention: true, threads: 1 });
      expect([result.text, result.logProbability, result.ended]).toEqual([
        wanted?.text,
        wanted?.logProbability,
        wanted?.ended,
      ]);
      expect(result.unknown).toEqual([]);
      expect(result.attention?.map((row) => [...row])).toEqual(wanted?.attention?.shares);
      expect([result.source, result.target]).toEqual([wanted?.attention?.source, wanted?.attention?.target]);
      expect(yielded.length).toBeGreaterThanOrEqual(result.target.length);
      expect(yielded.at(-1)?.some((one) => one.text === result.text)).toBe(true);
      const keep = result.values.find(({ name }) => name === "keep");
      expect(keep).toMatchObject({ layer: "decoder", size: 8, gate: true, description: "how much of the past stays" });
      expect(keep?.data).toHaveLength(8 * result.target.length);
      expect(result.values.map(({ name }) => name)).toEqual(["query", "context", "read", "keep", "h"]);
    },
  );
  test("of a decoder that does not look has no map", async () => {
    const { result } = await resultOf(jobs.translateText(blindHandle as ModelHandle, "7 Mar 1985", 2));
    expect(result.attention).toBe(undefined);
    expect(result.values.map(({ name }) => name)).toEqual(["f", "i", "g", "o", "c", "h"]);
  });
  test("of no text is refused in a line", async () => {
    await expect(resultOf(jobs.translateText(lookingHandle as ModelHandle, "", 1))).rejects.toThrow(
      "The text is empty: there is nothing to translate.",
    );
  });
});

describe("small trainings", () => {
  /** The file, and how far it said it was. */
  const trained = async (job: Job<Done, Trained>) => {
    const { yielded, result } = await resultOf(job);
    const done = yielded.map((one) => one.done);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.at(-1)).toBe(1);
    return result.bytes;
  };
  test("a tagger learns what man is in “the old man the boat”; the job says what the library does", async () => {
    const bytes = await trained(jobs.trainOnTagged(partsOfSpeech(1500, 1)));
    const of = readTagger(bytes);
    const { accuracy } = await evaluateTagger(of, partsOfSpeech(200, 5), { threads: 1 });
    expect(accuracy).toBeGreaterThan(0.97);
    await jobs.openModel(913, bytes, "tagger");
    const words = "the old man the boat".split(" ");
    const said = await jobs.explainTag(913, words, 2);
    expect(said.tokens.map(({ label }) => label)).toEqual(["DET", "NOUN", "VERB", "DET", "NOUN"]);
    expect(said).toEqual(await explainTag(of, words, 2, { threads: 1 }));
    // A word that is no longer there is the last one.
    expect(await jobs.explainTag(913, words.slice(0, 2), 2)).toEqual(
      await explainTag(of, words.slice(0, 2), 1, { threads: 1 }),
    );
  });
  test("a classifier learns that not turns a word into its opposite", async () => {
    const bytes = await trained(jobs.trainOnTexts(reviews(1500, 1)));
    const of = readClassifier(bytes);
    expect((await evaluateClassifier(of, reviews(200, 5), { threads: 1 })).accuracy).toBeGreaterThan(0.97);
    await jobs.openModel(914, bytes, "reviews");
    const text = "the plot is lovely but the cast is not funny";
    const said = await jobs.explainText(914, text);
    expect(said.label).toBe("bad");
    expect(said).toEqual(await explainText(of, text, { threads: 1 }));
  });
  test("finish ends a training after an epoch, with a model that translates", async () => {
    const job = jobs.trainOnPairs(dates(64, 1));
    let { done, value } = await job.next();
    while (!done) ({ done, value } = await job.next("finish"));
    const of = readTranslator((value as Trained).bytes);
    const [said] = await translate(of, ["7 March 1985"], { threads: 1 });
    expect(typeof said?.text).toBe("string");
  });
});

test("a model's view is its task's, and, of classifiers, that of what they read", async () => {
  const file = writeClassifier(classifier(reviews(20, 1), { units: 2 }));
  const { task } = await jobs.modelFacts(file, "reviews");
  expect(task).toEqual({ kind: "classify", title: "a classifier of sequences", reads: "text" });
  expect(viewOfTask(task)?.view).toBe("sentences");
  expect(viewOfTask({ ...task, reads: "audio" })?.view).toBe("listen");
  const { reads: _, ...older } = task;
  expect(viewOfTask(older)?.view).toBe("listen");
  expect([viewOfTask(undefined), viewOfTask({ kind: "toString", title: "" })]).toEqual([undefined, undefined]);
});

test("examples: the same from the same seed, each date its own form", () => {
  expect(dates(50, 3)).toEqual(dates(50, 3));
  expect(reviews(50, 3)).toEqual(reviews(50, 3));
  expect(partsOfSpeech(50, 3)).toEqual(partsOfSpeech(50, 3));
  for (const { source, target } of dates(200, 4)) {
    expect(target).toMatch(/^(19[5-9]\d|20[01]\d)-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$/);
    expect(source).toContain(String(Number(target.slice(8))));
  }
});
