/** `unrolled classify`: train a classifier of recordings, series or texts, or classify files with one. */
import { existsSync } from "node:fs";
import { engineFor } from "../engines/registry.ts";
import { readInput, statOf, writeFileAtomically } from "../formats/files.ts";
import {
  type LabelledFiles,
  type LabelledOptions,
  readLabelled,
  readRecording,
  readSeries,
  readTextColumn,
  readTextFiles,
  readTextLines,
} from "../formats/labelled-files.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters } from "../nn/model.ts";
import { splitExamples } from "../tasks/classify/split.ts";
import {
  type Augmentation,
  type Classification,
  type Classifier,
  type ClassifierEvaluation,
  type ClassifierOptions,
  classifier,
  classify as classifySequences,
  evaluateClassifier,
  explainText,
  type LabelledSequence,
  type Pooling,
  type ScalingKind,
  type Sequence,
  type TextTokens,
  trainClassifier,
  writeClassifier,
} from "../tasks/classify.ts";
import { openByTask } from "../tasks/index.ts";
import { labelOf, readCell } from "./cell-argument.ts";
import { hostOf, hostOptions, usableHostOf } from "./host-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { type Command, type Given, refuseTrainingOptions, seedRange } from "./options.ts";
import { alignColumns, formatCount, printable, warn, writeJson } from "./output.ts";
import { checkOutputs } from "./outputs.ts";
import { savingBest } from "./saving.ts";
import { textColumns } from "./texts.ts";

const whole = { whole: true, min: 1, max: 1_000_000 } as const;

/** How training examples are changed, by the names of `--augment`. */
const augmentations: Readonly<Record<string, Partial<Augmentation>>> = {
  none: {},
  light: {
    tokenDropout: 0.2,
    ...{ shiftMs: 40, gainDb: 6, noise: 0.05, speed: 0.1 },
    ...{ timeMasks: 1, timeMaskShare: 0.15, featureMasks: 1, featureMaskShare: 0.15 },
  },
  strong: {
    tokenDropout: 0.3,
    ...{ shiftMs: 100, gainDb: 10, noise: 0.2, speed: 0.15, featureNoise: 0.1 },
    ...{ timeMasks: 2, timeMaskShare: 0.2, featureMasks: 2, featureMaskShare: 0.2 },
  },
};

const trainingOnly = [
  ...["cell", "units", "layers", "one-way", "tokens", "embedding", "min-count", "pooling", "dropout"],
  ...["features", "bands", "deltas", "sample-rate", "scaling", "augment", "balanced", "epochs", "batch", "rate"],
  ...["weight-decay", "smoothing", "validation", "patience", "seed"],
];

