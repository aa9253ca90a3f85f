/** `conv1d` with strides, and the layers behind it: numbers computed here, in plain loops, and what is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { grad } from "../../src/grad/grad.ts";
import { cell } from "../../src/graph/cell.ts";
import {
  add,
  bidirectional,
  concatenate,
  conv1d,
  dense,
  embedding,
  globalAveragePooling1d,
  globalMaxPooling1d,
  gru,
  input,
  type LayerSpec,
  masking,
  recurrent,
  simpleRnn,
} from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { modelGraph } from "../../src/nn/model-graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession } from "../../src/nn/session.ts";
import { layerSummaries } from "../../src/nn/summary.ts";
import { printPlan } from "../../src/schedule/print.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { adam } from "../../src/train/optimizers.ts";
import { predict } from "../../src/train/predict.ts";
import { expectClose } from "../helpers/models.ts";
import { enginesAndThreads } from "../helpers/native.ts";
import { randomValues } from "../helpers/networks.ts";
import { schedule } from "../helpers/plans.ts";
import { convolved, denseOf, normalRows, type Rows, rowsAt, simpleRnnSteps } from "../helpers/recurrences.ts";
import { expectRightGradients } from "../helpers/right-gradients.ts";

const stepsAfter = (model: Model, name: string, x: Rows): Rows => simpleRnnSteps(model.values, name, x).after;

const random = createRandom(5);
const rows = normalRows.bind(undefined, random);
/** A model with biases that are not zero. */
function made(layers: readonly LayerSpec[], features: number | undefined, seed = 1): Model {
  const model = sequential(layers, { seed, ...(features !== undefined && { input: features }) });
  for (const [name, values] of Object.entries(model.values)) {
    if (name.endsWith(".b")) values.forEach((_, k) => (values[k] = 0.1 * (k + 1)));
  }
  return model;
}

/** Kernel, strides, steps and batch. */
const cases = [
  [1, 2, 5, 2],
  [2, 3, 7, 5],
  [3, 2, 1, 1],
  [3, 2, 6, 9],
  [5, 2, 9, 1],
  [5, 4, 8, 4],
  [6, 3, 31, 3],
] as const;

describe.each(enginesAndThreads)("conv1d with strides, engine $engine, $threads threads", ({ engine, threads }) => {
  test("every output is the sum of products with its step and those before it, and no other is there", async () => {
    for (const [kernel, strides, steps, batch] of cases) {
      const model = made([conv1d(5, kernel, { strides })], 3, kernel);
      const x = Array.from({ length: batch }, () => rows(steps, 3));
      const { data, shape } = await predict(model, x, { engine, threads });
      expect(shape).toEqual([batch, Math.ceil(steps / strides), 5]);
      expectClose(
        data,
        x.flatMap((one) => convolved(model.values, "conv1d", one, strides).flat()),
      );
    }
  });
});

test("any kernel, strides, length and batch: property", async () => {
  const sizes = fc.record({
    kernel: fc.integer({ min: 1, max: 9 }),
    strides: fc.integer({ min: 2, max: 9 }),
    steps: fc.integer({ min: 1, max: 30 }),
    batch: fc.integer({ min: 1, max: 4 }),
    features: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ kernel, strides, steps, batch, features }) => {
      const model = made([conv1d(2, kernel, { strides })], features, steps);
      const x = Array.from({ length: batch }, () => rows(steps, features));
      const { data } = await predict(model, x, { engine: "reference" });
      expectClose(
        data,
        x.flatMap((one) => convolved(model.values, "conv1d", one, strides).flat()),
      );
    }),
    { seed: 1, numRuns: 40 },
  );
});

test("two of them, and a recurrent layer over what they leave", async () => {
  const model = made(
    [conv1d(4, 3, { strides: 2 }), conv1d(3, 4, { strides: 3 }), simpleRnn(5, { returnSequences: true }), dense(2)],
    2,
  );
  const x = [rows(17, 2), rows(17, 2)];
  const { data, shape } = await predict(model, x);
  expect(shape).toEqual([2, 3, 2]);
  const wanted = x.flatMap((one) => {
    const short = convolved(model.values, "conv1d_1", convolved(model.values, "conv1d", one, 2), 3);
    return stepsAfter(model, "simple_rnn", short).flatMap((h) => denseOf(model.values, "dense", h));
  });
  expectClose(data, wanted);
});

