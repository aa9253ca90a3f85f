/** Jobs on the other side of a port, and training as one. */
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/graph/input-error.ts";
import { createRemote, type Job } from "../../src/studio/engine/remote.ts";
import { type TrainingReport, type TrainingSettings, training } from "../../src/studio/engine/training.ts";
import { readLanguageModel } from "../../src/tasks/language-model.ts";
import { connected } from "../helpers/remote-jobs.ts";

describe("remote jobs", () => {
  const counting = (done: string[]) => ({
    async *count(to: number): Job<number, string> {
      try {
        for (let k = 1; k <= to; k++) if ((yield k) === "finish") return `finished at ${k}`;
        return "counted";
      } finally {
        done.push("ended");
      }
    },
    async double(n: number): Promise<number> {
      if (n < 0) throw new InputError("below zero");
      if (n > 100) throw new Error("internal: too large");
      if (n === 50) throw Object.assign(new Error("is fifty"), { name: "Fifty" });
      return 2 * n;
    },
  });

  test("values come when they are asked for, then the result; a wish ends it early; who returns ends it", async () => {
    const done: string[] = [];
    const remote = connected(counting(done));
    const job = remote.run("count", 2);
    expect([await job.next(), await job.next(), await job.next()]).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: "counted" },
    ]);
    const early = remote.run("count", 5);
    await early.next();
    expect(await early.next("finish")).toEqual({ done: true, value: "finished at 1" });
    const left = remote.run("count", 5);
    await left.next();
    await left.return("");
    expect(done).toEqual(["ended", "ended", "ended"]);
    expect(await remote.ask("double", 4)).toBe(8);
  });

  test("errors cross with their message; a user's mistake stays one", async () => {
    const remote = connected(counting([]));
    await expect(remote.ask("double", -1)).rejects.toThrow(InputError);
    await expect(remote.ask("double", -1)).rejects.toThrow("below zero");
    const fault = await remote.ask("double", 101).catch((error) => error);
    expect([fault instanceof InputError, fault.message]).toEqual([false, "internal: too large"]);
    const named = await remote.ask("double", 50).catch((error) => error);
    expect([named instanceof InputError, named.name, named.message]).toEqual([false, "Fifty", "is fifty"]);
  });

  test("where the other side is gone, what waits and what asks then fails with the reason", async () => {
    const remote = createRemote<ReturnType<typeof counting>>({ postMessage: () => {}, onmessage: null });
    const waiting = [remote.ask("double", 1), remote.run("count", 1).next()];
    remote.fail(new Error("it died"));
    for (const each of waiting) await expect(each).rejects.toThrow("it died");
    await expect(remote.ask("double", 1)).rejects.toThrow("it died");
    remote.fail(new Error("again"));
    await expect(remote.run("count", 1).next()).rejects.toThrow("it died");
  });
});

describe("training as a job", () => {
  const text = "abc abd abe\n".repeat(400);
  const settings: TrainingSettings = {
    ...{ cell: "gru", units: 8, layers: 1, tokens: "char", dropout: 0, batch: 4, steps: 8 },
    ...{ learningRate: 0.02, seed: 1, until: { epochs: 2 }, sample: 20 },
  };
  async function all(job: ReturnType<typeof training.train>) {
    const reports: TrainingReport[] = [];
    for (;;) {
      const { done, value } = await job.next();
      if (done) return { reports, model: value };
      reports.push(value);
    }
  }

  test("reports losses and samples, and ends with a file that goes on", async () => {
    const { reports, model } = await all(training.train(text, settings));
    expect(reports.filter(({ validationLoss }) => validationLoss !== null)).toHaveLength(4);
    expect(reports.at(-1)?.sample).toHaveLength(20);
    expect(model.validationLoss).toBeLessThan(1);
    expect(model.broke).toBeUndefined();
    const { training: state } = readLanguageModel(model.bytes, "it");
    expect(state?.step).toBe(model.steps);
    const further = await all(training.train(text, { ...settings, until: { epochs: 1 } }, { file: model.bytes }));
    expect(further.reports[0]?.step).toBeGreaterThan(model.steps);
    expect(further.model.validationLoss).toBeLessThan(model.validationLoss as number);
  });

  test("a run that began on a graphics card goes on by the processor where there is none any more, and says so", async () => {
    const { reports, model } = await all(training.train(text, { ...settings, device: "graphics" }));
    const said = "the processor: this browser offers no graphics card any more";
    expect(reports.map(({ computes }) => computes).filter(Boolean)).toEqual([{ device: "processor", text: said }]);
    const { model: own } = await all(training.train(text, settings));
    expect(Buffer.compare(model.bytes, own.bytes)).toBe(0);
  });

  test("from any of its checkpoints it ends with the bytes of a training that was left alone", async () => {
    for (const own of [settings, { ...settings, dropout: 0.2, layers: 2, seed: 3 }]) {
      const { reports, model } = await all(training.train(text, own));
      const files = reports.flatMap(({ checkpoint }) => checkpoint ?? []);
      expect(files.length).toBeGreaterThan(3);
      for (const file of files) {
        const rest = await all(training.train(text, own, { file, interrupted: true }));
        expect(Buffer.compare(rest.model.bytes, model.bytes)).toBe(0);
      }
    }
    const { reports } = await all(training.train(text, settings));
    const file = reports[1]?.checkpoint as Uint8Array<ArrayBuffer>;
    const other = training.train(`${text}!`, settings, { file, interrupted: true });
    await expect(all(other)).rejects.toThrow(/resume\.place is in a stream/);
  });

  test("a wish to finish ends it with the model of that moment", async () => {
    const job = training.train(text, { ...settings, until: { epochs: 10_000 } });
    await job.next();
    const { done, value } = await job.next("finish");
    // The end is reported, too.
    const model = done ? value : ((await job.next()).value as typeof value);
    expect(readLanguageModel((model as { bytes: Uint8Array }).bytes, "it").model.outputSize).toBe(8);
  });

  const exploding = { equations: "h' = exp(W @ x + U @ h) * 1e20" };
  test("a loss that is no number from the first says so; one later keeps the last good values and says why", async () => {
    await expect(all(training.train(text, { ...settings, cell: exploding }))).rejects.toThrow(InputError);
    // What it gives grows from step to step, and is infinite about 3,600 steps after the start.
    const slow = { equations: "k' = k + 1\nh' = tanh(W @ x + U @ h)\ny = h' * exp(0.04 * k' - 60)" };
    const late = training.train(text, { ...settings, cell: slow, batch: 1, until: { epochs: 1 } });
    const { model } = await all(late);
    expect(model.broke).toMatch(/^training: /);
    expect(readLanguageModel(model.bytes, "it").training).toBeUndefined();
  });

  test.each([
    ["a text that is too short", "abc", settings, /3 tokens to train on/],
    ["an empty text", "", settings, /no character/],
    ["more memory than there is", text, { ...settings, units: 20_000 }, /bytes of memory/],
    ["a cell that there is not", text, { ...settings, cell: "lstn" }, /not known/],
    ["equations with a mistake", text, { ...settings, cell: { equations: "y = W @" } }, /line 1, column/],
  ] as const)("%s is refused with a reason", async (_, given, wrong, reason) => {
    await expect(all(training.train(given, wrong))).rejects.toThrow(reason);
  });
});
