/** What a translator is: texts in, texts out, each by tokens of its own; its options, and the checks of one. */
import { aCell, type Cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  alias,
  checkOptions,
  checkValue,
  either,
  flag,
  inRange,
  isPlain,
  oneOf,
  type Rule,
  required,
  type Schema,
  string,
  wholeNumber,
} from "../../graph/schema.ts";
import type { Model } from "../../nn/model.ts";
import { aModel } from "../../nn/model-checks.ts";
import { aSeed } from "../../nn/random.ts";
import { aTokenizer, endOfText, type Tokenizer, vocabularySize } from "../../text/tokenizer.ts";

/** A text, and what it is to become. */
export type TextPair = { readonly source: string; readonly target: string };
const pair: Schema<TextPair> = { source: required(string), target: required(string) };
export const textPairs: Rule = {
  expected: "a list of pairs { source, target }",
  accepts: (value) => Array.isArray(value) && value.length > 0,
  look(where, value) {
    // A hole is no pair either.
    const all = Array.from(value as unknown[]);
    all.forEach((one, k) => {
      checkValue(`${where}[${k}]`, one, { expected: "{ source, target }", accepts: isPlain });
      checkOptions(`${where}[${k}]`, one, pair);
    });
    const empty = (value as TextPair[]).findIndex(({ source }) => source === "");
    if (empty >= 0) throw new InputError(`${where}[${empty}]: its source is empty: there is nothing to translate.`);
  },
};

export const tokenKinds = ["char", "word", "bpe"] as const;
/** Where the decoder looks in the source: by scores that are sums or products, by place, or nowhere but at its end. */
export const attentions = ["additive", "dot", "location", "none"] as const;

/** Options of `translator`. */
export type TranslatorOptions = {
  /** What a token is, of both sides. Default "char". */
  readonly tokens?: (typeof tokenKinds)[number];
  /** The largest number of tokens of a side. Default: every character, 10,000 words, 2,000 byte pairs. */
  readonly maxVocabulary?: number;
  /** A built-in cell by its name, or a cell. Default "lstm". */
  readonly cell?: string | Cell;
  /** Units of the decoder, and of both directions of the encoder together. Default 256. */
  readonly units?: number;
  /** Layers of the encoder. Default 1. */
  readonly layers?: number;
  /** Features of a token's vector. Default: units, at most 64. */
  readonly embedding?: number;
  /**
   * Where the decoder looks: "additive" (default) and "dot" by what stands there; "location" goes through the source from its start or from
   * its end, step by step, whatever stands there, and so also through texts that are longer than any before; "none".
   */
  readonly attention?: (typeof attentions)[number];
  /** Whether the source is read in both directions. Default true. */
  readonly bidirectional?: boolean;
  /** Dropout rate of embeddings and of the decoder's output. Default 0. */
  readonly dropout?: number;
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
};
const count = wholeNumber(1);
export const translatorRules: Schema<TranslatorOptions> = {
  tokens: oneOf(...tokenKinds),
  maxVocabulary: alias(wholeNumber(2), "vocabularySize"),
  cell: { ...either(string, aCell), expected: "a built-in cell's name, or a cell" },
  units: alias(count, "hiddenSize"),
  layers: alias(count, "numLayers"),
  embedding: alias(count, "embeddingSize"),
  attention: oneOf(...attentions),
  bidirectional: flag,
  dropout: inRange(0, 1),
  seed: aSeed,
};

/** A translator: the model, and both sides' tokens. Plain data, the content of its file. */
export type Translator = {
  readonly model: Model;
  readonly source: Tokenizer;
  readonly target: Tokenizer;
  /** Whether each source is read with the token that ends it. */
  readonly sourceEnds?: true | undefined;
  /** The most tokens that a source and a target had when it was made. */
  readonly longest: { readonly source: number; readonly target: number };
  /** The options of its training, by their names on the command line. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
};

/** The layer whose line `attention` says where the decoder looks. */
export const decoderLayer = "decoder";
/** Token 0 of both inputs is padding, so that ids of tokens are one more. */
export const padding = 1;

export const longestRules: Schema<Translator["longest"]> = {
  source: required(count),
  target: required(count),
};

/** A translator. */
export const aTranslator: Rule = {
  expected: "a translator, as translator or readTranslator makes it",
  accepts: (value) => isPlain(value) && isPlain(value.model) && isPlain(value.source) && isPlain(value.target),
  look(where, value) {
    const { model, source, target, longest } = value as Translator;
    checkValue(`${where}.model`, model, aModel);
    checkValue(`${where}.source`, source, aTokenizer);
    checkValue(`${where}.target`, target, aTokenizer);
    checkOptions(`${where}.longest`, longest, longestRules);
    const problem = misfit(value as Translator);
    if (problem !== undefined) throw new InputError(`${where}: ${problem}`);
  },
};

/** Why a model and the tokens of its sides do not belong together. */
export function misfit({ model, source, target, sourceEnds }: Omit<Translator, "longest">): string | undefined {
  const [first, second] = model.inputs;
  if (first?.name !== "source" || second?.name !== "target" || model.inputs.length !== 2) {
    return "its model does not read a source and a target";
  }
  if (sourceEnds === true && endOfText(source) === undefined)
    return "the tokens of its sources have none that ends a text";
  if (endOfText(target) === undefined) return "the tokens of its targets have none that ends a text";
  const sides = [
    ["source", first.count, padding + vocabularySize(source)],
    ["target", second.count, padding + vocabularySize(target)],
    ["output", model.outputSize, vocabularySize(target)],
  ] as const;
  const odd = sides.find(([, got, wanted]) => got !== wanted);
  return odd && `its model has ${odd[1]} tokens of its ${odd[0]}, and its vocabulary ${odd[2]}`;
}
