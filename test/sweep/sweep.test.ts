/** Sweeps whose trials are trained in this process. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { adam, cell, languageModel, readLanguageModel, trainLanguageModel } from "../../src/index.ts";
import { type SweepEvent, type SweepOptions, type SweepTrial, sweep } from "../../src/sweep/index.ts";
import { rejection } from "../helpers/refusal.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const root = temporaryFolder();
const text = "the cat sat here. a dog ran there. my hen hid here.\n".repeat(40);
const training = { batch: 4, steps: 12, embedding: 4 };
const space = { units: [4, 6], rate: { from: 0.01, to: 0.2, scale: "log" } } as const;

/** In a folder of its own, by one process. */
const tried = (name: string, options: Partial<SweepOptions> = {}) =>
  sweep(text, { space, folder: join(root, name), workers: 0, training: { ...training, updates: 36 }, ...options });
const lines = (name: string): SweepTrial[] =>
  readFileSync(join(root, name, "results.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as SweepTrial);
const modelOf = (name: string, file: string) => readLanguageModel(readFileSync(join(root, name, file)));

test("each trial is the training that its options say, and the best by validation is kept", async () => {
  const events: SweepEvent[] = [];
  const { trials, best, updates, stopped } = await tried("plain", {
    trials: 4,
    onEvent: (event) => void events.push(event),
  });
  expect({ stopped, updates, count: trials.length }).toEqual({ stopped: false, updates: 4 * 36, count: 4 });
  expect(lines("plain")).toEqual(trials);
  const losses = trials.map(({ loss }) => loss as number);
  expect(best).toBe(trials[losses.indexOf(Math.min(...losses))]);
  for (const { trial, options, loss, curve, of, status } of trials) {
    const { units, rate } = options as { units: number; rate: number };
    const lm = languageModel(text, { units, embedding: 4 });
    // 36 updates of 4 x 12 tokens are so many passes over 95 % of the text.
    const perPass = Math.floor((Math.floor(Math.ceil(text.length * 0.95) / 4) - 1) / 12);
    const optimizer = adam({ learningRate: rate });
    const alone = await trainLanguageModel(lm, text, {
      batch: 4,
      steps: 12,
      epochs: 36 / perPass,
      optimizer,
      keep: "best",
    });
    expect({ status, loss, of }).toEqual({ status: "finished", loss: alone.best?.loss, of: 36 });
    expect(curve.map(([update]) => update)).toEqual([9, 18, 27, 36]);
    expect(modelOf("plain", `models/trial-${trial}.safetensors`).model.values).toEqual(lm.model.values);
  }
  const [own, kept] = [`models/trial-${best?.trial}.safetensors`, "best.safetensors"].map((file) =>
    readFileSync(join(root, "plain", file)),
  );
  expect(own?.equals(kept as Buffer)).toBe(true);
  expect(events[0]).toMatchObject({ kind: "start", points: 4, rungs: 1, tokens: text.length });
  expect(events.filter(({ kind }) => kind === "trial")).toHaveLength(4);
  expect(readFileSync(join(root, "plain/sweep.html"), "utf8")).toContain('"trial":4');
});

test("with rungs, what goes on to the end is to the bit what it is without", async () => {
  const { trials } = await tried("rungs", { trials: 9, asha: {} });
  const whole = await tried("whole", { trials: 9, training: { ...training, updates: 36, keep: "last" } });
  expect(
    trials.map(({ rungs }) => rungs.map(([update]) => update)).filter(({ length }) => length === 3),
  ).toContainEqual([4, 12, 36]);
  expect(trials.map(({ status }) => status).sort()).toContain("stopped");
  const ended = trials.filter(({ status }) => status === "finished");
  expect(ended.length).toBeGreaterThan(0);
  for (const { trial, rungs, options } of ended) {
    const other = whole.trials[trial - 1] as SweepTrial;
    expect(other.options).toEqual(options);
    // The lowest of the rungs is at the end, so both have the last model.
    expect(other.loss).toBe(rungs.at(-1)?.[1]);
    const file = `models/trial-${trial}.safetensors`;
    expect(modelOf("rungs", file).model.values).toEqual(modelOf("whole", file).model.values);
  }
});

test("left at any moment and gone on with, a sweep of one process is the one that was not left", async () => {
  const wanted = (await tried("alone", { trials: 9, asha: {} })).trials;
  let runs = 0;
  for (let stopped = true; stopped; runs++) {
    const leave = new AbortController();
    let told = 0;
    const left = await tried("left", {
      ...{ trials: 9, asha: {}, resume: runs > 0, signal: leave.signal },
      onEvent({ kind }) {
        if (kind === "trial" && ++told === 4) leave.abort();
      },
    });
    stopped = left.stopped;
  }
  expect(runs).toBeGreaterThan(2);
  expect(lines("left")).toEqual(wanted);
});

test("more trials go on with the rungs that there are", async () => {
  await tried("more", { trials: 9, asha: {} });
  const { trials } = await tried("more", { trials: 12, asha: {}, resume: true });
  expect(trials).toHaveLength(12);
  expect(trials.slice(9).every(({ sent, rungs }) => sent === rungs.length && sent > 0)).toBe(true);
  expect(await rejection(tried("more", { trials: 11, asha: {}, resume: true }))).toBe(
    "sweep: trials: 12 trials have begun, got 11. Give at least 12.",
  );
});

test("a trial that diverges is told as such, and never wins", async () => {
  const { trials, best } = await tried("diverged", {
    space: { rate: [3e38, 0.05], units: [4] },
    ...{ sampler: "grid", training: { ...training, updates: 36, optimizer: "sgd", clip: 1e6 } },
  });
  expect(trials.map(({ status, loss }) => [status, loss === null])).toEqual([
    ["diverged", true],
    ["finished", false],
  ]);
  expect(trials[0]?.message).toMatch(/NaN|infinite|finite/);
  expect(best?.trial).toBe(2);
  expect(existsSync(join(root, "diverged/best.safetensors"))).toBe(true);
});

test("a trial that cannot be trained fails by itself, with the reason", async () => {
  const { trials, best } = await tried("failed", { space: { units: [2_000_000, 4] }, sampler: "grid" });
  expect(trials.map(({ status, loss }) => [status, loss === null])).toEqual([
    ["failed", true],
    ["finished", false],
  ]);
  expect(trials[0]?.message).toMatch(/memory/);
  expect(best?.trial).toBe(2);
});

test("a cell of one's own is searched by its name, which its layers have", async () => {
  const cells = { "my cell.txt": cell("h' = tanh(W @ x + U @ h + b)") };
  const { trials } = await tried("cells", {
    space: { cell: ["my cell.txt", "lstm"], units: [4] },
    sampler: "grid",
    cells,
  });
  expect(trials.map(({ status }) => status)).toEqual(["finished", "finished"]);
  expect(Object.keys(modelOf("cells", "models/trial-1.safetensors").model.values).join()).toContain("my_cell.U");
});

test("what is wrong is told before a file is written", async () => {
  const refused = (options: Partial<SweepOptions>) => rejection(tried("refused", options));
  expect(await refused({ space: { unit: [1] } })).toMatch(
    /^sweep: space: "unit" is no setting .* Did you mean units\?$/,
  );
  expect(await refused({ training: { ...training, units: 4 } })).toBe(
    "sweep: training.units: is searched as well, in sweep: space. Leave out one of the two.",
  );
  expect(await refused({ training: { ...training, updates: 3, epochs: 1 } })).toMatch(
    /^sweep: training\.updates: is the length/,
  );
  expect(await refused({ space: { epochs: [1, 2, 3] }, asha: {}, training })).toMatch(
    /^sweep: asha: compares trials of the same length/,
  );
  expect(await refused({ training: { ...training, validation: 0 } })).toMatch(
    /^sweep: training\.validation: trials are compared/,
  );
  expect(await refused({ training: { ...training, batch: 4000 } })).toMatch(
    /tokens to train on, and a batch of 4,000 x 12/,
  );
  expect(await refused({ space: { cell: ["lstm", "gruu"] } })).toMatch(
    /^cell "gruu": there is no built-in cell .* Did you mean gru\?$/,
  );
  expect(await refused({ trials: 20, asha: { rungs: 4 } })).toMatch(
    /^sweep: asha: of 20 trials none is trained to its end: .* need 27\./,
  );
  expect(await refused({ trials: 30, asha: {}, training: { ...training, updates: 20 } })).toMatch(
    /^sweep: asha: the first of 4 rungs is 0\.74 of an update/,
  );
  expect(await refused({ resume: true })).toMatch(/refused: there is no sweep to go on with\. Leave out resume\.$/);
  expect(await refused({ resume: true, overwrite: true })).toMatch(/^overwrite: begins anew, and resume goes on/);
  expect(await refused({ redis: "localhost" })).toMatch(/^redis: must be an address as redis:\/\/127\.0\.0\.1:6379/);
});

test("a folder that has a sweep is neither replaced nor mixed with another", async () => {
  await tried("kept", { trials: 1 });
  expect(await rejection(tried("kept", { trials: 1 }))).toMatch(
    /kept: a sweep exists here\. Give resume to go on with it, or overwrite to begin anew\.$/,
  );
  const differs = (options: Partial<SweepOptions>) => rejection(tried("kept", { trials: 1, resume: true, ...options }));
  expect(await differs({ seed: 1 })).toMatch(
    /sweep\.json: seed is 0 in this sweep and cannot change while it goes on, got 1\.$/,
  );
  expect(await differs({ training: { ...training, updates: 37 } })).toMatch(
    /sweep\.json: training: updates is 36 in this sweep/,
  );
  expect(
    await rejection(
      sweep(`${text}.`, {
        space,
        folder: join(root, "kept"),
        workers: 0,
        resume: true,
        trials: 1,
        training: { ...training, updates: 36 },
      }),
    ),
  ).toMatch(/sweep\.json: the sweep is of another text than was given\./);
  expect((await tried("kept", { trials: 1, overwrite: true, seed: 3 })).trials).toHaveLength(1);
  mkdirSync(join(root, "damaged"));
  writeFileSync(join(root, "damaged/sweep.json"), "{");
  expect(await rejection(tried("damaged", { resume: true }))).toMatch(
    /sweep\.json: is damaged\. Begin the sweep anew\.$/,
  );
});
