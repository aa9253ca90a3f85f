/** `unrolled train`: a text in, a trained model file out. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkWritable, decodeText, readInput, writeFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { countParameters } from "../nn/model.ts";
import { languageModel, readLanguageModel, trainLanguageModel, writeLanguageModel } from "../tasks/language-model.ts";
import { encode } from "../text/tokenizer.ts";
import { NonFiniteLoss } from "../train/fit.ts";
import { adam } from "../train/optimizers.ts";
import { readCell } from "./cell-argument.ts";
import type { Command, Given } from "./options.ts";
import { duration, progressPrinter } from "./progress.ts";

const positive = { whole: true, min: 1 } as const;

export const train: Command = {
  name: "train",
  usage: "train [FILE] --out MODEL.safetensors [options]",
  help: "Train a text model. Without FILE: on Moby-Dick. Ctrl-C stops and keeps the model.",
  arguments: [0, 1],
  options: {
    out: { value: "MODEL", help: "where the model goes" },
    cell: { value: "CELL", help: "a built-in cell's name or a file of equations [lstm]" },
    units: { value: "N", help: "features of a state [256]", number: positive },
    layers: { value: "N", help: "recurrent layers [1]", number: positive },
    embedding: { value: "N", help: "features of a token [units, at most 64]", number: positive },
    dropout: { value: "RATE", help: "of the values between layers [0]", number: { min: 0, max: 0.99 } },
    tokens: { value: "KIND", help: "what a token is [char]", choices: ["char", "word"] },
    vocabulary: { value: "N", help: "largest vocabulary of words [10000]", number: positive },
    batch: { value: "N", help: "places of the text read side by side [32]", number: positive },
    steps: { value: "N", help: "time steps that the gradient reaches back [64]", number: positive },
    epochs: { value: "X", help: "passes over the text [4]", number: { above: 0 } },
    minutes: { value: "X", help: "train this long instead", number: { above: 0 } },
    rate: { value: "X", help: "learning rate of Adam at the start [0.004]", number: { above: 0 } },
    clip: { value: "X", help: "largest norm of the gradients [5]", number: { above: 0 } },
    seed: { value: "N", help: "of the first values and of dropout [0]", number: { whole: true } },
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
  const text = decodeText(readInput(path), path);
  if (text === "") throw new InputError(`${path}: the file is empty. Give a text to train on.`);
  checkWritable(out);

  const seed = given.number("seed") ?? 0;
  const started = start(given, text, out, seed);
  const perCharacter = started.tokenizer.kind === "char";
  const emit = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const parameters = countParameters(started.model);
  const vocabulary = started.tokenizer.vocabulary.length;
  const tokens = encode(started.tokenizer, text).length;
  if (json) emit({ event: "start", parameters, vocabulary, tokens });
  else {
    const count = (n: number): string => n.toLocaleString("en");
    process.stderr.write(
      `${file ?? "Moby-Dick"}: ${count(tokens)} tokens, vocabulary ${count(vocabulary)}, ${count(parameters)} parameters\n`,
    );
  }

  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    process.stderr.write("\nStopping: the model is being saved. Ctrl-C again leaves at once.\n");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  const printer = json ? undefined : progressPrinter(perCharacter);
  const minutes = given.number("minutes");
  try {
    const result = await trainLanguageModel(started, text, {
      batch: given.number("batch") ?? 32,
      steps: given.number("steps") ?? 64,
      epochs: given.number("epochs") ?? 4,
      ...(minutes === undefined ? {} : { minutes }),
      optimizer: adam({ learningRate: given.number("rate") ?? 0.004 }),
      clipNorm: given.number("clip") ?? 5,
      seed,
      resume: started.training,
      signal: stop.signal,
      onProgress: (p) => {
        if (!json) printer?.show(p);
        else {
          const { step, epoch, loss, validationLoss, tokensPerSecond, elapsedMs } = p;
          emit({ event: "progress", step, epoch, loss, validationLoss, tokensPerSecond, elapsedMs });
        }
      },
    });
    printer?.end();
    writeFileAtomically(out, writeLanguageModel({ ...started, training: result.state }));
    const { validationLoss, tokensPerSecond, elapsedMs } = result;
    if (json) emit({ event: "done", validationLoss, tokensPerSecond, file: out });
    else process.stderr.write(`Saved ${out} after ${duration(elapsedMs)}.\n`);
  } catch (error) {
    printer?.end();
    if (error instanceof NonFiniteLoss) {
      writeFileAtomically(out, writeLanguageModel({ ...started, training: undefined }));
      throw new InputError(`${error.message} Saved as ${out}.`);
    }
    throw error;
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

/** A new model, or the one to go on with. */
function start(given: Given, text: string, out: string, seed: number) {
  if (given.flag("resume")) {
    if (!existsSync(out)) throw new InputError(`${out}: there is no model to resume. Leave out --resume.`);
    const fixed = ["cell", "units", "layers", "embedding", "dropout", "tokens", "vocabulary"];
    const changed = fixed.find((name) => given.text(name) !== undefined);
    if (changed !== undefined) {
      throw new InputError(`--${changed}: cannot change with --resume; the model in ${out} has its own.`);
    }
    return readLanguageModel(readInput(out), out);
  }
  return languageModel(text, {
    cell: readCell(given.text("cell") ?? "lstm"),
    units: given.number("units") ?? 256,
    layers: given.number("layers") ?? 1,
    dropout: given.number("dropout") ?? 0,
    tokens: (given.text("tokens") ?? "char") as "char" | "word",
    maxVocabulary: given.number("vocabulary") ?? 10_000,
    seed,
    ...(given.number("embedding") === undefined ? {} : { embedding: given.number("embedding") as number }),
  });
}

/** The text that the build puts beside the program. */
function mobyDick(): string {
  const path = fileURLToPath(new URL("../data/moby-dick.txt", import.meta.url));
  if (!existsSync(path)) throw new InputError("Moby-Dick is not in this installation: give a FILE to train on.");
  return path;
}
