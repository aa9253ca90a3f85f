import { expect, test } from "vitest";
import type { EngineName } from "../../src/engines/engine.ts";
import { dense, embedding, gru } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { timeEngines } from "../../src/train/time-engines.ts";

test("engines are timed on the very model, which does not change; one that is not here is left out", async () => {
  const model = sequential([embedding(9, 16), gru(64, { returnSequences: true }), dense(9)], { seed: 1 });
  const before = structuredClone(model.values);
  const tokens = new Int32Array(4 * 8);
  const timed = await timeEngines(model, { batch: 4, steps: 8 }, ["reference", "wasm", "not there" as EngineName], {
    inputs: tokens,
    targets: tokens,
    budgetMs: 100,
  });
  // Plain loops in f64 are far behind machine code.
  expect(timed.map(({ engine }) => engine)).toEqual(["wasm", "reference"]);
  expect(timed.every(({ updatesPerSecond }) => updatesPerSecond > 0)).toBe(true);
  expect(model.values).toEqual(before);
});
