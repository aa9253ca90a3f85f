/** Layers over time that are no recurrent networks: pooling, convolution, normalisation. */
import { expect, test } from "vitest";
import { grad } from "../../src/grad/grad.ts";
import { explainCell } from "../../src/nn/explain.ts";
import {
  conv1d,
  globalAveragePooling1d,
  globalMaxPooling1d,
  layerNormalization,
  masking,
} from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { convolution } from "../../src/nn/sequence-cells.ts";
import { createSession } from "../../src/nn/session.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { predict } from "../../src/train/predict.ts";
import { randomValues } from "../helpers/networks.ts";
import { expectRightGradients } from "../helpers/right-gradients.ts";

const sequences = [
  [
    [-3, 1],
    [-1, 5],
    [-2, 3],
  ],
  [[-4, -7]],
  [
    [2, 0],
    [4, -2],
  ],
];
const wanted = {
  mean: [-2, 3, -4, -7, 3, -1],
  max: [-1, 5, -4, -7, 4, 0],
};

test.each([
  ["mean", globalAveragePooling1d()],
  ["max", globalMaxPooling1d()],
] as const)(
  "%s over time: masked steps do not count, padded before or after, and numbers below 0 do",
  async (name, layer) => {
    const model = sequential([masking({ maskValue: -99 }), layer], { input: 2 });
    for (const pad of ["pre", "post"] as const) {
      const { data, shape } = await predict(model, sequences, { pad });
      expect(shape).toEqual([3, 2]);
      expect(Array.from(data)).toEqual(wanted[name].map((one) => expect.closeTo(one, 6)));
    }
  },
);

test("step by step, the pooled values so far", async () => {
  const session = await createSession(sequential([globalAveragePooling1d()], { input: 2 }));
  const said = (sequences[0] as number[][]).map((row) => Array.from(session.next(row)));
  expect(said).toEqual([[-3, 1], [-2, 3], [-2, 3].map((one) => expect.closeTo(one, 6))]);
  session.dispose();
});

test("a causal convolution is the sum of products with its step and those before it, as Keras's Conv1D", async () => {
  const [filters, size, features, steps] = [2, 3, 2, 5];
  const model = sequential([conv1d(filters, size, { activation: "relu" })], { input: features, seed: 3 });
  const x = Array.from({ length: steps }, (_, t) => [Math.sin(3 * t + 1), Math.cos(5 * t)]);
  (model.values["conv1d.b"] as Float32Array).set([0.1, -0.2]);
  const { data, shape } = await predict(model, [x]);
  expect(shape).toEqual([1, steps, filters]);
  for (let t = 0; t < steps; t++) {
    for (let f = 0; f < filters; f++) {
      let sum = model.values["conv1d.b"]?.[f] as number;
      for (let k = 0; k < Math.min(size, t + 1); k++) {
        for (let d = 0; d < features; d++) {
          sum += (model.values[`conv1d.W_${k}`]?.[f * features + d] as number) * (x[t - k]?.[d] as number);
        }
      }
      expect(data[t * filters + f]).toBeCloseTo(Math.max(0, sum), 5);
    }
  }
});

test("its products are all with the input, so none is left in the loop over time", () => {
  const { facts, parameters } = explainCell("conv1d", convolution(4, "tanh"), {
    units: 8,
    input: 6,
    batch: 2,
    steps: 9,
  });
  expect(facts.hoisted).toHaveLength(4);
  expect(parameters).toBe(4 * 8 * 6 + 8);
});

test("a normalised vector has mean 0 and variance 1, and a gain and a bias after that", async () => {
  const model = sequential([layerNormalization({ epsilon: 1e-6 })], { input: 4 });
  const { data } = await predict(model, [
    [
      [1, 2, 3, 6],
      [-5, 0, 0, 5],
    ],
  ]);
  expect(data[0]).toBeCloseTo(-2 / Math.sqrt(3.5), 4);
  expect(data[7]).toBeCloseTo(5 / Math.sqrt(12.5), 4);
  (model.values["layer_normalization.gain"] as Float32Array).fill(2);
  (model.values["layer_normalization.b"] as Float32Array).fill(1);
  expect((await predict(model, [[[1, 2, 3, 6]]])).data[0]).toBeCloseTo(1 - 4 / Math.sqrt(3.5), 4);
});

test("gradients against central differences 1e-6, wasm against the reference 1e-4", async () => {
  const layers = [masking(), conv1d(3, 3, { activation: "tanh" }), layerNormalization(), globalAveragePooling1d()];
  const graph = grad(lossGraph(sequential(layers, { input: 2 }), { loss: "mean_squared_error", training: true }));
  await expectRightGradients(graph, randomValues(graph, 5, 2, 1), { steps: 5, batch: 2 });
});
