/**
 * Keras's `Tokenizer`: number words (or characters) by how often they occur, and turn texts into sequences of these
 * numbers and into rows of a matrix. It reads and writes Keras's JSON.
 *
 * As in Keras, and unlike `tokenizer.ts`, it drops punctuation, capital letters and rare words, and it is a class,
 * because it is fitted.
 */

import { type FlatArray, zeros } from "../data/arrays.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  anArray,
  callable,
  checkArguments,
  checkOptions,
  checkValue,
  flag,
  formatValue,
  iterable,
  listOf,
  oneOf,
  orNull,
  type Schema,
  someText,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { pythonJson, readPairs } from "./python-json.ts";
import { defaultFilters, textToWordSequence } from "./word-sequence.ts";

/** A text, or a list of the words of a text. */
export type Text = string | readonly string[];

/** The kind of value that a matrix holds for each word of a text: see `sequencesToMatrix`. */
export type MatrixMode = "binary" | "count" | "tfidf" | "freq";

/** Options of `Tokenizer`, with Keras's names and defaults. */
export type TokenizerOptions = {
  /**
   * Only words with an index below this number are used: the `numWords - 1` most frequent words. Null or 0 means all
   * words.
   */
  readonly numWords?: number | null;
  /** Characters that are replaced by `split`. Ignored with `charLevel`, and for texts that are lists of words. */
  readonly filters?: string;
  /** Whether to convert the text to lower case. */
  readonly lower?: boolean;
  /** The separator of words. */
  readonly split?: string;
  /** Whether every character (code point) is a token. */
  readonly charLevel?: boolean;
  /** The token that replaces words that are not used; it gets index 1. With null, such words are left out. */
  readonly oovToken?: string | null;
  /**
   * A function that splits a text into words; it replaces `filters`, `lower` and `split`. It is not part of the JSON.
   */
  readonly analyzer?: ((text: string) => readonly string[]) | null;
  /** The number of documents that were seen before. */
  readonly documentCount?: number;
};

export const tokenizerRules: Schema<TokenizerOptions> = {
  numWords: alias(orNull(wholeNumber(0)), "maxTokens", "maxWords", "vocabularySize"),
  filters: string,
  lower: flag,
  split: someText,
  charLevel: flag,
  oovToken: orNull(string),
  analyzer: orNull(callable),
  documentCount: wholeNumber(0),
};
const texts = { ...iterable, expected: "a list of texts" };
const sequences = { ...iterable, expected: "a list of lists of numbers" };
const mode = oneOf("binary", "count", "tfidf", "freq");
/** The arguments of the methods of `Tokenizer`. */
export const tokenizerArguments = {
  texts: { texts },
  sequences: { sequences },
  textsToMatrix: { texts, mode },
  sequencesToMatrix: { sequences, mode },
} as const satisfies Record<string, Arguments>;
export const tokenizerFromJsonArguments: Arguments = { json: string };

/** The settings and the learned state, under Keras's names; the maps are JSON texts. */
export type TokenizerConfig = {
  readonly num_words: number | null;
  readonly filters: string;
  readonly lower: boolean;
  readonly split: string;
  readonly char_level: boolean;
  readonly oov_token: string | null;
  readonly document_count: number;
  readonly word_counts: string;
  readonly word_docs: string;
  readonly index_docs: string;
  readonly index_word: string;
  readonly word_index: string;
};

/**
 * Keras's `keras.preprocessing.text.Tokenizer`. Words are numbered from 1, the most frequent word first; equally
 * frequent words keep the order of their first appearance. No word has the number 0. The learned state is in maps, so
 * any word can be a key.
 * @throws InputError if an option is out of range
 * @example
 * const tokenizer = new Tokenizer({ oovToken: "<OOV>" });
 * tokenizer.fitOnTexts(["the whale", "the sea"]);
 * tokenizer.textsToSequences(["the white whale"]); // [[2, 1, 3]]
 */
export class Tokenizer {
  readonly numWords: number | null;
  readonly filters: string;
  readonly lower: boolean;
  readonly split: string;
  readonly charLevel: boolean;
  readonly oovToken: string | null;
  readonly analyzer: ((text: string) => readonly string[]) | null;
  /** The number of texts and sequences that the tokenizer was fitted on. */
  documentCount: number;
  /** How often each word occurs, in the order of first appearance. */
  wordCounts = new Map<string, number>();
  /** The number of texts that contain each word. */
  wordDocs = new Map<string, number>();
  /** The number of texts that contain each index. */
  indexDocs = new Map<number, number>();
  wordIndex = new Map<string, number>();
  indexWord = new Map<number, string>();

