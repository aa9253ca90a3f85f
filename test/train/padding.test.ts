/** Sequences of unequal length in arrays: what comes of them is what comes of each alone, without padding. */
import { describe, expect, test } from "vitest";
import { padSequences } from "../../src/data/sequences.ts";
import { InputError } from "../../src/graph/input-error.ts";
import {
  add,
  bidirectional,
  concatenate,
  dense,
  embedding,
  gru,
  input,
  type LayerSpec,
  lstm,
  masking,
  repeatVector,
} from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import type { InputArrays } from "../../src/train/examples.ts";
import { type FitOptions, fit } from "../../src/train/fit.ts";
import { adam, sgd } from "../../src/train/optimizers.ts";
import type { PaddingOptions } from "../../src/train/padding.ts";
import { predict } from "../../src/train/predict.ts";
import type { TrainerState } from "../../src/train/trainer.ts";
import { expectClose, valuesOf } from "../helpers/models.ts";

const sequences = { returnSequences: true };
const maskZero = { maskZero: true };

const random = createRandom(5);
/** Lengths 1 to 9, and one of nothing. */
const lengths = Array.from({ length: 21 }, (_, n) => (n === 4 ? 0 : 1 + random.integer(9)));
const draw = <Step>(step: () => Step): Step[][] => lengths.map((length) => Array.from({ length }, step));
const tokens = draw(() => 1 + random.integer(8));
const vectors = draw(() => [random.normal(), random.normal()]);
const classes = lengths.map(() => random.integer(3));
const tags = draw(() => random.integer(3));

const everyWay: readonly PaddingOptions[] = [
  { pad: "post" },
  { pad: "pre" },
  { pad: "post", buckets: 3 },
  { pad: "post", buckets: 2 ** 40 },
  { pad: "pre", buckets: 2 },
  { pad: "pre", buckets: [3, 6] },
];

type Case = {
  readonly make: () => Model;
  readonly x: InputArrays;
  readonly y: readonly (number | readonly number[] | readonly number[][])[];
  /** Example n alone: without padding. */
  readonly alone: (n: number) => InputArrays;
  readonly options?: FitOptions;
};
const made =
  (layers: readonly LayerSpec[], options: object = {}) =>
  () =>
    sequential(layers, { seed: 2, ...options });
const answers = lengths.map((length, n) => Array.from({ length: 1 + ((length + n) % 5) }, () => 1 + random.integer(6)));
const cases: Record<string, Case> = {
  "tokens to a class": {
    ...{ make: made([embedding(9, 4, maskZero), lstm(5), dense(3)]), x: tokens, y: classes },
    alone: (n) => [tokens[n] as number[]],
  },
  "tokens to tags, in both directions": {
    make: made([embedding(9, 4, maskZero), bidirectional(gru(5, sequences)), dense(3)]),
    ...{ x: tokens, y: tags, alone: (n) => [tokens[n] as number[]] },
  },
  "vectors to tags, from the end": {
    make: made([masking({ maskValue: -7 }), lstm(5, { ...sequences, goBackwards: true }), dense(3)], { input: 2 }),
    ...{ x: vectors, y: tags, alone: (n) => [vectors[n] as number[][]] },
  },
  "vectors to vectors": {
    make: made([masking({ maskValue: 99 }), gru(4, sequences), dense(2)], { input: 2 }),
    ...{ x: vectors, y: vectors, alone: (n) => [vectors[n] as number[][]] },
    options: { loss: "mean_squared_error" },
  },
  "two inputs of one length, with masks that are given": {
    make: made([
      input("tokens", { name: "words", mask: true }),
      embedding(9, 4),
      input(2, { name: "features", mask: true }),
      concatenate(["embedding", "features"]),
      lstm(5, sequences),
      dense(3),
    ]),
    x: {
      words: tokens,
      "words.mask": tokens.map((row) => row.map(() => 1)),
      features: vectors,
      "features.mask": tokens.map((row) => row.map(() => 1)),
    },
    y: tags,
    alone: (n) => ({
      words: [tokens[n] as number[]],
      "words.mask": [tokens[n]?.map(() => 1) as number[]],
      features: [vectors[n] as number[][]],
      "features.mask": [tokens[n]?.map(() => 1) as number[]],
    }),
  },
  "encoder and decoder, of lengths of their own": {
    make: made([
      input("tokens", { name: "question" }),
      embedding(9, 4, { ...maskZero, name: "words" }),
      lstm(5, { name: "encoder" }),
      input("tokens", { name: "answer" }),
      embedding(7, 4, { ...maskZero, name: "answers" }),
      lstm(5, { ...sequences, initialState: { from: "encoder" } }),
      dense(3),
    ]),
    x: { question: tokens, answer: answers },
    y: answers.map((row) => row.map((token) => token % 3)),
    // Both have one length where they are alone, too: the shorter one is padded by hand.
    alone: (n) => {
      const [question, answer] = [tokens[n] as number[], answers[n] as number[]];
      const longest = Math.max(question.length, answer.length);
      const filled = (row: number[]): number[] => [...row, ...new Array<number>(longest - row.length).fill(0)];
      return { question: [filled(question)], answer: [filled(answer)] };
    },
  },
};

