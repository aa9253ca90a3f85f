import { expect, test } from "vitest";
import { bidirectional, dense, embedding, input, lstm, repeatVector } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { layerSummaries, summary } from "../../src/nn/summary.ts";

test("the notebook's model: shapes, and the counts that Keras gives", () => {
  const model = sequential([
    embedding(2719, 25),
    lstm(150, { returnSequences: true }),
    lstm(150),
    dense(150, { activation: "relu" }),
    dense(2719),
  ]);
  expect(summary(model)).toMatchInlineSnapshot(`
    "Layer            Output shape  Parameters
    -----------------------------------------
    embedding        (B, T, 25)        67,975
    lstm             (B, T, 150)      105,600
    lstm_1 (lstm)    (B, 150)         180,600
    dense            (B, 150)          22,650
    dense_1 (dense)  (B, 2719)        410,569
    -----------------------------------------
    Total parameters: 787,394"
  `);
});

test("an encoder and a decoder: what reads what", () => {
  const model = sequential([
    input("tokens", { name: "question" }),
    embedding(20, 8),
    bidirectional(lstm(16), { name: "encoder" }),
    input("tokens", { name: "answer" }),
    embedding(20, 8),
    lstm(32, { returnSequences: true, initialState: { from: "encoder" } }),
    dense(20),
  ]);
  expect(summary(model)).toMatchInlineSnapshot(`
    "Layer                    Output shape  Parameters  Reads
    --------------------------------------------------------
    question (tokens)        (B, T)                 0
    embedding                (B, T, 8)            160
    encoder (bidirectional)  (B, 32)            3,200
    answer (tokens)          (B, T)                 0
    embedding_1 (embedding)  (B, T, 8)            160
    lstm                     (B, T, 32)         5,248  encoder
    dense                    (B, T, 20)           660
    --------------------------------------------------------
    Total parameters: 9,428"
  `);
});

test("a number of steps that a layer says; two sequences of one layer", () => {
  const layers = sequential(
    [
      bidirectional(lstm(3), { mergeMode: "none", name: "both" }),
      repeatVector(7, { reads: "both.backward" }),
      lstm(2, { returnSequences: true }),
    ],
    { input: 4 },
  );
  expect(layerSummaries(layers).map(({ outputShapes }) => outputShapes)).toEqual([
    [
      ["B", 3],
      ["B", 3],
    ],
    [["B", 7, 3]],
    [["B", 7, 2]],
  ]);
});
