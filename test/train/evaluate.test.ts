import { describe, expect, test } from "vitest";
import { interpret } from "../../src/engines/reference/interpret.ts";
import { dense, dropout, embedding, gru, lstm } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import type { LossName } from "../../src/train/losses.ts";
import {
  binaryAccuracy,
  categoricalAccuracy,
  type MetricName,
  meanAbsoluteError,
  sparseCategoricalAccuracy,
} from "../../src/train/metrics.ts";
import { createPredictor, predict } from "../../src/train/predict.ts";

const random = createRandom(11);
const [count, steps, vocabulary] = [7, 4, 5];
const x = Array.from({ length: count }, () => Array.from({ length: steps }, () => random.integer(vocabulary)));
const y = x.map((tokens) => tokens.map((token) => (2 * token + 1) % vocabulary));
const tagger = (): Model =>
  sequential([embedding(vocabulary, 6), dropout(0.5), gru(8, { returnSequences: true }), dense(vocabulary)], {
    seed: 3,
  });

test("evaluate is the mean of the reference's loss over all steps of all examples, for any batchSize", async () => {
  const model = tagger();
  const graph = lossGraph(model, { loss: "sparse_categorical_crossentropy", training: false });
  const timeFirst = (rows: number[][]): number[] =>
    Array.from({ length: steps }, (_, t) => rows.map((row) => row[t] as number)).flat();
  const { totals } = interpret(graph, {
    ...{ steps, batch: count, parameters: model.values },
    inputs: {
      tokens: timeFirst(x),
      "loss.target": timeFirst(y),
      "loss.weight": new Array(count * steps).fill(1 / (count * steps)),
    },
  });
  for (const batchSize of [1, 3, 7, 32]) {
    const { loss } = await evaluate(model, x, y, { batchSize });
    expect(loss).toBeCloseTo(totals.loss as number, 6);
  }
});

test("predict is what createPredictor gives, examples first, for any batchSize", async () => {
  const model = tagger();
  const predictor = await createPredictor(model, { batch: 1, steps });
  const wanted: number[] = [];
  for (const tokens of x) wanted.push(...(await predictor.predict(tokens)));
  for (const batchSize of [1, 3, 7, 32]) {
    const { data, shape } = await predict(model, x, { batchSize });
    expect(shape).toEqual([count, steps, vocabulary]);
    for (const [k, value] of wanted.entries()) expect(data[k]).toBeCloseTo(value, 5);
  }
  const classifier = sequential([embedding(vocabulary, 3), lstm(4), dense(2)], { seed: 1 });
  const last = await predict(classifier, { data: Uint8Array.from(x.flat()), shape: [count, steps] }, { batchSize: 2 });
  expect(last.shape).toEqual([count, 2]);
  const one = await createPredictor(classifier, { batch: 1, steps });
  expect([...last.data.subarray(8, 10)]).toEqual([...(await one.predict(x[4] as number[]))]);
});

describe("metrics in the program agree with the same in f64", () => {
  const features = 3;
  const model = (outputs = features): Model => sequential([dense(outputs)], { input: 2, seed: 5 });
  const inputs = Array.from({ length: 40 }, () => [[random.normal(), random.normal()]]);
  const classes = inputs.map(() => [random.integer(features)]);
  const oneHot = classes.map(([one]) => [[0, 1, 2].map((k) => (k === one ? 1 : 0))]);
  const bits = inputs.map(() => [[0, 1, 2].map(() => random.integer(2))]);
  const bit = inputs.map(() => [[random.integer(2)]]);
  type Row = [
    MetricName,
    LossName,
    Model,
    number[][] | number[][][],
    (outputs: Float32Array, targets: number[]) => number,
  ];
  const rows: Row[] = [
    [
      "sparseCategoricalAccuracy",
      "sparse_categorical_crossentropy",
      model(),
      classes,
      (o, t) => sparseCategoricalAccuracy(o, t, { features }),
    ],
    [
      "categoricalAccuracy",
      "categorical_crossentropy",
      model(),
      oneHot,
      (o, t) => categoricalAccuracy(o, t, { features }),
    ],
    ["binaryAccuracy", "binary_crossentropy", model(), bits, (o, t) => binaryAccuracy(o, t, { features })],
    ["meanAbsoluteError", "mean_squared_error", model(), bits, (o, t) => meanAbsoluteError(o, t, { features })],
    [
      "accuracy",
      "sparse_categorical_crossentropy",
      model(),
      classes,
      (o, t) => sparseCategoricalAccuracy(o, t, { features }),
    ],
    ["accuracy", "categorical_crossentropy", model(), oneHot, (o, t) => categoricalAccuracy(o, t, { features })],
    ["accuracy", "binary_crossentropy", model(1), bit, (o, t) => binaryAccuracy(o, t, { features: 1 })],
  ];
  test.each(rows)("%s beside %s", async (name, loss, model, targets, wanted) => {
    const { data } = await predict(model, inputs);
    const measured = await evaluate(model, inputs, targets, { loss, metrics: [name], batchSize: 16 });
    expect(Object.keys(measured)).toEqual(["loss", name]);
    const value = wanted(data, targets.flat(2));
    expect(value).toBeGreaterThan(0.1);
    expect(measured[name]).toBeCloseTo(value, 5);
  });

  test("meanSquaredError is the loss of that name", async () => {
    const measured = await evaluate(model(), inputs, bits, {
      loss: "mean_squared_error",
      metrics: ["meanSquaredError"],
    });
    expect(measured.meanSquaredError).toBeCloseTo(measured.loss as number, 6);
  });

  test("of equally large outputs each is right in part: a model of zeros is right by chance alone", async () => {
    const zeros = model();
    for (const values of Object.values(zeros.values)) values.fill(0);
    const options = { metrics: ["accuracy"] } as const;
    expect((await evaluate(zeros, inputs, classes, options)).accuracy).toBeCloseTo(1 / 3, 6);
    const dense = await evaluate(zeros, inputs, oneHot, { ...options, loss: "categorical_crossentropy" });
    expect(dense.accuracy).toBeCloseTo(1 / 3, 6);
  });
});