describe.each(Object.entries(cases))("%s", (_, { make, x, y, alone, options = {} }) => {
  const counted = lengths.map((_, n) => {
    const own = y[n] as number | readonly unknown[];
    return typeof own === "number" ? 1 : own.length;
  });
  const rows = lengths.map((_, n) => n).filter((n) => (counted[n] as number) > 0 && (lengths[n] as number) > 0);
  /** What each example that has a step gives alone, padded behind where its answers are shorter. */
  async function losses(model: Model, metrics: object): Promise<{ loss: number; accuracy: number }> {
    let [loss, accuracy, count] = [0, 0, 0];
    for (const n of rows) {
      const target = y[n] as number[];
      const one = alone(n);
      const [steps] = (Array.isArray(one) ? one : Object.values(one)[0]) as number[][];
      const filled =
        typeof target === "number"
          ? target
          : [...target, ...new Array((steps as number[]).length - target.length).fill(0)];
      const got = await evaluate(model, alone(n), [filled] as never, { ...options, ...metrics });
      loss += (got.loss as number) * (counted[n] as number);
      accuracy += (got.accuracy ?? 0) * (counted[n] as number);
      count += counted[n] as number;
    }
    return { loss: loss / count, accuracy: accuracy / count };
  }
  // Without the example that has nothing, which cannot be alone.
  const only = <List>(list: List): List =>
    (Array.isArray(list)
      ? rows.map((n) => list[n])
      : Object.fromEntries(Object.entries(list as object).map(([name, own]) => [name, only(own)]))) as List;
  const metrics = options.loss === undefined ? { metrics: ["accuracy"] as const } : {};

  test("evaluate and fit measure what the examples have alone, however they are padded and grouped", async () => {
    const model = make();
    const wanted = await losses(model, metrics);
    for (const way of everyWay) {
      for (const batchSize of [way.buckets === 3 ? 1 : 4, 32]) {
        const got = await evaluate(
          model,
          only(x),
          only(y) as never,
          { ...options, ...metrics, ...way, batchSize } as object,
        );
        expect(got.loss, JSON.stringify(way)).toBeCloseTo(wanted.loss, 5);
        if (got.accuracy !== undefined) expect(got.accuracy).toBeCloseTo(wanted.accuracy, 6);
      }
      const frozen = { ...options, ...metrics, ...way, optimizer: sgd({ learningRate: 0 }), batchSize: 4, epochs: 2 };
      const { history } = await fit(model, only(x), only(y) as never, frozen);
      for (const loss of history.loss as number[]) expect(loss).toBeCloseTo(wanted.loss, 5);
      const validated = await fit(model, only(x), only(y) as never, {
        ...frozen,
        validationData: { x: only(x), y: only(y) as never },
      });
      for (const loss of validated.history.valLoss as number[]) expect(loss).toBeCloseTo(wanted.loss, 5);
    }
  });
  test("predict gives the rows in the order given, as each is alone, and 0 where it has no step", async () => {
    const model = make();
    const { outputSize, returnsSequences } = model;
    for (const way of everyWay) {
      const { data, shape } = await predict(model, x, { ...way, batchSize: 4 });
      const most = returnsSequences ? (shape[1] as number) : 1;
      expect(shape).toEqual([lengths.length, ...(returnsSequences ? [most] : []), outputSize]);
      for (const n of rows) {
        const row = Array.from(data.subarray(n * most * outputSize, (n + 1) * most * outputSize));
        const all = Array.from((await predict(model, alone(n))).data);
        const size = (returnsSequences ? (counted[n] as number) : 1) * outputSize;
        const own = all.slice(0, size);
        const rest = new Array<number>(row.length - size).fill(0);
        // A model that goes backwards gives its last step first.
        const late = returnsSequences && (way.pad === "pre") !== model.backwards;
        expectClose(row, late ? [...rest, ...own] : [...own, ...rest], { what: `${JSON.stringify(way)} row ${n}` });
      }
    }
  });
});

