/** `unrolled tag`: train a tagger of words on sentences in columns, or label sentences with one. */
import { engineFor } from "../engines/registry.ts";
import { parseConll, type TaggedSentence } from "../formats/conll.ts";
import { decodeText } from "../formats/decode-text.ts";
import { readInput, writeFileAtomically } from "../formats/files.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters } from "../nn/model.ts";
import { openByTask } from "../tasks/index.ts";
import { targetsOf } from "../tasks/tag/evaluate.ts";
import { tagReadings } from "../tasks/tag/input.ts";
import {
  evaluateTagger,
  type Tagger,
  type TaggerEvaluation,
  type TaggerOptions,
  type TaggerProgress,
  tagger,
  tag as tagSentences,
  trainTagger,
  writeTagger,
} from "../tasks/tag.ts";
import { labelOf, readCell } from "./cell-argument.ts";
import { hostOf, hostOptions, usableHostOf } from "./host-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { type Command, type Given, type Options, refuseTrainingOptions, seedRange } from "./options.ts";
import { alignColumns, formatCount, printable, warn, writeJson } from "./output.ts";
import { checkOutputs } from "./outputs.ts";
import { savingBest } from "./saving.ts";

const whole = { whole: true, min: 1, max: 1_000_000 } as const;
/** Where tokens and labels stand in a file of columns. */
export const conllColumns: Options = {
  "token-column": { value: "N", help: "column of the words, from 1 [1]", number: { ...whole, max: 1000 } },
  "label-column": { value: "N", help: "column of the labels, from 1 [last]", number: { ...whole, max: 1000 } },
};

const trainingOnly = [
  ...[
    "test",
    "input",
    "no-crf",
    "cell",
    "units",
    "layers",
    "embedding",
    "min-count",
    "dropout",
    "epochs",
    "batch",
    "rate",
  ],
  ...["validation", "patience", "seed"],
];

export const tag: Command = {
  name: "tag",
  usage: "tag FILE.conll --out MODEL | tag FILE... --model MODEL",
  summary: "label the words of sentences: names, parts of speech",
  details: [
    "FILE.conll has a line a word, with its label in the last column, and an empty",
    "line after each sentence, as in CoNLL-2003; CoNLL-U is known by its columns.",
    "With --out it trains on most sentences and measures the model on the others,",
    "or on those of --test.",
    "",
    "With --model it writes each word of FILE with its label. FILE has words in",
    "columns or, with --lines, a sentence a line; - is standard input.",
  ].join("\n"),
  examples: [
    "tag train.conll --test test.conll --out names.safetensors",
    "tag today.txt --lines --model names.safetensors",
    "tag en-ud.conllu --out parts.safetensors --input characters",
  ],
  outlivesReader: true,
  arguments: [1, 1000],
  options: {
    out: { value: "MODEL", help: "train, and save the model here" },
    model: { value: "MODEL", help: "label words with this model" },
    test: { value: "FILE", help: "sentences to measure the trained model on" },
    lines: { help: "with --model: a sentence a line, words between blanks" },
    ...conllColumns,
    input: { value: "WHAT", help: "what is read of a word [words+characters]", choices: tagReadings },
    "no-crf": { help: "choose each label for itself" },
    cell: { value: "CELL", help: "built-in, or a file of equations [lstm]" },
    units: { value: "N", help: "of each layer and direction [64]", number: whole },
    layers: { value: "N", help: "recurrent layers [1]", number: { ...whole, max: 100 } },
    embedding: { value: "N", help: "features of a word's vector [50]", number: whole },
    "min-count": { value: "N", help: "how often a word comes that is known [1]", number: whole },
    dropout: { value: "X", help: "rate of dropout [0.3]", number: { min: 0, max: 0.95 } },
    epochs: { value: "N", help: "passes over the sentences, at most [20]", number: whole },
    batch: { value: "N", help: "sentences side by side [16]", number: whole },
    rate: { value: "X", help: "learning rate of Adam [0.005]", number: { above: 0 } },
    validation: { value: "X", help: "share of the sentences held out [0.1]", number: { min: 0, max: 0.9 } },
    patience: { value: "N", help: "epochs without a better validation loss [5]", number: whole },
    seed: { value: "N", help: "of values, order, dropout [0]", number: seedRange },
    overwrite: { help: "replace the model at --out" },
    ...hostOptions("that work; same result [cores]"),
  },
  async run(given) {
    const [out, model] = [given.text("out"), given.text("model")];
    if ((out === undefined) === (model === undefined)) {
      throw new InputError(
        out === undefined
          ? "give --out MODEL to train, or --model MODEL to label words with one."
          : "--out trains a model and --model labels words with one. Give one of the two.",
      );
    }
    if (out !== undefined) return train(given, out);
    refuseTrainingOptions(given, trainingOnly);
    const file = model as string;
    await openByTask(readInput(file), file, "`tag`", { tag: (of) => labelFiles(of, file, given) });
  },
};

