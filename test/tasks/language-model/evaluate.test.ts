import { expect, test } from "vitest";
import type { Model } from "../../../src/nn/model.ts";
import { evaluateLanguageModel, languageModel, trainLanguageModel } from "../../../src/tasks/language-model.ts";
import { encode } from "../../../src/text/tokenizer.ts";
import { reference } from "../../helpers/models.ts";

const tiny = { units: 8, embedding: 4 };

/** Mean nats a token through the reference, in f64, for streams that begin with a zero state. */
function oracleLoss(model: Model, streams: readonly Int32Array[]): number {
  const nats = streams.flatMap((ids) =>
    reference(model, ids.slice(0, -1)).map((row, t) => -(row[ids[t + 1] as number] as number)),
  );
  return nats.reduce((sum, x) => sum + x, 0) / nats.length;
}

const text = "It was the best of times, it was the worst of times. ".repeat(48);

test("equals the reference on a text read at one go, within 1e-5 nats", async () => {
  const lm = languageModel(text, { units: 5, embedding: 3, layers: 2, cell: "gru", seed: 1 });
  const part = text.slice(0, 300);
  const found = await evaluateLanguageModel(lm, part);
  expect(Math.abs(found.loss - oracleLoss(lm.model, [encode(lm.tokenizer, part)]))).toBeLessThan(1e-5);
  expect(found).toMatchObject({ tokens: 299, unknown: 0, perplexity: Math.exp(found.loss) });
  expect(found.bitsPerCharacter).toBeCloseTo(found.loss / Math.LN2, 12);
});

test("equals the reference on a longer text, read in two slots, every token once", async () => {
  const lm = languageModel(text, { units: 4, embedding: 3, seed: 2 });
  const ids = encode(lm.tokenizer, text);
  expect(ids.length).toBe(2544);
  const slot = Math.ceil((ids.length - 1) / 2);
  const wanted = oracleLoss(lm.model, [ids.subarray(0, slot + 1), ids.subarray(slot)]);
  expect(Math.abs((await evaluateLanguageModel(lm, text)).loss - wanted)).toBeLessThan(1e-5);
});

test("a model whose values are not numbers is refused in one line", async () => {
  const broken = languageModel("hello", tiny);
  broken.model.values["dense.b"]?.fill(Number.NaN);
  await expect(evaluateLanguageModel(broken, "hello")).rejects.toThrow(
    /^the loss is NaN: dense\.b\[0\] is NaN, .* train anew/,
  );
});

test("counts what the model does not know; less than two tokens are refused", async () => {
  const lm = languageModel("ab", tiny);
  expect(await evaluateLanguageModel(lm, "a☃b☃")).toMatchObject({ tokens: 3, unknown: 2 });
  const options = { batch: 1, steps: 2, epochs: 1, validationSplit: 0 };
  expect((await trainLanguageModel(lm, "a☃b☃ab", options)).unknown, "in training as well").toBe(2);
  await expect(evaluateLanguageModel(lm, "a")).rejects.toThrow(
    "the text has 1 token; at least 2 are needed to predict one.",
  );
});
