/** Sequences of which nothing counts, and masked steps, at every door: the values are computed here in f64. */
import { describe, expect, test } from "vitest";
import { rowsOf } from "../../src/data/arrays.ts";
import {
  bidirectional,
  dense,
  embedding,
  gru,
  input,
  type LayerSpec,
  lstm,
  masking,
  repeatVector,
  simpleRnn,
  timeDistributed,
} from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createSession } from "../../src/nn/session.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { type FitOptions, fit } from "../../src/train/fit.ts";
import { adam, adamW, sgd } from "../../src/train/optimizers.ts";
import { predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { expectClose, valuesOf } from "../helpers/models.ts";
import { crossEntropy, denseOf, type LstmState, lstmSteps, rowsAt, simpleRnnSteps } from "../helpers/recurrences.ts";

const sequences = { returnSequences: true };
const maskZero = { maskZero: true };
/** With biases that are not zero, so that an output that came from nothing shows. */
function made(layers: readonly LayerSpec[], options: { input?: number; seed?: number } = {}): Model {
  const model = sequential(layers, { seed: 3, ...options });
  for (const [name, values] of Object.entries(model.values)) {
    if (/\.b(_|$)/.test(name)) values.forEach((value, k) => (values[k] = value + 0.1 * (k + 1)));
  }
  return model;
}
const numbersOf = (rows: readonly ArrayLike<number>[]): number[][] => rows.map((row) => Array.from(row));
function expectRowsClose(got: readonly ArrayLike<number>[], wanted: readonly ArrayLike<number>[]): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((row, n) => void expectClose(row, wanted[n] as ArrayLike<number>, { what: `row ${n}, number` }));
}
const finite = ({ values }: Model): boolean => Object.values(values).every((own) => own.every(Number.isFinite));

