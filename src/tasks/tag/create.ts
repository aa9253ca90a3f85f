/** Make an untrained tagger for sentences: its words and characters, its labels, its layers. */
import { cells } from "../../cells/index.ts";
import type { TaggedSentence } from "../../formats/conll.ts";
import { aCell, type Cell, cell } from "../../graph/cell.ts";
import { InputError } from "../../graph/input-error.ts";
import {
  type Arguments,
  alias,
  checkArguments,
  checkOptions,
  either,
  flag,
  inRange,
  listOf,
  lookUp,
  oneOf,
  options as optionsOf,
  type Rule,
  required,
  someText,
  string,
  wholeNumber,
} from "../../graph/schema.ts";
import { crf } from "../../nn/crf.ts";
import {
  bidirectional,
  dense,
  dropout as dropoutLayer,
  embedding,
  input,
  type LayerSpec,
  layerName,
  recurrent,
} from "../../nn/layers.ts";
import { sequential } from "../../nn/model.ts";
import { aSeed } from "../../nn/random.ts";
import { scoresLayer, type Tagger } from "./file.ts";
import { type TagReading, tagInputFor, tagReadings, tokensOfInput, tokensPerWord, wordReader } from "./input.ts";

/** Options of `tagger`. */
export type TaggerOptions = {
  /** What is read of a word. Default "words+characters". */
  readonly input?: TagReading;
  /** Whether labels are chosen together, by a conditional random field, and not each for itself. Default true. */
  readonly crf?: boolean;
  /** The name of a built-in cell, or a cell of your own. Default "lstm". */
  readonly cell?: string | Cell;
  /** Units of each recurrent layer, and direction. Default 64. */
  readonly units?: number;
  /** What the recurrent layers are called. Default: the name of a built-in cell, else "recurrent". */
  readonly label?: string;
  /** Number of recurrent layers. Default 1. */
  readonly layers?: number;
  /** Features of the vector of a word, character or byte pair. Default 50. */
  readonly embedding?: number;
  /** Numbers that are made of a word's characters or byte pairs. Default 30. */
  readonly filters?: number;
  /** Dropout rate of words' vectors and after each recurrent layer. Default 0.3. */
  readonly dropout?: number;
  /** How often a word comes that has a vector of its own. Default 1. */
  readonly minCount?: number;
  /** The most byte pairs. Default 1000. */
  readonly maxVocabulary?: number;
  /** The labels in order. Default: those of the sentences, sorted. */
  readonly labels?: readonly string[];
  /** Seed of the initial values. Default 0. */
  readonly seed?: number;
};

const count = wholeNumber(1);
const sentenceRule: Rule = {
  expected: "a sentence, { tokens, labels }",
  accepts: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  look(where, value) {
    checkOptions(where, value, {
      tokens: required(listOf(someText)),
      labels: required(listOf(someText)),
      name: string,
      lines: listOf(wholeNumber(0)),
    });
  },
};
/** Sentences with labels. */
export const taggedSentences: Rule = listOf(sentenceRule, 1);
export const taggerArguments: Arguments = {
  sentences: taggedSentences,
  options: optionsOf<TaggerOptions>({
    input: oneOf(...tagReadings),
    crf: flag,
    cell: { ...either(string, aCell), expected: 'the name of a cell ("lstm"), or a cell, as cell() makes it' },
    units: alias(count, "hiddenSize"),
    label: layerName,
    layers: alias(wholeNumber(1, 100), "numLayers"),
    embedding: alias(count, "embeddingSize"),
    filters: count,
    dropout: inRange(0, 1),
    minCount: alias(count, "minFrequency"),
    maxVocabulary: alias(wholeNumber(256), "vocabularySize"),
    labels: alias(listOf(someText, 1), "tags"),
    seed: aSeed,
  }),
};

