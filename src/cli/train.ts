/** `unrolled train`: train a model on a text and save it as a file, which exists from the first validation on. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { MpiCommunicator } from "../distributed/index.ts";
import { engineFor, engineOf } from "../engines/registry.ts";
import { checkWritable, digestOf, readInput, statOf } from "../formats/files.ts";
import { readSafetensors } from "../formats/safetensors.ts";
import { graphemeEnd } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { countParameters } from "../nn/model.ts";
import { roundingOf } from "../runtime/precision.ts";
import { openByTask } from "../tasks/index.ts";
import {
  checkLength,
  type GenerateOptions,
  generate,
  type LanguageModel,
  languageModel,
  splitOf,
  writeLanguageModel,
} from "../tasks/language-model.ts";
import { maxPieces } from "../text/pieces.ts";
import { vocabularySize } from "../text/tokenizer.ts";
import { type FitStreamResult, fitStream } from "../train/fit-stream.ts";
import type { Checkpoint, FitStreamOptions } from "../train/fit-stream-options.ts";
import { byRate, NonFiniteLoss } from "../train/non-finite-guard.ts";
import { type Stand, standOf } from "../train/stream-place.ts";
import type { Tokens } from "../train/token-source.ts";
import type { TrainerState } from "../train/trainer.ts";
import { inFile, labelOf, readCell } from "./cell-argument.ts";
import { hostOf, hostOptions } from "./host-options.ts";
import type { Command, Given } from "./options.ts";
import { formatCount, printable, warn, writeJson } from "./output.ts";
import {
  checkSameTexts,
  fromFirst,
  isFirst,
  joinProcesses,
  launchOptions,
  processOptions,
  startProcesses,
} from "./processes.ts";
import { duration, progressPrinter } from "./progress.ts";
import { type Before, createSaving } from "./saving.ts";
import { field, isLines, isModel } from "./texts.ts";
import { encodeSource, isLarge, learnTokens, openingOf, openTexts, type Source } from "./tokens.ts";
import {
  changedOptions,
  checkModelOptions,
  checkTrainingOptions,
  isOptimizer,
  optionsOfModel,
  type Remembered,
  remember,
  type Settings,
  settingOptions,
  settingsOf,
  settingsToGoOn,
  streamOptions,
} from "./training-settings.ts";
import { checkUnknown } from "./unknown.ts";

/** Two lines of a terminal with 80 columns. */
const sampleLength = 140;
/** The interval of saving besides the validations, and of trying again while the disk is full. */
const saveEveryMs = 3 * 60_000;
const retryEveryMs = 30_000;

export const train: Command = {
  name: "train",
  usage: "train [FILE|FOLDER] --out MODEL.safetensors [options]",
  summary: "train a text model (on Moby-Dick without FILE)",
  details: [
    "Validates after each epoch or minute, 4 to 20 times. Saves the model each time,",
    "and every 3 minutes: the best by validation, with what --resume needs. Ctrl-C",
    "saves and ends; a resumed training gives the same result as one without a stop.",
    "",
    "--resume takes its options from the file; FILE and --validation-file are given",
    "again. The model, batch, steps, seed and validation cannot change. --epochs and",
    "--minutes are totals: with more of them, the learning rate continues from where",
    "it would be in a training of that length. With another FILE, training starts",
    "again, with the model and the state of its optimizer. --keep last of a finished",
    "training writes its last model.",
    "",
    'The last line of --json, "event": "done", says how it "ended" (finished,',
    'stopped, nothing to do) and what is "kept" in the file: the best model, by its',
    '"validationLoss" at "epoch"; the last; or null where none was written.',
  ].join("\n"),
  examples: [
    "train book.txt --out book.safetensors --units 512 --minutes 10",
    "train book.txt --out book.safetensors --resume",
  ],
  outlivesReader: true,
  arguments: [0, 1],
  options: {
    out: { value: "MODEL", help: "file to save the model in" },
    field,
    ...settingOptions,
    "validation-file": { value: "FILE", help: "a text to validate on, instead of --validation" },
    sample: {
      value: "N",
      help: `sample at validations, in characters [${sampleLength}]`,
      number: { whole: true, min: 0 },
    },
    ...hostOptions("that train; same result [cores]"),
    ...launchOptions,
    ...processOptions,
    "save-every": { value: "N", help: "updates between savings [3 minutes]", number: { whole: true, min: 1 } },
    resume: { help: "continue training the model at --out" },
    overwrite: { help: "train again and replace the model at --out" },
    "allow-unknown": { help: "accept texts with many unknown characters" },
  },
  run,
};

