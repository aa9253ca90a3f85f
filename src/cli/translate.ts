/** `unrolled translate`: train a translator on pairs of texts, or translate with one. */
import { engineFor } from "../engines/registry.ts";
import { stepwise } from "../engines/stepwise.ts";
import { decodeText } from "../formats/decode-text.ts";
import { writeFileAtomically } from "../formats/files.ts";
import { linesOf, readTextPairs } from "../formats/text-pairs.ts";
import { InputError } from "../graph/input-error.ts";
import { checkFiniteValues } from "../nn/finite-values.ts";
import { countParameters } from "../nn/model.ts";
import {
  attentions,
  evaluateTranslator,
  type TextPair,
  type Translation,
  type Translator,
  type TranslatorEvaluation,
  type TranslatorOptions,
  trainTranslator,
  translate as translateTexts,
  translator,
  writeTranslator,
} from "../tasks/translate.ts";
import { countUnknown, encode, hasUnknown } from "../text/tokenizer.ts";
import { readCell } from "./cell-argument.ts";
import { hostOf, hostOptions, usableHostOf } from "./host-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { foreignTranslator, openModelFile } from "./model-input.ts";
import { type Command, type Given, refuseTrainingOptions, seedRange } from "./options.ts";
import { formatCount, printable, warn, writeJson } from "./output.ts";
import { checkOutputs } from "./outputs.ts";
import { savingBest } from "./saving.ts";

const whole = { whole: true, min: 1, max: 1_000_000 } as const;
const trainingOnly = [
  ...["tokens", "vocabulary", "cell", "units", "layers", "embedding", "look", "dropout", "epochs", "batch", "rate"],
  ...["one-way", "smoothing", "sampling", "validation", "patience", "seed"],
] as const;

export const translate: Command = {
  name: "translate",
  usage: "translate PAIRS.tsv --out MODEL | --model MODEL TEXTS.txt",
  summary: "train a translator on pairs of texts, or translate",
  details: [
    "Trains on PAIRS.tsv, whose lines have a source, a tab and a target, or on two",
    "files whose lines belong together. Some pairs are held out; of these it prints",
    "how many tokens are right. evaluate says how many whole translations are.",
    "",
    "With --model it translates each line of TEXTS.txt (- is standard input), or",
    "--text. With --json a line for each: with --attention also where it looked.",
  ].join("\n"),
  examples: [
    "translate names.tsv --out names.safetensors --epochs 20",
    "translate en.txt de.txt --tokens word --out en-de.safetensors",
    "translate --model names.safetensors --text Berlin",
  ],
  outlivesReader: true,
  arguments: [0, 2],
  options: {
    out: { value: "MODEL", help: "file to save the trained model in" },
    model: { value: "MODEL", help: "translate with this model instead" },
    text: { value: "TEXT", help: "a text to translate" },
    beams: { value: "N", help: "translations kept at each token [4]", number: { ...whole, max: 1000 } },
    length: { value: "N", help: "tokens of a translation, at most [as trained]", number: whole },
    attention: { help: "with --json: where it looked, for each token" },
    tokens: { value: "KIND", help: "of both sides [char]", choices: ["char", "word", "bpe"] },
    vocabulary: { value: "N", help: "tokens of a side, at most", number: { ...whole, min: 2 } },
    cell: { value: "CELL", help: "built-in, or a file of equations [lstm]" },
    units: { value: "N", help: "of the decoder, and of the encoder [256]", number: whole },
    layers: { value: "N", help: "of the encoder [1]", number: { ...whole, max: 100 } },
    embedding: { value: "N", help: "features of a token's vector [64]", number: whole },
    look: { value: "HOW", help: "at the source [additive]", choices: attentions },
    "one-way": { help: "read the source forwards only" },
    dropout: { value: "X", help: "rate of dropout [0]", number: { min: 0, max: 0.95 } },
    epochs: { value: "N", help: "passes over the pairs, at most [30]", number: whole },
    batch: { value: "N", help: "pairs side by side [64]", number: whole },
    rate: { value: "X", help: "learning rate of Adam [0.002]", number: { above: 0 } },
    smoothing: { value: "X", help: "share of label smoothing [0]", number: { min: 0, max: 0.99 } },
    sampling: { value: "X", help: "tokens read as it says them, at the end [0]", number: { min: 0, max: 1 } },
    validation: { value: "X", help: "share of the pairs held out [0.1]", number: { min: 0, max: 0.9 } },
    patience: { value: "N", help: "epochs without a better validation loss [10]", number: whole },
    seed: { value: "N", help: "of values, order, dropout [0]", number: seedRange },
    ...foreignTranslator,
    ...hostOptions("that work; same result [cores]"),
    overwrite: { help: "replace the model at --out" },
  },
  async run(given) {
    const [out, model] = [given.text("out"), given.text("model")];
    if ((out === undefined) === (model === undefined)) {
      throw new InputError(
        out === undefined
          ? "give --out MODEL to train, or --model MODEL to translate with one."
          : "--out trains a model and --model translates with one. Give one of the two.",
      );
    }
    if (out !== undefined) return train(given, out);
    refuseTrainingOptions(given, trainingOnly);
    const file = model as string;
    await openModelFile(file, given, "`translate`", { translate: (of) => translateLines(of, file, given) });
  },
};

