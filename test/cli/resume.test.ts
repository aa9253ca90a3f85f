/** What `unrolled train` writes, and goes on with. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { streamOptions } from "../../src/cli/training-settings.ts";
import { engineOf } from "../../src/engines/registry.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import {
  type LanguageModel,
  languageModel,
  readLanguageModel,
  writeLanguageModel,
} from "../../src/tasks/language-model.ts";
import { encode } from "../../src/text/tokenizer.ts";
import { createEvaluator } from "../../src/train/evaluator.ts";
import { fitStream } from "../../src/train/fit-stream.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { pause, said } from "../helpers/waiting.ts";
import { json, refusal, run, sampleText, start, tiny } from "./run.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const read = (name: string): LanguageModel => readLanguageModel(readFileSync(at(name)), name);
const stepIn = (name: string): number => read(name).training?.step ?? 0;
const text = sampleText(400);
const train = (out: string, ...args: string[]) => ["train", "text.txt", "--out", out, ...args];

beforeAll(() => {
  writeFileSync(at("text.txt"), text);
  writeFileSync(at("other.txt"), `${"the hen sat here. ".repeat(60)}☃`);
});

/** Ended by a signal once it has said that it is so far. */
async function interrupted(args: readonly string[], step: number): Promise<void> {
  const child = start(folder, [...args, "--json"]);
  let said = "";
  child.stdout?.on("data", (chunk: string) => {
    said += chunk;
    const steps = [...said.matchAll(/"step":(\d+)/g)].map(([, n]) => Number(n));
    if (!child.killed && steps.some((n) => n >= step)) child.kill("SIGTERM");
  });
  expect((await child.ended).code).toBe(0);
}

