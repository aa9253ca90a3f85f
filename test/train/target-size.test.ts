/** A loss whose target has another size than the output: through a training, an evaluation and every check. */
import { expect, test } from "vitest";
import { dense, gru, masking } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import type { Loss } from "../../src/train/losses.ts";
import { adam } from "../../src/train/optimizers.ts";
import { predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";

/** The first of the outputs is the mean of a normal distribution, the second log sigma: for targets of half the size. */
const gaussian: Loss = {
  target: "vector",
  targetSize: (outputSize) => outputSize / 2,
  build: (g, output, target) => {
    const size = (g.shapeOf(output) as number) / 2;
    const [mean, log] = [g.slice(output, 0, size), g.slice(output, size, size)];
    const z = g.mul(g.sub(target, mean), g.unary("exp", g.unary("neg", log)));
    return g.sum(g.add(log, g.mul(g.constant(0.5), g.mul(z, z))));
  },
};
const random = createRandom(3);
const [count, steps] = [12, 5];
const x = Array.from({ length: count }, () => Array.from({ length: steps }, () => [random.normal()]));
const one = x.map((row) => row.map(([value = 0]) => 2 * value + 0.1 * random.normal()));
const two = one.map((row) => row.map((value) => [value, -value]));
const modelOf = (size: number) => sequential([gru(6, { returnSequences: true }), dense(size)], { seed: 1, input: 1 });

test.each([
  [2, one],
  [4, two],
] as const)("an output of %i numbers: fit learns, validates, evaluates and predicts", async (size, y) => {
  const model = modelOf(size);
  const before = await evaluate(model, x, y as number[][], { loss: gaussian });
  const { history } = await fit(model, x, y as number[][], {
    ...{ loss: gaussian, epochs: 30, batchSize: 4, optimizer: adam({ learningRate: 0.02 }), seed: 2 },
    validationData: { x, y: y as number[][] },
  });
  const after = await evaluate(model, x, y as number[][], { loss: gaussian });
  expect(after.loss).toBeLessThan((before.loss as number) - 0.5);
  expect(Number.isFinite(history.valLoss?.at(-1))).toBe(true);
  const { shape } = await predict(model, x);
  expect(shape).toEqual([count, steps, size]);
});

test("sequences of unequal length keep the size of the target, and padding does not count", async () => {
  const model = sequential([masking(), gru(4, { returnSequences: true }), dense(4)], { seed: 1, input: 1 });
  const short = await evaluate(model, [x[0]?.slice(0, 2) ?? []], [two[0]?.slice(0, 2) ?? []], { loss: gaussian });
  const long = await evaluate(model, [x[1] ?? []], [two[1] ?? []], { loss: gaussian });
  const both = await evaluate(model, [x[0]?.slice(0, 2) ?? [], x[1] ?? []], [two[0]?.slice(0, 2) ?? [], two[1] ?? []], {
    ...{ loss: gaussian, pad: "post" },
  });
  expect(both.loss).toBeCloseTo((2 * (short.loss as number) + 5 * (long.loss as number)) / 7, 5);
});

test("weights and batches keep the size of the target", async () => {
  const model = sequential([gru(4, { returnSequences: true }), dense(4)], { seed: 1, input: 1 });
  const batches = [0, 4, 8].map((from) => ({ x: x.slice(from, from + 4), y: two.slice(from, from + 4) }));
  const whole = await evaluate(model, x, two, { loss: gaussian, batchSize: 4 });
  const parts = await evaluate(model, batches, { loss: gaussian });
  expect(parts.loss).toBeCloseTo(whole.loss as number, 5);
  const half = one.map((_, n) => (n < 6 ? 1 : 0));
  const first = await evaluate(model, x.slice(0, 6), two.slice(0, 6), { loss: gaussian });
  const weighted = await evaluate(model, x, two, { loss: gaussian, sampleWeight: half });
  expect(2 * (weighted.loss as number)).toBeCloseTo(first.loss as number, 4);
});

test("one output per sequence, and a trainer's targets", async () => {
  const model = sequential([gru(4), dense(4)], { seed: 1, input: 1 });
  const trainer = await createTrainer(model, { steps: 2, batch: 3, loss: gaussian });
  const inputs = Float32Array.from({ length: 6 }, (_, k) => k / 6);
  expect(Number.isFinite(await trainer.update(inputs, new Float32Array(6)))).toBe(true);
  await expect(trainer.update(inputs, new Float32Array(12))).rejects.toThrow("targets");
  trainer.dispose();
});

test("targets of the output's size, sizes that a loss refuses, and metrics that compare are refused in one line", async () => {
  await expect(
    fit(
      modelOf(4),
      x,
      x.map((row) => row.map(() => [1, 2, 3, 4])),
      { loss: gaussian },
    ),
  ).rejects.toThrow("fit: y: needs the shape (N,5,2), examples first, got (12,5,4)");
  await expect(fit(modelOf(3), x, one, { loss: gaussian })).rejects.toThrow(
    "training: loss: targetSize(3) must be a whole number of at least 1, got 1.5",
  );
  await expect(fit(modelOf(4), x, two, { loss: gaussian, metrics: ["mae"] })).rejects.toThrow(
    'training: metric "mae" compares targets with outputs of 4 numbers, but the loss has targets of 2. Leave it out.',
  );
});
