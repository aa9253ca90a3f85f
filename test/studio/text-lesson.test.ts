import { expect, test } from "vitest";
import { textLesson } from "../../src/studio/engine/text-lesson.ts";
import { evaluateLanguageModel, readLanguageModel } from "../../src/tasks/language-model.ts";

const text = "the rat that ate the malt that lay in the house that Jack built";

test("what a text costs is its loss: the mean of its characters' bits, but for the first", async () => {
  const file = await textLesson.untrained(text, 16);
  const { tokens, loss } = await textLesson.lesson(file, text);
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
  const { tokens, vocabulary, logits } = await textLesson.lesson(file, "tat");
  const [first, second, third] = tokens.map(({ id }) => id) as [number, number, number];
  expect(vocabulary[first]).toBe("t");
  expect(third).toBe(first);
  expect(tokens[1]?.features).toEqual(model.values["embedding.weight"]?.slice(16 * second, 16 * (second + 1)));
  expect(logits).toHaveLength(vocabulary.length);
  const { tokens: none, loss } = await textLesson.lesson(file, "");
  expect(none).toHaveLength(1);
  expect(loss).toBeNaN();
});
