/**
 * Convert text to token ids and back, by characters, by words or by byte pairs. The tokens of a text, joined, are that
 * text. Only characters that the training text did not have are lost, and only in vocabularies of characters and words.
 * Words between blanks, of models of other programs, are another thing: see `whitespace.ts`.
 */
import { InputError } from "../graph/input-error.ts";
import {
  type Arguments,
  alias,
  callable,
  checkArguments,
  checkValue,
  either,
  formatValue,
  isPlain,
  iterable,
  listOf,
  oneOf,
  options as optionsOf,
  type Rule,
  string,
  wholeNumber,
} from "../graph/schema.ts";
import { mappedTokens, type TokenList } from "../train/token-list.ts";
import { runsOf, type TokenSource, type Tokens } from "../train/token-source.ts";
import {
  type BytePairEncoding,
  bytePairsOf,
  bytePairVocabulary,
  bytePairVocabularySize,
  checkBytePairEncoding,
  decodeBytePairs,
  decodeNextBytePair,
  learnMerges,
  nameOfBytes,
  tokenBytes,
} from "./byte-pair-encoding.ts";
import { countPieces, type Reading } from "./count-pieces.ts";
import { createEncoder, createPieceTokens, gatherTokens, type TokensOf } from "./encoder.ts";
import { countCodePoints, createCodePoints, partsOf, type TextParts, textOrParts } from "./parts.ts";
import { createPieces, firstPiece, type Pieces, readPieces } from "./pieces.ts";
import { indexOf } from "./token-index.ts";
import { hasUnspaced, splitByVocabulary, splitWithDictionary } from "./unspaced-words.ts";
import {
  checkWhitespaceTokenizer,
  encodeWords,
  textOfWord,
  type WhitespaceTokenizer,
  withoutBlank,
} from "./whitespace.ts";

/** A trained tokenizer: plain data that a model's file can hold. */
export type Tokenizer = VocabularyTokenizer | BytePairEncoding | WhitespaceTokenizer;

/** What `trainTokenizer` makes. */
export type TrainedTokenizer = VocabularyTokenizer | BytePairEncoding;

/** A vocabulary of characters or words. The id of a token is its index in the vocabulary. */
export type VocabularyTokenizer = {
  readonly kind: "char" | "word";
  /** Id 0 is the unknown character, written U+FFFD; the other tokens follow, each once. */
  readonly vocabulary: readonly string[];
  /**
   * Whether there is one more token, after the vocabulary, which marks the end of a text. It stands for no characters,
   * so no text can contain it.
   */
  readonly endOfText?: true;
  /** Of characters: whether texts are read in lower case, as models of other programs may have it. */
  readonly lower?: true;
};

/** Replaces a character that is not in the vocabulary. A U+FFFD in the text is the same token. */
const unknown = "\uFFFD";

/** The default size of a vocabulary; a vocabulary of characters always has all of them. */
export const defaultVocabulary = { char: Infinity, word: 10_000, bpe: 2_000 } as const;

/** One text, or a list of texts; each text of a list ends with the tokenizer's end-of-text token. */
export type Texts = string | readonly string[];

/** The tokens themselves are checked when a tokenizer is read from or written to a file. @internal */
export const aTokenizer: Rule = {
  expected: "a tokenizer, as trainTokenizer makes it",
  accepts: (value) =>
    isPlain(value) &&
    ["bpe", "char", "word", "whitespace"].includes(value.kind as string) &&
    Array.isArray(value.kind === "bpe" ? value.merges : value.vocabulary),
};
/** @internal */
export const someTexts: Rule = { ...either(string, listOf(string)), expected: "a text, or a list of separate texts" };
/** @internal */
export const tokenizeArguments = {
  train: {
    kind: oneOf("char", "word", "bpe"),
    text: textOrParts,
    options: optionsOf<TrainTokenizerOptions>({
      onUncounted: callable,
      maxVocabulary: alias(
        { ...wholeNumber(1), accepts: (value) => value === Infinity || wholeNumber(1).accepts(value) },
        "vocabularySize",
      ),
    }),
  },
  encode: { tokenizer: aTokenizer, text: someTexts },
  decode: { tokenizer: aTokenizer, ids: iterable },
  decodeToken: { tokenizer: aTokenizer, id: wholeNumber(0) },
  tokenizer: { tokenizer: aTokenizer },
} as const satisfies Record<string, Arguments>;

