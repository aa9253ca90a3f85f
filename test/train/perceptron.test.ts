import { expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import type { Cell } from "../../src/graph/cell.ts";
import { dense, recurrent } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { sgd } from "../../src/train/optimizers.ts";
import { createPredictor } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";

const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;
const and = [0, 0, 0, 1];
const xor = [0, 1, 1, 0];

/** Passes over the four corners, one at a time. */
async function learn(model: Model, targets: readonly number[], passes: number): Promise<number[]> {
  const trainer = await createTrainer(model, {
    ...{ batch: 1, steps: 1, loss: "perceptron", optimizer: sgd({ learningRate: 0.1 }) },
  });
  for (let pass = 0; pass < passes; pass++) {
    for (const [k, corner] of corners.entries()) await trainer.update(corner, [targets[k] as number]);
  }
  trainer.save();
  const predictor = await createPredictor(model, { batch: 4, steps: 1 });
  return [...(await predictor.predict(corners.flat()))];
}

test("the perceptron's learning rule, W += rate * (t - y) * x, number by number", async () => {
  const [inputs, outputs] = [3, 2];
  const model = sequential([recurrent(cells.perceptron as Cell, { units: outputs, name: "neuron" })], {
    input: inputs,
    seed: 5,
  });
  const W = Array.from(model.values["neuron.W"] as Float32Array);
  const b = Array.from(model.values["neuron.b"] as Float32Array);
  const trainer = await createTrainer(model, {
    ...{ batch: 1, steps: 1, loss: "perceptron", optimizer: sgd({ learningRate: 0.25 }) },
  });
  const random = createRandom(6);
  let changes = 0;
  for (let k = 0; k < 30; k++) {
    const x = Array.from({ length: inputs }, () => random.normal());
    const target = Array.from({ length: outputs }, () => random.integer(2));
    await trainer.update(x, target);
    for (let i = 0; i < outputs; i++) {
      const z = x.reduce((sum, value, j) => sum + value * (W[i * inputs + j] as number), b[i] as number);
      const error = (target[i] as number) - (z > 0 ? 1 : 0);
      if (error !== 0) changes++;
      x.forEach((value, j) => {
        W[i * inputs + j] = (W[i * inputs + j] as number) + 0.25 * error * value;
      });
      b[i] = (b[i] as number) + 0.25 * error;
    }
  }
  expect(changes).toBeGreaterThan(10);
  trainer.save();
  (model.values["neuron.W"] as Float32Array).forEach((value, k) => {
    expect(value).toBeCloseTo(W[k] as number, 5);
  });
  (model.values["neuron.b"] as Float32Array).forEach((value, k) => {
    expect(value).toBeCloseTo(b[k] as number, 5);
  });
});

test("a perceptron learns AND; no perceptron knows XOR; a dense layer is trained alike", async () => {
  for (const seed of [1, 2, 3]) {
    const neuron = () => sequential([recurrent(cells.perceptron as Cell, { units: 1 })], { input: 2, seed });
    expect(await learn(neuron(), and, 50)).toEqual(and);
    expect(await learn(neuron(), xor, 500)).not.toEqual(xor);
    const sums = await learn(sequential([dense(1)], { input: 2, seed }), and, 50);
    expect(sums.map((z) => (z > 0 ? 1 : 0))).toEqual(and);
  }
});