describe("masked and padded sequences", () => {
  const lengths = [1, 2, 3, 4, 5, 8, 9];
  const sequences = lengths.map((length) => rows(length, 2));
  test("a sequence of L steps has ceil(L / strides) outputs, as alone; those of padding are 0", async () => {
    for (const strides of [2, 3]) {
      const model = made([masking({ maskValue: -9 }), conv1d(3, 4, { strides })], 2);
      const { data, shape } = await predict(model, sequences, { pad: "post" });
      const most = Math.ceil(9 / strides);
      expect(shape).toEqual([lengths.length, most, 3]);
      const wanted = sequences.flatMap((one) => {
        const own = convolved(model.values, "conv1d", one, strides);
        expect(own).toHaveLength(Math.ceil(one.length / strides));
        return [...own.flat(), ...new Array<number>(3 * (most - own.length)).fill(0)];
      });
      expectClose(data, wanted);
    }
  });
  test.each([
    [
      "a recurrent layer's last output",
      simpleRnn(4),
      (model: Model, short: Rows) => stepsAfter(model, "simple_rnn", short).at(-1) as number[],
    ],
    [
      "the mean",
      globalAveragePooling1d(),
      (_: Model, short: Rows) =>
        (short[0] as number[]).map((_, j) => short.reduce((sum, row) => sum + (row[j] as number) / short.length, 0)),
    ],
    [
      "the largest",
      globalMaxPooling1d(),
      (_: Model, short: Rows) =>
        (short[0] as number[]).map((_, j) => Math.max(...short.map((row) => row[j] as number))),
    ],
  ] as const)("behind it %s is that of the sequence alone", async (_, layer, wanted) => {
    const model = made([masking({ maskValue: -9 }), conv1d(3, 4, { strides: 2 }), layer], 2);
    for (const buckets of [1, 3]) {
      const { data } = await predict(model, sequences, { pad: "post", buckets });
      expectClose(
        data,
        sequences.flatMap((one) => wanted(model, convolved(model.values, "conv1d", one, 2))),
      );
    }
  });
  test("in both directions behind it", async () => {
    const model = made(
      [masking({ maskValue: -9 }), conv1d(3, 4, { strides: 2 }), bidirectional(simpleRnn(3), { mergeMode: "sum" })],
      2,
    );
    const { data } = await predict(model, sequences, { pad: "post" });
    const wanted = sequences.flatMap((one) => {
      const short = convolved(model.values, "conv1d", one, 2);
      const [there, back] = ["forward", "backward"].map((way) =>
        stepsAfter(model, `bidirectional.${way}`, way === "forward" ? short : short.toReversed()).at(-1),
      ) as [number[], number[]];
      return there.map((one, j) => one + (back[j] as number));
    });
    expectClose(data, wanted);
  });
  test("tokens with maskZero", async () => {
    const model = made([embedding(6, 3, { maskZero: true }), conv1d(2, 3, { strides: 2 }), simpleRnn(4)], undefined);
    const tokens = [[1, 5], [2], [3, 4, 5, 1, 2], [5, 5, 5, 5]];
    const { data } = await predict(model, tokens, { pad: "post" });
    const wanted = tokens.flatMap((list) => {
      const embedded = rowsAt(model.values, "embedding", 3, list);
      return stepsAfter(model, "simple_rnn", convolved(model.values, "conv1d", embedded, 2)).at(-1) as number[];
    });
    expectClose(data, wanted);
  });
  test("padding before a sequence is refused: strides count from the first step", async () => {
    const model = made([masking({ maskValue: -9 }), conv1d(3, 4, { strides: 2, name: "front" })], 2);
    await expect(predict(model, sequences, { pad: "pre" })).rejects.toThrow(
      'predict: pad: the strides of front count from the first step, so padding must follow. Give pad: "post".',
    );
  });
  test("an array that is padded before, as Keras has it: zeros, and outputs at its steps 0, 2, 4", async () => {
    const model = made([masking(), conv1d(2, 4, { strides: 2 }), conv1d(2, 1, { name: "second" })], 2);
    const all = [[0, 0], [0, 0], [0, 0], ...rows(5, 2)];
    const { data } = await predict(model, [all]);
    const wanted = convolved(model.values, "second", convolved(model.values, "conv1d", all, 2), 1);
    // The output at step 2 is masked.
    expectClose(data.slice(4), wanted.slice(2).flat());
  });
});