async function run(given: Given): Promise<void> {
  const out = given.text("out");
  if (out !== undefined && (await startProcesses(given, out))) return;
  const together = await joinProcesses(given, train.options);
  await trainWith(given, together);
  await together?.close();
}

async function trainWith(given: Given, together: MpiCommunicator | undefined): Promise<void> {
  const isSpeaking = isFirst(together);
  const json = given.flag("json");
  const out = given.text("out");
  if (out === undefined)
    throw new InputError("--out is missing. Give the file to save the model in: --out model.safetensors.");
  if (json && given.number("sample") !== undefined) {
    throw new InputError("--sample: is not part of the JSON output. Give --sample or --json.");
  }
  const path = given.positionals[0] ?? mobyDick();
  const inputs = [path, given.text("cell"), given.text("validation-file")];
  const over = isSpeaking ? checkTarget(out, inputs, given) : undefined;
  const text = openTexts(path, "to train on", given.text("field"));
  if (isSpeaking && !json && isLarge(text)) {
    process.stderr.write(printable(`${path}: ${formatCount(text.bytes)} bytes, read from disk in parts\n`));
  }
  const host = { ...(together && { threads: together.threads }), ...hostOf(given) };
  const { target, name: engine } = await engineFor(host); // Its memory limits the model.
  const make = (): Task => (given.flag("resume") ? taskToGoOn(given, text, out) : newTask(given, text));
  const task = await fromFirst(together, make, encodeTask, (bytes) => decodeTask(bytes, given, text));
  const { lm, settings } = task;
  const { tokens, options } = task.stream;
  await checkSameTexts(together, { "the text": tokens, "the text of --validation-file": options.validationData });
  await roundingOf({ ...options, ...host }, target, engineOf);
  const name = given.positionals[0] ?? "Moby-Dick";

  const parameters = countParameters(lm.model);
  const vocabulary = vocabularySize(lm.tokenizer);
  const { stand } = task;
  if (stand !== undefined && hasNothingToDo(stand.where) && !keepsLast(task)) {
    if (!isSpeaking) return;
    if (!json) process.stderr.write(printable(`${whyNothing(stand, task, given, out)}\n`));
    else writeJson({ ...doneLine("nothing to do", stand), file: out });
    return;
  }
  if (!isSpeaking) {
    // The first process says it.
  } else if (json) {
    const ranks = together && { ranks: together.size };
    writeJson({ event: "start", parameters, vocabulary, tokens: tokens.length, engine, ...ranks });
  } else {
    const sizes = `${formatCount(tokens.length)} tokens, vocabulary ${formatCount(vocabulary)}`;
    const processes = together === undefined ? "" : `, ${together.size} processes`;
    const model = `${formatCount(parameters)} parameters, engine ${engine}${processes}`;
    process.stderr.write(printable(`${name}: ${sizes}, ${model}\n`));
    if (given.flag("resume")) process.stderr.write(printable(goesOn(task, out)));
  }

  const printer = json || !isSpeaking ? undefined : progressPrinter(lm.tokenizer.kind === "char");
  const first = task.resume?.step ?? 0;
  const saving = createSaving(out, task.before ?? { over }, (warning) => warn(warning, json));
  const bytesOf = ({ model, training }: Checkpoint) => writeLanguageModel({ ...lm, model, training });
  const stop = new AbortController();
  const [saveEvery, characters] = [given.number("save-every"), given.number("sample") ?? sampleLength];
  const prompt = promptOf(text);
  let atEnd = false;
  const said = together === undefined ? stopping : () => endingOf(together, out, saving.saved());
  const signals = listen(stop, said, () => printer?.end());
  try {
    const result = await fitStream(lm.model, tokens, {
      ...options,
      // The time counts from the start of the process.
      clock: () => performance.now(),
      ...host,
      resume: task.resume,
      signal: stop.signal,
      // Before training there is nothing to save, so a signal ends the process at once.
      callbacks: [{ onTrainBegin: signals.begin }],
      progressEvery: saveEvery,
      distributed: together,
      syncEvery: given.number("sync-every"),
      onProgress: async (p, checkpoint) => {
        if (!isSpeaking) return;
        printer?.show(p);
        if (json && p.step > 0) {
          const { step, epoch, loss, validationLoss, tokensPerSecond, elapsedMs } = p;
          writeJson({ event: "progress", step, epoch, loss, validationLoss, tokensPerSecond, elapsedMs });
        }
        const everyMs = saving.saved() === undefined && first < p.step ? retryEveryMs : saveEveryMs;
        const due = saveEvery === undefined ? saving.sinceMs() > everyMs : p.step % saveEvery === 0;
        const ends = p.milestone && p.done === 1;
        // A training with all its updates can still need its last validation.
        if (ends || (p.step > first && (p.milestone || due))) {
          const saved = await saving.save(bytesOf(checkpoint()), p.step);
          atEnd = saved && ends;
        }
        if (printer !== undefined && p.milestone && characters > 0) {
          const sample = await sampleOf(lm, { prompt, characters, seed: settings.seed, signal: stop.signal });
          if (!stop.signal.aborted) printer.sample(sample);
        }
      },
    });
    printer?.end();
    if (!isSpeaking) return;
    const checkpoint = { model: lm.model, training: result.state };
    const written = result.steps > first || !result.stopped;
    if (written && !atEnd) await saving.finish(bytesOf(checkpoint), result.steps);
    tell(result, { json, out, written });
  } catch (error) {
    printer?.end();
    if (!(error instanceof NonFiniteLoss) || !isSpeaking) throw error;
    const step = saving.saved();
    if (step !== undefined) {
      throw new InputError(
        `training: ${error.what}. ${out} has the state of update ${formatCount(step)}: continue from there with --resume` +
          `${error.advice === byRate ? " and a smaller --rate, or clip the gradients with --clip." : `. ${error.advice}`}`,
      );
    }
    if (!error.trained) throw new InputError(`${error.message} Nothing was saved.`);
    try {
      await saving.finish(writeLanguageModel({ ...lm, training: undefined }), undefined);
    } catch (problem) {
      throw problem instanceof InputError ? new InputError(`${error.message} ${problem.message}`) : problem;
    }
    throw new InputError(`${error.message} Saved as ${out}.`);
  } finally {
    signals.end();
  }
}