const classifier = cases["tokens to a class"] as Case;
const tagger = cases["tokens to tags, in both directions"] as Case;

describe("training", () => {
  test.each(["pre", "post"] as const)("pad: %s is padSequences by hand, to the bit", async (pad) => {
    const options: FitOptions = { batchSize: 4, epochs: 3, validationSplit: 0.2, metrics: ["accuracy"] };
    for (const { make, x, y } of [classifier, tagger]) {
      const [model, wanted] = [make(), make()];
      const got = await fit(model, x, y as never, { ...options, pad });
      const targets = Array.isArray(y[0]) ? padSequences(y as number[][], { padding: pad }) : y;
      const hand = await fit(wanted, padSequences(x as number[][], { padding: pad }), targets as never, options);
      expect(got).toEqual(hand);
      expect(valuesOf(model)).toEqual(valuesOf(wanted));
    }
  });
  test("in groups of like length, each batch is learned as its examples are without padding", async () => {
    for (const accumulate of [1, 5]) {
      const options: FitOptions = { optimizer: adam({ learningRate: 0.01 }), shuffle: false, batchSize: 1 };
      const [model, wanted] = [tagger.make(), tagger.make()];
      const full = lengths.flatMap((length, n) => (length > 0 ? [n] : []));
      const [x, y] = [full.map((n) => tokens[n] as number[]), full.map((n) => tags[n] as number[])];
      await fit(model, x, y, { ...options, pad: "post", buckets: 50, accumulate });
      if (accumulate > 1) {
        // One example a batch, in the order of their lengths.
        const sorted = x
          .map((row, k) => ({ x: [row], y: [y[k] as number[]] }))
          .sort((a, b) => a.x[0]!.length - b.x[0]!.length);
        await fit(wanted, sorted, { optimizer: adam({ learningRate: 0.01 }), accumulate });
      } else {
        let resume: TrainerState | undefined;
        const order = x.map((_, k) => k).sort((a, b) => (x[a] as number[]).length - (x[b] as number[]).length);
        for (const k of order) {
          const callbacks = [
            {
              onTrainEnd(_: unknown, run: { state(): TrainerState }) {
                resume = run.state();
              },
            },
          ];
          await fit(wanted, [x[k] as number[]], [y[k] as number[]], {
            ...options,
            callbacks,
            ...(resume && { resume }),
          });
        }
      }
      for (const [name, values] of Object.entries(model.values))
        expectClose(values, wanted.values[name] as Float32Array, { what: name });
    }
  });
  test("the same seed gives the same bits, with any number of threads; another order in each epoch", async () => {
    const run = async (options: FitOptions) => {
      const model = tagger.make();
      const seen: number[][] = [];
      const callbacks = [
        { onBatchEnd: ({ loss = 0 }) => void seen.at(-1)?.push(loss), onEpochBegin: () => void seen.push([]) },
      ];
      const { history } = await fit(model, tokens, tags, {
        pad: "pre",
        buckets: 3,
        batchSize: 4,
        epochs: 3,
        callbacks,
        ...options,
      });
      return { history, seen, values: valuesOf(model) };
    };
    const first = await run({});
    for (const threads of [1, 2, 3]) expect(await run({ threads })).toEqual(first);
    expect((await run({ seed: 1 })).values).not.toEqual(first.values);
    const frozen = await run({ optimizer: sgd({ learningRate: 0 }) });
    expect(frozen.seen[0]).not.toEqual(frozen.seen[1]);
    // All examples in each of them.
    frozen.history.loss?.forEach((loss) => expect(loss).toBeCloseTo(frozen.history.loss?.[0] as number, 5));
  });
  test("sample weights, of examples and of steps, and weights by class", async () => {
    const perStep = tags.map((row, n) => row.map((_, t) => (n + t) % 4));
    const perExample = lengths.map((_, n) => n % 3);
    const model = tagger.make();
    for (const [sampleWeight, weightOf] of [
      [perStep, (n: number, t: number) => perStep[n]?.[t] as number],
      [perExample, (n: number) => perExample[n] as number],
    ] as const) {
      const hand = padSequences(
        tags.map((row, n) => row.map((_, t) => weightOf(n, t))),
        { padding: "post" },
      );
      const by = { optimizer: sgd({ learningRate: 0 }), classWeight: { 0: 3 } };
      const whole = await fit(
        model,
        padSequences(tokens, { padding: "post" }),
        padSequences(tags, { padding: "post" }),
        { ...by, sampleWeight: hand },
      );
      for (const way of everyWay) {
        const { history } = await fit(model, tokens, tags, { ...by, ...way, sampleWeight });
        expect(history.loss?.[0]).toBeCloseTo(whole.history.loss?.[0] as number, 5);
      }
    }
  });
  test("batches may be uneven too: filled up to the longest of each, or to a length that is given", async () => {
    const model = classifier.make();
    const list = [0, 7, 14].map((from) => ({ x: tokens.slice(from, from + 7), y: classes.slice(from, from + 7) }));
    const { loss } = await evaluate(model, tokens, classes, { pad: "post" });
    for (const way of [{ pad: "post" }, { pad: "pre", buckets: [5, 10] }] as const) {
      expect((await evaluate(model, list, way)).loss).toBeCloseTo(loss as number, 5);
      const { history } = await fit(model, list, { ...way, optimizer: sgd({ learningRate: 0 }), validationData: list });
      expect(history.loss?.[0]).toBeCloseTo(loss as number, 5);
      expect(history.valLoss?.[0]).toBeCloseTo(loss as number, 5);
      const { data } = await predict(model, list, way);
      expectClose(data, (await predict(model, tokens, { pad: "post" })).data);
    }
  });
});