describe("predict: a row of nothing but padding gives the initial state, zeros", () => {
  test("tokens", async () => {
    const model = made([embedding(5, 4, maskZero), lstm(4), dense(2)]);
    const got = rowsOf(
      await predict(model, [
        [1, 2],
        [0, 0],
      ]),
    );
    const { last } = lstmSteps(model.values, "lstm", rowsAt(model.values, "embedding", 4, [1, 2]));
    expectRowsClose(got, [denseOf(model.values, "dense", last.h), denseOf(model.values, "dense", [0, 0, 0, 0])]);
    expectRowsClose(
      rowsOf(
        await predict(model, [
          [0, 0],
          [0, 0],
        ]),
      ),
      [got[1] as Float32Array, got[1] as Float32Array],
    );
    // As the only one, of any length.
    for (const length of [1, 5]) {
      expect(numbersOf(rowsOf(await predict(model, [new Array<number>(length).fill(0)])))).toEqual(
        numbersOf([got[1] as Float32Array]),
      );
    }
  });
  test("vectors, by masking, in every direction, at every step and at the last", async () => {
    const empty = [
      [9, 9],
      [9, 9],
      [9, 9],
    ];
    for (const options of [
      {},
      { goBackwards: true },
      sequences,
      { ...sequences, zeroOutputForMask: true },
      { zeroOutputForMask: true },
    ]) {
      for (const layer of [lstm(3, options), gru(3, options), simpleRnn(3, options), bidirectional(lstm(3, options))]) {
        const { data } = await predict(made([masking({ maskValue: 9 }), layer], { input: 2 }), [empty, empty]);
        expect(
          data.every((value) => value === 0),
          `${layer.kind} ${JSON.stringify(options)}`,
        ).toBe(true);
      }
    }
  });
  test("a given mask of zeros, and the states that are returned", async () => {
    const model = made([input(2, { name: "series", mask: true }), lstm(3, { returnState: true })]);
    const series = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ];
    const { data, states } = await predict(model, {
      series,
      "series.mask": [
        [0, 0],
        [1, 0],
      ],
    });
    const { last } = lstmSteps(model.values, "lstm", [[5, 6]]);
    expectRowsClose([data.subarray(0, 3), data.subarray(3)], [[0, 0, 0], last.h]);
    const { data: c } = states["lstm.c"] as { data: Float32Array };
    expectRowsClose([c.subarray(0, 3), c.subarray(3)], [[0, 0, 0], last.c]);
  });
  test("from a state that is given, that state", async () => {
    const model = made([embedding(5, 2, maskZero), lstm(2, sequences)]);
    const initialState = { "lstm.h": [[0.5, -0.25]], "lstm.c": [[2, 3]] };
    expect([...(await predict(model, [[0, 0]], { initialState })).data]).toEqual([0.5, -0.25, 0.5, -0.25]);
  });
  test("a decoder that starts from an encoder of nothing but padding starts from zeros", async () => {
    const model = made([
      input("tokens", { name: "question" }),
      embedding(7, 4, { ...maskZero, name: "words" }),
      lstm(3, { name: "encoder" }),
      input("tokens", { name: "answer" }),
      embedding(6, 4, { name: "answers" }),
      lstm(3, { ...sequences, initialState: { from: "encoder" }, name: "decoder" }),
      timeDistributed(dense(2)),
    ]);
    const question = [
      [0, 0, 0],
      [0, 4, 0],
    ];
    const answer = [
      [1, 2, 3],
      [1, 2, 3],
    ];
    const { data } = await predict(model, { question, answer });
    const wanted = question.flatMap((tokens, n) => {
      const counts = tokens.map((token) => token !== 0);
      const encoder = lstmSteps(model.values, "encoder", rowsAt(model.values, "words", 4, tokens), counts).last;
      const answers = rowsAt(model.values, "answers", 4, answer[n] as number[]);
      const { after } = lstmSteps(model.values, "decoder", answers, undefined, encoder);
      return after.map(({ h }) => denseOf(model.values, "dense", h));
    });
    expectRowsClose(rowsOf({ data, shape: [6, 2] }), wanted);
    const { history } = await fit(
      model,
      { question, answer },
      [
        [0, 1, 0],
        [1, 0, 1],
      ],
      { epochs: 3, batchSize: 1 },
    );
    expect(history.loss?.every((loss) => loss > 0)).toBe(true);
    expect(finite(model)).toBe(true);
  });
  test("a vector that is repeated, from nothing", async () => {
    const model = made([
      embedding(5, 4, maskZero),
      simpleRnn(3),
      repeatVector(2),
      simpleRnn(2, { ...sequences, name: "back" }),
    ]);
    const { data } = await predict(model, [[0, 0]]);
    const { after } = simpleRnnSteps(model.values, "back", [
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expectRowsClose(rowsOf({ data, shape: [2, 2] }), after);
  });
  test("a session reads padding before the first token as if it were not there", async () => {
    const model = made([embedding(5, 4, maskZero), lstm(4), dense(2)]);
    const session = await createSession(model);
    for (let k = 0; k < 3; k++)
      expectRowsClose([session.next(0).slice()], [denseOf(model.values, "dense", [0, 0, 0, 0])]);
    const { last } = lstmSteps(model.values, "lstm", rowsAt(model.values, "embedding", 4, [3]));
    expectRowsClose([session.next(3).slice()], [denseOf(model.values, "dense", last.h)]);
    expectRowsClose([session.next(0).slice()], [denseOf(model.values, "dense", last.h)]);
  });
});

const tagger = (seed?: number): Model =>
  made([embedding(5, 3, maskZero), lstm(4, sequences), dense(5)], seed === undefined ? {} : { seed });
const x = [
  [1, 2, 3],
  [0, 0, 0],
  [0, 4, 0],
  [0, 0, 0],
  [0, 0, 0],
];
const y = [
  [2, 3, 4],
  [1, 1, 1],
  [4, 0, 2],
  [0, 3, 1],
  [2, 2, 2],
];
/** Cross-entropy and accuracy over the steps that count, and how many there are. */
function measured({ values }: Model, rows: readonly number[], weight = (_: number): number => 1) {
  let [loss, right, count] = [0, 0, 0];
  for (const n of rows) {
    const tokens = x[n] as number[];
    const counts = tokens.map((token) => token !== 0);
    const { after } = lstmSteps(values, "lstm", rowsAt(values, "embedding", 3, tokens), counts);
    after.forEach(({ h }, t) => {
      if (!counts[t]) return;
      const logits = denseOf(values, "dense", h);
      const target = y[n]?.[t] as number;
      loss += weight(n) * crossEntropy(logits, target);
      right += logits.indexOf(Math.max(...logits)) === target ? 1 : 0;
      count++;
    });
  }
  return { loss: loss / count, accuracy: right / count, count };
}

describe("examples without a step that counts have no part in loss and metrics", () => {
  test("evaluate: the mean over the steps that count, whatever the batch; a batch may have none", async () => {
    const model = tagger();
    const wanted = measured(model, [0, 2]);
    expect(wanted.count).toBe(4);
    for (const batchSize of [1, 2, 5]) {
      const got = await evaluate(model, x, y, { batchSize, metrics: ["accuracy"] });
      expect(got.loss).toBeCloseTo(wanted.loss, 5);
      expect(got.accuracy).toBeCloseTo(wanted.accuracy, 6);
    }
  });
  test("of nothing at all the loss and every metric is 0", async () => {
    expect(
      await evaluate(
        tagger(),
        [
          [0, 0],
          [0, 0],
        ],
        [
          [1, 2],
          [3, 4],
        ],
        { metrics: ["accuracy"] },
      ),
    ).toEqual({ loss: 0, accuracy: 0 });
    const { history } = await fit(tagger(), [[0, 0]], [[1, 2]], { epochs: 2, validationData: { x: [[0]], y: [[1]] } });
    expect(history).toEqual({ loss: [0, 0], valLoss: [0, 0], learningRate: [0.001, 0.001] });
  });
  test("fit: an epoch's loss is weighted by the steps that count, and batches without one change nothing", async () => {
    const frozen = { optimizer: sgd({ learningRate: 0 }), shuffle: false, metrics: ["accuracy"] as const };
    const model = tagger();
    const wanted = measured(model, [0, 2]);
    for (const batchSize of [1, 2, 5]) {
      const { history } = await fit(model, x, y, { ...frozen, batchSize });
      expect(history.loss?.[0]).toBeCloseTo(wanted.loss, 5);
      expect(history.accuracy?.[0]).toBeCloseTo(wanted.accuracy, 6);
    }
    // One batch an example: those that count nothing are as if they were not there.
    const [all, some] = [tagger(), tagger()];
    const options: FitOptions = { optimizer: sgd({ learningRate: 0.5 }), shuffle: false, batchSize: 1, epochs: 2 };
    await fit(all, x, y, options);
    await fit(some, [x[0], x[2]] as number[][], [y[0], y[2]] as number[][], options);
    expect(valuesOf(all)).toEqual(valuesOf(some));
  });
  test("weights of 0 and weights by class leave numbers, and do not change what counts", async () => {
    const model = tagger();
    const sampleWeight = [2, 1, 0, 1, 0];
    const { loss } = await evaluate(model, x, y, { sampleWeight, batchSize: 2 });
    expect(loss).toBeCloseTo(measured(model, [0, 2], (n) => sampleWeight[n] as number).loss, 5);
    const options = { sampleWeight: [0, 0, 0, 0, 0], classWeight: { 1: 3 }, batchSize: 2, epochs: 2, clipNorm: 1 };
    const before = valuesOf(model);
    const { history } = await fit(model, x, y, { ...options, optimizer: sgd({ learningRate: 1 }) });
    expect(history.loss).toEqual([0, 0]);
    expect(valuesOf(model)).toEqual(before);
  });
});

describe("createTrainer: a batch of which nothing counts", () => {
  const empty = [0, 0, 0, 0];
  const targets = [1, 2, 3, 4];
  const sizes = { batch: 2, steps: 2 };
  test("has the loss 0 and a gradient of zeros: plain descent changes nothing", async () => {
    for (const clip of [{}, { clipNorm: 1 }, { clipNormEach: 1 }, { clipValue: 0.5 }]) {
      const trainer = await createTrainer(tagger(), { ...sizes, ...clip, optimizer: sgd({ learningRate: 1 }) });
      const before = trainer.program.allParameters();
      expect(await trainer.update(empty, targets)).toBe(0);
      expect(trainer.validOutputs).toBe(0);
      expect(trainer.program.allParameters()).toEqual(before);
    }
  });
  test("is a step of zeros to Adam, as in Keras: the means of the gradients fade, weights decay", async () => {
    const model = tagger();
    const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-7 };
    const trainer = await createTrainer(model, { ...sizes, optimizer: adam(options) });
    await trainer.update([1, 2, 3, 4], targets);
    const { m, v } = trainer.state().slots as { m: Record<string, Float32Array>; v: Record<string, Float32Array> };
    const before = trainer.program.parameter("dense.W").slice();
    await trainer.update(empty, targets);
    const after = trainer.program.parameter("dense.W");
    before.forEach((w, k) => {
      const [mean, square] = [0.9 * (m["dense.W"]?.[k] as number), 0.99 * (v["dense.W"]?.[k] as number)];
      const wanted = w - (0.01 * (mean / (1 - 0.9 ** 2))) / (Math.sqrt(square / (1 - 0.99 ** 2)) + 1e-7);
      expect(after[k]).toBeCloseTo(wanted, 6);
    });
    const decaying = await createTrainer(model, {
      ...sizes,
      optimizer: adamW({ learningRate: 0.1, weightDecay: 0.5 }),
    });
    const w = decaying.program.parameter("dense.W").slice();
    await decaying.update(empty, targets);
    expectRowsClose([decaying.program.parameter("dense.W")], [w.map((one) => one * 0.95)]);
  });
  test("has no share of gradients that are gathered, first, last or all of them", async () => {
    const optimizer = sgd({ learningRate: 0.5 });
    const full = [1, 2, 3, 4];
    const run = async (batches: readonly (readonly number[])[], accumulate: number): Promise<Float32Array> => {
      const trainer = await createTrainer(tagger(), { ...sizes, optimizer, accumulate });
      for (const tokens of batches) await trainer.update(tokens, targets);
      expect(trainer.step).toBe(batches.length / accumulate);
      return trainer.program.allParameters();
    };
    const alone = await run([full], 1);
    for (const batches of [
      [empty, full],
      [full, empty],
      [empty, empty, full],
      [empty, full, empty],
    ]) {
      expectRowsClose([await run(batches, batches.length)], [alone]);
    }
    // What was gathered before is gone.
    expectRowsClose([await run([full, empty, empty, empty], 2)], [alone]);
  });
});