/** The sentences of a file, or of standard input. */
export function readSentences(path: string, given: Given, labelled = true): TaggedSentence[] {
  const name = path === "-" ? "standard input" : path;
  const [tokenColumn, labelColumn] = [given.number("token-column"), given.number("label-column")];
  return parseConll(readInput(path === "-" ? "/dev/stdin" : path), {
    ...{ name, labelled },
    ...(tokenColumn !== undefined && { tokenColumn }),
    ...(labelColumn !== undefined && { labelColumn }),
  });
}

async function train(given: Given, out: string): Promise<void> {
  const json = given.flag("json");
  const [path, ...more] = given.positionals as readonly [string, ...string[]];
  if (given.flag("lines")) throw new InputError("--lines: has no labels to learn. It is for --model.");
  const test = given.text("test");
  const files = [path, ...more];
  checkOutputs([out], [...files, ...(test === undefined ? [] : [test])], given);
  const host = hostOf(given);
  const { name: engine } = await engineFor(host);
  const sentences = files.flatMap((file) => readSentences(file, given));
  const held = test === undefined ? undefined : readSentences(test, given);
  const of = tagger(sentences, optionsOfModel(given));
  // What cannot be measured is said before the training.
  if (held !== undefined) targetsOf(of, held);
  const words = sentences.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const parameters = countParameters(of.model);
  const start = { parameters, sentences: sentences.length, words, labels: of.labels, engine };
  if (json) writeJson({ event: "start", ...start });
  else {
    const said = `${formatCount(sentences.length)} sentences, ${formatCount(words)} words, ${of.labels.length} labels, ${formatCount(parameters)} parameters, engine ${engine}`;
    process.stderr.write(printable(`${path}: ${said}\n`));
  }
  const settings = numbersOf(given, {
    ...{ epochs: "epochs", batchSize: "batch", learningRate: "rate" },
    ...{ validation: "validation", patience: "patience", seed: "seed" },
  });
  const startedMs = performance.now();
  const bytes = () => writeTagger({ ...of, options: settings });
  const saveBest = savingBest(out, bytes, (warning) => warn(warning, json));
  const { result } = await untilInterrupted("Stopping: the best so far is saved.", (signal) =>
    trainTagger(of, sentences, {
      ...settings,
      ...host,
      signal,
      onEpoch(progress) {
        saveBest(progress.validationLoss);
        const elapsedMs = Math.round(performance.now() - startedMs);
        if (json) writeJson({ event: "progress", ...progress, elapsedMs });
        else process.stderr.write(`${progressLine(progress, elapsedMs)}\n`);
      },
    }),
  );
  const { validation, bestEpoch, epochs } = result;
  if (epochs === 0) {
    // Only a signal ends it so early; the code is that of a process that it ends.
    process.exitCode = 130;
    process.stderr.write("Stopped before the end of an epoch: nothing is saved.\n");
    return;
  }
  writeFileAtomically(out, bytes());
  const measured = held === undefined ? undefined : await evaluateTagger(of, held, host);
  if (json) {
    const measures = { ...(validation && { validation }), ...(measured && { test: measured }) };
    return writeJson({ event: "done", epochs, bestEpoch, ...measures, file: out });
  }
  if (validation !== undefined) {
    process.stdout.write(`Of sentences held out, by the model of epoch ${bestEpoch}:\n${evaluationText(validation)}\n`);
  }
  if (measured !== undefined) process.stdout.write(printable(`\nOf ${test}:\n${evaluationText(measured)}\n`));
  process.stderr.write(printable(`Saved ${out} after ${epochs} epoch${epochs === 1 ? "" : "s"}.\n`));
}

