/** ONNX files with weights of 16 and 8 bits: ONNX Runtime gives what our own model with the same rounded weights gives. */
import { describe, expect, test } from "vitest";
import { readModel, writeModel } from "../../../src/formats/model-file.ts";
import { decodeOnnx } from "../../../src/formats/onnx/decode.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { writeOnnx } from "../../../src/formats/onnx/index.ts";
import { bidirectional, dense, embedding, gru, lstm } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { expectClose, redraw } from "../../helpers/models.ts";
import { runtime as ort } from "../../helpers/onnx-runtime.ts";
import { tensorOf } from "./graphs.ts";
import { fedAndWanted, models } from "./models.ts";

const kinds = ["f16", "int8"] as const;
describe.each(kinds)("%s", (dtype) => {
  // Our own file does not hold a bidirectional layer that goes backwards itself.
  test.each(models.filter(({ name }) => name !== "from the end, then both ways"))("$name", async ({ model }) => {
    const { model: rounded } = readModel(writeModel({ model, extra: {} }, { dtype }), "m");
    const { fed, wanted } = await fedAndWanted(rounded);
    const session = await ort.InferenceSession.create(writeOnnx(model, { dtype }), { logSeverityLevel: 3 });
    const feeds = Object.fromEntries(
      Object.entries(fed).map(([name, { values, dims }]) => [name, tensorOf(values, dims)]),
    );
    const { output } = await session.run(feeds);
    expectClose(output?.data as Float32Array, wanted, { within: 1e-5 });
  });

  const layers = [
    embedding(50, 32),
    lstm(32, { returnSequences: true }),
    bidirectional(gru(16, { returnSequences: true })),
    dense(50),
  ];
  const model = redraw(sequential(layers), createRandom(77), 0.5);
  test("is read back with the rounded weights, to the bit", () => {
    const { model: back } = importOnnx(decodeOnnx(writeOnnx(model, { dtype }), "m.onnx"), "m.onnx");
    const { model: rounded } = readModel(writeModel({ model, extra: {} }, { dtype }), "m");
    const all = ({ values }: typeof model): number[] =>
      Object.values(values)
        .flatMap((one) => [...one])
        .filter((value) => value !== 0)
        .toSorted((a, b) => a - b);
    expect(all(back)).toEqual(all(rounded));
  });
  test("takes the bytes that it should", () => {
    const share = writeOnnx(model, { dtype }).length / writeOnnx(model).length;
    expect(share).toBeLessThan(dtype === "f16" ? 0.6 : 0.45);
  });
});

test("weights that are too large for 16 bits are refused by name", () => {
  const model = sequential([dense(2)], { input: 2 });
  const large = { ...model, values: { ...model.values, "dense.W": Float32Array.of(1, 2, 70000, 3) } };
  expect(() => writeOnnx(large, { dtype: "f16" })).toThrow(
    "writeOnnx: dense.W, number 2, is 70000, and the largest number of F16 is 65,504.",
  );
});