describe.skipIf(process.platform === "win32")("a training that was interrupted", () => {
  test("has its options in its file: with --resume alone, or the same again, it becomes what it would have been", async () => {
    const options = ["--epochs", "30", "--batch", "3", "--steps", "10", "--seed", "5", "--rate", "0.02", "--clip", "2"];
    const more = ["--units", "5", "--layers", "2", "--dropout", "0.2", "--validation", "0.2", "--optimizer", "rmsprop"];
    await json(folder, ...train("whole.safetensors", ...options, ...more));
    await interrupted(train("parts.safetensors", ...options, ...more, "--save-every", "50"), 400);
    const total = stepIn("whole.safetensors");
    const first = stepIn("parts.safetensors");
    expect(first).toBeGreaterThanOrEqual(400);
    expect(first).toBeLessThan(total);
    await interrupted(train("parts.safetensors", "--resume", "--threads", "2"), first + 50);
    expect(stepIn("parts.safetensors")).toBeGreaterThan(first);
    await json(folder, ...train("parts.safetensors", "--resume", ...options, ...more));
    expect(readFileSync(at("parts.safetensors")).equals(readFileSync(at("whole.safetensors")))).toBe(true);
  });

  test("in bf16 continues in bf16; --precision f32 continues in f32", async () => {
    // The engine reference computes in f64, of which a file keeps f32: only the native one continues to the same bits.
    const native = (await engineOf("native").catch(() => undefined))?.target.bf16 === true;
    const engine = ["--engine", native ? "native" : "reference"];
    const options = ["--epochs", "2", "--batch", "3", "--steps", "10", "--units", "3", "--precision", "bf16"];
    await interrupted(train("parts16.safetensors", ...options, ...engine, "--save-every", "5"), 10);
    expect(read("parts16.safetensors").options).toMatchObject({ precision: "bf16" });
    copyFileSync(at("parts16.safetensors"), at("other16.safetensors"));
    await json(folder, ...train("parts16.safetensors", "--resume", ...engine));
    expect(read("parts16.safetensors").options).toMatchObject({ precision: "bf16" });
    await json(folder, ...train("other16.safetensors", "--resume", "--precision", "f32"));
    expect(read("other16.safetensors").options).not.toHaveProperty("precision");
    expect(read("other16.safetensors").model.values).not.toEqual(read("parts16.safetensors").model.values);
    if (native) {
      await json(folder, ...train("whole16.safetensors", ...options, ...engine));
      expect(readFileSync(at("parts16.safetensors")).equals(readFileSync(at("whole16.safetensors")))).toBe(true);
    }
    const { code, err } = await run(folder, ...train("no.safetensors", ...options, "--engine", "wasm"));
    const refused =
      /^unrolled: precision "bf16": the engine "wasm" has f32 alone(, and "native" .+)?\. Take precision "f32", or the engine "(native|reference)"\.\n$/;
    expect(code).toBe(2);
    expect(err).toMatch(refused);
    const resumed = await run(folder, ...train("parts16.safetensors", "--resume", "--epochs", "3", "--engine", "wasm"));
    expect(resumed.code).toBe(2);
    expect(resumed.err).toMatch(refused);
    const wasm = ["--resume", "--epochs", "3", "--engine", "wasm", "--precision", "f32"];
    await json(folder, ...train("parts16.safetensors", ...wasm));
  });

  test("by --minutes: what was used of them counts", async () => {
    const minutes = ["--minutes", "0.05", ...tiny];
    await interrupted(train("minutes.safetensors", ...minutes, "--save-every", "20"), 20);
    const place = read("minutes.safetensors").training?.place as { usedMs: number };
    expect(place.usedMs).toBeGreaterThan(0);
    const lines = await json(folder, ...train("minutes.safetensors", "--resume"));
    expect(lines.at(-1)).toMatchObject({ event: "done" });
    const after = read("minutes.safetensors").training?.place as { usedMs: number; ended: number };
    expect(after.ended).toBe(3000);
    expect(after.usedMs).toBeGreaterThan(place.usedMs);
  });

  test("within a validation that takes long ends at once, without its loss, and does it when it is resumed", async () => {
    writeFileSync(at("long.txt"), sampleText(60_000));
    // One update, then the validation: about a million tokens, 12 by 12, most of a minute.
    const args = ["--epochs", "1e-9", "--validation", "0.9", "--validation-tokens", "1000000000", "--batch", "1"];
    const rest = ["--units", "256", "--layers", "2", "--steps", "12", "--threads", "1"];
    const child = start(folder, ["train", "long.txt", "--out", "v.safetensors", ...args, ...rest, "--json"]);
    await Promise.race([said(child.stdout, '"progress"'), said(child.stdout, '"start"').then(() => pause(2500))]);
    child.kill("SIGINT");
    const { code, out } = await child.ended;
    expect(code).toBe(0);
    expect(JSON.parse(out.trim().split("\n").at(-1) as string)).toMatchObject({
      ...{ event: "done", ended: "stopped", kept: "last", validationLoss: null },
    });
    expect(read("v.safetensors").training).toMatchObject({
      step: 1,
      place: { validated: [0, 0], validationLoss: null },
    });
  });

  test("after its last update and before its last validation becomes what it would have been", async () => {
    await json(folder, ...train("end.safetensors", "--epochs", "2", ...tiny));
    const { tokenizer, options, optimizer, training } = read("end.safetensors");
    const total = training?.step as number;
    const { model } = languageModel(tokenizer, { units: 6, embedding: 4 });
    const stop = new AbortController();
    let updates = 0;
    const { state, stopped } = await fitStream(model, encode(tokenizer, text), {
      ...streamOptions(options as Parameters<typeof streamOptions>[0]),
      signal: stop.signal,
      callbacks: [{ onBatchEnd: () => void (++updates === total && stop.abort()) }],
    });
    expect({ stopped, step: state.step, ended: "ended" in (state.place as object) }).toEqual({
      ...{ stopped: true, step: total, ended: false },
    });
    writeFileSync(
      at("before.safetensors"),
      writeLanguageModel({ model, tokenizer, training: state, optimizer, options }),
    );
    const lines = await json(folder, ...train("before.safetensors", "--resume"));
    expect(lines.at(-1)).toMatchObject({ event: "done", ended: "finished", kept: "best" });
    expect(readFileSync(at("before.safetensors")).equals(readFileSync(at("end.safetensors")))).toBe(true);
  });

  test("is not lost by who forgets --resume: one line, and the file stays", async () => {
    const before = readFileSync(at("whole.safetensors"));
    const { code, err } = await run(folder, ...train("whole.safetensors", ...tiny));
    expect(code).toBe(2);
    expect(err).toBe(
      "unrolled: whole.safetensors: a model exists here. Give --resume to continue with it, or --overwrite to train again.\n",
    );
    expect(readFileSync(at("whole.safetensors")).equals(before)).toBe(true);
    await json(folder, ...train("whole.safetensors", "--overwrite", "--epochs", "1", ...tiny));
    expect(readFileSync(at("whole.safetensors")).equals(before)).toBe(false);
  });
});