const stopping = (): string => "Stopping: the model is being saved. Ctrl-C again ends at once.";
/** With Ctrl-C mpirun asks every process to end, and so it does where one of them has ended. */
function endingOf({ rank, size }: MpiCommunicator, out: string, saved: number | undefined): string {
  if (rank > 0) return `Process ${rank} of ${size} is asked to end.`;
  const held = saved === undefined ? "Nothing is saved so far" : `${out} has update ${formatCount(saved)}`;
  return `Process 0 of ${size} is asked to end, and saves the model if all others are still there. ${held}.`;
}

/** The first signal stops the training; the second one ends the process. */
function listen(stop: AbortController, said: () => string, leave: () => void): { begin: () => void; end: () => void } {
  const onSignal = (): void => {
    if (stop.signal.aborted) {
      leave();
      process.exit(130);
    }
    stop.abort();
    process.stderr.write(`${said()}\n`);
  };
  // The model is also saved when the terminal is closed.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  return {
    begin() {
      for (const signal of signals) process.on(signal, onSignal);
    },
    end() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}

/** The last line of JSON: how the training ended, and which model the file holds. */
type Kept = Pick<FitStreamResult, "validationLoss" | "epoch"> & { readonly best?: FitStreamResult["best"] | undefined };
const doneLine = (ended: "finished" | "stopped" | "nothing to do", { best, validationLoss, epoch }: Kept) => ({
  ...{ event: "done", ended, kept: best ? "best" : "last" },
  ...{ validationLoss: best?.loss ?? validationLoss, epoch: best?.epoch ?? epoch },
});

type Telling = { readonly json: boolean; readonly out: string; readonly written: boolean };
function tell(result: FitStreamResult, { json, out, written }: Telling): void {
  const { best, tokensPerSecond, elapsedMs, stopped } = result;
  if (json) {
    const line = doneLine(stopped ? "stopped" : "finished", result);
    writeJson({ ...line, ...(!written && { kept: null }), tokensPerSecond, file: out });
    return;
  }
  const which =
    best === null
      ? "the last model"
      : `the best by validation, ${best.loss.toFixed(3)} at epoch ${best.epoch.toFixed(1)}`;
  const more = stopped ? " Continue with --resume." : "";
  const line = written
    ? `Saved ${out} after ${duration(elapsedMs)}: ${which}.${more}`
    : `Stopped before the first update: ${out} was not written.`;
  process.stderr.write(printable(`${line}\n`));
}

