/** Trainings on the graphics card: what is copied of it when, failures, and the end of a device. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { cells } from "../../../src/cells/index.ts";
import { gpu } from "../../../src/engines/webgpu/device.ts";
import { InputError } from "../../../src/graph/input-error.ts";
import { dense, embedding, recurrent } from "../../../src/nn/layers.ts";
import { sequential } from "../../../src/nn/model.ts";
import { createRandom } from "../../../src/nn/random.ts";
import { Program } from "../../../src/runtime/program.ts";
import type { TrainingRun } from "../../../src/train/callbacks.ts";
import { fit } from "../../../src/train/fit.ts";
import { fitStream } from "../../../src/train/fit-stream.ts";
import { adam } from "../../../src/train/optimizers.ts";
import type { TrainerState } from "../../../src/train/trainer.ts";
import { hasGpu, provideGpu, unlessNoGpu } from "../../helpers/gpu.ts";
import { largestDifference } from "../../helpers/networks.ts";

const tokens = Int32Array.from({ length: 200 }, (_, k) => (k * k) % 7);
const languageModel = () =>
  sequential([embedding(7, 4), recurrent(cells["min-gru"], { units: 5, returnSequences: true }), dense(7)], {
    seed: 1,
  });
const stream = {
  batch: 2,
  steps: 5,
  epochs: 2,
  validationSplit: 0.2,
  optimizer: adam({ learningRate: 0.01 }),
} as const;
const valuesOf = (model: ReturnType<typeof languageModel>): number[] =>
  Object.values(model.values).flatMap((values) => [...values]);

describe.skipIf(!hasGpu)(`training on webgpu ${unlessNoGpu}`, () => {
  beforeAll(provideGpu);
  afterAll(async () => (await gpu()).device.destroy());

  test("fitStream: losses, values and the state to resume from are within 1e-4 of WASM's", async () => {
    const [own, other] = [languageModel(), languageModel()];
    const got = await fitStream(own, tokens, { ...stream, engine: "webgpu" });
    expect(got.steps).toBeGreaterThan(25);
    const wanted = await fitStream(other, tokens, { ...stream, engine: "wasm" });
    expect(got.steps).toBe(wanted.steps);
    expect(Math.abs((got.validationLoss as number) - (wanted.validationLoss as number))).toBeLessThan(1e-4);
    expect(largestDifference(valuesOf(own), valuesOf(other))).toBeLessThan(1e-4);
    const flat = ({ slots }: TrainerState): number[] =>
      Object.values(slots).flatMap((slot) => Object.values(slot).flatMap((values) => [...values]));
    expect(largestDifference(flat(got.state), flat(wanted.state))).toBeLessThan(1e-4);
  });

  test("fit, batches of two sizes: what a callback saves after each batch is what WASM has there", async () => {
    const random = createRandom(3);
    const batch = (count: number) => ({
      x: Array.from({ length: count }, () => [0, 1, 2].map(() => random.integer(7))),
      y: Array.from({ length: count }, () => [0, 1, 2].map(() => random.integer(7))),
    });
    const batches = [batch(3), batch(2), batch(3), batch(2)];
    const train = async (engine: "webgpu" | "wasm") => {
      const model = languageModel();
      const seen: number[][] = [];
      const onBatchEnd = (_: unknown, run: TrainingRun): void => {
        run.save();
        seen.push(valuesOf(model), [run.state().step]);
      };
      await fit(model, batches, { epochs: 2, engine, callbacks: [{ onBatchEnd }] });
      return [...seen, valuesOf(model)];
    };
    const [got, wanted] = [await train("webgpu"), await train("wasm")];
    expect(got.length).toBe(17);
    got.forEach((values, k) => expect(largestDifference(values, wanted[k] as number[])).toBeLessThan(1e-4));
  });

  test("values are copied once an epoch, not after each update; run.state is refused while they are on the card alone", async () => {
    const fetch = vi.spyOn(Program.prototype, "fetch");
    let kept: TrainingRun | undefined;
    const said: string[] = [];
    const learningRate = (step: number): number => {
      try {
        kept?.state();
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        said.push(`${step}: ${(error as Error).message}`);
      }
      return 0.01;
    };
    const onTrainBegin = (run: TrainingRun): void => {
      kept = run;
    };
    const epochs: number[] = [];
    const onEpochEnd = (_: number, __: unknown, run: TrainingRun): void => void epochs.push(run.state().step);
    const x = Array.from({ length: 4 }, (_, k) => [k, 1, 2]);
    const callbacks = [{ onTrainBegin, onEpochEnd }];
    await fit(languageModel(), x, x, { engine: "webgpu", epochs: 2, batchSize: 1, learningRate, callbacks });
    expect(fetch).toHaveBeenCalledTimes(2);
    fetch.mockRestore();
    expect(epochs).toEqual([4, 8]);
    const line =
      "training: the values are on the device. Call run.save and run.state within a callback, before it is done.";
    // Before the first update of an epoch, and behind its last one, they are there.
    expect(said).toEqual([1, 2, 3, 5, 6, 7].map((step) => `${step}: ${line}`));
  });

  test("a rate that is far too large: the first infinite value is found from what the card has kept", async () => {
    const model = sequential([recurrent(cells["simple-rnn"], { units: 3 }), dense(1)], { input: 2, seed: 1 });
    const x = [[[1, 2]], [[3, 4]]];
    const failed = fit(model, x, [[1], [2]], {
      ...{ epochs: 40, engine: "webgpu", loss: "mean_squared_error", optimizer: "sgd" },
      learningRate: (step) => (step < 2 ? 1e-3 : 1e30),
    });
    await expect(failed).rejects.toThrow(
      /^training: .+ \(.*update \d+\) became .+ The model keeps its values of update \d+\./,
    );
    expect(valuesOf(model).every(Number.isFinite)).toBe(true);
  });

  test("a device that is lost in the middle: fitStream and fit end in one plain line, the model has its last values", async () => {
    for (const train of [
      (model: ReturnType<typeof languageModel>, onBatchEnd: () => Promise<void>) =>
        fitStream(model, tokens, { ...stream, engine: "webgpu", callbacks: [{ onBatchEnd }] }),
      (model: ReturnType<typeof languageModel>, onBatchEnd: () => Promise<void>) =>
        fit(model, [[1, 2, 3]], [[2, 3, 4]], { epochs: 9, engine: "webgpu", callbacks: [{ onBatchEnd }] }),
    ]) {
      const model = languageModel();
      const before = valuesOf(model);
      let batches = 0;
      const onBatchEnd = async (): Promise<void> => {
        if (++batches === 4) (await gpu()).device.destroy();
      };
      const error = await train(model, onBatchEnd).then(
        () => expect.fail("it went on"),
        (reason: unknown) => reason as Error,
      );
      expect(error).toBeInstanceOf(InputError);
      expect(error.message).toMatch(
        /^engine "webgpu": the graphics card was lost \([^\n]+\)\. Go on from what was saved, or use the engine "wasm"\.$/,
      );
      expect(batches).toBe(4);
      expect(largestDifference(valuesOf(model), before)).toBeGreaterThan(1e-3);
      expect(valuesOf(model).every(Number.isFinite)).toBe(true);
    }
    // The next training opens another.
    const { steps } = await fitStream(languageModel(), tokens, { ...stream, epochs: 1, engine: "webgpu" });
    expect(steps).toBeGreaterThan(10);
  });
});