test("the best by validation is kept, and said; with --keep last the last", async () => {
  // The end is read backwards: the better the model knows the rest, the less it knows that.
  const turned = text.slice(0, -1400) + [...text.slice(-1400)].reverse().join("");
  writeFileSync(at("turned.txt"), turned);
  const options = ["--epochs", "8", "--validation", "0.2", ...tiny];
  const both = (name: string, ...more: string[]) =>
    json(folder, "train", "turned.txt", "--out", name, ...options, ...more);
  const [best, last] = await Promise.all([both("best.safetensors"), both("last.safetensors", "--keep", "last")]);
  const losses = best.flatMap(({ event, validationLoss }) =>
    event === "progress" && typeof validationLoss === "number" ? [validationLoss] : [],
  );
  const lowest = Math.min(...losses);
  expect(lowest).toBeLessThan(losses.at(-1) as number);
  const kept = { kept: "best", validationLoss: lowest, epoch: losses.indexOf(lowest) + 1, file: "best.safetensors" };
  expect(best.at(-1)).toMatchObject({ event: "done", ended: "finished", ...kept });
  expect(last.at(-1)).toMatchObject({ ended: "finished", kept: "last", validationLoss: losses.at(-1), epoch: 8 });
  const again = await json(folder, "train", "turned.txt", "--out", "best.safetensors", "--resume");
  expect(again).toEqual([{ event: "done", ended: "nothing to do", ...kept }]);
  const held = encode(read("best.safetensors").tokenizer, turned);
  const validation = held.subarray(held.length - Math.floor(0.2 * held.length));
  for (const [name, loss] of [
    ["best.safetensors", lowest],
    ["last.safetensors", losses.at(-1)],
  ] as const) {
    const evaluator = await createEvaluator(read(name).model, { batch: 4, steps: 12 });
    expect(await evaluator.loss(validation)).toBeCloseTo(loss as number, 6);
  }
  expect(read("best.safetensors").training?.slots.w).toEqual(read("last.safetensors").model.values);
  // Of one that is done the newest values are there as well, and only from the best to them.
  copyFileSync(at("best.safetensors"), at("other.safetensors"));
  const other = ["train", "turned.txt", "--out", "other.safetensors", "--resume", "--rate", "0.5"];
  const { code, err: said } = await run(folder, ...other, "--keep", "last");
  expect(code).toBe(0);
  expect(said).toMatch(
    /\nother\.safetensors: its training of 8 epochs is finished, and --rate changes nothing; its last model replaces the best one\.\nSaved other\.safetensors after \d+ s: the last model\.\n$/,
  );
  expect(readFileSync(at("other.safetensors")).equals(readFileSync(at("last.safetensors")))).toBe(true);
  expect((await run(folder, ...other, "--keep", "best", "--clip", "1")).err).toBe(
    "other.safetensors: its training of 8 epochs is finished, and --rate and --clip and --keep change nothing. To train longer, give a larger --epochs, in all.\n",
  );
  expect(readFileSync(at("other.safetensors")).equals(readFileSync(at("last.safetensors")))).toBe(true);
  const { err } = await run(folder, "train", "turned.txt", "--out", "best.safetensors", "--overwrite", ...options);
  expect(err).toMatch(
    new RegExp(
      `\nSaved best\\.safetensors after \\d+ s: the best by validation, ${lowest.toFixed(3)} at epoch \\d\\.0\\.\n$`,
    ),
  );
});