/**
 * Make the vocabulary of one text or of a list of texts. `char`: all code points, in order. `word`: the most frequent
 * words and punctuation marks, up to `maxVocabulary` tokens including the unknown character; it always contains all
 * code points of the text, even if that makes more tokens, so that rare words can be spelled. `bpe`: up to
 * `maxVocabulary` byte-pair tokens, see `trainBytePairEncoding`. Chinese, Japanese, Thai, Lao, Khmer and Burmese words
 * come from this machine's dictionaries: see `unspaced-words.ts`. A text in parts gives the same vocabulary as the
 * whole text.
 * @throws InputError if `maxVocabulary` is given for characters, whose number depends on the text alone
 */
export function trainTokenizer(
  kind: VocabularyTokenizer["kind"],
  text: Texts | TextParts,
  options?: TrainTokenizerOptions,
): VocabularyTokenizer;
export function trainTokenizer(
  kind: TrainedTokenizer["kind"],
  text: Texts | TextParts,
  options?: TrainTokenizerOptions,
): TrainedTokenizer;
export function trainTokenizer(
  kind: TrainedTokenizer["kind"],
  text: Texts | TextParts,
  options: TrainTokenizerOptions = {},
): TrainedTokenizer {
  return trainTokenizerFor("trainTokenizer", kind, text, options);
}
/** Do the same as `trainTokenizer`, with another function's name in error messages. @internal */
export function trainTokenizerFor(
  where: string,
  kind: TrainedTokenizer["kind"],
  text: Texts | TextParts,
  options: TrainTokenizerOptions,
): TrainedTokenizer {
  return learn(where, kind, text, options).tokenizer;
}

/**
 * Train a tokenizer and encode the text while reading it once. `createList` makes the list of the tokens, and a second
 * list for the pieces. (A text with too many different words is read twice.)
 * @internal
 */
export function trainAndEncode(
  where: string,
  kind: TrainedTokenizer["kind"],
  text: Texts | TextParts,
  {
    createList,
    max,
    ...options
  }: TrainTokenizerOptions & { readonly createList: () => TokenList; readonly max?: number },
): { readonly tokenizer: TrainedTokenizer; readonly tokens: TokenSource } {
  const list = createList();
  let complete = true;
  const { tokenizer, pieces } = learn(where, kind, text, options, {
    max,
    take: list.add,
    onIncomplete() {
      complete = false;
    },
  });
  const numbers = list.end();
  const { of, single } = createPieceTokens(pieces, tokensOf(tokenizer), endOfText(tokenizer));
  const table = complete ? single() : undefined;
  if (table !== undefined) return { tokenizer, tokens: mappedTokens(numbers, table) };
  const tokens = createList();
  if (complete) for (const run of runsOf(numbers)) tokens.add(of(run));
  numbers.dispose();
  if (!complete) for (const run of encodeParts(tokenizer, text)) tokens.add(run);
  return { tokenizer, tokens: tokens.end() };
}

