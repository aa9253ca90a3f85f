/** ONNX files as models: what PyTorch's exporter writes, what this library writes, and a model that others trained. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeOnnx } from "../../../src/formats/onnx/decode.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { writeOnnx } from "../../../src/formats/onnx/index.ts";
import type { Model } from "../../../src/nn/model.ts";
import { createPredictor } from "../../../src/train/predict.ts";
import { turned } from "../../helpers/axes.ts";
import { expectClose } from "../../helpers/models.ts";
import { type Fed, fedAndWanted, models } from "./models.ts";

type Recorded = {
  readonly name: string;
  /** The first two axes of inputs and outputs. */
  readonly axes: readonly [string, string];
  readonly file: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly values: readonly number[];
  }[];
  readonly shape: readonly number[];
  readonly output: readonly number[];
};
const recorded: readonly Recorded[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../fixtures/onnx.json"), "utf8"),
).models;

const read = (bytes: Uint8Array, name = "model.onnx") => importOnnx(decodeOnnx(bytes, name), name);

/** The output for inputs in our order, time first. */
async function outputOf(
  model: Model,
  given: readonly (readonly number[])[],
  batch: number,
  steps: number[],
): Promise<Float32Array> {
  const predictor = await createPredictor(model, { batch, steps });
  const arrays = model.inputs.map(({ features }, k) =>
    features === "tokens" ? Int32Array.from(given[k] as number[]) : Float32Array.from(given[k] as number[]),
  );
  const [first] = arrays;
  return predictor.predict(
    (arrays.length === 1 ? first : Object.fromEntries(arrays.map((one, k) => [model.inputs[k]?.name, one]))) as never,
  );
}

describe.each(recorded)("as PyTorch writes it: $name", ({ axes, file, inputs, shape, output }) => {
  test("gives what PyTorch gives", async () => {
    const { model, source } = read(Buffer.from(file, "base64"));
    expect(source).toMatch(/^ONNX, opset \d+, by pytorch/);
    const timeFirst = axes[0] === "time";
    const kept = inputs
      .filter(({ name }) => model.inputs.length === 1 || model.inputs.some((one) => one.name === name))
      .slice(0, model.inputs.length);
    const given = kept.map(({ values, shape: own }) => (timeFirst ? values : turned(values, own)));
    const [batch] = timeFirst ? [inputs[0]?.shape[1]] : [inputs[0]?.shape[0]];
    const lengths = kept.map(({ shape: own }) => own[timeFirst ? 0 : 1] as number);
    const got = await outputOf(
      model,
      given,
      batch as number,
      model.times.map((_, k) => lengths[k] as number),
    );
    const wanted = shape.length === 3 && !timeFirst ? turned(output, shape) : output;
    expectClose(got, wanted, { within: 2e-6 });
  });
});

describe.each(models)("$name", ({ model }) => {
  test("what is written is read back and gives the same", async () => {
    const bytes = writeOnnx(model);
    const { model: back } = read(bytes);
    const { fed, wanted } = await fedAndWanted(model);
    const given = back.inputs.map((one, k) => {
      const { values, dims } = fed[one.name] ?? (Object.values(fed)[k] as Fed);
      return one.sequence ? turned([...values], dims) : [...values];
    });
    const got = await outputOf(
      back,
      given,
      3,
      back.times.map(() => 5),
    );
    const order = model.returnsSequences
      ? turned([...got], [got.length / (3 * model.outputSize), 3, model.outputSize])
      : [...got];
    expectClose(order, wanted, { within: 2e-6 });
  });
});

const shared = join(import.meta.dirname, "../../../../shared/data/models");
test.skipIf(!existsSync(shared))(
  "nnsplit's English model (skipped where ../shared/data/models is missing)",
  async () => {
    const file = join(shared, "nnsplit-en-onnx/model.onnx");
    const { model, notes } = read(readFileSync(file), file);
    const { input, output } = JSON.parse(readFileSync(join(shared, "nnsplit-en-onnx/reference.json"), "utf8"));
    const got = await outputOf(model, [input], 1, [input.length]);
    expectClose(got, output, { within: 1e-4 });
    expect(notes.join(" ")).toContain("another shape");
  },
);
