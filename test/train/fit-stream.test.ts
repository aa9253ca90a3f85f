import { expect, onTestFinished, test, vi } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import type { Progress } from "../../src/train/fit-stream-options.ts";
import { NonFiniteLoss } from "../../src/train/non-finite-guard.ts";
import { adam } from "../../src/train/optimizers.ts";

const tokens = Int32Array.from({ length: 400 }, (_, k) => k % 5);
const model = () => sequential([embedding(5, 4), lstm(6, { returnSequences: true }), dense(5)], { seed: 1 });
const small = { batch: 2, steps: 8, seed: 2 };

test("a last update that ruins the parameters is not saved: the model keeps what it had", async () => {
  const [given, untouched] = [model(), model()];
  // 1e39 is infinite in f32, so the only update makes infinite parameters; the loss before it was fine.
  const ruin = { ...small, epochs: 1e-9, optimizer: adam({ learningRate: 1e39 }) };
  const error = await fitStream(given, tokens, ruin).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(NonFiniteLoss);
  expect((error as NonFiniteLoss).message).toBe(
    "training: embedding.weight (row 0, column 0, update 1) became Infinity, expected a finite number: its gradient was finite. The model keeps its values " +
      "of update 0. Try a smaller learning rate, or clip the gradients.",
  );
  expect((error as NonFiniteLoss).trained).toBe(false);
  expect(given.values).toEqual(untouched.values);
});

test("the same seed trains the same model, on one thread or two", async () => {
  const [a, b] = [model(), model()];
  // The loss is the mean since the last progress, which a slow machine would have at any update.
  const options = { ...small, epochs: 3, progressEvery: 1 };
  const first = await fitStream(a, tokens, { ...options, threads: 1 });
  const second = await fitStream(b, tokens, { ...options, threads: 2 });
  expect(second.loss).toBe(first.loss);
  expect(second.validationLoss).toBe(first.validationLoss);
  expect(b.values).toEqual(a.values);
});

test("at each progress the model has its values of then; training waits, counts none of it, ends with the same bits", async () => {
  // A clock that goes on by a millisecond as somebody looks at it, and by an hour as training waits.
  let nowMs = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => nowMs++);
  onTestFinished(() => clock.mockRestore());
  const [watched, other] = [model(), model()];
  const losses: [epoch: string, loss: number | null][] = [];
  const found = await fitStream(watched, tokens, {
    ...{ ...small, epochs: 3, validations: 3 },
    async onProgress({ milestone, epoch, validationLoss }) {
      if (!milestone) return;
      losses.push([epoch.toFixed(0), validationLoss]);
      const evaluator = await createEvaluator(watched, { batch: 1, steps: 8 });
      expect(await evaluator.loss(tokens.subarray(380))).toBe(validationLoss);
      nowMs += 3_600_000;
    },
  });
  expect(losses.map(([epoch]) => epoch)).toEqual(["1", "2", "3"]);
  expect(new Set(losses.map(([, loss]) => loss)).size).toBe(3);
  const trainingMs = (1000 * found.steps * small.batch * small.steps) / found.tokensPerSecond;
  expect(Math.floor(found.elapsedMs / 3_600_000)).toBe(3);
  expect(trainingMs).toBeLessThan(3_600_000);
  const { validationLoss } = await fitStream(other, tokens, { ...small, epochs: 3, validations: 1 });
  expect(validationLoss).toBe(found.validationLoss);
  expect(watched.values).toEqual(other.values);
});

test("milestones come without validation too, and a training that is stopped ends without one", async () => {
  const seen: Progress[] = [];
  await fitStream(model(), tokens, { ...small, epochs: 2, validationSplit: 0, onProgress: (p) => seen.push(p) });
  expect(seen.filter(({ milestone }) => milestone).map(({ done }) => done.toFixed(1))).toEqual([
    "0.3",
    "0.5",
    "0.8",
    "1.0",
  ]);
  expect(seen.every(({ validationLoss }) => validationLoss === null)).toBe(true);
  const stop = new AbortController();
  const stopped: Progress[] = [];
  const onProgress = (p: Progress) => {
    stopped.push(p);
    stop.abort();
  };
  const { validationLoss } = await fitStream(model(), tokens, { ...small, epochs: 2, signal: stop.signal, onProgress });
  expect(stopped.map(({ milestone, validationLoss }) => [milestone, validationLoss])).toEqual([
    [true, validationLoss],
    [false, null],
  ]);
});

test("a stream that makes no batch is refused with what would be enough", async () => {
  const message = "streamBatches: 17 tokens are too few for a batch of 2 x 8 steps; 18 are needed. ";
  const train = fitStream(model(), tokens.subarray(0, 17), { ...small, validationSplit: 0 });
  await expect(train).rejects.toThrow(new InputError(`${message}Give more tokens, a smaller batch or fewer steps.`));
  const evaluator = await createEvaluator(model(), { batch: 2, steps: 8 });
  await expect(evaluator.loss(tokens.subarray(0, 1))).rejects.toThrow(InputError);
});