  constructor(options: TokenizerOptions = {}) {
    checkOptions("Tokenizer", options, tokenizerRules);
    const { numWords = null, filters = defaultFilters, lower = true, split = " ", charLevel = false } = options;
    const { oovToken = null, analyzer = null, documentCount = 0 } = options;
    this.numWords = numWords;
    this.filters = filters;
    this.lower = lower;
    this.split = split;
    this.charLevel = charLevel;
    this.oovToken = oovToken;
    this.analyzer = analyzer;
    this.documentCount = documentCount;
  }

  /**
   * Count the words of texts, and number all words again, including those of the texts that the tokenizer was fitted on
   * before. Keras's `fit_on_texts`. Pass a single text as a list with one element: Python would take its characters for
   * texts.
   * @throws InputError for a single text, and for an item that is neither a text nor a list of words
   */
  fitOnTexts(texts: Iterable<Text>): void {
    checkArguments("fitOnTexts", { texts }, tokenizerArguments.texts);
    for (const text of texts) {
      const words = this.wordsOf(text);
      this.documentCount++;
      const seen = new Set<string>();
      for (const word of words) {
        increase(this.wordCounts, word);
        seen.add(word);
      }
      for (const word of seen) increase(this.wordDocs, word);
    }
    // A stable sort keeps the order of first appearance among equally frequent words.
    const byCount = [...this.wordCounts].sort(([, a], [, b]) => b - a).map(([word]) => word);
    const vocabulary = this.oovToken === null ? byCount : [this.oovToken, ...byCount];
    // If a text contains `oovToken` as a word, the later index of that word replaces index 1, as in Keras.
    this.wordIndex = new Map(vocabulary.map((word, i) => [word, i + 1]));
    this.indexWord = new Map([...this.wordIndex].map(([word, index]) => [index, word]));
    for (const [word, count] of this.wordDocs) this.indexDocs.set(this.wordIndex.get(word) as number, count);
  }

  /**
   * Count the number of sequences that contain each index. `sequencesToMatrix` needs these counts for "tfidf" if
   * `fitOnTexts` was never called. Keras's `fit_on_sequences`.
   */
  fitOnSequences(sequences: Iterable<Iterable<number>>): void {
    checkArguments("fitOnSequences", { sequences }, tokenizerArguments.sequences);
    for (const sequence of sequences) {
      checkSequence("fitOnSequences", sequence);
      this.documentCount++;
      for (const index of new Set(sequence)) increase(this.indexDocs, index);
    }
  }

  /**
   * Convert texts to the indices of their words. A word that is not used (an unknown word, or one whose index is not
   * below `numWords`) becomes the index of `oovToken`, or is left out if there is no `oovToken`. Keras's
   * `texts_to_sequences`.
   * @throws InputError if `oovToken` is set and the tokenizer was never fitted
   */
  textsToSequences(texts: Iterable<Text>): number[][] {
    return [...this.textsToSequencesGenerator(texts)];
  }

  /**
   * Do the same as `textsToSequences`, one text at a time: returns an iterator of lists of indices. Keras's
   * `texts_to_sequences_generator`.
   */
  *textsToSequencesGenerator(texts: Iterable<Text>): Generator<number[], void, undefined> {
    checkArguments("textsToSequences", { texts }, tokenizerArguments.texts);
    const unknown = this.unknownIndex();
    for (const text of texts) {
      const sequence: number[] = [];
      for (const word of this.wordsOf(text)) {
        const index = this.wordIndex.get(word);
        const used = index !== undefined && this.isUsed(index) ? index : unknown;
        if (used !== undefined) sequence.push(used);
      }
      yield sequence;
    }
  }

  /**
   * Convert sequences of indices to texts: the words, separated by one blank. An index that is not used becomes
   * `oovToken`, or is left out if there is no `oovToken`. Keras's `sequences_to_texts`.
   * @throws InputError if `oovToken` is set and the tokenizer was never fitted
   */
  sequencesToTexts(sequences: Iterable<Iterable<number>>): string[] {
    return [...this.sequencesToTextsGenerator(sequences)];
  }

