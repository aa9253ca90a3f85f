/** A disk that refuses for a while, here a folder that is away, does not end a training, and what it refused is written later. */
import { mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { csvLogger, jsonLinesLogger, modelCheckpoint, tensorBoard } from "../../src/callbacks/index.ts";
import { readModel } from "../../src/formats/model-file.ts";
import { InputError } from "../../src/graph/input-error.ts";
import type { Callback, Logs } from "../../src/train/callbacks.ts";
import { tinyModel } from "../helpers/models.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { pause } from "../helpers/waiting.ts";
import { idleRun } from "./runs.ts";

const root = temporaryFolder();
let folders = 0;

/** Epochs with these logs; the folder is away in those of `away`. Gives what was warned about. */
async function play(make: (folder: string) => Callback, epochs: readonly Logs[], away: readonly number[]) {
  const [folder, elsewhere] = [join(root, `${folders}`), join(root, `${folders++}-away`)];
  mkdirSync(folder);
  const callback = make(folder);
  const warnings: string[] = [];
  const hear = ({ message }: Error): void => void warnings.push(message.replaceAll(folder, "FOLDER"));
  process.on("warning", hear);
  const run = idleRun(tinyModel(1));
  const error = await (async () => {
    await callback.onTrainBegin?.(run);
    for (const [k, logs] of epochs.entries()) {
      run.step++;
      // So that each file is another.
      run.model.values["dense.b"]?.fill(k);
      if (away.includes(k)) renameSync(folder, elsewhere);
      await callback.onEpochEnd?.(k, logs, run);
      // Warnings come in the next turn.
      await pause(1);
      if (away.includes(k) && k < epochs.length - 1) renameSync(elsewhere, folder);
    }
    await callback.onTrainEnd?.(epochs.at(-1) ?? {}, run);
  })().catch((reason: unknown) => reason);
  process.off("warning", hear);
  return { folder, warnings, error };
}
const logs = [4, 3, 2, 2.5, 2.6].map((valLoss) => ({ loss: valLoss, valLoss }));

describe("is said once, and written at the next moment:", () => {
  test("the best model, though the next is worse", async () => {
    const { folder, warnings, error } = await play(
      (at) => modelCheckpoint(join(at, "m"), { saveBestOnly: true }),
      logs,
      [2],
    );
    expect(error).toBeUndefined();
    expect(warnings).toEqual([
      "modelCheckpoint: FOLDER/m: there is no folder FOLDER. Create it first. Training goes on, and writing is tried again.",
    ]);
    expect(readdirSync(folder)).toEqual(["m"]);
    expect(readModel(readFileSync(join(folder, "m")), "m").model.values["dense.b"]?.[0]).toBe(2);
  });
  test("rows of a table, in their order", async () => {
    const { folder, warnings, error } = await play((at) => csvLogger(join(at, "a.csv")), logs, [1, 2]);
    expect(error).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(readFileSync(join(folder, "a.csv"), "utf8")).toBe(
      "epoch,loss,valLoss\n0,4,4\n1,3,3\n2,2,2\n3,2.5,2.5\n4,2.6,2.6\n",
    );
  });
  test("lines of JSON, and events", async () => {
    const lines = await play((at) => jsonLinesLogger(join(at, "a.jsonl")), logs, [0, 3]);
    expect(lines.warnings).toHaveLength(2);
    const written = readFileSync(join(lines.folder, "a.jsonl"), "utf8").trim().split("\n");
    expect(written.map((line) => JSON.parse(line).epoch)).toEqual([0, 1, 2, 3, 4]);
    const [some, all] = [await play(tensorBoard, logs, [1, 2]), await play(tensorBoard, logs, [])];
    const sizes = ({ folder }: { folder: string }) =>
      ["train", "validation"].map((run) =>
        readdirSync(join(folder, run)).map((name) => readFileSync(join(folder, run, name)).length),
      );
    expect(some.warnings).toHaveLength(1);
    expect(sizes(some)).toEqual(sizes(all));
  });
});

test("what still cannot be written at the end is an error then", async () => {
  for (const make of [(at: string) => modelCheckpoint(join(at, "m")), (at: string) => csvLogger(join(at, "a.csv"))]) {
    const { error, warnings } = await play(make, logs, [4]);
    expect(warnings).toHaveLength(1);
    expect(error).toBeInstanceOf(InputError);
  }
});

test("the number to beat is part of the state to resume from", async () => {
  const folder = join(root, "beat");
  mkdirSync(folder);
  const make = (): Callback => modelCheckpoint(join(folder, "{epoch}"), { saveBestOnly: true });
  const [first, second] = [make(), make()];
  await first.onTrainBegin?.(idleRun());
  await first.onEpochEnd?.(0, { valLoss: 2 }, idleRun());
  await second.onTrainBegin?.(idleRun());
  second.restore?.(first.state?.() ?? {});
  await second.onEpochEnd?.(1, { valLoss: 3 }, idleRun());
  await second.onEpochEnd?.(2, { valLoss: 1 }, idleRun());
  expect(readdirSync(folder)).toEqual(["1", "3"]);
});