describe("learning", () => {
  const loss = "mean_squared_error";
  test.each([
    ["of every second step", [conv1d(3, 3, { strides: 2, activation: "tanh" })], 7],
    [
      "of every third, masked, in layers",
      [
        masking(),
        conv1d(3, 2, { strides: 3, activation: "tanh" }),
        simpleRnn(2, { returnSequences: true, dropout: 0.2 }),
        conv1d(2, 3, { strides: 2 }),
        globalAveragePooling1d(),
      ],
      11,
    ],
    [
      "a kernel of 1, and both directions behind it",
      [dense(3), conv1d(3, 1, { strides: 2 }), bidirectional(simpleRnn(2))],
      5,
    ],
    [
      "steps of the model's own beside it",
      [
        input(2, { name: "in" }),
        simpleRnn(2, { returnSequences: true, name: "all" }),
        conv1d(2, 4, { strides: 2 }),
        simpleRnn(2, { name: "few" }),
        simpleRnn(2, { reads: "all", name: "last" }),
        add(["few", "last"]),
      ],
      6,
    ],
  ] as const)(
    "gradients against central differences 1e-6, wasm against the reference 1e-4: %s",
    async (_, layers, steps) => {
      const own = layers[0]?.kind === "input" ? {} : { input: 2 };
      const graph = grad(lossGraph(sequential(layers, own), { loss, training: true }));
      await expectRightGradients(graph, randomValues(graph, steps, 2, 1), { steps, batch: 2 });
    },
  );

  test("fit learns targets at the steps that are left, of sequences of unequal length", async () => {
    const model = sequential([masking({ maskValue: -9 }), conv1d(8, 3, { strides: 2, activation: "tanh" }), dense(1)], {
      input: 1,
      seed: 2,
    });
    const x = Array.from({ length: 40 }, (_, n) => rows(1 + (n % 7), 1));
    const y = x.map((one) =>
      one.flatMap(([now], t) => (t % 2 === 0 ? [[0.5 * (now as number) - 0.25 * (one[t - 1]?.[0] ?? 0)]] : [])),
    );
    const before = (await evaluate(model, x, y, { loss, pad: "post" })).loss as number;
    await fit(model, x, y, {
      loss,
      pad: "post",
      epochs: 60,
      batchSize: 8,
      optimizer: adam({ learningRate: 0.02 }),
      seed: 1,
    });
    const { loss: after } = await evaluate(model, x, y, { loss, pad: "post" });
    expect(after).toBeLessThan(0.05 * before);
    // The mean over the outputs that count, computed here.
    const { data, shape } = await predict(model, x, { pad: "post" });
    const errors = y.flatMap((own, n) =>
      own.map(([wanted], j) => (data[n * (shape[1] as number) + j] as number) - (wanted as number)),
    );
    expect(after).toBeCloseTo(errors.reduce((sum, one) => sum + one * one, 0) / errors.length, 5);
  });
  test("a target for every step is told how many there should be", async () => {
    const model = sequential([masking({ maskValue: -9 }), conv1d(1, 3, { strides: 2 })], { input: 1 });
    const y = [[[1], [1], [1]]];
    await expect(fit(model, [[[1], [2], [3]]], y, { loss })).rejects.toThrow(
      "fit: y: needs the shape (N,2), examples first, got (1,3,1)",
    );
    await expect(fit(model, [[[1], [2], [3]]], y, { loss, pad: "post" })).rejects.toThrow(
      "fit: y: example 0 has 3 steps, and the output for x has 2",
    );
  });
});

test("its products are outside every loop, and for the steps that are left alone", () => {
  const model = sequential([conv1d(6, 4, { strides: 2 })], { input: 3 });
  expect(
    printPlan(schedule(modelGraph(model, { training: false }).graph, { steps: 9, batch: 2, keep: ["output"] })),
  ).toMatchInlineSnapshot(`
      "for t = 0 to 4
        pass    %1 : 3 features, 0 operations fused
      for t = 0 to 3
        pass    %2 : 3 features, 0 operations fused
      for 5 steps at once
        product [conv1d.W_0 conv1d.W_2] @ %1 : 3 to 16  (merged: 2 in one)
        product [conv1d.W_3 conv1d.W_1] @ %2 : 3 to 16  (merged: 2 in one)
        pass    conv1d.q_2' : 6 features, 0 operations fused
        pass    conv1d.q_1' : 6 features, 2 operations fused
        pass    conv1d.y : 6 features, 2 operations fused"
    `);
  const graph = grad(
    lossGraph(sequential([conv1d(6, 4, { strides: 2 }), gru(4)], { input: 3 }), {
      loss: "mean_squared_error",
      training: true,
    }),
  );
  const plan = schedule(graph, { steps: 9, batch: 2, keep: [] });
  const looped = plan.sections.flatMap(({ instructions }) =>
    instructions.flatMap((one) =>
      one.kind === "loop"
        ? one.body.flatMap((inner) => (inner.kind === "product" ? inner.weights.map(({ parameter }) => parameter) : []))
        : [],
    ),
  );
  expect(looped.filter((name) => name.startsWith("conv1d"))).toEqual([]);
});

