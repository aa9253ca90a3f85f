/** A task of its own: a model reads a series of numbers and says the next one. Its data: what the numbers are divided by. */
import { FormatError } from "../../../src/formats/safetensors.ts";
import { finiteNumber, isPlain, options, required } from "../../../src/graph/schema.ts";
import { dense, lstm } from "../../../src/nn/layers.ts";
import { type Model, sequential } from "../../../src/nn/model.ts";
import { aModel } from "../../../src/nn/model-checks.ts";
import type { Task } from "../../../src/tasks/task.ts";
import { fit } from "../../../src/train/fit.ts";
import { createPredictor } from "../../../src/train/predict.ts";

declare module "../../../src/tasks/index.ts" {
  interface Contents {
    readonly next_number: NextNumber;
  }
}

/** A model (T,1) -> (1), and what its numbers are divided by. */
export type NextNumber = { readonly model: Model; readonly scale: number };

/** Numbers that are read before the next one is told. */
export const steps = 4;

/** A model for a series, trained on it. */
export async function trainNextNumber(series: readonly number[], epochs: number): Promise<NextNumber> {
  const scale = Math.max(...series.map(Math.abs));
  const model = sequential([lstm(8), dense(1)], { input: 1, seed: 1 });
  const scaled = series.map((value) => [value / scale]);
  const x = scaled.slice(steps).map((_, k) => scaled.slice(k, k + steps));
  await fit(model, x, scaled.slice(steps), { loss: "mse", epochs, batchSize: 8, learningRate: () => 0.01 });
  return { model, scale };
}

/** What says the next number of a series, until it is disposed of. */
export async function createNextNumber({ model, scale }: NextNumber, host: object = {}) {
  const predictor = await createPredictor(model, { batch: 1, steps, ...host });
  return {
    next: async (series: readonly number[]): Promise<number> => {
      const [next] = await predictor.predict(series.slice(-steps).map((value) => value / scale));
      return (next as number) * scale;
    },
    dispose: () => predictor.dispose(),
  };
}

export const nextNumberTask: Task<NextNumber> = {
  kind: "next_number",
  title: "a model that continues a series of numbers",
  read({ model }, { scale }, name) {
    if (!finiteNumber.accepts(scale)) throw new FormatError(`${name}: its scale is not a number. Train anew.`);
    if (model.input !== 1 || model.outputSize !== 1)
      throw new FormatError(`${name}: it does not read one number a step.`);
    return { model, scale: scale as number };
  },
  write: ({ model, scale }) => ({ model, extra: { task: { kind: "next_number", scale } } }),
  content: {
    ...options<NextNumber>({ model: required(aModel), scale: required(finiteNumber) }),
    expected: "a model that continues a series, as trainNextNumber makes it",
    accepts: (value) => isPlain(value) && "scale" in value,
  },
  serving: async () => (await import("./serving.ts")).serving,
};