function learn(
  where: string,
  kind: TrainedTokenizer["kind"],
  text: Texts | TextParts,
  options: TrainTokenizerOptions,
  reading?: Reading,
): { readonly tokenizer: TrainedTokenizer; readonly pieces: Pieces } {
  checkArguments(where, { kind, text, options }, tokenizeArguments.train);
  const { maxVocabulary = defaultVocabulary[kind], onUncounted } = options;
  if (kind === "char" && maxVocabulary < Infinity) {
    throw new InputError(
      `${where}: maxVocabulary limits words or byte pairs, and the tokens are characters. Leave it out, or give another kind.`,
    );
  }
  const separate = Array.isArray(text);
  if (kind === "bpe") {
    checkValue(`${where}: maxVocabulary`, maxVocabulary, bytePairVocabulary);
    const { counts, pieces } = countPieces(kind, text, { onUncounted, reading });
    return { tokenizer: learnMerges(counts, { vocabularySize: maxVocabulary, endOfText: separate }), pieces };
  }
  const end = separate ? ({ endOfText: true } as const) : {};
  const codePoints = createCodePoints();
  if (kind === "char") {
    const pieces = createPieces(kind, { take: (run) => reading?.take?.(run), takeOther() {} });
    readPieces(pieces, text);
    for (let number = firstPiece; number < pieces.next(); number++) codePoints.add(pieces.textOf(number));
    const vocabulary = [unknown, ...codePoints.sorted().filter((character) => character !== unknown)];
    return { tokenizer: { kind, vocabulary, ...end }, pieces };
  }
  const split = (piece: string): readonly string[] => {
    codePoints.add(piece);
    return hasUnspaced(piece) ? splitWithDictionary(piece) : [piece];
  };
  const { counts, pieces } = countPieces(kind, text, { split, onUncounted, reading });
  const sorted = codePoints.sorted().filter((character) => character !== unknown);
  const characters = new Set(sorted);
  const byCount = (a: string, b: string) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : a > b ? 1 : 0);
  const words = [...counts.keys()].filter((token) => token !== unknown && !characters.has(token)).sort(byCount);
  const kept = words.slice(0, Math.max(0, maxVocabulary - 1 - sorted.length - Object.keys(end).length));
  return { tokenizer: { kind, vocabulary: [unknown, ...[...sorted, ...kept].sort(byCount)], ...end }, pieces };
}
type TrainTokenizerOptions = {
  maxVocabulary?: number | undefined;
  /** Called if a text has more than 2^20 different words or pieces, with the number of those that were not counted. */
  onUncounted?: ((count: number) => void) | undefined;
};

/** The number of tokens, including the one that marks the end of a text. */
export function vocabularySize(tokenizer: Tokenizer): number {
  checkArguments("vocabularySize", { tokenizer }, tokenizeArguments.tokenizer);
  if (tokenizer.kind === "bpe") return bytePairVocabularySize(tokenizer);
  return tokenizer.vocabulary.length + Number(tokenizer.endOfText === true);
}

/** The id of the end-of-text token, or undefined if the tokenizer has none. */
export const endOfText = (tokenizer: Tokenizer): number | undefined =>
  tokenizer.endOfText === true ? vocabularySize(tokenizer) - 1 : undefined;

/** Whether id 0 stands for characters that are not in the vocabulary. Byte pairs can spell every character. */
export const hasUnknown = ({ kind }: Tokenizer): boolean => kind !== "bpe";

/**
 * Encode a text as token ids. A character that is not in the vocabulary becomes id 0: see `countUnknown`. In a list of
 * texts, the end-of-text token follows each text.
 * @throws InputError for a list of texts if the tokenizer has no end-of-text token
 */
export function encode(tokenizer: Tokenizer, text: Texts): Int32Array<ArrayBuffer> {
  checkArguments("encode", { tokenizer, text }, tokenizeArguments.encode);
  if (typeof text !== "string" && endOfText(tokenizer) === undefined) {
    throw new InputError(
      "the tokenizer has no end-of-text token, because it was trained on a single text. Give it one text, or train it on a list of texts.",
    );
  }
  if (tokenizer.kind === "char" && typeof text === "string") return characterIds(tokenizer, text);
  const { add, all } = gatherTokens();
  for (const run of encodeParts(tokenizer, text)) add(run);
  return all();
}

/**
 * Encode a text in parts, or a list of texts, one run of tokens at a time; all runs together are the result of `encode`
 * for the whole text. The next run overwrites the array.
 */
