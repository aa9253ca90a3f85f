/** Language models: a tokenizer, an embedding, recurrent layers, and logits over the vocabulary; training, evaluation, files. */
import { cells } from "../cells/index.ts";
import type { HostOptions } from "../engines/engine.ts";
import { checkMemory, checkPlan } from "../engines/memory-limit.ts";
import { defaultTarget, hostRules } from "../engines/registry.ts";
import { type ModelFile, readModel, type WeightType, weightTypes, writeModel } from "../formats/model-file.ts";
import { FormatError } from "../formats/safetensors.ts";
import { aCell, type Cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkValue,
  either,
  flag,
  formatValue,
  inRange,
  isPlain,
  lookUp,
  oneOf,
  options as optionsOf,
  type Rule,
  string,
  wholeNumber,
  withDefaults,
} from "../graph/schema.ts";
import { createYielder } from "../graph/yielding.ts";
import { initialize } from "../nn/initializers.ts";
import { dense, dropout, embedding, recurrent } from "../nn/layers.ts";
import { countParameters, type Model, modelOf, nameLayers } from "../nn/model.ts";
import { aSeed, createRandom } from "../nn/random.ts";
import { countCodePoints } from "../text/parts.ts";
import {
  aTokenizer,
  checkTokenizer,
  countUnknown,
  decodeToken,
  encode,
  endOfText,
  hasUnknown,
  someTexts,
  type Texts,
  type Tokenizer,
  trainAndEncode,
  trainTokenizerFor,
  vocabularySize,
} from "../text/tokenizer.ts";
import { createEvaluator } from "../train/evaluator.ts";
import {
  asksFor,
  type FitStreamOptions,
  type FitStreamResult,
  fitDefaults,
  fitStreamAs,
  fitStreamRules,
} from "../train/fit-stream.ts";
import { optimizerOf } from "../train/optimizer-names.ts";
import { smallestStream } from "../train/stream.ts";
import { createTokenList } from "../train/token-list.ts";
import { runsOf, someTokens, type Tokens, tokenSource } from "../train/token-source.ts";
import type { TrainerState } from "../train/trainer.ts";
import { trainingPlan } from "../train/training-plan.ts";
import { aLanguageModel } from "./checks.ts";
import { type Task, type TaskData, taskDataOf } from "./task.ts";

export type { Texts } from "../text/tokenizer.ts";
export { type BeamSearchOptions, type BeamText, beamSearch } from "./beam-search.ts";
export {
  type GeneratedToken,
  type GenerateManyOptions,
  type GenerateOptions,
  type GenerateTokensOptions,
  generate,
  generateMany,
  generateTokens,
  type LikelyToken,
} from "./generate.ts";
export type { Prompt } from "./generation-engine.ts";

