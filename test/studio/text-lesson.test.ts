import { expect, test } from "vitest";
import { openModels } from "../../src/studio/engine/open-models.ts";
import { textLesson } from "../../src/studio/engine/text-lesson.ts";
import { costInWords } from "../../src/studio/views/learn/cost-in-words.ts";
import { evaluateLanguageModel, readLanguageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";

/** What the chapter asks of a file. */
async function lessonOf(file: Uint8Array<ArrayBuffer>, text: string) {
  await openModels.openModel(1, file, "the model");
  return textLesson.lesson(1, text);
}

const text = "the rat that ate the malt that lay in the house that Jack built";

test("what a text costs is its loss: the mean of its characters' bits, but for the first", async () => {
  const file = await textLesson.untrained(text, 16);
  const { tokens, loss } = await lessonOf(file, text);
  const bits = tokens.slice(1).map((token) => token.bits as number);
  expect(tokens.map((token) => token.text).join("")).toBe(text);
  expect(tokens[0]?.bits).toBeUndefined();
  expect(bits.reduce((sum, one) => sum + one, 0) / bits.length).toBeCloseTo(loss / Math.LN2, 6);
  const { loss: evaluated } = await evaluateLanguageModel(readLanguageModel(file, "the model"), text);
  expect(loss).toBeCloseTo(evaluated, 5);
});

test("a character has its row of the embedding, the same one each time; without a text a line's end is read", async () => {
  const file = await textLesson.untrained(text, 16);
  const { model } = readLanguageModel(file, "the model");
  const { tokens, vocabulary, logits } = await lessonOf(file, "tat");
  const [first, second, third] = tokens.map(({ id }) => id) as [number, number, number];
  expect(vocabulary[first]).toBe("t");
  expect(third).toBe(first);
  expect(tokens[1]?.features).toEqual(model.values["embedding.weight"]?.slice(16 * second, 16 * (second + 1)));
  expect(logits).toHaveLength(vocabulary.length);
  const { tokens: none, loss } = await lessonOf(file, "");
  expect(none).toHaveLength(1);
  expect(loss).toBeNaN();
});

test("how alike rows are: cosines by hand, 1 for equal rows, and no number without such characters", async () => {
  const file = await textLesson.untrained("aAbBeE", 4);
  const lm = readLanguageModel(file, "the model");
  const { vocabulary } = await lessonOf(file, "a");
  const table = lm.model.values["embedding.weight"] as Float32Array;
  const rows: Readonly<Record<string, readonly number[]>> = {
    ...{ a: [1, 0, 0, 0], A: [2, 0, 0, 0], b: [0, 1, 0, 0], B: [0, -3, 0, 0], e: [1, 1, 0, 0], E: [1, 1, 0, 0] },
  };
  for (const [text, row] of Object.entries(rows)) table.set(row, 4 * vocabulary.indexOf(text));
  const { alike } = await lessonOf(writeLanguageModel(lm), "a");
  expect(alike.capitals).toBeCloseTo((1 - 1 + 1) / 3, 6);
  expect(alike.vowels).toBeCloseTo(Math.SQRT1_2, 6);
  expect(alike.letters).toBeCloseTo((0 + 2 * Math.SQRT1_2) / 3, 6);
  const { alike: none } = await lessonOf(await textLesson.untrained("1212", 4), "1");
  expect(none).toEqual({ capitals: Number.NaN, vowels: Number.NaN, letters: Number.NaN });
});

test("what words cost at their ends: the first letter after something else, the last before it", () => {
  const tokens = [..."he sat I oar"].map((text, k) => ({ text, bits: k === 0 ? undefined : k }));
  // First letters: s at 3, o at 9; the h is not guessed. Last ones: e at 1, t at 5; the text breaks off in "oar".
  expect(costInWords(tokens)).toEqual({ first: 6, last: 3 });
  expect(costInWords([..."a b"].map((text) => ({ text, bits: 1 })))).toEqual({ first: Number.NaN, last: Number.NaN });
});