export function* encodeParts(tokenizer: Tokenizer, text: Texts | TextParts): Generator<Int32Array> {
  const separate = Array.isArray(text);
  const end = endOfText(tokenizer);
  if (tokenizer.kind === "whitespace") return yield* encodeWords(tokenizer, text, end);
  if (tokenizer.kind === "char") {
    for (const part of partsOf(text)) {
      yield characterIds(tokenizer, part);
      if (separate) yield Int32Array.of(end as number);
    }
    return;
  }
  const { add, all } = gatherTokens();
  const encoder = createEncoder(tokenizer.kind, { tokensOf: tokensOf(tokenizer), end, take: add });
  for (const part of partsOf(text)) {
    encoder.add(part);
    if (separate) encoder.end(true);
    yield all();
  }
  encoder.end();
  yield all();
}

/** A function that gives the tokens of one piece of a text. */
function tokensOf(tokenizer: TrainedTokenizer): TokensOf {
  if (tokenizer.kind === "bpe") return bytePairsOf(tokenizer);
  const ids = indexOf(tokenizer.vocabulary);
  return (piece) => {
    if (tokenizer.kind === "word" && hasUnspaced(piece)) return splitByVocabulary(piece, ids);
    const id = ids.get(piece);
    return id === undefined ? Array.from(piece, (character) => ids.get(character) ?? 0) : [id];
  };
}

/**
 * The ids of the characters of a text, looked up in a table of all code points up to the last one in the vocabulary.
 */
function characterIds({ vocabulary, lower }: VocabularyTokenizer, given: string): Int32Array<ArrayBuffer> {
  const text = lower ? given.toLowerCase() : given;
  let table = characterTables.get(vocabulary);
  if (table === undefined) {
    const codes = vocabulary.map((character) => character.codePointAt(0) as number);
    table = new Int32Array(codes.reduce((most, code) => Math.max(most, code), 0) + 1);
    for (const [id, code] of codes.entries()) table[code] = id;
    characterTables.set(vocabulary, table);
  }
  const ids = new Int32Array(countCodePoints(text));
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if ((code & 0xfc00) === 0xd800) {
      code = text.codePointAt(at) as number;
      if (code > 0xffff) at++;
    }
    ids[length++] = code < table.length ? (table[code] as number) : 0;
  }
  return ids;
}
// A table is made when a vocabulary is first used, and is freed with it.
const characterTables = new WeakMap<readonly string[], Int32Array>();

/**
 * The number of characters of an encoded text that are not in the vocabulary, if the tokenizer `hasUnknown`; of words between blanks,
 * of those words that are not left out.
 */
export function countUnknown(ids: Tokens, tokenizer: Tokenizer): number {
  const unknown = (tokenizer.kind === "whitespace" && tokenizer.unknown) || 0;
  let count = 0;
  for (const run of runsOf(ids)) for (const id of run) if (id === unknown) count++;
  return count;
}

/**
 * Decode token ids to a text; the end-of-text token becomes nothing. Throws an InputError for an id that is not in the
 * vocabulary.
 */
export function decode(tokenizer: Tokenizer, ids: Iterable<number>): string {
  checkArguments("decode", { tokenizer, ids }, tokenizeArguments.decode);
  if (tokenizer.kind === "bpe") return decodeBytePairs(tokenizer, ids);
  let text = "";
  for (const id of ids) text += textOfToken(tokenizer, id);
  return tokenizer.kind === "whitespace" ? withoutBlank(text) : text;
}

/**
 * Decode one more token of a text that is being generated. A byte-pair token can end within a character; the bytes of
 * that character are left over for the next token.
 */
export function decodeNext(tokenizer: Tokenizer, id: number, before: Uint8Array = nothing): DecodedToken {
  if (tokenizer.kind === "bpe") return decodeNextBytePair(tokenizer, id, before);
  return { text: decodeToken(tokenizer, id), rest: nothing };
}
/** The text that a token adds, and the bytes that wait for the next token. */
export type DecodedToken = { readonly text: string; readonly rest: Uint8Array };
const nothing = new Uint8Array();

