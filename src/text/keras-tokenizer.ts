/**
 * Keras's `Tokenizer`: words (or characters) numbered by how often they come, texts as sequences of those numbers and as
 * rows of a matrix. Its JSON is Keras's own. Knows nothing about models.
 *
 * Unlike `tokenizer.ts` it loses punctuation, capitals and rare words, and it is a class, for it is fitted: both as in
 * Keras.
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

/** A text, or a text that is already in words. */
export type Text = string | readonly string[];

/** What stands in a matrix for a word of a text: see `sequencesToMatrix`. */
export type MatrixMode = "binary" | "count" | "tfidf" | "freq";

/** Keras's arguments and defaults. */
export type TokenizerOptions = {
  /** Only words with an index below it are used: the `numWords - 1` most frequent. Null or 0 for all. */
  readonly numWords?: number | null;
  /** Characters that count as `split`; of no meaning with `charLevel` and for texts in words. */
  readonly filters?: string;
  /** Whether to make letters small. */
  readonly lower?: boolean;
  /** What words are cut at. */
  readonly split?: string;
  /** Whether every character (code point) is a token. */
  readonly charLevel?: boolean;
  /** Gets index 1 and stands for the words that are not among those used; null leaves such words out. */
  readonly oovToken?: string | null;
  /** Cuts a text into words in place of `filters`, `lower` and `split`. It is not part of the JSON. */
  readonly analyzer?: ((text: string) => readonly string[]) | null;
  /** Documents seen before. */
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
/** Of its methods. */
export const tokenizerArguments = {
  texts: { texts },
  sequences: { sequences },
  textsToMatrix: { texts, mode },
  sequencesToMatrix: { sequences, mode },
} as const satisfies Record<string, Arguments>;
export const tokenizerFromJsonArguments: Arguments = { json: string };

/** The settings and what was learned; the maps as JSON texts. The names are Keras's. */
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
 * Keras's `keras.preprocessing.text.Tokenizer`. Words are numbered from 1, the most frequent first and equally frequent
 * ones in the order of their first appearance; 0 is no word's. What it has learned is in maps, so that any word can be a
 * key.
 * @throws InputError for an option out of its range
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
  /** Texts and sequences that it was fitted on. */
  documentCount: number;
  /** How often each word came, in the order of first appearance. */
  wordCounts = new Map<string, number>();
  /** In how many texts each word came. */
  wordDocs = new Map<string, number>();
  /** In how many texts each index came. */
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
   * Count the words of texts and number them anew, together with all texts that it was fitted on before. Keras's
   * `fit_on_texts`. For one text give a list of one: Python would take its characters for texts.
   * @throws InputError for a single text, and for what is neither a text nor a list of words
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
    // Should the text have the token for unknown words as a word, its later index holds, as in Keras.
    this.wordIndex = new Map(vocabulary.map((word, i) => [word, i + 1]));
    this.indexWord = new Map([...this.wordIndex].map(([word, index]) => [index, word]));
    for (const [word, count] of this.wordDocs) this.indexDocs.set(this.wordIndex.get(word) as number, count);
  }

  /**
   * Count in how many sequences each index comes, which is what `sequencesToMatrix` needs for "tfidf" where
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
   * Texts as the indices of their words. A word that is not used (unknown, or its index not below `numWords`) becomes
   * the index of `oovToken`, or is left out where there is none. Keras's `texts_to_sequences`.
   * @throws InputError where `oovToken` is set and the tokenizer was never fitted
   */
  textsToSequences(texts: Iterable<Text>): number[][] {
    return [...this.textsToSequencesGenerator(texts)];
  }

  /** As `textsToSequences`, one text at a time. Keras's `texts_to_sequences_generator`. */
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
   * The words of indices, with one blank between them. An index that is not used becomes `oovToken`, or is left out
   * where there is none. Keras's `sequences_to_texts`.
   * @throws InputError where `oovToken` is set and the tokenizer was never fitted
   */
  sequencesToTexts(sequences: Iterable<Iterable<number>>): string[] {
    return [...this.sequencesToTextsGenerator(sequences)];
  }

  /** As `sequencesToTexts`, one sequence at a time. Keras's `sequences_to_texts_generator`. */
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
   * Texts as rows of a matrix: `sequencesToMatrix(textsToSequences(texts), mode)`. Keras's `texts_to_matrix`.
   * @returns (texts, numWords), 64-bit floats as numpy's
   * @throws InputError where one of the two does
   */
  textsToMatrix(texts: Iterable<Text>, mode: MatrixMode = "binary"): FlatArray<Float64Array<ArrayBuffer>> {
    checkArguments("textsToMatrix", { texts, mode }, tokenizerArguments.textsToMatrix);
    return this.sequencesToMatrix(this.textsToSequences(texts), mode);
  }

  /**
   * Sequences as rows with a column for every index below `numWords` (all words and index 0 where it is not set). In
   * column j of a sequence of n indices, of which c are j: "binary" 1 where c > 0; "count" c; "freq" c / n; "tfidf"
   * `(1 + ln c) * ln(1 + documentCount / (1 + indexDocs of j))`. Keras's `sequences_to_matrix`.
   * @returns (sequences, numWords), 64-bit floats as numpy's
   * @throws InputError without `numWords` before any fitting, for "tfidf" before any fitting, and for what is no index
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

  /** The settings and what was learned, under Keras's names. Keras's `get_config`. */
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
   * `tokenizerFromJson`. (`word_docs` and `index_docs` are in the order of first appearance; Keras has them in the order
   * of a Python set, which means nothing.)
   */
  toJson(): string {
    const json = pythonJson({ class_name: "Tokenizer", config: this.getConfig() });
    // What cannot be read again is not given out: its maps are open to everybody.
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

  /** What unknown words become; undefined where they are left out. */
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
 * A tokenizer from the JSON text that `toJson` or Keras's `to_json` wrote. Keras's `tokenizer_from_json`.
 * @throws InputError with the name of what is missing or wrong
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

/** Every one of its numbers. */
function checkSequence(where: string, sequence: unknown): void {
  checkValue(`${where}: a sequence`, sequence, sequences);
  for (const index of sequence as Iterable<unknown>) checkValue(`${where}: an index`, index, wholeNumber(0));
}