/** The options that are given as numbers, by their names in the library. */
const numbersOf = (given: Given, names: Readonly<Record<string, string>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, option]) => {
      const value = given.number(option);
      return value === undefined ? [] : [[name, value]];
    }),
  );

function optionsOfModel(given: Given): TaggerOptions {
  const cell = given.text("cell");
  const own = cell === undefined ? undefined : readCell(cell);
  return {
    ...(own !== undefined && { cell: own, ...(typeof own === "string" ? {} : labelOf(own, cell as string)) }),
    ...numbersOf(given, {
      ...{ units: "units", layers: "layers", embedding: "embedding" },
      ...{ minCount: "min-count", dropout: "dropout", seed: "seed" },
    }),
    ...(given.text("input") && { input: given.text("input") as (typeof tagReadings)[number] }),
    ...(given.flag("no-crf") && { crf: false }),
  };
}

function progressLine({ epoch, epochs, loss, validationLoss }: TaggerProgress, elapsedMs: number): string {
  const held = validationLoss === undefined ? "" : `  validation ${validationLoss.toFixed(4)}`;
  return `epoch ${epoch} of ${epochs}  loss ${loss.toFixed(4)}${held}  ${(elapsedMs / 1000).toFixed(0)} s`;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
/** Measures for people, as conlleval shows them. */
function evaluationText({ sentences, words, accuracy, entities }: TaggerEvaluation): string {
  const all = `${percent(accuracy)} of ${formatCount(words)} words in ${formatCount(sentences)} sentences have the right label`;
  if (entities === undefined) return all;
  const row = (name: string, of: Omit<typeof entities, "types">): string[] => [
    ...[name, formatCount(of.entities), formatCount(of.found)],
    ...[percent(of.precision), percent(of.recall), percent(of.f1)],
  ];
  const rows = [row("all", entities), ...entities.types.map((one) => row(one.type, one))];
  return `${all}\n\n${alignColumns([["entity", "there are", "found", "precision", "recall", "F1"], ...rows])}`;
}

async function labelFiles(of: Tagger, model: string, given: Given): Promise<void> {
  checkFiniteValues(of.model, model);
  const host = await usableHostOf(given);
  for (const path of given.positionals) {
    const sentences = given.flag("lines") ? linesOf(path) : columnsOf(path, given);
    for (const { tokens, labels, entities } of await tagSentences(of, sentences, host)) {
      if (given.flag("json")) writeJson({ file: path, tokens, labels, entities });
      else process.stdout.write(`${tokens.map((word, t) => `${printable(word)}\t${labels[t]}\n`).join("")}\n`);
    }
  }
}

/** The words of sentences in columns; where lines differ, they may be sentences. */
function columnsOf(path: string, given: Given): (readonly string[])[] {
  try {
    return readSentences(path, given, false).map(({ tokens }) => tokens);
  } catch (error) {
    if (error instanceof InputError && / column/.test(error.message)) {
      error.message += " If each line is a sentence, give --lines.";
    }
    throw error;
  }
}

/** The words of each line that has some. */
function linesOf(path: string): string[][] {
  const name = path === "-" ? "standard input" : path;
  const text = decodeText(readInput(path === "-" ? "/dev/stdin" : path), name);
  const lines = text.split(/\r\n?|\n/).flatMap((line) => (line.trim() === "" ? [] : [line.trim().split(/\s+/)]));
  if (lines.length === 0) throw new InputError(`${name}: has no sentences. Give one a line.`);
  return lines;
}

/** `unrolled evaluate` of a tagger. */
export async function evaluateTaggerFile(of: Tagger, model: string, path: string, given: Given): Promise<void> {
  checkFiniteValues(of.model, model);
  const host = await usableHostOf(given);
  const evaluation = await evaluateTagger(of, readSentences(path, given), host);
  if (given.flag("json")) return writeJson(evaluation);
  process.stdout.write(`${evaluationText(evaluation)}\n`);
}
