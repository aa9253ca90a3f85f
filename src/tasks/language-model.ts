/** A model of text: a tokenizer, an embedding, recurrent layers, a softmax over the vocabulary. */
import { cells } from "../cells/index.ts";
import { readModel, type WeightType, weightTypes, writeModel } from "../formats/model-file.ts";
import { FormatError } from "../formats/safetensors.ts";
import type { Cell } from "../graph/cell.ts";
import { InputError } from "../graph/input-error.ts";
import { checkOptions, flag, formatValue, oneOf, type Schema } from "../graph/schema.ts";
import { initialize } from "../nn/initializers.ts";
import { dense, dropout, embedding, recurrent } from "../nn/layers.ts";
import { countParameters, type Model, modelOf, nameLayers } from "../nn/model.ts";
import { createRandom } from "../nn/random.ts";
import { checkMemory } from "../runtime/memory-limit.ts";
import {
  checkTokenizer,
  countUnknown,
  decodeToken,
  encode,
  endOfText,
  hasUnknown,
  type Texts,
  type Tokenizer,
  trainTokenizer,
  vocabularySize,
} from "../text/tokenizer.ts";
import { createEvaluator } from "../train/evaluator.ts";
import { type FitStreamOptions, type FitStreamResult, fitDefaults, fitStream } from "../train/fit-stream.ts";
import { adam } from "../train/optimizers.ts";
import { smallestStream } from "../train/stream.ts";
import { type TrainerState, trainingPlan } from "../train/trainer.ts";

export type { Texts } from "../text/tokenizer.ts";
export { type BeamSearchOptions, type BeamText, beamSearch } from "./beam-search.ts";
export type { Prompt } from "./desk.ts";
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

/** A model of text with its tokenizer, and what its training needs to go on: plain data, the content of its file. */
export type LanguageModel = {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** Where training stopped. */
  readonly training?: TrainerState | undefined;
  /** The name of the optimiser whose state that is. */
  readonly optimizer?: string | undefined;
};

/**
 * Defaults: one layer of an LSTM of 128 units on characters, an embedding of 64 features or `units` if fewer, no
 * dropout.
 */
export type LanguageModelOptions = {
  /** A built-in cell's name, or a cell of one's own. */
  readonly cell?: string | Cell;
  readonly units?: number;
  readonly layers?: number;
  /** Features of the embedding. */
  readonly embedding?: number;
  /** Rate of the dropout before, between and after the recurrent layers. */
  readonly dropout?: number;
  readonly tokens?: Tokenizer["kind"];
  /** Largest vocabulary of words (10,000 where absent) or of byte pairs (2,000). */
  readonly maxVocabulary?: number;
  readonly seed?: number;
  /** How it will be trained: then the text and the memory are checked before the values are made. */
  readonly training?: Pick<FitStreamOptions, "batch" | "steps" | "validationSplit">;
};

const mostLayers = 100;

/**
 * An untrained model for a text, whose tokens make its vocabulary; or for separate texts: then one more token stands for the
 * end of a text, which the model may write, and after which it begins a new one. No characters are that token.
 * @throws InputError for options that make no model
 * @example const lm = languageModel(text, { cell: "gru", units: 256 });
 * @example const lm = languageModel(poems, { tokens: "word" });
 */
export function languageModel(text: Texts, options: LanguageModelOptions = {}): LanguageModel {
  const { units = 128, layers = 1, tokens = "char", seed = 0, dropout: rate = 0, maxVocabulary } = options;
  const { embedding: features = Math.min(units, 64) } = options;
  const of = cellOf(options.cell ?? "lstm");
  if (!Number.isInteger(layers) || layers < 1 || layers > mostLayers) {
    throw new InputError(`layers: needs a whole number from 1 to ${mostLayers}, got ${layers}`);
  }
  checkTexts(text);
  const tokenizer = trainTokenizer(tokens, text, { maxVocabulary });
  const vocabulary = vocabularySize(tokenizer);
  if (vocabulary < 2 || (typeof text !== "string" && text.every((one) => one === "")))
    throw new InputError("the text has no character to learn. Give a longer text.");
  if (options.training !== undefined) checkLength(streamOf(tokenizer, text, options.training));
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
  return { model: modelOf(named, "tokens", (parameter) => initialize(parameter, random)), tokenizer };
}

