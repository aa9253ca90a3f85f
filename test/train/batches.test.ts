/** Batches that come as they are asked for: lists, generators, what is read anew in each pass, at once or as promises. */
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { padSequences } from "../../src/data/sequences.ts";
import { TimeseriesGenerator, timeseriesDatasetFromArray } from "../../src/data/timeseries.ts";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, embedding, gru, lstm } from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import type { BatchSource, ExampleBatch } from "../../src/train/batches.ts";
import { earlyStopping, reduceOnPlateau } from "../../src/train/built-in-callbacks.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { type FitOptions, fit } from "../../src/train/fit.ts";
import { adam, sgd } from "../../src/train/optimizers.ts";
import { predict } from "../../src/train/predict.ts";
import type { TrainerState } from "../../src/train/trainer.ts";
import { valuesOf } from "../helpers/models.ts";
import { pause } from "../helpers/waiting.ts";

const sequences = { returnSequences: true };
const classifier = (): Model => sequential([embedding(9, 4, { maskZero: true }), lstm(5), dense(3)], { seed: 1 });
const tagger = (): Model => sequential([embedding(9, 4, { maskZero: true }), gru(5, sequences), dense(3)], { seed: 1 });
const forecaster = (): Model => sequential([lstm(4), dense(1)], { input: 1, seed: 1 });

const random = createRandom(3);
const x = Array.from({ length: 22 }, () => Array.from({ length: 5 }, () => 1 + random.integer(8)));
const y = x.map(([first = 0]) => first % 3);
const yAtSteps = x.map((row) => row.map((token) => token % 3));
function cut<Y>(targets: readonly Y[], size: number): { x: number[][]; y: Y[] }[] {
  return Array.from({ length: Math.ceil(x.length / size) }, (_, k) => ({
    x: x.slice(k * size, (k + 1) * size),
    y: targets.slice(k * size, (k + 1) * size),
  }));
}
const batches = cut(y, 4);

/** The same batches in every form, and how often its `finally` ran. */
function* generated(list: readonly ExampleBatch[], ended: string[] = []): Generator<ExampleBatch> {
  try {
    yield* list;
  } finally {
    ended.push("finally");
  }
}
async function* later(list: readonly ExampleBatch[], ended: string[] = []): AsyncGenerator<ExampleBatch> {
  try {
    for (const one of list) yield await Promise.resolve(one);
  } finally {
    ended.push("finally");
  }
}
const anew = (list: readonly ExampleBatch[]): Iterable<ExampleBatch> => ({ [Symbol.iterator]: () => generated(list) });
const anewLater = (list: readonly ExampleBatch[]): AsyncIterable<ExampleBatch> => ({
  [Symbol.asyncIterator]: () => later(list),
});