export const classify: Command = {
  name: "classify",
  usage: "classify FOLDER|FILE.csv|FILE... --out MODEL [options]",
  summary: "train a classifier of sound, series or texts, or classify",
  details: [
    "Trains on a FOLDER of WAV or text files, whose labels are its subfolders or the",
    'names up to the first "_"; on a CSV file with the columns file and label, or',
    "text and label; on one with the columns id and label and numbers, a row a step;",
    "or on several files of texts, one a line, a file for each label. A column group",
    "(such as a speaker) keeps whole groups for validation. Prints how well examples",
    "that were held out are told.",
    "",
    "With --model it classifies FILE.wav, FOLDER or FILE.csv, one or more, instead;",
    "of texts also the lines of a file or of standard input (-), and what is given",
    "as a text itself. With --json texts have the saliency of each token.",
  ].join("\n"),
  examples: [
    "classify recordings --out digits.safetensors",
    "classify --model digits.safetensors seven.wav eight.wav",
    "classify series.csv --out series.safetensors --cell lstm --units 32",
    "classify films.csv --text review --label stars --out f.safetensors",
    'classify --model films.safetensors "a warm and funny film"',
  ],
  outlivesReader: true,
  arguments: [1, 10_000],
  options: {
    out: { value: "MODEL", help: "file to save the trained model in" },
    model: { value: "MODEL", help: "classify with this model instead of training one" },
    cell: { value: "CELL", help: "built-in, or a file of equations [gru-reset-after]" },
    units: { value: "N", help: "of each layer and direction [64]", number: whole },
    layers: { value: "N", help: "recurrent layers [1]", number: { ...whole, max: 100 } },
    "one-way": { help: "read forwards only, for streams and sessions" },
    ...textColumns,
    tokens: { value: "WHAT", help: "of texts [words]", choices: ["words", "characters", "byte-pairs"] },
    embedding: { value: "N", help: "of texts: features of a token's vector [64]", number: whole },
    "min-count": { value: "N", help: "of texts: how often a known word comes [2]", number: whole },
    pooling: { value: "HOW", help: "over time [mean, texts max]", choices: ["mean", "max", "last"] },
    dropout: { value: "X", help: "rate of dropout [0.2, texts 0.5]", number: { min: 0, max: 0.95 } },
    features: { value: "KIND", help: "of sound [log-mel]", choices: ["log-mel", "mfcc"] },
    bands: { value: "N", help: "mel bands [40]", number: { ...whole, max: 1000 } },
    deltas: {
      value: "N",
      help: "how often features are followed by their change [0]",
      number: { whole: true, min: 0, max: 2 },
    },
    "sample-rate": {
      value: "HZ",
      help: "of sound, which is resampled to it [8000]",
      number: { whole: true, min: 100, max: 2 ** 20 },
    },
    scaling: { value: "HOW", help: "of features [training]", choices: ["training", "sequence", "none"] },
    augment: {
      value: "HOW",
      help: "examples [light for sound and texts]",
      choices: Object.keys(augmentations),
    },
    balanced: { help: "let each class count as much as any other" },
    epochs: { value: "N", help: "passes over the examples, at most [60, texts 8]", number: whole },
    batch: { value: "N", help: "examples side by side [16, texts 32]", number: whole },
    rate: { value: "X", help: "learning rate of Adam [0.003, texts 0.002]", number: { above: 0 } },
    "weight-decay": { value: "X", help: "decoupled weight decay [0]", number: { min: 0 } },
    smoothing: { value: "X", help: "share of label smoothing [0]", number: { min: 0, max: 0.99 } },
    validation: { value: "X", help: "share of the examples held out [0.2]", number: { min: 0, max: 0.9 } },
    patience: { value: "N", help: "epochs without a better loss [20, texts 3]", number: whole },
    seed: { value: "N", help: "of values, order, changes [0]", number: seedRange },
    ...hostOptions("that work; same result [cores]"),
    overwrite: { help: "replace the model at --out" },
  },
  async run(given) {
    const [out, model] = [given.text("out"), given.text("model")];
    if (out !== undefined && model !== undefined) {
      throw new InputError("--model: classifies, and --out trains. Give one of the two.");
    }
    if (model !== undefined) {
      refuseTrainingOptions(given, trainingOnly);
      await openByTask(readInput(model), model, "`classify`", { classify: (of) => classifyFiles(of, model, given) });
      return;
    }
    if (out === undefined) {
      throw new InputError(
        "give --out MODEL.safetensors to train a model, or --model MODEL.safetensors to classify with one.",
      );
    }
    await train(given, out);
  },
};

