/**
 * Words between blanks, as models of other programs read texts: Keras's `Tokenizer` and `TextVectorization`, and the many that cut
 * lines at white space. Unlike our own tokenizers it loses what stands between words.
 */
import { InputError } from "../graph/input-error.ts";
import { formatValue } from "../graph/schema.ts";
import { partsOf, type TextParts } from "./parts.ts";
import { indexOf } from "./token-index.ts";
import { defaultFilters, textToWordSequence } from "./word-sequence.ts";

/** A vocabulary of words that stand between blanks. The id of a word is its index in the vocabulary. */
export type WhitespaceTokenizer = {
  readonly kind: "whitespace";
  /** Id 0 is no word, and is written U+FFFD: models that read the last words alone have it before the first. */
  readonly vocabulary: readonly string[];
  /** Whether a line's end, "\n", is a word of the vocabulary wherever it stands. No blank is written before it. */
  readonly lineEnds?: true;
  /** Whether texts are read in lower case: all letters, or A to Z alone. */
  readonly lower?: "all" | "ascii";
  /** Characters that are read as blanks. */
  readonly filters: string;
  /** Characters that are left out, so that what stands on both sides is one word. */
  readonly removed?: string;
  /** The id that words without one get. By default they are left out, as Keras does without an `oov_token`. */
  readonly unknown?: number;
  /** Whether there is one more token, after the vocabulary, which marks the end of a text. */
  readonly endOfText?: true;
};

/** All that Python's `str.split` cuts at, but blanks. */
const otherBlanks =
  "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";
const lineEnd = "\n";

/** How texts become the words of a vocabulary. */
export type WordRules = Pick<WhitespaceTokenizer, "lineEnds" | "lower" | "filters" | "removed">;

/**
 * The rules that a vocabulary alone tells of: words without capitals are of texts in lower case; punctuation that is in no word is no
 * part of any. `TextVectorization`, whose first tokens are "" and "[UNK]", leaves it out, all others read it as blanks.
 * @param words all of the vocabulary, in order, without names of what is no word
 */
export function rulesOf(tokens: readonly (string | null)[], words: readonly string[]): WordRules {
  const used = new Set(words.join(""));
  const lineEnds = words.includes(lineEnd) && ({ lineEnds: true } as const);
  const blanks = [...otherBlanks].filter((one) => !used.has(one));
  if (tokens[0] === "" && tokens[1] === "[UNK]") {
    const lower = !/[A-Z]/.test(words.join("")) && ({ lower: "ascii" } as const);
    const removed = [...`${defaultFilters.trim()}'`].filter((one) => !used.has(one)).join("");
    return { ...lineEnds, ...lower, filters: blanks.join(""), removed };
  }
  const lower = words.every((word) => word.toLowerCase() === word) && ({ lower: "all" } as const);
  const punctuation = [...defaultFilters.trim()].filter((one) => !used.has(one));
  return { ...lineEnds, ...lower, filters: [...punctuation, ...blanks].join("") };
}

/** Those of a tokenizer. */
export const rulesIn = ({ lineEnds, lower, filters, removed }: WhitespaceTokenizer): WordRules => ({
  ...{ filters },
  ...(lineEnds !== undefined && { lineEnds }),
  ...(lower !== undefined && { lower }),
  ...(removed !== undefined && { removed }),
});

/** The words of a text, in order. */
function wordsOf({ lineEnds, lower, filters, removed = "" }: WhitespaceTokenizer, text: string): string[] {
  const left = new Set(removed);
  let kept = left.size === 0 ? text : Array.from(text, (one) => (left.has(one) ? "" : one)).join("");
  if (lineEnds) kept = kept.replaceAll(lineEnd, ` ${lineEnd} `);
  if (lower === "ascii") kept = kept.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return textToWordSequence(kept, { filters, lower: lower === "all", split: " " });
}

/** The words of a text that have no id, each once. */
export function unknownWords(tokenizer: WhitespaceTokenizer, text: string): string[] {
  const ids = indexOf(tokenizer.vocabulary);
  return [...new Set(wordsOf(tokenizer, text).filter((word) => !ids.has(word)))];
}

/** The ids of a text's words, a run for each of its parts; of separate texts, each followed by the end of a text. */
export function* encodeWords(
  tokenizer: WhitespaceTokenizer,
  text: string | readonly string[] | TextParts,
  end: number | undefined,
): Generator<Int32Array<ArrayBuffer>> {
  const index = indexOf(tokenizer.vocabulary);
  const idsOf = (whole: string): number[] =>
    wordsOf(tokenizer, whole).flatMap((word) => index.get(word) ?? tokenizer.unknown ?? []);
  const separate = Array.isArray(text);
  const cuts = tokenizer.lineEnds || tokenizer.filters.includes(lineEnd) ? [" ", lineEnd] : [" "];
  // What follows the last blank of a part may go on in the next.
  let open: string[] = [];
  for (const part of partsOf(text)) {
    if (separate) {
      yield Int32Array.from([...idsOf(part), end as number]);
      continue;
    }
    const cut = Math.max(...cuts.map((one) => part.lastIndexOf(one))) + 1;
    if (cut > 0) {
      yield Int32Array.from(idsOf(open.join("") + part.slice(0, cut)));
      open = [];
    }
    open.push(part.slice(cut));
  }
  if (!separate) yield Int32Array.from(idsOf(open.join("")));
}