function checkTrainingMemory(model: Model, options: FitStreamOptions): void {
  const { batch, steps } = { ...fitDefaults, ...options };
  // Each parameter has its value, a gradient and two numbers of Adam's.
  checkMemory(16 * countParameters(model), "training this model");
  checkMemory(trainingPlan(model, { batch, steps, clipNorm: 1 }).plan.bytes, "training this model");
}

/** Tokens to train on, with how many are kept for validation as `fitStream` takes it. */
type Stream = { readonly tokens: Int32Array; readonly options: FitStreamOptions };

/**
 * A text's tokens, and those of separate ones with the token that ends each. Of separate texts the last ones are kept for
 * validation, so that no text is both trained and measured on; where none come near the share (a quarter of it to four times as
 * much: there are few, or one is most of all), a part of one.
 */
function streamOf(tokenizer: Tokenizer, text: Texts, options: FitStreamOptions): Stream {
  const tokens = encode(tokenizer, text);
  const { validationSplit } = { ...fitDefaults, ...options };
  if (typeof text === "string" || validationSplit === 0) return { tokens, options };
  const end = endOfText(tokenizer);
  const wanted = tokens.length * validationSplit;
  let kept = 0;
  for (let at = 0; at < tokens.length; at++) {
    const left = tokens.length - 1 - at;
    if (tokens[at] === end && Math.abs(left - wanted) < Math.abs(kept - wanted)) kept = left;
  }
  if (kept < wanted / 4 || kept > wanted * 4) return { tokens, options };
  // Half a token more, so that rounding makes no difference.
  return { tokens, options: { ...options, validationSplit: (kept + 0.5) / tokens.length } };
}

function checkTexts(text: unknown): void {
  if (typeof text === "string") return;
  if (!Array.isArray(text)) throw new InputError(`text must be a text or a list of texts, got ${formatValue(text)}`);
  const odd = text.findIndex((one) => typeof one !== "string");
  if (odd >= 0) throw new InputError(`text ${odd} of the list must be a text, got ${formatValue(text[odd])}`);
}

function checkLength({ tokens: { length: tokens }, options }: Stream): void {
  const { batch, steps, validationSplit } = { ...fitDefaults, ...options };
  const wanted = smallestStream(batch, steps);
  const training = tokens - Math.floor(tokens * validationSplit);
  if (training >= wanted) return;
  const count = (n: number): string => n.toLocaleString("en-US");
  throw new InputError(
    `the text has ${training === 1 ? "1 token" : `${count(training)} tokens`} to train on, and a batch of ${count(batch)} x ${count(steps)} steps needs ` +
      `${count(wanted)}. Give a longer text, a smaller batch or fewer steps.`,
  );
}

function cellOf(given: string | Cell): Cell {
  if (typeof given !== "string") return given;
  const found = Object.hasOwn(cells, given) ? cells[given] : undefined;
  if (found === undefined) {
    throw new InputError(
      `cell "${given}" is not known. There are ${Object.keys(cells).length}, among them lstm, gru and simple-rnn; or give equations.`,
    );
  }
  return found;
}

/**
 * Train on a text, or on separate ones; the model's values are changed. Separate texts are one stream, each followed by the
 * token that ends a text: what the model remembers is carried across it, and it learns that nothing before it matters. The
 * last of them, as near to a share of `validationSplit` as whole texts come, are kept for validation.
 * @throws InputError where the text is too short for one batch, memory too small, or `resume` another optimiser's; for
 * separate texts and a model that was made of one
 * @throws NonFiniteLoss as `fitStream`
 * @example const { validationLoss } = await trainLanguageModel(lm, text, { epochs: 3 });
 */
export async function trainLanguageModel(
  { model, tokenizer }: LanguageModel,
  text: Texts,
  options: FitStreamOptions = {},
): Promise<FitStreamResult> {
  checkTexts(text);
  const stream = streamOf(tokenizer, text, options);
  checkLength(stream);
  const { resume, optimizer = adam() } = options;
  const saved = Object.keys(resume?.slots ?? {});
  if (resume !== undefined && [...saved].sort().join() !== [...optimizer.slots].sort().join()) {
    throw new InputError(
      `the state of training to go on from has ${saved.join(", ") || "nothing"} for each parameter, and ` +
        `${optimizer.name} needs ${optimizer.slots.join(", ") || "nothing"}. Train anew.`,
    );
  }
  return fitStream(model, stream.tokens, stream.options);
}

/** How well a model predicts a text. */
export type Evaluation = {
  /** Mean nats a token. */
  readonly loss: number;
  readonly perplexity: number;
  readonly bitsPerCharacter: number;
  /** Tokens predicted: all but the first, the ends of separate texts included. */
  readonly tokens: number;
  /** Characters that the model's vocabulary does not have. */
  readonly unknown: number;
};

