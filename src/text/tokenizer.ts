/**
 * Text to token ids and back, by characters, by words or by byte pairs. The tokens of a text, joined, are that text:
 * nothing is lost but, by characters and words, characters that the training text had none of. Knows nothing about models.
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
import { runsOf, type Tokens } from "../train/token-source.ts";
import {
  type BytePairEncoding,
  bytePairVocabulary,
  bytePairVocabularySize,
  checkBytePairEncoding,
  createBytePairEncoder,
  decodeBytePairs,
  decodeNextBytePair,
  encodeBytePairs,
  nameOfBytes,
  tokenBytes,
  trainBytePairEncoding,
} from "./byte-pair-encoding.ts";
import { countPieces, createCodePoints, cutAtBlanks, partsOf, type TextParts, textOrParts } from "./parts.ts";
import { hasUnspaced, splitByVocabulary, splitWithDictionary } from "./unspaced-words.ts";

/** Plain data, for a model's file. */
export type Tokenizer = VocabularyTokenizer | BytePairEncoding;

/** A token's id is its place in the vocabulary. */
export type VocabularyTokenizer = {
  readonly kind: "char" | "word";
  /** Id 0 is the unknown character, written U+FFFD; then every other token once. */
  readonly vocabulary: readonly string[];
  /** Whether one more token, the last one, ends a text. It stands for no characters, so that no text has it. */
  readonly endOfText?: true;
};

/** What stands for a character that is not in the vocabulary. A U+FFFD in the text is the same token. */
const unknown = "\uFFFD";

// In a word model: a word of letters, marks and digits with apostrophes inside, or one punctuation character (whatever
// is no letter, digit or white space), each with one space before it where there is one; else one white space. Every
// character falls under one of these. The bounds are there because V8 keeps a stack of what it repeats: a text of ten
// million letters would overflow it.
const letters = "[\\p{L}\\p{M}\\p{N}]{1,256}";
const word = `${letters}(?:['’]${letters}){0,4}`;
const wordToken = ` ?${word}| ?[^\\p{L}\\p{M}\\p{N}\\s]|\\s`;

/** The largest vocabulary where none is given; characters are as many as there are. */
export const defaultVocabulary = { char: Infinity, word: 10_000, bpe: 2_000 } as const;

/** A text, or separate ones: each ends with the token that the tokenizer has for it. */
export type Texts = string | readonly string[];

/** What its tokens are is checked where it comes out of a file, or goes into one. @internal */
export const aTokenizer: Rule = {
  expected: "a tokenizer, as trainTokenizer makes it",
  accepts: (value) =>
    isPlain(value) &&
    (value.kind === "bpe" || value.kind === "char" || value.kind === "word") &&
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
 * Make the vocabulary of a text, or of separate ones. `char`: its code points, in their order. `word`: its words and
 * punctuation marks, the most frequent first, `maxVocabulary` of them with the unknown character; all of its code points are
 * among them even where that makes more, so that rarer words can be spelled. `bpe`: see `trainBytePairEncoding`;
 * `maxVocabulary` tokens, or fewer. Chinese, Japanese, Thai, Lao, Khmer and Burmese
 * words are those of this machine's dictionaries: see `unspaced-words.ts`. The parts of a text make the same vocabulary as
 * all of it.
 * @throws InputError for a `maxVocabulary` of characters, which are as many as there are
 */
export function trainTokenizer(
  kind: VocabularyTokenizer["kind"],
  text: Texts | TextParts,
  options?: TrainTokenizerOptions,
): VocabularyTokenizer;
export function trainTokenizer(
  kind: Tokenizer["kind"],
  text: Texts | TextParts,
  options?: TrainTokenizerOptions,
): Tokenizer;
export function trainTokenizer(
  kind: Tokenizer["kind"],
  text: Texts | TextParts,
  options: TrainTokenizerOptions = {},
): Tokenizer {
  return trainTokenizerFor("trainTokenizer", kind, text, options);
}
/** The same for another entry. @internal */
export function trainTokenizerFor(
  where: string,
  kind: Tokenizer["kind"],
  text: Texts | TextParts,
  options: TrainTokenizerOptions,
): Tokenizer {
  checkArguments(where, { kind, text, options }, tokenizeArguments.train);
  const { maxVocabulary = defaultVocabulary[kind], onUncounted } = options;
  if (kind === "char" && maxVocabulary < Infinity) {
    throw new InputError(
      `${where}: maxVocabulary limits words or byte pairs, and the tokens are characters. Leave it out, or give another kind.`,
    );
  }
  if (kind === "bpe") checkValue(`${where}: maxVocabulary`, maxVocabulary, bytePairVocabulary);
  if (kind === "bpe") return trainBytePairEncoding(text, { vocabularySize: maxVocabulary, onUncounted });
  const end = Array.isArray(text) ? ({ endOfText: true } as const) : {};
  const codePoints = createCodePoints();
  let counts = new Map<string, number>();
  if (kind === "char") for (const part of partsOf(text)) codePoints.add(part);
  else counts = countPieces(text, eachTrainedWord, { onPart: codePoints.add, onUncounted });
  const sorted = codePoints.sorted().filter((character) => character !== unknown);
  if (kind === "char") return { kind, vocabulary: [unknown, ...sorted], ...end };

  const characters = new Set(sorted);
  const byCount = (a: string, b: string) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : a > b ? 1 : 0);
  const words = [...counts.keys()].filter((token) => token !== unknown && !characters.has(token)).sort(byCount);
  const kept = words.slice(0, Math.max(0, maxVocabulary - 1 - sorted.length - Object.keys(end).length));
  return { kind, vocabulary: [unknown, ...[...sorted, ...kept].sort(byCount)], ...end };
}
type TrainTokenizerOptions = {
  maxVocabulary?: number | undefined;
  /** Called where a text has more than 2^20 different words or pieces, with how many were not counted. */
  onUncounted?: ((count: number) => void) | undefined;
};