/** A language model: the model, its tokenizer, and the state to resume its training from. Plain data, the content of its file. */
export type LanguageModel = {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** The state of its training, for the option `resume`. */
  readonly training?: TrainerState | undefined;
  /** The name of the optimiser of that state. */
  readonly optimizer?: string | undefined;
  /** The options of its training, by their names on the command line. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
};

/** Options of `languageModel`. */
export type LanguageModelOptions = {
  /** The name of a built-in cell, or a cell of your own. Default "lstm". */
  readonly cell?: string | Cell;
  /** Units of each recurrent layer. Default 128. */
  readonly units?: number;
  /** Number of recurrent layers. Default 1. */
  readonly layers?: number;
  /** Features of the embedding. Default 64, or `units` if that is less. */
  readonly embedding?: number;
  /** Dropout rate before, between and after the recurrent layers. Default 0. */
  readonly dropout?: number;
  /** What a token is: "char" (default), "word" or "bpe". */
  readonly tokens?: Tokenizer["kind"];
  /** Largest vocabulary of words (default 10,000) or of byte pairs (2,000); not for characters. */
  readonly maxVocabulary?: number;
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
  /** The planned training: the length of the text and the memory are then checked first. */
  readonly training?: Pick<
    FitStreamOptions,
    "batch" | "steps" | "validationSplit" | "optimizer" | "clipNorm" | "clipValue"
  >;
};

const maxLayers = 100;

const count = wholeNumber(1);
const textsOrTokens: Rule = {
  ...either(someTexts, someTokens),
  expected: "a text, a list of separate texts, or tokens",
};
type Planned = NonNullable<LanguageModelOptions["training"]>;
export const languageModelArguments: Arguments = {
  text: { ...either(someTexts, aTokenizer), expected: "a text, a list of separate texts, or a tokenizer" },
  options: optionsOf<LanguageModelOptions>({
    cell: { ...either(string, aCell), expected: 'the name of a cell ("lstm"), or a cell, as cell() makes it' },
    units: alias(count, "hiddenSize"),
    layers: alias(wholeNumber(1, maxLayers), "numLayers"),
    embedding: alias(count, "embeddingDim", "embeddingSize"),
    dropout: inRange(0, 1),
    tokens: alias(oneOf("char", "word", "bpe"), "tokenizer", "level"),
    maxVocabulary: alias(count, "vocabularySize", "vocabSize", "maxTokens"),
    seed: aSeed,
    training: optionsOf<Planned>({
      batch: fitStreamRules.batch,
      steps: fitStreamRules.steps,
      validationSplit: fitStreamRules.validationSplit,
      optimizer: fitStreamRules.optimizer,
      clipNorm: fitStreamRules.clipNorm,
      clipValue: fitStreamRules.clipValue,
    }),
  }),
};
export const trainArguments: Arguments = {
  lm: aLanguageModel,
  text: textsOrTokens,
  options: optionsOf<TrainLanguageModelOptions>({ ...fitStreamRules, validationData: textsOrTokens }),
};
const isEncoded = (text: unknown): text is EncodedText =>
  typeof text === "object" && text !== null && "tokens" in text && "characters" in text;
const anEncodedText: Rule = {
  expected: "an encoded one, { tokens, characters }",
  accepts: isEncoded,
  look(where, value) {
    const { tokens, characters } = value as EncodedText;
    checkValue(`${where}: tokens`, tokens, someTokens);
    checkValue(`${where}: characters`, characters, count);
  },
};
export const evaluateArguments: Arguments = {
  lm: aLanguageModel,
  text: {
    ...either(someTexts, anEncodedText),
    expected: `a text, a list of separate texts, or ${anEncodedText.expected}`,
  },
  options: optionsOf<HostOptions>(hostRules),
};

/**
 * Create an untrained language model. Its vocabulary is made from a text; from a list of separate texts, with one more token
 * that ends a text; or it is that of a given tokenizer.
 * @param text a text, a list of texts, or a tokenizer
 * @param options `cell` (default "lstm"), `units` (128), `layers` (1), `embedding` (64), `dropout` (0), `tokens` ("char"),
 *   `maxVocabulary`, `seed` (0), `training`
 * @throws InputError for wrong options, for a text without characters, and for a model too large for memory
 * @example const lm = languageModel(text, { cell: "gru", units: 256 });
 * @example const lm = languageModel(poems, { tokens: "word" });
 */
export function languageModel(text: Texts | Tokenizer, options: LanguageModelOptions = {}): LanguageModel {
  return languageModelAndTokens(text, options).lm;
}

/**
 * The same, with the tokens of a text that it is made for and said how it will be trained on: one reading of the text gives its
 * vocabulary and them.
 * @internal
 */
export function languageModelAndTokens(
  text: Texts | Tokenizer,
  options: LanguageModelOptions,
): { readonly lm: LanguageModel; readonly tokens?: Tokens } {
  checkArguments("languageModel", { text, options }, languageModelArguments);
  const { units = 128, layers = 1, tokens = "char", seed = 0, dropout: rate = 0, maxVocabulary } = options;
  const { embedding: features = Math.min(units, 64) } = options;
  const of = cellOf(options.cell ?? "lstm");
  const given = isTokenizer(text) ? text : undefined;
  const texts = isTokenizer(text) ? "" : text;
  for (const name of ["tokens", "maxVocabulary"] as const) {
    if (given === undefined || options[name] === undefined) continue;
    throw new InputError(`languageModel: ${name} is for a text; a tokenizer says what a token is. Leave it out.`);
  }
  const learned = (): { tokenizer: Tokenizer; tokens?: Tokens } => {
    const how = { maxVocabulary, createList: createTokenList };
    if (options.training !== undefined) return trainAndEncode("languageModel", tokens, texts, how);
    return { tokenizer: trainTokenizerFor("languageModel", tokens, texts, { maxVocabulary }) };
  };
  const { tokenizer, tokens: encoded } = given === undefined ? learned() : { tokenizer: given };
  const vocabulary = vocabularySize(tokenizer);
  if (vocabulary < 2 || (typeof texts !== "string" && texts.every((one) => one === "")))
    throw new InputError(`${given ? "" : "languageModel: "}the text has no character to learn. Give a longer text.`);
  if (options.training !== undefined && encoded !== undefined) {
    const sizes = { ...options.training, ...splitOf(tokenizer, texts, encoded, options.training) };
    checkLength(encoded.length, sizes, "languageModel: ");
  }
  const label = typeof options.cell === "object" ? "recurrent" : (options.cell ?? "lstm").replaceAll("-", "_");
  const drop = rate > 0 ? [dropout(rate)] : [];
  const stack = Array.from({ length: layers }, () => [
    recurrent(of, { units, label, returnSequences: true }),
    ...drop,
  ]).flat();
  const named = nameLayers([embedding(vocabulary, features), ...drop, ...stack, dense(vocabulary)]);
  // To make the values of a model that is too large would take hours.
  const blank = modelOf(named, "tokens", () => new Float32Array(0));
  if (options.training !== undefined) checkTrainingMemory(blank, options.training);
  const random = createRandom(seed);
  const values = blank.parameters.map((parameter) => [parameter.name, initialize(parameter, random)]);
  const lm = { model: { ...blank, values: Object.fromEntries(values) }, tokenizer };
  return encoded === undefined ? { lm } : { lm, tokens: encoded };
}

/** What it is planned with is what it will be trained with, so that the plan is made once. */
function checkTrainingMemory(model: Model, options: FitStreamOptions): void {
  const { batch, steps, clipNorm } = withDefaults(fitDefaults, options);
  const { clipValue } = options;
  const optimizer = optimizerOf(options.optimizer ?? "adam");
  // Each parameter has its value, a gradient and what the optimiser remembers of it.
  const numbers = 2 + optimizer.slots.filter((slot) => slot !== "w").length;
  checkMemory(4 * numbers * countParameters(model), "training this model");
  const how = { batch, steps, clipNorm, optimizer, ...(clipValue !== undefined && { clipValue }) };
  checkPlan(trainingPlan(model, how, defaultTarget), "training this model");
}

const isTokenizer = (text: unknown): text is Tokenizer => typeof text === "object" && text !== null && "kind" in text;

/**
 * Which share of the tokens is kept for validation. Of separate texts the last ones are, so that no text is both trained and
 * measured on; where none come near the share (a quarter of it to four times as much: there are few, or one is most of all), a
 * part of one.
 */
export function splitOf(
  tokenizer: Tokenizer,
  text: unknown,
  tokens: Tokens,
  options: FitStreamOptions,
): { readonly validationSplit: number } {
  const { validationSplit } = withDefaults(fitDefaults, options);
  if (!Array.isArray(text) || validationSplit === 0) return { validationSplit };
  const end = endOfText(tokenizer);
  const wanted = tokens.length * validationSplit;
  let [kept, left] = [0, tokens.length];
  for (const run of runsOf(tokens)) {
    for (const token of run) {
      left--;
      if (token === end && Math.abs(left - wanted) < Math.abs(kept - wanted)) kept = left;
    }
  }
  if (kept < wanted / 4 || kept > wanted * 4) return { validationSplit };
  // Half a token more, so that rounding makes no difference.
  return { validationSplit: (kept + 0.5) / tokens.length };
}

/** @throws InputError where so many tokens make no batch for training; `where` begins its message */
export function checkLength(tokens: number, options: FitStreamOptions, where = ""): void {
  const { batch, steps, validationSplit } = withDefaults(fitDefaults, options);
  const wanted = smallestStream(batch, steps);
  const training = tokens - Math.floor(tokens * validationSplit);
  if (training >= wanted) return;
  const count = (n: number): string => n.toLocaleString("en-US");
  throw new InputError(
    `${where}the text has ${training === 1 ? "1 token" : `${count(training)} tokens`} to train on, and a batch of ${count(batch)} x ${count(steps)} steps needs ` +
      `${count(wanted)}. Give a longer text, a smaller batch or fewer steps.`,
  );
}

const cellOf = (given: string | Cell): Cell =>
  typeof given === "string" ? lookUp("languageModel: cell", given, cells) : given;

/** Options of `trainLanguageModel`: those of `fitStream`. */
export type TrainLanguageModelOptions = Omit<FitStreamOptions, "validationData"> & {
  /** Instead of a share: a text, a list of texts, or tokens. */
  readonly validationData?: Texts | Tokens | undefined;
};

/** The result of `trainLanguageModel`. */
export type TrainLanguageModelResult = FitStreamResult & {
  /** Number of tokens of the text that are not in the model's vocabulary. */
  readonly unknown: number;
};

/**
 * Train a language model; its values are changed. Separate texts are joined to one stream, each followed by the token that
 * ends a text; states are carried across it, and the model learns that nothing before it matters. The last whole texts, as
 * near to the share `validationSplit` as possible, are kept for validation.
 *
 * A `modelCheckpoint` callback writes files that `readLanguageModel` reads.
 * @param lm the language model
 * @param text a text, a list of separate texts, or tokens (an Int32Array, or a TokenSource for tokens on disk)
 * @param options those of `fitStream`: `epochs` (default 6) or `minutes`, `batch` (16), `steps` (32), `optimizer`, ...; see
 *   `FitStreamOptions`
 * @returns the losses in nats, the speed, the state to resume from, and the number of unknown tokens
 * @throws InputError for wrong options; if the text is too short for one batch, the validation text has fewer than 2 tokens,
 *   or memory is too small; for separate texts if the model was made from one text; for a `resume` of another training
 * @throws NonFiniteLoss if the loss or a parameter becomes infinite or NaN
 * @example
 * const { validationLoss } = await trainLanguageModel(lm, text, { epochs: 3 });
 * @example
 * const onProgress = ({ milestone }, checkpoint) => {
 *   if (milestone) writeFileSync("model.safetensors", writeLanguageModel({ ...lm, ...checkpoint() }));
 * };
 * await trainLanguageModel(lm, text, { onProgress }); // and later { onProgress, resume: lm.training }
 */
export async function trainLanguageModel(
  lm: LanguageModel,
  text: Texts | Tokens,
  options: TrainLanguageModelOptions = {},
): Promise<TrainLanguageModelResult> {
  const where = "trainLanguageModel";
  checkArguments(where, { lm, text, options }, trainArguments);
  const { model, tokenizer } = lm;
  const { validationData, ...given } = options;
  const tokens = tokensOf(tokenizer, text);
  const other = validationData !== undefined && {
    validationSplit: 0,
    validationData: tokensOf(tokenizer, validationData),
  };
  const wanted = { ...other, ...given };
  const all = { ...wanted, ...splitOf(tokenizer, text, tokens, wanted) };
  checkLength(tokenSource(tokens).length, all, `${where}: `);
  const result = await fitStreamAs({ where, extra: fileOf(lm).extra, asked: asksFor(given) }, model, tokens, all);
  return { ...result, unknown: hasUnknown(tokenizer) ? countUnknown(tokens) : 0 };
}

function tokensOf(tokenizer: Tokenizer, text: Texts | Tokens): Tokens {
  if (typeof text !== "string" && !Array.isArray(text)) return text as Tokens;
  return encode(tokenizer, text as Texts);
}

/** The result of `evaluateLanguageModel`. */
export type Evaluation = {
  /** Mean cross-entropy per token, in nats. */
  readonly loss: number;
  /** exp(loss). */
  readonly perplexity: number;
  readonly bitsPerCharacter: number;
  /** Number of predicted tokens: all but the first, including the ends of separate texts. */
  readonly tokens: number;
  /** Characters that the model's vocabulary does not have. */
  readonly unknown: number;
};

/** An encoded text, in memory or on disk. */
export type EncodedText = {
  readonly tokens: Tokens;
  /** The number of characters (code points) of the text. */
  readonly characters: number;
};

/**
 * Measure how well a language model predicts a text. The ends of separate texts are predicted too.
 * @param lm the language model
 * @param text a text, a list of separate texts, or an encoded text
 * @param options the host's: `engine`, `threads`, `fma`
 * @returns loss in nats per token, perplexity and bits per character
 * @throws InputError for a text of fewer than two tokens, or with no character after the first token, and for a model whose
 *   values are infinite or NaN
 */
export async function evaluateLanguageModel(
  lm: LanguageModel,
  text: Texts | EncodedText,
  options: HostOptions = {},
): Promise<Evaluation> {
  checkArguments("evaluateLanguageModel", { lm, text, options }, evaluateArguments);
  const { model, tokenizer } = lm;
  const { tokens: ids, characters: all } = isEncoded(text) ? text : encodeTexts(tokenizer, text);
  if (ids.length < 2)
    throw new InputError(
      `the text has ${ids.length === 1 ? "1 token" : "no tokens"}; at least 2 are needed to predict one.`,
    );
  // The first token is given, and may be a word. (The unknown character is one character.)
  const first = new Int32Array(1);
  tokenSource(ids).read(0, first);
  const characters = all - countCodePoints(decodeToken(tokenizer, first[0] as number));
  if (characters < 1) {
    throw new InputError(
      `evaluateLanguageModel: the text has ${all} character${all === 1 ? "" : "s"}, and its first token, which is not ` +
        "predicted, has as many; at least 1 more is needed. Give a longer text, or the right number.",
    );
  }
  const slots = Math.max(1, Math.min(32, Math.floor(ids.length / 1000)));
  const evaluator = await createEvaluator(model, { batch: slots, steps: 64, ...options });
  const yieldNow = createYielder();
  const loss = await evaluator.loss(ids, async () => yieldNow()).finally(() => evaluator.dispose());
  if (!Number.isFinite(loss)) {
    throw new InputError(`the loss is ${loss}: the model's values are not finite numbers. Train anew at a lower rate.`);
  }
  const tokens = ids.length - 1;
  return {
    loss,
    perplexity: Math.exp(loss),
    bitsPerCharacter: (loss * tokens) / characters / Math.LN2,
    tokens,
    unknown: hasUnknown(tokenizer) ? countUnknown(ids) : 0,
  };
}

/** The tokens of a text or of separate ones, and how many characters these have. */
export function encodeTexts(tokenizer: Tokenizer, text: Texts): EncodedText {
  const all: readonly string[] = typeof text === "string" ? [text] : text;
  const characters = all.reduce((sum, one) => sum + countCodePoints(one), 0);
  return { tokens: encode(tokenizer, text), characters };
}

/** Options of `writeLanguageModel`. */
export type WriteOptions = {
  /** Whether to write the state of training, which with Adam is twice the size of the weights. Default true for "f32", else false. */
  readonly training?: boolean;
  /** Type of the weights: "f32" (default), or "f16" or "bf16", which take half the bytes and are read as f32. */
  readonly dtype?: WeightType;
};
export const writeLanguageModelArguments: Arguments = {
  lm: aLanguageModel,
  options: optionsOf<WriteOptions>({ training: flag, dtype: oneOf(...weightTypes) }),
};

/**
 * Encode a language model as a .safetensors file: weights, equations, tokenizer and, by default, the state of training.
 * `readLanguageModel` returns the same model, except for rounding to f16 or bf16.
 * @param lm the language model
 * @param options `training`: whether to write the state of training; `dtype`: "f32" (default), "f16" or "bf16"
 * @returns the bytes of the file
 * @throws InputError for a model that could not be read again, and for a weight too large for f16
 * @example writeFileSync("model.safetensors", writeLanguageModel(lm));
 * @example writeFileSync("small.safetensors", writeLanguageModel(lm, { training: false, dtype: "f16" }));
 */
export function writeLanguageModel(lm: LanguageModel, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  checkArguments("writeLanguageModel", { lm, options }, writeLanguageModelArguments);
  const { dtype = "f32", training = dtype === "f32" } = options;
  const { model, tokenizer } = lm;
  const content = fileOf(training ? lm : { model, tokenizer });
  readContent(content, taskDataOf(content, "writeLanguageModel"), "writeLanguageModel");
  return writeModel(content, { dtype });
}

/** What its file holds. */
const fileOf = ({ model, tokenizer, training, optimizer, options }: LanguageModel): ModelFile => ({
  model,
  training,
  extra: {
    task: { kind: "text", tokenizer },
    ...(optimizer !== undefined && { optimizer }),
    ...(options !== undefined && { options }),
  },
});

/**
 * Read a language model from the bytes of its file.
 * @param bytes the content of a .safetensors file
 * @param file the name of the file, for messages
 * @throws FormatError, one line, for a file that is damaged or not a language model
 * @example const lm = readLanguageModel(readFileSync("model.safetensors"), "model.safetensors");
 */
export function readLanguageModel(bytes: Uint8Array, file: string): LanguageModel {
  const content = readModel(bytes, file);
  const data = taskDataOf(content, file);
  if (data.kind === textTask.kind) return readContent(content, data, file);
  throw new FormatError(`${file}: its task is ${formatValue(data.kind)}, and a language model's is "text".`);
}

/** The task of language models: text in, text out. Its data are the tokenizer. */
export const textTask: Task<LanguageModel> = {
  kind: "text",
  title: "a language model",
  read: readContent,
};

/** What a language model's file holds, checked. */
function readContent({ model, training, extra }: ModelFile, data: TaskData, file: string): LanguageModel {
  if (data.tokenizer === undefined) {
    throw new FormatError(`${file}: it is a model of text without a tokenizer: the file is damaged. Train anew.`);
  }
  let tokenizer: Tokenizer;
  try {
    tokenizer = checkTokenizer(data.tokenizer);
  } catch (error) {
    if (error instanceof InputError) throw new FormatError(`${file}: ${error.message}`);
    throw error;
  }
  const { optimizer, options } = extra;
  if (optimizer !== undefined && typeof optimizer !== "string") {
    throw new FormatError(`${file}: the name of its optimiser is not a string: the file is damaged. Train anew.`);
  }
  if (options !== undefined && !isPlain(options)) {
    throw new FormatError(`${file}: the options of its training have no names: the file is damaged. Train anew.`);
  }
  const size = vocabularySize(tokenizer);
  if (size < 2) throw new FormatError(`${file}: its tokenizer has no token to generate. Train anew.`);
  const [first] = model.layers;
  if (model.outputSize !== size || first?.kind !== "embedding" || first.inputDim !== size) {
    throw new FormatError(`${file}: its tokenizer has ${size} tokens, its layers another number. Train anew.`);
  }
  return { model, training, tokenizer, optimizer, options };
}
