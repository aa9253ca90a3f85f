/** Models as ONNX files, as ONNX Runtime runs them. */
import { describe, expect, test } from "vitest";
import { findPackage, requireFrom } from "../../../src/bench/packages.ts";
import { writeOnnx } from "../../../src/formats/onnx/index.ts";
import {
  bidirectional,
  conv1d,
  dense,
  embedding,
  globalAveragePooling1d,
  gru,
  input,
  lstm,
  masking,
  repeatVector,
  simpleRnn,
} from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { createSession } from "../../../src/nn/session.ts";
import { createPredictor } from "../../../src/train/predict.ts";
import { expectClose, redraw } from "../../helpers/models.ts";
import { cases } from "../source/models.ts";

type Feeds = Record<string, object>;
type Runtime = {
  InferenceSession: {
    create: (
      bytes: Uint8Array,
      options?: object,
    ) => Promise<{
      run: (feeds: Feeds) => Promise<Record<string, { data: Float32Array; dims: number[] }>>;
      inputNames: string[];
    }>;
  };
  Tensor: new (type: string, data: unknown, dims: readonly number[]) => object;
};
const found = findPackage("onnxruntime-node");
/** ONNX Runtime in WebAssembly, and its native build where it is installed beside. */
const ort: Runtime = found ? requireFrom(found.from)("onnxruntime-node") : ((await import("onnxruntime-web")) as never);

const made = (layers: Parameters<typeof sequential>[0], input: number | undefined, seed: number): Model =>
  redraw(sequential(layers, input === undefined ? {} : { input }), createRandom(seed), 0.6);
const all = { returnSequences: true };

const more: readonly { name: string; model: Model }[] = [
  { name: "both ways", model: made([bidirectional(lstm(4, all)), bidirectional(gru(3))], 2, 201) },
  { name: "from the end", model: made([lstm(4, { ...all, goBackwards: true }), dense(3)], 2, 202) },
  { name: "the last output", model: made([lstm(4), dense(3)], 2, 203) },
  { name: "a decoder", model: made([lstm(4), repeatVector(5), lstm(3, all), dense(2)], 2, 204) },
  { name: "convolution", model: made([conv1d(4, 3, { strides: 2 }), gru(3, all)], 2, 205) },
  { name: "the mean", model: made([simpleRnn(4, all), globalAveragePooling1d(), dense(2)], 2, 206) },
  {
    name: "hand-over",
    model: made(
      [
        input(2, { name: "question" }),
        lstm(4, { name: "encoder" }),
        input("tokens", { name: "answer" }),
        embedding(5, 3),
        lstm(4, { ...all, initialState: { from: "encoder" } }),
        dense(5),
      ],
      undefined,
      207,
    ),
  },
  {
    name: "masks, the last output",
    model: made([masking({ maskValue: 0 }), bidirectional(lstm(3)), dense(2)], 2, 208),
  },
  {
    name: "a mask beside the input",
    model: made([input(2, { mask: true }), gru(3, { ...all, zeroOutputForMask: true })], undefined, 209),
  },
];

const [B, T] = [3, 5];
/** Numbers of each input, examples first. */
function dataFor(model: Model, seed: number): Record<string, Float32Array | Int32Array> {
  const random = createRandom(seed);
  return Object.fromEntries(
    model.inputs.map(({ name, features, count, sequence }) => {
      const rows = B * (sequence ? T : 1);
      if (features === "tokens")
        return [name, Int32Array.from({ length: rows }, () => Math.floor(random.uniform() * (count as number)))];
      if (features === "mask")
        return [name, Float32Array.from({ length: rows }, (_, k) => (k % T < 2 + Math.floor(k / T) ? 1 : 0))];
      // Steps of zeros, which some models take for padding.
      const zero = new Set([1, 2, 8, 14]);
      return [
        name,
        Float32Array.from({ length: rows * features }, (_, k) =>
          zero.has(Math.floor(k / features)) ? 0 : random.normal(),
        ),
      ];
    }),
  );
}

/** Examples first to time first. */
function timeFirst<A extends Float32Array | Int32Array>(values: A): A {
  const width = values.length / (B * T);
  const turned = values.slice() as A;
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      for (let j = 0; j < width; j++) turned[(t * B + b) * width + j] = values[(b * T + t) * width + j] as number;
    }
  }
  return turned;
}

const tensorOf = (values: Float32Array | Int32Array, dims: readonly number[]): object =>
  values instanceof Int32Array
    ? new ort.Tensor("int64", BigInt64Array.from(values, BigInt), dims)
    : new ort.Tensor("float32", values, dims);

describe.each([...cases, ...more])("$name", ({ model }) => {
  test("whole sequences", async () => {
    const data = dataFor(model, 11);
    const session = await ort.InferenceSession.create(writeOnnx(model), { logSeverityLevel: 3 });
    const feeds = Object.fromEntries(
      model.inputs.map(({ name, features, sequence }) => {
        const dims = [B, ...(sequence ? [T] : []), ...(typeof features === "number" ? [features] : [])];
        return [name, tensorOf(data[name] as Float32Array, dims)];
      }),
    );
    const { output } = await session.run(feeds);
    const predictor = await createPredictor(model, { batch: B, steps: model.times.map(() => T) as number[] });
    const inputs = Object.fromEntries(
      model.inputs.map(({ name, sequence }) => [name, sequence ? timeFirst(data[name] as Float32Array) : data[name]]),
    );
    const wanted = await predictor.predict((model.inputs.length === 1 ? Object.values(inputs)[0] : inputs) as never);
    const { data: got, dims } = output as { data: Float32Array; dims: number[] };
    const steps = wanted.length / (B * model.outputSize);
    expect(dims.map(Number)).toEqual([B, ...(model.returnsSequences ? [steps] : []), model.outputSize]);
    const turned = Array.from(wanted, (_, k) => {
      const [t, b, j] = [
        Math.floor(k / (B * model.outputSize)),
        Math.floor(k / model.outputSize) % B,
        k % model.outputSize,
      ];
      return got[(b * steps + t) * model.outputSize + j] as number;
    });
    expectClose(turned, wanted, { within: 1e-5 });
  });
});

describe.each(cases)("$name, step by step", ({ model }) => {
  test("states go in and come out", async () => {
    const own = await createSession(model);
    const session = await ort.InferenceSession.create(writeOnnx(model, { form: "steps" }), {
      logSeverityLevel: 3,
    });
    const [{ name, features, count }] = model.inputs as [Model["inputs"][number]];
    const random = createRandom(5);
    let states = own.state();
    for (let t = 0; t < 4; t++) {
      const x =
        features === "tokens"
          ? Int32Array.of(random.uniform() * (count as number))
          : Float32Array.from({ length: features as number }, random.normal);
      const feeds = {
        [name]: tensorOf(x, features === "tokens" ? [1] : [1, x.length]),
        ...Object.fromEntries(
          Object.entries(states).map(([state, values]) => [state, tensorOf(values, [1, values.length])]),
        ),
      };
      const results = await session.run(feeds);
      expectClose(results.output?.data as Float32Array, own.next(features === "tokens" ? (x[0] as number) : x), {
        within: 1e-5,
      });
      states = Object.fromEntries(
        Object.keys(states).map((state) => [state, results[`next.${state}`]?.data as Float32Array]),
      );
      for (const [state, values] of Object.entries(own.state()))
        expectClose(states[state] as Float32Array, values, { within: 1e-5 });
    }
  });
});
