/** Small ONNX graphs, run by ONNX Runtime and by the models that they are read as. */
import { expect } from "vitest";
import { importModel } from "../../../src/formats/imported.ts";
import { encodeOnnx, type OnnxGraph, type OnnxNode, type OnnxTensor } from "../../../src/formats/onnx/proto.ts";
import type { Model } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { createPredictor } from "../../../src/train/predict.ts";
import { turned } from "../../helpers/axes.ts";
import { expectClose } from "../../helpers/models.ts";
import { runtime } from "../../helpers/onnx-runtime.ts";

/** Numbers as it takes them: whole ones are tokens. */
export const tensorOf = (values: Float32Array | Int32Array, dims: readonly number[]): object =>
  values instanceof Int32Array
    ? new runtime.Tensor("int64", BigInt64Array.from(values, BigInt), dims)
    : new runtime.Tensor("float32", values, dims);

/** A node: operator, inputs, outputs, attributes. */
export const node = (
  op: string,
  inputs: string,
  outputs: string,
  attributes: OnnxNode["attributes"] = {},
): OnnxNode => ({
  ...{
    op,
    attributes,
    inputs: inputs.split(" ").map((name) => (name === "-" ? "" : name)),
    outputs: outputs.split(" "),
  },
});
/** Random numbers, the same for the same name. */
export function floats(name: string, ...dims: number[]): OnnxTensor {
  const random = createRandom([...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 1e6);
  const count = dims.reduce((a, b) => a * b, 1);
  return { name, dims, data: Float32Array.from({ length: count }, () => random.normal() * 0.7) };
}
export const ints = (name: string, ...values: number[]): OnnxTensor => ({
  ...{ name, dims: [values.length], data: BigInt64Array.from(values, BigInt) },
});
export const int = (name: string, value: number): OnnxTensor => ({
  ...{ name, dims: [], data: BigInt64Array.of(BigInt(value)) },
});
export type SmallGraph = Partial<OnnxGraph> & Pick<OnnxGraph, "nodes">;
const sizes: Readonly<Record<string, number>> = { batch: 3, time: 5 };

export const fileOf = (graph: SmallGraph, opset = 17): Uint8Array =>
  encodeOnnx({
    ...{ irVersion: 8, opset, producer: "test" },
    graph: {
      ...{ name: "m", tensors: [] },
      inputs: [{ name: "x", type: "float", dims: ["batch", "time", 2] }],
      outputs: [{ name: "y", type: "float", dims: [] }],
      ...graph,
    },
  });

/** Time first, where the first two axes are batch and time. */
const timeFirst = (values: Float32Array, dims: readonly (number | string)[], shape: readonly number[]): Float32Array =>
  dims[0] === "batch" && dims[1] === "time" ? Float32Array.from(turned([...values], shape)) : values;

/** Both run the same numbers, and give the same; `y` are the first two axes of the output. */
export async function expectSame(graph: SmallGraph, y = "batch time", within = 2e-6): Promise<Model> {
  const dims = [...y.split(" "), "features"];
  const file = fileOf({ outputs: [{ name: "y", type: "float", dims }], ...graph });
  const session = await runtime.InferenceSession.create(file, { logSeverityLevel: 3 });
  const inputs = graph.inputs ?? [{ name: "x", type: "float", dims: ["batch", "time", 2] }];
  const feeds: Record<string, object> = {};
  const own: Record<string, Float32Array> = {};
  for (const { name, dims } of inputs) {
    const shape = dims.map((size) => (typeof size === "number" ? size : (sizes[size] as number)));
    const { data } = floats(`input ${name}`, ...shape) as { data: Float32Array };
    feeds[name] = new runtime.Tensor("float32", data, shape);
    own[name] = timeFirst(data, dims, shape);
  }
  const results = await session.run(feeds);
  const { y: wanted } = results as { y: { data: Float32Array; dims: number[] } };
  const { model } = await importModel({ bytes: file, name: "m.onnx" });
  const predictor = await createPredictor(model, { batch: 3, steps: model.times.map(() => 5) });
  const given = model.inputs.map(({ name }) => [name, own[name] ?? own.x] as const);
  const got = await predictor.predict(
    (given.length === 1 ? (given[0] as (typeof given)[0])[1] : Object.fromEntries(given)) as never,
  );
  expectClose(got, timeFirst(wanted.data, y.split(" "), wanted.dims.map(Number)), { within });
  return model;
}

/** The one line that refuses it. */
export async function refusalOf(graph: SmallGraph, opset?: number): Promise<string> {
  const found = await importModel({ bytes: fileOf(graph, opset), name: "m.onnx" }).catch((error: unknown) => error);
  expect(found).toMatchObject({ name: "FormatError" });
  return (found as Error).message;
}
