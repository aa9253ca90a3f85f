/** What a call leaves to be collected goes with the new objects, and does not wait for a full collection. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { generate, languageModel } from "../../src/tasks/language-model.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { collectGarbage } from "../helpers/garbage.ts";

const minor = (): void => {
  for (let k = 0; k < 3; k++) collectGarbage({ type: "minor" });
};

const most = 3000;
/** Bytes of garbage that outlive minor collections, a call: the least of up to three rounds, as a busy machine adds of its own. */
async function left(call: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k < 3 && !(least < most); k++) least = Math.min(least, await leftByRound(call));
  return least;
}

async function leftByRound(call: () => Promise<unknown>): Promise<number> {
  const count = 200;
  for (let k = 0; k < 100; k++) await call();
  collectGarbage();
  minor();
  const before = process.memoryUsage().heapUsed;
  for (let k = 1; k <= count; k++) {
    await call();
    if (k % 50 === 0) collectGarbage({ type: "minor" });
  }
  minor();
  return (process.memoryUsage().heapUsed - before) / count;
}

const model = sequential([embedding(5, 4), lstm(8, { returnSequences: true }), dense(5)]);
const x = [
  [1, 2, 3],
  [3, 2, 1],
];
const lm = languageModel("the quick brown fox", { units: 8 });
const threads = 2;
const update = async (): Promise<void> => {
  using trainer = await createTrainer(model, { batch: 2, steps: 3, threads });
  await trainer.update([1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 2, 3]);
};
const write = async (): Promise<void> => {
  for await (const _ of generate(lm, { prompt: "the ", length: 4, threads }));
};

// Where each call made its own generator function, and objects by a spread with more behind it, 4,000 to 8,000.
test.each<[string, () => Promise<unknown>]>([
  ["predict", () => predict(model, x, { threads })],
  ["evaluate", () => evaluate(model, x, x, { threads })],
  ["fit", () => fit(model, x, x, { threads })],
  ["createTrainer", update],
  ["generate", write],
])("%s leaves less than 3 KB", async (_, call) => {
  expect(await left(call)).toBeLessThan(most);
});

test("no function makes a generator function: its hidden class would hold all that it closes over", () => {
  const source = join(import.meta.dirname, "../../src");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  // A thread of its own runs that text once.
  const once = join("distributed", "mpi-thread.ts");
  const inner = files.filter(
    (name) => name !== once && /^[ \t]+(async )?function\*/m.test(readFileSync(join(source, name), "utf8")),
  );
  expect(inner).toEqual([]);
});