describe("fit on batches is fit on arrays in their order, to the bit", () => {
  const inOrder: FitOptions = { shuffle: false, batchSize: 4 };
  test.each<[string, FitOptions]>([
    ["as it is", {}],
    ["with metrics and weights by class", { metrics: ["accuracy"], classWeight: { 1: 3 } }],
    ["with gradients gathered: the last batch of an epoch makes a step", { accumulate: 4 }],
  ])("%s", async (_, options) => {
    const wanted = classifier();
    const { history } = await fit(wanted, x, y, { ...options, ...inOrder, epochs: 3 });
    for (const source of [
      batches,
      anew(batches),
      anewLater(batches),
      Array.from({ length: 3 }, () => batches).flat(),
    ]) {
      const model = classifier();
      const perEpoch = Array.isArray(source) && source.length > batches.length ? { stepsPerEpoch: batches.length } : {};
      const got = await fit(model, source, { ...options, ...perEpoch, epochs: 3 });
      expect(got).toEqual({ epoch: [0, 1, 2], history });
      expect(valuesOf(model)).toEqual(valuesOf(wanted));
    }
  });
  test("a generator goes on from epoch to epoch, by stepsPerEpoch, also where a batch must know that it is the last", async () => {
    for (const accumulate of [1, 3]) {
      const wanted = classifier();
      await fit(wanted, x, y, { ...inOrder, accumulate, epochs: 2 });
      for (const make of [generated, later]) {
        const model = classifier();
        const ended: string[] = [];
        const twice = [...batches, ...batches, ...batches];
        const { epoch, stopped } = await fit(model, make(twice, ended), {
          accumulate,
          epochs: 2,
          stepsPerEpoch: batches.length,
        });
        expect([epoch, stopped, ended]).toEqual([[0, 1], undefined, ["finally"]]);
        expect(valuesOf(model)).toEqual(valuesOf(wanted));
      }
    }
  });
  test("what can be read anew goes on over epochs by stepsPerEpoch, and begins again at its end", async () => {
    const wanted = classifier();
    const long = [...batches, ...batches, ...batches].slice(0, 12);
    await fit(wanted, long, {});
    const model = classifier();
    const { epoch, stopped } = await fit(model, anew(batches), { epochs: 3, stepsPerEpoch: 4 });
    expect([epoch, stopped]).toEqual([[0, 1, 2], undefined]);
    expect(valuesOf(model)).toEqual(valuesOf(wanted));
  });
  test("sample weights of a batch", async () => {
    const sampleWeight = x.map((_, n) => n % 3);
    const wanted = classifier();
    await fit(wanted, x, y, { ...inOrder, sampleWeight });
    const model = classifier();
    await fit(
      model,
      batches.map((one, k) => ({ ...one, sampleWeight: sampleWeight.slice(4 * k, 4 * k + 4) })),
    );
    expect(valuesOf(model)).toEqual(valuesOf(wanted));
  });
  test("validation from batches, anew in each epoch, or so many of a generator", async () => {
    const options = { ...inOrder, epochs: 2, metrics: ["accuracy"] as const };
    const { history } = await fit(classifier(), x, y, { ...options, validationData: { x, y } });
    const { batchSize: _, shuffle: __, ...rest } = options;
    const six = { validationSteps: batches.length };
    const sources: [BatchSource, object][] = [
      [batches, {}],
      [anewLater(batches), {}],
      [anew([...batches, ...batches]), six],
      [generated([...batches, ...batches]), six],
    ];
    for (const [validationData, steps] of sources) {
      const got = await fit(classifier(), batches, { ...rest, validationData, ...steps });
      expect(Object.keys(got.history).sort()).toEqual(Object.keys(history).sort());
      for (const [name, values] of Object.entries(history)) {
        values.forEach((value, k) => expect(got.history[name]?.[k]).toBeCloseTo(value, 5));
      }
    }
    const mixed = await fit(classifier(), batches, { epochs: 1, validationData: { x, y } });
    expect(mixed.history.valLoss?.[0]).toBeCloseTo(history.valLoss?.[0] as number, 5);
  });
});

describe("windows over a series are batches", () => {
  const series = Array.from({ length: 60 }, (_, t) => Math.sin(t / 3));
  const options: FitOptions = { loss: "mean_squared_error", epochs: 12, optimizer: adam({ learningRate: 0.02 }) };
  test("fit, evaluate and predict take timeseriesDatasetFromArray and TimeseriesGenerator", async () => {
    for (const dataset of [
      timeseriesDatasetFromArray(series.slice(0, -10), series.slice(10), 10, { batchSize: 16 }),
      timeseriesDatasetFromArray(series.slice(0, -10), series.slice(10), 10, { batchSize: 16, shuffle: true, seed: 1 }),
      new TimeseriesGenerator(series, series, 10, { batchSize: 16 }),
    ]) {
      const model = forecaster();
      const { history } = await fit(model, dataset, options);
      const losses = history.loss as number[];
      expect(losses.length).toBe(12);
      expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 3);
      const { loss } = await evaluate(model, dataset, { loss: "mean_squared_error" });
      const { data, shape } = await predict(model, dataset);
      const targets = [...dataset].flatMap(({ y: some }) => [...some.data]);
      expect(shape).toEqual([targets.length, 1]);
      if (dataset instanceof TimeseriesGenerator || dataset.count !== 3) {
        const error = targets.reduce((sum, target, k) => sum + (target - (data[k] as number)) ** 2, 0) / targets.length;
        expect(loss).toBeCloseTo(error, 5);
      }
    }
  });
  test("without targets they are what predict takes", async () => {
    const model = forecaster();
    const windows = timeseriesDatasetFromArray(series, null, 10, { batchSize: 7 });
    const { data, shape } = await predict(model, windows);
    expect(shape).toEqual([51, 1]);
    const all = series.slice(0, 51).map((_, t) => series.slice(t, t + 10));
    const whole = await predict(model, all);
    data.forEach((value, k) => expect(value).toBeCloseTo(whole.data[k] as number, 5));
  });
});

