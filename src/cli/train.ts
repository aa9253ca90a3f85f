/** `unrolled train`: a text in, a trained model file out. */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkWritable, readInput, writeFileAtomically } from "../formats/files.ts";
import { graphemeEnd } from "../graph/excerpt.ts";
import { InputError } from "../graph/input-error.ts";
import { countParameters } from "../nn/model.ts";
import {
  checkLength,
  type GenerateOptions,
  generate,
  type LanguageModel,
  languageModel,
  readLanguageModel,
  splitOf,
  trainLanguageModel,
  writeLanguageModel,
} from "../tasks/language-model.ts";
import { mostCounted } from "../text/parts.ts";
import { defaultVocabulary, type Tokenizer, trainTokenizer, vocabularySize } from "../text/tokenizer.ts";
import { fitDefaults } from "../train/fit-stream.ts";
import { NonFiniteLoss } from "../train/non-finite.ts";
import { adam, adamW, asgd, nadam, type Optimizer, rmsprop, sgd } from "../train/optimizers.ts";
import type { Tokens } from "../train/token-source.ts";
import { readCell } from "./cell-argument.ts";
import { type Command, type Given, seedRange } from "./options.ts";
import { formatCount, printable, writeJson } from "./output.ts";
import { duration, progressPrinter } from "./progress.ts";
import { field } from "./texts.ts";
import { encodeSource, isLarge, openingOf, openTexts, type Source } from "./tokens.ts";

type OptimizerChoice = {
  readonly make: (options: { learningRate: number }) => Optimizer;
  /** Good for text by characters. */
  readonly rate: number;
};
const optimizers: Readonly<Record<string, OptimizerChoice>> = {
  adam: { make: adam, rate: fitDefaults.learningRate },
  adamw: { make: adamW, rate: fitDefaults.learningRate },
  nadam: { make: nadam, rate: fitDefaults.learningRate },
  rmsprop: { make: rmsprop, rate: fitDefaults.learningRate },
  sgd: { make: sgd, rate: 8 },
  asgd: { make: asgd, rate: 8 },
};

/** Two lines of a terminal of 80 columns. */
const sampleLength = 140;

const positive = { whole: true, min: 1, max: 2 ** 31 - 1 } as const;

export const train: Command = {
  name: "train",
  usage: "train [FILE|FOLDER] --out MODEL.safetensors [options]",
  summary: "train a text model, on Moby-Dick where no FILE is given",
  details: "Validates after each epoch or minute, 4 to 20 times.\nCtrl-C stops the training and saves the model.",
  examples: [
    "train book.txt --out book.safetensors --units 512 --minutes 10",
    "train book.txt --out book.safetensors --resume",
  ],
  outlivesReader: true,
  arguments: [0, 1],
  options: {
    out: { value: "MODEL", help: "where the model goes" },
    field,
    cell: { value: "CELL", help: "a built-in cell's name or a file of equations [lstm]" },
    units: { value: "N", help: "features of a state [128]", number: positive },
    layers: { value: "N", help: "recurrent layers [1]", number: { whole: true, min: 1, max: 100 } },
    embedding: { value: "N", help: "features of a token [units, at most 64]", number: positive },
    dropout: { value: "RATE", help: "of the values between layers [0]", number: { min: 0, max: 0.99 } },
    tokens: { value: "KIND", help: "what a token is [char]", choices: ["char", "word", "bpe"] },
    vocabulary: {
      value: "N",
      help: `largest, of words [${defaultVocabulary.word}] or byte pairs [${defaultVocabulary.bpe}]`,
      number: positive,
    },
    batch: { value: "N", help: `places of the text read side by side [${fitDefaults.batch}]`, number: positive },
    steps: { value: "N", help: `time steps that the gradient reaches back [${fitDefaults.steps}]`, number: positive },
    epochs: { value: "X", help: `passes over the text [${fitDefaults.epochs}]`, number: { above: 0 } },
    minutes: { value: "X", help: "train this long instead", number: { above: 0 } },
    optimizer: { value: "NAME", help: "trains [adam]", choices: Object.keys(optimizers) },
    rate: {
      value: "X",
      help: `learning rate at the start [${fitDefaults.learningRate}; of sgd and asgd 8]`,
      number: { above: 0 },
    },
    clip: { value: "X", help: `largest norm of the gradients [${fitDefaults.clipNorm}]`, number: { above: 0 } },
    seed: { value: "N", help: "of the first values and of dropout [0]", number: seedRange },
    validation: {
      value: "X",
      help: `share of the text, at its end, not trained on [${fitDefaults.validationSplit}]`,
      number: { min: 0, max: 0.9 },
    },
    sample: {
      value: "N",
      help: `characters it writes at each validation, 0 none [${sampleLength}]`,
      number: { whole: true, min: 0 },
    },
    threads: {
      value: "N",
      help: "threads that train; the result is the same [cores]",
      number: { whole: true, min: 1, max: 64 },
    },
    resume: { help: "go on with the model that is at --out" },
  },
  run,
};

