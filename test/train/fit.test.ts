import { describe, expect, test } from "vitest";
import { bidirectional, dense, embedding, lstm, masking, simpleRnn } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import type { Callback, Logs } from "../../src/train/callbacks.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { stepDecay } from "../../src/train/learning-rate-schedules.ts";
import { sgd } from "../../src/train/optimizers.ts";
import { predict } from "../../src/train/predict.ts";
import type { TrainerState } from "../../src/train/trainer.ts";

/** y = w x + b, with w and b known: each vector alone, so that every loss can be written down. */
function line(w: number, b: number): Model {
  const model = sequential([dense(1)], { input: 1 });
  model.values["dense.W"]?.fill(w);
  model.values["dense.b"]?.fill(b);
  return model;
}
const column = (...values: number[]): number[][][] => values.map((value) => [[value]]);
const mse = { loss: "mean_squared_error", shuffle: false, optimizer: sgd({ learningRate: 0.1 }) } as const;
/** What one update does to w and b for examples (x, y, weight): the mean over `count`. */
function step({ w, b }: { w: number; b: number }, examples: readonly (readonly [number, number, number?])[]) {
  const count = examples.length;
  let [loss, dw, db] = [0, 0, 0];
  for (const [x, y, weight = 1] of examples) {
    const error = w * x + b - y;
    loss += (weight * error * error) / count;
    dw += (weight * 2 * error * x) / count;
    db += (weight * 2 * error) / count;
  }
  return { loss, w: w - 0.1 * dw, b: b - 0.1 * db };
}
const valuesOf = (model: Model): number[] => [
  model.values["dense.W"]?.[0] as number,
  model.values["dense.b"]?.[0] as number,
];

/** Sequences of 6 tokens; the class is whether the first one is above 4: to be remembered over the others. */
function memory(count: number, seed = 1): { x: number[][]; y: number[] } {
  const random = createRandom(seed);
  const x = Array.from({ length: count }, () => Array.from({ length: 6 }, () => random.integer(10)));
  return { x, y: x.map(([first]) => ((first as number) > 4 ? 1 : 0)) };
}
const remembers = (seed = 3): Model => sequential([embedding(10, 8), lstm(16), dense(2)], { seed });

test("learns to remember the first of 6 tokens: loss below 0.02, all of 100 new sequences right", async () => {
  const model = remembers();
  const { x, y } = memory(320);
  const { epoch, history, stopped } = await fit(model, x, y, {
    ...{ epochs: 12, batchSize: 16, metrics: ["accuracy"], validationSplit: 0.1, clipNorm: 1 },
    learningRate: () => 0.01,
  });
  expect(stopped).toBeUndefined();
  expect(epoch).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(Object.keys(history)).toEqual(["loss", "accuracy", "valLoss", "valAccuracy", "learningRate"]);
  expect(history.loss?.[0]).toBeGreaterThan(0.3);
  expect(history.loss?.at(-1)).toBeLessThan(0.02);
  expect(history.valAccuracy?.at(-1)).toBe(1);
  const fresh = memory(100, 9);
  const measured = await evaluate(model, fresh.x, fresh.y, { metrics: ["accuracy"] });
  expect(measured.loss).toBeLessThan(0.02);
  expect(measured.accuracy).toBe(1);
});

test("a last batch that is not full is the mean of its own examples, in the step and in the history", async () => {
  const model = line(0.5, -0.25);
  const examples = [
    [1, 2],
    [-1, 0.5],
    [2, 2],
    [0.5, -1],
    [3, 1],
  ] as const;
  const x = column(...examples.map(([x]) => x));
  const y = column(...examples.map(([, y]) => y));
  const { history } = await fit(model, x, y, { ...mse, batchSize: 2 });
  let at = { loss: 0, w: 0.5, b: -0.25 };
  let sum = 0;
  for (const [from, to] of [
    [0, 2],
    [2, 4],
    [4, 5],
  ] as const) {
    at = step(at, examples.slice(from, to));
    sum += at.loss * (to - from);
  }
  expect(history.loss?.[0]).toBeCloseTo(sum / 5, 5);
  expect(valuesOf(model)[0]).toBeCloseTo(at.w, 5);
  expect(valuesOf(model)[1]).toBeCloseTo(at.b, 5);
});

