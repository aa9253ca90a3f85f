import { expect, test } from "vitest";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import {
  binaryAccuracy,
  categoricalAccuracy,
  meanAbsoluteError,
  perplexity,
  sparseCategoricalAccuracy,
} from "../../src/train/metrics.ts";
import { createPredictor } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";

const nan = Number.NaN;

// Four steps of three features: the largest are 2, 0, 1, and 0 (of equal ones the first).
const outputs = [0.1, 0.2, 0.7, 3, -1, 2, -5, -4, -6, 1, 1, 1];

test("accuracy: the share of steps whose largest output is the class, or where the largest target is", () => {
  expect(sparseCategoricalAccuracy(outputs, [2, 0, 1, 0], { features: 3 })).toBe(1);
  expect(sparseCategoricalAccuracy(outputs, [2, 1, 1, 2], { features: 3 })).toBe(0.5);
  const targets = [0, 0, 1, 0.2, 0.5, 0.3, 0, 1, 0, 0, 0, 1];
  expect(categoricalAccuracy(outputs, targets, { features: 3 })).toBe(0.5);
});

test("binary accuracy: each feature by its own sign, or by a threshold", () => {
  expect(binaryAccuracy([2, -1, 0, 3], [1, 0, 0, 0], { features: 2 })).toBe(0.75);
  expect(binaryAccuracy([0.98, 1, 0, 0.6], [1, 1, 0, 0], { features: 1, threshold: 0.5 })).toBe(0.75);
});

test("mean absolute error: over features and steps", () => {
  expect(meanAbsoluteError([1, 2, 3, 4], [1, 0, 4, 8], { features: 2 })).toBe(7 / 4);
});

test("perplexity: of equal logits the number of classes, of sure ones 1, and no overflow", () => {
  expect(perplexity([5, 5, 5, 5, -2, -2, -2, -2], [3, 0], { features: 4 })).toBeCloseTo(4, 12);
  expect(perplexity([1e4, 0, -1e4, 0], [0, 1], { features: 2 })).toBe(1);
  // Two steps with probabilities 1/2 and 1/8 are as hard as two with 1/4.
  expect(perplexity([0, 0, 0, Math.log(7)], [0, 0], { features: 2 })).toBeCloseTo(4, 12);
});

test("a mask leaves out steps, in numbers or booleans", () => {
  const targets = [2, 1, 1, 2];
  expect(sparseCategoricalAccuracy(outputs, targets, { features: 3, mask: [1, 0, 1, 0] })).toBe(1);
  expect(sparseCategoricalAccuracy(outputs, targets, { features: 3, mask: [false, true, true, true] })).toBe(1 / 3);
  expect(meanAbsoluteError([1, 2, 3, 4], [1, 0, 4, 8], { features: 2, mask: [0, 1] })).toBe(2.5);
  expect(perplexity([0, 0, 9, 0], [0, -1], { features: 2, mask: [1, 0] })).toBeCloseTo(2, 12);
});

test("an output that is NaN is never right", () => {
  expect(sparseCategoricalAccuracy([nan, 1, 1, nan], [0, 0], { features: 2 })).toBe(0);
  expect(categoricalAccuracy([nan, 1], [nan, 1], { features: 2 })).toBe(0);
  expect(binaryAccuracy([nan, nan], [0, 1], { features: 2 })).toBe(0);
  expect(perplexity([nan, 1], [0], { features: 2 })).toBeNaN();
});

test("what does not fit is named in one line", () => {
  expect(() => sparseCategoricalAccuracy([1, 2, 3], [0, 1], { features: 2 })).toThrow(
    "sparseCategoricalAccuracy: needs 2 outputs and 1 targets per step, got 3 and 2",
  );
  expect(() => meanAbsoluteError([1, 2], [1, 2], { features: 2, mask: [1, 1] })).toThrow(
    "meanAbsoluteError: needs a mask of 1 steps, got 2",
  );
  expect(() => perplexity([0, 0], [2], { features: 2 })).toThrow(
    "perplexity: class 2 (step 0) is out of range: expected 0 to 1",
  );
  expect(() => perplexity([], [], { features: 2 })).toThrow("perplexity: there is no step to measure");
});

test("perplexity of a model's outputs is exp of the loss that the trainer sees", async () => {
  const [steps, batch, vocabulary] = [5, 3, 7];
  const model = sequential([embedding(vocabulary, 4), lstm(5, { returnSequences: true }), dense(vocabulary)], {
    seed: 1,
  });
  const tokens = Array.from({ length: steps * batch }, (_, k) => (3 * k) % vocabulary);
  const targets = tokens.map((token) => (2 * token + 1) % vocabulary);
  const predictor = await createPredictor(model, { steps, batch });
  const predicted = await predictor.predict(tokens);
  const trainer = await createTrainer(model, { steps, batch });
  const loss = await trainer.update(tokens, targets);
  expect(perplexity(predicted, targets, { features: vocabulary })).toBeCloseTo(Math.exp(loss), 5);
});

test("outputs that are no whole number of steps are refused, however many features they have", () => {
  for (const features of [3, 2 ** 40]) {
    const message = `categoricalAccuracy: needs ${features} outputs and ${features} targets per step, got 4 and 4`;
    expect(() => categoricalAccuracy([1, 0, 0, 1], [1, 0, 0, 1], { features })).toThrow(message);
  }
});