describe("batches of other sizes and lengths", () => {
  const uneven = [
    {
      x: [
        [1, 2, 3],
        [4, 5, 6],
      ],
      y: [0, 1],
    },
    { x: [[7, 8]], y: [2] },
    {
      x: [
        [1, 0, 2, 3, 4],
        [3, 3, 3, 3, 3],
        [2, 2, 2, 2, 0],
      ],
      y: [1, 0, 2],
    },
    { x: [[0], [1], [2], [3], [4]], y: [0, 1, 2, 0, 1] },
    { x: [[7, 1]], y: [0] },
    {
      x: [
        [1, 2, 3],
        [4, 5, 6],
      ],
      y: [0, 1],
    },
  ];
  /** Each batch as arrays in a training of its own, which goes on from the one before. */
  async function oneByOne(model: Model, options: FitOptions): Promise<number[]> {
    let resume: TrainerState | undefined;
    const losses: number[] = [];
    for (const one of uneven) {
      const { history } = await fit(model, one.x, one.y, {
        ...options,
        ...(resume && { resume }),
        callbacks: [
          {
            onTrainEnd(_, run) {
              resume = run.state();
            },
          },
        ],
      });
      losses.push(history.loss?.[0] as number);
    }
    return losses;
  }
  test.each<[string, FitOptions]>([
    ["sgd with momentum", { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) }],
    ["adam and clipping", { optimizer: adam({ learningRate: 0.01 }), clipNorm: 0.5 }],
  ])("%s: each is learned as it is, one optimiser for all", async (_, options) => {
    const wanted = classifier();
    const losses = await oneByOne(wanted, options);
    const model = classifier();
    const seen: number[] = [];
    const { history } = await fit(model, uneven, {
      ...options,
      callbacks: [{ onBatchEnd: ({ loss = 0 }) => void seen.push(loss) }],
    });
    let [sum, count] = [0, 0];
    uneven.forEach((one, k) => {
      sum += one.y.length * (losses[k] as number);
      count += one.y.length;
      expect(seen[k]).toBeCloseTo(sum / count, 5);
    });
    expect(history.loss?.[0]).toBeCloseTo(sum / count, 5);
    for (const [name, values] of Object.entries(model.values)) {
      values.forEach((value, k) => expect(value, name).toBeCloseTo(wanted.values[name]?.[k] as number, 5));
    }
  });
  test("gathered gradients are of all of them", async () => {
    const options = { optimizer: sgd({ learningRate: 0.5 }), accumulate: 6 };
    const [model, wanted] = [classifier(), classifier()];
    await fit(model, uneven, options);
    const longest = padSequences(
      uneven.flatMap((one) => one.x),
      { padding: "post" },
    );
    await fit(
      wanted,
      longest,
      uneven.flatMap((one) => one.y),
      { optimizer: sgd({ learningRate: 0.5 }), batchSize: 14 },
    );
    for (const [name, values] of Object.entries(model.values)) {
      values.forEach((value, k) => expect(value, name).toBeCloseTo(wanted.values[name]?.[k] as number, 5));
    }
  });
  test("more sizes than are kept at once: none is lost", async () => {
    const many = Array.from({ length: 30 }, (_, k) => ({
      x: [Array.from({ length: 1 + (k % 12) }, (_, t) => 1 + (t % 8))],
      y: [k % 3],
    }));
    const [model, wanted] = [classifier(), classifier()];
    const { history } = await fit(model, many, { optimizer: adam({ learningRate: 0.01 }) });
    const padded = padSequences(many.map((one) => one.x[0] as number[]));
    const other = await fit(
      wanted,
      padded,
      many.map((one) => one.y[0] as number),
      { optimizer: adam({ learningRate: 0.01 }), batchSize: 1, shuffle: false },
    );
    expect(history.loss?.[0]).toBeCloseTo(other.history.loss?.[0] as number, 4);
  });
  test("evaluate: the mean over all; predict: rows in their order, what a row has no step for is 0", async () => {
    const model = classifier();
    const all = await Promise.all(uneven.map((one) => evaluate(model, one.x, one.y, { metrics: ["accuracy"] })));
    const counts = uneven.map((one) => one.y.length);
    const mean = (name: string): number =>
      all.reduce((sum, one, k) => sum + (one[name] as number) * (counts[k] as number), 0) / 14;
    for (const source of [uneven, generated(uneven), later(uneven)]) {
      const { loss, accuracy } = await evaluate(model, source, { metrics: ["accuracy"] });
      expect(loss).toBeCloseTo(mean("loss"), 5);
      expect(accuracy).toBeCloseTo(mean("accuracy"), 5);
    }
    const { loss } = await evaluate(model, anew(uneven), { steps: 2 });
    expect(loss).toBeCloseTo((2 * (all[0]?.loss as number) + (all[1]?.loss as number)) / 3, 5);

    const tags = tagger();
    const { data, shape } = await predict(tags, generated(uneven));
    expect(shape).toEqual([14, 5, 3]);
    const rows = uneven.flatMap((one) => one.x);
    for (const [n, row] of rows.entries()) {
      const alone = (await predict(tags, [row])).data;
      data.subarray(n * 15, n * 15 + 15).forEach((value, k) => expect(value).toBeCloseTo(alone[k] ?? 0, 5));
    }
    // Arrays and { x } alike.
    const lists = await predict(tags, generated(uneven.map((one) => one.x) as never));
    expect(lists.data).toEqual(data);
  });
});