test("sampleWeight scales each loss and does not change by how many the mean is; classWeight multiplies it", async () => {
  const examples = [
    [1, 1, 3],
    [-1, 0, 0.5],
    [2, 1, 0],
  ] as const;
  const x = column(...examples.map(([x]) => x));
  const y = column(...examples.map(([, y]) => y));
  const sampleWeight = examples.map(([, , weight]) => weight);
  const weighted = line(0.5, -0.25);
  const { history } = await fit(weighted, x, y, { ...mse, sampleWeight });
  const one = step({ w: 0.5, b: -0.25 }, examples);
  expect(history.loss?.[0]).toBeCloseTo(one.loss, 6);
  expect(valuesOf(weighted)[0]).toBeCloseTo(one.w, 6);
  expect((await evaluate(line(0.5, -0.25), x, y, { loss: mse.loss, sampleWeight })).loss).toBeCloseTo(one.loss, 6);

  const both = line(0.5, -0.25);
  const twice = await fit(both, x, y, { ...mse, sampleWeight, classWeight: { 1: 2 } });
  const other = step({ w: 0.5, b: -0.25 }, [
    [1, 1, 6],
    [-1, 0, 0.5],
    [2, 1, 0],
  ]);
  expect(twice.history.loss?.[0]).toBeCloseTo(other.loss, 6);
  expect(valuesOf(both)[1]).toBeCloseTo(other.b, 6);
});

test("classWeight: by the index of a class, for every step, and not for validation", async () => {
  const { x, y } = memory(8);
  const options = { shuffle: false, batchSize: 8, optimizer: sgd({ learningRate: 0 }) };
  const plain = await evaluate(remembers(), x, y);
  const parts = await Promise.all(
    [0, 1].map((wanted) => {
      const rows = y.flatMap((one, k) => (one === wanted ? [k] : []));
      return evaluate(
        remembers(),
        rows.map((k) => x[k] as number[]),
        rows.map((k) => y[k] as number),
      );
    }),
  );
  const [zeros, ones] = [y.filter((one) => one === 0).length, y.filter((one) => one === 1).length];
  const { history } = await fit(remembers(), x, y, {
    ...{ ...options, classWeight: { 0: 0.25, 1: 4 }, validationData: { x, y } },
  });
  const wanted = (0.25 * zeros * (parts[0]?.loss as number) + 4 * ones * (parts[1]?.loss as number)) / 8;
  expect(history.loss?.[0]).toBeCloseTo(wanted, 5);
  expect(history.valLoss?.[0]).toBeCloseTo(plain.loss as number, 6);
});

test("weights (N,T) of single steps, and (N) for all steps of an example", async () => {
  const model = sequential([dense(1)], { input: 1 });
  model.values["dense.W"]?.fill(1);
  const x = [
    [[1], [2]],
    [[3], [4]],
  ];
  const y = [
    [0, 0],
    [0, 0],
  ];
  const loss = "mean_squared_error";
  const perStep = await evaluate(model, x, y, {
    loss,
    sampleWeight: [
      [1, 0],
      [0.5, 2],
    ],
  });
  expect(perStep.loss).toBeCloseTo((1 + 0.5 * 9 + 2 * 16) / 4, 6);
  const perExample = await evaluate(model, x, y, { loss, sampleWeight: [1, 3] });
  expect(perExample.loss).toBeCloseTo((1 + 4 + 3 * 9 + 3 * 16) / 4, 6);
});

test("validationSplit takes the last examples, before they are shuffled", async () => {
  const { x, y } = memory(20);
  const still = sgd({ learningRate: 0 });
  const { history } = await fit(remembers(), x, y, { validationSplit: 0.25, optimizer: still, metrics: ["accuracy"] });
  const first = await evaluate(remembers(), x.slice(0, 15), y.slice(0, 15), { metrics: ["accuracy"] });
  const last = await evaluate(remembers(), x.slice(15), y.slice(15), { metrics: ["accuracy"] });
  expect(history.loss?.[0]).toBeCloseTo(first.loss as number, 5);
  expect(history.valLoss?.[0]).toBeCloseTo(last.loss as number, 6);
  expect(history.valAccuracy?.[0]).toBe(last.accuracy);
});

test("shuffle: the same seed the same model, another seed another; every epoch has its own order", async () => {
  const { x, y } = memory(24);
  const train = async (seed: number, shuffle = true): Promise<Model> => {
    const model = remembers();
    await fit(model, x, y, { seed, shuffle, batchSize: 8, epochs: 2 });
    return model;
  };
  const [a, again, b, off] = [await train(1), await train(1), await train(2), await train(1, false)];
  expect(again.values).toEqual(a.values);
  expect(b.values).not.toEqual(a.values);
  expect(off.values).not.toEqual(a.values);
});

