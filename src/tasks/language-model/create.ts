/** Make an untrained language model for a text: its vocabulary, its layers and their initial values. */
import { cells } from "../../cells/index.ts";
import { checkMemory, checkPlan } from "../../engines/memory-limit.ts";
import { knownTarget } from "../../engines/registry.ts";
import type { Cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import { checkArguments, lookUp, withDefaults } from "../../graph/schema.ts";
import { initialize } from "../../nn/initializers.ts";
import { dense, dropout, embedding, recurrent } from "../../nn/layers.ts";
import { countParameters, type Model, modelOf, nameLayers } from "../../nn/model.ts";
import { createRandom } from "../../nn/random.ts";
import { type Texts, type Tokenizer, trainAndEncode, trainTokenizerFor, vocabularySize } from "../../text/tokenizer.ts";
import { type FitStreamOptions, fitDefaults } from "../../train/fit-stream-options.ts";
import { optimizerOf } from "../../train/optimizer-names.ts";
import { createTokenList } from "../../train/token-list.ts";
import type { Tokens } from "../../train/token-source.ts";
import { trainingPlan } from "../../train/training-plan.ts";
import type { LanguageModel } from "./file.ts";
import { type LanguageModelOptions, languageModelArguments } from "./options.ts";
import { checkLength, splitOf } from "./training-tokens.ts";

/**
 * Create an untrained language model. Its vocabulary is made from a text; from a list of separate texts, with one more token
 * that ends a text; or it is that of a given tokenizer.
 * @param text a text, a list of texts, or a tokenizer
 * @param options `cell` (default "lstm"), `units` (128), `label` (what its recurrent layers are called), `layers` (1),
 *   `embedding` (64), `dropout` (0), `tokens` ("char"), `maxVocabulary`, `seed` (0), `training`
 * @throws InputError for wrong options, for a text without characters, and for a model too large for memory
 * @example const lm = languageModel(text, { cell: "gru", units: 256 });
 * @example const lm = languageModel(poems, { tokens: "word" });
 */
export function languageModel(text: Texts | Tokenizer, options: LanguageModelOptions = {}): LanguageModel {
  return languageModelAndTokens(text, options).lm;
}

/**
 * Create a language model as `languageModel` does and, with the option `training`, return the tokens of the text too: one
 * reading of the text gives the vocabulary and the tokens.
 * @param text a text, a list of texts, or a tokenizer
 * @param options those of `languageModel`
 * @returns the language model; the tokens if there is a text and `training`
 * @throws InputError as `languageModel`
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
  const ofCell = typeof options.cell === "object" ? "recurrent" : (options.cell ?? "lstm").replaceAll("-", "_");
  const { label = ofCell } = options;
  const drop = rate > 0 ? [dropout(rate)] : [];
  const stack = Array.from({ length: layers }, () => [
    recurrent(of, { units, label, returnSequences: true }),
    ...drop,
  ]).flat();
  const named = nameLayers([embedding(vocabulary, features), ...drop, ...stack, dense(vocabulary)]);
  // Memory is checked before the values are made: for a model that is too large that would take hours.
  const blank = modelOf(named, "tokens", () => new Float32Array(0));
  if (options.training !== undefined) checkTrainingMemory(blank, options.training);
  const random = createRandom(seed);
  const values = blank.parameters.map((parameter) => [parameter.name, initialize(parameter, random)]);
  const lm = { model: { ...blank, values: Object.fromEntries(values) }, tokenizer };
  return encoded === undefined ? { lm } : { lm, tokens: encoded };
}

/** @throws InputError if training needs too much memory. The plan is that of the training itself, so it is made only once. */
function checkTrainingMemory(model: Model, options: FitStreamOptions): void {
  const { batch, steps, clipNorm } = withDefaults(fitDefaults, options);
  const { clipValue, precision } = options;
  const optimizer = optimizerOf(options.optimizer ?? "adam");
  // Each parameter has its value, a gradient and what the optimiser remembers of it.
  const numbers = 2 + optimizer.slots.filter((slot) => slot !== "w").length;
  const target = knownTarget(options);
  if (target === undefined) return;
  checkMemory(4 * numbers * countParameters(model), "training this model", target);
  const how = { batch, steps, clipNorm, optimizer, precision, ...(clipValue !== undefined && { clipValue }) };
  checkPlan(trainingPlan(model, how, target), "training this model");
}

const isTokenizer = (text: unknown): text is Tokenizer => typeof text === "object" && text !== null && "kind" in text;

const cellOf = (given: string | Cell): Cell =>
  typeof given === "string" ? lookUp("languageModel: cell", given, cells) : given;
