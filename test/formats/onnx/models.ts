/** Models of all kinds that an ONNX file can say, with data, and what comes of it here. */
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
import { createPredictor } from "../../../src/train/predict.ts";
import { redraw } from "../../helpers/models.ts";
import { cases } from "../source/models.ts";

const made = (layers: Parameters<typeof sequential>[0], input: number | undefined, seed: number): Model =>
  redraw(sequential(layers, input === undefined ? {} : { input }), createRandom(seed), 0.6);
const all = { returnSequences: true };

/** Models of whole sequences, and all cells of the library. */
export const models: readonly { name: string; model: Model }[] = [
  ...cases,
  { name: "both ways", model: made([bidirectional(lstm(4, all)), bidirectional(gru(3))], 2, 201) },
  { name: "from the end", model: made([lstm(4, { ...all, goBackwards: true }), dense(3)], 2, 202) },
  {
    name: "from the end, and from the start",
    model: made([lstm(4, { ...all, goBackwards: true }), gru(3, { ...all, goBackwards: true }), dense(2)], 2, 210),
  },
  {
    name: "from the end, then both ways",
    model: made(
      [lstm(4, { ...all, goBackwards: true }), bidirectional(gru(3, { goBackwards: true })), dense(2)],
      2,
      211,
    ),
  },
  { name: "the last output", model: made([lstm(4), dense(3)], 2, 203) },
  { name: "a decoder", model: made([lstm(4), repeatVector(5), lstm(3, all), dense(2)], 2, 204) },
  {
    name: "a vector, repeated",
    model: made([input(2, { sequence: false }), repeatVector(5), lstm(3, all), dense(2)], undefined, 212),
  },
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

/** Examples and steps. */
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

/** An input: the numbers, their dimensions, and whether they are tokens. */
export type Fed = { readonly values: Float32Array | Int32Array; readonly dims: readonly number[] };

/** What a model's file is fed, examples first, by name; and the output that this library gives, in the same order. */
export async function fedAndWanted(model: Model): Promise<{
  readonly fed: Readonly<Record<string, Fed>>;
  readonly wanted: Float32Array;
  readonly dims: readonly number[];
}> {
  const data = dataFor(model, 11);
  const fed = Object.fromEntries(
    model.inputs.map(({ name, features, sequence }): [string, Fed] => {
      const dims = [B, ...(sequence ? [T] : []), ...(typeof features === "number" ? [features] : [])];
      return [name, { values: data[name] as Float32Array, dims }];
    }),
  );
  const predictor = await createPredictor(model, { batch: B, steps: model.times.map(() => T) });
  const inputs = Object.fromEntries(
    model.inputs.map(({ name, sequence }) => [name, sequence ? timeFirst(data[name] as Float32Array) : data[name]]),
  );
  const given = await predictor.predict((model.inputs.length === 1 ? Object.values(inputs)[0] : inputs) as never);
  const { outputSize, returnsSequences } = model;
  const steps = given.length / (B * outputSize);
  const wanted = new Float32Array(given.length);
  given.forEach((value, k) => {
    const [t, b, j] = [Math.floor(k / (B * outputSize)), Math.floor(k / outputSize) % B, k % outputSize];
    wanted[(b * steps + t) * outputSize + j] = value;
  });
  return { fed, wanted, dims: [B, ...(returnsSequences ? [steps] : []), outputSize] };
}
