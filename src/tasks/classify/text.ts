/** Texts as tokens for a classifier: words in lower case, characters or byte pairs, of a vocabulary that training texts gave. */
import { InputError } from "../../graph/input-error.ts";
import { isPlain } from "../../graph/schema.ts";
import type { Random } from "../../nn/random.ts";
import {
  checkTokenizer,
  decodeToken,
  encode,
  type Tokenizer,
  trainTokenizer,
  vocabularySize,
} from "../../text/tokenizer.ts";

/** What is a token of a text. */
export type TextTokens = "words" | "characters" | "byte-pairs";
export const textTokens = ["words", "characters", "byte-pairs"] as const;
/** A text classifier's vocabulary: words by falling frequency, or a tokenizer of characters or byte pairs. */
export type TextVocabulary = { readonly kind: "words"; readonly words: readonly string[] } | Tokenizer;

/** Token 0 is padding, token 1 what the training did not have. */
const unknown = 1;
const first = 2;
/** Words, with apostrophes and hyphens within them, and other signs, each for itself. */
const word = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}]/gu;
const wordsOf = (text: string): string[] => text.toLowerCase().match(word) ?? [];

/** The vocabulary of texts. @param minCount how often a word comes that has a token of its own */
export function vocabularyFor(
  texts: readonly string[],
  tokens: TextTokens,
  { minCount, maxVocabulary }: { readonly minCount: number; readonly maxVocabulary: number },
): TextVocabulary {
  if (tokens !== "words") {
    const kind = tokens === "characters" ? "char" : "bpe";
    return trainTokenizer(
      kind,
      texts.join("\n"),
      kind === "bpe" ? { maxVocabulary: Math.max(256, maxVocabulary) } : {},
    );
  }
  const counts = new Map<string, number>();
  for (const one of texts.flatMap(wordsOf)) counts.set(one, (counts.get(one) ?? 0) + 1);
  const frequent = [...counts].filter(([, count]) => count >= minCount).sort(([, a], [, b]) => b - a);
  return { kind: "words", words: frequent.slice(0, maxVocabulary).map(([one]) => one) };
}

/** The number of different tokens. */
export const countOfTokens = (vocabulary: TextVocabulary): number =>
  first + (vocabulary.kind === "words" ? vocabulary.words.length : vocabularySize(vocabulary));

/** The tokens of a text: their numbers, and what stands for each. */
export type ReadText = { readonly ids: Int32Array; readonly tokens: readonly string[] };

const known = new WeakMap<TextVocabulary, ReadonlyMap<string, number>>();
/** The tokens of a text. @throws InputError, with its name, for one without any */
export function readText(vocabulary: TextVocabulary, text: string, name: string): ReadText {
  if (vocabulary.kind !== "words") {
    const own = encode(vocabulary, text);
    if (own.length === 0) throw new InputError(`${name}: is an empty text. Leave it out.`);
    return {
      ids: own.map((id) => first + id),
      tokens: Array.from(own, (id) => decodeToken(vocabulary, id)),
    };
  }
  const ids = known.get(vocabulary) ?? new Map(vocabulary.words.map((one, k) => [one, first + k]));
  known.set(vocabulary, ids);
  const tokens = wordsOf(text);
  if (tokens.length === 0) throw new InputError(`${name}: is a text without words. Leave it out.`);
  return { ids: Int32Array.from(tokens, (one) => ids.get(one) ?? unknown), tokens };
}

/** A copy in which a share of the tokens is read as unknown. */
export const forgetful = (ids: Int32Array, share: number, random: Random): Int32Array =>
  share === 0 ? ids : ids.map((id) => (random.uniform() < share ? unknown : id));

/** Check the vocabulary of a file. @throws InputError for what is none */
export function checkVocabulary(given: unknown): TextVocabulary {
  if (!isPlain(given) || given.kind !== "words") return checkTokenizer(given);
  const { words } = given;
  if (Array.isArray(words) && words.every((one) => typeof one === "string") && new Set(words).size === words.length) {
    return { kind: "words", words };
  }
  throw new InputError("its words are not a list of different texts");
}
