import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ModelCheckpointOptions, modelCheckpoint } from "../../src/callbacks/model-checkpoint.ts";
import { readModel } from "../../src/formats/model-file.ts";
import {
  generate,
  languageModel,
  readLanguageModel,
  trainLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";
import type { Logs } from "../../src/train/callbacks.ts";
import { adam } from "../../src/train/optimizers.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { tinyModel } from "../helpers/models.ts";
import { refusal } from "../helpers/refusal.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { idleRun, play, runOf } from "./runs.ts";

const root = temporaryFolder();
let folders = 0;
function newFolder(): string {
  const folder = join(root, `${folders++}`);
  mkdirSync(folder);
  return folder;
}

/** The files that a training with these logs leaves, by name. */
async function filesOf(name: string, options: ModelCheckpointOptions, epochs: readonly Logs[]): Promise<string[]> {
  const folder = newFolder();
  await play(modelCheckpoint(join(folder, name), options), epochs);
  return readdirSync(folder).sort();
}
const valLosses = [3, 2, 2.5, 1, 1].map((valLoss, k) => ({ loss: 4 - k, accuracy: 0.1 * k, valLoss }));

test("from a checkpoint training goes on to the same bits as without a break", async () => {
  const path = join(newFolder(), "m.safetensors");
  const [tokens, targets] = [Int32Array.of(0, 1, 2, 3, 4, 0, 1, 2), Int32Array.of(1, 2, 3, 4, 0, 1, 2, 3)];
  const options = { batch: 2, steps: 4, optimizer: adam({ learningRate: 0.05 }), threads: 1 };
  const model = tinyModel(11);
  const trainer = await createTrainer(model, options);
  const callback = modelCheckpoint(path, { extra: { note: "seven" } });
  const run = runOf(trainer, model);
  await callback.onTrainBegin?.(run);
  for (let k = 0; k < 7; k++) await trainer.update(tokens, targets);
  await callback.onEpochEnd?.(0, { loss: 1 }, run);
  for (let k = 0; k < 3; k++) {
    trainer.resetStates();
    await trainer.update(tokens, targets);
  }
  trainer.save();

  const read = readModel(readFileSync(path), path);
  expect(read.extra).toEqual({ note: "seven" });
  expect(read.training?.step).toBe(7);
  expect(read.model.values).not.toEqual(model.values);
  const again = await createTrainer(read.model, options);
  again.restore(read.training as NonNullable<typeof read.training>);
  for (let k = 0; k < 3; k++) {
    again.resetStates();
    await again.update(tokens, targets);
  }
  again.save();
  expect(read.model.values).toEqual(model.values);
});

test("withTraining false leaves the optimiser's state out", async () => {
  const path = join(newFolder(), "m.safetensors");
  const model = tinyModel(3);
  const trainer = await createTrainer(model, { batch: 1, steps: 2, threads: 1 });
  const run = runOf(trainer, model);
  modelCheckpoint(path).onEpochEnd?.(0, {}, run);
  const whole = statSync(path).size;
  modelCheckpoint(path, { withTraining: false }).onEpochEnd?.(0, {}, run);
  const read = readModel(readFileSync(path), path);
  expect(read.training).toBeUndefined();
  expect(read.model.values).toEqual(model.values);
  // Adam's m and v are two more numbers a parameter.
  expect(whole).toBeGreaterThan(2 * statSync(path).size);
});

test("a model with values that are no numbers is not written: the last good file stays", async () => {
  const path = join(newFolder(), "m.safetensors");
  const run = idleRun();
  const callback = modelCheckpoint(path);
  callback.onEpochEnd?.(0, {}, run);
  const bytes = readFileSync(path);
  (run.model.values["dense.b"] as Float32Array).fill(7);
  callback.onEpochEnd?.(1, {}, { ...run, save: () => false });
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

describe("when", () => {
  test("every epoch, counted from 1 in the file's name", async () => {
    expect(await filesOf("{epoch}.m", {}, valLosses.slice(0, 3))).toEqual(["1.m", "2.m", "3.m"]);
  });
  test("saveBestOnly: where the validation loss is lower than ever; not where it is equal", async () => {
    expect(await filesOf("{epoch}.m", { saveBestOnly: true }, valLosses)).toEqual(["1.m", "2.m", "4.m"]);
  });
  test.each<[string, ModelCheckpointOptions, string[]]>([
    ["an accuracy is best where it is highest", { monitor: "accuracy" }, ["1.m", "2.m", "3.m", "4.m", "5.m"]],
    ["mode min turns that round", { monitor: "accuracy", mode: "min" }, ["1.m"]],
    ["mode max of a loss", { mode: "max" }, ["1.m"]],
    ["initialValueThreshold is to be beaten", { initialValueThreshold: 2 }, ["4.m"]],
  ])("%s", async (_, options, files) => {
    expect(await filesOf("{epoch}.m", { saveBestOnly: true, ...options }, valLosses)).toEqual(files);
  });
  test("an epoch without validation is passed over, but for those before the first validation", async () => {
    const epochs = [{ loss: 5 }, { loss: 4 }, { loss: 3, valLoss: 2 }, { loss: 2 }, { loss: 1, valLoss: 1 }];
    expect(await filesOf("{epoch}.m", { saveBestOnly: true }, epochs)).toEqual(["1.m", "2.m", "3.m", "5.m"]);
  });
  test("NaN is never the best", async () => {
    const epochs = [Number.NaN, 2, Number.NaN].map((valLoss) => ({ loss: 1, valLoss }));
    expect(await filesOf("{epoch}.m", { saveBestOnly: true }, epochs)).toEqual(["2.m"]);
  });
  test("saveFreq 3: after every third batch, over the ends of epochs", async () => {
    expect(await filesOf("{step}-{loss}.m", { saveFreq: 3 }, valLosses.slice(0, 4))).toEqual(["3-3.m", "6-3.m"]);
  });
});

describe("numbers in the path", () => {
  test.each([
    ["{epoch:02d}-{valLoss:.2f}", "07-0.67"],
    ["{epoch}-{valLoss}", "7-0.6666666666666666"],
    ["{epoch:d}{epoch:3d}", "7  7"],
    ["{valLoss:f}", "0.666667"],
    ["{valLoss:07.3f}{delta:07.3f}", "000.667-01.500"],
    ["{delta:.0f} {} {-}", "-2 {} {-}"],
    ["{step:04d}", "0012"],
  ])("%s", (path, file) => {
    const folder = newFolder();
    const run = { ...idleRun(), step: 12 };
    modelCheckpoint(join(folder, path)).onEpochEnd?.(6, { valLoss: 2 / 3, delta: -1.5 }, run);
    expect(readdirSync(folder)).toEqual([file]);
  });
});

describe("says what is wrong", () => {
  test.each<[string, () => unknown, string]>([
    [
      "a format that Python has and this has not",
      () => modelCheckpoint("{epoch:x}"),
      "modelCheckpoint: {epoch:x} in the path is not a known format. Use {epoch}, {epoch:02d} or {epoch:.2f}",
    ],
    [
      "an epoch in the name of a file between epochs",
      () => modelCheckpoint("{epoch}", { saveFreq: 10 }),
      'modelCheckpoint: {epoch} in the path needs saveFreq "epoch"; between epochs use {step}',
    ],
    [
      "saveFreq 0",
      () => modelCheckpoint("m", { saveFreq: 0 }),
      'modelCheckpoint: saveFreq must be "epoch", or a whole number of at least 1, got 0',
    ],
    [
      "a mode",
      () => modelCheckpoint("m", { mode: "best" as "min" }),
      'modelCheckpoint: mode must be one of "auto", "min", "max", got "best"',
    ],
    [
      "a number to monitor that the logs do not have, by Keras's name",
      () => modelCheckpoint("m", { monitor: "val_mae", saveBestOnly: true }).onEpochEnd?.(0, { loss: 1 }, idleRun()),
      "modelCheckpoint: monitor: the logs have no valMae; they have loss. Give data to validate on, or another name.",
    ],
    [
      "a number for the path that the logs do not have",
      () => modelCheckpoint("{valLoss}").onEpochEnd?.(0, { loss: 1 }, idleRun()),
      "modelCheckpoint: path: the logs have no {valLoss}; they have loss, epoch, step. Give data to validate on, or another name.",
    ],
    [
      "a folder that is not there, before the training begins",
      () => modelCheckpoint("/nowhere/{epoch}.m").onTrainBegin?.(idleRun()),
      "/nowhere/0.m: there is no folder /nowhere. Create it first.",
    ],
  ])("%s", (_, act, message) => {
    expect(refusal(act)).toBe(message);
  });
});

describe("in the training of a language model, what readLanguageModel reads", () => {
  const text = "the sea, the sea and the whale. ".repeat(12);
  const options = { batch: 2, steps: 8, epochs: 4, seed: 3, threads: 1, validationSplit: 0.1 };
  const made = (kind: "char" | "word" = "char") =>
    languageModel(text, { units: 6, embedding: 4, seed: 2, tokens: kind });
  const written = async (lm: ReturnType<typeof made>): Promise<string> => {
    let all = "";
    for await (const piece of generate(lm, { prompt: "the ", length: 30, seed: 4, threads: 1 })) all += piece;
    return all;
  };

  test.each(["char", "word"] as const)(
    "%s: the last file writes what the model does, and its bytes are the model's",
    async (kind) => {
      const lm = made(kind);
      const path = join(newFolder(), "m.safetensors");
      const { state } = await trainLanguageModel(lm, text, { ...options, callbacks: [modelCheckpoint(path)] });
      const read = readLanguageModel(readFileSync(path), path);
      expect(read.tokenizer).toEqual(lm.tokenizer);
      expect(read.model.values).toEqual(lm.model.values);
      expect(read.training?.step).toBe(state.step);
      expect(await written(read)).toBe(await written(lm));
    },
  );
  test("a file in between goes on to the same bits", async () => {
    const [whole, begun] = [made(), made()];
    const folder = newFolder();
    const callbacks = () => [modelCheckpoint(join(folder, "{epoch}.safetensors"))];
    await trainLanguageModel(whole, text, { ...options, callbacks: callbacks() });
    await trainLanguageModel(begun, text, { ...options, callbacks: callbacks() });
    const read = readLanguageModel(readFileSync(join(folder, "2.safetensors")), "2.safetensors");
    expect(read.model.values).not.toEqual(whole.model.values);
    await trainLanguageModel(read, text, { ...options, resume: read.training, callbacks: callbacks() });
    expect(read.model.values).toEqual(whole.model.values);
  });
  test("what the model's file had besides is in it, and what is given goes before it", async () => {
    const lm = { ...made(), optimizer: "adam", options: { units: 6 } };
    const path = join(newFolder(), "m.safetensors");
    const callback = modelCheckpoint(path, { withTraining: false, extra: { note: "seven", options: { units: 7 } } });
    await trainLanguageModel(lm, text, { ...options, epochs: 1, callbacks: [callback] });
    expect(readModel(readFileSync(path), path).extra).toEqual({
      ...{ task: { kind: "text", tokenizer: lm.tokenizer }, optimizer: "adam", options: { units: 7 }, note: "seven" },
    });
    const { model: _, ...own } = readLanguageModel(writeLanguageModel(lm), "m");
    expect(own).toEqual({ tokenizer: lm.tokenizer, optimizer: "adam", options: { units: 6 }, training: undefined });
  });
});