/** The model, its data, and the state from which to train. */
type Task = {
  readonly lm: LanguageModel;
  readonly stream: Stream;
  readonly settings: Settings;
  readonly resume?: TrainerState | undefined;
  /** If training continues: where it was, the options that differ from those in the file, and the file. */
  readonly stand?: Stand;
  readonly changed?: readonly string[];
  readonly before?: Before;
};

/** What other processes of the same training need of a task: the model's file, and the options. */
function encodeTask({ lm, settings, stand, resume }: Task): Uint8Array {
  const file = writeLanguageModel({ ...lm, training: resume });
  const options = new TextEncoder().encode(JSON.stringify({ settings, stand }));
  const bytes = new Uint8Array(4 + options.length + file.length);
  new DataView(bytes.buffer).setUint32(0, options.length);
  bytes.set(options, 4);
  bytes.set(file, 4 + options.length);
  return bytes;
}
function decodeTask(bytes: Uint8Array, given: Given, text: Source): Task {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const { settings, stand } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Pick<
    Task,
    "settings" | "stand"
  >;
  const lm = openByTask(bytes.slice(4 + length), "the first process's model", "`train`", {
    text: (content) => content,
  });
  const { tokens } = encodeSource(lm.tokenizer, text);
  const data = settings["validation-file"] ? validationOf(given, lm)?.tokens : undefined;
  return {
    lm,
    settings,
    stream: streamFor(lm, text, tokens, settings, data),
    resume: lm.training,
    ...(stand && { stand }),
  };
}

/** The arguments of `fitStream`. */
type Stream = { readonly tokens: Tokens; readonly options: FitStreamOptions };

function streamFor(
  lm: LanguageModel,
  text: Source,
  tokens: Tokens,
  settings: Settings,
  validationData?: Tokens,
): Stream {
  const options = { ...streamOptions(settings), validationData };
  return { tokens, options: { ...options, ...splitOf(lm.tokenizer, text, tokens, options) } };
}

/** A new model for the text. */
function newTask(given: Given, text: Source): Task {
  const wanted = settingsOf(given, { validationFile: given.text("validation-file") !== undefined });
  const { units, layers, embedding, dropout, vocabulary, seed } = wanted;
  const cell = readCell(wanted.cell);
  const { tokenizer, tokens } = learnTokens(wanted.tokens, text, { maxVocabulary: vocabulary, onUncounted });
  const settings = { ...wanted, ...keptForValidation(given, tokens.length, wanted) };
  const { batch, steps, optimizer, clipNorm, validationSplit } = streamOptions(settings);
  const training = { batch, steps, optimizer, clipNorm, validationSplit, engine: hostOf(given).engine };
  // Checked before the parameters are made, which takes long for a large model.
  if (vocabularySize(tokenizer) > 1)
    checkLength(tokens.length, { ...training, ...splitOf(tokenizer, text, tokens, training) });
  const sizes = { units, layers, embedding, dropout, seed };
  const made = inFile(wanted.cell, () =>
    languageModel(tokenizer, { cell, ...labelOf(cell, wanted.cell), ...sizes, training }),
  );
  const lm = { ...made, optimizer: settings.optimizer, options: remember(settings) };
  return { lm, stream: streamFor(lm, text, tokens, settings, readValidation(given, lm)), settings };
}

/**
 * The share of the text for validation; 0 if the text is so short that the default share is too small to validate on.
 */
function keptForValidation(given: Given, tokens: number, { validation = 0 }: Settings): { validation?: number } {
  const kept = Math.floor(tokens * validation);
  if (validation === 0 || kept > 1) return {};
  if (given.number("validation") === undefined) return { validation: 0 };
  throw new InputError(
    `--validation: ${validation} of ${formatCount(tokens)} tokens leaves ${kept} to validate on, and at least 2 are needed. ` +
      "Give a larger share, or 0 for no validation.",
  );
}

/** Report a text with more different words than are counted. */
function onUncounted(count: number): void {
  const first = formatCount(maxPieces);
  process.stderr.write(
    `The vocabulary is learned from the first ${first} different words of the text; ${formatCount(count)} others were not counted.\n`,
  );
}