test("a file of a model with strides is of version 5, and gives the same model", async () => {
  const model = made(
    [
      conv1d(4, 3, { strides: 2 }),
      recurrent(cell("h' = tanh(W @ x + V @ x_1 + U @ h + b)", { inputs: ["x", "x_1"] }), { units: 3, strides: 3 }),
      dense(2),
    ],
    2,
  );
  const bytes = writeModel({ model, extra: {} });
  const { model: read } = readModel(bytes);
  expect(new TextDecoder().decode(bytes)).toContain('\\"version\\":5');
  expect(read.layers.map((layer) => layer.kind === "cell" && layer.strides)).toEqual([2, 3, undefined]);
  const x = [rows(13, 2)];
  expect((await predict(read, x)).data).toEqual((await predict(model, x)).data);
  // Without strides, the version stays.
  expect(
    new TextDecoder().decode(writeModel({ model: sequential([conv1d(4, 3)], { input: 2 }), extra: {} })),
  ).toContain('\\"version\\":2');
});

test("a summary says how many steps there are behind it", () => {
  const layers = [conv1d(4, 3, { strides: 2 }), conv1d(4, 3, { strides: 2 }), gru(3)];
  expect(layerSummaries(sequential(layers, { input: 2 })).map(({ outputShapes }) => outputShapes)).toEqual([
    [["B", "T/2", 4]],
    [["B", "T/4", 4]],
    [["B", 3]],
  ]);
});

describe("what is refused, in a line", () => {
  const of = (layers: readonly LayerSpec[]) => () => sequential(layers, { input: 2 });
  test.each([
    ["strides of 0", () => conv1d(2, 3, { strides: 0 }), "conv1d: strides must be a whole number from 1 to 99, got 0"],
    [
      "both directions",
      () => bidirectional(conv1d(2, 3, { strides: 2 })),
      "bidirectional: conv1d has strides, which count from the first step. Leave them out.",
    ],
    [
      "from the last step",
      () => recurrent(cell("h' = x + h"), { strides: 2, goBackwards: true, name: "r" }),
      "r: strides and goBackwards exclude each other. Leave one out.",
    ],
    [
      "stateful",
      () => recurrent(cell("h' = x + h"), { strides: 2, stateful: true, name: "r" }),
      "r: strides and stateful exclude each other. Leave one out.",
    ],
    [
      "one vector",
      of([gru(2), conv1d(2, 3, { strides: 2 })]),
      "conv1d: has strides, so it needs a sequence, but the layer before gives one vector. Give that layer returnSequences: true.",
    ],
    [
      "a reversed sequence",
      of([gru(2, { returnSequences: true, goBackwards: true }), conv1d(2, 3, { strides: 2 })]),
      "conv1d: has strides, which count from the first step, but reads a sequence from its end. Leave goBackwards out.",
    ],
    [
      "merged lengths",
      of([gru(2, { returnSequences: true }), conv1d(2, 3, { strides: 2 }), concatenate(["gru", "conv1d"])]),
      "concatenate: merges sequences of different lengths: one has every step of T, another one step in 2 of T. Merge sequences of one length.",
    ],
    [
      "more than a million steps in one",
      of([1, 2, 3, 4].map((k) => conv1d(2, 3, { strides: 99, name: `c${k}` }))),
      "c4: with the strides before it there would be one step in 96059601, at most 1048576",
    ],
    [
      "inputs of different lengths",
      of([
        gru(2, { returnSequences: true }),
        conv1d(2, 3, { strides: 2 }),
        recurrent(cell("h' = tanh(W @ x + V @ c + U @ h)", { inputs: ["x", "c"] }), { units: 2, inputs: { c: "gru" } }),
      ]),
      "recurrent: its input c has every step of T, and x has one step in 2 of T. Read sequences of one length.",
    ],
  ] as const)("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });
  test("a session, which reads one step at a time", async () => {
    await expect(createSession(of([conv1d(2, 3, { strides: 2 }), gru(2)])())).rejects.toThrow(
      "session: runs one step at a time, but conv1d has strides: it reads 2 at a time",
    );
  });
});