/**
 * Create an untrained tagger: it gives each word of a sentence a label. Its words and labels are those of the sentences, so give the
 * training sentences alone. It reads both ways; of words, if asked to, also their characters (by a convolution over windows of
 * three, and the largest values) or byte pairs. G. Lample et al., "Neural architectures for named entity recognition", 2016.
 * @param sentences sentences with labels, as `parseConll` gives them
 * @param options `input` ("words+characters"), `crf` (true), `cell` ("lstm"), `units` (64), `layers` (1), `embedding` (50), `filters`
 *   (30), `dropout` (0.3), `minCount` (1), `maxVocabulary` (1000 byte pairs), `labels`, `seed` (0)
 * @throws InputError for wrong options, for a sentence without words or with another number of labels, and for labels that are all
 *   the same
 * @example const names = tagger(parseConll(readFileSync("train.conll")), { units: 100 });
 */
export function tagger(sentences: readonly TaggedSentence[], options: TaggerOptions = {}): Tagger {
  checkArguments("tagger", { sentences, options }, taggerArguments);
  checkSentences(sentences);
  const found = [...new Set(sentences.flatMap((one) => one.labels))].sort((a, b) => (a < b ? -1 : 1));
  const { labels = found, seed = 0, minCount = 1, maxVocabulary = 1000 } = options;
  if (labels.length < 2) {
    throw new InputError(
      `tagger: all words have the label ${JSON.stringify(labels[0])}. Give sentences of at least 2 labels.`,
    );
  }
  const twice = labels.find((one, k) => labels.indexOf(one) < k);
  if (twice !== undefined) throw new InputError(`tagger: labels has ${JSON.stringify(twice)} twice`);
  const words = sentences.map(({ tokens }) => tokens);
  const reads = tagInputFor(words, options.input ?? "words+characters", { minCount, maxVocabulary });
  const each = tokensPerWord(reads);
  const model = sequential(layersOf(options, { labels: labels.length, tokens: tokensOfInput(reads), each }), { seed });
  return { model, labels, input: reads };
}

type Sizes = { readonly labels: number; readonly tokens: number; readonly each: number };
function layersOf(options: TaggerOptions, { labels, tokens, each }: Sizes): LayerSpec[] {
  const { cell: given = "lstm", units = 64, layers = 1, dropout = 0.3, filters = 30 } = options;
  const of = typeof given === "string" ? lookUp<Cell>("tagger: cell", given, cells) : given;
  const { label = typeof given === "string" ? given.replaceAll("-", "_") : "recurrent" } = options;
  const drop = dropout > 0 ? [dropoutLayer(dropout)] : [];
  return [
    input("tokens", { name: "tokens" }),
    embedding(tokens, options.embedding ?? 50, { maskZero: true }),
    ...(each > 1 ? [recurrent(wordReader(each - 1, filters), { label: "words", strides: each })] : []),
    ...drop,
    ...Array.from({ length: layers }, () => [
      bidirectional(recurrent(of, { units, label, returnSequences: true })),
      ...drop,
    ]).flat(),
    dense(labels, { name: scoresLayer }),
    ...(options.crf === false ? [] : crfLayers(labels, each)),
  ];
}
/** The labels, one-hot, at the steps of the tokens; then where words are; then what they cost. */
const crfLayers = (labels: number, each: number): LayerSpec[] => [
  input(labels, { name: "labels" }),
  ...(each > 1 ? [recurrent(cell("y = x"), { name: "right", strides: each })] : []),
  crf({ name: "crf", labels: each > 1 ? "right" : "labels", reads: scoresLayer }),
];

/** @throws InputError, with its name, for a sentence without words, or with another number of labels */
export function checkSentences(
  sentences: readonly (Pick<TaggedSentence, "tokens" | "name"> & Partial<TaggedSentence>)[],
): void {
  sentences.forEach((one, n) => {
    const { tokens, labels, name = `sentence ${n}` } = one;
    if (tokens.length === 0) throw new InputError(`${name}: has no words. Leave it out.`);
    if (labels === undefined || labels.length === tokens.length) return;
    throw new InputError(`${name}: has ${tokens.length} words and ${labels.length} labels; each word needs one.`);
  });
}
