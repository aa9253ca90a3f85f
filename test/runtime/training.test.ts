import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/nn/random.ts";
import { adam, sgd } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { collectGarbage } from "../helpers/garbage.ts";
import { tinyModel } from "../helpers/models.ts";
import { relativeError } from "../helpers/networks.ts";

const vocabulary = 7;
const [batch, steps] = [2, 5];
/** Tokens and targets (T,B), written into the same arrays. */
function tokens(seed: number) {
  const random = createRandom(seed);
  const [inputs, targets] = [new Int32Array(batch * steps), new Int32Array(batch * steps)];
  return () => {
    for (let k = 0; k < inputs.length; k++) {
      inputs[k] = random.integer(vocabulary);
      targets[k] = ((inputs[k] as number) * 3 + 1) % vocabulary;
    }
    return { inputs, targets };
  };
}

describe("Adam with clipping against plain Adam in f64, from the same gradients, 200 steps: 1e-5", () => {
  // The first clips at every step, the second at some, the third never.
  test.each([0.05, 0.5, undefined])("clipNorm %s", async (clipNorm) => {
    const [rate, beta1, beta2, epsilon] = [0.003, 0.9, 0.999, 1e-7];
    const model = tinyModel();
    const names = model.parameters.map(({ name }) => name);
    const plain = names.map((name) => {
      const w = Float64Array.from(model.values[name] as Float32Array);
      return { name, w, m: w.map(() => 0), v: w.map(() => 0) };
    });
    const trainer = await createTrainer(model, {
      batch,
      steps,
      optimizer: adam({ learningRate: rate, beta1, beta2, epsilon }),
      ...(clipNorm === undefined ? {} : { clipNorm }),
    });
    const next = tokens(1);
    let clipped = 0;
    for (let step = 1; step <= 200; step++) {
      const { inputs, targets } = next();
      await trainer.update(inputs, targets);
      const gradients = plain.map(({ name }) => trainer.program.gradient(name));
      const norm = Math.sqrt(gradients.reduce((sum, g) => sum + g.reduce((total, d) => total + d * d, 0), 0));
      const scale = clipNorm === undefined ? 1 : Math.min(1, clipNorm / norm);
      if (scale < 1) clipped++;
      plain.forEach(({ w, m, v }, k) => {
        gradients[k]?.forEach((raw, j) => {
          const d = raw * scale;
          m[j] = beta1 * (m[j] as number) + (1 - beta1) * d;
          v[j] = beta2 * (v[j] as number) + (1 - beta2) * d * d;
          const mean = (m[j] as number) / (1 - beta1 ** step);
          const square = (v[j] as number) / (1 - beta2 ** step);
          w[j] = (w[j] as number) - (rate * mean) / (Math.sqrt(square) + epsilon);
        });
      });
    }
    for (const { name, w } of plain) {
      const got = trainer.program.parameter(name);
      w.forEach((wanted, j) => {
        const error = Math.abs((got[j] as number) - wanted);
        expect(error, `${name}[${j}]: ${got[j]} and ${wanted}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(wanted)));
      });
    }
    if (clipNorm === 0.05) expect(clipped).toBeGreaterThan(150);
    if (clipNorm === 0.5) expect(clipped > 0 && clipped < 200).toBe(true);
  });
});

test("stochastic gradient descent: w - rate * g, with the rate of the call", async () => {
  const model = tinyModel();
  const trainer = await createTrainer(model, { batch, steps, optimizer: sgd() });
  const { inputs, targets } = tokens(3)();
  for (const rate of [undefined, 0.5]) {
    const before = Object.fromEntries(
      model.parameters.map(({ name }) => [name, trainer.program.parameter(name).slice()]),
    );
    await trainer.update(inputs, targets, rate);
    for (const { name } of model.parameters) {
      const gradient = trainer.program.gradient(name);
      const wanted = before[name]?.map((w, k) => w - (rate ?? 0.01) * (gradient[k] as number)) as Float32Array;
      expect(relativeError(trainer.program.parameter(name), wanted), name).toBeLessThan(1e-6);
    }
  }
  expect(() => sgd({ learningRate: -1 })).toThrow("sgd: learningRate must be a number in [0, Infinity), got -1");
});

test("10,000 training steps: memory stays as it is, and the model learns", async () => {
  const used = (): { heap: number; buffers: number } => {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return { heap: heapUsed, buffers: arrayBuffers };
  };
  const trainer = await createTrainer(tinyModel(), { batch, steps, clipNorm: 1, optimizer: adam() });
  const next = tokens(2);
  const train = async (count: number): Promise<number> => {
    let loss = 0;
    for (let step = 0; step < count; step++) {
      const { inputs, targets } = next();
      loss = await trainer.update(inputs, targets);
    }
    return loss;
  };
  await train(500);
  const [before, bytes] = [used(), trainer.program.memoryBytes];
  const loss = await train(9500);
  const after = used();
  expect(trainer.program.memoryBytes).toBe(bytes);
  // 9,500 steps that each left 30 bytes would show.
  expect(after.heap - before.heap).toBeLessThan(256 * 1024);
  expect(after.buffers - before.buffers).toBeLessThan(64 * 1024);
  expect(loss).toBeLessThan(0.05);
});
