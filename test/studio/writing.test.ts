/** What the Write view asks: texts that go on from tokens that stand there already. */
import { expect, test } from "vitest";
import { openModels } from "../../src/studio/engine/open-models.ts";
import { type WritingSettings, writing } from "../../src/studio/engine/writing.ts";
import { type GeneratedToken, languageModel, writeLanguageModel } from "../../src/tasks/language-model.ts";
import { endOfText } from "../../src/text/tokenizer.ts";

const poems = ["the cat sat on the mat", "the whales swam", "whatever the dog wants"];
const lm = languageModel(poems, { tokens: "word", units: 8, embedding: 4, seed: 2 });
const handle = 1;
await openModels.openModel(handle, writeLanguageModel(lm), "poems");
const end = endOfText(lm.tokenizer) as number;

async function write(settings: WritingSettings, taken: readonly number[], replaces: number, most: number) {
  const tokens: GeneratedToken[] = [];
  for await (const piece of writing.write(handle, settings, taken, replaces)) {
    tokens.push(...piece);
    if (tokens.length >= most) break;
  }
  return tokens.slice(0, most);
}

test("at temperature 0 a text goes on from any of its tokens as it did at once, also where the first stands for the prompt's last", async () => {
  for (const prompt of ["the cat sat on the ", "the wha", "the w", "th"]) {
    const settings = { prompt, temperature: 0, seed: 1 };
    const whole = await write(settings, [], 0, 8);
    for (const alternative of whole[0]?.alternatives ?? []) {
      const { token, replaces = 0 } = alternative;
      if (token === end) continue;
      const after = await write(settings, [token], replaces, 4);
      const ids = [token, ...after.slice(0, 2).map((one) => one.token)];
      if (ids.includes(end)) continue;
      expect((await write(settings, ids, replaces, 2)).map((one) => one.token)).toEqual(
        after.slice(2, 4).map((one) => one.token),
      );
    }
  }
});

test("a text that the model ends is one that ends; so is one whose end was chosen", async () => {
  (lm.model.values["dense.b"] as Float32Array)[end] = 40;
  await openModels.openModel(handle, writeLanguageModel(lm), "poems");
  const settings = { prompt: "the cat", temperature: 0, seed: 1 };
  const pieces: GeneratedToken[] = [];
  for await (const piece of writing.write(handle, settings)) pieces.push(...piece);
  expect(pieces.map(({ name }) => name)).toEqual(["<|endoftext|>"]);
  expect(await write(settings, [end], 0, 5)).toEqual([]);
});
