/** Stopped by a signal: the model is saved; killed: the old file or the new one is there, whole. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { writeModel } from "../../src/formats/model-file.ts";
import { input, lstm, sequential } from "../../src/index.ts";
import { languageModelIn } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { pause, said, until } from "../helpers/waiting.ts";
import { json, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();
const endless = ["train", "text.txt", "--epochs", "1e9", ...tiny];

beforeAll(() => writeFileSync(join(folder, "text.txt"), sampleText(400)));

/** Once it has said something about its progress. */
const underWay = (child: ReturnType<typeof start>): Promise<string> => said(child.stdout, '"progress"');

describe.skipIf(process.platform === "win32")("a signal during training", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s saves the model, says so and ends with 0", async (signal) => {
    const child = start(folder, [...endless, "--out", `${signal}.safetensors`, "--json"]);
    await underWay(child);
    child.kill(signal);
    const { code, out, err } = await child.ended;
    expect(code).toBe(0);
    expect(err).toBe("Stopping: the model is being saved. Ctrl-C again ends at once.\n");
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({
      ...{ event: "done", ended: "stopped", kept: "last", file: `${signal}.safetensors` },
    });
    const steps = lines.filter(({ event }) => event === "progress").at(-1).step;
    expect(languageModelIn(folder, `${signal}.safetensors`).training?.step).toBe(steps);
    const [text] = await json(folder, "generate", `${signal}.safetensors`, "--length", "3");
    expect(text?.tokens).toBe(3);
  });

  test("without --json it says that it stops and what it saved", async () => {
    let [code, err]: [number | null, string] = [null, ""];
    // Nothing says when the first step is done; before that there is nothing to save.
    for (let ms = 300; ms < 10_000 && code !== 0; ms *= 3) {
      const child = start(folder, [...endless, "--out", "plain.safetensors"]);
      await said(child.stderr, "parameters");
      await pause(ms);
      child.kill("SIGINT");
      ({ code, err } = await child.ended);
    }
    expect(code).toBe(0);
    expect(err).toMatch(
      /\nStopping: .*\n([^\n]*\n)*Saved plain\.safetensors after \d+ s: .* Continue with --resume\.\n$/,
    );
  });

  test("a second one leaves at once with 130 and saves nothing", async () => {
    // A step that takes a while, so that the second signal comes before it ends; most often it does.
    const slow = ["--units", "700", "--batch", "64", "--epochs", "1e9", "--cell", "simple-rnn"];
    let code: number | null = null;
    for (let round = 0; round < 5 && code !== 130; round++) {
      rmSync(join(folder, "twice.safetensors"), { force: true });
      const child = start(folder, ["train", "--out", "twice.safetensors", "--json", ...slow]);
      await said(child.stdout, '"progress"');
      child.kill("SIGINT");
      setTimeout(() => child.kill("SIGINT"), 15);
      ({ code } = await child.ended);
    }
    expect(code).toBe(130);
    expect(readdirSync(folder)).not.toContain("twice.safetensors");
  });
});

describe.skipIf(process.platform === "win32")("a signal during `convert`", () => {
  const place = join(folder, "converted");
  const temporary = (): number => readdirSync(place).filter((name) => name.endsWith(".tmp")).length;
  beforeAll(() => {
    mkdirSync(place);
    const layers = [input(4), lstm(1200)];
    writeFileSync(join(place, "m.safetensors"), writeModel({ model: sequential(layers, { seed: 1 }), extra: {} }));
  });
  test.each([
    ["SIGINT", 1],
    ["SIGTERM", 2],
  ] as const)("%s with %i temporary files leaves none, and both files of one model", async (signal, count) => {
    const [json, weights] = [join(place, "o.json"), join(place, "o.weights.bin")];
    for (const path of [json, weights]) writeFileSync(path, "old");
    const child = start(place, ["convert", "m.safetensors", "o.json", "--overwrite"]);
    // The first one asks whether it could write.
    await until(() => temporary() >= count || child.exitCode !== null);
    child.kill(signal);
    await child.ended;
    expect(temporary()).toBe(0);
    const isOld = (path: string): boolean => readFileSync(path, "utf8") === "old";
    expect(isOld(json)).toBe(isOld(weights));
  });
});