/**
 * How well the model predicts a text, or separate ones, the ends of which are predicted, too.
 * @throws InputError for a text of less than two tokens, and for a model whose values are no numbers any more
 */
export async function evaluateLanguageModel({ model, tokenizer }: LanguageModel, text: Texts): Promise<Evaluation> {
  checkTexts(text);
  const ids = encode(tokenizer, text);
  if (ids.length < 2)
    throw new InputError(
      `the text has ${ids.length === 1 ? "1 token" : "no tokens"}; at least 2 are needed to predict one.`,
    );
  const lanes = Math.max(1, Math.min(32, Math.floor(ids.length / 1000)));
  const evaluator = await createEvaluator(model, { batch: lanes, steps: 64 });
  const loss = await evaluator.loss(ids, () => new Promise((resolve) => setTimeout(resolve, 0)));
  if (!Number.isFinite(loss)) {
    throw new InputError(`the loss is ${loss}: the model's values are not finite numbers. Train anew at a lower rate.`);
  }
  const tokens = ids.length - 1;
  // The first token is given, and may be a word. (The unknown character is one character.)
  const first = countCharacters(decodeToken(tokenizer, ids[0] as number));
  const all =
    typeof text === "string" ? countCharacters(text) : text.reduce((sum, one) => sum + countCharacters(one), 0);
  const characters = all - first;
  return {
    loss,
    perplexity: Math.exp(loss),
    bitsPerCharacter: (loss * tokens) / characters / Math.LN2,
    tokens,
    unknown: hasUnknown(tokenizer) ? countUnknown(ids) : 0,
  };
}

/** Code points, without a list of them. */
function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Defaults: everything in f32. The state of training is left out with `training: false`, and where the weights are halved. */
export type WriteOptions = {
  /** Whether the file holds what training needs to go on, where there is that: with Adam it is twice the weights. */
  readonly training?: boolean;
  /** Of the weights: `f16` and `bf16` take half the bytes; reading makes f32 of them. */
  readonly dtype?: WeightType;
};
const writeSchema: Schema<WriteOptions> = { training: flag, dtype: oneOf(...weightTypes) };

/**
 * The bytes of a .safetensors file: weights, equations, tokenizer, and unless told otherwise the state of training.
 * @throws InputError for a weight that f16 cannot hold
 * @example writeFileSync("model.safetensors", writeLanguageModel(lm));
 * @example writeFileSync("small.safetensors", writeLanguageModel(lm, { training: false, dtype: "f16" }));
 */
export function writeLanguageModel(lm: LanguageModel, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  checkOptions("writeLanguageModel", options, writeSchema);
  const { dtype = "f32", training = dtype === "f32" } = options;
  const { model, tokenizer, ...state } = lm;
  const { training: saved, optimizer } = training ? state : {};
  return writeModel(
    { model, training: saved, extra: { tokenizer, ...(optimizer !== undefined && { optimizer }) } },
    { dtype },
  );
}

/**
 * A language model from the bytes of its file; `file` is what errors call it.
 * @throws FormatError, one line, for a file that is not such a model
 * @example const lm = readLanguageModel(readFileSync("model.safetensors"), "model.safetensors");
 */
export function readLanguageModel(bytes: Uint8Array, file: string): LanguageModel {
  const { model, training, extra } = readModel(bytes, file);
  if (extra.tokenizer === undefined) {
    throw new FormatError(`${file}: it is a model without a tokenizer, so it cannot read text.`);
  }
  let tokenizer: Tokenizer;
  try {
    tokenizer = checkTokenizer(extra.tokenizer);
  } catch (error) {
    if (error instanceof InputError) throw new FormatError(`${file}: ${error.message}`);
    throw error;
  }
  const { optimizer } = extra;
  if (optimizer !== undefined && typeof optimizer !== "string") {
    throw new FormatError(`${file}: the name of its optimiser is no text: the file is damaged. Train anew.`);
  }
  const size = vocabularySize(tokenizer);
  if (size < 2) throw new FormatError(`${file}: its tokenizer has no token to write. Train anew.`);
  const [first] = model.layers;
  if (model.outputSize !== size || first?.kind !== "embedding" || first.inputDim !== size) {
    throw new FormatError(`${file}: its tokenizer has ${size} tokens, its layers another number. Train anew.`);
  }
  return { model, tokenizer, training, optimizer };
}