/** How many tokens there are, the one that ends a text included. */
export function vocabularySize(tokenizer: Tokenizer): number {
  checkArguments("vocabularySize", { tokenizer }, tokenizeArguments.tokenizer);
  if (tokenizer.kind === "bpe") return bytePairVocabularySize(tokenizer);
  return tokenizer.vocabulary.length + Number(tokenizer.endOfText === true);
}

/** The token that ends a text, where the tokenizer has one. */
export const endOfText = (tokenizer: Tokenizer): number | undefined =>
  tokenizer.endOfText === true ? vocabularySize(tokenizer) - 1 : undefined;

/** Whether id 0 stands for characters that the vocabulary does not have. Byte pairs spell every character. */
export const hasUnknown = ({ kind }: Tokenizer): boolean => kind !== "bpe";

/**
 * The ids of a text's tokens. A character that the vocabulary does not have is id 0: see `countUnknown`. Of separate texts
 * each one's are followed by the token that ends it.
 * @throws InputError for separate texts where the tokenizer has no such token
 */
export function encode(tokenizer: Tokenizer, text: Texts): Int32Array<ArrayBuffer> {
  checkArguments("encode", { tokenizer, text }, tokenizeArguments.encode);
  if (typeof text === "string") return encodeText(tokenizer, text);
  const end = endOfText(tokenizer);
  if (end === undefined) {
    throw new InputError(
      "the model has no token that ends a text, for it was made of one. Give it one text, or make it of separate ones.",
    );
  }
  const each =
    tokenizer.kind === "bpe" ? createBytePairEncoder(tokenizer) : (one: string) => encodeText(tokenizer, one);
  const parts = text.map(each);
  const all = new Int32Array(parts.reduce((total, { length }) => total + length + 1, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
    all[at++] = end;
  }
  return all;
}

function encodeText(tokenizer: Tokenizer, text: string): Int32Array<ArrayBuffer> {
  if (tokenizer.kind === "bpe") return encodeBytePairs(tokenizer, text);
  const ids = indexOf(tokenizer.vocabulary);
  const out = new Int32Array(text.length); // No token is shorter than one UTF-16 unit.
  let length = 0;
  const spell = (part: string) => {
    for (const character of part) out[length++] = ids.get(character) ?? 0;
  };
  if (tokenizer.kind === "char") spell(text);
  else {
    const anyUnspaced = hasUnspaced(text);
    eachWord(text, (token) => {
      const id = ids.get(token);
      if (anyUnspaced && hasUnspaced(token)) for (const part of splitByVocabulary(token, ids)) out[length++] = part;
      else if (id === undefined) spell(token);
      else out[length++] = id;
    });
  }
  return out.slice(0, length);
}

/** The tokens of a text in parts, run by run: all of them are what `encode` gives for the whole text. */
export function* encodeParts(tokenizer: Tokenizer, text: TextParts): Generator<Int32Array> {
  const parts = tokenizer.kind === "char" ? partsOf(text) : cutAtBlanks(text);
  for (const part of parts) yield encode(tokenizer, part);
}

/** How many characters of an encoded text the vocabulary did not have, where the tokenizer `hasUnknown`. */
export function countUnknown(ids: Tokens): number {
  let count = 0;
  for (const run of runsOf(ids)) for (const id of run) if (id === 0) count++;
  return count;
}

/** The text of some ids, that of the end of a text being none. Throws for an id that is no token's. */
export function decode(tokenizer: Tokenizer, ids: Iterable<number>): string {
  checkArguments("decode", { tokenizer, ids }, tokenizeArguments.decode);
  if (tokenizer.kind === "bpe") return decodeBytePairs(tokenizer, ids);
  let text = "";
  for (const id of ids) text += textOfToken(tokenizer, id);
  return text;
}

/**
 * What a token adds to a text that is being made. A byte pair may end within a character: then the bytes of that one are
 * left over, for the next token.
 */
export function decodeNext(tokenizer: Tokenizer, id: number, before: Uint8Array = nothing): DecodedToken {
  if (tokenizer.kind === "bpe") return decodeNextBytePair(tokenizer, id, before);
  return { text: decodeToken(tokenizer, id), rest: nothing };
}
/** What a token adds to a text, and the bytes that wait for the next token. */
export type DecodedToken = { readonly text: string; readonly rest: Uint8Array };
const nothing = new Uint8Array();

/** The text of bytes that were left over when the last token was decoded: U+FFFD, or none. */
export const decodeRest = (rest: Uint8Array): string => new TextDecoder().decode(rest);

/** The text of one id. Throws for an id that is no token's. */
export function decodeToken(tokenizer: Tokenizer, id: number): string {
  checkArguments("decodeToken", { tokenizer }, tokenizeArguments.tokenizer);
  return tokenizer.kind === "bpe" ? decodeBytePairs(tokenizer, [id]) : textOfToken(tokenizer, id);
}
function textOfToken(tokenizer: VocabularyTokenizer, id: number): string {
  const own = typeof id === "number" ? tokenizer.vocabulary[id] : undefined;
  const token = id !== undefined && id === endOfText(tokenizer) ? "" : own;
  if (token !== undefined) return token;
  throw new InputError(`token ${formatValue(id)}: ids go from 0 to ${vocabularySize(tokenizer) - 1}`);
}

/**
 * What a token is called where it stands alone, in log-probabilities and lists, as OpenAI calls them: its text; part of a
 * character `bytes:\xe2\x82`; the end of a text `<|endoftext|>`. Two tokens may have the same name.
 */
export function tokenName(tokenizer: Tokenizer, id: number): string {
  if (id === endOfText(tokenizer)) return "<|endoftext|>";
  return tokenizer.kind === "bpe" ? nameOfBytes(tokenBytes(tokenizer, id)) : decodeToken(tokenizer, id);
}

/** A tokenizer out of a file, checked: the same data, without fields that do not belong. Throws an InputError. */
export function checkTokenizer(value: unknown): Tokenizer {
  const fail = (problem: string): never => {
    throw new InputError(`tokenizer: ${problem}. The model's file is damaged: train or copy it anew.`);
  };
  if (typeof value !== "object" || value === null) return fail(`needs an object, got ${formatValue(value)}`);
  const { kind, vocabulary, endOfText } = value as { kind?: unknown; vocabulary?: unknown; endOfText?: unknown };
  if (kind === "bpe") return checkBytePairEncoding(value);
  if (kind !== "char" && kind !== "word") return fail(`"kind" needs "char", "word" or "bpe", got ${formatValue(kind)}`);
  if (!Array.isArray(vocabulary)) return fail(`"vocabulary" needs a list, got ${formatValue(vocabulary)}`);
  if (endOfText !== undefined && endOfText !== true) fail(`"endOfText" needs true, got ${formatValue(endOfText)}`);
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
  return { kind, vocabulary: [...vocabulary], ...(endOfText === true && { endOfText }) };
}

/** As `eachWord`, with the words of scripts without blanks. */
function eachTrainedWord(text: string, visit: (token: string) => void): void {
  eachWord(text, (token) => {
    if (hasUnspaced(token)) splitWithDictionary(token).forEach(visit);
    else visit(token);
  });
}

/** Call `visit` for every word token of a text, in order. Together they are the text. */
function eachWord(text: string, visit: (token: string) => void): void {
  const pattern = new RegExp(wordToken, "uy");
  for (let start = 0; pattern.test(text); start = pattern.lastIndex) visit(text.slice(start, pattern.lastIndex));
}

// The look-up table of a vocabulary is made at its first use and goes with it.
const indexes = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

function indexOf(vocabulary: readonly string[]): ReadonlyMap<string, number> {
  let index = indexes.get(vocabulary);
  if (index === undefined) {
    index = new Map(vocabulary.map((token, id) => [token, id]));
    indexes.set(vocabulary, index);
  }
  return index;
}

/** Number of UTF-16 units of the first code point: 1, or 2 for a surrogate pair. A lone surrogate is a code point. */
const codePointLength = (text: string) => ((text.codePointAt(0) as number) > 0xffff ? 2 : 1);