test("createEvaluator: padding in a stream counts nowhere", async () => {
  const { values, ...rest } = tagger();
  const model = { ...rest, values };
  const tokens = [1, 2, 0, 0, 3, 1, 4];
  const counts = tokens.map((token) => token !== 0);
  const { after } = lstmSteps(values, "lstm", rowsAt(values, "embedding", 3, tokens), counts);
  let [sum, count] = [0, 0];
  for (let t = 0; t + 1 < tokens.length; t++) {
    if (!counts[t]) continue;
    sum += crossEntropy(denseOf(values, "dense", (after[t] as LstmState).h), tokens[t + 1] as number);
    count++;
  }
  for (const steps of [1, 2, 6]) {
    const evaluator = await createEvaluator(model, { batch: 1, steps });
    expect(await evaluator.loss(Int32Array.from(tokens))).toBeCloseTo(sum / count, 5);
    expect(await evaluator.loss(Int32Array.of(0, 0, 0))).toBe(0);
  }
});

describe("bidirectional with a mask and sequences: zeros at masked steps in both halves, as in Keras", () => {
  const ones = (layers: readonly LayerSpec[]): Model => {
    const model = sequential(layers, { input: 1 });
    for (const [name, values] of Object.entries(model.values)) values.fill(/\.b(_|$)/.test(name) ? 0 : 1);
    return model;
  };
  const series = [
    [[1], [0]],
    [[0], [2]],
    [[0], [0]],
  ];
  const h = Math.tanh(1);
  test.each([
    [
      "concat",
      [
        [h, h],
        [0, 0],
      ],
      [
        [0, 0],
        [Math.tanh(2), Math.tanh(2)],
      ],
    ],
    ["sum", [[2 * h], [0]], [[0], [2 * Math.tanh(2)]]],
    ["mul", [[h * h], [0]], [[0], [Math.tanh(2) ** 2]]],
    ["ave", [[h], [0]], [[0], [Math.tanh(2)]]],
  ] as const)("%s, whatever the layers say", async (mergeMode, first, second) => {
    for (const zeroOutputForMask of [false, true]) {
      const layer = bidirectional(simpleRnn(1, { ...sequences, zeroOutputForMask }), { mergeMode });
      const { data, shape } = await predict(ones([masking(), layer]), series);
      expectRowsClose(
        rowsOf({ data, shape: [6, shape[2] as number] }),
        [...first, ...second, ...first.map((row) => row.map(() => 0))].slice(0, 6),
      );
    }
  });
  test("none: either half alone; with steps between, what was before the gap goes on behind it", async () => {
    const values = [[1], [0], [2], [0]];
    const counts = [true, false, true, false];
    for (const half of ["forward", "backward"] as const) {
      const model = made(
        [
          masking(),
          bidirectional(lstm(2, sequences), { mergeMode: "none", name: "both" }),
          dense(2, { reads: `both.${half}` }),
        ],
        { input: 1 },
      );
      const turned = <T>(list: readonly T[]): readonly T[] => (half === "forward" ? list : list.toReversed());
      const { after } = lstmSteps(model.values, `both.${half}`, turned(values), turned(counts));
      const wanted = turned(after.map(({ h: value }, t) => (turned(counts)[t] ? value : [0, 0])));
      const { data } = await predict(model, [values]);
      expectRowsClose(
        rowsOf({ data, shape: [4, 2] }),
        wanted.map((value) => denseOf(model.values, "dense", value)),
      );
    }
  });
  test("without sequences the last step that counts, whatever the layers say", async () => {
    for (const zeroOutputForMask of [false, true]) {
      const { data } = await predict(ones([masking(), bidirectional(simpleRnn(1, { zeroOutputForMask }))]), series);
      expectRowsClose(rowsOf({ data, shape: [3, 2] }), [
        [h, h],
        [Math.tanh(2), Math.tanh(2)],
        [0, 0],
      ]);
    }
  });
});

test("zeroOutputForMask without sequences: zeros where the last step is masked, as in Keras", async () => {
  const projected = simpleRnn(2, { zeroOutputForMask: true });
  const model = made([masking(), projected], { input: 1 });
  const { data } = await predict(model, [
    [[1], [2]],
    [[1], [0]],
    [[0], [2]],
  ]);
  const of = (values: number[][], counts: boolean[]): readonly number[] =>
    simpleRnnSteps(model.values, "simple_rnn", values, counts).last;
  expectRowsClose(rowsOf({ data, shape: [3, 2] }), [
    of([[1], [2]], [true, true]),
    [0, 0],
    of([[0], [2]], [false, true]),
  ]);
});
