import { describe, expect, test } from "vitest";
import { bidirectional, dense, embedding, gru, lstm, repeatVector } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { sgd } from "../../src/train/optimizers.ts";
import { createPredictor, predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { relativeError } from "../helpers/networks.ts";

const all = { returnSequences: true };
const wave = (count: number, from = 0): number[] => Array.from({ length: count }, (_, k) => Math.sin(k + from));
const model = (options: object): Model =>
  sequential([lstm(3, { ...all, ...options, name: "cell" }), dense(1)], { input: 1, seed: 4 });

describe("stateful", () => {
  test("a predictor goes on where the last call ended, until its states are reset", async () => {
    const whole = await createPredictor(model({}), { batch: 1, steps: 6 });
    const wanted = await whole.predict(wave(6));
    const part = await createPredictor(model({ stateful: true }), { batch: 1, steps: 3 });
    const first = await part.predict(wave(3));
    expect([...first, ...(await part.predict(wave(3, 3)))]).toEqual([...wanted]);
    part.resetStates();
    expect(await part.predict(wave(3))).toEqual(first);
    const stateless = await createPredictor(model({}), { batch: 1, steps: 3 });
    await stateless.predict(wave(3));
    expect(await stateless.predict(wave(3))).toEqual(first);
  });
  test("predict and evaluate carry the states from batch to batch, and begin with zeros in every call", async () => {
    const [pieces, whole] = [[wave(3), wave(3, 3)], [wave(6)]];
    const columns = (rows: number[][]): number[][][] => rows.map((row) => row.map((value) => [value]));
    const wanted = await predict(model({}), columns(whole));
    for (let again = 0; again < 2; again++) {
      const got = await predict(model({ stateful: true }), columns(pieces), { batchSize: 1 });
      expect(got.data).toEqual(wanted.data);
    }
    const mse = { loss: "mean_squared_error" } as const;
    const { loss } = await evaluate(model({}), columns(whole), columns(whole), mse);
    const carried = await evaluate(model({ stateful: true }), columns(pieces), columns(pieces), {
      ...mse,
      batchSize: 1,
    });
    expect(carried.loss).toBeCloseTo(loss as number, 6);
    const apart = await evaluate(model({}), columns(pieces), columns(pieces), { ...mse, batchSize: 1 });
    expect(apart.loss).not.toBeCloseTo(loss as number, 6);
  });
  test("fit carries them through an epoch, and each epoch begins with zeros: as a loop of one's own does", async () => {
    const options = { loss: "mean_squared_error", optimizer: sgd({ learningRate: 0.1 }) } as const;
    const pieces = [wave(3), wave(3, 3), wave(3, 6)];
    const columns = pieces.map((row) => row.map((value) => [value]));
    const fitted = model({ stateful: true });
    await fit(fitted, columns, columns, { ...options, epochs: 2, batchSize: 1, shuffle: false });
    const own = model({});
    const trainer = await createTrainer(own, { ...options, batch: 1, steps: 3 });
    for (let epoch = 0; epoch < 2; epoch++) {
      trainer.resetStates();
      for (const row of pieces) await trainer.update(row, row);
    }
    trainer.save();
    expect(fitted.values).toEqual(own.values);
  });
  test("mistakes are one line", async () => {
    const x = [[[1]], [[2]], [[3]]];
    const mse = { loss: "mean_squared_error", batchSize: 2 } as const;
    const stateful = model({ stateful: true });
    const before = structuredClone(stateful.values);
    await expect(fit(stateful, x, x, { ...mse, shuffle: false })).rejects.toThrow(
      "fit: cell is stateful, so all batches need the same size: 3 examples are not a multiple of 2",
    );
    await expect(fit(stateful, x, x, { ...mse, batchSize: 1 })).rejects.toThrow(
      "fit: cell is stateful, so the order of batches matters",
    );
    await expect(predict(stateful, x, { batchSize: 2 })).rejects.toThrow("predict: cell is stateful");
    expect(stateful.values).toEqual(before);
  });
});

describe("returnState and initialState", () => {
  test("a sequence in two parts, the second from the states of the first, is the sequence", async () => {
    const made = model({ returnState: true });
    const x = [wave(6), wave(6, 7), wave(6, 11)].map((row) => row.map((value) => [value]));
    const whole = await predict(made, x);
    const first = await predict(
      made,
      x.map((row) => row.slice(0, 4)),
      { batchSize: 2 },
    );
    expect(first.states["cell.h"]?.shape).toEqual([3, 3]);
    expect(Object.keys(first.states)).toEqual(["cell.c", "cell.h"]);
    const second = await predict(
      made,
      x.map((row) => row.slice(4)),
      { batchSize: 2, initialState: first.states },
    );
    for (let k = 0; k < 3; k++) {
      const got = [...first.data.slice(4 * k, 4 * k + 4), ...second.data.slice(2 * k, 2 * k + 2)];
      expect(relativeError(got, whole.data.slice(6 * k, 6 * k + 6))).toBeLessThan(1e-6);
    }
    expect(relativeError(second.states["cell.c"]?.data ?? [], whole.states["cell.c"]?.data ?? [])).toBeLessThan(1e-6);
  });
  test("of both directions; without returnState there are none", async () => {
    const both = sequential([bidirectional(gru(2, { returnState: true }), { name: "both" })], { input: 1 });
    const { states } = await predict(both, [[[1], [2]]]);
    expect(Object.keys(states)).toEqual(["both.forward.h", "both.backward.h"]);
    expect((await predict(model({}), [[[1]]])).states).toEqual({});
  });
  test("mistakes are one line", async () => {
    const start = (initialState: object) => predict(model({}), [[[1]], [[2]]], { initialState } as never);
    await expect(start({ h: [[1, 2, 3]] })).rejects.toThrow(
      "predict: initialState h: needs a vector for each of the 2 examples, got 1 x 3",
    );
    await expect(start({ h: [[1], [2]] })).rejects.toThrow(
      'predict: initialState: the model has no state "h" to set. It has cell.c, cell.h',
    );
    await expect(start({ "cell.h": [[1], [2]] })).rejects.toThrow("predict: initialState cell.h: needs 6 numbers");
    await expect(
      start({
        "cell.h": [
          [1, 2, 3],
          [4, 5, Number.NaN],
        ],
      }),
    ).rejects.toThrow("predict: initialState cell.h (example 1) is NaN");
  });
});

test("a model says how many steps it has: others are refused", async () => {
  const made = sequential([gru(3), repeatVector(4), gru(2, all)], { input: 1 });
  const message = "repeat_vector repeats a vector 4 times, so sequences need 4 steps, got 3";
  await expect(createPredictor(made, { batch: 1, steps: 3 })).rejects.toThrow(`predict: ${message}`);
  await expect(createTrainer(made, { batch: 1, steps: 3 })).rejects.toThrow(`training: ${message}`);
  await expect(predict(made, [[[1], [2], [3]]])).rejects.toThrow("4");
});

test("a stream goes on from batch to batch: a model whose states start anew is refused", async () => {
  const made = sequential([embedding(5, 2), gru(3, { ...all, initialState: "learned" }), dense(5)]);
  await expect(fitStream(made, new Int32Array(200), { batch: 2, steps: 4 })).rejects.toThrow(
    "fitStream: keeps the states from batch to batch, but gru has an initialState.",
  );
});

test("predict gives probabilities where it is asked for them", async () => {
  const made = sequential([dense(3)], { input: 2, seed: 2 });
  const x = [[[1, -2]], [[0.5, 3]]];
  const { data: logits } = await predict(made, x);
  const { data: sigmoids } = await predict(made, x, { activation: "sigmoid" });
  sigmoids.forEach((p, k) => expect(p).toBeCloseTo(1 / (1 + Math.exp(-(logits[k] as number))), 6));
  const { data: softmaxes } = await predict(made, x, { activation: "softmax" });
  for (const row of [0, 1]) {
    const own = [...logits.slice(3 * row, 3 * row + 3)].map(Math.exp);
    const sum = own.reduce((a, b) => a + b);
    own.forEach((value, k) => expect(softmaxes[3 * row + k]).toBeCloseTo(value / sum, 6));
  }
  await expect(predict(made, x, { activation: "relu" as "linear" })).rejects.toThrow(
    'predict: activation must be one of "linear", "softmax", "sigmoid", got "relu"',
  );
});