describe("how it ends", () => {
  test("a source that ends too early says so in one line, and what was learned stays", async () => {
    const [model, untouched] = [classifier(), classifier()];
    const { epoch, stopped, history } = await fit(model, generated(batches), { epochs: 5, stepsPerEpoch: 4 });
    expect(stopped).toBe("the data ended after 2 of 4 batches, in epoch 2");
    expect([epoch, history.loss?.length]).toEqual([[0, 1], 2]);
    expect(valuesOf(model)).not.toEqual(valuesOf(untouched));
    const whole = await fit(classifier(), generated(batches), { epochs: 5, stepsPerEpoch: 6 });
    expect([whole.epoch, whole.stopped]).toEqual([[0], "the data ended after 0 of 6 batches, in epoch 2"]);
  });
  test("a stream can be read once: its second epoch has nothing", async () => {
    const { epoch, stopped } = await fit(classifier(), Readable.from(batches), {});
    expect([epoch, stopped]).toEqual([[0], undefined]);
    const again = { [Symbol.iterator]: () => once };
    const once = generated(batches);
    const { epoch: epochs, stopped: why } = await fit(classifier(), again, { epochs: 3 });
    expect([epochs, why]).toEqual([[0], "the data ended after 0 batches, in epoch 2"]);
  });
  test("return() is called at an abort, at a stop, and where training fails; not where it ended by itself", async () => {
    const endless = function* (ended: string[]): Generator<ExampleBatch> {
      try {
        for (;;) yield batches[0] as ExampleBatch;
      } finally {
        ended.push("finally");
      }
    };
    const run = async (options: FitOptions): Promise<string[]> => {
      const ended: string[] = [];
      await fit(classifier(), endless(ended), { stepsPerEpoch: 3, ...options }).catch((error: Error) =>
        ended.push(error.message),
      );
      return ended;
    };
    const aborting = new AbortController();
    expect(
      await run({ epochs: 9, signal: aborting.signal, callbacks: [{ onBatchEnd: () => aborting.abort() }] }),
    ).toEqual(["finally"]);
    expect(await run({ epochs: 9, callbacks: [{ onBatchEnd: (_, { stop }) => stop("enough") }] })).toEqual(["finally"]);
    const fails = {
      onEpochEnd: () => {
        throw new Error("no");
      },
    };
    expect(await run({ callbacks: [fails] })).toEqual(["finally", "no"]);
    expect(await run({ validationData: [{ x: [[99]], y: [0] }] })).toEqual([
      "finally",
      expect.stringContaining("token 99"),
    ]);
    expect(await run({ optimizer: adam({ learningRate: 1e38 }), epochs: 9 })).toEqual([
      "finally",
      expect.stringContaining("training:"),
    ]);
    const ended: string[] = [];
    await fit(classifier(), generated(batches, ended));
    await evaluate(classifier(), generated(batches, ended), { steps: 2 });
    await predict(classifier(), generated(batches, ended), { steps: 2 });
    expect(ended).toEqual(["finally", "finally", "finally"]);
  });
  test("a source that keeps one waiting is not waited for after an abort, and is told", async () => {
    const ended: string[] = [];
    let arrive = (): void => {};
    const aborting = new AbortController();
    const slow = async function* (): AsyncGenerator<ExampleBatch> {
      try {
        yield batches[0] as ExampleBatch;
        await new Promise<void>((resolve) => {
          arrive = resolve;
          setTimeout(() => aborting.abort(), 10);
        });
        yield batches[1] as ExampleBatch;
      } finally {
        ended.push("finally");
      }
    };
    const { epoch, stopped } = await fit(classifier(), slow(), { signal: aborting.signal });
    expect([epoch, stopped, ended]).toEqual([[], "aborted", []]);
    arrive();
    await pause(0);
    expect(ended).toEqual(["finally"]);
  });
  test("a generator that fails, or a batch that does not fit: the error comes out, and what was learned stays", async () => {
    const failing = async function* (): AsyncGenerator<ExampleBatch> {
      yield* batches.slice(0, 3);
      throw new Error("the file ended");
    };
    const wanted = classifier();
    await fit(wanted, batches.slice(0, 3));
    const model = classifier();
    await expect(fit(model, failing())).rejects.toThrow("the file ended");
    expect(valuesOf(model)).toEqual(valuesOf(wanted));
    const other = classifier();
    const ended: string[] = [];
    const bad = fit(other, generated([...batches.slice(0, 3), { x: [[1, 9]], y: [0] }], ended));
    await expect(bad).rejects.toThrow("fit: batch 3: x: token 9 (example 0, step 1) is out of range");
    expect([valuesOf(other), ended]).toEqual([valuesOf(wanted), ["finally"]]);
  });
});