async function train(given: Given, out: string): Promise<void> {
  const json = given.flag("json");
  const paths = given.positionals;
  if (paths.length === 0) throw new InputError("give PAIRS.tsv to train on, or two files whose lines belong together.");
  for (const name of ["text", "beams", "length", "attention"]) {
    if (given.text(name) !== undefined || given.flag(name))
      throw new InputError(`--${name}: is for translating with --model. Leave it out.`);
  }
  checkOutputs([out], paths, given);
  const host = hostOf(given);
  const { name: engine } = await engineFor(host);
  const pairs = readTextPairs(paths);
  const where = paths.join(", ");
  const of = await naming(where, () => translator(pairs, optionsOfModel(given)));
  const start = { event: "start", parameters: countParameters(of.model), pairs: pairs.length, engine };
  if (json) writeJson(start);
  else {
    const sizes = `${formatCount(pairs.length)} pairs, ${formatCount(start.parameters)} parameters, engine ${engine}`;
    process.stderr.write(printable(`${where}: ${sizes}\n`));
  }
  const startedMs = performance.now();
  const settings = numbersOf(given, {
    ...{ epochs: "epochs", batchSize: "batch", learningRate: "rate", labelSmoothing: "smoothing" },
    scheduledSampling: "sampling",
    ...{ validation: "validation", patience: "patience", seed: "seed" },
  });
  const bytes = () => writeTranslator({ ...of, options: settings });
  const saveBest = savingBest(out, bytes, (warning) => warn(warning, json));
  const training = (signal: AbortSignal) =>
    trainTranslator(of, pairs, {
      ...settings,
      ...host,
      signal,
      onEpoch(progress) {
        saveBest(progress.validationLoss);
        const elapsedMs = Math.round(performance.now() - startedMs);
        if (json) return writeJson({ event: "progress", ...progress, elapsedMs });
        const { epoch, epochs, loss, accuracy, validationLoss, validationAccuracy = 0 } = progress;
        const held =
          validationLoss === undefined
            ? ""
            : `  validation ${validationLoss.toFixed(4)}, ${percent(validationAccuracy)}`;
        process.stderr.write(
          `epoch ${epoch} of ${epochs}  loss ${loss.toFixed(4)}, ${percent(accuracy)} of tokens right${held}  ${(elapsedMs / 1000).toFixed(0)} s\n`,
        );
      },
    });
  const { result } = await naming(where, () => untilInterrupted("Stopping: the best so far is saved.", training));
  const { epochs, bestEpoch, validationLoss, validationPairs } = result;
  if (epochs === 0) {
    process.exitCode = 130;
    process.stderr.write("Stopped before the end of an epoch: nothing is saved.\n");
    return;
  }
  writeFileAtomically(out, bytes());
  if (json) return writeJson({ event: "done", epochs, bestEpoch, validationLoss, validationPairs, file: out });
  process.stderr.write(
    printable(`Saved ${out} after ${epochs} epoch${epochs === 1 ? "" : "s"}, with the values of epoch ${bestEpoch}.\n`),
  );
  for (const { source, target, said } of await samples(of, pairs, await stepwise(host))) {
    process.stdout.write(printable(`${source}\t${said}${said === target ? "" : `\t(${target})`}\n`));
  }
}

/** Some pairs with their translations, to be looked at. */
async function samples(of: Translator, pairs: readonly TextPair[], host: ReturnType<typeof hostOf>) {
  const some = pairs.slice(-3);
  const said = await translateTexts(
    of,
    some.map(({ source }) => source),
    host,
  );
  return some.map((one, k) => ({ ...one, said: (said[k] as Translation).text }));
}