async function run(given: Given): Promise<void> {
  const json = given.flag("json");
  const out = given.text("out");
  if (out === undefined) throw new InputError("--out is missing: say where the model goes, --out model.safetensors.");
  const [file] = given.positionals;
  const path = file ?? mobyDick();
  const text = openTexts(path, "to train on", given.text("field"));
  if (given.number("minutes") !== undefined && given.number("epochs") !== undefined) {
    throw new InputError("--minutes: trains that long instead of a number of epochs. Give one of the two.");
  }
  if (json && given.number("sample") !== undefined) {
    throw new InputError("--sample: is for reading along, and --json has no line for it. Give one of the two.");
  }
  checkTarget(out, [path, given.text("cell")]);

  if (!json && isLarge(text)) {
    process.stderr.write(printable(`${path}: ${formatCount(text.bytes)} bytes, read from disk in parts\n`));
  }
  const seed = given.number("seed") ?? 0;
  const started = start(given, text, out, seed);
  const perCharacter = started.tokenizer.kind === "char";
  const parameters = countParameters(started.model);
  const vocabulary = vocabularySize(started.tokenizer);
  const { tokens: stream } = started;
  const tokens = stream.length;
  if (json) writeJson({ event: "start", parameters, vocabulary, tokens });
  else {
    const sizes = `${formatCount(tokens)} tokens, vocabulary ${formatCount(vocabulary)}`;
    process.stderr.write(printable(`${file ?? "Moby-Dick"}: ${sizes}, ${formatCount(parameters)} parameters\n`));
  }

  const printer = json ? undefined : progressPrinter(perCharacter);
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) {
      printer?.end();
      process.exit(130);
    }
    stop.abort();
    process.stderr.write("Stopping: the model is being saved. Ctrl-C again leaves at once.\n");
  };
  // A terminal that is closed is no reason to lose the model either.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const minutes = given.number("minutes");
  const epochs = given.number("epochs") ?? fitDefaults.epochs;
  const characters = given.number("sample") ?? sampleLength;
  const prompt = promptOf(text);
  const { make, rate } = optimizers[started.optimizer] as OptimizerChoice;
  try {
    const result = await trainLanguageModel(started, stream, {
      batch: given.number("batch") ?? fitDefaults.batch,
      steps: given.number("steps") ?? fitDefaults.steps,
      epochs,
      ...(minutes === undefined ? {} : { minutes }),
      optimizer: make({ learningRate: given.number("rate") ?? rate }),
      clipNorm: given.number("clip") ?? fitDefaults.clipNorm,
      ...splitOf(started.tokenizer, text, stream, {
        validationSplit: given.number("validation") ?? fitDefaults.validationSplit,
      }),
      validations: validationsOf(minutes ?? epochs),
      seed,
      threads: given.number("threads"),
      resume: started.training,
      signal: stop.signal,
      onProgress: async (p) => {
        printer?.show(p);
        if (printer === undefined) {
          const { step, epoch, loss, validationLoss, tokensPerSecond, elapsedMs } = p;
          if (step > 0) writeJson({ event: "progress", step, epoch, loss, validationLoss, tokensPerSecond, elapsedMs });
        } else if (p.milestone && characters > 0) {
          const sample = await sampleOf(started, { prompt, characters, seed, signal: stop.signal });
          if (!stop.signal.aborted) printer.sample(sample);
        }
      },
    });
    printer?.end();
    writeFileAtomically(out, writeLanguageModel({ ...started, training: result.state }));
    const { validationLoss, tokensPerSecond, elapsedMs } = result;
    if (json) writeJson({ event: "done", validationLoss, tokensPerSecond, file: out });
    else process.stderr.write(printable(`Saved ${out} after ${duration(elapsedMs)}.\n`));
  } catch (error) {
    printer?.end();
    if (error instanceof NonFiniteLoss) {
      if (!error.trained) throw new InputError(`${error.message} Nothing was saved.`);
      writeFileAtomically(out, writeLanguageModel({ ...started, training: undefined }));
      throw new InputError(`${error.message} Saved as ${out}.`);
    }
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

/** One an epoch or a minute, or one each few of them; four where they are few. */
const validationsOf = (count: number): number =>
  count < fitDefaults.validations ? fitDefaults.validations : count / Math.ceil(count / 20);

/**
 * The first words. From nothing a young model goes astray: at the start of a line it tries capitals, of which it has seen
 * too few to find back.
 */
function promptOf(text: Source): string {
  const start = openingOf(text, 1000);
  const opening = start.slice(0, graphemeEnd(start, 100));
  return opening.slice(0, opening.lastIndexOf(" ") + 1) || opening;
}

type SampleOptions = Pick<GenerateOptions, "prompt" | "seed" | "signal"> & { readonly characters: number };

/**
 * What the model writes by now; that it cannot is no reason to end its training. On one thread: it is short, and several
 * that wait for each other at every step lose far more than they gain where other programs run too.
 */
async function sampleOf(model: LanguageModel, { characters, ...options }: SampleOptions): Promise<string> {
  let written = "";
  try {
    for await (const piece of generate(model, { ...options, length: characters, temperature: 0.8, threads: 1 })) {
      written += piece;
      if (written.length >= characters) break;
    }
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `(no sample: ${error.message})`;
  }
  return written.slice(0, graphemeEnd(written, characters));
}

/** The model must not take the place of something else. */
function checkTarget(out: string, inputs: readonly (string | undefined)[]): void {
  checkWritable(out);
  const old = statSync(out, { throwIfNoEntry: false });
  if (old === undefined || !old.isFile()) return;
  for (const input of inputs) {
    const one = input === undefined ? undefined : statSync(input, { throwIfNoEntry: false });
    if (one !== undefined && one.ino === old.ino && one.dev === old.dev) {
      throw new InputError(`${out}: is what the training reads. Give another name for the model.`);
    }
  }
  // A safetensors file has its header's length, below 100 MB, in 8 bytes, then the header, an object.
  const start = new Uint8Array(9);
  const file = openSync(out, "r");
  try {
    readSync(file, start);
  } finally {
    closeSync(file);
  }
  if (old.size > 0 && !(start[8] === 0x7b && start.subarray(4, 8).every((byte) => byte === 0))) {
    throw new InputError(`${out}: is there, and is no model. Give another name, or delete it first.`);
  }
}

type Started = LanguageModel & { readonly optimizer: string; readonly tokens: Tokens };

/** A new model, or the one to go on with, and what trains it, on which tokens. */
function start(given: Given, text: Source, out: string, seed: number): Started {
  if (given.flag("resume")) {
    if (!existsSync(out)) throw new InputError(`${out}: there is no model to resume. Leave out --resume.`);
    const fixed = ["cell", "units", "layers", "embedding", "dropout", "tokens", "vocabulary", "optimizer"];
    const changed = fixed.find((name) => given.text(name) !== undefined);
    if (changed !== undefined) {
      throw new InputError(`--${changed}: cannot change with --resume; the model in ${out} has its own.`);
    }
    const { optimizer = "adam", ...read } = readLanguageModel(readInput(out), out);
    if (Object.hasOwn(optimizers, optimizer)) {
      return { ...read, optimizer, tokens: encodeSource(read.tokenizer, text).tokens };
    }
    throw new InputError(`${out}: was trained by "${optimizer}", which is not known here. Leave out --resume.`);
  }
  const kind = (given.text("tokens") ?? "char") as Tokenizer["kind"];
  const maxVocabulary = given.number("vocabulary");
  if (kind === "char" && maxVocabulary !== undefined) {
    throw new InputError("--vocabulary: limits words or byte pairs, and the tokens are characters. Add --tokens word.");
  }
  if (kind === "bpe" && maxVocabulary !== undefined && maxVocabulary < 256) {
    throw new InputError(
      `--vocabulary: needs at least 256 of byte pairs, for every byte is a token, got ${maxVocabulary}.`,
    );
  }
  const cell = readCell(given.text("cell") ?? "lstm");
  const tokenizer = trainTokenizer(kind, text, { maxVocabulary, onUncounted });
  const { tokens } = encodeSource(tokenizer, text);
  const training = {
    batch: given.number("batch") ?? fitDefaults.batch,
    steps: given.number("steps") ?? fitDefaults.steps,
    validationSplit: given.number("validation") ?? fitDefaults.validationSplit,
  };
  // Before the values are made: with many it takes long.
  if (vocabularySize(tokenizer) > 1)
    checkLength(tokens.length, { ...training, ...splitOf(tokenizer, text, tokens, training) });
  const lm = languageModel(tokenizer, {
    cell,
    units: given.number("units") ?? 128,
    layers: given.number("layers") ?? 1,
    dropout: given.number("dropout") ?? 0,
    seed,
    training,
    ...(given.number("embedding") === undefined ? {} : { embedding: given.number("embedding") as number }),
  });
  return { ...lm, optimizer: given.text("optimizer") ?? "adam", tokens };
}

/** Said where a text has more different words than are counted. */
function onUncounted(count: number): void {
  const first = formatCount(mostCounted);
  process.stderr.write(
    `The vocabulary is learned from the first ${first} different words of the text; ${formatCount(count)} other ones were not counted.\n`,
  );
}

/** The text that the build puts beside the program. */
function mobyDick(): string {
  const path = fileURLToPath(new URL("../studio/data/moby-dick.txt", import.meta.url));
  if (!existsSync(path)) throw new InputError("Moby-Dick is not in this installation: give a FILE to train on.");
  return path;
}
