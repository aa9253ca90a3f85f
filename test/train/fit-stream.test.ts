import { expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { NonFiniteLoss } from "../../src/train/non-finite.ts";
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
    "training: embedding.weight became Infinity in update 1, though its gradient was finite. The model keeps its values " +
      "of update 0. Try a smaller learning rate, or clip the gradients.",
  );
  expect((error as NonFiniteLoss).trained).toBe(false);
  expect(given.values).toEqual(untouched.values);
});

test("the same seed trains the same model, on one thread or two", async () => {
  const [a, b] = [model(), model()];
  const first = await fitStream(a, tokens, { ...small, epochs: 3, threads: 1 });
  const second = await fitStream(b, tokens, { ...small, epochs: 3, threads: 2 });
  expect(second.loss).toBe(first.loss);
  expect(second.validationLoss).toBe(first.validationLoss);
  expect(b.values).toEqual(a.values);
});

test("a stream that makes no batch is refused with what would be enough", async () => {
  const message = "streamBatches: 17 tokens make no batch of 2 x 8 steps; 18 are needed. ";
  const train = fitStream(model(), tokens.subarray(0, 17), { ...small, validationSplit: 0 });
  await expect(train).rejects.toThrow(new InputError(`${message}Give more tokens, a smaller batch or fewer steps.`));
  const evaluator = await createEvaluator(model(), { batch: 2, steps: 8 });
  await expect(evaluator.loss(tokens.subarray(0, 1))).rejects.toThrow(InputError);
});
