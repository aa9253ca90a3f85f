/**
 * Keras 3's layer `TextVectorization`: standardise texts, split them into tokens, join tokens to n-grams, and look
 * these up in a vocabulary that is learned from texts or given.
 */

import { type FlatArray, zeros } from "../data/arrays.ts";
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  callable,
  checkArguments,
  checkOptions,
  checkValue,
  either,
  flag,
  formatValue,
  iterable,
  listOf,
  numbers,
  oneOf,
  orNull,
  type Rule,
  type Schema,
  string,
  wholeNumber,
} from "../graph/schema.ts";

/** The kind of output: token ids, or rows with one number for each token of the vocabulary. */
export type OutputMode = "int" | "multi_hot" | "count" | "tf_idf";

/** Options of `TextVectorization`, with Keras's names and defaults; Keras's None is null. */
export type TextVectorizationOptions<Mode extends OutputMode = OutputMode, Ragged extends boolean = boolean> = {
  /** The largest size of the vocabulary, including the special tokens; null means no limit. */
  readonly maxTokens?: number | null;
  /**
   * How each text is standardised. "lower" converts A to Z and no other letter to lower case, and punctuation means
   * ASCII punctuation, as in TensorFlow, which Keras uses.
   */
  readonly standardize?:
    | "lower_and_strip_punctuation"
    | "lower"
    | "strip_punctuation"
    | null
    | ((text: string) => string);
  /**
   * How a text is split into tokens. "whitespace" splits at ASCII white space, "character" into code points; with null,
   * the whole text is one token.
   */
  readonly split?: "whitespace" | "character" | null | ((text: string) => readonly string[]);
  /**
   * Joins runs of tokens to tokens: runs of 1 to this number of tokens, or of the lengths in a list, one length after
   * the other.
   */
  readonly ngrams?: number | readonly number[] | null;
  readonly outputMode?: Mode;
  /** With "int": rows are padded with 0 or cut to this length. */
  readonly outputSequenceLength?: number | null;
  /** With other modes: rows have `maxTokens` columns, even if the vocabulary is smaller. */
  readonly padToMaxTokens?: boolean;
  /** A known vocabulary, with or without the special tokens at its start; `adapt` then throws. */
  readonly vocabulary?: readonly string[] | null;
  /** With "tf_idf": a weight for each token of `vocabulary`. */
  readonly idfWeights?: ArrayLike<number> | null;
  /** With "int": each row keeps its own length. */
  readonly ragged?: Ragged;
};

/** Texts, lists of one text each, or (without splitting) lists of tokens. */
export type Texts = string | readonly string[] | readonly (readonly string[])[];

/** The result of `call`: rows of different lengths if it is ragged, otherwise one array. */
export type VectorizedText<Mode extends OutputMode, Ragged extends boolean> = Ragged extends true
  ? Int32Array<ArrayBuffer>[]
  : FlatArray<Mode extends "int" ? Int32Array<ArrayBuffer> : Float32Array<ArrayBuffer>>;

/** The padding token, which has index 0 with "int"; the other modes drop it. */
const maskToken = "";
/** The token that replaces tokens outside the vocabulary. */
const unknownToken = "[UNK]";

