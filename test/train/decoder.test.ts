/** A decoder, step by step, against the model that reads the whole answer at once. */
import { describe, expect, test } from "vitest";
import { cells } from "../../src/cells/index.ts";
import { type Cell, cell } from "../../src/graph/cell.ts";
import {
  attending,
  attention,
  bidirectional,
  dense,
  embedding,
  gru,
  input,
  type LayerSpec,
  lstm,
  masking,
  recurrent,
  simpleRnn,
} from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createDecoder } from "../../src/train/decoder.ts";
import { predict } from "../../src/train/predict.ts";
import { expectClose } from "../helpers/models.ts";
import { enginesAndThreads } from "../helpers/native.ts";
import { normalRows, type Rows } from "../helpers/recurrences.ts";

const random = createRandom(5);
const rows = normalRows.bind(undefined, random);
const sequences = { returnSequences: true } as const;
/** Examples of equal length, (N,T,D), flat and time first. */
const timeFirst = (examples: readonly Rows[]): number[] =>
  Array.from({ length: (examples[0] as Rows).length }, (_, t) => examples.flatMap((one) => one[t] as number[])).flat();

const read: readonly LayerSpec[] = [
  input(2, { name: "question", time: "asked" }),
  masking({ maskValue: -9 }),
  bidirectional(gru(3, sequences), { name: "encoder" }),
  dense(4, { name: "keys" }),
  lstm(4, { name: "end" }),
];
const coverage = cell(
  `P  = tanh(K + W_q @ h + U @ x)
   a  = softmax(P @ v - s)
   s' = s + a
   h' = tanh(W @ [x, a @ K])
   v ~ glorot_uniform
   K : steps`,
  { inputs: ["x", "K"] },
);
const look = { name: "look", units: 4, inputs: { K: "keys", V: "encoder" }, ...sequences } as const;
const models: Readonly<Record<string, readonly LayerSpec[]>> = {
  "states that are handed on": [lstm(4, { initialState: { from: "end" }, ...sequences }), dense(3)],
  "attention after it": [gru(4, sequences), attention("encoder", { key: "keys" }), dense(3)],
  "attention within it": [recurrent(attending(cells.gru as Cell), look), dense(3)],
  "attention within it, learned initial states": [
    recurrent(attending(cells.lstm as Cell, { score: "dot" }), { ...look, initialState: "learned" }),
    simpleRnn(3, sequences),
  ],
  "a state for each step of the question": [recurrent(coverage, { ...look, inputs: { K: "keys" } })],
  "one vector of the question at every step": [
    recurrent(cell("h' = tanh(W @ [x, c] + U @ h)", { inputs: ["x", "c"] }), {
      units: 3,
      inputs: { c: "end" },
      ...sequences,
    }),
  ],
};

describe.each(enginesAndThreads)("engine $engine, $threads threads: each step as in the whole", (host) => {
  test.each(Object.entries(models))("%s", async (_, last) => {
    const model = sequential([...read, input(2, { name: "answer", time: "said" }), ...last], { seed: 3 });
    const [asked, said] = [
      [rows(5, 2), rows(5, 2)],
      [rows(4, 2), rows(4, 2), rows(4, 2)],
    ];
    // The end of the second question is padding.
    const padded = asked.map((one, n) => (n === 1 ? [...one.slice(0, 3), [-9, -9], [-9, -9]] : one));
    const of = [0, 1, 0];
    const whole = await predict(model, { question: of.map((q) => padded[q] as Rows), answer: said }, host);
    const [, steps, width] = whole.shape as [number, number, number];
    const decoder = await createDecoder(model, { batch: 3, steps: 5, questions: 2, ...host });
    for (const _again of [1, 2]) {
      await decoder.read({ question: timeFirst(padded) });
      decoder.begin(of);
      for (let t = 0; t < 2; t++) {
        const output = decoder.next(said.flatMap((one) => one[t] as number[]));
        expectClose(
          output,
          of.flatMap((__, n) => [...whole.data.slice((n * steps + t) * width, (n * steps + t + 1) * width)]),
        );
      }
      // The third goes on as the first, which has the same question.
      decoder.continueFrom([0, 1, 0]);
      const order = [0, 1, 0];
      const output = decoder.next(order.flatMap((n) => said[n]?.[2] as number[]));
      expectClose(
        output,
        order.flatMap((n) => [...whole.data.slice((n * steps + 2) * width, (n * steps + 3) * width)]),
      );
    }
    decoder.dispose();
  });
});

