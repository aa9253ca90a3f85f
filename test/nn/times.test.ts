/** Models whose sequences have different lengths: an encoder's and a decoder's, against numbers computed here. */
import { describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../src/formats/model-file.ts";
import { grad } from "../../src/grad/grad.ts";
import { cell } from "../../src/graph/cell.ts";
import { createBuilder, type Graph } from "../../src/graph/graph.ts";
import {
  add,
  conv1d,
  dense,
  embedding,
  globalAveragePooling1d,
  gru,
  input,
  type LayerSpec,
  masking,
  recurrent,
  simpleRnn,
} from "../../src/nn/layers.ts";
import { type Model, sequential } from "../../src/nn/model.ts";
import { addModel } from "../../src/nn/model-graph.ts";
import { createRandom } from "../../src/nn/random.ts";
import { layerSummaries } from "../../src/nn/summary.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { lossGraph } from "../../src/train/loss-graph.ts";
import { adam } from "../../src/train/optimizers.ts";
import { createPredictor, predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { expectClose } from "../helpers/models.ts";
import { enginesAndThreads } from "../helpers/native.ts";
import { randomValues } from "../helpers/networks.ts";
import { operationCases, operationGraph, operationValues } from "../helpers/operations.ts";
import { normalRows, type Rows, simpleRnnSteps } from "../helpers/recurrences.ts";
import { expectRightGradients } from "../helpers/right-gradients.ts";

const random = createRandom(7);
const rows = normalRows.bind(undefined, random);

/** Reads a question, and then, from the state that it ends with, an answer. */
const encoderDecoder = (masked: boolean): LayerSpec[] => [
  input(2, { name: "question", time: "asked" }),
  ...(masked ? [masking({ maskValue: -9 })] : []),
  simpleRnn(4, { name: "encoder" }),
  input(3, { name: "answer", time: "said" }),
  ...(masked ? [masking({ maskValue: -9, name: "masked" })] : []),
  simpleRnn(4, { name: "decoder", initialState: { from: "encoder" }, returnSequences: true }),
];
function wantedOf({ values }: Model, question: Rows, answer: Rows): Rows {
  const { last } = simpleRnnSteps(values, "encoder", question);
  return simpleRnnSteps(values, "decoder", answer, undefined, last).after;
}

describe.each(enginesAndThreads)(
  "an encoder and a decoder of other lengths, engine $engine, $threads threads",
  ({ engine, threads }) => {
    test("the longer one is the question, or the answer", async () => {
      const model = sequential(encoderDecoder(false), { seed: 3 });
      for (const [asked, said] of [
        [7, 3],
        [2, 9],
        [1, 5],
        [4, 1],
      ] as const) {
        const [question, answer] = [
          [rows(asked, 2), rows(asked, 2)],
          [rows(said, 3), rows(said, 3)],
        ];
        const { data, shape } = await predict(model, { question, answer }, { engine, threads });
        expect(shape).toEqual([2, said, 4]);
        expectClose(
          data,
          question.flatMap((one, n) => wantedOf(model, one, answer[n] as Rows).flat()),
        );
      }
    });
  },
);

describe("padded", () => {
  const model = sequential(encoderDecoder(true), { seed: 3 });
  const lengths = [
    [1, 4],
    [6, 2],
    [3, 3],
    [2, 7],
    [5, 1],
  ] as const;
  const question = lengths.map(([asked]) => rows(asked, 2));
  const answer = lengths.map(([, said]) => rows(said, 3));
  const wanted = question.map((one, n) => wantedOf(model, one, answer[n] as Rows));
  test.each(["post", "pre"] as const)("each to the longest of its time, %s; outputs of padding are 0", async (pad) => {
    for (const buckets of [1, 2]) {
      const { data, shape } = await predict(model, { question, answer }, { pad, buckets, batchSize: 2 });
      expect(shape).toEqual([5, 7, 4]);
      const none = (length: number): number[] => new Array<number>(4 * (7 - length)).fill(0);
      expectClose(
        data,
        wanted.flatMap((own) =>
          pad === "post" ? [...own.flat(), ...none(own.length)] : [...none(own.length), ...own.flat()],
        ),
      );
    }
  });
  test("batches of a generator, each with lengths of its own", async () => {
    const { data } = await predict(
      model,
      [
        { x: { question: question.slice(0, 2), answer: answer.slice(0, 2) } },
        { x: { question: question.slice(2), answer: answer.slice(2) } },
      ],
      { pad: "post" },
    );
    expectClose(data.slice(0, 16), (wanted[0] as Rows).flat());
    expectClose(data.slice(3 * 28, 3 * 28 + 28), (wanted[3] as Rows).flat());
  });
  test("evaluate and fit: the mean over the steps of the answer that count", async () => {
    const y = wanted.map((own) => own.map((row) => row.map((one) => one + 0.5)));
    const { loss } = await evaluate(model, { question, answer }, y, { loss: "mean_squared_error", pad: "post" });
    expect(loss).toBeCloseTo(0.25, 5);
    const learning = sequential(encoderDecoder(true), { seed: 4 });
    const how = { loss: "mean_squared_error", pad: "post" } as const;
    const before = (await evaluate(learning, { question, answer }, wanted, how)).loss as number;
    await fit(learning, { question, answer }, wanted, {
      ...how,
      epochs: 40,
      batchSize: 2,
      optimizer: adam({ learningRate: 0.02 }),
      seed: 1,
      buckets: 2,
    });
    expect((await evaluate(learning, { question, answer }, wanted, how)).loss).toBeLessThan(0.3 * before);
  });
});

/** A graph's gradients with lengths that differ. */
const sizes = { steps: [5, 3], batch: 2 };
test.each([
  ["a state that another time starts from", encoderDecoder(false)],
  [
    "tokens, means, strides and both times in one vector",
    [
      input("tokens", { name: "words", time: "text" }),
      embedding(5, 3, { maskZero: true }),
      conv1d(3, 3, { strides: 2, activation: "tanh" }),
      globalAveragePooling1d({ name: "mean" }),
      input(2, { name: "sensor", time: "clock" }),
      recurrent(cell("h' = tanh(W @ x + V @ c + U @ h)", { inputs: ["x", "c"] }), { units: 3, inputs: { c: "mean" } }),
      add(["recurrent", "mean"]),
    ],
  ],
] as const)("gradients against central differences 1e-6, wasm against the reference 1e-4: %s", async (_, layers) => {
  const graph: Graph = grad(lossGraph(sequential(layers), { loss: "mean_squared_error", training: true }));
  await expectRightGradients(graph, randomValues(graph, sizes.steps, sizes.batch, 1), sizes);
});

test.each([[[2, 6]], [[6, 2]], [[1, 4]]])(
  "what is the same at all steps is read on both axes, of %s steps",
  async (steps) => {
    const graph = operationGraph(operationCases.final["where a state of another time starts"] as never);
    await expectRightGradients(graph, operationValues(graph, steps, 2, 1), { steps, batch: 2 });
  },
);

test("time first: a predictor and a trainer take a length for each time", async () => {
  const model = sequential(encoderDecoder(false), { seed: 3 });
  expect([model.times, model.time]).toEqual([["asked", "said"], 1]);
  const [question, answer] = [rows(4, 2), rows(2, 3)];
  const predictor = await createPredictor(model, { batch: 1, steps: [4, 2] });
  const wanted = wantedOf(model, question, answer).flat();
  expectClose(await predictor.predict({ question: question.flat(), answer: answer.flat() }), wanted);
  predictor.dispose();
  const trainer = await createTrainer(model, { batch: 1, steps: [4, 2], loss: "mean_squared_error" });
  const loss = await trainer.update(
    { question: question.flat(), answer: answer.flat() },
    wanted.map((one) => one + 1),
  );
  expect(loss).toBeCloseTo(1, 4);
  trainer.dispose();
  await expect(createPredictor(model, { batch: 1, steps: [4, 2, 1] })).rejects.toThrow(
    "predict: steps: needs a number for each time of the model (asked, said), got 3",
  );
});

test("a file keeps the times, as version 5; a summary names them", async () => {
  const model = sequential(encoderDecoder(false), { seed: 3 });
  const bytes = writeModel({ model, extra: {} });
  expect(new TextDecoder().decode(bytes)).toContain('\\"version\\":5');
  const x = { question: [rows(4, 2)], answer: [rows(2, 3)] };
  expect((await predict(readModel(bytes).model, x)).data).toEqual((await predict(model, x)).data);
  expect(layerSummaries(model).map(({ outputShapes }) => outputShapes[0])).toEqual([
    ["B", "asked", 2],
    ["B", 4],
    ["B", "said", 3],
    ["B", "said", 4],
  ]);
});

describe("what is refused, in a line", () => {
  const two = [
    input(2, { name: "a", time: "one" }),
    gru(2, { returnSequences: true, name: "first" }),
    input(2, { name: "b", time: "two" }),
    gru(2, { returnSequences: true, name: "second" }),
  ];
  test.each([
    [
      "merged",
      [...two, add(["first", "second"])],
      "add: merges sequences of different lengths: one has every step of one, another every step of two. Merge sequences of one length.",
    ],
    [
      "read by one cell",
      [
        ...two,
        recurrent(cell("h' = tanh(W @ x + V @ c)", { inputs: ["x", "c"] }), { units: 2, inputs: { c: "first" } }),
      ],
      "recurrent: its input c has every step of one, and x has every step of two. Read sequences of one length.",
    ],
  ] as const)("layers of two times %s", (_, layers, message) => {
    expect(() => sequential(layers)).toThrow(message);
  });
  test("a time without a sequence", () => {
    expect(() => input(2, { sequence: false, time: "one" })).toThrow(
      "input: time needs a sequence. Leave out time or sequence: false.",
    );
  });
  test("inputs of one time that differ in length, each told with the one that it should be like", async () => {
    const layers = [
      input(1, { name: "a" }),
      input(1, { name: "b" }),
      add(["a", "b"]),
      gru(2, { name: "first" }),
      input(1, { name: "c", time: "other" }),
      gru(2, { name: "second" }),
      add(["first", "second"], { name: "both" }),
      dense(1),
    ];
    const x = { a: [rows(3, 1)], b: [rows(4, 1)], c: [rows(5, 1)] };
    await expect(predict(sequential(layers), x)).rejects.toThrow("predict: x.b has 4 steps, expected 3, as a");
  });
});

test("without times nothing changes: the graph of a model has none", () => {
  const g = createBuilder();
  const { output } = addModel(g, sequential([gru(2), dense(1)], { input: 2 }), { training: false });
  expect(g.graph({ output }).nodes.some((node) => "time" in node || "stride" in node)).toBe(false);
});
