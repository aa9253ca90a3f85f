import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { json, refusal, run, sampleText, start } from "./run.ts";

const folder = temporaryFolder();
writeFileSync(join(folder, "text.txt"), sampleText(120));
writeFileSync(join(folder, "own.txt"), "h' = tanh(W @ x + U @ h + b)\n");
writeFileSync(join(folder, "space.json"), JSON.stringify({ units: [4, 6], cell: ["lstm", "own.txt"] }));
writeFileSync(join(folder, "rates.json"), JSON.stringify({ rate: { from: 0.001, to: 0.1, scale: "log" } }));
writeFileSync(join(folder, "broken.json"), "{");
const tiny = ["--embedding", "4", "--batch", "4", "--steps", "12", "--workers", "1"];
const grid = ["sweep", "text.txt", "--space", "space.json", "--sampler", "grid", "--updates", "24", ...tiny];
const results = (name: string) => readFileSync(join(folder, name, "results.jsonl"), "utf8");

test("a grid: a line for each trial, the best model as a file to train on, the page; and the table without --json", async () => {
  const lines = await json(folder, ...grid, "--out", "grid");
  expect(lines[0]).toEqual({
    ...{ event: "start", trials: 4, begun: 0, rungs: 1, folder: "grid" },
    ...{ tokens: sampleText(120).length, vocabulary: expect.any(Number) },
  });
  const trials = lines.filter(({ event }) => event === "trial");
  expect(trials.map(({ trial, status, updates, of }) => ({ trial, status, updates, of }))).toEqual(
    [1, 2, 3, 4].map((trial) => ({ trial, status: "finished", updates: 24, of: 24 })),
  );
  expect(trials.map(({ options }) => options)).toEqual(
    [4, 6].flatMap((units) => ["lstm", "own.txt"].map((cell) => ({ units, cell }))),
  );
  const least = trials.reduce((best, one) => ((one.loss as number) < (best.loss as number) ? one : best));
  expect(lines.at(-1)).toEqual({
    ...{
      event: "done",
      ended: "finished",
      trials: 4,
      finished: 4,
      stopped: 0,
      diverged: 0,
      failed: 0,
      running: 0,
      updates: 96,
    },
    ...{ best: { trial: least.trial, loss: least.loss, options: least.options }, file: "grid/best.safetensors" },
  });
  expect(existsSync(join(folder, "grid/sweep.html"))).toBe(true);
  expect((await run(folder, "generate", "grid/best.safetensors", "--length", "5")).code).toBe(0);
  const resumed = await run(
    folder,
    "train",
    "text.txt",
    "--out",
    "grid/best.safetensors",
    "--resume",
    "--epochs",
    "2",
    "--sample",
    "0",
  );
  expect(resumed.err).toContain("Continuing after update 24");

  const { code, out, err } = await run(folder, ...grid, "--out", "grid", "--overwrite");
  expect({ code, out }).toEqual({ code: 0, out: "" });
  expect(err).toMatch(
    /^text\.txt: [\d,]+ tokens, vocabulary \d+, 4 trials\ntrial 1 of 4 {2}24 of 24 updates {2}loss \d\.\d{4}, the best {2}units 4, cell lstm\n/,
  );
  expect(err).toMatch(
    /\ntrial {4}loss {2}updates {2}units {5}cell\n(?: {4}\d {2}\d\.\d{4} .*\n){4}4 trials: 4 trained to the end; 96 updates\.\nSaved grid\/best\.safetensors: trial \d, loss \d\.\d{4}\. See grid\/sweep\.html\.\n$/,
  );
});

test("Ctrl-C leaves the trials that are over and those under way, and --resume ends them as if it had not been", async () => {
  const args = [
    "sweep",
    "text.txt",
    "--space",
    "rates.json",
    "--trials",
    "3",
    "--updates",
    "4000",
    "--units",
    "6",
    ...tiny,
    "--out",
  ];
  const whole = await json(folder, ...args, "whole");
  expect(whole.at(-1)).toMatchObject({ ended: "finished", finished: 3 });
  const left = start(folder, [...args, "left"]);
  await new Promise<void>((resolve) =>
    left.stderr?.on("data", (chunk) => String(chunk).includes("trial 1 of 3") && resolve()),
  );
  left.kill("SIGINT");
  const { code, err } = await left.ended;
  expect({ code, err }).toMatchObject({
    code: 0,
    err: expect.stringMatching(/Stopping: what is under way is kept\..*Go on with --resume\.\n$/s),
  });
  expect(await refusal(folder, ...args, "left")).toBe(
    "left: a sweep exists here. Give --resume to go on with it, or --overwrite to begin anew.",
  );
  await json(folder, ...args, "left", "--resume");
  expect(results("left")).toBe(results("whole"));
});

test("what is wrong is told by one line", async () => {
  const refused = (...more: string[]) => refusal(folder, "sweep", "text.txt", ...more);
  const space = ["--space", "space.json"];
  expect(await refused()).toBe("--space is missing. Give a file of the settings to search: --space space.json.");
  expect(await refused("--space", "broken.json")).toMatch(/^broken\.json: is not valid JSON: /);
  expect(await refused("--space", "none.json")).toMatch(/^none\.json: there is no such file\./);
  expect(await refused(...space, "--units", "4")).toBe(
    "--units: is searched as well, in space.json. Leave out one of the two.",
  );
  expect(await refused(...space, "--rungs", "3")).toBe("--rungs: is for --asha. Add it.");
  expect(await refused(...space, "--trials", "5")).toMatch(/^--trials: the space has 4 different points, got 5\./);
  expect(await refused(...space, "--redis", "/nowhere.sock", "--threads", "2")).toMatch(
    /^--threads: with --redis the workers say it/,
  );
  expect(await refused(...space, "--redis", "/nowhere.sock")).toMatch(
    /^\/nowhere\.sock: Redis cannot be reached \(ENOENT\)\./,
  );
  expect(await refusal(folder, "worker")).toBe(
    "--redis is missing. Give the address of Redis: --redis redis://127.0.0.1:6379.",
  );
});