  /**
   * Do the same as `sequencesToTexts`, one sequence at a time: returns an iterator of texts. Keras's
   * `sequences_to_texts_generator`.
   */
  *sequencesToTextsGenerator(sequences: Iterable<Iterable<number>>): Generator<string, void, undefined> {
    checkArguments("sequencesToTexts", { sequences }, tokenizerArguments.sequences);
    const unknown = this.unknownIndex();
    const unknownWord = unknown === undefined ? undefined : this.indexWord.get(unknown);
    for (const sequence of sequences) {
      checkSequence("sequencesToTexts", sequence);
      const words: string[] = [];
      for (const index of sequence) {
        const word = this.indexWord.get(index);
        const used = word !== undefined && this.isUsed(index) ? word : unknownWord;
        if (used !== undefined) words.push(used);
      }
      yield words.join(" ");
    }
  }

  /**
   * Convert texts to rows of a matrix: `sequencesToMatrix(textsToSequences(texts), mode)`. Keras's `texts_to_matrix`.
   * @returns (texts, numWords), in 64-bit floats, as in numpy
   * @throws InputError for the same reasons as `textsToSequences` and `sequencesToMatrix`
   */
  textsToMatrix(texts: Iterable<Text>, mode: MatrixMode = "binary"): FlatArray<Float64Array<ArrayBuffer>> {
    checkArguments("textsToMatrix", { texts, mode }, tokenizerArguments.textsToMatrix);
    return this.sequencesToMatrix(this.textsToSequences(texts), mode);
  }

  /**
   * Convert sequences to rows of a matrix with one column for every index below `numWords` (for index 0 and all words
   * if it is not set). For a sequence of n indices, c of which are j, column j holds: "binary" 1 if c > 0, otherwise 0;
   * "count" c; "freq" c / n; "tfidf" `(1 + ln c) * ln(1 + documentCount / (1 + indexDocs of j))`. Keras's
   * `sequences_to_matrix`.
   * @returns (sequences, numWords), in 64-bit floats, as in numpy
   * @throws InputError before any fitting if `numWords` is not set or the mode is "tfidf", and for a value that is not
   * an index
   */
  sequencesToMatrix(
    sequences: Iterable<ArrayLike<number>>,
    mode: MatrixMode = "binary",
  ): FlatArray<Float64Array<ArrayBuffer>> {
    checkArguments("sequencesToMatrix", { sequences, mode }, tokenizerArguments.sequencesToMatrix);
    const columns = this.numWords || (this.wordIndex.size > 0 ? this.wordIndex.size + 1 : 0);
    if (columns === 0) throw new InputError("sequencesToMatrix: give numWords, or fit the tokenizer on texts first");
    if (mode === "tfidf" && this.documentCount === 0) {
      throw new InputError('sequencesToMatrix: fit the tokenizer on texts or sequences before asking for "tfidf"');
    }
    const rows = [...sequences];
    const data = zeros("float64", rows.length * columns);
    rows.forEach((sequence, row) => {
      checkValue(`sequencesToMatrix: sequences[${row}]`, sequence, anArray);
      const counts = new Map<number, number>();
      for (let at = 0; at < sequence.length; at++) {
        const index = sequence[at] as number;
        if (!Number.isSafeInteger(index) || index < 0) {
          throw new InputError(
            `sequences[${row}][${at}]: needs an index, a whole number from 0, got ${formatValue(index)}`,
          );
        }
        if (index < columns) increase(counts, index);
      }
      for (const [index, count] of counts) {
        data[row * columns + index] = this.weigh(mode, count, sequence.length, index);
      }
    });
    return { data, shape: [rows.length, columns] };
  }

  /** The settings and the learned state, under Keras's names. Keras's `get_config`. */
  getConfig(): TokenizerConfig {
    return {
      num_words: this.numWords,
      filters: this.filters,
      lower: this.lower,
      split: this.split,
      char_level: this.charLevel,
      oov_token: this.oovToken,
      document_count: this.documentCount,
      word_counts: pythonJson(this.wordCounts),
      word_docs: pythonJson(this.wordDocs),
      index_docs: pythonJson(this.indexDocs),
      index_word: pythonJson(this.indexWord),
      word_index: pythonJson(this.wordIndex),
    };
  }

  /**
   * The tokenizer as the JSON text that Keras's `to_json` writes: Keras's `tokenizer_from_json` reads it, and so does
   * `tokenizerFromJson`. (`word_docs` and `index_docs` are in the order of first appearance; Keras writes them in the
   * order of a Python set, which is arbitrary.)
   */
  toJson(): string {
    const json = pythonJson({ class_name: "Tokenizer", config: this.getConfig() });
    // The maps are public and can be changed, so check that the text can be read again.
    tokenizerFromJson(json);
    return json;
  }