const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const stripPunctuation = (text: string): string => text.replace(/[!-/:-@[-`{-~]+/g, "");

const standardizers: Readonly<Record<string, (text: string) => string>> = {
  lower_and_strip_punctuation: (text) => stripPunctuation(lower(text)),
  lower,
  strip_punctuation: stripPunctuation,
};
const splitters: Readonly<Record<string, (text: string) => string[]>> = {
  whitespace: (text) => text.split(/[\t-\r ]+/).filter((token) => token !== ""),
  character: (text) => Array.from(text),
};

const width = wholeNumber(1);
const vocabularyRule: Rule = { expected: "a list of texts", accepts: Array.isArray };
const weightsRule: Rule = orNull(numbers);
export const textVectorizationRules: Schema<TextVectorizationOptions> = {
  maxTokens: alias(orNull(wholeNumber(2)), "numWords"),
  standardize: orNull(either(oneOf(...Object.keys(standardizers)), callable)),
  split: orNull(either(oneOf(...Object.keys(splitters)), callable)),
  ngrams: orNull(either(width, listOf(width, 1))),
  outputMode: oneOf("int", "multi_hot", "count", "tf_idf"),
  outputSequenceLength: alias(orNull(wholeNumber(0)), "maxlen"),
  padToMaxTokens: flag,
  vocabulary: orNull(vocabularyRule),
  idfWeights: weightsRule,
  ragged: flag,
};
/** The arguments of the methods of `TextVectorization`. */
export const textVectorizationArguments = {
  adapt: { texts: { ...iterable, expected: "a list of texts" } },
  getVocabulary: { includeSpecialTokens: flag },
  setVocabulary: { vocabulary: vocabularyRule, idfWeights: weightsRule },
} as const satisfies Record<string, Arguments>;

/**
 * Keras 3's `keras.layers.TextVectorization`. The vocabulary is `["", "[UNK]", ...]` with "int" and `["[UNK]", ...]`
 * with other modes; learned tokens follow by falling count, and by falling code points among equal counts.
 * @throws InputError if an option is out of range, or options exclude each other
 * @example
 * const layer = new TextVectorization({ outputSequenceLength: 4 });
 * layer.adapt(["foo bar", "bar baz", "baz bada boom"]);
 * layer.call(["foo qux bar", "qux baz"]); // data [4, 1, 3, 0, 1, 2, 0, 0], shape [2, 4]
 */
export class TextVectorization<Mode extends OutputMode = "int", Ragged extends boolean = false> {
  private readonly maxTokens: number | null;
  private readonly standardize: (text: string) => string;
  private readonly split: ((text: string) => readonly string[]) | null;
  private readonly ngrams: number | readonly number[] | null;
  private readonly outputMode: OutputMode;
  private readonly outputSequenceLength: number | null;
  private readonly padToMaxTokens: boolean;
  private readonly ragged: boolean;
  /** Whether the vocabulary was given to the constructor; then it cannot be learned. */
  private readonly isFixed: boolean;
  /** The vocabulary without the special tokens; undefined before it is learned or set. */
  private tokens: readonly string[] | undefined;
  private indices: ReadonlyMap<string, number> = new Map();
  /** With "tf_idf": the weight of each column. */
  private weights = new Float32Array(0);

  constructor(options: TextVectorizationOptions<Mode, Ragged> = {}) {
    checkOptions("TextVectorization", options, textVectorizationRules as Schema<typeof options>);
    const { maxTokens = null, standardize = "lower_and_strip_punctuation", split = "whitespace" } = options;
    const { ngrams = null, outputMode = "int", outputSequenceLength = null, padToMaxTokens = false } = options;
    const { vocabulary = null, idfWeights = null, ragged = false } = options;
    if (padToMaxTokens && maxTokens === null) throw new InputError("padToMaxTokens: needs maxTokens to be set as well");
    const length = outputSequenceLength;
    if (outputMode !== "int" && (length !== null || ragged)) {
      const option = length !== null ? "outputSequenceLength" : "ragged";
      throw new InputError(`${option}: is for outputMode "int" only, got outputMode ${formatValue(outputMode)}`);
    }
    this.standardize = chosen(standardize, standardizers) ?? ((text) => text);
    this.split = chosen(split, splitters);
    this.maxTokens = maxTokens;
    this.ngrams = ngrams;
    this.outputMode = outputMode;
    this.outputSequenceLength = length;
    this.padToMaxTokens = padToMaxTokens;
    this.ragged = ragged;
    this.isFixed = vocabulary !== null;
    if (vocabulary !== null) this.setVocabulary(vocabulary, idfWeights);
    else if (idfWeights !== null) throw new InputError("idfWeights: needs a vocabulary with as many tokens");
  }

  /**
   * Learn the vocabulary of texts and, with "tf_idf", the weights `ln(1 + documents / (1 + documents with the token))`;
   * the weight of unknown tokens is the mean of the others. An earlier vocabulary is forgotten. Keras's `adapt`.
   * @param texts texts or lists of texts; each text is a document; without splitting, each list is a document of tokens
   * @throws InputError if the layer was made with a vocabulary, for a single string, or if the length of rows would
   * change, because a model can depend on it
   */
  adapt(texts: Iterable<string | readonly string[]>): void {
    if (this.isFixed) throw new InputError("adapt: this layer was made with a vocabulary, which stays as it is");
    checkArguments("adapt", { texts }, textVectorizationArguments.adapt);
    const counts = new Map<string, number>();
    const documentCounts = new Map<string, number>();
    let documents = 0;
    for (const item of texts) {
      const parts = typeof item === "string" ? [item] : item;
      checkValue("adapt: a text", parts, { ...listOf(string), expected: "a text, or a list of texts" });
      for (const tokens of this.split === null ? [this.tokensOf(parts)] : parts.map((text) => this.tokensOf([text]))) {
        documents++;
        for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
        for (const token of new Set(tokens)) documentCounts.set(token, (documentCounts.get(token) ?? 0) + 1);
      }
    }
    counts.delete(maskToken);
    counts.delete(unknownToken);
    const sorted = [...counts].sort(([a, m], [b, n]) => n - m || compareCodePoints(b, a)).map(([token]) => token);
    const tokens = sorted.slice(0, this.maxTokens === null ? sorted.length : this.maxTokens - this.specials().length);
    this.store(tokens);
    if (this.outputMode === "tf_idf") {
      const idf = tokens.map((token) => Math.log(1 + documents / (1 + (documentCounts.get(token) as number))));
      this.storeWeights(Float32Array.from(idf), this.specials().length);
    }
  }

  /** The tokens in the order of their indices, with or without the special tokens. Keras's `get_vocabulary`. */
  getVocabulary(includeSpecialTokens = true): string[] {
    checkArguments("getVocabulary", { includeSpecialTokens }, textVectorizationArguments.getVocabulary);
    return [...(includeSpecialTokens ? this.specials() : []), ...(this.tokens ?? [])];
  }

  /** The number of tokens, including the special ones. Keras's `vocabulary_size`. */
  vocabularySize(): number {
    return this.specials().length + (this.tokens?.length ?? 0);
  }

  /**
   * Set a known vocabulary. The special tokens can come first, in their order, or be left out. Keras's
   * `set_vocabulary`.
   * @param idfWeights with "tf_idf", a weight for each given token; otherwise null
   * @throws InputError if the vocabulary is empty, has a token twice, has "" among its tokens or has more than
   * `maxTokens` tokens, and if weights are missing, too many or not allowed
   */
  setVocabulary(vocabulary: readonly string[], idfWeights: ArrayLike<number> | null = null): void {
    checkArguments("setVocabulary", { vocabulary, idfWeights }, textVectorizationArguments.setVocabulary);
    const isWeighted = this.outputMode === "tf_idf";
    if (isWeighted && idfWeights === null) throw new InputError('idfWeights: outputMode "tf_idf" needs them');
    if (!isWeighted && idfWeights !== null) {
      throw new InputError(
        `idfWeights: are for outputMode "tf_idf" only, got outputMode ${formatValue(this.outputMode)}`,
      );
    }
    if (vocabulary.length === 0) {
      throw new InputError(`vocabulary: needs a list of at least one token, got ${formatValue(vocabulary)}`);
    }
    const specials = this.specials();
    const hasSpecials = specials.every((token, i) => vocabulary[i] === token);
    const tokens: readonly unknown[] = hasSpecials ? vocabulary.slice(specials.length) : vocabulary;
    const seen = new Set<unknown>();
    for (const token of tokens) {
      if (typeof token !== "string") throw new InputError(`vocabulary: needs texts, got ${formatValue(token)}`);
      if (token === maskToken) {
        throw new InputError(
          `vocabulary: "" is the padding token. Leave the special tokens out, or begin the list with ${JSON.stringify(specials)}`,
        );
      }
      if (seen.has(token))
        throw new InputError(`vocabulary: needs each token once, but ${formatValue(token)} occurs twice`);
      seen.add(token);
    }
    const size = specials.length + tokens.length;
    if (this.maxTokens !== null && size > this.maxTokens) {
      throw new InputError(`vocabulary: has ${size} tokens with the special ones, but maxTokens is ${this.maxTokens}`);
    }
    if (idfWeights !== null && idfWeights.length !== vocabulary.length) {
      throw new InputError(
        `idfWeights: needs ${vocabulary.length}, one for each token of the vocabulary, got ${idfWeights.length}`,
      );
    }
    this.store(tokens as string[]);
    if (idfWeights !== null) this.storeWeights(Float64Array.from(idfWeights), hasSpecials ? 0 : specials.length);
  }

  /** With "tf_idf": the weight of each column. */
  idfWeights(): Float32Array<ArrayBuffer> {
    return this.weights.slice();
  }

  /**
   * Convert texts to numbers. "int": the index of each token, shape (texts, tokens), rows padded with 0 to the longest.
   * Other modes: one column for each token of the vocabulary, shape (texts, columns), in 32-bit floats: "multi_hot" 1
   * if the text has the token, "count" how often it has it, "tf_idf" that count times the token's weight. As in Keras,
   * a single text has no axis of texts, and without splitting a plain list of texts is one row of tokens. Keras's
   * `call`.
   * @throws InputError if there is no vocabulary yet, or for an item that is not a text
   */
  call(texts: Texts): VectorizedText<Mode, Ragged> {
    if (this.tokens === undefined) {
      throw new InputError("call: there is no vocabulary yet. Call adapt or setVocabulary first");
    }
    const { rows, isSingle, isScalar } = this.preprocess(texts);
    const known = rows.map((row) => Int32Array.from(row, (token) => this.indexOf(token)));
    const shape = isSingle ? [] : [rows.length];
    if (this.outputMode !== "int") {
      const columns = this.padToMaxTokens ? (this.maxTokens as number) : this.vocabularySize();
      const data = zeros("float32", rows.length * columns);
      known.forEach((row, i) => this.countInto(data.subarray(i * columns, (i + 1) * columns), row));
      return { data, shape: [...shape, columns] } as unknown as VectorizedText<Mode, Ragged>;
    }
    const longest = known.reduce((most, row) => Math.max(most, row.length), 0);
    const length = this.outputSequenceLength ?? longest;
    const cut = known.map((row) => row.subarray(0, length));
    if (this.ragged) return cut as VectorizedText<Mode, Ragged>;
    const data = zeros("int32", rows.length * length);
    cut.forEach((row, i) => data.set(row, i * length));
    const axes = isScalar && this.outputSequenceLength === null ? [] : [...shape, length];
    return { data, shape: axes } as unknown as VectorizedText<Mode, Ragged>;
  }

  /**
   * The tokens of each row; whether the result is a single row without an axis of texts, and whether it is a single
   * token.
   */
  private preprocess(texts: Texts): { rows: readonly string[][]; isSingle: boolean; isScalar: boolean } {
    if (typeof texts === "string") {
      return { rows: [this.tokensOf([texts])], isSingle: true, isScalar: this.split === null };
    }
    if (!Array.isArray(texts)) throw new InputError(`call: needs a text or a list of texts, got ${formatValue(texts)}`);
    if (Array.from(texts).every((item) => typeof item === "string")) {
      if (this.split === null) return { rows: [this.tokensOf(texts)], isSingle: true, isScalar: false };
      return { rows: texts.map((text) => this.tokensOf([text])), isSingle: false, isScalar: false };
    }
    const rows = Array.from(texts, (row: unknown, i) => {
      const needed = this.split === null ? (texts[0] as readonly string[]).length : 1;
      if (Array.isArray(row) && row.length === needed) return this.tokensOf(row);
      throw new InputError(`call: needs lists of ${needed} texts, got ${formatValue(row)} as item ${i}`);
    });
    return { rows, isSingle: false, isScalar: false };
  }

  private tokensOf(texts: readonly unknown[]): string[] {
    const tokens = Array.from(texts).flatMap((text) => {
      if (typeof text !== "string") throw new InputError(`texts: needs texts, got ${formatValue(text)}`);
      const plain = this.standardize(text);
      checkValue("TextVectorization: what standardize gives", plain, string);
      if (this.split === null) return [plain];
      const parts = this.split(plain);
      checkValue("TextVectorization: what split gives", parts, listOf(string));
      return parts;
    });
    const { ngrams } = this;
    if (ngrams === null) return tokens;
    const upTo = (n: number): number[] => Array.from({ length: Math.min(n, tokens.length) }, (_, i) => i + 1);
    const widths = typeof ngrams === "number" ? upTo(ngrams) : ngrams;
    return widths.flatMap((width) =>
      Array.from({ length: Math.max(0, tokens.length - width + 1) }, (_, i) => tokens.slice(i, i + width).join(" ")),
    );
  }

  private specials(): readonly string[] {
    return this.outputMode === "int" ? [maskToken, unknownToken] : [unknownToken];
  }

  /** The index of a token; -1 for padding in modes where it has no column. */
  private indexOf(token: string): number {
    if (token === maskToken) return this.outputMode === "int" ? 0 : -1;
    return this.indices.get(token) ?? this.specials().length - 1;
  }

  private countInto(columns: Float32Array, indices: Int32Array): void {
    for (const index of indices) {
      if (index < 0) continue;
      columns[index] = this.outputMode === "multi_hot" ? 1 : (columns[index] as number) + 1;
    }
    if (this.outputMode === "tf_idf") columns.forEach((count, j) => (columns[j] = count * (this.weights[j] as number)));
  }

  private store(tokens: readonly string[]): void {
    const rowsDependOnSize = this.outputMode !== "int" && !this.padToMaxTokens;
    if (rowsDependOnSize && this.tokens !== undefined && this.tokens.length !== tokens.length) {
      const [before, after] = [this.tokens.length, tokens.length].map((count) => count + this.specials().length);
      throw new InputError(
        `vocabulary: has ${after} tokens, but had ${before}, and rows cannot change their length: use padToMaxTokens`,
      );
    }
    this.tokens = [...tokens];
    this.indices = new Map(tokens.map((token, i) => [token, this.specials().length + i]));
  }

  /** Store the weights after `missing` copies of their mean; further columns get the weight 0. */
  private storeWeights(weights: Float32Array | Float64Array, missing: number): void {
    const columns = this.padToMaxTokens ? (this.maxTokens as number) : missing + weights.length;
    this.weights = zeros("float32", columns);
    let sum = 0;
    for (const weight of weights) sum += weight;
    this.weights.fill(weights.length === 0 ? 0 : sum / weights.length, 0, missing);
    this.weights.set(weights, missing);
  }
}

/** The function or null that an option stands for, which can also be a name. */
const chosen = <Rule>(value: string | Rule | null, rules: Readonly<Record<string, Rule>>): Rule | null =>
  typeof value === "string" ? (rules[value] as Rule) : value;

/** Compare by code points, which is the order of UTF-8 bytes; UTF-16 would put surrogate pairs before U+E000. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [unit, other] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (unit !== other) return rank(unit) - rank(other);
  }
  return a.length - b.length;
}

const rank = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit);
