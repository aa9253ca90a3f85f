import { describe, expect, test } from "vitest";
import { dense, embedding, gru, lstm } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { fit } from "../../src/train/fit.ts";
import { adam, adamW, asgd, type Optimizer, rmsprop, sgd } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { relativeError } from "../helpers/networks.ts";
import { trainingPlan } from "../helpers/plans.ts";

/** Steps of equal size make differences visible: no gradient is near zero and changes sign. */
const gentle = sgd({ learningRate: 0.5, momentum: 0.9 });
const build = (): Model =>
  sequential([embedding(9, 5, { maskZero: true }), lstm(6, { returnSequences: true }), dense(9)], { seed: 2 });
function sequences(count: number, steps: number): { x: number[][]; y: number[][] } {
  const random = createRandom(7);
  const draw = (): number[][] =>
    Array.from({ length: count }, (_, n) => {
      // Padding at the end, more of it in some than in others.
      return Array.from({ length: steps }, (_, t) => (t > 0 && t >= steps - (n % 4) ? 0 : 1 + random.integer(8)));
    });
  return { x: draw(), y: draw() };
}
/** How far apart two models are, as a share of the largest parameter of each name. */
const apart = (a: Model, b: Model): number =>
  Math.max(
    ...Object.keys(a.values).map((name) =>
      relativeError(a.values[name] as Float32Array, b.values[name] as Float32Array),
    ),
  );

describe("accumulate 3 with batches of 4 is the batch of 12", () => {
  const optimizers: Record<string, Optimizer> = {
    "sgd with momentum": gentle,
    "adam with a large epsilon": adam({ learningRate: 0.01, epsilon: 1e-3 }),
    "adamW by name": adamW({
      learningRate: 0.01,
      epsilon: 1e-3,
      weightDecay: (name) => (name.includes("b") ? 0 : 0.1),
    }),
    "rmsprop, centred": rmsprop({ learningRate: 0.001, epsilon: 1e-3, centered: true, momentum: 0.5 }),
    asgd: asgd({ learningRate: 0.5, weightDecay: 0.01 }),
  };
  // 31 examples: two whole groups, then one of batches of 4 and 3, filled up. Weights by steps, as many as are not masked.
  test.each(Object.entries(optimizers))("%s: masks, a group and a batch that are not full", async (_, optimizer) => {
    const { x, y } = sequences(31, 5);
    const [small, large] = [build(), build()];
    const options = { epochs: 3, shuffle: false, optimizer, clipNorm: 0.3 };
    const gathered = await fit(small, x, y, { ...options, batchSize: 4, accumulate: 3 });
    const whole = await fit(large, x, y, { ...options, batchSize: 12 });
    expect(apart(build(), large)).toBeGreaterThan(0.01);
    expect(apart(small, large)).toBeLessThan(2e-5);
    expect(relativeError(gathered.history.loss as number[], whole.history.loss as number[])).toBeLessThan(1e-5);
  });
});

test("a plain loop: parameters move at every third call, and where `last` says so", async () => {
  const model = sequential([gru(3), dense(2)], { input: 2, seed: 1 });
  const trainer = await createTrainer(model, { batch: 1, steps: 2, accumulate: 3, optimizer: gentle });
  const moved: boolean[] = [];
  const steps: number[] = [];
  for (const last of [false, false, false, false, true]) {
    const before = trainer.program.allParameters();
    await trainer.update([1, 2, 3, 4], [1], 0.1, { last });
    moved.push(!trainer.program.allParameters().every((value, k) => value === before[k]));
    steps.push(trainer.step);
  }
  expect(moved).toEqual([false, false, true, false, true]);
  expect(steps).toEqual([0, 0, 1, 1, 2]);
});

test("each batch of a group has dropout masks of its own", async () => {
  const model = sequential([lstm(8, { dropout: 0.5 }), dense(2)], { input: 4, seed: 1 });
  const trainer = await createTrainer(model, {
    batch: 2,
    steps: 3,
    accumulate: 2,
    optimizer: sgd({ learningRate: 0 }),
  });
  const inputs = Array.from({ length: 24 }, (_, k) => Math.sin(k));
  const losses: number[] = [];
  for (let k = 0; k < 4; k++) {
    trainer.resetStates();
    losses.push(await trainer.update(inputs, [0, 1]));
  }
  expect(new Set(losses).size).toBe(4);
});

test("accumulate 1 is the same plan as without it", async () => {
  const sizes = { batch: 2, steps: 3 };
  expect(trainingPlan(build(), { ...sizes, accumulate: 1 })).toEqual(trainingPlan(build(), sizes));
  await expect(createTrainer(build(), { ...sizes, accumulate: 1.5 })).rejects.toThrow(
    "createTrainer: accumulate must be a whole number of at least 1, got 1.5",
  );
});