test("goes on with resume and initialEpoch as if it had never stopped", async () => {
  const { x, y } = memory(40);
  const options = { batchSize: 16, seed: 4, epochs: 4 };
  const whole = remembers();
  const all = await fit(whole, x, y, options);
  const parts = remembers();
  let state: TrainerState | undefined;
  const keep: Callback = {
    onEpochEnd(_, __, run) {
      state = run.state();
    },
  };
  const early = await fit(parts, x, y, { ...options, epochs: 2, callbacks: [keep] });
  const late = await fit(parts, x, y, { ...options, initialEpoch: 2, resume: state as TrainerState });
  expect(late.epoch).toEqual([2, 3]);
  expect([...(early.history.loss ?? []), ...(late.history.loss ?? [])]).toEqual(all.history.loss);
  expect(parts.values).toEqual(whole.values);
});

test("a state of another optimiser or model is refused", async () => {
  const { x, y } = memory(4);
  const slots = { m: { "dense.W": new Float32Array(3) } };
  const resume = { step: 2, slots };
  await expect(fit(remembers(), x, y, { resume })).rejects.toThrow(
    "training: the state to resume from has the slots m of its model; adam needs m, v for this one. " +
      "Give the same optimiser and model.",
  );
  const optimizer = sgd({ momentum: 0.5 });
  await expect(fit(remembers(), x, y, { resume, optimizer })).rejects.toThrow("sgd needs v for this one");
});

test("callbacks: in order, with running means, the step and a rate that they may set; stop ends the epoch at once", async () => {
  const examples = [
    [1, 2],
    [-1, 0.5],
    [2, 2],
    [0.5, -1],
  ] as const;
  const x = column(...examples.map(([x]) => x));
  const y = column(...examples.map(([, y]) => y));
  const seen: (string | number)[] = [];
  const means: Logs[] = [];
  const { epoch, history, stopped } = await fit(line(0.5, -0.25), x, y, {
    ...{ ...mse, batchSize: 2, epochs: 5 },
    callbacks: [
      {
        onTrainBegin: (run) => void seen.push("begin", run.step, run.epochs),
        onEpochBegin: (epoch) => void seen.push("epoch", epoch),
        onBatchEnd(logs, run) {
          means.push(logs);
          seen.push("batch", run.step);
          if (run.step === 3) run.stop("enough");
        },
        onEpochEnd(epoch, logs, run) {
          seen.push("end", epoch, logs.loss as number);
          run.learningRate = 0.05;
        },
        onTrainEnd: (logs) => void seen.push("done", logs.loss as number),
      },
    ],
  });
  const losses = history.loss as number[];
  expect(seen).toEqual(
    [
      "begin",
      0,
      5,
      "epoch",
      0,
      "batch",
      1,
      "batch",
      2,
      "end",
      0,
      losses[0],
      "epoch",
      1,
      "batch",
      3,
      "end",
      1,
      losses[1],
    ].concat(["done", losses[1] as number]),
  );
  expect(means[1]?.loss).toBe(losses[0]);
  expect(means.map(({ learningRate }) => learningRate)).toEqual([0.1, 0.1, 0.05]);
  expect({ epoch, stopped }).toEqual({ epoch: [0, 1], stopped: "enough" });
  expect(history.learningRate).toEqual([0.1, 0.05]);
});

test("a schedule decides the rate of each update, and a callback that sets one is refused", async () => {
  const rates: number[] = [];
  const watch: Callback = { onBatchEnd: ({ learningRate }) => void rates.push(learningRate as number) };
  const learningRate = stepDecay({ initialLearningRate: 0.1, every: 2, factor: 0.5 });
  const [x, y] = [column(1, 2, 3), column(1, 1, 1)];
  await fit(line(1, 0), x, y, { ...mse, batchSize: 1, learningRate, callbacks: [watch] });
  expect(rates).toEqual([0.1, 0.1, 0.05]);
  const sets: Callback = {
    onEpochEnd: (_, __, run) => {
      run.learningRate = 1;
    },
  };
  await expect(fit(line(1, 0), x, y, { ...mse, learningRate, callbacks: [sets] })).rejects.toThrow(
    "fit: a callback and learningRate both set the learning rate. Leave one of them out.",
  );
});

