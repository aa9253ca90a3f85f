/**
 * What the numbers of another program's model stand for, as a tokenizer of ours: which are characters or words, and which stand for no text.
 */

import { InputError } from "../graph/input-error.ts";
import { either, formatValue, listOf, type Rule, string } from "../graph/schema.ts";
import { aTokenizer, type Tokenizer, type VocabularyTokenizer, vocabularySize } from "../text/tokenizer.ts";
import { rulesIn, rulesOf, whitespaceTokenizer } from "../text/whitespace.ts";
import type { Vocabulary } from "./vocabulary.ts";

export const vocabularyRule: Rule = {
  ...either(listOf({ ...string, accepts: (value) => value === null || string.accepts(value) }, 2), aTokenizer),
  expected: "a list of at least 2 tokens, null for a number without one; or a tokenizer",
};

const unknownNames = ["\uFFFD", "[unk]", "<unk>", "unk", "<oov>", "oov", "<unknown>"];
const paddingNames = ["", "<pad>", "[pad]", "<blank>", "<padding>"];
const endNames = ["</s>", "<eos>", "[eos]", "<|endoftext|>", "<end>", "<e>", "[end]", "[sep]", "eos", "endseq"];
const startNames = ["<s>", "<sos>", "[sos]", "<bos>", "[bos]", "<start>", "[start]", "<go>", "sos", "startseq"];

/** A tokenizer, and for each of its tokens the number that a model has for it; undefined for one that it has none for. */
export type ForeignTokens = { readonly tokenizer: Tokenizer; readonly rows: readonly (number | undefined)[] };
/** The numbers of tokens that are told apart by their names. */
type Special = Readonly<Record<"pad" | "unknown" | "start" | "end", number | undefined>>;

/** Where names that are in use for what is no text stand in a vocabulary. */
export function specialOf(vocabulary: readonly (string | null)[]): Special {
  const found = (names: readonly string[]): number | undefined => {
    const id = vocabulary.findIndex((token) => token !== null && names.includes(token.toLowerCase()));
    return id < 0 ? undefined : id;
  };
  // Number 0 without a token is Keras's padding.
  const pad = found(paddingNames) ?? (vocabulary[0] === null ? 0 : undefined);
  return { pad, unknown: found(unknownNames), start: found(startNames), end: found(endNames) };
}

/**
 * The tokenizer of a vocabulary.
 * @param special the tokens that stand for no text: `pad` and `unknown` are read where a token is unknown or missing, `start` is left
 *   out, `end` is the end of a text. By default those with names that are in use
 * @param padded whether the padding is read in place of unknown tokens
 * @throws InputError for parts of words
 */
export function tokenizerOf(
  vocabulary: Vocabulary,
  where: string,
  { padded = false, special }: { readonly padded?: boolean; readonly special?: Special } = {},
): ForeignTokens {
  if ("kind" in vocabulary && (special === undefined || vocabulary.kind !== "whitespace")) {
    return { tokenizer: vocabulary, rows: [...Array(vocabularySize(vocabulary)).keys()] };
  }
  const list = tokensIn(vocabulary);
  const { pad, unknown, start, end } = special ?? specialOf(list);
  const others = new Set([pad, unknown, start, end]);
  const characters = list.flatMap((token, id) => (token === null || others.has(id) ? [] : [{ token, id }]));
  if (characters.some(({ token }) => [...token].length !== 1)) {
    return wordsOf(vocabulary, where, { pad, unknown, start: special?.start, end: end ?? start });
  }
  // A text that begins after the end of another begins with the same token in models that have one alone.
  const ends = end ?? start;
  const tokenizer: VocabularyTokenizer = {
    kind: "char",
    vocabulary: ["\uFFFD", ...characters.map(({ token }) => token)],
    ...(ends !== undefined && { endOfText: true }),
    // A list of ours begins with our unknown character, and texts are read as they are.
    ...(list[0] !== "\uFFFD" && isLower(characters.map(({ token }) => token).join("")) && { lower: true }),
  };
  const first = padded ? (pad ?? unknown) : (unknown ?? pad);
  return { tokenizer, rows: [first, ...characters.map(({ id }) => id), ...(ends === undefined ? [] : [ends])] };
}

/** How tokens that are parts of words are marked: of byte pairs, WordPiece, SentencePiece. */
const partOfWord = /^(?:[\u0120\u2581].|##.)|.(?:<\/w>|@@)$/s;

/** The same of words. The unknown word is a word here, which is read and may be written; a line's end is `<eos>`, as in the Penn Treebank. */
function wordsOf(given: Vocabulary, where: string, { pad, unknown, start, end }: Special): ForeignTokens {
  const vocabulary = tokensIn(given);
  const endsLine =
    start === undefined && end !== undefined && vocabulary[end] === "<eos>" && !vocabulary.includes("\n");
  const others = new Set([pad, start, endsLine ? undefined : end]);
  const words = vocabulary.flatMap((token, id) =>
    token === null || token === "" || token === "\uFFFD" || others.has(id)
      ? []
      : [{ word: endsLine && id === end ? "\n" : token, id }],
  );
  const part = words.find(({ word }) => partOfWord.test(word));
  if (part !== undefined) {
    throw new InputError(
      `${where}: vocabulary: token ${part.id} is ${formatValue(part.word)}, a part of a word, and nothing says how words are cut. Give a model of characters or words.`,
    );
  }
  const names = new Set([paddingNames, unknownNames, endNames, startNames].flat());
  const own = words.filter(({ word }) => !names.has(word.toLowerCase())).map(({ word }) => word);
  const at = words.findIndex(({ id }) => id === unknown) + 1;
  const more = {
    ...(at > 0 && { unknown: at }),
    ...(end !== undefined && !endsLine && ({ endOfText: true } as const)),
  };
  try {
    const all = words.map(({ word }) => word);
    const rules = "kind" in given && given.kind === "whitespace" ? rulesIn(given) : rulesOf(vocabulary, own);
    const tokenizer = whitespaceTokenizer(all, rules, more);
    return { tokenizer, rows: [pad, ...words.map(({ id }) => id), ...(more.endOfText === true ? [end] : [])] };
  } catch (error) {
    if (error instanceof InputError) error.message = `${where}: vocabulary: ${error.message}`;
    throw error;
  }
}

/** Whether there are letters, and all that have a case are small ones. */
const isLower = (text: string): boolean => text.toLowerCase() === text && text.toUpperCase() !== text;

/** The tokens of a vocabulary, by number. */
export const tokensIn = (vocabulary: Vocabulary): readonly (string | null)[] => {
  if (!("kind" in vocabulary)) return vocabulary;
  if (vocabulary.kind === "bpe") return [];
  return [null, ...vocabulary.vocabulary.slice(1), ...(vocabulary.endOfText === true ? ["</s>"] : [])];
};