/** The text of the bytes that are left over after the last token: U+FFFD, or "" if there are none. */
export const decodeRest = (rest: Uint8Array): string => new TextDecoder().decode(rest);

/** Decode one token id. Throws an InputError for an id that is not in the vocabulary. */
export function decodeToken(tokenizer: Tokenizer, id: number): string {
  checkArguments("decodeToken", { tokenizer }, tokenizeArguments.tokenizer);
  return tokenizer.kind === "bpe" ? decodeBytePairs(tokenizer, [id]) : textOfToken(tokenizer, id);
}
function textOfToken(tokenizer: VocabularyTokenizer | WhitespaceTokenizer, id: number): string {
  const own = typeof id === "number" ? tokenizer.vocabulary[id] : undefined;
  const token = id !== undefined && id === endOfText(tokenizer) ? "" : own;
  if (token !== undefined)
    return tokenizer.kind === "whitespace" && token !== "" ? textOfWord(tokenizer, token) : token;
  throw new InputError(`token ${formatValue(id)}: ids go from 0 to ${vocabularySize(tokenizer) - 1}`);
}

/**
 * The name of a single token in log-probabilities and lists, as in OpenAI's API: its text; `bytes:\xe2\x82` for a part
 * of a character; `<|endoftext|>` for the end of a text. Two tokens can have the same name.
 */
export function tokenName(tokenizer: Tokenizer, id: number): string {
  if (id === endOfText(tokenizer)) return "<|endoftext|>";
  return tokenizer.kind === "bpe" ? nameOfBytes(tokenBytes(tokenizer, id)) : decodeToken(tokenizer, id);
}

/**
 * Check a tokenizer that was read from a file. Returns the same data without unknown fields; throws an InputError if
 * something is wrong.
 */
export function checkTokenizer(value: unknown): Tokenizer {
  const fail = (problem: string): never => {
    throw new InputError(`tokenizer: ${problem}. The model's file is damaged: copy it again, or train again.`);
  };
  if (typeof value !== "object" || value === null) return fail(`needs an object, got ${formatValue(value)}`);
  const { kind, vocabulary, endOfText, lower } = value as Readonly<Record<string, unknown>>;
  if (kind === "bpe") return checkBytePairEncoding(value);
  if (kind === "whitespace") return checkWhitespaceTokenizer(value, fail);
  if (kind !== "char" && kind !== "word") {
    return fail(`"kind" needs "char", "word", "bpe" or "whitespace", got ${formatValue(kind)}`);
  }
  if (!Array.isArray(vocabulary)) return fail(`"vocabulary" needs a list, got ${formatValue(vocabulary)}`);
  if (endOfText !== undefined && endOfText !== true) fail(`"endOfText" needs true, got ${formatValue(endOfText)}`);
  if (lower !== undefined && (lower !== true || kind !== "char")) {
    fail(`"lower" needs true, of characters, got ${formatValue(lower)}`);
  }
  if (vocabulary[0] !== unknown) fail(`token 0 needs to be U+FFFD, got ${formatValue(vocabulary[0])}`);
  const known = new Set<string>();
  for (const [id, token] of vocabulary.entries()) {
    if (typeof token !== "string" || token === "") fail(`token ${id} needs text, got ${formatValue(token)}`);
    if (kind === "char" && codePointLength(token) !== token.length) {
      fail(`token ${id} needs to be one character, got ${formatValue(token)}`);
    }
    if (known.has(token)) fail(`token ${id} repeats ${formatValue(token)}`);
    known.add(token);
  }
  return {
    ...{ kind, vocabulary: [...vocabulary] },
    ...(endOfText === true && { endOfText }),
    ...(lower === true && { lower }),
  };
}

/**
 * The number of UTF-16 units in the first code point: 1, or 2 for a surrogate pair. A lone surrogate is a code point.
 */
const codePointLength = (text: string) => ((text.codePointAt(0) as number) > 0xffff ? 2 : 1);