test("a decoder of so many steps: what is shorter is filled up to them", async () => {
  const model = sequential([embedding(9, 4, maskZero), gru(4), repeatVector(6), gru(3, sequences), dense(2)], {
    seed: 1,
  });
  const { data, shape } = await predict(
    model,
    [
      [1, 2],
      [3, 4, 5, 6],
    ],
    { pad: "post", buckets: 2 },
  );
  expect(shape).toEqual([2, 6, 2]);
  expectClose(
    data,
    (
      await predict(model, [
        [1, 2, 0, 0, 0, 0],
        [0, 3, 4, 5, 6, 0],
      ])
    ).data,
  );
  const { loss } = await evaluate(
    model,
    [[1, 2], [3]],
    [
      [0, 1, 0, 1, 0, 1],
      [1, 1, 1, 1, 1, 1],
    ],
    { pad: "pre" },
  );
  expect(loss).toBeGreaterThan(0);
  await expect(predict(model, [[1, 2, 3, 4, 5, 6, 7]], { pad: "post" })).rejects.toThrow(
    "predict: x has 7 steps, expected 6",
  );
});

describe("padding that would count is refused, and what does not fit", () => {
  const lists = [[1, 2], [3]];
  const two = [0, 1];
  const plain = () => sequential([embedding(9, 4), lstm(3), dense(2)]);
  const branches = () =>
    sequential([
      input("tokens", { name: "words" }),
      embedding(9, 4, { ...maskZero, name: "masked" }),
      embedding(9, 4, { reads: "words", name: "open" }),
      lstm(3, { reads: "masked", name: "a" }),
      lstm(3, { reads: "open", name: "b" }),
      add(["a", "b"]),
    ]);
  const half = () =>
    sequential([
      input("tokens", { name: "question" }),
      embedding(9, 4, maskZero),
      lstm(3, { name: "encoder" }),
      input("tokens", { name: "answer" }),
      embedding(9, 4),
      lstm(3, { ...sequences, initialState: { from: "encoder" } }),
      dense(2),
    ]);
  const goesOn = () => sequential([embedding(9, 4, maskZero), lstm(3, { stateful: true }), dense(2)]);
  const masked = () => sequential([embedding(9, 4, maskZero), lstm(3), dense(2)]);
  const tagging = () => sequential([embedding(9, 4, maskZero), lstm(3, sequences), dense(2)]);
  const pad = "post" as const;
  const cases: [string, () => Promise<unknown>, string][] = [
    [
      "no mask",
      () => fit(plain(), lists, two, { pad }),
      "fit: pad: lstm would read the padding of tokens. Mask it: maskZero of its embedding, masking(), or input with mask: true.",
    ],
    [
      "no mask at the output",
      () => predict(sequential([embedding(9, 4), dense(2)]), lists, { pad }),
      "predict: pad: the output would read the padding of tokens.",
    ],
    [
      "a branch without a mask",
      () => evaluate(branches(), lists, two, { pad }),
      "evaluate: pad: b would read the padding of words.",
    ],
    [
      "a second input without a mask",
      () => predict(half(), { question: lists, answer: lists }, { pad }),
      "predict: pad: lstm would read the padding of answer.",
    ],
    [
      "two values that are padding",
      () =>
        predict(
          sequential([
            input(1, { name: "x" }),
            masking({ name: "a" }),
            masking({ maskValue: 1, reads: "x", name: "b" }),
            add(["a", "b"]),
            lstm(2),
          ]),
          [[[2]]],
          { pad },
        ),
      "predict: pad: x has several padding values: 0, 1. Mask one of them.",
    ],
    [
      "targets of another length",
      () =>
        fit(
          tagging(),
          lists,
          [
            [0, 1],
            [1, 1],
          ],
          { pad },
        ),
      "fit: y: example 1 has 2 steps, and x has 1",
    ],
    [
      "weights of another length",
      () => fit(tagging(), lists, [[0, 1], [1]], { pad, sampleWeight: [[1], [1]] }),
      "fit: sampleWeight: example 0 has 1 steps, and x has 2",
    ],
    [
      "a token that is none",
      () => fit(masked(), [[1, 2], [], [3, 9]], [0, 1, 1], { pad }),
      "fit: x: token 9 (example 2, step 1) is out of range",
    ],
    [
      "a class that is none",
      () => fit(tagging(), [[1, 2], [], [3, 4]], [[0, 1], [], [1, 2]], { pad }),
      "fit: y: class 2 (example 2, step 1) is out of range",
    ],
    ["no sequence", () => fit(masked(), [[1, 2], 3] as never, two, { pad }), "fit: x[1]: needs a sequence, got 3"],
    [
      "vectors where tokens are read",
      () => fit(masked(), [[1, 2], [[3, 4]]] as never, two, { pad }),
      "fit: x[1]: needs the shape (T) got (1,2)",
    ],
    ["nothing", () => fit(masked(), [], [], { pad }), "fit: x has no examples"],
    [
      "unequal without pad",
      () => fit(masked(), lists, two),
      'fit: x: example 1 has 1 steps, example 0 has 2. Give pad: "post"',
    ],
    [
      "pad",
      () => fit(masked(), lists, two, { pad: "left" as never }),
      'fit: pad must be one of "pre", "post", got "left"',
    ],
    [
      "buckets",
      () => fit(masked(), lists, two, { pad, buckets: 0 }),
      "fit: buckets must be a whole number of at least 1, or a list",
    ],
    [
      "buckets without pad",
      () => fit(masked(), lists, two, { buckets: 2 }),
      'fit: buckets need padding. Give pad: "post".',
    ],
    [
      "a number of groups of batches",
      () => fit(masked(), [{ x: lists, y: two }], { pad, buckets: 2 }),
      "fit: batch 0: buckets: a number of groups needs arrays",
    ],
    [
      "states that go on, to predict",
      () => predict(goesOn(), lists, { pad, buckets: 2, batchSize: 1 }),
      "predict: lstm is stateful, and buckets change the order of batches. Leave buckets out.",
    ],
    [
      "states that go on",
      () =>
        fit(sequential([embedding(9, 4, maskZero), lstm(3, { stateful: true }), dense(2)]), lists, two, {
          pad,
          buckets: 2,
          batchSize: 1,
          shuffle: false,
        }),
      "fit: lstm is stateful, and buckets change the order of batches. Leave buckets out.",
    ],
  ];
  test.each(cases)("%s", async (_, act, message) => {
    const acting = act();
    await expect(acting).rejects.toThrow(message);
    await expect(acting).rejects.toBeInstanceOf(InputError);
  });
});

test("one text of nothing among others stops nothing", async () => {
  const model = classifier.make();
  const texts = [[1, 2, 3], [], [4]];
  const { history } = await fit(model, texts, [0, 1, 2], { pad: "post", epochs: 2 });
  expect(history.loss?.every(Number.isFinite)).toBe(true);
  const { data } = await predict(model, texts, { pad: "post", buckets: 3 });
  expectClose(data.subarray(3, 6), (await predict(model, [[0]])).data);
  expectClose((await predict(model, [[], []], { pad: "pre" })).data, [...data.subarray(3, 6), ...data.subarray(3, 6)]);
});
