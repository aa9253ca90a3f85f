/** Scheduled sampling: which tokens a decoder reads in training, and what that changes. */
import { expect, test } from "vitest";
import { createRandom, type Random } from "../../src/nn/random.ts";
import { examplesOf } from "../../src/tasks/translate/examples.ts";
import { mixedTargets, sampledBatches } from "../../src/tasks/translate/scheduled-sampling.ts";
import { type TextPair, trainTranslator, translator } from "../../src/tasks/translate.ts";
import { logSoftmax } from "../../src/text/sampling.ts";
import type { ExampleBatch } from "../../src/train/batches.ts";
import type { TrainingRun } from "../../src/train/callbacks.ts";
import { predict } from "../../src/train/predict.ts";
import { enginesAndThreads } from "../helpers/native.ts";

const pairs: TextPair[] = ["ab", "abc", "cab", "bcabcabcab"].map((source) => ({
  source,
  target: source.toUpperCase(),
}));
const of = translator(pairs, { units: 8, embedding: 4, seed: 5 });
const drawing = { host: {}, random: createRandom(2) };

test("with a share of 0 a decoder reads the targets", async () => {
  const examples = examplesOf(of, pairs);
  expect(await mixedTargets(of, examples, { ...drawing, share: 0 })).toEqual(examples.x.target);
});

test.each(enginesAndThreads)(
  "with a share of 1 each token has the probability that the model gives it after those before; engine $engine, $threads threads",
  async (host) => {
    const copies = 500;
    const random = createRandom(11);
    const examples = examplesOf(
      of,
      Array.from({ length: copies }, () => ({ source: "abc", target: "BCA" })),
    );
    const mixed = await mixedTargets(of, examples, { host, random, share: 1 });
    expect(mixed.every((ids) => ids.length === 4 && ids[0] === mixed[0]?.[0])).toBe(true);
    // The second token, after each first one.
    const size = of.model.outputSize;
    for (const first of new Set(mixed.map((ids) => ids[1] as number))) {
      const own = mixed.filter((ids) => ids[1] === first);
      const read = [[mixed[0]?.[0] as number, first]];
      const { data } = await predict(of.model, { source: examples.x.source.slice(0, 1), target: read }, host);
      const wanted = logSoftmax(data.slice(size, 2 * size)).map(Math.exp);
      for (const [id, p] of wanted.entries()) {
        const seen = own.filter((ids) => ids[2] === id + 1).length;
        expect(Math.abs(seen - own.length * p)).toBeLessThan(4 * Math.sqrt(own.length * p * (1 - p)) + 1);
      }
    }
  },
);

test("a share between leaves the others as they are", async () => {
  const copies = 4000;
  // A target that the model would hardly say: its tokens stay where they are not drawn.
  const long = translator([{ source: "ab", target: "A".repeat(40) }, ...pairs], { units: 8, embedding: 4, seed: 5 });
  const examples = examplesOf(
    long,
    Array.from({ length: copies / 40 }, () => ({ source: "ab", target: "A".repeat(40) })),
  );
  const all = await mixedTargets(long, examples, { ...drawing, share: 1 });
  const some = await mixedTargets(long, examples, { ...drawing, share: 0.25 });
  const changed = (ids: number[][]): number =>
    ids.reduce((sum, row, k) => sum + row.filter((id, t) => id !== examples.x.target[k]?.[t]).length, 0);
  expect(changed(all)).toBeGreaterThan(1000);
  expect(changed(some) / changed(all)).toBeGreaterThan(0.2);
  expect(changed(some) / changed(all)).toBeLessThan(0.3);
});

test("a training that is to stop does not wait for what is left to mix", async () => {
  const long = Array.from({ length: 600 }, () => ({ source: "abc", target: "BCA" }));
  const examples = examplesOf(of, long);
  // Aborted as the first of three groups is mixed.
  let drawn = 0;
  const stop = new AbortController();
  const random: Random = {
    ...createRandom(1),
    uniform: () => {
      if (++drawn === 5) stop.abort();
      return 0;
    },
  };
  const mixed = await mixedTargets(of, examples, { host: {}, random, share: 1, signal: stop.signal });
  expect(mixed.slice(256)).toEqual(examples.x.target.slice(256));
  expect(drawn).toBeLessThan(2 * 256 + 1);
  const already = await mixedTargets(of, examples, { ...drawing, share: 1, signal: AbortSignal.abort() });
  expect(already).toEqual(examples.x.target);
});

test("targets are mixed anew in each epoch but the first, and what is to be said stays", async () => {
  const examples = examplesOf(of, pairs);
  const { batches, callback } = sampledBatches(of, examples, {
    ...{ ...drawing, share: 1, epochs: 3, batchSize: 4 },
  });
  const seen: ExampleBatch[] = [];
  for (const epoch of [0, 1, 2]) {
    await callback.onEpochBegin?.(epoch, {} as TrainingRun);
    for (const batch of batches as Iterable<ExampleBatch>) seen.push(batch);
  }
  const targets = seen.map(({ x }) => JSON.stringify((x as { target: unknown }).target));
  expect(new Set(targets).size).toBe(3);
  expect(new Set(seen.map(({ y }) => JSON.stringify([...(y as number[][])].sort()))).size).toBe(1);
});

test("a translator learns with it, the same from the same seed", async () => {
  const random = createRandom(1);
  const many = Array.from({ length: 400 }, (): TextPair => {
    const source = Array.from({ length: 2 + random.integer(3) }, () => "abcd"[random.integer(4)]).join("");
    return { source, target: source.toUpperCase() };
  });
  const made = [0, 1].map(() => translator(many, { units: 24, embedding: 8, seed: 2 }));
  const losses = [];
  for (const one of made) {
    const { validationLoss } = await trainTranslator(one, many, {
      ...{ epochs: 10, batchSize: 20, learningRate: 0.01, scheduledSampling: 0.5 },
    });
    losses.push(validationLoss);
  }
  // Untrained it is ln 5 at least.
  expect(losses[0]).toBeLessThan(0.5);
  expect(losses[1]).toBe(losses[0]);
  expect(made[1]?.model.values).toEqual(made[0]?.model.values);
  const without = translator(many, { units: 24, embedding: 8, seed: 2 });
  await trainTranslator(without, many, { epochs: 10, batchSize: 20, learningRate: 0.01 });
  expect(without.model.values).not.toEqual(made[0]?.model.values);
});

test("a share is a number from 0 to 1", async () => {
  await expect(trainTranslator(of, pairs, { scheduledSampling: 2 })).rejects.toThrow(
    "scheduledSampling must be a number in [0, 1], got 2",
  );
});
