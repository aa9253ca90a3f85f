/** What owns a program has memory for one call at a time. */
import { expect, test } from "vitest";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { createPredictor } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";

const model = sequential([embedding(9, 4), lstm(4, { returnSequences: true }), dense(9)], { seed: 1 });
const refusal = "called while an earlier call is still running. Await that call first.";

test("a call of predict, update or loss while another goes on is refused, and the first has its own answer", async () => {
  for (const threads of [1, 2]) {
    const sizes = { batch: 1, steps: 2, threads };
    const predictor = await createPredictor(model, sizes);
    const alone = await predictor.predict([1, 2]);
    const [first, second] = await Promise.allSettled([predictor.predict([1, 2]), predictor.predict([3, 4])]);
    expect(first).toEqual({ status: "fulfilled", value: alone });
    expect(String((second as PromiseRejectedResult).reason)).toContain(`predict: ${refusal}`);
    expect(await predictor.predict([1, 2]), "and afterwards it answers again").toEqual(alone);
    predictor.dispose();

    const trainer = await createTrainer(model, sizes);
    const update = trainer.update([1, 2], [2, 3]);
    await expect(trainer.update([3, 4], [4, 5])).rejects.toThrow(`trainer.update: ${refusal}`);
    expect(await update).toBeGreaterThan(0);
    expect(trainer.step).toBe(1);
    trainer.dispose();

    const evaluator = await createEvaluator(model, sizes);
    const loss = evaluator.loss(Int32Array.of(1, 2, 3));
    await expect(evaluator.loss(Int32Array.of(1, 2, 3))).rejects.toThrow(`evaluator.loss: ${refusal}`);
    expect(await loss).toBeGreaterThan(0);
    evaluator.dispose();
  }
});