async function train(given: Given, out: string): Promise<void> {
  const json = given.flag("json");
  const [path, ...more] = given.positionals as readonly [string, ...string[]];
  if (/\.wav$/i.test(out)) {
    throw new InputError(`--out: ${out} ends with .wav, as a recording. Give a name that ends with .safetensors.`);
  }
  checkOutputs([out], [path, ...more], given);
  const host = hostOf(given);
  const { name: engine } = await engineFor(host);
  const files = filesAt([path, ...more], given);
  if (files.kind === "audio") {
    checkOutputs(
      [out],
      files.examples.map(({ name }) => name),
      given,
    );
  }
  const examples: readonly LabelledSequence[] = files.examples;
  const of = await ofExamples(path, () => classifier(examples, optionsOfModel(given, files)));
  // What cannot be held out is said before what was found: as one line.
  await ofExamples(path, () => splitExamples(examples, given.number("validation") ?? 0.2, given.number("seed") ?? 0));
  const parameters = countParameters(of.model);
  const constant = files.kind === "numbers" ? constantColumns(files.columns, files.examples) : [];
  const start = {
    ...{ event: "start", parameters, examples: examples.length, labels: of.labels, engine },
    ...(constant.length > 0 && { constantColumns: constant }),
  };
  const sizes = `${formatCount(examples.length)} examples of ${of.labels.length} classes, ${formatCount(parameters)} parameters, engine ${engine}`;
  if (json) writeJson(start);
  else process.stderr.write(printable(`${path}: ${sizes}\n`));
  if (!json && constant.length > 0) process.stderr.write(printable(`${path}: ${saidOfConstant(constant)}\n`));
  const startedMs = performance.now();
  const augment = augmentations[given.text("augment") ?? (files.kind === "numbers" ? "none" : "light")];
  const settings = {
    ...numbersOf(given, { epochs: "epochs", batchSize: "batch", learningRate: "rate", weightDecay: "weight-decay" }),
    ...numbersOf(given, { labelSmoothing: "smoothing", validation: "validation", patience: "patience", seed: "seed" }),
    ...(given.flag("balanced") && { classWeight: "balanced" as const }),
  };
  const bytes = () => writeClassifier({ ...of, options: { ...settings, augment } });
  const saveBest = savingBest(out, bytes, (warning) => warn(warning, json));
  const { result } = await ofExamples(path, () =>
    untilInterrupted("Stopping: the best so far is saved.", (signal) =>
      trainClassifier(of, examples, {
        ...settings,
        ...host,
        ...(augment && { augment }),
        signal,
        onEpoch(progress) {
          saveBest(progress.validationLoss);
          const elapsedMs = Math.round(performance.now() - startedMs);
          if (json) writeJson({ event: "progress", ...progress, elapsedMs });
          else if (progress.epoch % 5 === 0 || progress.epoch === 1)
            process.stderr.write(`${progressLine(progress, elapsedMs)}\n`);
        },
      }),
    ),
  );
  const { validation, bestEpoch, epochs } = result;
  if (epochs === 0) {
    // Only a signal ends it so early; the code is that of a process that it ends.
    process.exitCode = 130;
    process.stderr.write("Stopped before the end of an epoch: nothing is saved.\n");
    return;
  }
  writeFileAtomically(out, bytes());
  if (json) {
    writeJson({ event: "done", epochs, bestEpoch, ...(validation && { validation }), file: out });
    return;
  }
  if (validation !== undefined) {
    process.stdout.write(
      `Of ${formatCount(validation.examples)} examples held out, by the model of epoch ${bestEpoch}:\n\n`,
    );
    process.stdout.write(`${evaluationText(of.labels, validation)}\n`);
  }
  process.stderr.write(printable(`Saved ${out} after ${epochs} epoch${epochs === 1 ? "" : "s"}.\n`));
}

/** The columns that `--text` and `--label` name. */
export const columnsOf = (given: Given): LabelledOptions => ({ text: given.text("text"), label: given.text("label") });
/** What a folder or a table holds; of a file of texts, which looks as a damaged table, what is missing is said. */
function readOne(path: string, given: Given): LabelledFiles {
  try {
    return readLabelled(path, columnsOf(given));
  } catch (error) {
    const isFile = statOf(path)?.isFile() === true;
    if (!(error instanceof InputError) || !isFile || /\.(?:csv|tsv|wav)$/i.test(path)) throw error;
    error.message += " If it is a file of texts, one a line, give one for each label.";
    throw error;
  }
}