test("tokens, and the shares of attention at each step: padding has none", async () => {
  const model = sequential(
    [
      input("tokens", { name: "question", time: "asked" }),
      embedding(9, 4, { maskZero: true }),
      gru(4, { name: "encoder", ...sequences }),
      input("tokens", { name: "answer", time: "said" }),
      embedding(7, 3),
      recurrent(attending(cells.gru as Cell), { ...look, inputs: { K: "encoder", V: "encoder" } }),
      dense(7),
    ],
    { seed: 2 },
  );
  const decoder = await createDecoder(model, { batch: 2, steps: 4, values: ["look.attention"] });
  await decoder.read({ question: [1, 5, 2, 6, 3, 0, 4, 0] });
  decoder.begin();
  decoder.next([1, 1]);
  const shares = decoder.value("look.attention");
  expect(shares).toHaveLength(8);
  expect([...shares.slice(6)]).toEqual([0, 0]);
  for (const one of [shares.slice(0, 4), shares.slice(4)]) {
    expect(one.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(Math.min(...one.slice(0, 2))).toBeGreaterThan(0);
  }
  expect(() => decoder.value("look.query")).toThrow(
    'decoder.value: "look.query" is not kept. createDecoder was given look.attention.',
  );
  expect(() => decoder.next([1, 7])).toThrow(
    "decoder.next: token 7 (example 1, step 0) is out of range: expected 0 to 6",
  );
  decoder.dispose();
  expect(() => decoder.next([1, 1])).toThrow("decoder: used after dispose()");
});

test("of a state it reads the value after the step: a GRU's output", async () => {
  const model = sequential([
    ...read,
    input(2, { name: "answer", time: "said" }),
    gru(3, { name: "look", initialState: "learned", ...sequences }),
  ]);
  const decoder = await createDecoder(model, { batch: 1, steps: 2, values: ["look.h"] });
  await decoder.read([1, 2, 3, 4]);
  decoder.begin();
  for (const at of [0, 1]) expect(decoder.next([1, at])).toEqual(decoder.value("look.h"));
  decoder.dispose();
});

describe("what is refused, in a line", () => {
  const model = sequential([...read, input(2, { name: "answer", time: "said" }), gru(3, sequences)]);
  test.each([
    [
      "one time",
      sequential([gru(2, sequences)], { input: 2 }),
      { steps: 3 },
      "needs a model whose answer has a time of its own",
    ],
    ["too many lengths", model, { steps: [3, 3] }, "steps: needs a number for each time but said (asked), got 2"],
    [
      "an unknown value",
      model,
      { steps: 3, values: ["gru.q"] },
      'the model has no value "gru.q" at each step of its answer',
    ],
    [
      "a value of the question",
      model,
      { steps: 3, values: ["encoder.forward.z"] },
      'the model has no value "encoder.forward.z" at each step of its answer',
    ],
    [
      "an answer that is read from its end",
      sequential([
        ...read,
        input(2, { name: "answer", time: "said" }),
        bidirectional(gru(3, sequences), { name: "both" }),
      ]),
      { steps: 3 },
      "the answer is read one step at a time, but both needs all of it",
    ],
    [
      "an answer that is looked at as a whole",
      sequential([
        ...read,
        input(2, { name: "answer", time: "said" }),
        gru(3, { name: "own", ...sequences }),
        attention("own"),
      ]),
      { steps: 3 },
      "the answer is read one step at a time, but answer needs all of it",
    ],
  ] as const)("%s", async (_, of, options, message) => {
    await expect(createDecoder(of, { batch: 1, ...options } as never)).rejects.toThrow(message);
  });
  test("out of order, or places that are not there", async () => {
    const decoder = await createDecoder(model, { batch: 2, steps: 3, questions: 1 });
    expect(() => decoder.begin()).toThrow("decoder.begin: nothing has been read. Call read() first.");
    await decoder.read({ question: rows(3, 2).flat() });
    expect(() => decoder.next([1, 2, 3, 4])).toThrow("decoder.next: no answer has begun. Call begin() first.");
    expect(() => decoder.begin([0, 1])).toThrow("needs the number of a question, 0 to 0, for each of 2 answers");
    decoder.begin();
    expect(() => decoder.continueFrom([0, 2])).toThrow("needs a place, 0 to 1, for each of 2 answers");
    await expect(decoder.read({ question: [1] })).rejects.toThrow(
      "decoder.read: needs 6 inputs, 3 steps of 1 examples of 2, got 1",
    );
    decoder.dispose();
  });
});