describe("what does not fit is refused before anything is learned", () => {
  const cases: [string, (model: Model) => Promise<unknown>, string][] = [
    ["no y", (model) => fit(model, x as never), "fit: y is missing: x is a list of lists. Give y after x, or batches"],
    ["no y, but options", (model) => fit(model, x as never, { epochs: 2 }), "fit: y is missing: x is a list of lists"],
    ["no y of vectors", (model) => fit(model, [[[0.5]]] as never), "fit: y is missing: x is a list of lists"],
    ["no y of typed arrays", (model) => fit(model, [Int32Array.of(1)] as never), "fit: y is missing"],
    ["no y of numbers", (model) => fit(model, Int32Array.of(1) as never), "fit: y is missing: x is a list of numbers"],
    ["no y to evaluate", (model) => evaluate(model, x as never), "evaluate: y is missing: x is a list of lists"],
    [
      "validationData as Keras has it",
      (model) => fit(model, x, y, { validationData: [x, y] as never }),
      "fit: validationData must be { x, y }, or an iterable of batches { x, y }, got a list of 2",
    ],
    [
      "an iterator without next",
      (model) => fit(model, { [Symbol.iterator]: () => ({}) } as never),
      "fit: the iterable of batches must give an iterator, { next() {} }, got an object",
    ],
    [
      "an iterator that is a number",
      (model) => fit(model, { [Symbol.iterator]: 5 } as never),
      "fit: the iterable of batches must give an iterator, { next() {} }, got 5",
    ],
    [
      "nothing in an iterator's place",
      (model) => evaluate(model, { [Symbol.asyncIterator]: () => undefined } as never),
      "evaluate: the iterable of batches must give an iterator, { next() {} }, got undefined",
    ],
    [
      "an iterator of nothing to predict",
      (model) => predict(model, { [Symbol.iterator]: () => null } as never),
      "predict: the iterable of batches must give an iterator, { next() {} }, got null",
    ],
    [
      "a next that is none",
      (model) => fit(model, x, y, { validationData: { [Symbol.iterator]: () => ({ next: 5 }) } as never }),
      "fit: validationData: the iterable of batches must give an iterator, { next() {} }, got an object",
    ],
    [
      "a next that gives nothing",
      (model) => fit(model, { [Symbol.iterator]: () => ({ next: () => {} }) } as never),
      "fit: next() must give { done, value }, got undefined",
    ],
    [
      "neither arrays nor batches",
      (model) => fit(model, { data: [1, 2], shape: [1, 2] } as never),
      "fit: needs x and y, or an iterable of batches { x, y }; got an object and no y",
    ],
    [
      "pairs",
      (model) => fit(model, [[x, y]] as never),
      "fit: y is missing: x is a list of lists. Give y after x, or batches { x, y } in its place",
    ],
    ["nothing", (model) => fit(model, []), "fit: there are no batches"],
    [
      "a generator for two epochs",
      (model) => fit(model, generated(batches), { epochs: 2 }),
      "fit: the batches can be read only once, but there are several epochs. Give stepsPerEpoch, or an iterable that can be read again.",
    ],
    [
      "a generator as validation of two epochs",
      (model) => fit(model, batches, { epochs: 2, validationData: generated(batches) }),
      "Give validationSteps",
    ],
    [
      "batchSize",
      (model) => fit(model, batches, { batchSize: 3 }),
      "fit: batchSize is for arrays; batches are used as they come. Leave it out.",
    ],
    ["validationSplit", (model) => fit(model, batches, { validationSplit: 0.5 }), "fit: validationSplit is for arrays"],
    ["shuffle", (model) => fit(model, batches, { shuffle: true }), "fit: shuffle is for arrays"],
    ["sampleWeight", (model) => fit(model, batches, { sampleWeight: [1] }), "fit: sampleWeight is for arrays"],
    [
      "stepsPerEpoch of arrays",
      (model) => fit(model, x, y, { stepsPerEpoch: 3 }),
      "fit: stepsPerEpoch is for batches; of arrays all examples are used. Leave it out.",
    ],
    [
      "stepsPerEpoch",
      (model) => fit(model, batches, { stepsPerEpoch: 0 }),
      "fit: stepsPerEpoch must be a whole number of at least 1, got 0",
    ],
    [
      "validationSteps of arrays",
      (model) => fit(model, batches, { validationSteps: 2, validationData: { x, y } }),
      "fit: validationSteps needs batches",
    ],
    [
      "fewer than steps",
      (model) => evaluate(model, batches, { steps: 9 }),
      "evaluate: the data ended after 6 of 9 batches",
    ],
    [
      "fewer than steps, to predict",
      (model) => predict(model, generated(batches), { steps: 9 }),
      "predict: the data ended after 6 of 9 batches",
    ],
    [
      "fewer than validationSteps",
      (model) =>
        fit(model, batches, { optimizer: sgd({ learningRate: 0 }), validationData: batches, validationSteps: 9 }),
      "fit: the data ended after 6 of 9 batches",
    ],
    [
      "initialState of batches",
      (model) => predict(model, generated(batches), { initialState: {} }),
      "predict: initialState is for arrays",
    ],
    [
      "a text",
      (model) => evaluate(model, "batches" as never),
      'evaluate: needs x and y, or an iterable of batches { x, y }; got "batches" and no y',
    ],
  ];
  test.each(cases)("%s", async (_, act, message) => {
    const [model, untouched] = [classifier(), classifier()];
    const acting = act(model);
    await expect(acting).rejects.toThrow(message);
    await expect(acting).rejects.toBeInstanceOf(InputError);
    expect(valuesOf(model)).toEqual(valuesOf(untouched));
  });
});