/** What a folder or a table holds, or the texts of several files, each of a label. */
function filesAt([path, ...more]: readonly [string, ...string[]], given: Given): LabelledFiles {
  if (more.length === 0) return readOne(path, given);
  const odd = [path, ...more].find((one) => /\.(?:csv|wav)$/i.test(one) || statOf(one)?.isDirectory());
  if (odd === undefined) return readTextFiles([path, ...more]);
  throw new InputError(
    `${odd}: examples are one folder, one CSV file, or files of texts, one for each label. Put all into one, or give --model to classify.`,
  );
}

/** Columns with the same value in each row of each example: with nothing to scale by, their deviation is taken for 1. */
const constantColumns = (
  columns: readonly string[],
  examples: readonly { readonly rows: readonly (readonly number[])[] }[],
): string[] =>
  columns.filter((_, j) => examples.every(({ rows }) => rows.every((row) => row[j] === examples[0]?.rows[0]?.[j])));

function saidOfConstant(names: readonly string[]): string {
  const some = names.slice(0, 5).map((name) => JSON.stringify(name));
  const listed = `${some.join(", ")}${names.length > some.length ? ", ..." : ""}`;
  return names.length === 1
    ? `the column ${listed} has one value in all rows and says nothing of the class; it is not scaled. Leave it out if that is not meant.`
    : `the ${formatCount(names.length)} columns ${listed} have one value each in all rows and say nothing of the class; they are not scaled. Leave them out if that is not meant.`;
}

/** Options of the library and those of the command line, by how messages name them. */
const optionNames: readonly (readonly [RegExp, string])[] = [
  [/^(?:classifier: features: )?melBands: /, "--bands: "],
  [/^detect: ignore: /, "--ignore: "],
  [/a larger fftSize, or a higher sample rate/, "a higher --sample-rate"],
  [/\btrain a model at a sample rate of (\d+) Hz/, "train a model with --sample-rate $1"],
  [/\bGive another seed, or validation examples of your own/, "Give another --seed"],
  [/\bgive validation: 0\b/, "give --validation 0"],
];
/** What `work` gives; what the library says of examples is said of the folder or table, and of options by their names. */
export async function ofExamples<Value>(path: string, work: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const said = optionNames.reduce((text, [name, option]) => text.replace(name, option), error.message);
    error.message = said.replace(
      /^(?:(?:classifier|trainClassifier|evaluateClassifier|detect): |(?=all examples ))/,
      `${path}: `,
    );
    throw error;
  }
}

type Names = Readonly<Record<string, string>>;
/** The options that are given as numbers, by their names in the library. */
const numbersOf = (given: Given, names: Names): Record<string, number> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, option]) => {
      const value = given.number(option);
      return value === undefined ? [] : [[name, value]];
    }),
  );

function optionsOfModel(given: Given, files: LabelledFiles): ClassifierOptions {
  const cell = given.text("cell");
  const own = cell === undefined ? undefined : readCell(cell);
  const features = {
    ...(given.text("features") && { kind: given.text("features") as "log-mel" | "mfcc" }),
    ...numbersOf(given, { melBands: "bands", deltas: "deltas", sampleRate: "sample-rate" }),
  };
  const isSound = files.kind === "audio";
  if (!isSound && Object.keys(features).length > 0) {
    throw new InputError(
      `--features, --bands, --deltas and --sample-rate are for sound; ${files.kind === "text" ? "these are texts" : "this is a table of numbers"}. Leave them out.`,
    );
  }
  return {
    ...(own !== undefined && { cell: own, ...(typeof own === "string" ? {} : labelOf(own, cell as string)) }),
    ...numbersOf(given, { units: "units", layers: "layers", dropout: "dropout", seed: "seed" }),
    ...(given.text("pooling") && { pooling: given.text("pooling") as Pooling }),
    ...(given.text("scaling") && { scaling: given.text("scaling") as ScalingKind }),
    ...(given.flag("one-way") && { bidirectional: false }),
    ...(given.text("tokens") && { tokens: given.text("tokens") as TextTokens }),
    ...numbersOf(given, { embedding: "embedding", minCount: "min-count" }),
    ...(isSound && { features }),
    ...(files.kind === "numbers" && { columns: files.columns }),
  };
}