/** Continue with the model at --out: at the same place in the same text, or at the beginning of another text. */
function taskToGoOn(given: Given, text: Source, out: string): Task {
  const bytes = readInput(out);
  const { optimizer = "adam", ...lm } = openByTask(bytes, out, "`train`", { text: (content) => content });
  if (Object.values(readSafetensors(bytes, out).tensors).some(({ dtype }) => dtype === "I8")) {
    throw new InputError(
      `${out}: its weights have 8 bits, for inference. Resume the training from the file that it was exported from.`,
    );
  }
  if (!isOptimizer(optimizer)) {
    throw new InputError(
      `${out}: was trained by "${optimizer}", which is not known here. Train again, with --overwrite.`,
    );
  }
  const file: Remembered = {
    file: out,
    model: lm.model,
    options: { ...(lm.options ?? optionsOfModel(lm)), optimizer },
  };
  checkModelOptions(given, file);
  const validationFile = given.text("validation-file") !== undefined;
  if (lm.options?.["validation-file"] === true && !validationFile) {
    throw new InputError(`--validation-file: ${out} was validated on a file. Give that file again.`);
  }
  const { tokens } = encodeSource(lm.tokenizer, text);
  const validationData = readValidation(given, lm);
  const standWith = (settings: Settings): Stand => {
    const data = settings["validation-file"] ? validationData : undefined;
    const { options } = streamFor(lm, text, tokens, settings, data);
    return standOf(lm.training, tokens, options);
  };
  const before = { anew: false, validationFile: lm.options?.["validation-file"] === true };
  const own = settingsToGoOn({ ...given, text: () => undefined, number: () => undefined }, file, before);
  const held = standWith(own);
  const { where } = held;
  if (where === "other validation" && before.validationFile) {
    throw new InputError(
      `--validation-file: ${given.text("validation-file")} is not the text that ${out} was validated on, which cannot ` +
        "change with --resume. Give that text; or train again, with --overwrite.",
    );
  }
  const anew = differences[where] !== undefined;
  if (!anew) checkTrainingOptions(given, file);
  else if (where === "other text" && given.positionals.length === 0) {
    throw new InputError(
      `${out}: was trained on another text than Moby-Dick. Give that FILE, or another one to continue with.`,
    );
  }
  checkUnknown(given.positionals[0] ?? "Moby-Dick", lm, text, { tokens, ...unknownOptions(given) });
  const asked = settingsToGoOn(given, file, { anew, validationFile });
  const there = anew ? held : standWith(asked);
  // A training by minutes can have been stopped in a last validation that took longer; that validation is still to do.
  const fewer = (asked.minutes ?? asked.epochs ?? 0) < (own.minutes ?? own.epochs ?? 0);
  const stand: Stand = there.where === "past" && !fewer ? { ...there, where: "under way" } : there;
  // A smaller length than the model has been trained for is not a request to train.
  const settings = hasNothingToDo(stand.where) ? { ...own, keep: asked.keep } : asked;
  return {
    lm: { ...lm, optimizer, options: remember(settings, file) },
    stream: streamFor(lm, text, tokens, settings, validationData),
    settings,
    resume: lm.training && (anew ? { ...lm.training, place: undefined } : lm.training),
    stand,
    changed: changedOptions(given, own),
    before: { step: lm.training?.step ?? 0, over: digestOf(bytes) },
  };
}

const hasNothingToDo = (where: Stand["where"]): boolean => where === "ended" || where === "past";

/** Whether the only task is to replace the best model of a finished training by its last model. */
const keepsLast = ({ stand, settings }: Task): boolean =>
  stand?.where === "ended" && stand.best !== undefined && settings.keep === "last";

function whyNothing({ where, had }: Stand, { settings, changed = [] }: Task, given: Given, out: string): string {
  const measure = settings.minutes === undefined ? "epochs" : "minutes";
  const more = `To train longer, give a larger --${measure}, in all.`;
  if (where === "ended") {
    return `${out}: its training of ${lengthOf(settings)} is finished${unchanged(changed)}. ${more}`;
  }
  const count = had.toLocaleString("en-US", { maximumSignificantDigits: 4 });
  return `${out}: has been trained for ${count} ${measure} already, more than ${given.text(measure)}; nothing was changed. ${more}`;
}

const unchanged = (options: readonly string[]): string =>
  options.length === 0
    ? ""
    : `, and ${options.map((name) => `--${name}`).join(" and ")} change${options.length === 1 ? "s" : ""} nothing`;

function goesOn(task: Task, out: string): string {
  const { stand, changed = [], resume, settings } = task;
  if (keepsLast(task)) {
    const rest = unchanged(changed.filter((name) => name !== "keep"));
    return `${out}: its training of ${lengthOf(settings)} is finished${rest}; its last model replaces the best one.\n`;
  }
  const differs = stand && differences[stand.where];
  if (differs !== undefined) return `${out}: ${differs}; training starts again with this text.\n`;
  return `Continuing after update ${formatCount(resume?.step ?? 0)}, to ${lengthOf(settings)} in all.\n`;
}