test("layers whose states go on from batch to batch: batches of one size, of any length, in fit, evaluate and predict", async () => {
  const stateful = (): Model =>
    sequential([embedding(9, 4), lstm(5, { ...sequences, stateful: true }), dense(3)], { seed: 1 });
  const tokens = [
    [1, 2, 3, 4, 5, 6],
    [6, 5, 4, 3, 2, 1],
  ];
  const classes = tokens.map((row) => row.map((token) => token % 3));
  const parts = [
    [0, 2],
    [2, 5],
    [5, 6],
  ].map(([from, to]) => ({
    x: tokens.map((row) => row.slice(from, to)),
    y: classes.map((row) => row.slice(from, to)),
  }));
  const whole = await evaluate(stateful(), tokens, classes);
  const got = await evaluate(stateful(), parts);
  expect(got.loss).toBeCloseTo(whole.loss as number, 5);
  const { history } = await fit(stateful(), parts, { optimizer: sgd({ learningRate: 0 }), epochs: 2 });
  for (const loss of history.loss as number[]) expect(loss).toBeCloseTo(whole.loss as number, 5);
  const even = [0, 2, 4].map((from) => tokens.map((row) => row.slice(from, from + 2)));
  const { data } = await predict(stateful(), generated(even as never));
  const all = (await predict(stateful(), tokens)).data;
  // Rows of batch after batch: two of two steps each.
  for (let k = 0; k < 3; k++) {
    for (let b = 0; b < 2; b++) {
      const part = data.subarray((2 * k + b) * 6, (2 * k + b + 1) * 6);
      part.forEach((value, j) => expect(value).toBeCloseTo(all[(b * 6 + 2 * k) * 3 + j] as number, 5));
    }
  }
  await expect(predict(stateful(), generated(parts))).rejects.toThrow(
    "predict: batch 1 differs in size from batch 0; lstm is stateful, so all batches need the same size",
  );
  await expect(fit(stateful(), [...parts, { x: [[1]], y: [[1]] }])).rejects.toThrow(
    "fit: batch 3 has 1 examples, batch 0 has 2; lstm is stateful, so all batches need the same size",
  );
});

