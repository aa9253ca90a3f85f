/** Memory of programs that nobody uses any more comes back, with threads, whatever the collector knows of it. */
import { describe, expect, test } from "vitest";
import { lstm as lstmCell } from "../../src/cells/index.ts";
import { dense, embedding, lstm } from "../../src/nn/layers.ts";
import { sequential } from "../../src/nn/model.ts";
import { load } from "../../src/runtime/program.ts";
import { generate, languageModel } from "../../src/tasks/language-model.ts";
import { fit } from "../../src/train/fit.ts";
import { predict } from "../../src/train/predict.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { trainingGraph } from "../helpers/networks.ts";
import { memoryOf, schedule } from "../helpers/plans.ts";
import { pause } from "../helpers/waiting.ts";

const megabyte = 2 ** 20;
/** How far resident memory rises above where it is after the first call. */
async function rise(count: number, call: (k: number) => Promise<unknown>): Promise<number> {
  await call(0);
  const before = process.memoryUsage.rss();
  let highest = 0;
  for (let k = 1; k <= count; k++) {
    await call(k);
    highest = Math.max(highest, process.memoryUsage.rss() - before);
  }
  return highest / megabyte;
}

const [units, threads] = [400, 2];
const model = sequential([embedding(5, 16), lstm(units, { returnSequences: true }), dense(5)]);
const row = (length: number) => [Array.from({ length }, (_, k) => k % 5)];
const lm = languageModel("abcd", { units });
const length = 3;

// What a call took for good when workers kept it: predict, generate and a session 5 MB, fit and a trainer 15 MB.
describe("one call after the other takes no more than the first", () => {
  test("predict", async () => {
    expect(await rise(40, () => predict(model, row(4), { threads }))).toBeLessThan(60);
  });
  test("fit", async () => {
    expect(await rise(15, () => fit(model, row(4), row(4), { threads }))).toBeLessThan(100);
  });
  test("generate, to its end and left early", async () => {
    const write = async (k: number): Promise<void> => {
      for await (const _ of generate(lm, { length, threads })) if (k % 2 === 0) break;
    };
    expect(await rise(40, write)).toBeLessThan(60);
  });
});

// The collector finds these: some wait for it, never all of them.
describe("what nobody disposes of, or is too much to be kept, is collected", () => {
  test("trainers, each left after an update", async () => {
    const train = async (): Promise<void> => {
      const trainer = await createTrainer(model, { batch: 1, steps: 4, threads });
      await trainer.update(row(4)[0] as number[], row(4)[0] as number[]);
    };
    expect(await rise(60, train)).toBeLessThan(500);
  });
  test("texts that are begun and never gone on with", async () => {
    const begin = async (): Promise<void> => {
      await generate(lm, { length, threads }).next();
    };
    expect(await rise(130, begin)).toBeLessThan(500);
  });
  test("predictions of more lengths than are kept", async () => {
    // 20 MB of weights each, 1 GB in all; the code that each length is compiled to is garbage, too.
    const large = sequential([embedding(5, 16), lstm(1100, { returnSequences: true }), dense(5)]);
    expect(await rise(50, (k) => predict(large, row(1 + (k % 40)), { threads }))).toBeLessThan(800);
  });
});

describe("a program too large to be kept goes back to the system, though nothing else happens", () => {
  const cells = trainingGraph(lstmCell, { units: 3, input: 2 });
  test.each([1, 2])("%i threads", async (threads) => {
    const plan = { ...schedule(cells, { steps: 3, batch: 2 }), bytes: 300 * megabyte };
    // Side by side with the fill: what earlier tests left may be collected at any time.
    let empty = 0;
    const use = async (): Promise<void> => {
      const program = await load(plan, { threads });
      empty = process.memoryUsage.rss();
      new Uint8Array(memoryOf(program, 0, 1).buffer).fill(1, 64);
      expect(process.memoryUsage.rss() - empty).toBeGreaterThan(250 * megabyte);
      await program.run();
      program.dispose();
    };
    await use();
    // Until it is so.
    while (process.memoryUsage.rss() - empty > 100 * megabyte) await pause(20);
  });
});