  private wordsOf(text: Text): Iterable<string> {
    if (typeof text !== "string") {
      if (!Array.isArray(text)) throw new InputError(`texts: needs texts or lists of words, got ${formatValue(text)}`);
      return Array.from(text, (word: unknown) => {
        if (typeof word !== "string") throw new InputError(`texts: a list of words has ${formatValue(word)} in it`);
        return this.lower ? word.toLowerCase() : word;
      });
    }
    if (this.charLevel) return this.lower ? text.toLowerCase() : text;
    const { filters, lower, split } = this;
    const words = this.analyzer === null ? textToWordSequence(text, { filters, lower, split }) : this.analyzer(text);
    checkValue("Tokenizer: what analyzer gives", words, listOf(string));
    return words;
  }

  private isUsed(index: number): boolean {
    return !this.numWords || index < this.numWords;
  }

  /** The index of unknown words; undefined if they are left out. */
  private unknownIndex(): number | undefined {
    if (this.oovToken === null) return undefined;
    const index = this.wordIndex.get(this.oovToken);
    if (index === undefined) throw new InputError("tokenizer: fit it on texts first: its oovToken has no index yet");
    return index;
  }

  private weigh(mode: MatrixMode, count: number, length: number, index: number): number {
    if (mode === "binary") return 1;
    if (mode === "count") return count;
    if (mode === "freq") return count / length;
    return (1 + Math.log(count)) * Math.log(1 + this.documentCount / (1 + (this.indexDocs.get(index) ?? 0)));
  }
}

/**
 * Make a tokenizer from the JSON text that `toJson` or Keras's `to_json` wrote. Keras's `tokenizer_from_json`.
 * @throws InputError that names the field that is missing or wrong
 */
export function tokenizerFromJson(json: string): Tokenizer {
  checkArguments("tokenizerFromJson", { json }, tokenizerFromJsonArguments);
  const fail = (problem: string): never => {
    throw new InputError(`tokenizer: ${problem}. Is this a file of Keras's Tokenizer.to_json?`);
  };
  let file: unknown;
  try {
    file = JSON.parse(json);
  } catch (error) {
    return fail(`needs JSON; ${(error as Error).message}`);
  }
  const config = (file as { config?: unknown } | null)?.config;
  if (typeof config !== "object" || config === null)
    return fail(`"config" needs an object, got ${formatValue(config)}`);
  const {
    num_words = null,
    filters,
    lower,
    split,
    char_level,
    oov_token = null,
    document_count = 0,
    ...maps
  } = config as Partial<Record<keyof TokenizerConfig, unknown>>;
  if (typeof filters !== "string") return fail(`"filters" needs a text, got ${formatValue(filters)}`);
  if (typeof split !== "string") return fail(`"split" needs a text, got ${formatValue(split)}`);
  if (typeof lower !== "boolean") return fail(`"lower" needs true or false, got ${formatValue(lower)}`);
  if (typeof char_level !== "boolean") return fail(`"char_level" needs true or false, got ${formatValue(char_level)}`);

  const tokenizer = new Tokenizer({
    numWords: num_words as number | null,
    filters,
    lower,
    split,
    charLevel: char_level,
    oovToken: oov_token as string | null,
    documentCount: document_count as number,
  });
  const pairs = <Name, Value>(
    field: keyof typeof maps,
    name: (name: string) => Name | undefined,
    value: (value: string | number) => Value | undefined,
  ): Map<Name, Value> =>
    new Map(
      readPairs(maps[field], `tokenizer: "${field}"`).map(([left, right]) => {
        const [key, content] = [name(left), value(right)];
        if (key === undefined || content === undefined)
          return fail(`"${field}" has ${formatValue(left)}: ${formatValue(right)}`);
        return [key, content];
      }),
    );
  const text = (value: string | number) => (typeof value === "string" ? value : undefined);
  const count = (value: string | number) =>
    Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : undefined;
  const index = (name: string) => (/^\d+$/.test(name) ? count(Number(name)) : undefined);
  tokenizer.wordCounts = pairs("word_counts", text, count);
  tokenizer.wordDocs = pairs("word_docs", text, count);
  tokenizer.indexDocs = pairs("index_docs", index, count);
  tokenizer.wordIndex = pairs("word_index", text, count);
  tokenizer.indexWord = pairs("index_word", index, text);
  return tokenizer;
}

function increase<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Check that every number of a sequence is an index. */
function checkSequence(where: string, sequence: unknown): void {
  checkValue(`${where}: a sequence`, sequence, sequences);
  for (const index of sequence as Iterable<unknown>) checkValue(`${where}: an index`, index, wholeNumber(0));
}