test("tags at every step, in batches", async () => {
  const [wanted, model] = [tagger(), tagger()];
  await fit(wanted, x, yAtSteps, { shuffle: false, batchSize: 4, epochs: 2 });
  await fit(model, cut(yAtSteps, 4), { epochs: 2 });
  expect(valuesOf(model)).toEqual(valuesOf(wanted));
});

test("a batch with a name that it does not have is refused, and nothing is trained", async () => {
  const model = sequential([embedding(5, 4), lstm(4), dense(2)]);
  const [x, y] = [[[1, 2]], [0]];
  for (const name of ["sampleWeights", "sample_weight", "weights"]) {
    await expect(fit(model, [{ x, y, [name]: [0] }] as never)).rejects.toThrow(
      `fit: batch 0: unknown option "${name}". Did you mean sampleWeight?`,
    );
  }
});

test("callbacks monitor values by Keras's names too", async () => {
  const model = sequential([embedding(5, 4), lstm(4), dense(2)], { seed: 1 });
  const data = [{ x: [[1, 2]], y: [0] }];
  const callbacks = [earlyStopping({ monitor: "val_loss", patience: 5 }), reduceOnPlateau({ monitor: "val_loss" })];
  const { history } = await fit(model, data, { epochs: 2, validationData: data, callbacks });
  expect(history.valLoss).toHaveLength(2);
});
