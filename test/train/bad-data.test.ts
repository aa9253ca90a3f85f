/** What does not fit is refused in one line that says where it is, before anything has changed. */
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, embedding, lstm, masking } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import type { ExampleArray } from "../../src/train/examples.ts";
import { type FitOptions, fit } from "../../src/train/fit.ts";
import { predict } from "../../src/train/predict.ts";

const words = (): Model => sequential([embedding(5, 3), lstm(4), dense(3)], { seed: 1 });
const tagger = (): Model => sequential([embedding(5, 3), lstm(4, { returnSequences: true }), dense(3)], { seed: 1 });
const vectors = (): Model => sequential([masking(), lstm(4), dense(3)], { input: 2, seed: 1 });
const x = [
  [1, 2],
  [3, 4],
  [0, 1],
];
const y = [0, 1, 2];

type Case = { model: () => Model; x: unknown; y?: unknown; options?: FitOptions; error: string | RegExp };
const cases: Record<string, Case> = {
  "no examples": { model: words, x: [], y: [], error: "fit: x has no examples" },
  "sequences without a step": {
    ...{ model: words, x: [[], []], y: [0, 1] },
    error: "fit: x: the sequences have no steps. Leave empty sequences out.",
  },
  "sequences of unequal length": {
    ...{
      model: words,
      x: [
        [1, 2, 3],
        [1, 2, 3],
        [1, 2],
      ],
      y,
    },
    error:
      'fit: x: example 2 has 2 steps, example 0 has 3. Give pad: "post", or pad them with padSequences and mask the padding in the model.',
  },
  "vectors of unequal length": {
    ...{
      model: vectors,
      x: [
        [
          [1, 2],
          [3, 4],
        ],
        [[1, 2], [3]],
      ],
      y: [0, 1],
    },
    error: "fit: x[1][1]: needs 2 values like its neighbours, got 1",
  },
  "vectors of another size than the model reads": {
    ...{ model: vectors, x: [[[1, 2, 3]]], y: [0] },
    error: "fit: x: needs the shape (N,T,2), examples first, got (1,1,3)",
  },
  "tokens without sequences": {
    model: words,
    x: [1, 2, 3],
    y,
    error: "fit: x: needs the shape (N,T), examples first, got (3)",
  },
  "a shape that its data does not have": {
    ...{ model: words, x: { data: [1, 2, 3], shape: [2, 2] }, y: [0, 1] },
    error: "fit: x: shape (2,2) has 4 values, but its data has 3",
  },
  "a token that is none": {
    ...{
      model: words,
      x: [
        [1, 2],
        [3, 5],
        [0, 1],
      ],
      y,
    },
    error: "fit: x: token 5 (example 1, step 1) is out of range: expected 0 to 4",
  },
  "a token that is no whole number": {
    ...{
      model: words,
      x: [
        [1, 2],
        [3, 4],
        [0, 1.5],
      ],
      y,
    },
    error: "fit: x: token 1.5 (example 2, step 1) is out of range: expected 0 to 4",
  },
  "a text among the tokens": {
    model: words,
    x: [
      [1, 2],
      [3, "4"],
      [0, 1],
    ],
    y,
    error: 'fit: x[1][1]: needs a number, got "4"',
  },
  "NaN in the data": {
    ...{ model: vectors, x: [[[1, 2]], [[Number.NaN, 1]]], y: [0, 1] },
    error: "fit: x: the input (example 1) is NaN; it must be a finite 32-bit number",
  },
  "a number that is infinite in 32 bits": {
    ...{ model: vectors, x: [[[1, 2]], [[1e39, 1]]], y: [0, 1] },
    error: "(example 1) is 1e+39; it must be a finite 32-bit number",
  },
  "a class more than there are outputs": {
    ...{ model: words, x, y: [0, 3, 2] },
    error: "fit: y: class 3 (example 1) is out of range: expected 0 to 2",
  },
  "targets of another count": { model: words, x, y: [0, 1], error: "fit: y has 2 examples, and x has 3" },
  "targets at every step where there is one output a sequence": {
    ...{
      model: words,
      x,
      y: [
        [0, 1],
        [0, 1],
        [0, 1],
      ],
    },
    error: "fit: y: needs the shape (N), examples first, got (3,2)",
  },
  "one target a sequence where there is an output at every step": {
    ...{ model: tagger, x, y },
    error: "fit: y: needs the shape (N,2), examples first, got (3)",
  },
  "vectors as targets of another size than the output": {
    ...{
      model: words,
      x,
      y: [
        [1, 0],
        [0, 1],
        [1, 0],
      ],
      options: { loss: "categorical_crossentropy" },
    },
    error: "fit: y: needs the shape (N,3), examples first, got (3,2)",
  },
  "NaN among the targets": {
    ...{
      model: words,
      x,
      y: [
        [1, 0, 0],
        [0, Number.NaN, 1],
        [1, 0, 0],
      ],
      options: { loss: "mean_squared_error" },
    },
    error: "fit: y: the target (example 1) is NaN; it must be a finite 32-bit number",
  },
  "sampleWeight of another count": {
    ...{ model: words, x, y, options: { sampleWeight: [1, 2] } },
    error: "fit: sampleWeight has 2 examples, and x has 3",
  },
  "sampleWeight of steps where there is one output a sequence": {
    ...{
      model: words,
      x,
      y,
      options: {
        sampleWeight: [
          [1, 2],
          [1, 2],
          [1, 2],
        ],
      },
    },
    error: "fit: sampleWeight: needs the shape (N), examples first, got (3,2)",
  },
  "an infinite sampleWeight": {
    ...{ model: words, x, y, options: { sampleWeight: [1, 2, Number.POSITIVE_INFINITY] } },
    error: "fit: sampleWeight: the weight (example 2) is Infinity; it must be a finite 32-bit number",
  },
  "classWeight of a class that is none": {
    ...{ model: words, x, y, options: { classWeight: { 3: 1 } } },
    error: 'fit: classWeight: class "3" is out of range: expected 0 to 2',
  },
  "batchSize 0": {
    model: words,
    x,
    y,
    options: { batchSize: 0 },
    error: "fit: batchSize must be a whole number of at least 1, got 0",
  },
  "half an epoch": {
    model: words,
    x,
    y,
    options: { epochs: 0.5 },
    error: "fit: epochs must be a whole number of at least 1, got 0.5",
  },
  "validationSplit 1": {
    model: words,
    x,
    y,
    options: { validationSplit: 1 },
    error: "fit: validationSplit must be a number in [0, 1), got 1",
  },
  "a validationSplit that leaves nothing": {
    ...{ model: words, x, y, options: { validationSplit: 0.9 } },
    error: "fit: validationSplit 0.9 of 3 examples leaves 0 to train on and 3 to validate on; both need at least one",
  },
  "validationData that does not fit": {
    ...{ model: words, x, y, options: { validationData: { x: [[1, 9]], y: [0] } } },
    error: "fit: validationData: x: token 9 (example 0, step 1) is out of range",
  },
  "a metric that is none": {
    ...{ model: words, x, y, options: { metrics: ["acuracy" as "accuracy"] } },
    error: 'fit: metrics[0] "acuracy" is not known. Did you mean accuracy?',
  },
  "a metric that reads other targets than the loss": {
    ...{ model: words, x, y, options: { metrics: ["meanAbsoluteError"] } },
    error: 'training: metric "meanAbsoluteError" needs vectors as targets, but the loss needs classes',
  },
};

test.each(Object.entries(cases))("%s", async (_, { model: build, x, y = [], options = {}, error }) => {
  const [model, untouched] = [build(), build()];
  const begun: string[] = [];
  const callbacks = [{ onTrainBegin: () => void begun.push("begun") }];
  const training = fit(model, x as ExampleArray, y as ExampleArray, { ...options, callbacks });
  await expect(training).rejects.toThrow(error);
  await expect(training).rejects.toBeInstanceOf(InputError);
  expect(model.values).toEqual(untouched.values);
  expect(begun).toEqual([]);
});

describe("evaluate and predict read data in the same way", () => {
  test("and say which of them was asked", async () => {
    await expect(evaluate(words(), [[1, 7]], [0])).rejects.toThrow(
      "evaluate: x: token 7 (example 0, step 1) is out of range",
    );
    await expect(evaluate(words(), [[1, 2]], [0], { batchSize: 0 })).rejects.toThrow(
      "evaluate: batchSize must be a whole",
    );
    await expect(predict(words(), [])).rejects.toThrow("predict: x has no examples");
    await expect(predict(words(), x, { batchSize: 1.5 })).rejects.toThrow("predict: batchSize must be a whole number");
  });
});