/** The reasons why a training starts again; without a reason, it continues. */
const differences: { readonly [Where in Stand["where"]]: string | undefined } = {
  ...{ "under way": undefined, ended: undefined, past: undefined },
  "no place": "does not say how far its training was",
  "other text": "was trained on another text",
  "other batches": "was trained on this text with another batch size or number of steps",
  "other validation": "was trained on this text with another part for validation",
};

function lengthOf({ epochs, minutes }: Settings): string {
  const [count, unit] = minutes === undefined ? [epochs, "epoch"] : [minutes, "minute"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

const unknownOptions = (given: Given) => ({ allowed: given.flag("allow-unknown"), json: given.flag("json") });

function readValidation(given: Given, lm: LanguageModel): Tokens | undefined {
  const read = validationOf(given, lm);
  if (read === undefined) return undefined;
  const { path, text, tokens } = read;
  checkUnknown(path, lm, text, { tokens, ...unknownOptions(given) });
  return tokens;
}
function validationOf(given: Given, lm: LanguageModel) {
  const path = given.text("validation-file");
  if (path === undefined) return undefined;
  const text = openTexts(path, "to validate on", isLines(path) ? given.text("field") : undefined);
  const { tokens } = encodeSource(lm.tokenizer, text);
  if (tokens.length < 2) throw new InputError(`${path}: has 1 token, and at least 2 are needed. Give a longer text.`);
  return { path, text, tokens };
}

/**
 * The first words of the text. A model early in its training fails without a prompt: at the start of a line it tries
 * capital letters, of which it has seen too few.
 */
function promptOf(text: Source): string {
  const start = openingOf(text, 1000);
  const opening = start.slice(0, graphemeEnd(start, 100));
  return opening.slice(0, opening.lastIndexOf(" ") + 1) || opening;
}

type SampleOptions = Pick<GenerateOptions, "prompt" | "seed" | "signal"> & { readonly characters: number };

/**
 * A sample of the model's text; if it fails, training continues. It uses one thread: it is short, and threads that wait
 * for each other at every step lose far more than they gain while other programs run.
 */
async function sampleOf(model: LanguageModel, { characters, ...options }: SampleOptions): Promise<string> {
  let written = "";
  try {
    for await (const piece of generate(model, {
      ...options,
      length: characters,
      temperature: 0.8,
      threads: 1,
    })) {
      written += piece;
      if (written.length >= characters) break;
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `(no sample: ${error.message})`;
  }
  return written.slice(0, graphemeEnd(written, characters));
}

/** Check that the model replaces no other file, and no model that somebody may want. Returns what it may replace. */
function checkTarget(out: string, inputs: readonly (string | undefined)[], given: Given): Before["over"] {
  const [resume, overwrite] = [given.flag("resume"), given.flag("overwrite")];
  if (resume && overwrite) {
    throw new InputError(
      "--overwrite: trains again, and --resume continues with the existing model. Give one of the two.",
    );
  }
  checkWritable(out);
  const old = statOf(out);
  if (old === undefined && resume) throw new InputError(`${out}: there is no model to resume. Leave out --resume.`);
  if (old?.isFIFO())
    throw new InputError(`${out}: is a pipe, and training saves its model several times. Give a file.`);
  if (old === undefined || !old.isFile()) return overwrite ? undefined : null;
  for (const input of inputs) {
    const one = input === undefined ? undefined : statOf(input);
    if (one !== undefined && one.ino === old.ino && one.dev === old.dev) {
      throw new InputError(`${out}: is the text to train on. Give another name for the model.`);
    }
  }
  if (old.size > 0 && !isModel(out)) {
    throw new InputError(`${out}: exists and is not a model. Give another name, or delete it first.`);
  }
  if (old.size > 0 && !resume && !overwrite) {
    throw new InputError(
      `${out}: a model exists here. Give --resume to continue with it, or --overwrite to train again.`,
    );
  }
  return overwrite ? undefined : digestOf(new Uint8Array());
}

/** The text that the build puts next to the program. */
export function mobyDick(): string {
  const path = fileURLToPath(new URL("../studio/data/moby-dick.txt", import.meta.url));
  if (!existsSync(path)) throw new InputError("Moby-Dick is not in this installation. Give a FILE to train on.");
  return path;
}
