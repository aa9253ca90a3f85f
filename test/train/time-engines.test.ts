import { expect, test } from "vitest";
import { dense, embedding, gru } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { timeEngines } from "../../src/train/time-engines.ts";

test("engines are timed on the very model, which does not change; one that is not here is left out", async () => {
  const model = sequential([embedding(9, 16), gru(64, { returnSequences: true }), dense(9)], { seed: 1 });
  const before = structuredClone(model.values);
  const tokens = new Int32Array(4 * 8);
  const sizes = { batch: 4, steps: 8 };
  const engines = ["reference", "wasm", "webgpu"] as const;
  const timed = await timeEngines(model, tokens, tokens, { ...sizes, engines, budgetMs: 100 });
  // Plain loops in f64 are far behind machine code.
  expect(timed.map(({ engine }) => engine)).toEqual(["wasm", "reference"]);
  expect(timed.every(({ updatesPerSecond }) => updatesPerSecond > 0)).toBe(true);
  expect(model.values).toEqual(before);
});

test("where no engine can, the reason of the first is said; a batch that is not right is none of them", async () => {
  const model = sequential([embedding(9, 4), gru(4, { returnSequences: true }), dense(9)]);
  const [tokens, sizes] = [new Int32Array(6), { batch: 2, steps: 3 }];
  await expect(timeEngines(model, tokens, tokens, { ...sizes, engines: ["webgpu"] })).rejects.toThrow(
    'engine "webgpu" cannot run here',
  );
  await expect(timeEngines(model, tokens.subarray(1), tokens, sizes)).rejects.toThrow("training: needs 6 inputs");
});