describe("--resume", () => {
  test("of a training that is done says so, and how to get more of it", async () => {
    await json(folder, ...train("done.safetensors", "--epochs", "2", ...tiny));
    const before = readFileSync(at("done.safetensors"));
    expect(await run(folder, ...train("done.safetensors", "--resume"))).toMatchObject({
      code: 0,
      out: "",
      err: "done.safetensors: its training of 2 epochs is finished. To train longer, give a larger --epochs, in all.\n",
    });
    expect(await json(folder, ...train("done.safetensors", "--resume"))).toEqual([
      expect.objectContaining({ event: "done", ended: "nothing to do", kept: "best", file: "done.safetensors" }),
    ]);
    expect(readFileSync(at("done.safetensors")).equals(before)).toBe(true);
    expect((await run(folder, ...train("done.safetensors", "--resume", "--epochs", "1"))).err).toBe(
      "done.safetensors: its training of 2 epochs is finished. To train longer, give a larger --epochs, in all.\n",
    );
    const lines = await json(folder, ...train("done.safetensors", "--resume", "--epochs", "3"));
    const epochs = lines.flatMap(({ event, epoch }) => (event === "progress" ? [epoch as number] : []));
    expect(Math.min(...epochs)).toBeGreaterThan(2);
    expect(epochs.at(-1)).toBe(3);
  });

  test.skipIf(process.platform === "win32").for([
    ["epochs", "1e9", "1"],
    ["minutes", "60", "0.001"],
  ] as const)("to fewer %s than it has had changes nothing, and says so", async ([measure, many, few]) => {
    const name = `past-${measure}.safetensors`;
    await interrupted(train(name, `--${measure}`, many, ...tiny, "--save-every", "50"), 300);
    const before = readFileSync(at(name));
    const { code, out, err } = await run(folder, ...train(name, "--resume", `--${measure}`, few, "--keep", "last"));
    expect({ code, out }).toEqual({ code: 0, out: "" });
    const had = new RegExp(
      `^${name}: has been trained for ([\\d.]+) ${measure} already, more than ${few}; nothing was changed\\. To train longer, give a larger --${measure}, in all\\.\n$`,
    ).exec(err)?.[1];
    expect(Number(had), err).toBeGreaterThan(Number(few));
    const lines = await json(folder, ...train(name, "--resume", `--${measure}`, few));
    expect(lines).toEqual([expect.objectContaining({ event: "done", ended: "nothing to do", file: name })]);
    expect(readFileSync(at(name)).equals(before)).toBe(true);
  });

  test("by minutes, left in a last validation that took longer than they had, does it", async () => {
    await json(folder, ...train("late.safetensors", "--minutes", "0.02", ...tiny));
    const { model, training, options, ...rest } = read("late.safetensors");
    const { ended: _, ...place } = (training as NonNullable<typeof training>).place as {
      ended: number;
      usedMs: number;
    };
    const left = { ...training, place: { ...place, usedMs: 5000, validated: [0, 0] } } as typeof training;
    writeFileSync(at("late.safetensors"), writeLanguageModel({ ...rest, model, options, training: left }));
    const lines = await json(folder, ...train("late.safetensors", "--resume"));
    expect(lines.at(-1)).toMatchObject({ event: "done", ended: "finished" });
    expect(read("late.safetensors").training).toMatchObject({ step: training?.step, place: { ended: 1200 } });
  });

  test("in another text begins there, and says so; characters that the model never saw are counted and named", async () => {
    await json(folder, ...train("known.safetensors", "--epochs", "1", ...tiny));
    const first = stepIn("known.safetensors");
    const again = ["train", "other.txt", "--out", "known.safetensors", "--resume", "--batch", "2", "--sample", "0"];
    const { code, err } = await run(folder, ...again);
    expect(code, err).toBe(0);
    expect(err).toContain(
      'other.txt: the model never saw "☃", once in 1,081 tokens; it reads each as the unknown character.\n',
    );
    expect(err).toContain("known.safetensors: was trained on another text; training starts again with this text.");
    const batches = Math.floor((Math.floor((1081 - 54) / 2) - 1) / 12);
    expect(stepIn("known.safetensors")).toBe(first + batches);
  });

  test("--allow-unknown trains on a text that is full of them", async () => {
    writeFileSync(at("greek.txt"), "the αβγ".repeat(100));
    await json(folder, ...train("greek.safetensors", "--epochs", "1", ...tiny));
    const again = ["train", "greek.txt", "--out", "greek.safetensors", "--resume"];
    expect((await run(folder, ...again)).code).toBe(2);
    const { code, err } = await run(folder, ...again, "--allow-unknown");
    expect(code, err).toBe(0);
    expect(err).toContain(
      'greek.txt: the model never saw "αβγ", 300 times in 700 tokens; it reads each as the unknown character.',
    );
  });

  test("reads the file of an older version: the text begins anew, steps add up, and what the model says of itself are its options", async () => {
    await json(folder, ...train("older.safetensors", "--epochs", "1", ...tiny));
    const { tensors, metadata } = readSafetensors(readFileSync(at("older.safetensors")));
    const architecture = JSON.parse(metadata.unrolled as string) as { training: object };
    const { step, slots } = architecture.training as { step: number; slots: string[] };
    const { options: _, ...rest } = metadata;
    const older = { ...rest, unrolled: JSON.stringify({ ...architecture, training: { step, slots } }) };
    const kept = Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith("training.")));
    writeFileSync(at("older.safetensors"), writeSafetensors({ tensors: kept, metadata: older }));
    expect((await run(folder, ...train("older.safetensors", "--resume", "--units", "7"))).err).toContain(
      "--units: is 6 in older.safetensors and cannot change with --resume, got 7.",
    );
    copyFileSync(at("older.safetensors"), at("older-too.safetensors"));
    expect((await run(folder, ...train("older-too.safetensors", "--resume", "--epochs", "1"))).err).toContain(
      "older-too.safetensors: does not say how far its training was; training starts again with this text.\n",
    );
    await json(folder, ...train("older.safetensors", "--resume", "--epochs", "1", "--batch", "4", "--steps", "12"));
    expect(stepIn("older.safetensors")).toBe(2 * step);
    expect(read("older.safetensors").options).toMatchObject({ batch: 4, steps: 12, optimizer: "adam", units: 6 });
  });

  test("of a text that is too short for the usual share, which is not validated on", async () => {
    writeFileSync(at("brief.txt"), "hello there, this is a brief text.");
    const args = ["train", "brief.txt", "--out", "brief.safetensors", "--batch", "1", "--steps", "4", "--units", "4"];
    expect((await json(folder, ...args, "--epochs", "1")).at(-1)).toMatchObject({ kept: "last", validationLoss: null });
    expect((await json(folder, ...args, "--epochs", "2", "--resume")).at(-1)).toMatchObject({ ended: "finished" });
  });

  test("with --validation-file: the text is to be given again, and is what it is validated on", async () => {
    writeFileSync(at("valid.txt"), sampleText(40));
    const options = ["--validation-file", "valid.txt", "--epochs", "2", ...tiny];
    const lines = await json(folder, ...train("valid.safetensors", ...options));
    const evaluator = await createEvaluator(read("valid.safetensors").model, { batch: 3, steps: 12 });
    const found = await evaluator.loss(encode(read("valid.safetensors").tokenizer, sampleText(40)));
    expect(lines.at(-1)?.validationLoss).toBeCloseTo(found, 6);
    const { code, err } = await run(folder, ...train("valid.safetensors", "--resume", "--epochs", "3"));
    expect({ code, err }).toEqual({
      code: 2,
      err: "unrolled: --validation-file: valid.safetensors was validated on a file. Give that file again.\n",
    });
    const more = ["--resume", "--epochs", "3", "--validation-file", "valid.txt"];
    const again = await json(folder, ...train("valid.safetensors", ...more));
    expect(again.at(-1)).toMatchObject({ event: "done", epoch: 3 });
  });

  test("with another text to validate on is refused by name, or with the same file and other content; not in another text", async () => {
    writeFileSync(at("v1.txt"), sampleText(40));
    writeFileSync(at("v2.txt"), sampleText(41));
    await json(folder, ...train("v1.safetensors", "--validation-file", "v1.txt", "--epochs", "1", ...tiny));
    const before = readFileSync(at("v1.safetensors"));
    const message = (name: string) =>
      `--validation-file: ${name} is not the text that v1.safetensors was validated on, which cannot change with --resume. ` +
      "Give that text; or train again, with --overwrite.";
    const again = ["--resume", "--epochs", "2", "--validation-file"];
    expect(await refusal(folder, ...train("v1.safetensors", ...again, "v2.txt"))).toBe(message("v2.txt"));
    writeFileSync(at("v1.txt"), sampleText(41));
    expect(await refusal(folder, ...train("v1.safetensors", ...again, "v1.txt"))).toBe(message("v1.txt"));
    expect(readFileSync(at("v1.safetensors")).equals(before)).toBe(true);
    const elsewhere = ["train", "other.txt", "--out", "v1.safetensors", "--batch", "4", ...again, "v2.txt"];
    const { code, err } = await run(folder, ...elsewhere);
    expect(code, err).toBe(0);
    expect(err).toContain("v1.safetensors: was trained on another text; training starts again with this text.\n");
  });

  test("in the same text with another end, which is validated on, says so", async () => {
    await json(folder, ...train("tail.safetensors", "--epochs", "1", ...tiny));
    writeFileSync(at("tail.txt"), `${text.slice(0, -8)}${[...text.slice(-8)].reverse().join("")}`);
    const again = ["train", "tail.txt", "--out", "tail.safetensors", "--resume", "--epochs", "1"];
    expect((await run(folder, ...again)).err).toContain(
      "tail.safetensors: was trained on this text with another part for validation; training starts again with this text.\n",
    );
  });

  test("with a cell's file whose equations were changed says that they differ", async () => {
    writeFileSync(at("my.txt"), "h' = tanh(W @ x + U @ h + b)\n");
    await json(folder, ...train("my.safetensors", "--cell", "my.txt", "--epochs", "1", ...tiny));
    const again = train("my.safetensors", "--resume", "--cell", "my.txt");
    expect((await run(folder, ...again)).code).toBe(0);
    writeFileSync(at("my.txt"), "# a simple RNN\n\nh'  =  tanh(W @ x + U @ h + b)  # its state\n");
    expect((await run(folder, ...again)).code, "what is no part of them aside").toBe(0);
    writeFileSync(at("my.txt"), "h' = sigmoid(W @ x + U @ h + b)\n");
    expect(await refusal(folder, ...again)).toBe(
      "--cell: the equations of my.txt differ from those in my.safetensors, which cannot change with --resume. Leave it out; or train again, with --overwrite.",
    );
  });
});

test("a loss that is no number leaves the file of the last saving, and says how to go on from it", async () => {
  // The first update makes numbers that are just finite.
  const options = ["--rate", "1e38", "--epochs", "1", "--save-every", "1"];
  const { code, err } = await run(folder, ...train("nan.safetensors", ...options, ...tiny, "--sample", "0"));
  expect(code).toBe(2);
  expect(err).toMatch(
    /unrolled: training: .* nan\.safetensors has the state of update 1: continue from there with --resume and a smaller --rate, or clip the gradients with --clip\.\n$/,
  );
  expect(stepIn("nan.safetensors")).toBe(1);
});
