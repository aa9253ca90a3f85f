/** The ONNX file in the runtime that is to read it: where it is installed. */
import { expect, test } from "vitest";
import { onnxGenerator, onnxNames } from "../../src/bench/onnx-model.ts";
import { cellOf } from "../../src/bench/shapes.ts";
import { dense, embedding, recurrent } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createRandom } from "../../src/nn/random.ts";
import { createSession, type Session } from "../../src/nn/session.ts";
import { runtime } from "../helpers/onnx-runtime.ts";

const model = () => {
  const made = sequential([
    embedding(11, 6),
    recurrent(cellOf.lstm, { units: 9, returnSequences: true }),
    recurrent(cellOf.lstm, { units: 9, returnSequences: true }),
    dense(11),
  ]);
  // Biases too: they start at 0 or 1.
  const random = createRandom(7);
  for (const values of Object.values(made.values))
    for (let k = 0; k < values.length; k++) values[k] = random.normal() / 2;
  return made;
};

test("an ONNX file begins with its version, and holds the numbers of the model", () => {
  const made = model();
  const bytes = onnxGenerator(made);
  // Field 1, a number; field 7, the graph.
  expect([...bytes.slice(0, 3)]).toEqual([0x08, 7, 0x3a]);
  const numbers = Object.values(made.values).reduce((total, { length }) => total + length, 0);
  // The second biases besides, and less than 1.5 KB of names and sizes.
  expect(bytes.length).toBeGreaterThan(4 * (numbers + 2 * 36));
  expect(bytes.length).toBeLessThan(4 * (numbers + 2 * 36) + 1500);
});

/** The differences between ONNX Runtime's logits and a session's, for 20 tokens. */
async function compare(
  bytes: Uint8Array,
  ours: Session,
): Promise<{ readonly largest: number; readonly differs: number }> {
  const { InferenceSession, Tensor } = runtime;
  const theirs = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const zeros = () => new Tensor("float32", new Float32Array(9), [1, 1, 9]);
  const feeds: Record<string, object> = { h0: zeros(), c0: zeros(), h1: zeros(), c1: zeros() };
  let [largest, differs] = [0, 0];
  for (let n = 0; n < 20; n++) {
    const token = (7 * n) % 11;
    feeds[onnxNames.token] = new Tensor("int64", BigInt64Array.of(BigInt(token)), [1, 1]);
    const outputs = await theirs.run(feeds);
    for (const k of [0, 1]) {
      onnxNames.states.forEach((name, i) => {
        feeds[`${name}${k}`] = outputs[`${onnxNames.nextStates[i]}${k}`] as object;
      });
    }
    const { data } = outputs[onnxNames.logits] as { data: Float32Array };
    const logits = ours.next(token);
    expect(data).toHaveLength(logits.length);
    logits.forEach((logit, k) => {
      largest = Math.max(largest, Math.abs(logit - (data[k] as number)));
      if (logit !== data[k]) differs++;
    });
  }
  return { largest, differs };
}

test("ONNX Runtime gives the same logits as a session for 20 tokens", async () => {
  const made = model();
  const { largest } = await compare(onnxGenerator(made), await createSession(made));
  expect(largest).toBeLessThan(2e-6);
});

test("quantised, matrices are whole numbers with a scale for each row, a quarter of the bytes", () => {
  const made = model();
  const [whole, rounded] = [onnxGenerator(made), onnxGenerator(made, { quantized: true })];
  // Of 9 units: W (36,6), U (36,9), W (36,9), U (36,9) and the dense layer's (11,9), each a byte a number; a scale and a zero for each row.
  const [weights, rows] = [36 * 6 + 3 * 36 * 9 + 11 * 9, 4 * 36 + 11];
  const smaller = whole.length - rounded.length;
  expect(smaller).toBeLessThan(3 * weights - 5 * rows);
  // Names and sizes.
  expect(smaller).toBeGreaterThan(3 * weights - 5 * rows - 800);
  const names = new TextDecoder("latin1").decode(rounded);
  expect(names.match(/:DynamicQuantizeLSTM/g)).toHaveLength(2);
  expect(names.match(/:DynamicQuantizeMatMul/g)).toHaveLength(1);
});

test("ONNX Runtime's quantised model says nearly the same as a session", async () => {
  const made = model();
  const bytes = onnxGenerator(made, { quantized: true });
  const { largest, differs } = await compare(bytes, await createSession(made, { engine: "wasm" }));
  expect(largest).toBeLessThan(0.05);
  expect(differs).toBeGreaterThan(200);
});