describe.skipIf(process.platform === "win32")("a file that something else writes at --out meanwhile stays", () => {
  const moved = (name: string, other: string) =>
    new RegExp(
      `"${name}\\.safetensors: another program has written this file meanwhile, so it was not replaced\\. The model of update [\\d,]+ was saved as ` +
        `${other}\\.safetensors instead: continue from it with --resume --out ${other}\\.safetensors\\."`,
    );

  test("of three trainings to one name the first that saves has it; the others end with 2 and have files of their own", async () => {
    const late = [...endless, "--out", "one.safetensors", "--save-every", "1000000000", "--json"];
    const children = [start(folder, [...late, "--seed", "1"]), start(folder, [...late, "--seed", "2"])];
    await Promise.all(children.map(underWay));
    const lines = await json(folder, "train", "text.txt", "--epochs", "1", ...tiny, "--out", "one.safetensors");
    expect(lines.at(-1)).toMatchObject({ event: "done", ended: "finished" });
    const first = readFileSync(join(folder, "one.safetensors"));
    for (const [k, child] of children.entries()) {
      child.kill("SIGTERM");
      const { code, out, err } = await child.ended;
      expect({ code, done: out.includes('"done"') }).toEqual({ code: 2, done: false });
      expect(err).toMatch(moved("one", `one-${k + 2}`));
      expect(languageModelIn(folder, `one-${k + 2}.safetensors`).options).toMatchObject({ seed: k + 1 });
    }
    expect(readFileSync(join(folder, "one.safetensors")).equals(first)).toBe(true);
    // What was saved beside it goes on.
    expect(
      (await json(folder, ...["train", "text.txt", "--resume", "--epochs", "1"], "--out", "one-2.safetensors")).at(-1),
    ).toMatchObject({ ended: "nothing to do" });
  });

  test.each(["--overwrite", "--resume", "between two savings"])("%s", async (how) => {
    const name = how.replaceAll(/\W/g, "");
    const [out, path] = [`${name}.safetensors`, join(folder, `${name}.safetensors`)];
    if (how.startsWith("--")) await json(folder, "train", "text.txt", "--epochs", "0.1", ...tiny, "--out", out);
    const flags = how.startsWith("--") ? [how] : [];
    const before = existsSync(path) ? readFileSync(path) : undefined;
    const child = start(folder, [...endless, "--out", out, "--save-every", "20", "--json", ...flags]);
    await underWay(child);
    while (!existsSync(path) || before?.equals(readFileSync(path))) await pause(5);
    // Gone it is written again; another one is left.
    rmSync(path);
    while (!existsSync(path)) await pause(5);
    let ended = false;
    void child.ended.then(() => {
      ended = true;
    });
    // Again where it came between the look at what is there and its replacement.
    while (!ended) {
      writeFileSync(join(folder, `${name}.txt`), "another's");
      renameSync(join(folder, `${name}.txt`), path);
      while (!ended && readFileSync(path, "utf8") === "another's") await pause(5);
    }
    const { code, err } = await child.ended;
    expect(code).toBe(2);
    expect(err).toMatch(moved(name, `${name}-2`));
    expect(readFileSync(path, "utf8")).toBe("another's");
    expect(languageModelIn(folder, `${name}-2.safetensors`).training?.step).toBeGreaterThan(0);
  });

  test("by a training that was resumed twice: the second to save ends with 2", async () => {
    await json(folder, "train", "text.txt", "--epochs", "0.1", ...tiny, "--out", "r.safetensors");
    const again = ["train", "text.txt", "--resume", "--out", "r.safetensors"];
    const child = start(folder, [...again, "--epochs", "1e9", "--save-every", "1000000000", "--json"]);
    await underWay(child);
    await json(folder, ...again, "--epochs", "1");
    const first = readFileSync(join(folder, "r.safetensors"));
    child.kill("SIGTERM");
    const { code, err } = await child.ended;
    expect(code).toBe(2);
    expect(err).toMatch(moved("r", "r-2"));
    expect(readFileSync(join(folder, "r.safetensors")).equals(first)).toBe(true);
  });
});

test("killed at any moment, five times, and resumed: whole files, and the bytes of a training that never ended", async () => {
  const script = join(import.meta.dirname, "../../scripts/kill.mjs");
  const seed = `${Date.now() % 1e6}`;
  const { status, stdout, stderr } = await new Promise<{ status: number | null; stdout: string; stderr: string }>(
    (resolve) => {
      // Of six epochs two, in which it saves thirty times.
      const args = [script, "--kills", "5", "--threads", "2", "--seed", seed, "--", "--epochs", "2"];
      execFile(process.execPath, args, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : 1, stdout, stderr }),
      );
    },
  );
  expect({ status, stderr }, `seed ${seed}`).toEqual({ status: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({ threads: 2, kills: 5 });
}, 120_000);