test("a signal ends it after the batch: the model has what was learned by then", async () => {
  const abort = new AbortController();
  const model = line(0.5, -0.25);
  const { epoch, stopped } = await fit(model, column(1, 2, 3), column(1, 1, 0), {
    ...{ ...mse, batchSize: 1, epochs: 3, signal: abort.signal },
    callbacks: [{ onBatchEnd: () => abort.abort() }],
  });
  expect({ epoch, stopped }).toEqual({ epoch: [], stopped: "aborted" });
  expect(valuesOf(model)[0]).toBeCloseTo(step({ w: 0.5, b: -0.25 }, [[1, 1]]).w, 6);
});

describe("the same numbers in whatever form", () => {
  const nested = [
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    [
      [-1, 0],
      [0, 1],
      [2, 2],
    ],
  ];
  const targets = [2, 0];
  const build = () => sequential([simpleRnn(4), dense(3)], { input: 2, seed: 2 });
  test.each([
    ["nested lists", nested, targets],
    ["typed arrays in lists", nested.map((one) => one.map((x) => Float32Array.from(x))), Int32Array.from(targets)],
    [
      "one run with its shape",
      { data: nested.flat(2), shape: [2, 3, 2] },
      { data: Uint8Array.from(targets), shape: [2] },
    ],
    ["classes with an axis of their own", nested, [[2], [0]]],
  ])("%s", async (_, x, y) => {
    const [model, wanted] = [build(), build()];
    await fit(model, x, y, { epochs: 2 });
    await fit(wanted, nested, targets, { epochs: 2 });
    expect(model.values).toEqual(wanted.values);
  });
});

test("a model that goes backwards answers, and is asked and weighed, in its own order", async () => {
  const layers = [simpleRnn(3, { goBackwards: true, returnSequences: true }), dense(1)];
  const model = sequential(layers, { input: 1, seed: 5 });
  const x = [
    [[1], [2], [3]],
    [[0.5], [-1], [2]],
  ];
  const { data, shape } = await predict(model, x);
  expect(shape).toEqual([2, 3, 1]);
  const y = [
    [0, 1, 0],
    [1, 0, 2],
  ];
  const sampleWeight = [
    [1, 2, 3],
    [4, 5, 6],
  ];
  const wanted =
    y.flat().reduce((sum, t, k) => sum + (sampleWeight.flat()[k] as number) * ((data[k] as number) - t) ** 2, 0) / 6;
  const { loss } = await evaluate(model, x, y, { loss: "mean_squared_error", sampleWeight });
  expect(loss).toBeCloseTo(wanted, 5);
});

test("masked steps count nowhere: loss and accuracy are means over the others, whatever the batch", async () => {
  const model = sequential([embedding(5, 3, { maskZero: true }), lstm(4, { returnSequences: true }), dense(5)], {
    seed: 1,
  });
  const x = [
    [1, 2, 0, 0],
    [3, 4, 1, 0],
    [2, 0, 0, 0],
  ];
  const y = [
    [2, 3, 4, 4],
    [4, 1, 2, 0],
    [1, 3, 3, 3],
  ];
  const { data } = await predict(model, x);
  let [loss, right, count] = [0, 0, 0];
  x.forEach((tokens, n) => {
    tokens.forEach((token, t) => {
      if (token === 0) return;
      const logits = Array.from(data.subarray((n * 4 + t) * 5, (n * 4 + t + 1) * 5));
      const target = y[n]?.[t] as number;
      loss += Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - (logits[target] as number);
      right += Math.max(...logits) === logits[target] ? 1 : 0;
      count++;
    });
  });
  for (const batchSize of [1, 2, 3]) {
    const measured = await evaluate(model, x, y, { batchSize, metrics: ["accuracy"] });
    expect(measured.loss).toBeCloseTo(loss / count, 5);
    expect(measured.accuracy).toBeCloseTo(right / count, 6);
  }
});

test("both directions and vectors that are masked: filled batches make no NaN", async () => {
  const model = sequential([masking(), bidirectional(lstm(3)), dense(2)], { input: 2, seed: 1 });
  const x = [
    [
      [1, 2],
      [0, 0],
    ],
    [
      [0, 0],
      [3, 1],
    ],
    [
      [1, 1],
      [1, 1],
    ],
  ];
  const { history } = await fit(model, x, [0, 1, 0], { batchSize: 2, epochs: 2, metrics: ["accuracy"] });
  expect(history.loss?.every(Number.isFinite)).toBe(true);
  expect(Object.values(model.values).every((values) => values.every(Number.isFinite))).toBe(true);
});