type Progress = Parameters<NonNullable<NonNullable<Parameters<typeof trainClassifier>[2]>["onEpoch"]>>[0];
function progressLine(
  { epoch, epochs, loss, accuracy, validationLoss, validationAccuracy }: Progress,
  elapsedMs: number,
): string {
  const held =
    validationLoss === undefined
      ? ""
      : `  validation ${validationLoss.toFixed(4)}, ${percent(validationAccuracy as number)} right`;
  return `epoch ${epoch} of ${epochs}  loss ${loss.toFixed(4)}, ${percent(accuracy)} right${held}  ${(elapsedMs / 1000).toFixed(0)} s`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

async function classifyFiles(of: Classifier, model: string, given: Given): Promise<void> {
  checkFiniteValues(of.model, model);
  const host = await usableHostOf(given);
  const sequences = given.positionals.flatMap((path) => sequencesAt(of, model, path, columnsOf(given)));
  if (of.input.kind === "text" && given.flag("json")) {
    for (const one of sequences as readonly { readonly name?: string; readonly text: string }[]) {
      const { tokens, ...said } = await ofExamples(one.name ?? model, () => explainText(of, one.text, host));
      writeJson({ file: one.name, text: one.text, ...said, tokens });
    }
    return;
  }
  const said = await ofExamples(model, () => classifySequences(of, sequences, host));
  if (given.flag("json")) {
    for (const { name, label, probability, probabilities } of said)
      writeJson({ file: name, label, probability, probabilities });
    return;
  }
  process.stdout.write(`${classificationTable(said)}\n`);
}

/** What of the other kind was given: what it is, what the model reads, and what to give. */
function otherKind({ input }: Classifier, model: string, found: string, labelled: boolean): InputError {
  const columns = input.kind === "numbers" ? ["id", ...(labelled ? ["label"] : []), ...input.columns] : [];
  const shown = columns.slice(0, 10).join(", ") + (columns.length > 10 ? ", ..." : "");
  const [reads, give] = {
    audio: [
      "sound",
      `${labelled ? "" : "a WAV file, "}a folder of WAV files, or a CSV file with the columns file and label`,
    ],
    numbers: ["numbers", `a CSV file with the columns ${shown}`],
    text: ["texts", "a folder of text files, or a CSV file with the columns text and label"],
  }[input.kind] as [string, string];
  return new InputError(`${found}, and ${model} reads ${reads}. Give ${give}.`);
}
/** What labelled files are, by their kind. */
const foundOf = { audio: "a list of recordings", numbers: "a table of numbers", text: "texts" } as const;
/** @throws InputError for a folder or a recording, where a model reads tables of numbers */
function checkIsTable(of: Classifier, model: string, path: string, labelled: boolean): void {
  const stat = statOf(path);
  if (stat?.isDirectory()) throw otherKind(of, model, `${path}: is a folder`, labelled);
  const isSound = /\.(?:wav|flac|mp3|ogg|opus|aiff?|m4a)$/i.test(path);
  if (stat !== undefined && isSound) throw otherKind(of, model, `${path}: is sound`, labelled);
}

/** The sequences of a file, of numbers in the columns that the model reads. */
export function sequencesAt(
  of: Classifier,
  model: string,
  path: string,
  columns: LabelledOptions = {},
): readonly Sequence[] {
  if (of.input.kind === "text") {
    if (path === "-") return readTextLines("/dev/stdin");
    if (path.trim() === "") throw new InputError("a text to classify is empty. Give one, or a file.");
    // What is no file, and has a blank within it, is a text.
    if (!existsSync(path) && /\S\s+\S/.test(path)) return [{ text: path, name: path }];
    if (/\.csv$/i.test(path)) return readTextColumn(path, columns);
    const isFolder = statOf(path)?.isDirectory() === true;
    return isFolder ? unlabelled(readLabelled(path)) : readTextLines(path);
  }
  if (of.input.kind === "numbers") {
    checkIsTable(of, model, path, false);
    const { columns } = of.input;
    const table = readSeries(path);
    const missing = columns.find((name) => !table.columns.includes(name));
    if (missing !== undefined) {
      throw new InputError(
        `${path}: line 1 has no column ${JSON.stringify(missing)}, which the model reads; it has ${table.columns.join(", ")}.`,
      );
    }
    const places = columns.map((name) => table.columns.indexOf(name));
    return table.series.map((one) => ({
      name: one.name,
      rows: one.rows.map((row) => places.map((at) => row[at] as number)),
    }));
  }
  const stat = statOf(path);
  if (stat === undefined || !/\.csv$/i.test(path) === !stat.isDirectory()) return [{ ...readRecording(path) }];
  const files = readLabelled(path);
  if (files.kind !== "audio") throw otherKind(of, model, `${path}: is ${foundOf[files.kind]}`, false);
  return unlabelled(files);
}
const unlabelled = ({ examples }: LabelledFiles): readonly Sequence[] =>
  examples.map(({ label: _, group: __, where: ___, ...one }) => one as Sequence);

/** Rows: name, class, probability, and the next likeliest class. */
function classificationTable(said: readonly Classification[]): string {
  const rows = said.map(({ name = "", label, probability, probabilities }) => {
    const [next] = Object.entries(probabilities)
      .filter(([other]) => other !== label)
      .sort(([, a], [, b]) => b - a);
    return [name, label, percent(probability), next === undefined ? "" : `${next[0]} ${percent(next[1])}`];
  });
  return alignColumns([["file", "class", "probability", "next"], ...rows], []);
}

/** Measures of the whole and by class, and the confusion matrix, for people. */
export function evaluationText(labels: readonly string[], evaluation: ClassifierEvaluation): string {
  const { examples, accuracy, loss, f1, classes, confusion } = evaluation;
  const right = Math.round(accuracy * examples);
  const measures = classes.map(({ label, examples: count, precision, recall, f1: own }) => [
    label,
    formatCount(count),
    percent(precision),
    percent(recall),
    percent(own),
  ]);
  const matrix = confusion.map((row, k) => [
    labels[k] as string,
    ...row.map((count) => (count === 0 ? "." : formatCount(count))),
  ]);
  const columns = labels.map((_, k) => k + 1);
  return [
    `${percent(accuracy)} right (${formatCount(right)} of ${formatCount(examples)}), loss ${loss.toFixed(4)} nats, F1 ${percent(f1)}`,
    "",
    alignColumns([["class", "examples", "precision", "recall", "F1"], ...measures]),
    "",
    "Confusion: a row is a class, a column what it was taken for.",
    alignColumns([["", ...labels], ...matrix], columns),
  ].join("\n");
}

/** `unrolled evaluate` of a classifier. */
export async function evaluateClassifierFiles(
  of: Classifier,
  model: string,
  paths: readonly string[],
  given: Given,
): Promise<void> {
  checkFiniteValues(of.model, model);
  const host = await usableHostOf(given);
  const [path] = paths as readonly [string];
  if (of.input.kind === "numbers") checkIsTable(of, model, path, true);
  const files = filesAt(paths as readonly [string, ...string[]], given);
  if (files.kind !== of.input.kind) throw otherKind(of, model, `${path}: is ${foundOf[files.kind]}`, true);
  let examples: readonly LabelledSequence[] = files.examples;
  if (files.kind === "numbers") {
    const rows = sequencesAt(of, model, path);
    examples = files.examples.map((one, k) => ({ ...one, ...(rows[k] as Sequence) }) as LabelledSequence);
  }
  const evaluation = await ofExamples(path, () => evaluateClassifier(of, examples, host));
  if (given.flag("json")) return writeJson({ ...evaluation, labels: of.labels });
  process.stdout.write(`${evaluationText(of.labels, evaluation)}\n`);
}
