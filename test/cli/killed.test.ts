/** A training of a task that is killed: what it had learnt until the best epoch before is there. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { until } from "../helpers/waiting.ts";
import { json, start } from "./run.ts";

const folder = temporaryFolder();
const lines = (count: number, line: (k: number) => string): string =>
  Array.from({ length: count }, (_, k) => line(k)).join("\n");
const files: Readonly<Record<string, string>> = {
  "words.conll": `${lines(12, (k) => `Anna\tB-PER\nsees\tO\n${k % 2 ? "Rome\tB-LOC" : "rain\tO"}\n`)}\n`,
  "good.txt": lines(12, (k) => `a good film ${k}`),
  "bad.txt": lines(12, (k) => `a bad film ${k}`),
  "pairs.tsv": lines(12, (k) => `a${k} b\tb a${k}`),
  "tunes.abc": lines(10, (k) => `X:${k}\nM:4/4\nL:1/4\nK:G\n|:GABc|dcBA|GBdB|A${"Bcd"[k % 3]}BG:|\n`),
  "sales.csv": `sales\n${lines(200, (k) => `${Math.sin(k)}`)}\n`,
  "tracks.csv": `frame,id,x,y\n${lines(200, (k) => `${k % 40},${Math.floor(k / 40)},${k % 40},${Math.sin(k)}`)}\n`,
};
beforeAll(() => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});

const endless = ["--epochs", "10000", "--seed", "1"];
const patient = ["--patience", "100000"];
test.each([
  ["tag", ["words.conll"], ["--units", "4", ...patient]],
  ["classify", ["good.txt", "bad.txt"], ["--units", "4", ...patient]],
  ["translate", ["pairs.tsv"], ["--units", "4", ...patient]],
  ["music", ["tunes.abc"], ["--units", "4", "--batch", "2", "--steps", "16"]],
  ["forecast", ["sales.csv"], ["--horizon", "2", "--units", "4"]],
  ["trajectories", ["tracks.csv"], ["--seen", "3", "--predict", "2", "--units", "4"]],
])("%s", { timeout: 60_000 }, async (command, data, size) => {
  const model = `${command}.safetensors`;
  const child = start(folder, [command, ...data, "--out", model, ...endless, ...size, "--json"]);
  await until(() => existsSync(join(folder, model)) || child.exitCode !== null);
  child.kill("SIGKILL");
  const { err } = await child.ended;
  expect([existsSync(join(folder, model)), err]).toEqual([true, expect.any(String)]);
  const [measured] = await json(folder, "evaluate", model, ...data);
  expect(measured).toBeDefined();
});