/**
 * The part of a text that each of its tokens stands for; the parts, joined, are the text. What is between two words, and words without an
 * id, belong to the word after them; what follows the last, to it.
 * @param characters those of the text
 * @param readAs what a character is read as
 */
export function sharesOfWords(
  tokenizer: WhitespaceTokenizer,
  characters: Iterable<string>,
  readAs: (character: string) => string = (character) => character,
): readonly string[] {
  const { lineEnds, lower, filters, removed = "", unknown, vocabulary } = tokenizer;
  const [index, blanks, left] = [indexOf(vocabulary), new Set(` ${filters}`), new Set(removed)];
  const shares: string[] = [];
  let [share, word] = ["", ""];
  const end = (): void => {
    const kept = lower === "all" ? word.toLowerCase() : word;
    if (word !== "" && (unknown !== undefined || index.has(kept))) {
      shares.push(share);
      share = "";
    }
    word = "";
  };
  for (const sent of characters) {
    const character = readAs(sent);
    const isBlank = lower === "all" ? blanks.has(character.toLowerCase()) : blanks.has(character);
    if (isBlank || (lineEnds && character === lineEnd)) end();
    share += sent;
    if (lineEnds && character === lineEnd) {
      word = lineEnd;
      end();
    } else if (!isBlank && !left.has(character)) {
      word += lower === "ascii" && character < "\x80" ? character.toLowerCase() : character;
    }
  }
  end();
  if (shares.length > 0) shares[shares.length - 1] += share;
  return shares;
}

/** What a word adds to a text: it and the blank before it. */
export const textOfWord = ({ lineEnds }: WhitespaceTokenizer, word: string): string =>
  lineEnds && word === lineEnd ? word : ` ${word}`;
/** What a word adds to a text that is empty, or ends in a blank. */
export const withoutBlank = (text: string): string => text.replace(/^ /, "");
/** Whether a text is followed by words that bring a blank before them, and needs none. */
export const needsNoBlank = ({ kind }: { readonly kind: string }, text: string): boolean =>
  kind === "whitespace" && /(?:^|\s)$/.test(text);

/** What becomes of words that have no id. */
export const readsUnknown = ({ unknown, vocabulary }: WhitespaceTokenizer): string =>
  unknown === undefined ? "leaves them out" : `reads each as ${vocabulary[unknown]}`;

/** Check such a tokenizer that was read from a file. @param fail throws, told of the problem */
export function checkWhitespaceTokenizer(value: object, fail: (problem: string) => never): WhitespaceTokenizer {
  const { vocabulary, lineEnds, lower, filters, removed, unknown, endOfText } = value as Record<string, unknown>;
  if (!Array.isArray(vocabulary)) return fail(`"vocabulary" needs a list, got ${formatValue(vocabulary)}`);
  const known = new Set<unknown>();
  for (const [id, word] of vocabulary.entries()) {
    if (typeof word !== "string" || word === "") fail(`token ${id} needs text, got ${formatValue(word)}`);
    if (known.has(word)) fail(`token ${id} repeats ${formatValue(word)}`);
    known.add(word);
  }
  if (vocabulary[0] !== "\uFFFD") fail(`token 0 needs to be U+FFFD, got ${formatValue(vocabulary[0])}`);
  if (lineEnds !== undefined && lineEnds !== true) fail(`"lineEnds" needs true, got ${formatValue(lineEnds)}`);
  if (lower !== undefined && lower !== "all" && lower !== "ascii") {
    fail(`"lower" needs "all" or "ascii", got ${formatValue(lower)}`);
  }
  if (endOfText !== undefined && endOfText !== true) fail(`"endOfText" needs true, got ${formatValue(endOfText)}`);
  if (typeof filters !== "string") return fail(`"filters" needs text, got ${formatValue(filters)}`);
  if (removed !== undefined && typeof removed !== "string") fail(`"removed" needs text, got ${formatValue(removed)}`);
  const size = vocabulary.length;
  if (unknown !== undefined && !(Number.isInteger(unknown) && (unknown as number) > 0 && (unknown as number) < size)) {
    fail(`"unknown" needs an id from 1 to ${size - 1}, got ${formatValue(unknown)}`);
  }
  return {
    ...{ kind: "whitespace", vocabulary: [...vocabulary], filters },
    ...(lineEnds === true && { lineEnds }),
    ...(lower !== undefined && { lower: lower as "all" | "ascii" }),
    ...(removed !== undefined && { removed: removed as string }),
    ...(unknown !== undefined && { unknown: unknown as number }),
    ...(endOfText === true && { endOfText }),
  };
}

/**
 * The tokenizer of words that have the ids from 1 on.
 * @param words the word of each id; null at 0, and for none
 * @throws InputError for what cannot stand between blanks
 */
export function whitespaceTokenizer(
  words: readonly string[],
  rules: WordRules,
  more: Pick<WhitespaceTokenizer, "unknown" | "endOfText"> = {},
): WhitespaceTokenizer {
  const odd = words.find((word) => word.includes(" "));
  if (odd !== undefined) {
    throw new InputError(
      `${formatValue(odd)} has a blank in it, so it is no word of a text that is cut at blanks. Give a model of characters or words.`,
    );
  }
  return { kind: "whitespace", vocabulary: ["\uFFFD", ...words], ...rules, ...more };
}