function optionsOfModel(given: Given): TranslatorOptions {
  const cell = given.text("cell");
  const own = cell === undefined ? undefined : readCell(cell);
  return {
    ...(own !== undefined && { cell: own }),
    ...numbersOf(given, {
      ...{ maxVocabulary: "vocabulary", units: "units", layers: "layers", embedding: "embedding" },
      ...{ dropout: "dropout", seed: "seed" },
    }),
    ...(given.text("tokens") && { tokens: given.text("tokens") as "char" | "word" | "bpe" }),
    ...(given.text("look") && { attention: given.text("look") as "additive" | "dot" | "none" }),
    ...(given.flag("one-way") && { bidirectional: false }),
  };
}

/** What the library says of pairs is said of their files. */
async function naming<Value>(where: string, work: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InputError) {
      error.message = error.message
        .replace(/^translator: maxVocabulary /, "--vocabulary: ")
        .replace(/^(?:translator|trainTranslator): /, `${where}: `)
        .replace(/\bvalidation: 0\b/, "--validation 0");
    }
    throw error;
  }
}

const numbersOf = (given: Given, names: Readonly<Record<string, string>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, option]) => {
      const value = given.number(option);
      return value === undefined ? [] : [[name, value]];
    }),
  );
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

async function translateLines(of: Translator, model: string, given: Given): Promise<void> {
  checkFiniteValues(of.model, model);
  const json = given.flag("json");
  const attention = given.flag("attention");
  if (attention && !json) throw new InputError("--attention: is told with --json. Give both.");
  const text = given.text("text");
  const [file, another] = given.positionals;
  if (another !== undefined) throw new InputError(`${another}: translating takes one file. Put all lines into one.`);
  if ((text === undefined) === (file === undefined)) {
    throw new InputError(
      text === undefined
        ? "give TEXTS.txt, one text a line, or --text TEXT."
        : "--text: there is a file too. Give one of the two.",
    );
  }
  const lines = text !== undefined ? [text] : file === "-" ? await standardInput() : linesOf(file as string);
  const empty = lines.indexOf("");
  if (empty >= 0) {
    const where = text !== undefined ? "--text" : `${file === "-" ? "standard input" : file}: line ${empty + 1}`;
    throw new InputError(`${where}: is empty: there is nothing to translate.`);
  }
  if (hasUnknown(of.source)) {
    const unknown = lines.reduce((sum, line) => sum + countUnknown(encode(of.source, line), of.source), 0);
    if (unknown > 0)
      warn(`${formatCount(unknown)} tokens are not in the model's vocabulary, and are read as unknown.`, json);
  }
  const [beams, length] = [given.number("beams"), given.number("length")];
  const said = await translateTexts(of, lines, {
    ...(await usableHostOf(given, { stepwise: true })),
    ...(beams !== undefined && { beams }),
    ...(length !== undefined && { length }),
    attention,
  });
  said.forEach((one, k) => {
    if (json) writeJson({ line: k + 1, source: lines[k], ...one });
    else process.stdout.write(`${printable(one.text)}\n`);
  });
}

async function standardInput(): Promise<string[]> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  const lines = decodeText(new Uint8Array(Buffer.concat(parts)), "standard input").split(/\r\n|\r|\n/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new InputError("standard input: is empty. Give one text a line.");
  return lines;
}

/** `unrolled evaluate` of a translator. */
export async function evaluatePairs(
  of: Translator,
  model: string,
  paths: readonly string[],
  given: Given,
): Promise<void> {
  checkFiniteValues(of.model, model);
  const host = await usableHostOf(given, { stepwise: true });
  // As many beams as `translate` keeps, so that these are the translations that are measured.
  const scores = await evaluateTranslator(of, readTextPairs(paths), { ...host, beams: given.number("beams") ?? 4 });
  if (given.flag("json")) return writeJson(scores);
  process.stdout.write(scoresText(scores));
}
const scoresText = ({ pairs, loss, accuracy, exact, bleu }: TranslatorEvaluation): string =>
  [
    `loss                ${loss.toFixed(4)} nats per token`,
    `tokens right        ${percent(accuracy)}`,
    `whole texts right   ${percent(exact)} of ${formatCount(pairs)}`,
    `BLEU                ${(100 * bleu).toFixed(1)}`,
    "",
  ].join("\n");
